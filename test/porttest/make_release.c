/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints release.h: factory data, and a release for slot A, signed by the
 * simulator's key. The same each time: a test compares. */
#include <stdio.h>

#include "crypto/crypto.h"
#include "sim/release.h"

static void print_bytes(const char *name, const uint8_t *p, size_t len)
{
    printf("\nstatic const uint8_t %s[%zu] = {\n", name, len);
    for (size_t i = 0; i < len; i++) {
        printf("%s0x%02x%s", i % 12 == 0 ? "    " : "", p[i],
               i + 1 == len   ? "};\n"
               : i % 12 == 11 ? ",\n"
                              : ", ");
    }
}

int main(void)
{
    static struct selv_release release;
    const struct selv_release_plan plan = {.sequence = 1, .image_len = 256};
    struct selv_factory factory;
    uint8_t bytes[SELV_FACTORY_LEN];
    struct selv_buf out = {bytes, sizeof bytes, 0};
    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    selv_release_factory(&factory);
    if (selv_factory_encode(&factory, &out) != SELV_OK ||
        selv_release_make(&plan, &release) != SELV_OK) {
        return 1;
    }
    puts("/* SPDX-License-Identifier: Apache-2.0\n"
         " *\n"
         " * porttest/release.h - what the boot checks boot. Printed by\n"
         " * porttest_make_release; the key that signed it is everybody's. */\n"
         "#ifndef SELV_PORTTEST_RELEASE_H\n"
         "#define SELV_PORTTEST_RELEASE_H\n"
         "\n"
         "#include <stdint.h>");
    print_bytes("release_factory", out.p, out.len);
    print_bytes("release_image", release.image[SELV_SLOT_A], release.image_len);
    print_bytes("release_envelope", release.envelope, release.envelope_len);
    puts("\n#endif");
    return 0;
}
