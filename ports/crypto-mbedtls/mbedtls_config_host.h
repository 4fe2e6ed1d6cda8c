/* SPDX-License-Identifier: Apache-2.0
 *
 * mbedtls_config_host.h - Mbed TLS for the host: its default configuration
 * and the changes below. tools/deps builds the library with this file as
 * MBEDTLS_USER_CONFIG_FILE and makes the installed mbedtls_config.h include
 * it, so that whoever includes an Mbed TLS header sees the same structures.
 * A change here makes tools/deps build the library anew. */
#ifndef SELV_MBEDTLS_CONFIG_HOST_H
#define SELV_MBEDTLS_CONFIG_HOST_H

/* A device that sleeps comes back from another address [RFC 9146]. */
#ifndef MBEDTLS_SSL_DTLS_CONNECTION_ID
#define MBEDTLS_SSL_DTLS_CONNECTION_ID
#endif

/* AES key wrap, for encrypted firmware [firmware-encryption 6]. */
#ifndef MBEDTLS_NIST_KW_C
#define MBEDTLS_NIST_KW_C
#endif

/* The same key and message give the same signature [RFC 6979]. */
#ifndef MBEDTLS_ECDSA_DETERMINISTIC
#define MBEDTLS_ECDSA_DETERMINISTIC
#endif

/* Keys live in files of ours, never in a store that the library opens in
 * the working directory by itself. */
#undef MBEDTLS_PSA_CRYPTO_STORAGE_C
#undef MBEDTLS_PSA_ITS_FILE_C

#endif
