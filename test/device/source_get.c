/* SPDX-License-Identifier: Apache-2.0
 *
 * source_get.c - fetch by a source of selvage-device, for tests.
 *
 *   source_get [--slow S] [--bytes N] URI PATH OUT OFFSET LEN [OFFSET LEN]...
 *
 * The fetches are made one after the other from one source; what comes is
 * appended to OUT. A LEN with '!' at its end is cancelled when half of it is
 * there, and what came of it stays. After each fetch prints "done COUNT of
 * TOTAL" or "failed ERROR CODE: WORDS"; exit 1 when one failed. --slow: how
 * many seconds may be slower than --bytes a second. */
#include <stdio.h>
#include <stdlib.h>

#include "posix/source.h"

static struct selv_source *source;
static FILE *out;

static void wait_for(uint64_t until_ms)
{
    struct pollfd fds[SELV_SOURCE_FDS_MAX];
    size_t count = selv_source_fds(source, fds, SELV_SOURCE_FDS_MAX);
    uint64_t now_ms = selv_posix_now_ms();
    int left_ms = until_ms > now_ms ? (int)(until_ms - now_ms) : 0;

    (void)poll(fds, (nfds_t)count, left_ms);
}

static bool fetch(const char *path, uint32_t offset, const char *length)
{
    struct selv_source_event event;
    char *end;
    uint32_t len = (uint32_t)strtoul(length, &end, 10);
    uint32_t most = *end == '!' ? len / 2 : UINT32_MAX;
    uint32_t count = 0;

    selv_source_start(source, path, offset, len);
    for (;;) {
        switch (selv_source_poll(source, &event)) {
        case SELV_SOURCE_WAIT:
            wait_for(event.until_ms);
            break;
        case SELV_SOURCE_BYTES:
            if (event.offset != offset + count) {
                printf("failed: bytes of %u, not of %u\n", event.offset,
                       offset + count);
                return false;
            }
            fwrite(event.bytes.p, 1, event.bytes.len, out);
            count += (uint32_t)event.bytes.len;
            if (count >= most) {
                selv_source_cancel(source);
                printf("cancelled at %u\n", offset + count);
                return true;
            }
            break;
        case SELV_SOURCE_DONE:
            printf("done %u of %lld\n", count, (long long)event.total);
            return true;
        case SELV_SOURCE_FAILED:
            printf("failed %s %u.%02u: %s\n", selv_err_name(event.err),
                   event.code >> 5, event.code & 31u, source->why.text);
            return false;
        }
    }
}

int main(int argc, char **argv)
{
    struct selv_posix_why why;
    struct selv_source_limits limits = selv_source_limits_default;
    bool is_good = true;

    for (; argc > 2 && argv[1][0] == '-'; argc -= 2, argv += 2) {
        uint32_t value = (uint32_t)strtoul(argv[2], NULL, 10);
        if (strcmp(argv[1], "--slow") == 0) {
            limits.slow_s = value;
        } else {
            limits.slow_bytes = value;
        }
    }
    if (argc < 6 || argc % 2 != 0) {
        fprintf(stderr, "usage: source_get URI PATH OUT OFFSET LEN...\n");
        return 2;
    }
    source = selv_source_open(argv[1], &why);
    if (source == NULL) {
        printf("refused: %s\n", why.text);
        return 2;
    }
    source->limits = limits;
    out = fopen(argv[3], "wb");
    if (out == NULL) {
        perror(argv[3]);
        return 3;
    }
    for (int i = 4; i + 1 < argc; i += 2) {
        is_good =
            fetch(argv[2], (uint32_t)strtoul(argv[i], NULL, 10), argv[i + 1]) &&
            is_good;
    }
    selv_source_close(source);
    return fclose(out) == 0 && is_good ? 0 : 1;
}
