/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/fault.c - run the board's bootloader over each scene once as it
 * is, and then once for each fault: an instruction left out, a bit flipped in
 * what an instruction wrote. What must not boot must not boot then either, nor
 * at the boots that follow without a fault.
 *
 * Two machines: *golden* walks through the run without a fault, once; at each
 * instruction *faulty* is made equal to it, gets its fault, and runs to its
 * end. DESIGN.md says what is covered. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "after.h"
#include "base/base.h"
#include "compare.h"
#include "digest.h"
#include "elf.h"
#include "fast.h"
#include "m3.h"
#include "scene.h"
#include "store/layout.h"
#include "store/record.h"

enum { RUN_MAX = 8000000, PATHS = 1 << 18, SEEN = 1 << 16, DEPTH_MAX = 64 };
/* Calls that a good run comes by more often are no points; and as many points
 * of one case are remembered. */
enum { POINT_OFTEN = 64, TRAIL_MAX = 8192 };
/* Why the last run ended: a magic number and the cause, in RAM. */
enum { RESET_AT = 0x100 };
enum { HOLES_MAX = 1024, ID_MAX = 96, LATER_BOOTS = 4, LATER_FAILS = 2 };

enum kind { SKIP, PAIR, FLIP, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {"skip", "pair", "flip"};
/* r13 and so on have their numbers; then flags, then the word stored. */
enum { FLAGS = 16, STORED = 17 };

struct fault {
    enum kind kind;
    uint32_t index;
    unsigned where, bit; /* of a flip */
};

struct hole {
    enum kind kind;
    uint32_t pc;
    unsigned count;
    const char *what;
    char id[ID_MAX];
};

struct tally {
    uint64_t cases, same, ends[M3_LIMIT + 1], later, losses, holes;
    uint64_t known; /* came into a state that was met before */
};

static struct {
    bool is_whole, is_exact, is_first, by_path, has_pairs, has_flips;
    bool is_alone; /* each case to its end, whatever is known of its states */
    uint64_t seed;
    const char *strategy;
    const char *scene;
    const char *only; /* functions, with commas between; NULL: all */
    const char *open; /* FUNCTION+OFFSET:FACT,...: known holes */
    const char *replay;
    const char *flash; /* write the scene's flash there, and stop */
    const char *log;   /* of QEMU, to be compared with */
    const char *ranges;
    unsigned share; /* one flip position of so many is taken */
    unsigned part;  /* one place of so many is tried */
} options = {
    .strategy = "ab", .seed = 1, .share = 64, .part = 1, .has_flips = true};

static struct elf elf;
static struct m3 golden, faulty;
static uint8_t start_flash[M3_FLASH_LEN];
static uint32_t path_of[RUN_MAX]; /* of each instruction of the golden run */
static uint32_t path_count[PATHS], path_seen[PATHS];
static uint64_t path_key[PATHS];
static uint32_t paths;
/* States that were judged, and what was wrong with those that were bad. */
static struct {
    uint64_t hash;
    const char *wrong;
} seen[SEEN];
static size_t seen_count;
static uint64_t trail[TRAIL_MAX]; /* states of the case under way */
static size_t trail_len;
static uint8_t calls_of[M3_ROM_MAX / 2]; /* how often a good run is there */
static struct hole holes[HOLES_MAX];
static size_t hole_count;
static struct tally tallies[KIND_COUNT];
static uint32_t run_len;    /* instructions of the golden run */
static uint64_t fast_count; /* the same with functions replaced */
static const struct scene *scene;

static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("fault: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
    return a ^ a >> 29;
}

/* ---- machines
 * ------------------------------------------------------------------- */

static void power_on(struct m3 *m)
{
    memset(m->mem, 0, M3_RAM_LEN);
    memcpy(m->mem + M3_RAM_LEN, start_flash, M3_FLASH_LEN);
    for (uint32_t page = 0; page < M3_PAGE_COUNT; page++) {
        m3_touch(m, page);
    }
    m3_clean(m);
    m3_reset(m);
}

/* Processor and what either wrote since the last time. */
static void make_equal(void)
{
    memcpy(&faulty, &golden, offsetof(struct m3, dirty_count));
    struct m3 *const both[2] = {&golden, &faulty};
    for (int k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < both[k]->dirty_count; i++) {
            size_t at = (size_t)both[k]->dirty_list[i] * M3_PAGE_LEN;
            memcpy(faulty.mem + at, golden.mem + at, M3_PAGE_LEN);
            m3_touch(&faulty, both[k]->dirty_list[i]);
        }
    }
    m3_clean(&golden);
    m3_clean(&faulty);
}

