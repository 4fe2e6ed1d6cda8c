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
#define SELV_RECORD_VERSION 2u

enum selv_reset_cause {
    SELV_RESET_POWER_ON = 0,
    SELV_RESET_REQUESTED = 1, /* the application asked for it */
    SELV_RESET_WATCHDOG = 2,
    SELV_RESET_CRASH = 3, /* fault handler or selv_panic */
    SELV_RESET_UNKNOWN = 4
};

struct selv_boot_record {
    uint32_t magic;
    uint16_t version;
    uint16_t len;        /* sizeof(struct selv_boot_record) */
    uint8_t slot;        /* running: SELV_SLOT_A or _B; SELV_SLOT_NONE when
                            nothing may boot */
    uint8_t is_trial;    /* 1: confirm it, or it is reverted */
    uint8_t attempt;     /* of the trial, 1.. */
    uint8_t reset_cause; /* enum selv_reset_cause, of this boot */
    uint32_t serial;     /* of the newest record in the boot journal */
    uint64_t sequence;   /* of the running manifest */
    uint64_t accepted;   /* an install must not be lower */
    uint64_t floor;      /* a boot must not be lower */
    uint8_t digest[32];  /* of the running manifest */
    uint8_t nonce[8];    /* hand it back to confirm */
    uint8_t refused_digest[32]; /* last manifest reverted or refused by the
                                   bootloader; zeros: none */
    uint16_t refused_reason;    /* enum selv_err */
    uint8_t refused_was_trial;  /* 1: it ran and was reverted */
    uint8_t reserved;
    /* What the bootloader can do with a manifest at each boot, in shared
     * sequence, validate, load and invoke. Bit n of a set: it knows number n
     * of the draft. */
    uint32_t boot_parameters; /* bit 0: vendor-identifier may be a PEN */
    uint64_t boot_commands;
    uint16_t boot_envelope_max;  /* bytes before the integrated payloads */
    uint8_t boot_sections;       /* bits: 0 payload-fetch, 1 install,
                                    2 validate, 3 load, 4 invoke */
    uint8_t boot_components_max; /* in one manifest */
    uint8_t boot_depth_max;      /* sequences in sequences */
    uint8_t boot_signers_max;    /* authentication blocks */
    uint8_t reserved_more[6];    /* zeros */
    uint32_t check; /* sum of all 32-bit words before it, inverted */
};

_Static_assert(
    sizeof(struct selv_boot_record) == 144 &&
        offsetof(struct selv_boot_record, boot_parameters) == 116 &&
        offsetof(struct selv_boot_record, check) == 140,
    "the boot record's layout is fixed; new fields are a new version");

/* Fill magic, version, len and check. */
void selv_record_seal(struct selv_boot_record *record);
/* True when magic, version, len and check are right. */
bool selv_record_is_valid(const struct selv_boot_record *record);

#endif
