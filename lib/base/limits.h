/* SPDX-License-Identifier: Apache-2.0
 *
 * base/limits.h - every build-time limit, with its reason and its cost. A
 * build may override each with -D; going over one at run time is a clear
 * error that names the limit, never a crash. */
#ifndef SELV_BASE_LIMITS_H
#define SELV_BASE_LIMITS_H

/* Deepest nesting of arrays, maps and tags that the CBOR reader skips.
 * SUIT text (map in map in map) needs 4. Cost: 12 bytes of stack each. */
#ifndef SELV_CBOR_DEPTH_MAX
#define SELV_CBOR_DEPTH_MAX 8
#endif

/* Bytes of hash state that struct selv_sha256 holds for the port. Bare
 * Mbed TLS needs 112; PSA on a 64-bit host needs more. */
#ifndef SELV_SHA256_STATE_LEN
#define SELV_SHA256_STATE_LEN 256
#endif

/* Bytes of the contiguous view that holds wrapper, manifest and severable
 * elements of one envelope. A device needs this much RAM while it reads a
 * manifest from the network. Offsets into the view are 16 bits wide. */
#ifndef SELV_SUIT_ENVELOPE_MAX
#define SELV_SUIT_ENVELOPE_MAX 2048
#endif

/* Components that one manifest may name, at most 8. Cost: about 36 bytes of
 * RAM each. */
#ifndef SELV_SUIT_COMPONENTS_MAX
#define SELV_SUIT_COMPONENTS_MAX 4
#endif

/* Deepest nesting of try-each and run-sequence in a sequence. Cost: 28 bytes
 * of RAM each. */
#ifndef SELV_SUIT_DEPTH_MAX
#define SELV_SUIT_DEPTH_MAX 4
#endif

/* How many times the bytes of its envelope a procedure may go through, nested
 * sequences counted at each level: a list of components in a sequence that is
 * run for a list of components, and so on, would burn a battery. Two levels of
 * lists of four need 3 * (4 + 16) at most. No cost. */
#ifndef SELV_SUIT_WORK_MAX
#define SELV_SUIT_WORK_MAX 64
#endif

/* How many commands of a procedure may ask the consumer for something: a
 * fetch, a digest, a copy. Each may take as long as an image is large, and a
 * manifest has room for hundreds. A fetch between two digests, and a validate,
 * for each of four components need 16; an image-match of each in the shared
 * sequence, too, 28. No cost. */
#ifndef SELV_SUIT_REQUESTS_MAX
#define SELV_SUIT_REQUESTS_MAX 64
#endif

/* Private parameters that a port may add. Cost: 2 bytes of RAM each for each
 * component. */
#ifndef SELV_SUIT_PRIVATE_PARAMETERS_MAX
#define SELV_SUIT_PRIVATE_PARAMETERS_MAX 2
#endif

/* Authentication blocks that one wrapper may carry. */
#ifndef SELV_SUIT_SIGNERS_MAX
#define SELV_SUIT_SIGNERS_MAX 2
#endif

/* Bytes of the URI in a fetch. */
#ifndef SELV_SUIT_URI_MAX
#define SELV_SUIT_URI_MAX 255
#endif

/* Largest CoAP payload in one message is 2^(SZX + 4); a device's send and
 * receive buffers hold one such block plus SELV_COAP_HEADER_MAX. SZX 5 is
 * 512 bytes, SZX 6 is 1024 [RFC 7959 2.2]. */
#ifndef SELV_COAP_SZX
#define SELV_COAP_SZX 5
#endif

/* Bytes of CoAP header, token and options that we ever send. */
#ifndef SELV_COAP_HEADER_MAX
#define SELV_COAP_HEADER_MAX 160
#endif

/* Longest answer that a server keeps to repeat it for a duplicate of its
 * request. Cost: as many bytes of RAM for each request remembered. */
#ifndef SELV_COAP_REPLY_MAX
#define SELV_COAP_REPLY_MAX 64
#endif

/* Blocks that Q-Block lets leave without a word from the other side. Both
 * ends must have the same number [RFC 9177 7.2]. No cost. */
#ifndef SELV_COAP_QBLOCK_PAYLOADS
#define SELV_COAP_QBLOCK_PAYLOADS 10
#endif

/* Milliseconds, times 1 to 1.5, between two such sets, and until missing
 * blocks are asked for; how often they are [RFC 9177 7.2]. No cost. */
#ifndef SELV_COAP_QBLOCK_TIMEOUT_MS
#define SELV_COAP_QBLOCK_TIMEOUT_MS 2000
#endif
#ifndef SELV_COAP_QBLOCK_RECEIVE_MS
#define SELV_COAP_QBLOCK_RECEIVE_MS 4000
#endif
#ifndef SELV_COAP_QBLOCK_RETRANSMIT
#define SELV_COAP_QBLOCK_RETRANSMIT 4
#endif

/* Blocks beyond the first missing one that a receiver by Q-Block takes; what
 * is farther is asked for later. A multiple of 8, two sets at least. Cost: a
 * bit for each in every transfer. */
#ifndef SELV_COAP_QBLOCK_WINDOW
#define SELV_COAP_QBLOCK_WINDOW 64
#endif

/* Boots that a trial gets before it is reverted. */
#ifndef SELV_BOOT_ATTEMPTS_MAX
#define SELV_BOOT_ATTEMPTS_MAX 3
#endif

/* A loader (boot/strategy_loader.c) whose manifest has a lower number does not
 * run: fixed when the bootloader is built, since nothing confirms a loader. */
#ifndef SELV_LOADER_FLOOR
#define SELV_LOADER_FLOOR 1
#endif

/* How often a manifest may ask for a digest, a fetch or a start in one
 * procedure: a boot reads the image each time, and a fetch erases a slot. The
 * application keeps to it, too, so that it fetches nothing that would ask its
 * bootloader more often. */
#ifndef SELV_BOOT_TODOS_MAX
#define SELV_BOOT_TODOS_MAX 16
#endif

/* Largest write unit of a flash, in bytes. */
#ifndef SELV_FLASH_UNIT_MAX
#define SELV_FLASH_UNIT_MAX 32
#endif

#endif
