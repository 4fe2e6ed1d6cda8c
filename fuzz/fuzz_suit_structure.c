/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_suit_structure - the bytes decide what the generator of
 * test/reference makes: always sound CBOR, often wrong SUIT. The engine and
 * the reference interpreter must agree on it. The first byte chooses the
 * profile. */
#include <stdlib.h>

#include "test/reference/differential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct generated made;
    if (size == 0 || size > 4096) {
        return 0;
    }
    unsigned profile = data[0] % DIFFERENTIAL_PROFILES;
    struct dice dice = dice_of_bytes(data + 1, size - 1);
    differential_generate(&made, &dice, profile);
    bool agree = differential_agree(&made, profile, NULL);
    generate_free(&made);
    if (!agree) {
        abort();
    }
    return 0;
}
