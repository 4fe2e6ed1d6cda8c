/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/relay_main.c - selvage-sim relay: its command line, and what it tells. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/relay.h"

enum { EXIT_GOOD = 0, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3 };

#define REBIND_MS_MAX 1000000u

static const char help[] =
    "usage: selvage-sim relay --to HOST:PORT --link TEXT [flags]\n"
    "\n"
    "Relay UDP datagrams between clients and one server, over a simulated "
    "link\n"
    "in real time. For each client the server sees an address of its own.\n"
    "\n"
    "  --to HOST:PORT      the server\n"
    "  --link TEXT         rate=250k,rtt=100ms,loss=10% or lossy,loss=20%;\n"
    "                      keys and units: selvage-sim(1); presets:\n";

static const char help_rest[] =
    "  --listen HOST:PORT  where clients send to (127.0.0.1:0); port 0: any\n"
    "  --seed N            of all chance (1); client K has seed N + K\n"
    "  --rebind MS         each client gets another address every MS "
    "milliseconds,\n"
    "                      as behind a NAT that forgets (1 to 1000000)\n"
    "  --shared            one link for all clients, instead of one each\n"
    "  --ends N            clients at the same time, 1 to 256 (256); when\n"
    "                      there are more, the most silent one gives way\n"
    "  --insecure          listen where other machines can reach it\n"
    "  --json  --quiet  --help\n"
    "\n"
    "When ready it prints one line: listening coap://HOST:PORT\n"
    "Statistics go to standard output when it ends (SIGTERM, SIGINT) and on\n"
    "SIGUSR1; with --quiet, there are none at the end.\n"
    "exit: 0 stopped by a signal, 2 usage, 3 environment\n";

struct options {
    struct sim_relay_options relay;
    const char *listen;
    const char *to;
    const char *link;
    unsigned long rebind_ms;
    bool is_insecure;
    bool is_json;
    bool is_quiet;
};

static int help_print(void)
{
    fputs(help, stdout);
    for (size_t i = 0; i < sim_link_preset_count; i++) {
        printf("                        %-9s %s\n", sim_link_preset_name(i),
               sim_link_preset_text(i));
    }
    fputs(help_rest, stdout);
    return EXIT_GOOD;
}

/* Words as a JSON string; they are ours, or printable. */
static void json_string(FILE *f, const char *text)
{
    putc('"', f);
    for (; *text != 0; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            fprintf(f, "\\%c", c);
        } else if (c < 0x20 || c >= 0x7f) {
            fprintf(f, "\\u%04x", c);
        } else {
            putc(c, f);
        }
    }
    putc('"', f);
}

__attribute__((format(printf, 3, 4))) static int
fail(const struct options *o, int code, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (o->is_json) {
        fputs("{\"error\":", stderr);
        json_string(stderr, text);
        fprintf(stderr, ",\"exit\":%d}\n", code);
    } else {
        fprintf(stderr, "selvage-sim relay: %s\n", text);
    }
    return code;
}

/* ---- the command line ---------------------------------------------------- */

enum flag {
    FLAG_LISTEN = 256,
    FLAG_TO,
    FLAG_LINK,
    FLAG_SEED,
    FLAG_REBIND,
    FLAG_SHARED,
    FLAG_ENDS,
    FLAG_INSECURE,
    FLAG_JSON,
    FLAG_QUIET,
    FLAG_PROGRESS
};

static const struct option flags[] = {
    {"listen", required_argument, NULL, FLAG_LISTEN},
    {"to", required_argument, NULL, FLAG_TO},
    {"link", required_argument, NULL, FLAG_LINK},
    {"seed", required_argument, NULL, FLAG_SEED},
    {"rebind", required_argument, NULL, FLAG_REBIND},
    {"shared", no_argument, NULL, FLAG_SHARED},
    {"ends", required_argument, NULL, FLAG_ENDS},
    {"insecure", no_argument, NULL, FLAG_INSECURE},
    {"json", no_argument, NULL, FLAG_JSON},
    {"quiet", no_argument, NULL, FLAG_QUIET},
    {"no-progress", no_argument, NULL, FLAG_PROGRESS},
    {NULL, 0, NULL, 0}};

static bool number(const char *text, unsigned long min, unsigned long max,
                   unsigned long *out)
{
    char *end;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == 0 &&
           *out >= min && *out <= max;
}

