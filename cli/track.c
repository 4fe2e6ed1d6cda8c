/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage device track: a status tracker of one device that listens
 * (docs/spec/coap.md, "On the device"). It observes what the device says of
 * itself, tells each change, and pushes a manifest to a device that runs an
 * older one [draft-ietf-suit-architecture 2020, figure 6]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/push.h"
#include "cli/status.h"
#include "coap/observe.h"
#include "host/file.h"
#include "host/manifest.h"
#include "posix/posix.h"

enum {
    AGAIN_MS = 50,        /* after an observation that ended; doubled ... */
    AGAIN_MAX_MS = 2000,  /* ... until there is news */
    OUTCOME_S = 600,      /* for what was pushed, unless --seconds says it */
    SECONDS_MAX = 1000000 /* that --seconds takes */
};

/* enum selv_update_state */
static const char *const state_names[] = {
    "idle",      "notified", "authorized", "downloading",
    "verified",  "waiting",  "installing", "on trial",
    "confirmed", "rejected", "failed",     "reverted"};
enum { STATE_CONFIRMED = 8, STATE_REJECTED = 9, STATE_COUNT = 12 };

struct track {
    const struct selv_cli *cli;
    const char *at;
    const char *path; /* of the envelope, or NULL */
    struct selv_buf envelope;
    uint64_t wanted;   /* its sequence number */
    uint64_t end_ms;   /* 0: never */
    uint32_t again_ms; /* the next pause */
    struct selv_posix_udp udp;
    struct selv_coap_watch watch;
    struct selv_coap_request rq;
    struct selv_cli_status status;
    uint8_t came[SELV_COAP_HEADER_MAX + 1024]; /* the watch's news are in it */
    char line[160];                            /* told last */
    bool is_heard;
    bool is_pushed;
};

/* ---- what it says ---------------------------------------------------------
 */

/* A line for each change; downloads only as often as it is told of them. */
static void tell(struct track *t)
{
    const struct selv_cli_status *s = &t->status;
    char line[sizeof t->line];
    size_t len;

    len = (size_t)snprintf(
        line, sizeof line, "runs %llu%s%s: %s", (unsigned long long)s->running,
        s->version[0] ? ", version " : "", s->version, state_names[s->state]);
    if (s->sequence != 0 && len < sizeof line) {
        len += (size_t)snprintf(line + len, sizeof line - len,
                                ", sequence number %llu",
                                (unsigned long long)s->sequence);
    }
    if (s->size != 0 && len < sizeof line) {
        len += (size_t)snprintf(
            line + len, sizeof line - len, ", %llu of %llu bytes",
            (unsigned long long)s->done, (unsigned long long)s->size);
    }
    if (s->err != 0 && len < sizeof line) {
        (void)snprintf(line + len, sizeof line - len, ": %s",
                       selv_err_str((enum selv_err)s->err));
    }
    if (strcmp(line, t->line) != 0) {
        strcpy(t->line, line);
        selv_cli_say(t->cli, "%s", line);
        fflush(stdout);
    }
}

/* ---- what is done about it ------------------------------------------------
 */

enum verdict { GOES_ON, IS_DONE, HAS_FAILED };

/* What is known now decides; errors are set for HAS_FAILED. */
static enum verdict decide(struct track *t, struct selv_error *error)
{
    const struct selv_cli_status *s = &t->status;

    if (t->path == NULL) {
        return GOES_ON;
    }
    if (s->running >= t->wanted && (!t->is_pushed || s->running > t->wanted ||
                                    s->state == STATE_CONFIRMED)) {
        return IS_DONE;
    }
    if (!t->is_pushed) {
        t->is_pushed = true;
        if (!selv_cli_push(t->cli, t->at,
                           selv_bytes(t->envelope.p, t->envelope.len), error)) {
            return HAS_FAILED;
        }
        selv_cli_say(t->cli, "pushed %s", t->path);
        fflush(stdout);
    } else if (s->sequence == t->wanted && s->state >= STATE_REJECTED) {
        selv_error_set(error, SELV_EXIT_REFUSED, "%s: %s: %s", t->at,
                       state_names[s->state],
                       selv_err_str((enum selv_err)s->err));
        return HAS_FAILED;
    }
    return GOES_ON;
}

