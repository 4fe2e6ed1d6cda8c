/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/cut.c - see sim/cut.h. */
#include "sim/cut.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/canary.h"
#include "suit/chunks.h"

static const struct {
    const char *name;
    sim_app *app;
} apps[] = {
    {"consumer", sim_app_consumer},
    {"chunks", sim_app_chunks},
    {"script", sim_app_script},
};

sim_app *sim_cut_app(const char *name)
{
    for (size_t i = 0; i < sizeof apps / sizeof apps[0]; i++) {
        if (strcmp(apps[i].name, name) == 0) {
            return apps[i].app;
        }
    }
    return NULL;
}

const struct sim_strategy *sim_cut_strategy(const char *name)
{
    for (size_t i = 0; i < sim_strategy_count; i++) {
        if (strcmp(sim_strategies[i].name, name) == 0) {
            return &sim_strategies[i];
        }
    }
    return NULL;
}

/* ---- releases
 * ---------------------------------------------------------------- */

/* Releases that fill the geometry's slots but for a few bytes, so that the
 * last write unit is not whole. */
bool sim_cut_releases(const struct sim_strategy *strategy, sim_app *runs,
                      const struct selv_geometry *g,
                      struct sim_releases *releases)
{
    /* Their lists need a sector behind the image. */
    bool is_listed = runs == sim_app_chunks;
    struct selv_release *all[] = {&releases->older, &releases->old,
                                  &releases->new, &releases->newest};
    releases->strategy = strategy;
    for (uint32_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct selv_release_plan plan = {
            .sequence = 1 + i,
            .content = 1 + i,
            .install = (uint8_t)strategy->install,
            .chunk_shift = is_listed ? SELV_SUIT_CHUNK_SHIFT_MIN : 0,
            .part = strategy->has_stages ? SELV_PART_STAGE_1 : 0};
        plan.image_len = selv_geometry_image_max(g);
        plan.image_len -= i != 2 || is_listed ? g->sector_len + 5 : 3;
        if (selv_release_make(&plan, all[i])) {
            return false;
        }
    }
    struct selv_release_plan loader = {.sequence = SELV_LOADER_FLOOR,
                                       .content = 9,
                                       .image_len = g->sector_len + 1,
                                       .part = SELV_PART_LOADER};
    struct selv_release_plan app = {
        .sequence = 1, .content = 10, .image_len = g->sector_len + 1};
    bool is_good = !selv_release_make(&loader, &releases->loader) &&
                   !selv_release_make(&app, &releases->app_old);
    app.sequence = 2;
    app.content = 11;
    return is_good && !selv_release_make(&app, &releases->app_new);
}

static void prepare(const struct cut_options *o, struct sim_search *s,
                    const struct selv_geometry *g, enum sim_flow flow,
                    const struct sim_releases *releases)
{
    memset(s, 0, sizeof *s);
    s->geometry = g;
    s->flow = flow;
    s->app = o->app;
    s->app_name = o->app_name;
    s->releases = releases;
    s->seed = o->seed;
    s->depth = o->depth;
    s->faults = o->faults;
    s->is_worn = o->is_worn;
    s->has_no_shortcuts = o->has_no_shortcuts;
    s->share_count = 1;
}

/* ---- one search by several processes
 * -------------------------------------------- */

/* What a process tells the one that started it. */
struct result {
    bool is_good;
    uint32_t op_count;
    uint64_t cut_count, known_count, boot_count, read_count, write_count;
    uint64_t try_count;
    double space, covered;
    const char *how; /* the same in every process: they are forks */
    char fault[200];
    char replay[SIM_REPLAY_MAX];
};

struct progress {
    const char *flow, *geometry;
};

static void show_progress(void *arg, uint32_t done, uint32_t all)
{
    const struct progress *p = arg;
    fprintf(stderr, "\r%-8s %-14s operation %u of %u\033[K", p->flow,
            p->geometry, (unsigned)done, (unsigned)all);
}