static int flag_take(struct options *o, int flag, const char *value)
{
    unsigned long n = 0;
    switch ((enum flag)flag) {
    case FLAG_LISTEN:
        o->listen = value;
        break;
    case FLAG_TO:
        o->to = value;
        break;
    case FLAG_LINK:
        o->link = value;
        break;
    case FLAG_SEED:
        if (!number(value, 0, ~0ul, &n)) {
            return fail(o, EXIT_USAGE, "--seed: '%s' is no number", value);
        }
        o->relay.seed = n;
        break;
    case FLAG_REBIND:
        if (!number(value, 1, REBIND_MS_MAX, &o->rebind_ms)) {
            return fail(o, EXIT_USAGE,
                        "--rebind: '%s' is not 1 to 1000000 milliseconds",
                        value);
        }
        break;
    case FLAG_SHARED:
        o->relay.is_shared = true;
        break;
    case FLAG_ENDS:
        if (!number(value, 1, SIM_RELAY_ENDS_MAX, &n)) {
            return fail(o, EXIT_USAGE, "--ends: '%s' is not 1 to %u", value,
                        SIM_RELAY_ENDS_MAX);
        }
        o->relay.end_max = (uint32_t)n;
        break;
    case FLAG_INSECURE:
        o->is_insecure = true;
        break;
    case FLAG_JSON:
        o->is_json = true;
        break;
    case FLAG_QUIET:
        o->is_quiet = true;
        break;
    case FLAG_PROGRESS:
        break; /* there is none */
    default:
        return fail(o, EXIT_USAGE, "see selvage-sim relay --help");
    }
    return EXIT_GOOD;
}

static int address_parse(const struct options *o, const char *flag,
                         const char *text, struct selv_net_address *address)
{
    if (!selv_net_parse(text, address)) {
        return fail(o, EXIT_USAGE,
                    "%s: '%s' is no HOST:PORT such as 127.0.0.1:5683 or "
                    "[::1]:0",
                    flag, text);
    }
    return EXIT_GOOD;
}

/* Port 0 is no address to send to. */
static bool has_port(const struct selv_net_address *address)
{
    char text[SELV_NET_TEXT_LEN];
    selv_net_text(address, text);
    return strcmp(strrchr(text, ':'), ":0") != 0;
}

static int options_check(struct options *o)
{
    char why[SIM_LINK_WHY_LEN];
    if (o->to == NULL || o->link == NULL) {
        return fail(o, EXIT_USAGE,
                    "%s is missing; see selvage-sim relay "
                    "--help",
                    o->to == NULL ? "--to" : "--link");
    }
    int code = address_parse(o, "--listen", o->listen, &o->relay.listen);
    if (code == EXIT_GOOD) {
        code = address_parse(o, "--to", o->to, &o->relay.to);
    }
    if (code != EXIT_GOOD) {
        return code;
    }
    if (!has_port(&o->relay.to)) {
        return fail(o, EXIT_USAGE, "--to: %s has no port", o->to);
    }
    if (!o->is_insecure && !selv_net_is_loopback(&o->relay.listen)) {
        return fail(o, EXIT_USAGE,
                    "--listen: other machines can reach %s; use a loopback "
                    "address, or add --insecure in a network that you trust",
                    o->listen);
    }
    if (!sim_link_parse(o->link, &o->relay.link, why)) {
        return fail(o, EXIT_USAGE, "--link: %s", why);
    }
    if (o->rebind_ms != 0 && o->relay.link.rebind_every_us != 0) {
        return fail(o, EXIT_USAGE, "--rebind and rebind-every are the same");
    }
    if (o->rebind_ms != 0) {
        o->relay.link.rebind_every_us = (uint32_t)o->rebind_ms * 1000u;
    }
    return EXIT_GOOD;
}

static int options_parse(struct options *o, int argc, char **argv)
{
    int code = EXIT_GOOD;
    int flag;
    optind = 1;
    opterr = 0;
    while (code == EXIT_GOOD &&
           (flag = getopt_long(argc, argv, ":", flags, NULL)) >= 0) {
        if (flag == ':') {
            return fail(o, EXIT_USAGE, "%s needs a value", argv[optind - 1]);
        }
        if (flag == '?') {
            return fail(o, EXIT_USAGE, "no such flag: %s", argv[optind - 1]);
        }
        code = flag_take(o, flag, optarg);
    }
    if (code == EXIT_GOOD && optind < argc) {
        code = fail(o, EXIT_USAGE, "no such flag: %s", argv[optind]);
    }
    return code == EXIT_GOOD ? options_check(o) : code;
}

/* ---- statistics --------------------------------------------------------- */

/* The numbers of one direction, in the order in which they are told. */
enum { NUMBER_COUNT = 13 + SIM_LINK_CAUSE_COUNT };

struct number {
    char name[24];
    uint64_t value;
};