static enum m3_speed fast(void)
{
    return options.is_exact ? M3_CURVE : M3_FAST;
}

static uint64_t limit(void)
{
    return options.is_exact ? 2 * (uint64_t)run_len + 400000
                            : 2 * fast_count + 200000;
}

/* ---- the path to an instruction: which calls led to it
 * --------------------------- */

struct calls {
    uint32_t back[DEPTH_MAX];
    uint64_t hash[DEPTH_MAX + 1];
    int depth;
};

static void calls_step(struct calls *c, uint32_t pc, uint32_t next)
{
    while (c->depth > 0 && next == c->back[c->depth - 1]) {
        c->depth--;
    }
    if (m3_is_call(pc) && next != pc + m3_len_at(pc) && c->depth < DEPTH_MAX) {
        c->back[c->depth] = pc + m3_len_at(pc);
        c->hash[c->depth + 1] = mix(c->hash[c->depth], pc);
        c->depth++;
    }
}

static uint32_t path_number(uint64_t calls, uint32_t pc)
{
    uint64_t key = mix(calls, pc) | 1;
    uint32_t at = (uint32_t)(key >> 32) % PATHS;
    while (path_key[at] != 0 && path_key[at] != key) {
        at = (at + 1) % PATHS;
    }
    if (path_key[at] == 0) {
        path_key[at] = key;
        if (++paths > PATHS / 2) {
            die("too many paths");
        }
    }
    return at;
}

/* ---- the golden run
 * ----------------------------------------------------------------- */

static bool is_in(const struct m3 *m, uint8_t slot)
{
    const struct selv_slot_place *place = &scene_layout()->slot[slot];
    return m->r[15] - M3_FLASH_BASE - place->image_off < place->image_len;
}

/* What is handed over to, by the bytes that lie there. */
static enum image image_of(const struct m3 *m)
{
    const uint8_t *flash = m->mem + M3_RAM_LEN;
    if (scene_strategy() == ON_RAM) {
        return m->r[15] - M3_LOAD_BASE < M3_LOAD_LEN
                   ? scene_image(m->mem + (M3_LOAD_BASE - M3_RAM_BASE),
                                 SELV_SLOT_A)
                   : IMAGE_NONE;
    }
    for (uint8_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        if (is_in(m, slot)) {
            return scene_image(flash + scene_layout()->slot[slot].image_off,
                               slot);
        }
    }
    return IMAGE_NONE;
}

/* Whether what is handed over to may run. */
static bool may_run(const struct m3 *m)
{
    return after_may_run(m->mem + M3_RAM_LEN, image_of(m));
}

static bool is_untried(const struct m3 *m)
{
    return after_is_untried(m->mem + M3_RAM_LEN, image_of(m));
}

static const char untried[] = "runs untried";

/* What the boots leave that follow without a fault. */
static void clean_run(void)
{
    const uint8_t *flash = faulty.mem + M3_RAM_LEN;
    after_clean(flash);
    for (int boot = 0; boot < LATER_BOOTS; boot++) {
        m3_reset(&faulty);
        (void)m3_run(&faulty, RUN_MAX, M3_FAST);
        after_clean(flash);
    }
}