static void copy_result(const struct sim_search *s, bool is_good,
                        struct result *r)
{
    memset(r, 0, sizeof *r);
    r->is_good = is_good;
    r->op_count = s->op_count;
    r->cut_count = s->cut_count;
    r->known_count = s->known_count;
    r->boot_count = s->boot_count;
    r->read_count = s->read_count;
    r->write_count = s->write_count;
    r->try_count = s->try_count;
    r->space = s->space;
    r->covered = s->covered;
    r->how = s->how;
    memcpy(r->fault, s->fault, sizeof r->fault);
    memcpy(r->replay, s->replay, sizeof r->replay);
}

static pid_t start_worker(struct sim_search *s, int *fd)
{
    int ends[2];
    struct result r;
    if (pipe(ends) != 0) {
        return -1;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        copy_result(s, sim_search_run(s), &r);
        _exit(write(ends[1], &r, sizeof r) == (ssize_t)sizeof r ? 0 : 3);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -1;
    }
    *fd = ends[0];
    return pid;
}

/* False when the process died without a word (an assertion of ours). */
static bool await_worker(pid_t pid, int fd, struct result *r)
{
    int status;
    size_t have = 0;
    while (have < sizeof *r) {
        ssize_t n = read(fd, (char *)r + have, sizeof *r - have);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        have += (size_t)n;
    }
    close(fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return have == sizeof *r;
}

static void add_result(struct result *sum, const struct result *r)
{
    sum->op_count = r->op_count;
    sum->cut_count += r->cut_count;
    sum->known_count += r->known_count;
    sum->boot_count += r->boot_count;
    sum->read_count += r->read_count;
    sum->write_count += r->write_count;
    sum->space += r->space;
    sum->covered += r->covered;
    if (!r->is_good && sum->is_good) {
        sum->is_good = false;
        memcpy(sum->fault, r->fault, sizeof sum->fault);
        memcpy(sum->replay, r->replay, sizeof sum->replay);
        sum->try_count = r->try_count;
        sum->how = r->how;
    }
}

/* False when the system fails; *sum tells the rest. */
static bool search(const struct cut_options *o, struct sim_search *s,
                   struct result *sum)
{
    pid_t pids[SIM_JOBS_MAX];
    int fds[SIM_JOBS_MAX];
    bool is_whole = true;
    struct progress progress = {sim_flow_name(s->flow), s->geometry->name};
    bool is_shown = !o->is_quiet && !o->is_json && !o->has_no_progress &&
                    isatty(STDERR_FILENO);
    memset(sum, 0, sizeof *sum);
    sum->is_good = true;
    s->share_count = o->jobs;
    for (uint32_t i = 0; i < o->jobs; i++) {
        s->share = i;
        s->on_progress = is_shown && i == 0 ? show_progress : NULL;
        s->on_progress_arg = &progress;
        pids[i] = start_worker(s, &fds[i]);
    }
    for (uint32_t i = 0; i < o->jobs; i++) {
        struct result r;
        if (pids[i] < 0 || !await_worker(pids[i], fds[i], &r)) {
            is_whole = false;
            continue;
        }
        add_result(sum, &r);
    }
    if (is_shown) {
        fprintf(stderr, "\r\033[K");
    }
    if (!is_whole) {
        fprintf(stderr, "selvage-sim: %s %s: a worker ended without a result\n",
                progress.flow, progress.geometry);
    }
    return is_whole;
}

/* ---- telling
 * ---------------------------------------------------------------------- */

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What share of the full depth was covered, in percent: never 100 when
 * something was left out. */
static double share(double covered, double space)
{
    double percent = space > 0 ? 100 * covered / space : 100;
    return covered < space && percent > 99.9 ? 99.9 : percent;
}

/* As many digits as it takes to tell it from nothing. */
static int digits(double percent)
{
    int count = 2;
    for (double least = 0.1; percent > 0 && percent < least && count < 12;
         least /= 10) {
        count++;
    }
    return count;
}

/* Words of ours only: nothing in them needs escaping. */
static void tell(const struct cut_options *o, const struct sim_search *s,
                 const struct result *r, double seconds, bool is_first)
{
    const char *flow = sim_flow_name(s->flow), *name = s->geometry->name;
    if (o->is_json) {
        printf("%s\n  {\"flow\": \"%s\", \"geometry\": \"%s\", "
               "\"operations\": %u, \"cuts\": %llu, \"known\": %llu, "
               "\"boots\": %llu, \"reads\": %llu, \"writes\": %llu, "
               "\"seconds\": %.2f, "
               "\"good\": %s",
               is_first ? "" : ",", flow, name, (unsigned)r->op_count,
               (unsigned long long)r->cut_count,
               (unsigned long long)r->known_count,
               (unsigned long long)r->boot_count,
               (unsigned long long)r->read_count,
               (unsigned long long)r->write_count, seconds,
               r->is_good ? "true" : "false");
        if (r->space > 0) {
            printf(", \"space\": %.0f, \"covered\": %.0f", r->space,
                   r->covered);
        }
        if (!r->is_good) {
            printf(", \"fault\": \"%s\", \"replay\": \"%s\"", r->fault,
                   r->replay);
        }
        printf("}");
        return;
    }
    if (!o->is_quiet || !r->is_good) {
        printf("%-8s %-14s %4u operations %8llu cuts %9llu boots %6.1f s  %s",
               flow, name, (unsigned)r->op_count,
               (unsigned long long)r->cut_count,
               (unsigned long long)r->boot_count, seconds,
               r->is_good ? "good" : "FAULT");
        if (r->read_count > 0) {
            printf(", %llu failed reads", (unsigned long long)r->read_count);
        }
        if (r->write_count > 0) {
            printf(", %llu failed writes", (unsigned long long)r->write_count);
        }
        if (r->space > 0) {
            double percent = share(r->covered, r->space);
            printf(", %.*f %% of depth %u", digits(percent), percent,
                   (unsigned)s->depth);
        }
        printf("\n");
    }
    if (!r->is_good) {
        printf("  %s\n  selvage-sim cut --replay %s\n", r->fault, r->replay);
        if (r->how != NULL) {
            printf("  the last mishap: %s; the smallest of %llu cases\n",
                   r->how, (unsigned long long)r->try_count + 1);
        }
    }
    fflush(stdout);
}

/* ---- commands
 * ---------------------------------------------------------------------- */

/* How many searches there are from this one on, this one included. */
static uint32_t searches_left(const struct cut_options *o, size_t g, int f)
{
    uint32_t count = 0;
    for (; g < selv_geometry_count; g++, f = 0) {
        for (; f < SIM_FLOW_COUNT; f++) {
            count += o->geometries[g] && o->flows[f] &&
                     sim_strategy_has(o->strategy, &selv_geometries[g],
                                      (enum sim_flow)f);
        }
    }
    return count;
}

/* What share of all that the strategy has these searches are. */
static void tell_share(const struct cut_options *o)
{
    struct cut_options all = *o;
    memset(all.geometries, true, sizeof all.geometries);
    memset(all.flows, true, sizeof all.flows);
    printf("depth %u whole in %u of the %u searches of strategy %s (a geometry "
           "and a flow each)\n",
           (unsigned)o->depth, (unsigned)searches_left(o, 0, 0),
           (unsigned)searches_left(&all, 0, 0), o->strategy->name);
}

/* An even part of the time that is left. Some of it always is: depth 1 is
 * whole, however long that takes. */
static double time_for(const struct cut_options *o, double end, size_t g, int f)
{
    double left = (end - now_s()) / searches_left(o, g, f);
    return o->seconds <= 0 ? 0 : left > 0.01 ? left : 0.01;
}

int sim_cut_all(const struct cut_options *o)
{
    struct sim_releases *releases = malloc(sizeof *releases);
    bool is_good = true, is_whole = releases != NULL, is_first = true;
    uint64_t cuts = 0, reads = 0, writes = 0;
    double space = 0, covered = 0, end = now_s() + o->seconds;
    if (searches_left(o, 0, 0) == 0) {
        fprintf(stderr,
                "selvage-sim: nothing to search: the strategy %s has none of "
                "these flows on these geometries\n",
                o->strategy->name);
        free(releases);
        return 2;
    }
    if (o->is_json) {
        printf("{\"app\": \"%s\", \"strategy\": \"%s\", \"depth\": %u, "
               "\"seed\": %llu, "
               "\"searches\": [",
               o->app_name, o->strategy->name, (unsigned)o->depth,
               (unsigned long long)o->seed);
    }
    for (size_t g = 0; g < selv_geometry_count && is_whole; g++) {
        if (!o->geometries[g]) {
            continue;
        }
        is_whole = sim_cut_releases(o->strategy, o->app, &selv_geometries[g],
                                    releases);
        for (int f = 0; f < SIM_FLOW_COUNT && is_whole; f++) {
            struct sim_search s;
            struct result r;
            if (!o->flows[f] ||
                !sim_strategy_has(o->strategy, &selv_geometries[g],
                                  (enum sim_flow)f)) {
                continue;
            }
            double start = now_s();
            prepare(o, &s, &selv_geometries[g], (enum sim_flow)f, releases);
            s.seconds = time_for(o, end, g, f);
            is_whole = search(o, &s, &r);
            tell(o, &s, &r, now_s() - start, is_first);
            is_first = false;
            is_good = is_good && r.is_good;
            cuts += r.cut_count;
            reads += r.read_count;
            writes += r.write_count;
            space += r.space;
            covered += r.covered;
        }
    }
    free(releases);
    if (o->is_json) {
        printf("\n], \"cuts\": %llu, \"good\": %s}\n", (unsigned long long)cuts,
               is_good && is_whole ? "true" : "false");
    } else if (!o->is_quiet && is_whole) {
        printf("%llu cuts, %llu failed reads, %llu failed writes: %s\n",
               (unsigned long long)cuts, (unsigned long long)reads,
               (unsigned long long)writes,
               is_good ? "every rule held" : "RULES WERE BROKEN");
        if (is_good && o->seconds <= 0 && !o->is_worn) {
            tell_share(o);
        }
        if (space > 0) {
            double percent = share(covered, space);
            printf("depth 1 whole; of depth %u %.*f %% (%.0f of about %.0f "
                   "cases), sampled with seed %llu\n",
                   (unsigned)o->depth, digits(percent), percent, covered, space,
                   (unsigned long long)o->seed);
        }
    }
    return !is_whole ? 3 : is_good ? 0 : 1;
}

/* Mishaps from the plainest on: which of them a canary needs is told. */
static const struct {
    const char *words;
    struct sim_faults faults;
    uint32_t depth;
    uint64_t cases; /* at most, of those beyond depth 1; no clock, so that a
                       busy machine finds the same */
} classes[] = {
    {"cuts", {false, false, false}, 1, 0},
    {"failed reads", {false, true, false}, 1, 0},
    {"metastable bytes", {true, false, false}, 1, 0},
    {"failed writes", {false, false, true}, 1, 0},
    {"pairs of metastable bytes", {true, false, false}, 2, 60000},
};

/* Small units have too many ways for pairs of them. */
enum { PAIRS_UNIT_MIN = 8 };

/* True when a search of this canary found a fault. */
static bool is_caught_by(const struct cut_options *o, size_t i, size_t class,
                         struct sim_releases *releases)
{
    for (size_t g = 0; g < selv_geometry_count; g++) {
        for (int f = 0; f < SIM_FLOW_COUNT; f++) {
            struct sim_search s;
            if (!o->geometries[g] || !o->flows[f] ||
                !sim_strategy_has(o->strategy, &selv_geometries[g],
                                  (enum sim_flow)f) ||
                (classes[class].depth > 1 &&
                 selv_geometries[g].write_unit < PAIRS_UNIT_MIN) ||
                !sim_cut_releases(o->strategy, o->app, &selv_geometries[g],
                                  releases)) {
                continue;
            }
            prepare(o, &s, &selv_geometries[g], (enum sim_flow)f, releases);
            s.faults = classes[class].faults;
            s.depth = classes[class].depth;
            s.cases = classes[class].cases;
            if (sim_search_run(&s)) {
                continue;
            }
            if (!o->is_quiet) {
                printf("canary %-12s caught after %llu cuts by %s (%s): %s\n"
                       "  case %s\n",
                       sim_canary_name(i), (unsigned long long)s.cut_count,
                       classes[class].words, s.how, s.fault, s.replay);
            }
            return true;
        }
    }
    return false;
}

static bool is_in_list(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (; *list != 0; list += *list == ',') {
        size_t n = strcspn(list, ",");
        if (n == len && memcmp(list, name, n) == 0) {
            return true;
        }
        list += n;
    }
    return false;
}

/* Each name in the list is one's. */
static bool are_canaries(const char *list)
{
    char name[32];
    size_t n = 0;
    do {
        size_t i = 0;
        n = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, list);
        while (i < sim_canary_count && strcmp(name, sim_canary_name(i)) != 0) {
            i++;
        }
        if (i == sim_canary_count) {
            fprintf(stderr, "selvage-sim: --only: no canary is called %s\n",
                    name);
            return false;
        }
        list += n + (list[n] == ',');
    } while (*list != 0);
    return true;
}

