/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/main.c - selvage-sim: what it is asked for, and how it answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "posix/posix.h"
#include "sim/canary.h"
#include "sim/cut.h"
#include "sim/hostile.h"
#include "sim/relay.h"

enum { EXIT_GOOD = 0, EXIT_FAULT = 1, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3 };

static const char help[] =
    "usage: selvage-sim cut [flags]\n"
    "       selvage-sim hostile [--strategy NAME] [--geometry NAMES] [--seed "
    "N]\n"
    "                           [--replay STRING]\n"
    "       selvage-sim relay --to HOST:PORT --link TEXT [flags], see relay "
    "--help\n"
    "\n"
    "Run a whole update on virtual flash, with the real bootloader, and cut\n"
    "the power before, inside and after every write and erase. After each cut\n"
    "the device boots again until nothing changes; after each boot the rules\n"
    "are checked: an authentic image runs, no number falls, no boot loop.\n"
    "hostile damages journal, log and slots at each stage of an update:\n"
    "every byte, every length, old and future logs, forged\n"
    "requests, moved images.\n"
    "\n"
    "  --flow NAME[,NAME]      update, revert, watchdog, crash, repeat,\n"
    "                          recover (nothing boots, and a release comes\n"
    "                          over the serial line), lost (nor is there a\n"
    "                          journal), or all (all)\n"
    "  --geometry NAME[,NAME]  see --list, or all (all)\n"
    "  --strategy NAME         ab, swap, overwrite, ram, loader or\n"
    "                          stages (ab)\n"
    "  --app NAME              consumer, chunks (the same with chunk lists),\n"
    "                          or script (consumer)\n"
    "  --worn                  begin with journal and log one record before\n"
    "                          they wrap around, the log with serials near "
    "2^32\n"
    "  --depth N               cuts in a row, 1 to 4 (1)\n"
    "  --seconds N             for all of it: depth 1 whole, of the rest a\n"
    "                          sample, and what share that is (no limit)\n"
    "  --faults NAME[,NAME]    besides clean and torn cuts: metastable (bytes\n"
    "                          read differently later), reads (any read of\n"
    "                          the bootloader fails once), writes (any write\n"
    "                          or erase of it fails: once, half done, or with\n"
    "                          its sector for this boot), all, none (all)\n"
    "  --seed N                of the random bits of torn operations (1)\n"
    "  --jobs N                processes (one for each core)\n"
    "  --no-shortcuts          run each boot of each case, also those that\n"
    "                          were run before: the same result, slowly\n"
    "  --replay STRING         run the one case that a fault names\n"
    "  --canary                search journals and bootloaders that are "
    "broken\n"
    "                          on purpose; succeeds when each is caught. By\n"
    "                          default --app script --geometry 512x8-ff:\n"
    "                          minutes; on all geometries, hours. One process\n"
    "  --only NAME[,NAME]      of the canaries, these (all)\n"
    "  --break NAME            selvage-sim-canary only: with this journal\n"
    "  --list                  name the geometries\n"
    "  --json  --quiet  --no-progress  --help  --version\n"
    "\n"
    "exit: 0 every rule held, 1 a rule was broken, 2 usage, 3 environment\n";

static int usage(const char *what, const char *which)
{
    fprintf(stderr, "selvage-sim: %s%s%s; see selvage-sim --help\n", what,
            which[0] != 0 ? ": " : "", which);
    return EXIT_USAGE;
}

/* ---- arguments -------------------------------------------------------------
 */

static bool parse_number(const char *text, unsigned long max,
                         unsigned long *out)
{
    char *end;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return errno == 0 && end != text && *end == 0 && text[0] != '-' &&
           *out <= max;
}

/* Calls take for each name in a list. */
static bool parse_list(const char *text, struct cut_options *o,
                       bool (*take)(struct cut_options *, const char *))
{
    char name[32];
    while (*text != 0) {
        size_t n = strcspn(text, ",");
        if (n == 0 || n >= sizeof name) {
            return false;
        }
        memcpy(name, text, n);
        name[n] = 0;
        if (!take(o, name)) {
            return false;
        }
        text += n;
        text += *text == ',';
    }
    return true;
}

static bool take_flow(struct cut_options *o, const char *name)
{
    bool is_known = strcmp(name, "all") == 0;
    for (int i = 0; i < SIM_FLOW_COUNT; i++) {
        if (is_known || strcmp(name, sim_flow_name((enum sim_flow)i)) == 0) {
            o->flows[i] = true;
            if (strcmp(name, "all") != 0) {
                return true;
            }
        }
    }
    return is_known;
}