static void golden_run(void)
{
    struct calls calls = {.depth = 0, .hash = {1}};
    memset(path_key, 0, sizeof path_key);
    memset(path_count, 0, sizeof path_count);
    memset(path_seen, 0, sizeof path_seen);
    paths = 0;
    memset(calls_of, 0, sizeof calls_of);
    after_begin(scene, start_flash);
    power_on(&faulty);
    (void)m3_run(&faulty, RUN_MAX, M3_FAST);
    fast_count = faulty.count;
    power_on(&golden);
    for (run_len = 0; golden.end == M3_RUNS; run_len++) {
        uint32_t pc = golden.r[15];
        if (run_len == RUN_MAX) {
            die("%s: does not end", scene->name);
        }
        path_of[run_len] =
            path_number(options.by_path ? calls.hash[calls.depth] : 1, pc);
        path_count[path_of[run_len]]++;
        if (pc < M3_ROM_MAX && calls_of[pc / 2] < UINT8_MAX) {
            calls_of[pc / 2]++;
        }
        m3_step(&golden, M3_CURVE);
        calls_step(&calls, pc, golden.r[15]);
    }
    enum m3_end right =
        scene->slot < SELV_SLOT_COUNT ? M3_HANDED_OVER : M3_HALTED;
    if (golden.end != right ||
        (right == M3_HANDED_OVER &&
         (!may_run(&golden) || image_of(&golden) != scene->image)) ||
        faulty.end != golden.end || faulty.r[15] != golden.r[15] ||
        memcmp(faulty.console, golden.console, golden.console_len) != 0 ||
        memcmp(faulty.mem + M3_RAM_LEN, golden.mem + M3_RAM_LEN,
               M3_FLASH_LEN) != 0) {
        die("%s: without a fault: end %d at 0x%08x, fast %d; %.*s", scene->name,
            (int)golden.end, golden.r[15], (int)faulty.end,
            (int)golden.console_len, golden.console);
    }
    clean_run();
}

/* ---- judgement
 * ------------------------------------------------------------------------ */

/* All that a later boot can see: flash, and why the last run ended. */
static uint64_t lasting(void)
{
    uint64_t why;
    memcpy(&why, faulty.mem + RESET_AT, 8);
    return mix(digest_flash(&faulty), why) | 1;
}

static size_t seen_at(uint64_t hash)
{
    size_t at = (size_t)(hash >> 20) % SEEN;
    while (seen[at].hash != 0 && seen[at].hash != hash) {
        at = (at + 1) % SEEN;
    }
    return at;
}

static void see(uint64_t hash, const char *wrong)
{
    size_t at = seen_at(hash);
    if (seen[at].hash == 0 && seen_count < SEEN / 2) {
        seen[at].hash = hash;
        seen[at].wrong = wrong;
        seen_count++;
    }
}

/* Whole slots may move, where one sector should. */
static uint64_t later_limit(void)
{
    return scene_moves() ? 40000000 : 2 * fast_count + 400000;
}

/* The faulty machine runs on, to its end or to a state that is known: then NULL
 * and its ending in *known. States of other boots are other states. */
static bool run_on(uint64_t until, enum m3_speed speed, uint64_t which,
                   struct ending *known)
{
    if (options.is_alone) {
        (void)m3_run(&faulty, until, speed);
    }
    while (faulty.end == M3_RUNS &&
           m3_run_to_point(&faulty, until, speed) == M3_RUNS) {
        uint64_t digest;
        if (!digest_state(&faulty, &digest)) {
            continue;
        }
        digest = which == 0 ? digest : mix(digest, which) | 1;
        const struct ending *found = known_find(digest);
        if (found != NULL) {
            *known = *found;
            return true;
        }
        if (trail_len < TRAIL_MAX) {
            trail[trail_len++] = digest;
        }
    }
    return false;
}

/* One boot without a fault from what is left: NULL, or what is wrong.
 * *is_over: that is the last word, of this boot and of those after it. */
static const char *boot_again(struct tally *t, int boot, int *fails,
                              bool *is_over)
{
    struct ending known;
    t->later++;
    m3_reset(&faulty);
    *is_over = run_on(later_limit(), M3_FAST,
                      (uint64_t)boot << 8 | (uint64_t)*fails << 16 | 1, &known);
    if (*is_over) {
        t->known++;
        return known.wrong;
    }
    if (faulty.end == M3_HANDED_OVER) {
        return may_run(&faulty)      ? NULL
               : is_untried(&faulty) ? untried
                                     : "boots, later";
    }
    bool is_dead = scene->slot < SELV_SLOT_COUNT && ++*fails > LATER_FAILS;
    return is_dead ? "boots no more" : NULL;
}

