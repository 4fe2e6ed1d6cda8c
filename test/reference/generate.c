/* SPDX-License-Identifier: Apache-2.0 */
#include "test/reference/generate.h"

#include <stdlib.h>

#include "cose/cose.h"
#include "test/reference/generate_int.h"

/* ---- envelope ----------------------------------------------------------- */

/* [ digest, block ]; the cryptography of these tests believes any
 * signature. */
static void put_wrapper(struct grown *out, struct selv_bytes manifest)
{
    static const uint8_t zeros[SELV_P256_SIGNATURE_LEN] = {0};
    uint8_t hash[SELV_SHA256_LEN];
    struct grown wrapped = {0}, digest = {0}, block = {0}, wrapper = {0};
    put_bstr(&wrapped, manifest.p, manifest.len);
    sha256(selv_bytes(wrapped.p, wrapped.len), hash);
    put_head(&digest, CBOR_ARRAY, 2);
    put_int(&digest, SELV_SUIT_DIGEST_SHA256);
    put_bstr(&digest, hash, sizeof hash);
    put_head(&block, CBOR_TAG, 18); /* COSE_Sign1 [RFC 9052 4.2] */
    put_head(&block, CBOR_ARRAY, 4);
    put_bstr(&block, "\xa1\x01\x28", 3); /* {1: -9} */
    put_head(&block, CBOR_MAP, 0);
    put_simple(&block, CBOR_NULL);
    put_bstr(&block, zeros, sizeof zeros);
    put_head(&wrapper, CBOR_ARRAY, 2);
    put_bstr(&wrapper, digest.p, digest.len);
    put_bstr(&wrapper, block.p, block.len);
    put_bstr(out, wrapper.p, wrapper.len);
    free(wrapped.p);
    free(digest.p);
    free(block.p);
    free(wrapper.p);
}

static unsigned put_payloads(struct generator *g, struct grown *out)
{
    unsigned count = 0;
    if (fault(g)) { /* an element of another specification */
        put_int(out, 24);
        put_bstr(out, "", 0);
        count++;
    }
    static const char *const keys[] = {"#a", "#b", "u1"};
    for (unsigned i = 0; i < 3; i++) {
        if (!chance(g, i < 2 ? 60 : 15)) {
            continue;
        }
        put_tstr(out, keys[i]);
        if (fault(g)) {
            put_tstr(out, "x");
        } else {
            put_pool(g, out);
        }
        count++;
    }
    return count;
}

static void put_envelope(struct generator *g, struct generated *made)
{
    struct grown *out = &made->envelope;
    struct grown manifest = {0}, severed = {0};
    unsigned count = 0;
    put_manifest(g, &manifest, &severed, &count, made);
    count += put_payloads(g, &severed);
    put_head(out, CBOR_TAG, SELV_SUIT_TAG_ENVELOPE);
    put_head(out, CBOR_MAP, 2 + count);
    put_int(out, SELV_SUIT_KEY_AUTHENTICATION);
    put_wrapper(out, selv_bytes(manifest.p, manifest.len));
    put_int(out, SELV_SUIT_KEY_MANIFEST);
    put_bstr(out, manifest.p, manifest.len);
    grown_add(out, severed.p, severed.len);
    free(manifest.p);
    free(severed.p);
}

/* ---- device ------------------------------------------------------------- */

