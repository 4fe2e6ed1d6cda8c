/* SPDX-License-Identifier: Apache-2.0
 *
 * store/record.h - the boot record: what the bootloader tells the application
 * in RAM. Begins with a magic and a format version; fixed size and layout,
 * little endian as the CPU has it. Never trusted as more than information:
 * the application's answers count only through the nonce, and what the
 * record says of the bootloader only ever makes the application refuse. */
#ifndef SELV_STORE_RECORD_H
#define SELV_STORE_RECORD_H

#include "base/base.h"

#define SELV_RECORD_MAGIC 0x53424f52u /* "SBOR" */
#define SELV_RECORD_VERSION 3u

enum selv_reset_cause {
    SELV_RESET_POWER_ON = 0,
    SELV_RESET_REQUESTED = 1, /* the application asked for it */
    SELV_RESET_WATCHDOG = 2,
    SELV_RESET_CRASH = 3, /* fault handler or selv_panic */
    SELV_RESET_UNKNOWN = 4
};

/* What this boot did, beside booting what is current. */
enum selv_boot_decision {
    SELV_BOOT_UNCHANGED = 0,
    SELV_BOOT_BORN = 1,      /* the first boot of all */
    SELV_BOOT_TRIAL = 2,     /* an update's first boot */
    SELV_BOOT_AGAIN = 3,     /* the next attempt of a trial */
    SELV_BOOT_CONFIRMED = 4, /* what was on trial stays */
    SELV_BOOT_REVERTED = 5,  /* what was on trial goes; refused_reason */
    SELV_BOOT_REFUSED = 6,   /* a request is not granted; refused_reason */
    SELV_BOOT_REPLACED = 7,  /* the current image was not sound, or another
                                than it was: what there is became current */
    SELV_BOOT_INSTALLED = 8  /* an update was installed, without a trial */
};

/* The latest look at what lies in a slot. */
struct selv_boot_check {
    uint16_t err;     /* enum selv_err; SELV_OK: sound, or not looked at */
    int16_t command;  /* of the manifest, that failed; 0: none */
    uint8_t section;  /* key of the manifest element that it stands in, or that
                         is wrong; 0: the envelope */
    uint8_t is_taken; /* 1: looked at in this boot */
};

/* Of slots A and B, in this boot. For reports and people: nothing decides by
 * it. */
struct selv_boot_facts {
    uint8_t decision; /* enum selv_boot_decision */
    uint8_t reserved;
    struct selv_boot_check check[2];
    uint8_t measured[2][32]; /* SHA-256 of the image, as far as its manifest
                                says that it goes; zeros: not hashed */
};

/* Of devices that have a loader (boot/strategy_loader.c): what runs, and why.
 * In the loader's own record sequence and digest are those of the application
 * that was confirmed last. */
enum selv_loader_role {
    SELV_LOADER_NONE = 0,   /* there is none */
    SELV_LOADER_RESTS = 1,  /* the application runs; updates are asked of the
                               loader, in the log */
    SELV_LOADER_ASKED = 2,  /* the loader runs, as the application asked */
    SELV_LOADER_NEEDED = 3, /* the loader runs, since no application boots */
};

struct selv_boot_record {
    uint32_t magic;
    uint16_t version;
    uint16_t len;        /* sizeof(struct selv_boot_record) */
    uint8_t slot;        /* running: SELV_SLOT_A or _B; SELV_SLOT_NONE when
                            nothing may boot */
    uint8_t is_trial;    /* 1: confirm it, or it is reverted */
    uint8_t attempt;     /* of the trial, 1..; 0: not counted (in place, when
                            the journal takes nothing) */
    uint8_t reset_cause; /* enum selv_reset_cause, of this boot */
    uint32_t serial;     /* of the newest record in the boot journal */
    uint64_t accepted;   /* an install must not be lower */
    uint64_t floor;      /* a boot must not be lower */
    uint64_t sequence;   /* of the running manifest */
    uint8_t digest[32];  /* of the running manifest */
    uint8_t nonce[8];    /* hand it back to confirm */
    uint8_t refused_digest[32]; /* last manifest reverted or refused by the
                                   bootloader; zeros: none */
    uint16_t refused_reason;    /* enum selv_err */
    uint8_t refused_was_trial;  /* 1: it ran and was reverted */
    uint8_t loader;             /* enum selv_loader_role */
    uint8_t reserved[4];        /* zeros */
    /* What the bootloader can do with a manifest, in the shared sequence and in
     * each section of boot_sections, which it does not tell apart: one that
     * has install takes copy and swap there only by its own rules. Bit n of a
     * set: it knows number n of the draft. */
    uint64_t boot_commands;
    uint32_t boot_parameters;    /* bit 0: vendor-identifier may be a PEN */
    uint16_t boot_envelope_max;  /* bytes before the integrated payloads */
    uint8_t boot_sections;       /* bits: 0 payload-fetch, 1 install,
                                    2 validate, 3 load, 4 invoke */
    uint8_t boot_components_max; /* in one manifest */
    uint8_t boot_depth_max;      /* sequences in sequences */
    uint8_t boot_signers_max;    /* authentication blocks */
    struct selv_boot_facts facts;
    uint8_t reserved_more[4]; /* zeros */
    uint32_t check;           /* sum of all 32-bit words before it, inverted */
};

_Static_assert(
    sizeof(struct selv_boot_record) == 224 &&
        offsetof(struct selv_boot_record, boot_commands) == 120 &&
        offsetof(struct selv_boot_record, facts) == 138 &&
        sizeof(struct selv_boot_facts) == 78 &&
        offsetof(struct selv_boot_record, check) == 220,
    "the boot record's layout is fixed; new fields are a new version");

/* The check of what stands in RAM over a reset: the inverted sum of the words
 * in len bytes, a multiple of 4, so that neither all zeros nor all ones pass
 * with a check like them. */
uint32_t selv_record_sum(const void *words, size_t len);

/* Fill magic, version, len and check. */
void selv_record_seal(struct selv_boot_record *record);
/* True when magic, version, len and check are right. */
bool selv_record_is_valid(const struct selv_boot_record *record);

#endif