/* What the fault left in flash, and the boots that follow, without a fault. A
 * state that was judged is not judged again. */
static const char *later(struct tally *t)
{
    uint64_t chain[LATER_BOOTS + 1];
    const char *wrong = NULL;
    bool is_over = false;
    int fails = 0, len = 0;
    while (wrong == NULL && !is_over && len <= LATER_BOOTS) {
        chain[len] = lasting();
        size_t at = seen_at(chain[len++]);
        if (seen[at].hash != 0) {
            wrong = seen[at].wrong;
            break;
        }
        wrong = after_wrong(faulty.mem + M3_RAM_LEN, len - 1);
        if (wrong == NULL && len <= LATER_BOOTS) {
            wrong = boot_again(t, len, &fails, &is_over);
        }
    }
    while (len > 0) {
        see(chain[--len], wrong);
    }
    return wrong;
}

static void hole_add(const struct fault *f, uint32_t pc, const char *what)
{
    struct hole *h = holes;
    while (h < holes + hole_count &&
           (h->kind != f->kind || h->pc != pc || strcmp(h->what, what) != 0)) {
        h++;
    }
    if (h == holes + HOLES_MAX) {
        return;
    }
    if (h == holes + hole_count) {
        hole_count++;
        h->kind = f->kind;
        h->pc = pc;
        h->count = 0;
        h->what = what;
        (void)snprintf(h->id, sizeof h->id, "%s/%s/%u", scene->name,
                       kind_names[f->kind], f->index);
        if (f->kind == FLIP) {
            size_t len = strlen(h->id);
            (void)snprintf(h->id + len, sizeof h->id - len, "/%u/%u", f->where,
                           f->bit);
        }
    }
    h->count++;
}

/* The faulty machine runs to its end, or to a state that was met before, whose
 * ending is its own. */
static struct ending run_out(struct tally *t)
{
    struct ending known;
    trail_len = 0;
    if (run_on(faulty.count + limit(), fast(), 0, &known)) {
        t->known++;
        return known;
    }
    bool is_wrong = faulty.end == M3_HANDED_OVER && !may_run(&faulty);
    struct ending ending = {.end = faulty.end};
    ending.wrong = is_wrong && is_untried(&faulty) ? untried
                   : is_wrong                      ? "boots"
                                                   : later(t);
    return ending;
}

/* What the states that it came by lead to. */
static void learn(struct ending ending)
{
    while (trail_len > 0) {
        known_add(trail[--trail_len], ending);
    }
}

/* States are compared behind calls, of which not too many are made. */
static void choose_points(void)
{
    m3_no_points();
    known_forget();
    for (uint32_t at = 0; at + 4 < elf.rom_len; at += 2) {
        uint32_t back = at + m3_len_at(at);
        if (m3_is_call(at) && calls_of[back / 2] <= POINT_OFTEN) {
            m3_point_at(back);
        }
    }
}

/* Every state that the run without a fault comes by is good. */
static void golden_learn(void)
{
    struct tally nobody;
    if (options.is_alone) {
        return;
    }
    choose_points();
    memset(&nobody, 0, sizeof nobody);
    power_on(&faulty);
    learn(run_out(&nobody));
}

/* The faulty machine has its fault; pc: the instruction that it hit. */
static void judge(const struct fault *f, uint32_t pc)
{
    struct tally *t = &tallies[f->kind];
    t->cases++;
    struct ending ending = run_out(t);
    const char *wrong = ending.wrong;
    learn(ending);
    t->ends[ending.end]++;
    if (wrong == untried || (wrong != NULL && after_is_loss(wrong))) {
        t->losses++;
    } else if (wrong != NULL) {
        t->holes++;
        hole_add(f, pc, wrong);
    }
}

/* ---- which cases
 * ------------------------------------------------------------------------- */

/* Of each group of instructions alike, one that the seed draws, half of the
 * time the last one; of each path the first and the last time, too. */