/* A canary is caught when any flow on any geometry finds it. */
int sim_cut_canaries(const struct cut_options *o)
{
    struct sim_releases *releases;
    size_t caught_count = 0, tried_count = 0;
    if (o->only != NULL && !are_canaries(o->only)) {
        return 2;
    }
    releases = malloc(sizeof *releases);
    for (size_t i = 0; releases != NULL && i < sim_canary_count; i++) {
        struct cut_options mine = *o;
        bool is_caught = false;
        if (o->only != NULL && !is_in_list(o->only, sim_canary_name(i))) {
            continue;
        }
        tried_count++;
        mine.strategy = sim_cut_strategy(sim_canary_strategy(i));
        if (!o->has_flows) {
            memset(mine.flows, 0, sizeof mine.flows);
            mine.flows[sim_canary_flow(i)] = true;
        }
        sim_canary_select(i);
        /* Pairs are for those that need them, and for nobody else: a whole
         * depth 1 goes before them. */
        size_t pairs = sizeof classes / sizeof classes[0] - 1;
        size_t class = sim_canary_takes_two(i) ? pairs : 0;
        size_t end = sim_canary_takes_two(i) ? pairs + 1 : pairs;
        for (; class < end && !is_caught; class ++) {
            is_caught = is_caught_by(&mine, i, class, releases);
        }
        if (!is_caught) {
            printf("canary %-12s MISSED\n", sim_canary_name(i));
        }
        caught_count += is_caught;
        fflush(stdout);
    }
    free(releases);
    if (!o->is_quiet) {
        printf("%zu of %zu canaries caught, there are %zu\n", caught_count,
               tried_count, sim_canary_count);
    }
    return tried_count > 0 && caught_count == tried_count ? 0 : 1;
}

