/* SPDX-License-Identifier: Apache-2.0
 *
 * Mbed TLS 3.6 cut down to what a board's bootloader and consumer need: bare
 * SHA-256, and p256-m. Give it to the compiler as MBEDTLS_CONFIG_FILE. */
#ifndef SELV_MBEDTLS_CONFIG_BOARD_H
#define SELV_MBEDTLS_CONFIG_BOARD_H

#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA256_SMALLER
#define MBEDTLS_PSA_P256M_DRIVER_ENABLED

/* The library would otherwise read /dev/urandom on a unix-like host. */
#define MBEDTLS_NO_PLATFORM_ENTROPY

#endif
