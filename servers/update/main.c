/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - selvaged: the update server. Reads the command line, opens the
 * state folder and the sockets, says that it is ready, and runs the loop. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/key.h"
#include "host/log.h"
#include "http_api.h"
#include "loops.h"
#include "posix/posix.h"
#include "reflect.h"
#include "server.h"
#include "state.h"
#include "tcp.h"

#ifndef SELVAGE_VERSION
#define SELVAGE_VERSION "unknown"
#endif

#define EXIT_USAGE 2
#define EXIT_ENVIRONMENT 3
#define CONTACTS_MS 5000
#define CONNECTIONS 1024u
#define DESCRIPTORS 256u /* for all else */

static const char help[] =
    "usage: selvaged [flags]\n"
    "\n"
    "The update server: serves images and manifests to devices over CoAP, and\n"
    "releases, devices and reports to operators over HTTP.\n"
    "\n"
    "  --role LIST         firmware, tracker or both (firmware,tracker)\n"
    "  --state DIR         where everything is kept (SELVAGE_STATE, or\n"
    "                      ~/.local/state/selvage)\n"
    "  --listen HOST:PORT  CoAP over UDP (127.0.0.1:5683); port 0: any\n"
    "  --listen-tcp HOST:PORT\n"
    "                      CoAP over TCP (where --listen is; port 0 if that "
    "is\n"
    "                      0); none: not at all\n"
    "  --connections N     over TCP, at most, 1 to 65535 (1024)\n"
    "  --loops N           threads that serve CoAP (one for each core, at "
    "most\n"
    "                      8)\n"
    "  --unproven BYTES    a second that may go to one network (IPv4 /24,\n"
    "                      IPv6 /48) beyond three for one, to addresses that\n"
    "                      have not echoed (65536; loopback: no limit unless\n"
    "                      this is given)\n"
    "  --devices N         at most; who is not known yet is then turned away\n"
    "                      (1000000)\n"
    "  --http HOST:PORT    HTTP (127.0.0.1:8683); port 0: any\n"
    "  --store URL         the database (sqlite:DIR/selvage.db)\n"
    "  --key FILE          public key (PEM or COSE_Key) that must have signed\n"
    "                      what is published; may be repeated\n"
    "  --insecure          allow addresses that other machines can reach\n"
    "  --json              ready line, log and errors as JSON\n"
    "  --quiet             log warnings and errors only\n"
    "  --help, --version\n"
    "\n"
    "When ready it prints one line:\n"
    "listening coap://HOST:PORT coap+tcp://HOST:PORT http://HOST:PORT\n"
    "Exit codes: 0 stopped by SIGTERM or SIGINT, 2 usage, 3 environment.\n";

struct options {
    unsigned roles;
    const char *state;
    const char *listen;
    const char *listen_tcp; /* NULL: as listen */
    uint32_t connections;
    const char *http;
    size_t loops;
    uint32_t devices;  /* at most */
    uint32_t unproven; /* bytes a second */
    bool has_unproven;
    const char *store; /* path of the database, NULL: in the state folder */
    const char *keys[SELV_SERVER_ANCHORS_MAX];
    size_t key_count;
    bool is_insecure;
    bool is_json;
    bool is_quiet;
};

/* Everything that a running server has open. */
struct process {
    struct selv_state state;
    struct selv_server server;
    struct selv_loop loop;
    struct selv_loops loops;
    struct selv_http_app http_app;
    struct selv_http http;
    struct selv_loop_source signals;
    struct selv_loop_source wake; /* the loops have something to tell */
    int loop_err;                 /* why a loop ended by itself; 0: none did */
    struct selv_loop_source contacts;
    uint64_t contacts_due_ms; /* 0: nothing to write down */
};

static struct process process;

/* ---- errors -------------------------------------------------------------- */

static bool is_json;