/* ---- replay
 * ------------------------------------------------------------------------- */

struct replay {
    char app[16], strategy[16], flow[16], geometry[16];
    unsigned long long seed;
    struct sim_cut cuts[SIM_DEPTH_MAX];
    uint32_t count;
};

/* app/strategy/flow/geometry/seed/op.way[,op.way...] */
static bool parse_replay(const char *text, struct replay *r)
{
    int at = 0, n = 0;
    memset(r, 0, sizeof *r);
    if (sscanf(text, "%15[^/]/%15[^/]/%15[^/]/%15[^/]/%llu/%n", r->app,
               r->strategy, r->flow, r->geometry, &r->seed, &at) != 5 ||
        at == 0) {
        return false;
    }
    while (text[at] != 0 && r->count < SIM_DEPTH_MAX) {
        unsigned op, way;
        n = 0;
        enum sim_mishap mishap = text[at] == 'r'   ? SIM_MISHAP_READ
                                 : text[at] == 'w' ? SIM_MISHAP_WRITE
                                                   : SIM_MISHAP_CUT;
        r->cuts[r->count].mishap = mishap;
        at += mishap != SIM_MISHAP_CUT;
        if (sscanf(text + at, "%u.%u%n", &op, &way, &n) != 2 || n == 0) {
            return false;
        }
        r->cuts[r->count].op = op;
        r->cuts[r->count++].way = way;
        at += n;
        at += text[at] == ',' && text[at + 1] != 0;
        /* Power stays: nothing comes after what failed. */
        if (mishap != SIM_MISHAP_CUT && text[at] != 0) {
            return false;
        }
    }
    return text[at] == 0;
}

