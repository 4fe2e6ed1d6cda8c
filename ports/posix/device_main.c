/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage-device: a device in one process. docs/man/selvage-device.1 is its
 * manual. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "posix/device.h"
#include "posix/strategies.h"

#ifndef SELVAGE_VERSION
#define SELVAGE_VERSION "0"
#endif

#define POLL_S_DEFAULT 60u
#define TRIAL_S_DEFAULT 300u
#define UBOOT "uboot:"
#define RESETS_MAX 10u /* no update takes as many in a row */
#define RESET_WAIT_S 3600u
#define SECONDS_MAX SELV_CONSUMER_SECONDS_MAX

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

bool device_is_stopped(void)
{
    return is_stopped != 0;
}

/* ---- arguments ------------------------------------------------------------
 */

static const char help[] =
    "usage: selvage-device --state DIR --server URI... [options]\n"
    "\n"
    "Run one device: boot, ask for an update, install, boot again.\n"
    "\n"
    "  --state DIR          folder that holds the device's flash\n"
    "  --server URI         where updates are: an update server, such as\n"
    "                       coap://127.0.0.1:5683, or coap+tcp:// where no\n"
    "                       UDP gets through; a static tree on a web server,\n"
    "                       http://host/path; or in a folder,\n"
    "                       file:///media/usb. Several: those preferred first\n"
    "  --ca FILE            certificates (PEM) that https servers are trusted "
    "by,\n"
    "                       instead of the system's\n"
    "  --listen HOST:PORT   take what selvage device push sends, and tell how\n"
    "                       the device is; port 0: any\n"
    "  --observe            have the update server tell when there is "
    "something\n"
    "                       new (a CoAP server; it is asked whether it still\n"
    "                       does when its answer is no longer fresh)\n"
    "  --insecure           listen at an address that others reach\n"
    "  --once               end after one look at the servers and what comes\n"
    "                       of it\n"
    "  --run CMD            run CMD with the image's file as last argument at\n"
    "                       each boot; on trial, status 0 confirms\n"
    "  --bootloader uboot:FILE\n"
    "                       U-Boot boots one of two partitions, as FILE says;\n"
    "                       reboot the machine where needed\n"
    "  --recover PATH       when nothing boots: make a pseudo terminal, which\n"
    "                       PATH is then a link to, and wait for selvage\n"
    "                       recover --port PATH\n"
    "  --poll SECONDS       between looks when nothing is new (60)\n"
    "  --trial-timeout SECONDS\n"
    "                       revert a trial that takes longer (300)\n"
    "  --strategy NAME      of the bootloader: ab, swap, overwrite, ram or\n"
    "                       loader (that which DIR was provisioned for)\n"
    "  --json               one JSON object a line\n"
    "  --quiet              errors only\n"
    "  --no-progress        when a download begins, not how it goes\n"
    "  --version, --help\n"
    "\n"
    "Exit status with --once: 0 confirmed, 10 nothing new, 11 refused,\n"
    "12 reverted, 3 no server or no state, 2 usage, 1 otherwise; with\n"
    "--bootloader also 13, rebooting.\n";

static bool seconds(const char *text, uint32_t *out)
{
    char *end = NULL;
    unsigned long v;

    errno = 0;
    v = strtoul(text, &end, 10);
    if (errno || end == text || *end != '\0' || text[0] == '-' || v < 1 ||
        v > SECONDS_MAX) {
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

static int usage(const char *why)
{
    fprintf(stderr, "selvage-device: %s; see selvage-device --help\n", why);
    return DEVICE_USAGE;
}

static int usage_of(const char *why, const char *argument)
{
    fprintf(stderr, "selvage-device: %s: %s; see selvage-device --help\n",
            argument, why);
    return DEVICE_USAGE;
}

enum option_value {
    OPT_STATE = 1,
    OPT_SERVER,
    OPT_CA,
    OPT_LISTEN,
    OPT_INSECURE,
    OPT_OBSERVE,
    OPT_ONCE,
    OPT_RUN,
    OPT_BOOTLOADER,
    OPT_RECOVER,
    OPT_POLL,
    OPT_TRIAL,
    OPT_STRATEGY,
    OPT_JSON,
    OPT_QUIET,
    OPT_PROGRESS,
    OPT_VERSION,
    OPT_HELP
};

static const struct option options[] = {
    {"state", required_argument, NULL, OPT_STATE},
    {"server", required_argument, NULL, OPT_SERVER},
    {"ca", required_argument, NULL, OPT_CA},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"observe", no_argument, NULL, OPT_OBSERVE},
    {"once", no_argument, NULL, OPT_ONCE},
    {"run", required_argument, NULL, OPT_RUN},
    {"bootloader", required_argument, NULL, OPT_BOOTLOADER},
    {"recover", required_argument, NULL, OPT_RECOVER},
    {"poll", required_argument, NULL, OPT_POLL},
    {"trial-timeout", required_argument, NULL, OPT_TRIAL},
    {"strategy", required_argument, NULL, OPT_STRATEGY},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"no-progress", no_argument, NULL, OPT_PROGRESS},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0}};