static bool is_chosen(uint32_t index, uint32_t turn, uint32_t count)
{
    uint64_t draw = mix(mix(options.seed, path_key[path_of[index]]), count);
    bool is_end = turn == count - 1 || turn == 0;
    uint32_t drawn =
        draw >> 40 & 1 ? count - 1 : (uint32_t)((draw >> 11) % count);
    bool is_part = (draw >> 3) % options.part == 0;
    return options.is_whole ||
           (is_part && ((is_end && options.by_path) || turn == drawn));
}

static bool is_asked_for(uint32_t pc)
{
    const struct elf_function *f = elf_at(&elf, pc);
    const char *at = options.only;
    /* What the compiler puts behind a name is not asked for. */
    size_t len = f == NULL ? 0 : strcspn(f->name, ".");
    while (at != NULL && f != NULL) {
        if (strncmp(at, f->name, len) == 0 &&
            (at[len] == 0 || at[len] == ',')) {
            return true;
        }
        at = strchr(at, ',');
        at = at == NULL ? NULL : at + 1;
    }
    return options.only == NULL;
}

static bool is_verdict(uint32_t word)
{
    return word == (uint32_t)SELV_GOOD || word == (uint32_t)SELV_BAD ||
           word == ~(uint32_t)SELV_GOOD || word == ~(uint32_t)SELV_BAD;
}

static bool holds_verdict(const struct m3 *m)
{
    for (unsigned reg = 0; reg < 15; reg++) {
        if ((m->written >> reg & 1) && is_verdict(m->r[reg])) {
            return true;
        }
    }
    return false;
}

static uint32_t stored_word(const struct m3 *m)
{
    uint32_t word = 0;
    if (m->store_at >= 0) {
        memcpy(&word, m->mem + m->store_at, 4);
    }
    return word;
}

static void flip(const struct fault *f)
{
    make_equal();
    if (f->where < 16) {
        faulty.r[f->where] ^= 1u << f->bit;
    } else if (f->where == STORED) {
        m3_mark(&faulty, (uint32_t)faulty.store_at);
        faulty.mem[(uint32_t)faulty.store_at + f->bit / 8] ^=
            (uint8_t)(1u << f->bit % 8);
    } else {
        bool *const flags[4] = {&faulty.n, &faulty.z, &faulty.c, &faulty.v};
        *flags[f->bit] = !*flags[f->bit];
    }
}

/* After the instruction: everything that it wrote, a bit at a time. */
static void flips(uint32_t index, uint32_t pc)
{
    uint64_t draw = mix(options.seed ^ 0x5eed, index);
    bool is_drawn = (draw >> 13) % options.share == 0;
    /* Verdicts are tried more often: all of them, or one of three. */
    bool is_near = options.by_path || options.is_whole || (draw >> 40) % 3 == 0;
    struct fault f = {.kind = FLIP, .index = index};
    uint32_t written = golden.written;
    bool is_flags = golden.is_flags_set && is_drawn;
    bool is_stored =
        golden.store_at >= 0 &&
        (is_drawn || (is_near && is_verdict(stored_word(&golden))));
    bool is_register = is_drawn || (is_near && holds_verdict(&golden));
    if (golden.end != M3_RUNS) {
        return;
    }
    for (f.where = 0; f.where <= STORED; f.where++) {
        bool is_it = f.where < 15    ? is_register && (written >> f.where & 1)
                     : f.where == 15 ? false
                     : f.where == FLAGS ? is_flags
                                        : is_stored;
        unsigned bits = f.where == FLAGS ? 4 : 32;
        for (f.bit = 0; is_it && f.bit < bits; f.bit++) {
            flip(&f);
            judge(&f, pc);
        }
    }
}

/* Golden has done the instruction before which faulty stands: did it change
 * nothing that leaving it out would? */
static bool is_idle(const struct m3 *before, uint32_t len)
{
    return !golden.has_stored && golden.r[15] == before->r[15] + len &&
           memcmp(golden.r, before->r, 15 * sizeof golden.r[0]) == 0 &&
           golden.n == before->n && golden.z == before->z &&
           golden.c == before->c && golden.v == before->v &&
           golden.it == before->it && golden.end == M3_RUNS;
}