/* name may end in "+worn". */
static bool find_flow(char *name, enum sim_flow *flow, bool *is_worn)
{
    char *plus = strchr(name, '+');
    *is_worn = plus != NULL && strcmp(plus, "+worn") == 0;
    if (*is_worn) {
        *plus = 0;
    }
    for (int i = 0; i < SIM_FLOW_COUNT; i++) {
        if (strcmp(name, sim_flow_name((enum sim_flow)i)) == 0) {
            *flow = (enum sim_flow)i;
            return true;
        }
    }
    return false;
}

int sim_cut_replay(const struct cut_options *o)
{
    struct cut_options mine = *o;
    struct sim_search s;
    struct result sum;
    struct replay r;
    enum sim_flow flow;
    bool is_valid =
        parse_replay(o->replay, &r) && find_flow(r.flow, &flow, &mine.is_worn);
    const struct selv_geometry *g =
        is_valid ? selv_geometry_find(r.geometry) : NULL;
    mine.app = is_valid ? sim_cut_app(r.app) : NULL;
    mine.strategy = is_valid ? sim_cut_strategy(r.strategy) : NULL;
    if (g == NULL || mine.app == NULL || mine.strategy == NULL ||
        !sim_strategy_has(mine.strategy, g, flow)) {
        fprintf(stderr,
                "selvage-sim: --replay %s: not of the form "
                "app/strategy/flow/geometry/seed/op.way[,op.way...]\n",
                o->replay);
        return 2;
    }
    struct sim_releases *releases = malloc(sizeof *releases);
    if (releases == NULL ||
        !sim_cut_releases(mine.strategy, mine.app, g, releases)) {
        free(releases);
        return 3;
    }
    mine.app_name = r.app;
    mine.seed = r.seed;
    mine.depth = SIM_DEPTH_MAX;
    mine.faults = (struct sim_faults){true, true, true};
    prepare(&mine, &s, g, flow, releases);
    double start = now_s();
    copy_result(&s, false, &sum);
    bool is_good = sim_search_replay(&s, r.cuts, r.count);
    copy_result(&s, is_good, &sum);
    if (is_good && s.is_missed) {
        fprintf(stderr,
                "selvage-sim: --replay %s: there is no such case; an operation "
                "does not come, or has no such way\n",
                o->replay);
        free(releases);
        return 2;
    }
    tell(o, &s, &sum, now_s() - start, true);
    if (o->is_json) {
        printf("\n");
    }
    free(releases);
    return is_good ? 0 : 1;
}