static int fail(int code, const char *text)
{
    if (is_json) {
        json_t *o = json_pack("{s:s, s:i}", "error", text, "exit", code);
        char *line = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
        fprintf(stderr, "%s\n", line != NULL ? line : "{}");
        free(line);
        json_decref(o);
    } else {
        fprintf(stderr, "selvaged: %s\n", text);
    }
    return code;
}

__attribute__((format(printf, 2, 3))) static int failf(int code,
                                                       const char *format, ...)
{
    char text[SELV_STATE_WHY_LEN];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return fail(code, text);
}

/* ---- the command line ---------------------------------------------------- */

static const struct {
    const char *name;
    unsigned role; /* 0: not available yet */
} role_names[] = {{"firmware", SELV_ROLE_FIRMWARE},
                  {"tracker", SELV_ROLE_TRACKER},
                  {"auth", 0},
                  {"ca", 0},
                  {"gateway", 0}};

static int role_add(struct options *o, const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof role_names / sizeof role_names[0]; i++) {
        if (strlen(role_names[i].name) != len ||
            memcmp(role_names[i].name, name, len) != 0) {
            continue;
        }
        if (role_names[i].role == 0) {
            return failf(EXIT_USAGE,
                         "--role: the role '%s' is not available"
                         " yet; there are firmware and tracker",
                         role_names[i].name);
        }
        o->roles |= role_names[i].role;
        return 0;
    }
    return failf(EXIT_USAGE,
                 "--role: there is no role '%.*s'; there are"
                 " firmware and tracker",
                 (int)len, name);
}

static int roles_parse(struct options *o, const char *list)
{
    int code = 0;
    o->roles = 0;
    while (code == 0) {
        size_t len = strcspn(list, ",");
        code = role_add(o, list, len);
        if (list[len] == 0) {
            break;
        }
        list += len + 1;
    }
    return code;
}

static int store_parse(struct options *o, const char *url)
{
    static const char sqlite[] = "sqlite:";
    if (strncmp(url, sqlite, sizeof sqlite - 1) == 0 &&
        url[sizeof sqlite - 1] != 0) {
        o->store = url + sizeof sqlite - 1;
        return 0;
    }
    if (strncmp(url, "postgresql:", 11) == 0 ||
        strncmp(url, "postgres:", 9) == 0) {
        return fail(EXIT_USAGE, "--store: PostgreSQL is not available yet;"
                                " use sqlite:PATH");
    }
    return failf(EXIT_USAGE, "--store: '%s' is no sqlite:PATH", url);
}

static int key_add(struct options *o, const char *path)
{
    if (o->key_count == SELV_SERVER_ANCHORS_MAX) {
        return failf(EXIT_USAGE, "--key: at most %u keys",
                     SELV_SERVER_ANCHORS_MAX);
    }
    o->keys[o->key_count++] = path;
    return 0;
}

static int loops_parse(struct options *o, const char *text)
{
    size_t len = strlen(text);
    unsigned long n = len > 0 && len < 3 && strspn(text, "0123456789") == len
                          ? strtoul(text, NULL, 10)
                          : 0;
    if (n == 0 || n > SELV_LOOPS_MAX) {
        return failf(EXIT_USAGE, "--loops: '%s' is no number from 1 to %u",
                     text, SELV_LOOPS_MAX);
    }
    o->loops = (size_t)n;
    return 0;
}

static int unproven_parse(struct options *o, const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 9 || strspn(text, "0123456789") != len) {
        return failf(EXIT_USAGE,
                     "--unproven: '%s' is no number of bytes a second, 0 to"
                     " 999999999",
                     text);
    }
    o->unproven = (uint32_t)strtoul(text, NULL, 10);
    o->has_unproven = true;
    return 0;
}

static int connections_parse(struct options *o, const char *text)
{
    size_t len = strlen(text);
    unsigned long n = len > 0 && len < 6 && strspn(text, "0123456789") == len
                          ? strtoul(text, NULL, 10)
                          : 0;
    if (n == 0 || n > SELV_TCP_PLACES_MAX) {
        return failf(EXIT_USAGE,
                     "--connections: '%s' is no number from 1 to %u", text,
                     SELV_TCP_PLACES_MAX);
    }
    o->connections = (uint32_t)n;
    return 0;
}