static void skips(uint32_t index, uint32_t pc)
{
    struct fault f = {.kind = SKIP, .index = index};
    m3_skip(&faulty);
    judge(&f, pc);
}

static void walk(void)
{
    power_on(&golden);
    power_on(&faulty);
    uint64_t covered = 0;
    for (uint32_t index = 0; index < run_len; index++) {
        if (options.is_first && hole_count > 0) {
            break;
        }
        uint32_t pc = golden.r[15], path = path_of[index];
        uint32_t turn = path_seen[path]++;
        bool is_it =
            is_chosen(index, turn, path_count[path]) && is_asked_for(pc);
        covered += is_it;
        if (!is_it) {
            m3_step(&golden, M3_CURVE);
            continue;
        }
        make_equal();
        if (options.has_pairs) {
            struct fault f = {.kind = PAIR, .index = index};
            m3_skip(&faulty);
            if (faulty.end == M3_RUNS) {
                m3_skip(&faulty);
                judge(&f, pc);
            }
            make_equal();
        }
        m3_step(&golden, M3_CURVE);
        if (is_idle(&faulty, m3_len_at(pc))) {
            tallies[SKIP].same++;
        } else {
            skips(index, pc);
        }
        if (options.has_flips) {
            flips(index, pc);
        }
    }
    printf("%-14s %7u instructions, %5u %s, %6llu places tried\n", scene->name,
           run_len, paths, options.by_path ? "paths" : "alike",
           (unsigned long long)covered);
    (void)fflush(stdout);
}

/* ---- output
 * -----------------------------------------------------------------------------------
 */

static void print_place(uint32_t pc)
{
    const struct elf_function *f = elf_at(&elf, pc);
    if (f != NULL) {
        printf("0x%04x %s+%u", pc, f->name, pc - f->address);
    } else {
        printf("0x%04x", pc);
    }
}

static void print_tally(enum kind kind)
{
    const struct tally *t = &tallies[kind];
    printf("%s: %llu cases (and %llu that change nothing): refused %llu, the "
           "right image %llu, reset %llu, hung %llu, into RAM %llu; "
           "%llu came into a state met before, %llu boots after the others; "
           "losses %llu, holes %llu\n",
           kind_names[kind], (unsigned long long)t->cases,
           (unsigned long long)t->same, (unsigned long long)t->ends[M3_HALTED],
           (unsigned long long)(t->ends[M3_HANDED_OVER] - t->holes),
           (unsigned long long)t->ends[M3_RESET],
           (unsigned long long)(t->ends[M3_LIMIT] + t->ends[M3_LOCKED_UP]),
           (unsigned long long)t->ends[M3_WILD], (unsigned long long)t->known,
           (unsigned long long)t->later, (unsigned long long)t->losses,
           (unsigned long long)t->holes);
}

/* Whether a name is one of a list with commas, up to a slash. */
static bool has_name(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = list; *at != 0 && *at != '/';) {
        size_t n = strcspn(at, ",/");
        if (n == len && strncmp(at, name, n) == 0) {
            return true;
        }
        at += n;
        at += *at == ',';
    }
    return false;
}

/* By the instruction and by what is wrong: another one of the same function, or
 * another harm that the same one does, is a new hole. */
static bool is_open(const struct hole *h)
{
    const struct elf_function *f = elf_at(&elf, h->pc);
    char name[ID_MAX];
    if (options.open == NULL || f == NULL) {
        return false;
    }
    (void)snprintf(name, sizeof name, "%.*s+%u:%s", (int)strcspn(f->name, "."),
                   f->name, h->pc - f->address, h->what);
    return has_name(options.open, name);
}

/* False: one of them is not known to be open. */
static bool print_holes(void)
{
    bool is_good = true;
    for (size_t i = 0; i < hole_count; i++) {
        is_good &= is_open(&holes[i]);
        printf("  %s%s ", is_open(&holes[i]) ? "open: " : "",
               kind_names[holes[i].kind]);
        print_place(holes[i].pc);
        printf(": %s, %u, first %s\n", holes[i].what, holes[i].count,
               holes[i].id);
    }
    return is_good;
}

