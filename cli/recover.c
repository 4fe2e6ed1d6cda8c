/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage recover: bring a device back in which nothing boots. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/recover_line.h"
#include "crypto/crypto.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest.h"

/* Sessions without any progress before it is given up. */
enum { SESSIONS_MAX = 8, BAUD_DEFAULT = 115200, WAIT_DEFAULT_S = 15 };

struct image {
    const char *path;
    struct selv_buf bytes;
    uint8_t digest[32];
};

/* What the device says of itself. */
struct about {
    uint16_t block; /* bytes of payload in a frame */
    uint16_t envelope_max;
    uint8_t vendor[16], class_id[16];
    enum selv_err why, closed;
    uint64_t minimum;
};

struct job {
    const struct selv_cli *cli;
    struct selv_recover_line line;
    struct selv_buf envelope;
    struct image images[SELV_CLI_LIST_MAX + 1];
    size_t image_count;
    struct about about;
    const struct image *image; /* that the device asks for */
    uint32_t best;             /* bytes that it had, at most */
    uint32_t kept;             /* bytes that were there at the beginning */
    uint32_t sent;             /* bytes, all sessions together */
    unsigned sessions;         /* without progress */
    uint8_t slot;
    bool has_progress;
    int percent;
    uint8_t type; /* the last answer */
    struct selv_bytes answer;
    struct selv_error *error;
};

enum step { STEP_OK, STEP_AGAIN, STEP_FAILED };

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

/* ---- what went wrong ------------------------------------------------------
 */

static enum step fail_step(struct job *j, enum selv_exit exit, const char *text)
{
    selv_error_set(j->error, exit, "%s", text);
    return STEP_FAILED;
}

static enum selv_exit exit_of(enum selv_err err)
{
    switch (err) {
    case SELV_ERR_CRYPTO_VERIFY:
    case SELV_ERR_COSE_NO_KEY:
    case SELV_ERR_SUIT_DIGEST:
    case SELV_ERR_SUIT_NOT_SIGNED:
        return SELV_EXIT_SIGNATURE;
    default:
        return SELV_EXIT_REFUSED;
    }
}

static const char *advice(enum selv_err err)
{
    switch (err) {
    case SELV_ERR_COSE_NO_KEY:
        return "; the device has another anchor than the author's key";
    case SELV_ERR_SUIT_SEQUENCE:
        return "; take a newer release";
    case SELV_ERR_RECOVER_SLOT:
        return "; restart the device";
    case SELV_ERR_RECOVER_FLOOR:
        return "; provision it anew";
    default:
        return "";
    }
}

static enum step refuse(struct job *j, enum selv_err err)
{
    char vendor[33], class_id[33], more[160] = "";

    selv_hex_encode(selv_bytes(j->about.vendor, 16), vendor);
    selv_hex_encode(selv_bytes(j->about.class_id, 16), class_id);
    if (err == SELV_ERR_SUIT_VENDOR || err == SELV_ERR_SUIT_CLASS) {
        snprintf(more, sizeof more,
                 "; the device's vendor id is %s, its class id %s", vendor,
                 class_id);
    } else if (err == SELV_ERR_SUIT_SEQUENCE) {
        snprintf(more, sizeof more, " (%llu)",
                 (unsigned long long)j->about.minimum);
    }
    selv_error_set(j->error, exit_of(err), "the device refuses: %s (%d)%s%s",
                   selv_err_str(err), (int)err, more, advice(err));
    return STEP_FAILED;
}

/* What a device says that was reset in the middle, or whose flash had a bad
 * moment, is worth another session; the rest is final. */
static enum step take_refusal(struct job *j)
{
    enum selv_err err = j->answer.len >= 2 ? (enum selv_err)get16(j->answer.p)
                                           : SELV_ERR_RECOVER_FRAME;