static int devices_parse(struct options *o, const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 9 || strspn(text, "0123456789") != len) {
        return failf(EXIT_USAGE,
                     "--devices: '%s' is no number from 0 to 999999999", text);
    }
    o->devices = (uint32_t)strtoul(text, NULL, 10);
    return 0;
}

enum flag {
    FLAG_ROLE = 256,
    FLAG_STATE,
    FLAG_LISTEN,
    FLAG_LISTEN_TCP,
    FLAG_CONNECTIONS,
    FLAG_LOOPS,
    FLAG_UNPROVEN,
    FLAG_DEVICES,
    FLAG_HTTP,
    FLAG_STORE,
    FLAG_KEY,
    FLAG_INSECURE,
    FLAG_JSON,
    FLAG_QUIET,
    FLAG_HELP,
    FLAG_VERSION
};

static int flag_take(struct options *o, int flag, const char *value)
{
    switch ((enum flag)flag) {
    case FLAG_ROLE:
        return roles_parse(o, value);
    case FLAG_STATE:
        o->state = value;
        break;
    case FLAG_LISTEN:
        o->listen = value;
        break;
    case FLAG_LISTEN_TCP:
        o->listen_tcp = value;
        break;
    case FLAG_CONNECTIONS:
        return connections_parse(o, value);
    case FLAG_LOOPS:
        return loops_parse(o, value);
    case FLAG_UNPROVEN:
        return unproven_parse(o, value);
    case FLAG_DEVICES:
        return devices_parse(o, value);
    case FLAG_HTTP:
        o->http = value;
        break;
    case FLAG_STORE:
        return store_parse(o, value);
    case FLAG_KEY:
        return key_add(o, value);
    case FLAG_INSECURE:
        o->is_insecure = true;
        break;
    case FLAG_JSON:
        o->is_json = is_json = true;
        break;
    case FLAG_QUIET:
        o->is_quiet = true;
        break;
    case FLAG_HELP:
        fputs(help, stdout);
        exit(selv_posix_streams_end("selvaged") ? 0 : EXIT_ENVIRONMENT);
    case FLAG_VERSION:
        puts("selvaged " SELVAGE_VERSION);
        exit(selv_posix_streams_end("selvaged") ? 0 : EXIT_ENVIRONMENT);
    default:
        return fail(EXIT_USAGE, "see selvaged --help");
    }
    return 0;
}

static int options_parse(struct options *o, int argc, char **argv)
{
    static const struct option flags[] = {
        {"role", required_argument, NULL, FLAG_ROLE},
        {"state", required_argument, NULL, FLAG_STATE},
        {"listen", required_argument, NULL, FLAG_LISTEN},
        {"listen-tcp", required_argument, NULL, FLAG_LISTEN_TCP},
        {"connections", required_argument, NULL, FLAG_CONNECTIONS},
        {"loops", required_argument, NULL, FLAG_LOOPS},
        {"unproven", required_argument, NULL, FLAG_UNPROVEN},
        {"devices", required_argument, NULL, FLAG_DEVICES},
        {"http", required_argument, NULL, FLAG_HTTP},
        {"store", required_argument, NULL, FLAG_STORE},
        {"key", required_argument, NULL, FLAG_KEY},
        {"insecure", no_argument, NULL, FLAG_INSECURE},
        {"json", no_argument, NULL, FLAG_JSON},
        {"quiet", no_argument, NULL, FLAG_QUIET},
        {"help", no_argument, NULL, FLAG_HELP},
        {"version", no_argument, NULL, FLAG_VERSION},
        {NULL, 0, NULL, 0}};
    int flag;
    int code = 0;
    while (code == 0 &&
           (flag = getopt_long(argc, argv, "h", flags, NULL)) >= 0) {
        code = flag_take(o, flag == 'h' ? FLAG_HELP : flag, optarg);
    }
    if (code == 0 && optind < argc) {
        code = failf(EXIT_USAGE, "'%s' is no flag; see selvaged --help",
                     argv[optind]);
    }
    return code;
}