static bool take_fault(struct cut_options *o, const char *name)
{
    bool is_all = strcmp(name, "all") == 0;
    bool is_metastable = strcmp(name, "metastable") == 0;
    bool is_reads = strcmp(name, "reads") == 0;
    bool is_writes = strcmp(name, "writes") == 0;
    o->faults.has_metastable |= is_all || is_metastable;
    o->faults.has_reads |= is_all || is_reads;
    o->faults.has_writes |= is_all || is_writes;
    return is_all || is_metastable || is_reads || is_writes ||
           strcmp(name, "none") == 0;
}

static bool take_geometry(struct cut_options *o, const char *name)
{
    if (strcmp(name, "all") == 0) {
        for (size_t i = 0; i < selv_geometry_count; i++) {
            o->geometries[i] = true;
        }
        return true;
    }
    const struct selv_geometry *g = selv_geometry_find(name);
    if (g != NULL) {
        o->geometries[g - selv_geometries] = true;
    }
    return g != NULL;
}

static int list_geometries(void)
{
    printf("name             sector  unit  erased  image      torn units\n");
    for (size_t i = 0; i < selv_geometry_count; i++) {
        const struct selv_geometry *g = &selv_geometries[i];
        printf("%-16s %6u %5u    0x%02x  %u sectors  %s\n", g->name,
               (unsigned)g->sector_len, (unsigned)g->write_unit,
               (unsigned)g->erased, (unsigned)g->image_sectors,
               g->has_ecc ? "do not read" : "read as any bits");
    }
    return EXIT_GOOD;
}

enum flag_kind { FLAG_NONE, FLAG_VALUE };

static const struct {
    const char *name;
    enum flag_kind kind;
    char key;
} flags[] = {
    {"--flow", FLAG_VALUE, 'f'},       {"--geometry", FLAG_VALUE, 'g'},
    {"--strategy", FLAG_VALUE, 'S'},   {"--app", FLAG_VALUE, 'a'},
    {"--depth", FLAG_VALUE, 'd'},      {"--seed", FLAG_VALUE, 's'},
    {"--jobs", FLAG_VALUE, 'j'},       {"--replay", FLAG_VALUE, 'r'},
    {"--canary", FLAG_NONE, 'c'},      {"--break", FLAG_VALUE, 'b'},
    {"--seconds", FLAG_VALUE, 't'},    {"--faults", FLAG_VALUE, 'F'},
    {"--only", FLAG_VALUE, 'o'},       {"--worn", FLAG_NONE, 'w'},
    {"--json", FLAG_NONE, 'J'},        {"--quiet", FLAG_NONE, 'q'},
    {"--no-progress", FLAG_NONE, 'p'}, {"--no-shortcuts", FLAG_NONE, 'n'},
};

static bool select_canary(const char *name)
{
    for (size_t i = 0; i < sim_canary_count; i++) {
        if (strcmp(name, sim_canary_name(i)) == 0) {
            sim_canary_select(i);
            return true;
        }
    }
    return false;
}

static bool set_flag(struct cut_options *o, char key, const char *value)
{
    unsigned long n = 0;
    switch (key) {
    case 'f':
        o->has_flows = true;
        return parse_list(value, o, take_flow);
    case 'g':
        o->has_geometries = true;
        return parse_list(value, o, take_geometry);
    case 'a':
        o->app = sim_cut_app(value);
        o->app_name = value;
        return o->app != NULL;
    case 'S':
        o->strategy = sim_cut_strategy(value);
        return o->strategy != NULL;
    case 'd':
        o->depth = parse_number(value, SIM_DEPTH_MAX, &n) ? (uint32_t)n : 0;
        return o->depth != 0;
    case 't':
        o->seconds = parse_number(value, 1000000, &n) ? (double)n : 0;
        return o->seconds > 0;
    case 'F':
        o->faults = (struct sim_faults){false, false, false};
        return parse_list(value, o, take_fault);
    case 's':
        o->seed = parse_number(value, ~0ul, &n) ? n : 0;
        return o->seed != 0;
    case 'j':
        o->jobs = parse_number(value, SIM_JOBS_MAX, &n) ? (uint32_t)n : 0;
        return o->jobs != 0;
    case 'r':
        o->replay = value;
        return true;
    case 'o':
        o->only = value;
        return true;
    case 'n':
        o->has_no_shortcuts = true;
        return true;
    case 'w':
        o->is_worn = true;
        return true;
    case 'c':
        o->is_canary = true;
        return true;
    case 'b':
        return select_canary(value);
    case 'J':
        o->is_json = true;
        return true;
    case 'q':
        o->is_quiet = true;
        return true;
    default:
        o->has_no_progress = true;
        return true;
    }
}

static int usage_of_flow(const char *given)
{
    fprintf(stderr, "selvage-sim: --flow: %s; the flows are", given);
    for (int i = 0; i < SIM_FLOW_COUNT; i++) {
        fprintf(stderr, " %s,", sim_flow_name((enum sim_flow)i));
    }
    fprintf(stderr, " all\n");
    return EXIT_USAGE;
}

