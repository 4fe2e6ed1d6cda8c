/* SPDX-License-Identifier: Apache-2.0
 *
 * kit.c - makes what the server's scenarios send, from CBOR diagnostic
 * notation (test/unit/suit_maker.h):
 *
 *   server_kit cbor OUT TEXT
 *   server_kit envelope OUT MANIFEST [pairs=TEXT] [wrapper=TEXT]
 *              [digest=TEXT] [tag=N] [unsigned=1] [other=1]
 *   server_kit anchor OUT          the key that signs, as a public COSE_Key
 *   server_kit other OUT           the one that signs, too, with other=1 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cose/cose.h"
#include "test/unit/suit_maker.h"

static struct maker_bytes made;

static int file_put(const char *path)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(made.p, 1, made.len, f) != made.len ||
        fclose(f) != 0) {
        perror(path);
        return 3;
    }
    return 0;
}

static const char *value(int argc, char **argv, const char *name)
{
    size_t len = strlen(name);
    for (int i = 4; i < argc; i++) {
        if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=') {
            return argv[i] + len + 1;
        }
    }
    return NULL;
}

static void envelope_make(int argc, char **argv)
{
    struct maker_spec spec = {.manifest = argv[3]};
    const char *tag = value(argc, argv, "tag");
    spec.pairs = value(argc, argv, "pairs");
    spec.wrapper = value(argc, argv, "wrapper");
    spec.digest = value(argc, argv, "digest");
    spec.is_unsigned = value(argc, argv, "unsigned") != NULL;
    spec.has_other = value(argc, argv, "other") != NULL;
    spec.tag = tag != NULL ? strtoull(tag, NULL, 10) : 0;
    maker_envelope(&spec, &made);
}

int main(int argc, char **argv)
{
    if (selv_crypto_init() != SELV_OK) {
        return 3;
    }
    if (argc == 4 && strcmp(argv[1], "cbor") == 0) {
        maker_encode(argv[3], &made);
    } else if (argc >= 4 && strcmp(argv[1], "envelope") == 0) {
        envelope_make(argc, argv);
    } else if (argc == 3 && (strcmp(argv[1], "anchor") == 0 ||
                             strcmp(argv[1], "other") == 0)) {
        struct selv_buf out = {made.p, sizeof made.p, 0};
        if (selv_cose_key_encode(argv[1][0] == 'a' ? maker_anchor()
                                                   : maker_other_anchor(),
                                 NULL, &out)) {
            return 3;
        }
        made.len = out.len;
    } else {
        fprintf(stderr,
                "usage: server_kit cbor|envelope|anchor|other OUT [TEXT]\n");
        return 2;
    }
    return file_put(argv[2]);
}
