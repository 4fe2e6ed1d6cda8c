/* SPDX-License-Identifier: Apache-2.0
 *
 * posix/source.h - places where a device's port fetches for the engine: a web
 * server (http://, https://) or a folder (file://), such as a USB stick, that
 * holds a tree of the names /i/<digest> and /m/<vendor>/<class>, as
 * `selvage release publish --static` writes it. Nothing that comes from there
 * is believed: manifests are signed, images are named by their digest.
 *
 * Calls: 1 open   2 start a fetch   3 poll until it says WAIT; then wait for
 *        the descriptors that fds names, no longer than until_ms, and poll
 *        again   4 DONE, FAILED or cancel end the fetch; start the next.
 *        One fetch at a time for each source.
 * Owns:  a source is allocated by open and freed by close; bytes of an event
 *        are valid until the next call.
 * Time:  reading a folder blocks for as long as the disk does; nothing else
 *        does, but a name is looked up in the background.
 * RAM:   18 KiB a source, and what libcurl takes. */
#ifndef SELV_POSIX_SOURCE_H
#define SELV_POSIX_SOURCE_H

#include <poll.h>

#include "posix/posix.h"

#define SELV_SOURCE_URI_LEN 512u  /* of a source, with its NUL */
#define SELV_SOURCE_PATH_LEN 512u /* of what is fetched, with its NUL */
#define SELV_SOURCE_PIECE 16384u  /* bytes of one event at most */
#define SELV_SOURCE_FDS_MAX 8u
#define SELV_SOURCE_TOTAL_UNKNOWN UINT64_MAX

/* What a slow or a lying server is allowed. */
struct selv_source_limits {
    uint32_t connect_ms;  /* until there is a connection */
    uint32_t slow_s;      /* seconds in a row that may be ... */
    uint32_t slow_bytes;  /* ... slower than this many bytes a second */
    uint32_t whole_ms;    /* for one fetch, and on top of it ... */
    uint32_t slowest;     /* ... its bytes, at this many a second */
    uint32_t redirects;   /* in one fetch, all to the same server */
    uint32_t headers_max; /* bytes of one answer's head */
};

extern const struct selv_source_limits selv_source_limits_default;

enum selv_source_action {
    SELV_SOURCE_WAIT,
    SELV_SOURCE_BYTES, /* the next ones, in order */
    SELV_SOURCE_DONE,  /* all that was asked for, or all that there is */
    SELV_SOURCE_FAILED
};

struct selv_source_event {
    struct selv_bytes bytes; /* BYTES */
    uint32_t offset;         /* BYTES: where they belong */
    uint64_t total;          /* BYTES, DONE: length of the whole, or
                                SELV_SOURCE_TOTAL_UNKNOWN */
    uint64_t until_ms;       /* WAIT: by selv_posix_now_ms */
    enum selv_err err;       /* FAILED: SELV_ERR_COAP_TIMEOUT (nobody there, too
                                slow, broken off, trouble of its own: later),
                                _CODE (it is not there, or not for us), _BLOCK
                                (other bytes than asked for), _ETAG (changed in
                                mid-transfer), SELV_ERR_UPDATE_SERVER (nonsense),
                                SELV_ERR_SUIT_URI (no such names here) */
    uint8_t code;            /* FAILED with _CODE: as CoAP would say it */
};

/* One kind of source, a file each. */
struct selv_source;
struct selv_source_kind {
    const char *scheme; /* "file://" */
    struct selv_source *(*open)(const char *uri, struct selv_posix_why *why);
    void (*start)(struct selv_source *s);
    size_t (*fds)(struct selv_source *s, struct pollfd *fds, size_t cap);
    enum selv_source_action (*poll)(struct selv_source *s,
                                    struct selv_source_event *event);
    void (*cancel)(struct selv_source *s);
    void (*close)(struct selv_source *s);
};

/* What all kinds share; the first member of each one's own struct. */
struct selv_source {
    const struct selv_source_kind *kind;
    struct selv_source_limits limits; /* may be changed between fetches */
    char uri[SELV_SOURCE_URI_LEN];    /* as given, without '/' at its end */
    char path[SELV_SOURCE_PATH_LEN];  /* of this fetch */
    uint32_t offset;                  /* the next byte to be told */
    uint32_t end;                     /* where this fetch stops */
    uint64_t total;                   /* bytes of the whole body */
    const char *ca;    /* file of the certificates that are trusted (PEM), while
                          the source lives; NULL: those of the system */
    bool is_busy;      /* a fetch is under way */
    enum selv_err err; /* it failed */
    uint8_t code;      /* see the event */
    struct selv_posix_why why; /* the failure in words */
};

/* Whether the URI is of a kind that this program was built with, and well
 * formed. */
SELV_MUST_CHECK bool selv_source_check(const char *uri,
                                       struct selv_posix_why *why);
/* NULL: why. Asks nobody yet: a server or a stick may come later. */
SELV_MUST_CHECK struct selv_source *
selv_source_open(const char *uri, struct selv_posix_why *why);

/* Fetch at most len (> 0) bytes of path, from offset on. path: absolute, as in
 * a URI, perhaps with a query; what is wrong with it comes out of poll. What
 * was under way is cancelled. */
void selv_source_start(struct selv_source *s, const char *path, uint32_t offset,
                       uint32_t len);
/* Descriptors to wait for; how many, at most cap. */
size_t selv_source_fds(struct selv_source *s, struct pollfd *fds, size_t cap);
enum selv_source_action selv_source_poll(struct selv_source *s,
                                         struct selv_source_event *event);
void selv_source_cancel(struct selv_source *s);
void selv_source_close(struct selv_source *s);

/* ---- for the kinds ------------------------------------------------------ */

extern const struct selv_source_kind selv_source_http;
extern const struct selv_source_kind selv_source_https;
extern const struct selv_source_kind selv_source_folder;

/* Keep a failure: the first one of a fetch counts. */
void selv_source_fail(struct selv_source *s, enum selv_err err, uint8_t code,
                      const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
