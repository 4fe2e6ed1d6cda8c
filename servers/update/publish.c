/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.c - from an envelope to a release. Everything is checked before
 * anything is written; see update/server.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/hex.h"
#include "server.h"

#define WHY SELV_PUBLISH_WHY_LEN

/* ---- images -------------------------------------------------------------- */

static bool has_prefix(struct selv_bytes text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && memcmp(text.p, prefix, len) == 0;
}

static struct selv_bytes after(struct selv_bytes text, size_t len)
{
    return selv_bytes(text.p + len, text.len - len);
}

/* True when the URI is a path at this server, in *path without its '/'. A
 * device resolves a reference without a scheme against the server that gave
 * it the manifest [RFC 3986 4.2]. */
static bool is_here(const struct selv_server *server, struct selv_bytes uri,
                    struct selv_bytes *path)
{
    char own[SELV_NET_TEXT_LEN + 16];
    for (int i = 0; i < 2; i++) {
        snprintf(own, sizeof own, i == 0 ? "coap://%s/" : "coap+tcp://%s/",
                 i == 0 ? server->coap_text : server->tcp_text);
        if (has_prefix(uri, own)) {
            *path = after(uri, strlen(own));
            return true;
        }
    }
    for (size_t i = 0; i < uri.len && uri.p[i] != '/'; i++) {
        if (uri.p[i] == ':') {
            return false;
        }
    }
    if (has_prefix(uri, "//")) {
        return false;
    }
    *path = has_prefix(uri, "/") ? after(uri, 1) : uri;
    return true;
}

/* What a device would find at a path of ours; false with why. */
static bool image_here_check(struct selv_server *server,
                             const struct selv_inspect_image *image,
                             struct selv_bytes path, char why[static WHY])
{
    uint8_t digest[SELV_SHA256_LEN];
    int uri_len = (int)image->uri.len;
    const char *uri = (const char *)image->uri.p;
    if ((server->roles & SELV_ROLE_FIRMWARE) == 0) {
        snprintf(why, WHY,
                 "the image '%.*s' would be fetched from this server, which"
                 " has no firmware role; name it by an absolute URI",
                 uri_len, uri);
        return false;
    }
    if (!has_prefix(image->uri, "/") && !has_prefix(image->uri, "coap:") &&
        !has_prefix(image->uri, "coap+tcp:")) {
        snprintf(why, WHY,
                 "the image URI '%.*s' is relative to a path: devices take"
                 " '/i/<64 hex digits>'; begin it with '/'",
                 uri_len, uri);
        return false;
    }
    if (!has_prefix(path, "i/") ||
        !selv_name_decode(after(path, 2), digest, sizeof digest)) {
        snprintf(why, WHY,
                 "the image URI '%.*s' names nothing that this server has;"
                 " images are at /i/<64 lower-case hex digits>",
                 uri_len, uri);
        return false;
    }
    if (memcmp(digest, image->digest, sizeof digest) != 0) {
        snprintf(why, WHY,
                 "the image URI '%.*s' has another digest than the manifest's"
                 " image-digest: no device would accept it",
                 uri_len, uri);
        return false;
    }
    /* The row says that the upload was acknowledged; a file alone may be the
     * rest of one that was not, and not be on disk. */
    uint64_t size = 0;
    uint64_t acknowledged = 0;
    int fd = selv_blob_open(&server->blobs, digest, &size);
    if (fd >= 0) {
        close(fd);
    }
    if (fd < 0 || selv_records_image_size(&server->records, digest,
                                          &acknowledged) != SELV_DB_ROW) {
        snprintf(why, WHY,
                 "the image '%.*s' is not here; upload it first: with"
                 " --image FILE, or PUT /api/v1/images/<its SHA-256>",
                 uri_len, uri);
        return false;
    }
    if (image->has_size && image->size != size) {
        snprintf(why, WHY,
                 "the image '%.*s' is %" PRIu64 " bytes long, the manifest's"
                 " image-size says %" PRIu32,
                 uri_len, uri, size, image->size);
        return false;
    }
    return true;
}