/* Of a canary everything is settled but where it is looked for. */
static int check_canary(const struct cut_options *o, const char *given)
{
    if (!o->is_canary) {
        return strchr(given, 'o') == NULL
                   ? EXIT_GOOD
                   : usage("--only goes with --canary", "");
    }
    return strpbrk(given, "SdtFrb") == NULL
               ? EXIT_GOOD
               : usage("--canary takes --only, --geometry, --flow, --app, "
                       "--worn and --seed, and each canary its own strategy, "
                       "faults and depth",
                       "");
}

static int parse(int argc, char **argv, struct cut_options *o)
{
    char given[64] = ""; /* the keys */
    for (int i = 0; i < argc; i++) {
        size_t k = 0, count = sizeof flags / sizeof flags[0];
        while (k < count && strcmp(argv[i], flags[k].name) != 0) {
            k++;
        }
        if (k == count) {
            return usage("no such flag", argv[i]);
        }
        const char *value = NULL;
        if (flags[k].kind == FLAG_VALUE) {
            if (i + 1 >= argc) {
                return usage("a value is missing", argv[i]);
            }
            value = argv[++i];
        }
        if (!set_flag(o, flags[k].key, value)) {
            if (flags[k].key == 'f') {
                return usage_of_flow(value);
            }
            return usage(flags[k].name, value != NULL ? value : "");
        }
        size_t len = strlen(given);
        if (len + 1 < sizeof given) {
            given[len] = flags[k].key;
            given[len + 1] = 0;
        }
    }
    return check_canary(o, given);
}

static void set_defaults(struct cut_options *o)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (o->app == NULL) {
        o->app_name = o->is_canary ? SIM_APP_CANARY : SIM_APP_DEFAULT;
        o->app = sim_cut_app(o->app_name);
    }
    if (o->strategy == NULL) {
        o->strategy = sim_cut_strategy(SIM_STRATEGY_DEFAULT);
    }
    if (!o->has_flows) {
        take_flow(o, "all");
    }
    if (!o->has_geometries) {
        take_geometry(o, o->is_canary ? SIM_GEOMETRY_CANARY : "all");
    }
    if (o->jobs == 0) {
        o->jobs = cores < 1                    ? 1
                  : cores > (long)SIM_JOBS_MAX ? SIM_JOBS_MAX
                                               : (uint32_t)cores;
    }
}

/* The program beside this one that holds the broken journals. */
static int run_canary_program(const char *self, int argc, char **argv)
{
    char path[4096];
    char **args = calloc((size_t)argc + 1, sizeof *args);
    int n = snprintf(path, sizeof path, "%s-canary", self);
    if (args == NULL || n < 0 || (size_t)n >= sizeof path) {
        return EXIT_ENVIRONMENT;
    }
    memcpy(args, argv, (size_t)argc * sizeof *args);
    args[0] = path;
    execvp(path, args);
    fprintf(stderr,
            "selvage-sim: %s: %s; it is made by make, and not installed\n",
            path, strerror(errno));
    free(args);
    return EXIT_ENVIRONMENT;
}

static int run(int argc, char **argv)
{
    struct cut_options o = {
        .depth = 1, .seed = 1, .faults = {true, true, true}};
    if (argc < 2) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "relay") == 0) {
        return sim_relay_main(argc - 1, argv + 1);
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return EXIT_GOOD;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("selvage-sim " SELV_VERSION);
            return EXIT_GOOD;
        }
        if (strcmp(argv[i], "--list") == 0) {
            return list_geometries();
        }
    }
    bool is_hostile = strcmp(argv[1], "hostile") == 0;
    if (!is_hostile && strcmp(argv[1], "cut") != 0) {
        return usage("no such noun", argv[1]);
    }
    int status = parse(argc - 2, argv + 2, &o);
    if (status != EXIT_GOOD) {
        return status;
    }
    if (o.is_canary && sim_canary_count == 0) {
        return run_canary_program(argv[0], argc, argv);
    }
    set_defaults(&o);
    if (selv_crypto_init()) {
        fprintf(stderr, "selvage-sim: the crypto library does not start\n");
        return EXIT_ENVIRONMENT;
    }
    if (is_hostile && o.strategy->has_stages) {
        /* Each stage is a bootloader with strategy ab. */
        return usage("hostile does not know --strategy", o.strategy->name);
    }
    if (is_hostile) {
        return sim_hostile(&o);
    }
    if (o.replay != NULL) {
        return sim_cut_replay(&o);
    }
    return o.is_canary ? sim_cut_canaries(&o) : sim_cut_all(&o);
}

int main(int argc, char **argv)
{
    if (!selv_posix_streams_hold()) {
        return EXIT_ENVIRONMENT;
    }
    int code = run(argc, argv);
    return selv_posix_streams_end("selvage-sim") || code != EXIT_GOOD
               ? code
               : EXIT_ENVIRONMENT;
}