static int end_of_words(void)
{
    return 1 + (selv_posix_streams_end("selvage-device") ? DEVICE_CONFIRMED
                                                         : DEVICE_ENVIRONMENT);
}

/* 0: go on; else the exit code plus 1. */
static int read_arguments(struct device *d, int argc, char **argv)
{
    int option;
    char letter[] = "-?";

    d->poll_s = POLL_S_DEFAULT;
    d->trial_s = TRIAL_S_DEFAULT;
    d->state_dir = getenv("SELVAGE_STATE");
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        switch (option) {
        case OPT_STATE:
            d->state_dir = optarg;
            break;
        case OPT_SERVER:
            if (d->server_count == DEVICE_SERVERS_MAX) {
                return usage("more than seven times --server") + 1;
            }
            d->servers[d->server_count++] = optarg;
            break;
        case OPT_CA:
            d->ca = optarg;
            break;
        case OPT_LISTEN:
            d->listen = optarg;
            break;
        case OPT_INSECURE:
            d->is_insecure = true;
            break;
        case OPT_OBSERVE:
            d->is_observing = true;
            break;
        case OPT_ONCE:
            d->is_once = true;
            break;
        case OPT_RUN:
            d->run = optarg;
            break;
        case OPT_BOOTLOADER:
            if (strncmp(optarg, UBOOT, strlen(UBOOT)) != 0 ||
                optarg[strlen(UBOOT)] == '\0') {
                return usage_of("--bootloader takes uboot:FILE", optarg) + 1;
            }
            d->uboot_config = optarg + strlen(UBOOT);
            break;
        case OPT_RECOVER:
            d->recover = optarg;
            break;
        case OPT_POLL:
            if (!seconds(optarg, &d->poll_s)) {
                return usage("--poll takes seconds, 1 to 4000000") + 1;
            }
            break;
        case OPT_TRIAL:
            if (!seconds(optarg, &d->trial_s)) {
                return usage("--trial-timeout takes seconds, 1 to 4000000") + 1;
            }
            break;
        case OPT_STRATEGY:
            if (selv_posix_strategy_find(optarg) == NULL) {
                return usage("--strategy is " SELV_POSIX_STRATEGIES) + 1;
            }
            d->strategy_name = optarg;
            break;
        case OPT_JSON:
            d->is_json = true;
            break;
        case OPT_QUIET:
            d->is_quiet = true;
            break;
        case OPT_PROGRESS:
            d->is_without_progress = true;
            break;
        case OPT_VERSION:
            printf("selvage-device %s\n", SELVAGE_VERSION);
            return end_of_words();
        case OPT_HELP:
        case 'h':
            fputs(help, stdout);
            return end_of_words();
        case ':':
            return usage_of("a value is missing", argv[optind - 1]) + 1;
        default:
            /* Of letters in one argument, getopt stays at that argument. */
            letter[1] = (char)optopt;
            return usage_of("no such option",
                            optopt > OPT_HELP ? letter : argv[optind - 1]) +
                   1;
        }
    }
    if (optind < argc) {
        return usage_of("there are only options", argv[optind]) + 1;
    }
    if (!d->state_dir) {
        return usage("--state is missing") + 1;
    }
    if (d->server_count == 0 && !d->listen) {
        return usage("--server is missing") + 1;
    }
    if (d->uboot_config && d->strategy_name) {
        return usage("--strategy is for our own bootloader") + 1;
    }
    if (d->uboot_config && d->recover) {
        return usage("--recover is for our own bootloader") + 1;
    }
    if (!device_net_check(d)) {
        return usage(d->why.text) + 1;
    }
    return 0;
}

