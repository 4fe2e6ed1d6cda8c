/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts, on the emulated board, the instructions of a boot that changes
 * nothing, beside those of the bare cryptography that it cannot do without: one
 * SHA-256 over the image, one over the manifest, one P-256 verification. Also
 * the longest time without kicking the watchdog. Prints one line: IMAGE-BYTES
 * BOOT BARE LONGEST.
 *
 * The flash holds a provisioned device, and the length of its image as a word
 * at LEN_ADDRESS. With `-icount shift=0` QEMU's clock goes on by 1 ns an
 * instruction; a tick of SysTick is 40 ns. */
#include "board.h"
#include "boot/boot.h"
#include "crypto/crypto.h"
#include "flash_nor.h"
#include "mmio.h"
#include "store/slot.h"

#define INSTRUCTIONS_PER_TICK 40u
#define TICKS_MAX 0x00ffffffu /* SysTick counts down 24 bits */
/* Behind the layout, where no firmware reads. */
#define LEN_ADDRESS (SELV_BOARD_FLASH_BASE + SELV_LAYOUT_DEFAULT_SIZE)

static struct selv_flash flash;
static struct selv_factory factory;
static struct selv_boot boot;
static struct selv_boot_record record;
static uint32_t kicked, longest; /* ticks */

static uint32_t ticks_since(uint32_t begin)
{
    return (begin - *reg(SYST_CVR)) & TICKS_MAX;
}

static void kick(void *port)
{
    uint32_t gap = ticks_since(kicked);
    (void)port;
    longest = gap > longest ? gap : longest;
    kicked = *reg(SYST_CVR);
}

static void stop(const char *why, enum selv_err err)
{
    selv_board_print(why);
    selv_board_print(": ");
    selv_board_print(selv_err_str(err));
    selv_board_print("\n");
    selv_board_exit(1);
}

static uint32_t count_boot(void)
{
    longest = 0;
    kicked = *reg(SYST_CVR);
    uint32_t begin = kicked;
    enum selv_verdict verdict = selv_boot_choose(&boot, &record);
    uint32_t ticks = ticks_since(begin);
    kick(NULL);
    if (!selv_is_good(verdict)) {
        stop("boot", (enum selv_err)record.refused_reason);
    }
    return ticks;
}

/* The manifest is hashed as long as its envelope is, and the signature is one
 * that does not match, which is found out at the very end. */
static uint32_t count_bare(uint32_t image_len)
{
    const struct selv_slot_place *place =
        &selv_layout_default.slot[record.slot];
    struct selv_buf none = {NULL, 0, 0};
    struct selv_bytes envelope;
    struct selv_sha256 hash;
    uint8_t digest[SELV_SHA256_LEN], signature[SELV_P256_SIGNATURE_LEN];
    enum selv_err err = selv_slot_envelope(&flash, place, &none, &envelope);
    if (err != SELV_OK) {
        stop("envelope", err);
    }
    /* Numbers with as many bits as others have: the curve takes its time by
     * them. */
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] = (uint8_t)(i * 37 + 17);
    }
    uint32_t begin = *reg(SYST_CVR);
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, flash.map + place->image_off, image_len);
    selv_sha256_finish(&hash, digest);
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, envelope.p, envelope.len);
    selv_sha256_finish(&hash, digest);
    enum selv_verdict verdict =
        selv_p256_verify(factory.anchor.public_key, digest, signature);
    uint32_t ticks = ticks_since(begin);
    if (selv_is_good(verdict)) {
        stop("bare", SELV_ERR_STATE);
    }
    return ticks;
}

int main(void)
{
    uint32_t image_len = *(volatile uint32_t *)(uintptr_t)LEN_ADDRESS;
    selv_board_console_init();
    *reg(SYST_RVR) = TICKS_MAX;
    *reg(SYST_CVR) = 0;
    *reg(SYST_CSR) = SYST_CSR_ENABLE | SYST_CSR_CLKSOURCE;
    flash = selv_board_flash_boot;
    flash.kick = kick;
    enum selv_err err = selv_factory_decode(
        selv_bytes(flash.map + selv_layout_default.factory_off,
                   SELV_FACTORY_LEN),
        &factory);
    if (err != SELV_OK || selv_crypto_init() != SELV_OK) {
        stop("factory", err);
    }
    boot = (struct selv_boot){.flash = &flash,
                              .layout = &selv_layout_default,
                              .factory = &factory,
                              .strategy = &selv_strategy_ab};
    (void)count_boot(); /* is born */
    const uint32_t numbers[] = {image_len, count_boot(), count_bare(image_len),
                                longest};
    for (size_t i = 0; i < 4; i++) {
        selv_board_print(i == 0 ? "" : " ");
        selv_board_print_u32(i == 0 ? numbers[i]
                                    : numbers[i] * INSTRUCTIONS_PER_TICK);
    }
    selv_board_print("\n");
    selv_board_exit(0);
}