    switch (err) {
    case SELV_ERR_RECOVER_ORDER:
    case SELV_ERR_FLASH_IO:
    case SELV_ERR_SUIT_IMAGE:
    case SELV_ERR_UPDATE_SIZE:
        if (j->sessions < SESSIONS_MAX) {
            return STEP_AGAIN;
        }
        break;
    default:
        break;
    }
    return refuse(j, err);
}

static enum step nonsense(struct job *j)
{
    return fail_step(j, SELV_EXIT_REFUSED,
                     "the device answers nonsense; is it another version?");
}

static enum step ask(struct job *j, enum selv_recovery_type question,
                     const void *payload, size_t len,
                     enum selv_recovery_type expected, size_t expected_len)
{
    switch (selv_recover_ask(&j->line, question, payload, len, &j->type,
                             &j->answer, j->error)) {
    case SELV_RECOVER_SILENT:
        return STEP_AGAIN;
    case SELV_RECOVER_FAILED:
        return STEP_FAILED;
    case SELV_RECOVER_ANSWERED:
        break;
    }
    if (j->type == SELV_RECOVERY_REFUSED) {
        return take_refusal(j);
    }
    if (j->answer.len < expected_len ||
        (expected != 0 && j->type != (uint8_t)expected)) {
        return nonsense(j);
    }
    return STEP_OK;
}

/* ---- a session ------------------------------------------------------------
 */

static enum step say_hello(struct job *j)
{
    static const uint8_t version[] = {SELV_RECOVERY_VERSION};
    enum step step = ask(j, SELV_RECOVERY_HELLO, version, sizeof version,
                         SELV_RECOVERY_INFO, SELV_RECOVERY_INFO_SLOT);
    const uint8_t *p = j->answer.p;

    if (step != STEP_OK) {
        return step;
    }
    if (p[SELV_RECOVERY_INFO_VERSION] != SELV_RECOVERY_VERSION) {
        return fail_step(j, SELV_EXIT_REFUSED,
                         "the device speaks another version of the protocol");
    }
    j->about.block = (uint16_t)get16(p + SELV_RECOVERY_INFO_BLOCK);
    j->about.envelope_max = (uint16_t)get16(p + SELV_RECOVERY_INFO_ENVELOPE);
    memcpy(j->about.vendor, p + SELV_RECOVERY_INFO_VENDOR, 16);
    memcpy(j->about.class_id, p + SELV_RECOVERY_INFO_CLASS, 16);
    j->about.why = (enum selv_err)get16(p + SELV_RECOVERY_INFO_WHY);
    j->about.closed = (enum selv_err)get16(p + SELV_RECOVERY_INFO_CLOSED);
    j->about.minimum = (uint64_t)selv_get_be32(p + SELV_RECOVERY_INFO_MINIMUM)
                           << 32 |
                       selv_get_be32(p + SELV_RECOVERY_INFO_MINIMUM + 4);
    if (j->about.closed != SELV_OK) {
        return refuse(j, j->about.closed);
    }
    if (j->about.block <= SELV_RECOVERY_HAVE_LEN) {
        return fail_step(j, SELV_EXIT_REFUSED,
                         "the device takes no frames of a useful length");
    }
    return STEP_OK;
}

static enum step send_envelope(struct job *j)
{
    uint8_t piece[SELV_RECOVER_LINE_CAP];
    size_t room = j->about.block, off = 0;

    if (j->envelope.len > j->about.envelope_max) {
        selv_error_set(j->error, SELV_EXIT_REFUSED,
                       "the envelope has %zu bytes, the device takes %u",
                       j->envelope.len, j->about.envelope_max);
        return STEP_FAILED;
    }
    if (room > sizeof piece - 8) {
        room = sizeof piece - 8;
    }
    room -= SELV_RECOVERY_ENVELOPE_HEAD;
    while (off < j->envelope.len) {
        size_t n = j->envelope.len - off;
        bool is_last = n <= room;
        enum step step;

        n = is_last ? n : room;
        piece[0] = (uint8_t)(off >> 8);
        piece[1] = (uint8_t)off;
        piece[2] = (uint8_t)(j->envelope.len >> 8);
        piece[3] = (uint8_t)j->envelope.len;
        memcpy(piece + SELV_RECOVERY_ENVELOPE_HEAD, j->envelope.p + off, n);
        step = ask(j, SELV_RECOVERY_ENVELOPE, piece,
                   n + SELV_RECOVERY_ENVELOPE_HEAD,
                   is_last ? SELV_RECOVERY_IMAGE : SELV_RECOVERY_MORE,
                   is_last ? SELV_RECOVERY_IMAGE_LEN : 2);
        if (step != STEP_OK) {
            return step;
        }
        off += n;
    }
    return STEP_OK;
}