/* ---- the device's life ----------------------------------------------------
 */

static bool open_device(struct device *d)
{
    const struct selv_posix_strategy *chosen = selv_posix_strategy_of(
        d->state_dir, d->uboot_config ? "ab" : d->strategy_name, &d->why);
    const struct selv_layout *layout;
    enum selv_err err;

    if (chosen == NULL) {
        return false;
    }
    d->strategy = chosen->strategy;
    d->layout = layout = chosen->layout;
    if (!selv_posix_flash_open(&d->flash, d->state_dir, &d->why)) {
        return false;
    }
    d->flash.has_loader = d->strategy == &selv_strategy_loader;
    d->media = &d->flash.flash;
    d->attempts_max = SELV_BOOT_ATTEMPTS_MAX;
    d->flash.layout = layout;
    err = selv_layout_check(layout, &d->flash.flash);
    if (!err) {
        err = selv_crypto_init();
    }
    if (!err) {
        err = selv_factory_decode(
            selv_bytes(d->flash.map + layout->factory_off, layout->factory_len),
            &d->factory);
    }
    if (err) {
        snprintf(d->why.text, sizeof d->why.text,
                 "%.160s: %s; provision a device first", d->state_dir,
                 selv_err_str(err));
        return false;
    }
    return device_net_open(d);
}

static int fail(struct device *d, int code)
{
    device_say_error(d, d->why.text);
    return code;
}

/* What to look at where a server of that kind does not answer. */
static const char *advice(const char *server)
{
    if (strncmp(server, "file:", 5) == 0) {
        return "is it mounted, with a tree of release publish --static?";
    }
    return strncmp(server, "http", 4) == 0
               ? "is there a tree of release publish --static?"
               : "is selvaged running there?";
}

static int missed(struct device *d)
{
    const char *server = d->server_count > 0 ? d->servers[0] : "who pushes";

    if (d->server_count == 1) {
        snprintf(d->why.text, sizeof d->why.text,
                 "no usable answer from %.160s; %s", server, advice(server));
    } else {
        snprintf(d->why.text, sizeof d->why.text,
                 "no usable answer from %.100s, nor from any other server",
                 server);
    }
    return fail(d, DEVICE_ENVIRONMENT);
}

int device_outcome(struct device *d)
{
    if (d->has_reverted) {
        return DEVICE_REVERTED;
    }
    if (d->has_confirmed && d->uboot_config) {
        return DEVICE_CONFIRMED; /* and all is on record */
    }
    if (d->has_confirmed) {
        /* The bootloader hears of the confirmation at its next turn, and
         * raises the floor: let it. */
        d->reset_cause = SELV_RESET_REQUESTED;
        return device_boot(d) ? DEVICE_CONFIRMED : DEVICE_FAILED;
    }
    if (d->has_refused) {
        return DEVICE_REFUSED;
    }
    if (d->has_missed_server) {
        return missed(d);
    }
    return DEVICE_NOTHING_NEW;
}

static int ended_by_signal(const struct device *d)
{
    return d->is_once ? DEVICE_FAILED : DEVICE_CONFIRMED;
}

/* The application asked for the loader, and runs again itself: slot B holds
 * none. */
static void note_loader(struct device *d)
{
    const struct selv_boot_check *loader = &d->record.facts.check[SELV_SLOT_B];
    char text[192];

    if (d->strategy != &selv_strategy_loader || d->reset_count == 0 ||
        d->reset_cause != SELV_RESET_REQUESTED ||
        d->record.loader > SELV_LOADER_RESTS || d->record.is_trial ||
        !loader->is_taken || loader->err == SELV_OK) {
        d->loader_misses = 0;
        return;
    }
    if (d->loader_misses++ == 0) {
        snprintf(text, sizeof text,
                 "the loader is needed, and slot B holds none that may run: "
                 "%.120s",
                 selv_err_str(loader->err));
        device_say_error(d, text);
    }
    d->has_refused = true;
}

