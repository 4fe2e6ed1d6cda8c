/* SPDX-License-Identifier: Apache-2.0
 *
 * store/record.h - the boot record: what the bootloader tells the application
 * in RAM. Begins with a magic and a format version; fixed size and layout,
 * little endian as the CPU has it. Never trusted as more than information:
 * the application's answers count only through the nonce. */
#ifndef SELV_STORE_RECORD_H
#define SELV_STORE_RECORD_H

#include "base/base.h"

#define SELV_RECORD_MAGIC 0x53424f52u /* "SBOR" */
#define SELV_RECORD_VERSION 1u

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
    uint32_t check; /* sum of all 32-bit words before it, inverted */
};

_Static_assert(
    sizeof(struct selv_boot_record) == 120,
    "the boot record's layout is fixed; new fields are a new version");

/* Fill magic, version, len and check. */
void selv_record_seal(struct selv_boot_record *record);
/* True when magic, version, len and check are right. */
bool selv_record_is_valid(const struct selv_boot_record *record);

#endif