/* ---- keys ---------------------------------------------------------------- */

/* Keys that fit no signature of ours are ignored, as everywhere. */
static int key_load(struct selv_server *server, const char *path)
{
    struct selv_key key;
    struct selv_error error;
    if (!selv_key_load(path, &key, &error)) {
        return fail(EXIT_ENVIRONMENT, error.text);
    }
    if (key.kind == SELV_KEY_P256) {
        server->anchors[server->anchor_count++] = key.cose;
    } else {
        selv_log(SELV_LOG_WARN, "key", "%s ignored: it is of another kind (%s)",
                 path, key.what);
    }
    selv_key_wipe(&key);
    return 0;
}

/* With --key given and no usable one among them, everything would be taken:
 * never what was meant. */
static int keys_load(struct selv_server *server, const struct options *o)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < o->key_count; i++) {
        code = key_load(server, o->keys[i]);
    }
    if (code == 0 && o->key_count > 0 && server->anchor_count == 0) {
        code = fail(EXIT_ENVIRONMENT, "--key: none of the keys can verify a"
                                      " manifest: P-256 keys are needed");
    }
    return code;
}

/* ---- what is kept -------------------------------------------------------- */

static int records_open(struct process *p, const struct options *o)
{
    char path[SELV_STATE_PATH_MAX + 16];
    struct selv_records *records = &p->server.records;
    if (o->store != NULL) {
        snprintf(path, sizeof path, "%s", o->store);
    } else {
        snprintf(path, sizeof path, "%s/selvage.db", p->state.path);
    }
    enum selv_db_status status = selv_records_open(records, path);
    const char *try = "see what the system says about it";
    switch (status) {
    case SELV_DB_OK:
        /* The database's own name, too, must be on disk. */
        if (fsync(p->state.folder_fd) == 0) {
            return 0;
        }
        return failf(EXIT_ENVIRONMENT, "cannot sync the state folder %s: %s",
                     p->state.path, strerror(errno));
    case SELV_DB_LOCKED:
        try = "another process has it open: stop that one";
        break;
    case SELV_DB_DAMAGED:
        try = "it is damaged: put a backup in its place, or move it away and"
              " let devices register and authors publish again";
        break;
    case SELV_DB_NEWER:
        try = "a later version of selvaged wrote it: run that one";
        break;
    case SELV_DB_FULL:
        try = "the disk is full: make room";
        break;
    case SELV_DB_ROW:
    case SELV_DB_EXISTS:
    case SELV_DB_FAILED:
    default:
        break;
    }
    return failf(EXIT_ENVIRONMENT, "cannot open the database %s: %s; %s", path,
                 selv_records_error(), try);
}

static int state_open(struct process *p, const struct options *o)
{
    char why[SELV_STATE_WHY_LEN];
    unsigned cleaned;
    if (!selv_state_open(&p->state, o->state, why) ||
        !selv_state_token(&p->state, p->server.token, why)) {
        return fail(EXIT_ENVIRONMENT, why);
    }
    if (!selv_blobs_open(&p->server.blobs, p->state.folder_fd, &cleaned)) {
        return failf(EXIT_ENVIRONMENT,
                     "cannot use the folder %s/images: %s; it must be a folder"
                     " that this user can write in",
                     p->state.path, strerror(errno));
    }
    if (cleaned > 0) {
        selv_log(SELV_LOG_INFO, "cleaned", "%u uploads that were cut off",
                 cleaned);
    }
    return records_open(p, o);
}

/* ---- sockets ------------------------------------------------------------- */