/* The image that the device asks for: no other would be any good. */
static enum step choose_image(struct job *j)
{
    const uint8_t *p = j->answer.p;
    uint32_t size, next;
    char digest[65];

    if (j->type != SELV_RECOVERY_IMAGE ||
        j->answer.len < SELV_RECOVERY_IMAGE_LEN) {
        return nonsense(j);
    }
    size = selv_get_be32(p + SELV_RECOVERY_IMAGE_SIZE);
    next = selv_get_be32(p + SELV_RECOVERY_IMAGE_NEXT);
    j->slot = p[SELV_RECOVERY_IMAGE_SLOT];
    j->image = NULL;
    for (size_t i = 0; i < j->image_count; i++) {
        const struct image *image = &j->images[i];
        if (image->bytes.len == size &&
            memcmp(image->digest, p + SELV_RECOVERY_IMAGE_DIGEST, 32) == 0) {
            j->image = image;
        }
    }
    if (j->image != NULL || next == size) {
        return STEP_OK;
    }
    selv_hex_encode(selv_bytes(p + SELV_RECOVERY_IMAGE_DIGEST, 32), digest);
    selv_error_set(j->error, SELV_EXIT_REFUSED,
                   "the device needs the image for slot %c (%lu bytes, "
                   "sha-256 %s), which is none of the files given",
                   'A' + j->slot, (unsigned long)size, digest);
    return STEP_FAILED;
}

static void show_progress(struct job *j, uint32_t next, uint32_t size)
{
    int percent = size > 0 ? (int)((uint64_t)next * 100 / size) : 100;

    if (!j->has_progress || percent == j->percent) {
        return;
    }
    j->percent = percent;
    fprintf(stderr, "\rsending %3d %%%s", percent, percent == 100 ? "\n" : "");
    fflush(stderr);
}

static void end_progress(struct job *j)
{
    if (j->has_progress && j->percent >= 0 && j->percent < 100) {
        fprintf(stderr, "\n");
    }
    j->percent = -1;
}

/* One question about the bytes at `next`: are they there (as far as the device
 * takes that question), or here they are. */
static enum step send_piece(struct job *j, uint32_t next, uint32_t sector,
                            bool *is_same)
{
    uint8_t piece[SELV_RECOVER_LINE_CAP];
    const struct selv_buf *image = &j->image->bytes;
    uint32_t left = (uint32_t)image->len - next;
    uint32_t room = j->about.block - SELV_RECOVERY_DATA_HEAD;
    bool is_asked = *is_same && sector > 0 && sector <= left;
    enum step step;

    room = room < sizeof piece - 8 ? room : (uint32_t)sizeof piece - 8;
    selv_put_be32(piece, next);
    if (is_asked) {
        struct selv_sha256 hash;

        selv_sha256_init(&hash);
        selv_sha256_update(&hash, image->p + next, sector);
        selv_sha256_finish(&hash, piece + 4);
        step = ask(j, SELV_RECOVERY_HAVE, piece, SELV_RECOVERY_HAVE_LEN,
                   SELV_RECOVERY_NEXT, SELV_RECOVERY_NEXT_LEN);
        if (step == STEP_OK) {
            *is_same = selv_get_be32(j->answer.p) > next;
            /* Later it may be what was sent. */
            j->kept += *is_same && j->sent == 0 ? sector : 0;
        }
        return step;
    }
    left = left < room ? left : room;
    memcpy(piece + 4, image->p + next, left);
    j->sent += left;
    return ask(j, SELV_RECOVERY_DATA, piece, left + SELV_RECOVERY_DATA_HEAD,
               SELV_RECOVERY_NEXT, SELV_RECOVERY_NEXT_LEN);
}