static bool begin(struct track *t, struct selv_error *error)
{
    uint8_t random[8];

    if (selv_posix_random(random, sizeof random) == SELV_OK &&
        selv_coap_watch_start(&t->watch, &t->rq, random, selv_posix_now_ms()) ==
            SELV_OK) {
        return true;
    }
    return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                          "the observation does not start");
}

/* Wait for the device, or the end of the observation's or our time. */
static void wait_until(struct track *t, uint64_t until_ms)
{
    size_t len;

    if (t->end_ms != 0 && t->end_ms < until_ms) {
        until_ms = t->end_ms;
    }
    len = selv_posix_udp_receive(&t->udp, until_ms, t->came, sizeof t->came);
    if (len > 0) {
        (void)selv_coap_watch_feed(&t->watch, selv_posix_now_ms(),
                                   selv_bytes(t->came, len));
    }
}

/* Whatever comes meanwhile: nobody has us ask more often by sending more. Short
 * at first, as a device that reboots is soon back and may soon have failed. */
static void pause_grow(struct track *t)
{
    uint64_t until_ms = selv_posix_now_ms() + t->again_ms;

    t->again_ms =
        t->again_ms < AGAIN_MAX_MS / 2 ? t->again_ms * 2 : AGAIN_MAX_MS;
    if (t->end_ms != 0 && t->end_ms < until_ms) {
        until_ms = t->end_ms;
    }
    while (selv_posix_now_ms() < until_ms) {
        wait_until(t, until_ms);
    }
}

static enum verdict news(struct track *t, const struct selv_coap_news *n,
                         struct selv_error *error)
{
    if (n->code != SELV_COAP_CONTENT) {
        return GOES_ON; /* what it was */
    }
    if (n->more || !selv_cli_status_read(n->payload, &t->status)) {
        selv_error_set(error, SELV_EXIT_REFUSED,
                       "%s: what it says of itself makes no sense", t->at);
        return HAS_FAILED;
    }
    t->is_heard = true;
    t->again_ms = AGAIN_MS;
    tell(t);
    return decide(t, error);
}

static bool is_nobody(struct track *t, struct selv_error *error)
{
    if (t->is_heard || !t->udp.is_refused) {
        return false;
    }
    selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                   "nobody listens at %s; selvage-device does with --listen",
                   t->udp.authority);
    return true;
}

/* One step of the observation. */
static enum verdict step(struct track *t, struct selv_error *error)
{
    uint8_t sent[SELV_COAP_HEADER_MAX];
    struct selv_buf out = {sent, sizeof sent, 0};
    struct selv_coap_news n;

    switch (selv_coap_watch_poll(&t->watch, selv_posix_now_ms(), &out, &n)) {
    case SELV_COAP_WATCH_SEND:
        selv_posix_udp_send(&t->udp, selv_bytes(sent, out.len));
        return GOES_ON;
    case SELV_COAP_WATCH_NEWS:
        return news(t, &n, error);
    case SELV_COAP_WATCH_FAILED:
        if (!t->is_heard) {
            selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                           "%s: %s; does a device listen there "
                           "(selvage-device --listen)?",
                           t->udp.authority, selv_err_str(n.err));
            return HAS_FAILED;
        }
        /* It reboots, or has no place for us just now. */
        pause_grow(t);
        return begin(t, error) ? GOES_ON : HAS_FAILED;
    case SELV_COAP_WATCH_DONE:
    case SELV_COAP_WATCH_WAIT:
    default:
        wait_until(t, n.until_ms);
        return is_nobody(t, error) ? HAS_FAILED : GOES_ON;
    }
}

/* Frees the device's place for us, if that is heard; else it times out. */
static void leave(struct track *t)
{
    uint8_t sent[SELV_COAP_HEADER_MAX];
    struct selv_buf out = {sent, sizeof sent, 0};
    struct selv_coap_news n;

    selv_coap_watch_stop(&t->watch, selv_posix_now_ms());
    for (unsigned i = 0; i < 3; i++) { /* an ACK may come first */
        if (selv_coap_watch_poll(&t->watch, selv_posix_now_ms(), &out, &n) !=
            SELV_COAP_WATCH_SEND) {
            break;
        }
        selv_posix_udp_send(&t->udp, selv_bytes(sent, out.len));
        out.len = 0;
    }
}

