/* SPDX-License-Identifier: Apache-2.0 */
#include "host/uuid.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <mbedtls/sha1.h>

#include "host/hex.h"

/* The DNS name space [RFC 9562 6.6]. */
static const uint8_t space_dns[SELV_UUID_LEN] = {
    0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
    0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

void selv_uuid_v5(const uint8_t space[static SELV_UUID_LEN],
                  struct selv_bytes name, uint8_t uuid[static SELV_UUID_LEN])
{
    mbedtls_sha1_context h;
    uint8_t digest[20];

    mbedtls_sha1_init(&h);
    if (mbedtls_sha1_starts(&h) != 0 ||
        mbedtls_sha1_update(&h, space, SELV_UUID_LEN) != 0 ||
        mbedtls_sha1_update(&h, name.p, name.len) != 0 ||
        mbedtls_sha1_finish(&h, digest) != 0) {
        fprintf(stderr, "SHA-1 failed\n");
        abort();
    }
    mbedtls_sha1_free(&h);
    memcpy(uuid, digest, SELV_UUID_LEN);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x50); /* version 5 */
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
}

void selv_uuid_vendor(const char *domain, uint8_t uuid[static SELV_UUID_LEN])
{
    char small[256];
    size_t len = strlen(domain);

    /* A domain has at most 253 characters; a longer text is no domain, and
     * stays as it is. */
    if (len >= sizeof(small)) {
        selv_uuid_v5(space_dns, selv_bytes(domain, len), uuid);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        small[i] = (char)tolower((unsigned char)domain[i]);
    }
    selv_uuid_v5(space_dns, selv_bytes(small, len), uuid);
}

void selv_uuid_class(const uint8_t vendor[static SELV_UUID_LEN],
                     const char *name, uint8_t uuid[static SELV_UUID_LEN])
{
    selv_uuid_v5(vendor, selv_bytes(name, strlen(name)), uuid);
}

void selv_uuid_format(const uint8_t uuid[static SELV_UUID_LEN],
                      char text[static SELV_UUID_TEXT_LEN])
{
    static const size_t groups[] = {4, 2, 2, 2, 6};
    size_t at = 0;

    for (size_t i = 0; i < 5; i++) {
        selv_hex_encode(selv_bytes(uuid + at, groups[i]), text);
        text += groups[i] * 2;
        at += groups[i];
        *text++ = i == 4 ? '\0' : '-';
    }
}

bool selv_uuid_parse(const char *text, uint8_t uuid[static SELV_UUID_LEN])
{
    char digits[33];
    size_t len = 0;

    if (strlen(text) != 36) {
        return false;
    }
    for (size_t i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') {
                return false;
            }
        } else {
            digits[len++] = text[i];
        }
    }
    digits[len] = '\0';
    return selv_hex_decode(digits, uuid, SELV_UUID_LEN);
}