static enum step send_image(struct job *j)
{
    const uint8_t *p = j->answer.p + SELV_RECOVERY_IMAGE_NEXT;
    uint32_t next = selv_get_be32(p);
    uint32_t sector = selv_get_be32(p + 4);
    uint32_t size = selv_get_be32(j->answer.p + SELV_RECOVERY_IMAGE_SIZE);
    bool is_same = true;
    unsigned idle = 0;

    if (j->sent == 0) {
        j->kept = 0;
    }
    while (next < size) {
        enum step step = send_piece(j, next, sector, &is_same);
        uint32_t was = next;

        if (step != STEP_OK) {
            return step;
        }
        next = selv_get_be32(j->answer.p);
        sector = selv_get_be32(j->answer.p + 4);
        idle = next > was ? 0 : idle + 1;
        if (next > size || idle > 4) {
            return STEP_AGAIN;
        }
        if (next > j->best) {
            j->best = next;
            j->sessions = 0;
        }
        show_progress(j, next, size);
    }
    return STEP_OK;
}

static enum step run_session(struct job *j)
{
    enum step step = say_hello(j);

    if (step == STEP_OK) {
        step = send_envelope(j);
    }
    if (step == STEP_OK) {
        step = choose_image(j);
    }
    if (step == STEP_OK) {
        step = send_image(j);
    }
    if (step == STEP_OK) {
        step = ask(j, SELV_RECOVERY_DONE, NULL, 0, SELV_RECOVERY_ENDED, 0);
    }
    if (step != STEP_OK) {
        return step;
    }
    /* The slot is ready. A device that does not answer any more boots. */
    step = ask(j, SELV_RECOVERY_BOOT, NULL, 0, 0, 0);
    return step == STEP_FAILED && j->type == SELV_RECOVERY_REFUSED ? step
                                                                   : STEP_OK;
}

static bool run(struct job *j)
{
    enum step step = STEP_AGAIN;

    for (; step == STEP_AGAIN && j->sessions <= SESSIONS_MAX; j->sessions++) {
        j->percent = -1;
        step = run_session(j);
        end_progress(j);
    }
    if (step == STEP_AGAIN) {
        selv_error_set(j->error, SELV_EXIT_ENVIRONMENT,
                       "%.300s: gave up after %d sessions that came no "
                       "further; is the line good?",
                       j->line.port, SESSIONS_MAX);
    }
    return step == STEP_OK;
}

/* ---- the command ----------------------------------------------------------
 */

static bool read_files(struct job *j, const char *envelope,
                       const char *const *paths, size_t count)
{
    if (!selv_file_read(envelope, UINT16_MAX, &j->envelope, j->error)) {
        return false;
    }
    if (j->envelope.len == 0) {
        return selv_error_set(j->error, SELV_EXIT_REFUSED,
                              "%.300s is empty, and no envelope", envelope);
    }
    for (size_t i = 0; i < count; i++) {
        struct image *image = &j->images[i];
        struct selv_sha256 hash;

        if (!selv_file_read(paths[i], SELV_IMAGE_FILE_MAX, &image->bytes,
                            j->error)) {
            return false;
        }
        image->path = paths[i];
        j->image_count++;
        selv_sha256_init(&hash);
        selv_sha256_update(&hash, image->bytes.p, image->bytes.len);
        selv_sha256_finish(&hash, image->digest);
    }
    return true;
}