/* Opens a blob whose upload was acknowledged; -1: it is not here. */
static int chunks_open(struct selv_server *server, const uint8_t *digest,
                       uint64_t *size)
{
    uint64_t acknowledged = 0;
    int fd = selv_blob_open(&server->blobs, digest, size);
    if (fd >= 0 && selv_records_image_size(&server->records, digest,
                                           &acknowledged) != SELV_DB_ROW) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* A device does without a list that it cannot have, and its operator would
 * never hear of it. */
static bool chunks_here_check(struct selv_server *server,
                              const struct selv_inspect_image *image,
                              char why[static WHY])
{
    uint8_t header[SELV_SUIT_CHUNKS_HEADER_LEN];
    char digits[2 * SELV_SHA256_LEN + 1];
    struct selv_suit_chunks list;
    uint64_t size = 0;
    selv_hex_encode(selv_bytes(image->chunks.digest, SELV_SHA256_LEN), digits);
    int fd = chunks_open(server, image->chunks.digest, &size);
    if (fd < 0) {
        snprintf(why, WHY,
                 "the image's chunk list '/i/%s' is not here; upload it first:"
                 " with --image IMAGE, or PUT /api/v1/images/<its SHA-256>",
                 digits);
        return false;
    }
    bool is_read = pread(fd, header, sizeof header, 0) == sizeof header;
    close(fd);
    if (!is_read || size != image->chunks.len ||
        selv_suit_chunks_read(header, image->chunks.len,
                              image->has_size ? image->size : 0,
                              &list) != SELV_OK) {
        snprintf(
            why, WHY,
            "'/i/%s' is not the chunk list that the manifest says: of %" PRIu32
            " bytes, and of that image",
            digits, image->chunks.len);
        return false;
    }
    return true;
}

static bool images_check(struct selv_server *server,
                         const struct selv_inspect *facts, char why[static WHY])
{
    for (size_t i = 0; i < facts->image_count; i++) {
        const struct selv_inspect_image *image = &facts->images[i];
        struct selv_bytes path;
        if (image->is_integrated || !is_here(server, image->uri, &path)) {
            continue;
        }
        if (!image_here_check(server, image, path, why) ||
            (image->chunks.digest != NULL &&
             !chunks_here_check(server, image, why))) {
            return false;
        }
    }
    return true;
}

/* ---- the release --------------------------------------------------------- */

/* Copies text, cut at cap - 1 bytes and at the edge of a character. */
static void text_copy(char *to, size_t cap, struct selv_bytes text)
{
    size_t len = text.len < cap ? text.len : cap - 1;
    while (len > 0 && len < text.len && (text.p[len] & 0xc0) == 0x80) {
        len--;
    }
    if (len > 0) {
        memcpy(to, text.p, len);
    }
    to[len] = 0;
}

static void release_fill(struct selv_release *release,
                         const struct selv_inspect *facts,
                         struct selv_bytes envelope)
{
    memset(release, 0, sizeof *release);
    memcpy(release->digest, facts->digest, sizeof release->digest);
    memcpy(release->vendor_id, facts->vendor_id, 16);
    memcpy(release->class_id, facts->class_id, 16);
    release->sequence_number = facts->sequence_number;
    release->size = (uint32_t)envelope.len;
    release->published_at = selv_clock_wall_s();
    text_copy(release->version, sizeof release->version, facts->version);
    text_copy(release->description, sizeof release->description,
              facts->description);
    release->image_count = facts->image_count;
    for (size_t i = 0; i < facts->image_count; i++) {
        const struct selv_inspect_image *from = &facts->images[i];
        struct selv_image_record *to = &release->images[i];
        memcpy(to->digest, from->digest, sizeof to->digest);
        to->has_size = from->has_size;
        to->size = from->size;
        text_copy(to->uri, sizeof to->uri, from->uri);
    }
}

static enum selv_publish_status db_failed(enum selv_db_status status,
                                          char why[static WHY])
{
    snprintf(why, WHY, "the database did not take it: %s",
             selv_records_error());
    return status == SELV_DB_FULL ? SELV_PUBLISH_FULL : SELV_PUBLISH_FAILED;
}

/* Reads the envelope that is served for a release. *p is for the caller to
 * free, also after a failure. False: it cannot be read, errno tells. */
static bool envelope_read(struct selv_server *server,
                          const struct selv_release *release, uint8_t **p,
                          size_t *len)
{
    uint64_t size = 0;
    size_t got = 0;
    int fd = selv_blob_open(&server->blobs, release->envelope, &size);
    if (fd < 0) {
        return false;
    }
    if (size <= SELV_INSPECT_ENVELOPE_MAX) {
        *p = malloc((size_t)size + 1);
    } else {
        errno = EFBIG; /* no envelope: nothing that long was published */
    }
    ssize_t n = *p != NULL ? 1 : -1;
    while (n > 0 && got < size) {
        n = read(fd, *p + got, (size_t)size - got);
        got += n > 0 ? (size_t)n : 0;
        n = n < 0 && errno == EINTR ? 1 : n;
    }
    int err = n == 0 ? EIO : errno; /* 0: shorter than it was */
    close(fd);
    errno = err;
    *len = got;
    return n > 0;
}

static bool is_verified_by(struct selv_bytes envelope,
                           const struct selv_cose_key *anchor)
{
    struct selv_inspect facts;
    return selv_inspect(envelope, anchor, 1, &facts) == SELV_OK;
}

/* Whether an envelope may take the place of another one of its manifest:
 * every anchor that verifies what is served must verify it too, so that no
 * device loses a release that it could install. An envelope that is gone, or
 * that no anchor verifies, is no loss. Without anchors nobody can tell the
 * genuine one, and the first one stays. */
static enum selv_publish_status replace_check(struct selv_server *server,
                                              struct selv_bytes envelope,
                                              const struct selv_release *found,
                                              char why[static WHY])
{
    char name[SELV_HEX_DIGEST_LEN];
    uint8_t *p = NULL;
    size_t len = 0;
    enum selv_publish_status status = SELV_PUBLISH_REPLACED;
    selv_name_encode(found->envelope, SELV_SHA256_LEN, name);
    if (server->anchor_count == 0) {
        snprintf(why, WHY,
                 "this manifest is published in another envelope, %s; it is"
                 " replaced only by a server that can verify both: start"
                 " selvaged with --key and the author's public key",
                 name);
        return SELV_PUBLISH_CONFLICT;
    }
    if (!envelope_read(server, found, &p, &len)) {
        if (errno != ENOENT) {
            snprintf(why, WHY, "the envelope %s could not be read: %s", name,
                     strerror(errno));
            status = SELV_PUBLISH_FAILED;
        }
        free(p);
        return status;
    }
    for (size_t i = 0; i < server->anchor_count; i++) {
        if (is_verified_by(selv_bytes(p, len), &server->anchors[i]) &&
            !is_verified_by(envelope, &server->anchors[i])) {
            snprintf(why, WHY,
                     "this manifest is published in the envelope %s, which a"
                     " --key of this server verifies that does not verify this"
                     " one; sign it with that key, too",
                     name);
            status = SELV_PUBLISH_CONFLICT;
        }
    }
    free(p);
    return status;
}

/* SELV_PUBLISH_NEW when neither its digest nor its number is there;
 * SELV_PUBLISH_REPLACED when the manifest is, in another envelope (signed
 * otherwise, or with other severed elements) that may be replaced. */
static enum selv_publish_status taken_check(struct selv_server *server,
                                            struct selv_bytes envelope,
                                            const struct selv_inspect *facts,
                                            struct selv_release *found,
                                            char why[static WHY])
{
    uint8_t here[SELV_SHA256_LEN];
    struct selv_sha256 hash;
    struct selv_records *records = &server->records;
    enum selv_db_status status =
        selv_records_release_by_digest(records, facts->digest, found);
    if (status == SELV_DB_ROW) {
        selv_sha256_init(&hash);
        selv_sha256_update(&hash, envelope.p, envelope.len);
        selv_sha256_finish(&hash, here);
        return memcmp(here, found->envelope, sizeof here) == 0
                   ? SELV_PUBLISH_THERE
                   : replace_check(server, envelope, found, why);
    }
    if (status == SELV_DB_OK) {
        status = selv_records_release_by_number(records, facts->vendor_id,
                                                facts->class_id,
                                                facts->sequence_number, found);
    }
    if (status == SELV_DB_ROW) {
        char digest[SELV_HEX_DIGEST_LEN];
        selv_name_encode(found->digest, SELV_SHA256_LEN, digest);
        snprintf(why, WHY,
                 "sequence number %" PRIu64 " of this vendor and class is"
                 " taken by the release %s; sign with a higher one",
                 facts->sequence_number, digest);
        return SELV_PUBLISH_CONFLICT;
    }
    return status == SELV_DB_OK ? SELV_PUBLISH_NEW : db_failed(status, why);
}

/* The envelope, and then its row: a new one, or that of the envelope which it
 * replaces, whose file stays: an HTTP download of it ends whole. Blocks over
 * CoAP come from the newest, so that a device that is in the middle sees
 * another ETag and begins anew [RFC 7959 2.4]. */
static enum selv_publish_status keep(struct selv_server *server,
                                     struct selv_bytes envelope,
                                     struct selv_release *release,
                                     enum selv_publish_status what,
                                     char why[static WHY])
{
    struct selv_blob blob;
    selv_blob_begin(&server->blobs, &blob);
    selv_blob_append(&blob, envelope);
    enum selv_blob_status stored =
        selv_blob_commit(&blob, NULL, release->envelope);
    if (stored != SELV_BLOB_OK) {
        snprintf(why, WHY, "the envelope could not be written: %s",
                 strerror(blob.err));
        return stored == SELV_BLOB_FULL ? SELV_PUBLISH_FULL
                                        : SELV_PUBLISH_FAILED;
    }
    enum selv_db_status status =
        what == SELV_PUBLISH_REPLACED
            ? selv_records_release_replace(&server->records, release)
            : selv_records_release_add(&server->records, release);
    return status == SELV_DB_OK ? what : db_failed(status, why);
}

enum selv_publish_status
selv_server_publish(struct selv_server *server, struct selv_bytes envelope,
                    struct selv_release *release,
                    char why[static SELV_PUBLISH_WHY_LEN])
{
    struct selv_inspect facts;
    why[0] = 0;
    if (selv_inspect(envelope, server->anchors, server->anchor_count, &facts) !=
        SELV_OK) {
        snprintf(why, WHY, "%s", facts.why);
        return SELV_PUBLISH_REFUSED;
    }
    if (facts.sequence_number > (uint64_t)SELV_PROFILE_NUMBER_MAX) {
        snprintf(why, WHY,
                 "sequence number %" PRIu64 " is over 2^63 - 1, the highest"
                 " that this server keeps",
                 facts.sequence_number);
        return SELV_PUBLISH_REFUSED;
    }
    enum selv_publish_status status =
        taken_check(server, envelope, &facts, release, why);
    if (status != SELV_PUBLISH_NEW && status != SELV_PUBLISH_REPLACED) {
        return status;
    }
    int64_t published_at = release->published_at;
    if (!images_check(server, &facts, why)) {
        return SELV_PUBLISH_REFUSED;
    }
    release_fill(release, &facts, envelope);
    if (status == SELV_PUBLISH_REPLACED) {
        release->published_at = published_at;
    }
    return keep(server, envelope, release, status, why);
}