static int address_parse(const char *flag, const char *text,
                         const struct options *o,
                         struct selv_net_address *address)
{
    if (!selv_net_parse(text, address)) {
        return failf(EXIT_USAGE,
                     "%s: '%s' is no HOST:PORT such as"
                     " 127.0.0.1:5683 or [::1]:0",
                     flag, text);
    }
    if (!o->is_insecure && !selv_net_is_loopback(address)) {
        return failf(EXIT_USAGE,
                     "%s: other machines can reach %s, and nothing protects"
                     " who reports and who reads yet; use a loopback address,"
                     " or add --insecure in a network that you trust",
                     flag, text);
    }
    return 0;
}

static int bind_fail(const char *flag, const struct selv_net_address *address)
{
    int err = errno;
    char text[SELV_NET_TEXT_LEN];
    selv_net_text(address, text);
    return failf(EXIT_ENVIRONMENT, "%s: cannot listen on %s: %s%s", flag, text,
                 strerror(err),
                 err == EADDRINUSE
                     ? "; another program has this port: stop it, or give"
                       " another one (port 0: any)"
                     : "");
}

static int coap_open(struct process *p, const struct options *o,
                     struct selv_net_address *address)
{
    int fds[SELV_LOOPS_MAX];
    size_t count = selv_net_bind_shared(address, fds, o->loops);
    if (count == 0) {
        return bind_fail("--listen", address);
    }
    if (count < o->loops) {
        selv_log(SELV_LOG_WARN, "loops", "%zu of %zu: %s", count, o->loops,
                 strerror(errno));
    }
    selv_net_text(address, p->server.coap_text);
    uint8_t key[SELV_SIPHASH_KEY_LEN];
    bool is_ready =
        getrandom(key, sizeof key, 0) == (ssize_t)sizeof key &&
        selv_writes_open(&p->server.writes, &p->server.records, o->devices);
    selv_reflect_all_init(&p->server.reflect, key, o->unproven,
                          o->has_unproven);
    selv_wipe(key, sizeof key);
    if (!is_ready) {
        for (size_t i = 0; i < count; i++) {
            close(fds[i]);
        }
        return failf(EXIT_ENVIRONMENT, "serving CoAP: %s", strerror(errno));
    }
    if (!selv_loops_open(&p->loops, &p->server, fds, count, p->wake.fd)) {
        return failf(EXIT_ENVIRONMENT, "serving CoAP: %s", strerror(errno));
    }
    p->server.loops = &p->loops;
    return 0;
}

/* Each connection is a descriptor. How many there may be. */
static uint32_t connections_allowed(uint32_t wanted)
{
    struct rlimit limit;
    uint32_t allowed = wanted;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return wanted;
    }
    rlim_t need = (rlim_t)wanted + DESCRIPTORS;
    if (limit.rlim_cur < need) {
        limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < need) {
        allowed = limit.rlim_cur > 2 * DESCRIPTORS
                      ? (uint32_t)(limit.rlim_cur - DESCRIPTORS)
                      : (uint32_t)(limit.rlim_cur / 2);
        selv_log(SELV_LOG_WARN, "connections",
                 "%u of %u: the system allows %llu descriptors", allowed,
                 wanted, (unsigned long long)limit.rlim_cur);
    }
    return allowed;
}

/* The address is the one given, or, none given, that of CoAP over UDP. */
static int tcp_open(struct process *p, const struct options *o,
                    struct selv_net_address *address)
{
    int fds[SELV_LOOPS_MAX];
    size_t count = selv_tcp_bind(address, fds, p->loops.count);
    if (count == 0) {
        return bind_fail("--listen-tcp", address);
    }
    uint32_t places = connections_allowed(o->connections) / (uint32_t)count;
    selv_net_text(address, p->server.tcp_text);
    if (!selv_loops_listen(&p->loops, fds, count, places > 0 ? places : 1)) {
        return failf(EXIT_ENVIRONMENT, "serving CoAP over TCP: %s",
                     strerror(errno));
    }
    return 0;
}

