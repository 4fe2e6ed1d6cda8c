/* SPDX-License-Identifier: Apache-2.0
 *
 * What an author may have signed by mistake, told step by step:
 *   [device] [pairs] [length, 2 bytes] manifest, further pairs
 * is wrapped and authenticated with a MAC, so that any manifest reaches the
 * engine. The story is told whatever it says, without a control character;
 * success means that nothing failed. The low bits of the first byte choose the
 * device, the high ones an operation that fails. */
#include <stdlib.h>

#include "cbor/cbor.h"
#include "cose/cose.h"
#include "crypto/crypto.h"
#include "host/manifest_simulate.h"
#include "suit/numbers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENVELOPE_CAP = 8192, DEVICE_COUNT = 4 };

#define COMPONENTS                                                             \
    "\"components\": [{\"id\": \"app\", \"slots\": 2, \"slot\": 1},"           \
    "{\"id\": [{\"hex\": \"00\"}], \"content\": \"00112233\"},"                \
    "{\"id\": \"radio/firmware\", \"digest\": "                                \
    "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"},"   \
    "{\"id\": \"config\"}]"

static const char *const device_texts[DEVICE_COUNT] = {
    "{\"vendor\": \"example.com\", \"class\": \"sensor\", " COMPONENTS "}",
    "{\"vendor\": \"example.com\", \"class\": \"sensor\", "
    "\"bootloader\": \"boot-select\", " COMPONENTS "}",
    "{\"vendor\": \"example.com\", \"class\": \"sensor\", "
    "\"bootloader\": \"boot-install\", " COMPONENTS "}",
    "{\"vendor\": \"example.com\", \"class\": \"sensor\", \"private\": "
    "{\"parameters\": [-257], \"commands\": [{\"code\": -258, \"condition\": "
    "true}]}, " COMPONENTS "}",
};

static struct selv_cose_key key;
static json_t *devices[DEVICE_COUNT];

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void start(void)
{
    must(selv_crypto_init() == SELV_OK);
    key.method = &selv_cose_hmac256;
    for (size_t i = 0; i < DEVICE_COUNT; i++) {
        devices[i] = json_loads(device_texts[i], 0, NULL);
        must(devices[i] != NULL);
    }
}

/* The wrapper's content: digest, and a COSE_Mac0 over it. */
static size_t wrapper_put(struct selv_bytes manifest_item, uint8_t *p,
                          size_t cap)
{
    uint8_t digest[SELV_SHA256_LEN];
    uint8_t item[64];
    uint8_t mac[256];
    struct selv_buf block = {.p = mac, .cap = sizeof(mac)};
    struct selv_sha256 h;
    struct selv_cbor_writer w;

    selv_sha256_init(&h);
    selv_sha256_update(&h, manifest_item.p, manifest_item.len);
    selv_sha256_finish(&h, digest);
    selv_cbor_writer_init(&w, item, sizeof(item));
    selv_cbor_put_array(&w, 2);
    selv_cbor_put_int(&w, SELV_SUIT_DIGEST_SHA256);
    selv_cbor_put_bstr(&w, selv_bytes(digest, sizeof(digest)));
    must(selv_cose_mac0_create(&key, selv_bytes(item, w.len), &block) ==
         SELV_OK);
    must(w.len <= sizeof(item));
    size_t item_len = w.len;
    selv_cbor_writer_init(&w, p, cap);
    selv_cbor_put_array(&w, 2);
    selv_cbor_put_bstr(&w, selv_bytes(item, item_len));
    selv_cbor_put_bstr(&w, selv_bytes(block.p, block.len));
    must(selv_cbor_finish(&w, NULL) == SELV_OK);
    return w.len;
}

static size_t envelope_put(struct selv_bytes manifest, struct selv_bytes rest,
                           size_t pairs, uint8_t *p)
{
    uint8_t item[ENVELOPE_CAP];
    uint8_t wrapper[512];
    struct selv_cbor_writer w;
    struct selv_bytes manifest_item;

    selv_cbor_writer_init(&w, item, sizeof(item));
    selv_cbor_put_bstr(&w, manifest);
    must(selv_cbor_finish(&w, &manifest_item) == SELV_OK);
    selv_cbor_writer_init(&w, p, ENVELOPE_CAP);
    selv_cbor_put_tag(&w, SELV_SUIT_TAG_ENVELOPE);
    selv_cbor_put_map(&w, 2 + pairs);
    selv_cbor_put_int(&w, SELV_SUIT_KEY_AUTHENTICATION);
    selv_cbor_put_bstr(
        &w, selv_bytes(wrapper,
                       wrapper_put(manifest_item, wrapper, sizeof(wrapper))));
    selv_cbor_put_int(&w, SELV_SUIT_KEY_MANIFEST);
    selv_cbor_put_raw(&w, manifest_item);
    selv_cbor_put_raw(&w, rest);
    must(selv_cbor_finish(&w, NULL) == SELV_OK);
    return w.len;
}

static void story_check(json_t *story)
{
    char *text = selv_manifest_simulate_prose(story, false);
    char *json = json_dumps(story, 0);
    enum selv_exit code = selv_manifest_simulate_exit(story);

    must(text != NULL && json != NULL);
    for (const char *c = text; *c != '\0'; c++) {
        must(*c == '\n' || (unsigned char)*c >= ' ');
    }
    must(code == SELV_EXIT_OK || code == SELV_EXIT_REFUSED);
    must((code == SELV_EXIT_OK) ==
         (strcmp(json_string_value(json_object_get(story, "verdict")),
                 "success") == 0));
    free(text);
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t envelope[ENVELOPE_CAP];
    static const char *const key_name = "key";
    struct selv_simulate_plan plan = {.key_names = &key_name,
                                      .keys = &key,
                                      .key_count = 1,
                                      .has_update = true,
                                      .has_invocation = true};
    struct selv_error error;
    size_t len;
    json_t *story;

    if (devices[0] == NULL) {
        start();
    }
    if (size < 4 || size > ENVELOPE_CAP / 2) {
        return 0;
    }
    len = (size_t)data[2] << 8 | data[3];
    len = len > size - 4 ? size - 4 : len;
    plan.envelope = selv_bytes(
        envelope, envelope_put(selv_bytes(data + 4, len),
                               selv_bytes(data + 4 + len, size - 4 - len),
                               data[1] % 8, envelope));
    plan.device = devices[data[0] % DEVICE_COUNT];
    if (data[0] >= 128) {
        plan.faults[0].operation = selv_simulate_operations[data[0] / 16 % 7];
        plan.fault_count = 1;
    }
    story = selv_manifest_simulate(&plan, &error);
    must(story != NULL);
    story_check(story);
    json_decref(story);
    return 0;
}