/* ---- one case again
 * ----------------------------------------------------------------------------
 */

static void flash_write(void)
{
    FILE *f = fopen(options.flash, "wb");
    if (f == NULL || fwrite(start_flash, 1, M3_FLASH_LEN, f) != M3_FLASH_LEN ||
        fclose(f) != 0) {
        die("%s: cannot be written", options.flash);
    }
}

static void trace(void)
{
    uint32_t left = 400, last = 0;
    while (faulty.end == M3_RUNS && faulty.count < limit() + run_len) {
        uint32_t pc = faulty.r[15];
        const struct elf_function *f = elf_at(&elf, pc);
        if (left > 0 && (f == NULL || f->address != last)) {
            left--;
            printf("    ");
            print_place(pc);
            printf("  r0 %08x r1 %08x r2 %08x r3 %08x sp %08x\n", faulty.r[0],
                   faulty.r[1], faulty.r[2], faulty.r[3], faulty.r[13]);
        }
        last = f == NULL ? 0 : f->address;
        m3_step(&faulty, M3_FAST);
    }
}

static void replay(void)
{
    char kind[8], name[32];
    struct fault f = {.kind = SKIP};
    int n = sscanf(options.replay, "%31[^/]/%7[^/]/%u/%u/%u", name, kind,
                   &f.index, &f.where, &f.bit);
    if (n < 3 || f.index >= run_len) {
        die("%s: no such case", options.replay);
    }
    power_on(&golden);
    power_on(&faulty);
    while (golden.count < f.index) {
        m3_step(&golden, M3_CURVE);
    }
    uint32_t pc = golden.r[15];
    make_equal();
    if (strcmp(kind, "flip") == 0) {
        m3_step(&golden, M3_CURVE);
        f.kind = FLIP;
        flip(&f);
    } else {
        m3_skip(&faulty);
        if (strcmp(kind, "pair") == 0) {
            f.kind = PAIR;
            m3_skip(&faulty);
        }
    }
    printf("%s: fault at ", options.replay);
    print_place(pc);
    printf("\n");
    trace();
    printf("ends with %d at 0x%08x; console: %.*s\n", (int)faulty.end,
           faulty.r[15], (int)faulty.console_len, faulty.console);
    after_print(start_flash);
    after_print(faulty.mem + M3_RAM_LEN);
    if (options.flash) {
        memcpy(start_flash, faulty.mem + M3_RAM_LEN, M3_FLASH_LEN);
        flash_write();
    }
    for (int boot = 0; boot < LATER_BOOTS; boot++) {
        const char *wrong = after_wrong(faulty.mem + M3_RAM_LEN, boot);
        printf("%s; ", wrong == NULL ? "good" : wrong);
        m3_reset(&faulty);
        (void)m3_run(&faulty, RUN_MAX, M3_FAST);
        printf("the next boot ends with %d at 0x%08x\n", (int)faulty.end,
               faulty.r[15]);
        after_print(faulty.mem + M3_RAM_LEN);
    }
}

/* ---- main
 * ------------------------------------------------------------------------------------------
 */

static bool parse_option(int argc, char **argv, int *i)
{
    const char *a = argv[*i];
    const char *value = *i + 1 < argc ? argv[*i + 1] : NULL;
    if (strcmp(a, "--first") == 0) {
        options.is_first = true;
    } else if (strcmp(a, "--paths") == 0) {
        options.by_path = true;
    } else if (strcmp(a, "--whole") == 0) {
        options.is_whole = true;
    } else if (strcmp(a, "--exact") == 0) {
        options.is_exact = true;
    } else if (strcmp(a, "--alone") == 0) {
        options.is_alone = true;
    } else if (strcmp(a, "--pairs") == 0) {
        options.has_pairs = true;
    } else if (strcmp(a, "--no-flips") == 0) {
        options.has_flips = false;
    } else if (value == NULL) {
        return false;
    } else {
        ++*i;
        if (strcmp(a, "--scene") == 0) {
            options.scene = value;
        } else if (strcmp(a, "--strategy") == 0) {
            options.strategy = value;
        } else if (strcmp(a, "--part") == 0) {
            options.part = (unsigned)strtoul(value, NULL, 0);
        } else if (strcmp(a, "--seed") == 0) {
            options.seed = strtoull(value, NULL, 0);
        } else if (strcmp(a, "--share") == 0) {
            options.share = (unsigned)strtoul(value, NULL, 0);
        } else if (strcmp(a, "--only") == 0) {
            options.only = value;
        } else if (strcmp(a, "--open") == 0) {
            options.open = value;
        } else if (strcmp(a, "--replay") == 0) {
            options.replay = value;
        } else if (strcmp(a, "--flash") == 0) {
            options.flash = value;
        } else if (strcmp(a, "--log") == 0) {
            options.log = value;
        } else if (strcmp(a, "--ranges") == 0) {
            options.ranges = value;
        } else {
            return false;
        }
    }
    return true;
}