static void print_result(const struct job *j)
{
    const char slot[] = {(char)('A' + j->slot), '\0'};

    if (j->image == NULL || j->sent == 0) {
        selv_cli_say(j->cli, "nothing was missing; the device boots slot %s",
                     slot);
    } else {
        selv_cli_say(
            j->cli,
            "recovered: %s in slot %s, %lu bytes sent, %lu were "
            "there; before, nothing booted: %s%s",
            j->image->path, slot, (unsigned long)j->sent,
            (unsigned long)j->kept,
            j->about.why == SELV_ERR_STORE_DAMAGED ? "the boot journal: " : "",
            selv_err_str(j->about.why));
    }
    selv_cli_result(
        j->cli, json_pack("{s:s, s:s, s:s?, s:I, s:I, s:{s:i, s:s}}", "outcome",
                          "recovered", "slot", slot, "image",
                          j->image != NULL ? j->image->path : NULL,
                          "bytes_sent", (json_int_t)j->sent, "bytes_kept",
                          (json_int_t)j->kept, "why", "code", (int)j->about.why,
                          "text", selv_err_str(j->about.why)));
}

static int recover(struct selv_cli *cli, const char *envelope,
                   const char *const *paths, size_t count,
                   struct selv_recover_line line)
{
    static struct job j;
    struct selv_error error;
    bool is_done;

    j = (struct job){.cli = cli, .line = line, .error = &error, .percent = -1};
    j.has_progress =
        !cli->no_progress && !cli->quiet && isatty(STDERR_FILENO) != 0;
    is_done = read_files(&j, envelope, paths, count) &&
              selv_recover_line_open(&j.line, &error);
    if (is_done) {
        is_done = run(&j);
        selv_recover_line_close(&j.line);
    }
    if (is_done) {
        print_result(&j);
    }
    free(j.envelope.p);
    for (size_t i = 0; i < j.image_count; i++) {
        free(j.images[i].bytes.p);
    }
    return is_done ? SELV_EXIT_OK : selv_cli_fail(cli, &error);
}

int selv_cli_recover(struct selv_cli *cli, int argc, char **argv)
{
    struct selv_cli_list images = {{NULL}, 0};
    const char *port = NULL, *envelope = NULL, *first = NULL;
    const char *paths[SELV_CLI_LIST_MAX + 1];
    uint64_t baud = BAUD_DEFAULT, wait_s = WAIT_DEFAULT_S;
    const struct selv_cli_option options[] = {
        {.name = "--port",
         .value_name = "PATH",
         .help = "the serial line: a terminal, or a Unix socket",
         .value = &port,
         .is_required = true},
        {.name = "--baud",
         .value_name = "N",
         .help = "its speed, 9600 to 921600 (115200)",
         .number = &baud},
        {.name = "--wait",
         .value_name = "SECONDS",
         .help = "for an answer, before giving up (15)",
         .number = &wait_s},
    };
    const struct selv_cli_positional positionals[] = {
        {"ENVELOPE", &envelope, true}, {"IMAGE", &first, true}};
    const struct selv_cli_syntax syntax = {.options = options,
                                           .option_count = sizeof(options) /
                                                           sizeof(options[0]),
                                           .positionals = positionals,
                                           .positional_count = 2,
                                           .rest = &images,
                                           .rest_name = "IMAGE",
                                           .has_progress = true};
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (port == NULL) {
        return selv_cli_usage(cli, "--port is missing");
    }
    if (!selv_recover_line_has_speed(baud)) {
        return selv_cli_usage(cli, "--baud: no such speed as %llu",
                              (unsigned long long)baud);
    }
    if (wait_s < 1 || wait_s > 86400) {
        return selv_cli_usage(cli, "--wait takes seconds, 1 to 86400");
    }
    paths[0] = first;
    for (size_t i = 0; i < images.count; i++) {
        paths[i + 1] = images.values[i];
    }
    return recover(cli, envelope, paths, images.count + 1,
                   (struct selv_recover_line){
                       .port = port, .baud = baud, .wait_ms = wait_s * 1000});
}