static void numbers_of(const struct sim_link_stats *s,
                       struct number n[static NUMBER_COUNT])
{
    const struct number fixed[] = {
        {"put", s->put_count},         {"put_bytes", s->put_len},
        {"taken", s->taken_count},     {"taken_bytes", s->taken_len},
        {"doubled", s->doubled_count}, {"late", s->late_count},
        {"held", s->held_count},       {"wire_bytes", s->wire_len},
        {"frames", s->frame_count},    {"frames_lost", s->frame_lost},
        {"retries", s->retry_count},   {"air_us", s->air_us},
        {"queue_max", s->queue_max}};
    memcpy(n, fixed, sizeof fixed);
    for (int i = 0; i < SIM_LINK_CAUSE_COUNT; i++) {
        struct number *lost = &n[sizeof fixed / sizeof fixed[0] + (size_t)i];
        snprintf(lost->name, sizeof lost->name, "lost_%s",
                 sim_link_cause_name((enum sim_link_cause)i));
        for (char *c = lost->name; *c != 0; c++) {
            *c = *c == '-' ? '_' : *c;
        }
        lost->value = s->lost_count[i];
    }
}

static void tell_json(const struct sim_relay_stats *s)
{
    static const char *const names[] = {"up", "down"};
    struct number n[NUMBER_COUNT];
    printf("{\"ends\":%" PRIu64 ",\"ends_gone\":%" PRIu64
           ",\"rebinds\":%" PRIu64 ",\"failed\":%" PRIu64
           ",\"late_us\":%" PRIu64,
           s->end_count, s->gone_count, (uint64_t)s->way[0].rebind_count,
           s->failed_count, s->late_us);
    for (int d = 0; d < 2; d++) {
        numbers_of(&s->way[d], n);
        printf(",\"%s\":{", names[d]);
        for (size_t i = 0; i < NUMBER_COUNT; i++) {
            printf("%s\"%s\":%" PRIu64, i > 0 ? "," : "", n[i].name,
                   n[i].value);
        }
        putchar('}');
    }
    puts("}");
}

static void tell_text(const struct sim_relay_stats *s)
{
    struct number up[NUMBER_COUNT];
    struct number down[NUMBER_COUNT];
    printf("clients %" PRIu64 " (%" PRIu64 " gave way), new addresses %" PRIu64
           ", not sent by the system %" PRIu64 ", at worst %" PRIu64
           " us late\n",
           s->end_count, s->gone_count, (uint64_t)s->way[0].rebind_count,
           s->failed_count, s->late_us);
    printf("%-16s %12s %12s\n", "", "up", "down");
    numbers_of(&s->way[0], up);
    numbers_of(&s->way[1], down);
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        if (up[i].value != 0 || down[i].value != 0) {
            printf("%-16s %12" PRIu64 " %12" PRIu64 "\n", up[i].name,
                   up[i].value, down[i].value);
        }
    }
}

static void tell(const struct sim_relay *r, void *user)
{
    const struct options *o = user;
    struct sim_relay_stats stats;
    sim_relay_stats(r, &stats);
    if (o->is_json) {
        tell_json(&stats);
    } else {
        tell_text(&stats);
    }
    fflush(stdout);
}

/* ---- the noun ------------------------------------------------------------ */

int sim_relay_main(int argc, char **argv)
{
    struct options o = {.listen = "127.0.0.1:0",
                        .relay = {.seed = 1, .end_max = SIM_RELAY_ENDS_MAX}};
    char text[SELV_NET_TEXT_LEN];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return help_print();
        }
        o.is_json = o.is_json || strcmp(argv[i], "--json") == 0;
    }
    int code = options_parse(&o, argc, argv);
    if (code != EXIT_GOOD) {
        return code;
    }
    struct sim_relay *r = sim_relay_open(&o.relay);
    selv_net_text(&o.relay.listen, text);
    if (r == NULL) {
        return fail(&o, EXIT_ENVIRONMENT, "cannot listen on %s: %s", text,
                    strerror(errno));
    }
    printf(o.is_json ? "{\"listening\":[\"coap://%s\"]}\n"
                     : "listening coap://%s\n",
           text);
    if (fflush(stdout) != 0) {
        code =
            fail(&o, EXIT_ENVIRONMENT, "standard output: %s", strerror(errno));
    } else if (!sim_relay_run(r, tell, &o)) {
        code = fail(&o, EXIT_ENVIRONMENT, "waiting: %s", strerror(errno));
    } else if (!o.is_quiet) {
        tell(r, &o);
    }
    sim_relay_close(r);
    return code;
}