static void make_device(struct generator *g, struct generated *made)
{
    static const struct selv_suit_private_command commands[] = {
        {-300, (1u << SELV_SUIT_SECTION_COUNT) - 1u, true},
        {-301,
         1u << SELV_SUIT_SECTION_INSTALL | 1u << SELV_SUIT_SECTION_LOAD |
             1u << SELV_SUIT_SECTION_VALIDATE | 1u << SELV_SUIT_SECTION_INVOKE |
             1u << SELV_SUIT_SECTION_PAYLOAD_FETCH,
         false}};
    static const int32_t private_parameters[] = {-257, -300};
    static uint8_t vendor[16], class[16];
    static const uint8_t pen[] = {0xd8, 0x70, 0x43, 0x82, 0x37, 0x01};
    memset(vendor, 0x11, sizeof vendor);
    memset(class, 0x22, sizeof class);
    for (unsigned i = 0; i < WORLD_COMPONENTS; i++) {
        uint8_t id[3] = {0x81, 0x41, (uint8_t)i}; /* [h'<i>'] */
        memcpy(made->ids[i], id, sizeof id);
        made->components[i].id = selv_bytes(made->ids[i], sizeof id);
        made->components[i].slot = chance(g, 25) ? 1 : 0;
        struct selv_bytes content = world_pool(some_content(g));
        memcpy(made->world.content[i], content.p, content.len);
        made->world.content_len[i] = content.len;
    }
    made->private = (struct selv_suit_private){.commands = commands,
                                               .command_count = 2,
                                               .parameters = private_parameters,
                                               .parameter_count = 2};
    made->anchor = (struct selv_cose_key){.method = &selv_cose_es256};
    made->device = (struct selv_suit_device){
        .components = made->components,
        .component_count = WORLD_COMPONENTS,
        .vendor_id = chance(g, 3) ? NULL : vendor,
        .class_id = chance(g, 3) ? NULL : class,
        .device_id = chance(g, 20) ? NULL : class,
        .vendor_pen = selv_bytes(pen, chance(g, 10) ? 0 : sizeof pen),
        .anchors = &made->anchor,
        .anchor_count = 1,
        .sequence_min = 1 + roll(g, 3),
        .private = chance(g, 95) ? &made->private : NULL};
}

/* A bootloader that can do much, seldom all. */
static void make_bootloader(struct generator *g, struct generated *made)
{
    static const uint8_t commands[] = {1, 3, 6, 15, 18, 20, 22, 24, 31, 32};
    static const uint32_t some[] = {1,        3, /* PENs; all vendors */
                                    1u << 3,  1u << 5,  1u << 12,
                                    1u << 13, 1u << 18, 1u << 21,
                                    1u << 22, 1u << 23, 1u << 24};
    bool is_weak = chance(g, 50);
    made->boot = (struct selv_suit_capability){
        .commands = UINT64_MAX & ~((uint64_t)is_weak << commands[roll(g, 10)]),
        .parameters = UINT32_MAX & ~(is_weak ? some[roll(g, 11)] : 0),
        .envelope_max = SELV_SUIT_ENVELOPE_MAX,
        .sections = chance(g, 10) ? 0x17 : 0x1f,
        .components_max = chance(g, 10) ? 2 : SELV_SUIT_COMPONENTS_MAX,
        .depth_max = chance(g, 20) ? 1 : SELV_SUIT_DEPTH_MAX,
        .signers_max = SELV_SUIT_SIGNERS_MAX};
    made->device.boot = &made->boot;
    g->known.has_private = g->known.has_private && chance(g, 20);
}

void generate(struct generated *made, struct dice *d,
              const struct generate_known *known)
{
    struct generator g = {.dice = d, .fault_in = -1, .known = *known};
    *made = (struct generated){.faults = 0};
    /* Three in ten get a fault, if they are long enough for its place. */
    if (chance(&g, 30)) {
        g.fault_in = (int)(roll(&g, 256) * (1 + roll(&g, 4)) / 4);
    }
    g.components = 1 + roll(&g, SELV_SUIT_COMPONENTS_MAX);
    make_device(&g, made);
    if (known->has_bootloader && chance(&g, 25)) {
        make_bootloader(&g, made);
    }
    put_envelope(&g, made);
    made->faults = g.faults;
    made->world.envelope = selv_bytes(made->envelope.p, made->envelope.len);
    made->world.mood = roll(&g, 256);
    made->world.fail_in = chance(&g, 40) ? 8 + roll(&g, 12) : 0;
}

void generate_free(struct generated *made)
{
    free(made->envelope.p);
}