static bool run(struct track *t, struct selv_error *error)
{
    struct selv_posix_why why = {""};
    enum verdict verdict = GOES_ON;

    if (!selv_posix_udp_open(&t->udp, t->at, &why)) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT, "%s", why.text);
    }
    t->rq = (struct selv_coap_request){
        .code = SELV_COAP_GET,
        .szx = SELV_COAP_SZX_MAX,
        .content_format = SELV_COAP_NO_FORMAT,
        .accept = SELV_COAP_NO_FORMAT,
        .host = selv_bytes(t->udp.host, strlen(t->udp.host)),
        .path = selv_bytes("suit/s", 6)};
    selv_coap_watch_init(&t->watch, false);
    if (!begin(t, error)) {
        return false;
    }
    while (verdict == GOES_ON) {
        if (t->end_ms != 0 && selv_posix_now_ms() >= t->end_ms) {
            break;
        }
        verdict = step(t, error);
    }
    leave(t);
    if (verdict == GOES_ON && t->path != NULL) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "%s: the time is over; last: %s", t->at,
                              t->line[0] ? t->line : "nothing was heard");
    }
    return verdict != HAS_FAILED;
}

static bool envelope_read(struct track *t, struct selv_error *error)
{
    json_t *description;
    json_int_t number;

    if (!selv_file_read(t->path, SELV_MANIFEST_FILE_MAX, &t->envelope, error)) {
        return false;
    }
    description = selv_manifest_describe(
        selv_bytes(t->envelope.p, t->envelope.len), NULL, error);
    if (description == NULL) {
        return false;
    }
    number =
        json_integer_value(json_object_get(description, "sequence_number"));
    json_decref(description);
    t->wanted = number > 0 ? (uint64_t)number : 0;
    return true;
}

int selv_cli_device_track(struct selv_cli *cli, int argc, char **argv)
{
    struct track t = {.cli = cli, .again_ms = AGAIN_MS, .udp = {.fd = -1}};
    uint64_t seconds = 0;
    const struct selv_cli_option options[] = {
        {.name = "--at",
         .value_name = "URI",
         .help = "where the device listens, such as coap://127.0.0.1:5683",
         .value = &t.at,
         .is_required = true},
        {.name = "--push",
         .value_name = "ENVELOPE",
         .help = "push it when the device runs an older one, and wait for what "
                 "becomes of it",
         .value = &t.path},
        {.name = "--seconds",
         .value_name = "N",
         .help = "end after so long; default: never, with --push 600",
         .number = &seconds,
         .number_max = SECONDS_MAX}};
    const struct selv_cli_syntax syntax = {
        .options = options, .option_count = 3, .has_progress = true};
    struct selv_posix_why why = {""};
    struct selv_error error;
    bool is_done;
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (t.at == NULL) {
        return selv_cli_usage(cli, "--at is missing");
    }
    if (!selv_posix_udp_check(t.at, &why)) {
        return selv_cli_usage(cli, "%s", why.text);
    }
    seconds = seconds == 0 && t.path != NULL ? OUTCOME_S : seconds;
    t.end_ms = seconds > 0 ? selv_posix_now_ms() + seconds * 1000 : 0;
    is_done = (t.path == NULL || envelope_read(&t, &error)) && run(&t, &error);
    selv_posix_udp_close(&t.udp);
    free(t.envelope.p);
    if (!is_done) {
        return selv_cli_fail(cli, &error);
    }
    selv_cli_result(cli, json_pack("{s:s, s:b, s:s, s:I, s:s, s:b}", "at", t.at,
                                   "heard", t.is_heard, "state",
                                   state_names[t.status.state], "running",
                                   (json_int_t)t.status.running, "version",
                                   t.status.version, "pushed", t.is_pushed));
    return SELV_EXIT_OK;
}
