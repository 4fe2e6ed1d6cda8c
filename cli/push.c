/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage device push: hand a manifest, perhaps with its payload inside, to a
 * device that listens (docs/spec/coap.md, "On the device"). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/push.h"
#include "coap/coap.h"
#include "host/file.h"
#include "host/manifest.h"
#include "posix/posix.h"

enum {
    DEADLINE_MS = 120000, /* for all of it, and on top of that ... */
    SLOWEST = 512         /* ... its bytes, at this many a second */
};

struct push {
    const struct selv_cli *cli;
    struct selv_posix_udp udp;
    struct selv_bytes envelope;
    struct selv_coap_client client;
    unsigned percent; /* last shown, plus 1 */
};

static void progress(struct push *p)
{
    size_t len = p->envelope.len;
    unsigned percent = (unsigned)(p->client.sent * UINT64_C(100) / len);

    if (p->cli->quiet || p->cli->json || p->cli->no_progress ||
        !isatty(STDERR_FILENO) || percent + 1 == p->percent) {
        return;
    }
    p->percent = percent + 1;
    fprintf(stderr, "\rpushed %u %%%s", percent, percent == 100 ? "\n" : "");
}

/* A line that progress left unfinished ends before another begins. */
static void end_line(const struct push *p)
{
    if (p->percent > 0 && p->percent <= 100) {
        fputc('\n', stderr);
    }
}

/* What a device's code means for the one who pushed. */
static bool refused(const struct selv_coap_event *event,
                    struct selv_error *error)
{
    const char *text = (const char *)event->payload.p;
    size_t len = event->payload.len < 200 ? event->payload.len : 200;
    char words[201];

    for (size_t i = 0; i < len; i++) {
        words[i] = (char)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    }
    words[len] = '\0';
    return selv_error_set(
        error, SELV_EXIT_REFUSED, "the device answers %u.%02u: %s%s",
        event->code >> 5, event->code & 31u, len > 0 ? words : "without a word",
        event->code == SELV_COAP_UNAVAILABLE ? "; try again later" : "");
}

static bool failed(const struct push *p, const struct selv_coap_event *event,
                   struct selv_error *error)
{
    if (event->err == SELV_ERR_COAP_CODE) {
        return refused(event, error);
    }
    return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                          "%s: %s; does a device listen there "
                          "(selvage-device --listen)?",
                          p->udp.authority, selv_err_str(event->err));
}

/* One transfer, to its end. */
static bool transfer(struct push *p, struct selv_coap_event *event,
                     struct selv_error *error)
{
    uint8_t sent[SELV_COAP_HEADER_MAX + 1024];
    uint8_t came[SELV_COAP_HEADER_MAX + 1024];

    for (;;) {
        struct selv_buf out = {sent, sizeof sent, 0};
        size_t len;

        switch (selv_coap_client_poll(&p->client, selv_posix_now_ms(), &out,
                                      event)) {
        case SELV_COAP_SEND:
            selv_posix_udp_send(&p->udp, selv_bytes(sent, out.len));
            break;
        case SELV_COAP_WAIT:
            len = selv_posix_udp_receive(&p->udp, event->until_ms, came,
                                         sizeof came);
            if (len > 0) {
                (void)selv_coap_client_feed(&p->client, selv_posix_now_ms(),
                                            selv_bytes(came, len));
            } else if (p->udp.is_refused && p->client.sent == 0) {
                return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                                      "nobody listens at %s; selvage-device "
                                      "does with --listen",
                                      p->udp.authority);
            }
            break;
        case SELV_COAP_BLOCK:
            break;
        case SELV_COAP_DONE:
            progress(p);
            return true;
        case SELV_COAP_FAILED:
            return failed(p, event, error);
        }
        progress(p);
    }
}

static bool push(struct push *p, const char *to, struct selv_error *error)
{
    struct selv_posix_why why = {""};
    struct selv_coap_event event = {0};
    struct selv_coap_request rq = {
        .code = SELV_COAP_PUT,
        .szx = SELV_COAP_SZX_MAX,
        .content_format = SELV_COAP_OCTETS,
        .accept = SELV_COAP_NO_FORMAT,
        .path = selv_bytes("suit/m", 6),
        .payload = p->envelope,
        .body_max = 1024,
        .deadline_ms = DEADLINE_MS +
                       (uint32_t)(p->envelope.len * UINT64_C(1000) / SLOWEST)};
    uint8_t random[8];

    if (!selv_posix_udp_open(&p->udp, to, &why)) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT, "%s", why.text);
    }
    rq.host = selv_bytes(p->udp.host, strlen(p->udp.host));
    selv_coap_client_init(&p->client);
    if (selv_posix_random(random, sizeof random) != SELV_OK ||
        selv_coap_client_start(&p->client, &rq, random, selv_posix_now_ms()) !=
            SELV_OK) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "the transfer does not start");
    }
    return transfer(p, &event, error);
}

bool selv_cli_push(const struct selv_cli *cli, const char *to,
                   struct selv_bytes envelope, struct selv_error *error)
{
    struct push p = {.cli = cli, .envelope = envelope, .udp = {.fd = -1}};
    bool is_done = push(&p, to, error);

    end_line(&p);
    selv_posix_udp_close(&p.udp);
    return is_done;
}

int selv_cli_device_push(struct selv_cli *cli, int argc, char **argv)
{
    const char *to = NULL;
    const char *envelope = NULL;
    const struct selv_cli_option options[] = {
        {.name = "--to",
         .value_name = "URI",
         .help = "where the device listens, such as coap://127.0.0.1:5683",
         .value = &to,
         .is_required = true}};
    const struct selv_cli_positional positionals[] = {
        {"ENVELOPE", &envelope, true}};
    const struct selv_cli_syntax syntax = {.options = options,
                                           .option_count = 1,
                                           .positionals = positionals,
                                           .positional_count = 1,
                                           .has_progress = true};
    struct selv_buf bytes = {0};
    struct selv_posix_why why = {""};
    struct selv_error error;
    bool is_done;
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (to == NULL) {
        return selv_cli_usage(cli, "--to is missing");
    }
    if (!selv_posix_udp_check(to, &why)) {
        return selv_cli_usage(cli, "%s", why.text);
    }
    if (!selv_file_read(envelope, SELV_MANIFEST_FILE_MAX, &bytes, &error)) {
        return selv_cli_fail(cli, &error);
    }
    if (bytes.len == 0) {
        selv_error_set(&error, SELV_EXIT_REFUSED, "%s is empty", envelope);
        is_done = false;
    } else {
        is_done =
            selv_cli_push(cli, to, selv_bytes(bytes.p, bytes.len), &error);
    }
    free(bytes.p);
    if (!is_done) {
        return selv_cli_fail(cli, &error);
    }
    selv_cli_say(cli,
                 "pushed %s to %s; GET /suit/s there says what becomes of "
                 "it",
                 envelope, to);
    selv_cli_result(cli, json_pack("{s:s, s:s, s:I}", "to", to, "envelope",
                                   envelope, "size", (json_int_t)bytes.len));
    return SELV_EXIT_OK;
}