static int http_open(struct process *p, struct selv_net_address *address)
{
    int fd = selv_net_bind(address, SOCK_STREAM);
    if (fd < 0) {
        return bind_fail("--http", address);
    }
    selv_net_text(address, p->server.http_text);
    p->http_app = selv_http_api(&p->server);
    if (!selv_http_open(&p->http, fd, &p->http_app)) {
        return fail(EXIT_ENVIRONMENT, "the HTTP library did not start");
    }
    return 0;
}

static int sockets_open(struct process *p, const struct options *o)
{
    struct selv_net_address coap;
    struct selv_net_address tcp;
    struct selv_net_address http;
    bool has_tcp = o->listen_tcp == NULL || strcmp(o->listen_tcp, "none") != 0;
    int code = address_parse("--listen", o->listen, o, &coap);
    if (code == 0 && has_tcp) {
        code = address_parse("--listen-tcp",
                             o->listen_tcp != NULL ? o->listen_tcp : o->listen,
                             o, &tcp);
    }
    if (code == 0) {
        code = address_parse("--http", o->http, o, &http);
    }
    if (code == 0) {
        code = coap_open(p, o, &coap);
    }
    if (code == 0 && has_tcp) {
        code = tcp_open(p, o, &tcp);
    }
    if (code == 0) {
        code = http_open(p, &http);
    }
    return code;
}

/* ---- the loop ------------------------------------------------------------ */

static void on_signal(void *user)
{
    struct process *p = user;
    struct signalfd_siginfo info;
    if (read(p->signals.fd, &info, sizeof info) == (ssize_t)sizeof info) {
        selv_log(SELV_LOG_INFO, "stopping", "signal %u", info.ssi_signo);
        selv_loop_stop(&p->loop);
    }
}

/* A loop has noted the first contact since they were written down, has little
 * room for more, or has failed. */
static void on_wake(void *user)
{
    struct process *p = user;
    uint64_t now = selv_clock_monotonic_ms();
    eventfd_t unused;
    (void)eventfd_read(p->wake.fd, &unused);
    if (selv_loops_failed(&p->loops)) {
        p->loop_err = errno;
        selv_loop_stop(&p->loop);
    }
    if (selv_loops_contacts_full(&p->loops)) {
        p->contacts_due_ms = now;
    } else if (p->contacts_due_ms == 0) {
        p->contacts_due_ms = now + CONTACTS_MS;
    }
}

static int64_t contacts_wait_ms(void *user)
{
    struct process *p = user;
    uint64_t now = selv_clock_monotonic_ms();
    if (p->contacts_due_ms == 0) {
        return -1;
    }
    return p->contacts_due_ms > now ? (int64_t)(p->contacts_due_ms - now) : 0;
}

static void on_contacts(void *user)
{
    struct process *p = user;
    p->contacts_due_ms = 0;
    if (selv_loops_contacts_write(&p->loops) != SELV_DB_OK) {
        selv_log(SELV_LOG_WARN, "database", "times of contact not written: %s",
                 selv_records_error());
    }
}

/* SIGXFSZ and SIGPIPE become errors of the calls that caused them. */
static int signals_open(struct process *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    int err = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (err != 0) {
        return failf(EXIT_ENVIRONMENT, "signals: %s", strerror(err));
    }
    p->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    p->signals.on_ready = on_signal;
    p->signals.user = p;
    p->wake.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    p->wake.on_ready = on_wake;
    p->wake.user = p;
    p->contacts.fd = -1;
    p->contacts.on_ready = on_contacts;
    p->contacts.wait_ms = contacts_wait_ms;
    p->contacts.user = p;
    if (p->signals.fd < 0 || p->wake.fd < 0) {
        return failf(EXIT_ENVIRONMENT, "signals: %s", strerror(errno));
    }
    return 0;
}

static int loop_open(struct process *p)
{
    if (!selv_loop_init(&p->loop) || !selv_loop_add(&p->loop, &p->signals) ||
        !selv_loop_add(&p->loop, &p->wake) ||
        !selv_loop_add(&p->loop, selv_http_source(&p->http)) ||
        !selv_loop_add(&p->loop, &p->contacts)) {
        return failf(EXIT_ENVIRONMENT, "the event loop: %s", strerror(errno));
    }
    return 0;
}