static bool has_too_many_resets(const struct device *d)
{
    return d->reset_count > RESETS_MAX || d->loader_misses > 1;
}

/* Resets that lead nowhere wear the flash: ever more time between them. False:
 * a signal. */
static bool back_off(struct device *d)
{
    const struct timespec nap = {0, 100000000};
    unsigned doublings = d->reset_count > RESETS_MAX
                             ? d->reset_count - RESETS_MAX
                             : d->loader_misses;
    uint64_t wait_s = doublings < 12 ? UINT64_C(1) << doublings : RESET_WAIT_S;
    uint64_t until_ms;
    char text[96];

    wait_s = wait_s < RESET_WAIT_S ? wait_s : RESET_WAIT_S;
    snprintf(text, sizeof text, "%u resets in a row; the next one in %u s",
             d->reset_count, (unsigned)wait_s);
    device_say_note(d, text);
    until_ms = selv_posix_now_ms() + wait_s * 1000;
    while (!device_is_stopped() && selv_posix_now_ms() < until_ms) {
        nanosleep(&nap, NULL);
    }
    return !device_is_stopped();
}

/* Before the application gets its turn: -1, or the exit code. */
static int weigh_resets(struct device *d)
{
    note_loader(d);
    if (!has_too_many_resets(d)) {
        return -1;
    }
    if (!d->is_once) {
        return back_off(d) ? -1 : DEVICE_CONFIRMED;
    }
    if (d->loader_misses == 0) {
        snprintf(d->why.text, sizeof d->why.text,
                 "%u resets in a row, and no end of them", d->reset_count);
        device_say_error(d, d->why.text);
    }
    d->has_refused = true;
    return device_outcome(d);
}

static int live(struct device *d)
{
    int code;

    if (d->recover != NULL) {
        device_recover_tidy(d);
    }
    for (;;) {
        if (!device_boot(d)) {
            if (d->recover != NULL) {
                if (!device_recover(d)) {
                    return d->why.text[0] != '\0' ? fail(d, DEVICE_ENVIRONMENT)
                                                  : ended_by_signal(d);
                }
                continue;
            }
            snprintf(d->why.text, sizeof d->why.text,
                     "nothing boots: %s; with --recover PATH a release can "
                     "come over a serial line",
                     device_reason(&d->record));
            return fail(d, DEVICE_FAILED);
        }
        code = weigh_resets(d);
        if (code >= 0) {
            return code;
        }
        if (!device_run_image(d)) {
            return fail(d, DEVICE_ENVIRONMENT);
        }
        switch (device_app(d)) {
        case DEVICE_END_RESET:
            d->reset_count++;
            break;
        case DEVICE_END_RESTED:
            return device_outcome(d);
        case DEVICE_END_SIGNAL:
            return ended_by_signal(d);
        case DEVICE_END_ERROR:
            return fail(d, DEVICE_ENVIRONMENT);
        }
    }
}

static void catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = stop;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static bool has_colours(void)
{
    const char *no = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return (no == NULL || *no == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

int main(int argc, char **argv)
{
    static struct device d;
    int code;

    if (!selv_posix_streams_hold()) {
        return DEVICE_ENVIRONMENT;
    }
    code = read_arguments(&d, argc, argv);
    if (code != 0) {
        return code - 1;
    }
    d.is_terminal = isatty(STDOUT_FILENO) != 0;
    d.is_coloured = d.is_terminal && has_colours();
    catch_signals();
    if (!open_device(&d)) {
        code = fail(&d, DEVICE_ENVIRONMENT);
    } else {
        code = d.uboot_config ? device_uboot_live(&d) : live(&d);
        device_say_exit(&d, code);
    }
    device_net_close(&d);
    selv_posix_flash_close(&d.flash);
    return code;
}