/* ---- next to QEMU -------------------------------------------------------- */

static void compare(void)
{
    power_on(&golden);
    uint64_t same = compare_run(&golden, options.log, options.ranges);
    /* QEMU sleeps at once; nothing else may be left to do. */
    (void)m3_run(&golden, golden.count + 16, M3_EXACT);
    printf("%s: %llu instructions as in QEMU; %.*s", scene->name,
           (unsigned long long)same, (int)golden.console_len, golden.console);
    if (same == 0 || golden.end == M3_LIMIT) {
        die("%s: not the same as QEMU, or its log is cut short", scene->name);
    }
}

static void strategy_start(void)
{
    if (scene_strategy() == ON_RAM) {
        m3_loads();
    }
}

/* The board's flash is RAM behind a driver (cells.c). */
static bool driver_install(void)
{
    const struct elf_function *program =
        elf_find(&elf, "selv_board_cells_program");
    const struct elf_function *erase = elf_find(&elf, "selv_board_cells_erase");
    if (program == NULL || erase == NULL) {
        fprintf(stderr, "fault: this ELF has no flash driver\n");
        return false;
    }
    uint32_t from =
        program->address < erase->address ? program->address : erase->address;
    m3_driver(from, program->len + erase->len);
    return true;
}

static bool is_wanted(const struct scene *s)
{
    const char *name = options.replay ? options.replay : options.scene;
    if ((s->on & scene_strategy()) == 0) {
        return false;
    }
    return name == NULL || has_name(name, s->name);
}

int main(int argc, char **argv)
{
    int i = 1;
    while (i < argc && argv[i][0] == '-' && parse_option(argc, argv, &i)) {
        i++;
    }
    if (argc - i != 2 || options.share == 0 || options.part == 0) {
        fputs("usage: fault [--paths | --whole] [--first] [--exact] [--alone] "
              "[--pairs] "
              "[--no-flips] "
              "[--strategy NAME] [--scene NAMES] [--part N] [--only FUNCTIONS] "
              "[--seed N] [--share N] "
              "[--replay CASE] ELF "
              "FOLDER\n",
              stderr);
        return 2;
    }
    if (!elf_read(&elf, argv[i]) ||
        !scene_open(argv[i + 1], options.strategy)) {
        return 3;
    }
    strategy_start();
    m3_program(elf.rom, elf.rom_len);
    if (!fast_install(&elf) || !driver_install()) {
        return 3;
    }
    for (size_t k = 0; k < scene_count; k++) {
        scene = &scenes[k];
        if (!is_wanted(scene)) {
            continue;
        }
        memset(seen, 0, sizeof seen);
        seen_count = 0;
        if (!scene->make(start_flash)) {
            die("%s: cannot be made", scene->name);
        }
        if (options.flash && !options.replay) {
            flash_write();
            continue;
        }
        if (options.log) {
            compare();
            continue;
        }
        golden_run();
        golden_learn();
        if (options.replay) {
            replay();
        } else {
            walk();
        }
    }
    for (int k = 0; k < KIND_COUNT && !options.replay; k++) {
        if (tallies[k].cases > 0) {
            print_tally((enum kind)k);
        }
    }
    bool is_good = print_holes();
    elf_free(&elf);
    return is_good ? 0 : 1;
}