static int ready_tell(const struct process *p)
{
    const char *tcp = p->server.tcp_text;
    bool has_tcp = tcp[0] != 0;
    const char *between = is_json ? "\",\"" : " ";
    printf("%scoap://%s%s%s%s%shttp://%s%s",
           is_json ? "{\"listening\":[\"" : "listening ", p->server.coap_text,
           between, has_tcp ? "coap+tcp://" : "", tcp, has_tcp ? between : "",
           p->server.http_text, is_json ? "\"]}\n" : "\n");
    return fflush(stdout) == 0 ? 0
                               : failf(EXIT_ENVIRONMENT, "standard output: %s",
                                       strerror(errno));
}

static int server_run(struct process *p, const struct options *o)
{
    int code = 0;
    if (selv_crypto_init()) {
        return fail(EXIT_ENVIRONMENT, "the crypto library did not start");
    }
    code = keys_load(&p->server, o);
    if (code == 0) {
        code = signals_open(p);
    }
    if (code == 0) {
        code = state_open(p, o);
    }
    if (code == 0) {
        code = sockets_open(p, o);
    }
    if (code == 0) {
        code = loop_open(p);
    }
    if (code == 0 && !selv_loops_start(&p->loops)) {
        code = failf(EXIT_ENVIRONMENT, "threads: %s; try --loops 1",
                     strerror(errno));
    }
    if (code == 0) {
        code = ready_tell(p);
    }
    if (code == 0) {
        int err = selv_loop_run(&p->loop) ? p->loop_err : errno;
        code = err == 0 ? 0
                        : failf(EXIT_ENVIRONMENT, "the event loop: %s",
                                strerror(err));
    }
    return code;
}

static void server_close(struct process *p)
{
    selv_http_close(&p->http);
    selv_loops_stop(&p->loops);
    selv_writes_close(&p->server.writes);
    if (p->loops.count > 0 &&
        selv_loops_contacts_write(&p->loops) != SELV_DB_OK) {
        selv_log(SELV_LOG_WARN, "database", "times of contact not written: %s",
                 selv_records_error());
    }
    selv_loops_close(&p->loops);
    selv_records_close(&p->server.records);
    selv_blobs_close(&p->server.blobs);
    selv_loop_close(&p->loop);
    if (p->signals.fd >= 0) {
        close(p->signals.fd);
    }
    if (p->wake.fd >= 0) {
        close(p->wake.fd);
    }
    selv_state_close(&p->state);
    selv_wipe(p->server.token, sizeof p->server.token);
}

int main(int argc, char **argv)
{
    struct options o = {.roles = SELV_ROLE_FIRMWARE | SELV_ROLE_TRACKER,
                        .listen = "127.0.0.1:5683",
                        .connections = CONNECTIONS,
                        .loops = selv_loops_default(),
                        .devices = SELV_WRITES_DEVICES_MAX,
                        .unproven = SELV_REFLECT_RATE,
                        .http = "127.0.0.1:8683"};
    if (!selv_posix_streams_hold()) {
        return EXIT_ENVIRONMENT;
    }
    /* Nothing that this process makes is for others to read. */
    umask(077);
    int code = options_parse(&o, argc, argv);
    if (code != 0) {
        return code;
    }
    selv_log_init(o.is_quiet ? SELV_LOG_WARN : SELV_LOG_INFO, o.is_json);
    struct process *p = &process;
    p->server.roles = o.roles;
    p->state.folder_fd = p->state.lock_fd = -1;
    p->server.blobs.folder_fd = p->server.blobs.temporary_fd = -1;
    p->wake.fd = p->loop.epoll_fd = p->signals.fd = -1;
    code = server_run(p, &o);
    server_close(p);
    return code;
}
