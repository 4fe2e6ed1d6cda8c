/* SPDX-License-Identifier: Apache-2.0
 *
 * suit/walk.h - go through a command sequence in order, nested sequences
 * included, without running anything [manifest 8.4.6]. For tools that look at
 * manifests of any kind: `selvage manifest show`, the server's inspection.
 *
 * Calls: 1 init with the content of the sequence's byte string   2 next,
 *        until it says END or returns an error
 * Knows: the shape alone: pairs of code and argument; that the arguments of
 *        try-each (15) and run-sequence (32) hold sequences. Any other
 *        argument is one item of any type, skipped. Codes are not judged.
 * Owns:  nothing; items are views. No recursion.
 * RAM:   a few words for each level of SELV_SUIT_DEPTH_MAX. */
#ifndef SELV_SUIT_WALK_H
#define SELV_SUIT_WALK_H

#include "base/base.h"
#include "cbor/cbor.h"

enum selv_suit_walk_kind {
    SELV_SUIT_WALK_COMMAND, /* a code and its argument */
    SELV_SUIT_WALK_ENTER,   /* begin of a nested sequence (an alternative of
                               the try-each before it); a nil has no LEAVE */
    SELV_SUIT_WALK_LEAVE,   /* end of the nested sequence last entered */
    SELV_SUIT_WALK_END      /* end of the outermost sequence */
};

struct selv_suit_walk_item {
    enum selv_suit_walk_kind kind;
    int32_t code;               /* COMMAND: its code */
    struct selv_bytes argument; /* COMMAND: the encoded argument */
    const uint8_t *at;          /* COMMAND: first byte of the code; ENTER:
                                   of the byte string; else just past the
                                   sequence */
    bool is_nil;                /* ENTER: the empty alternative */
    bool is_first;              /* COMMAND: first of its sequence */
    uint8_t alternative;        /* ENTER, LEAVE: counted from 0 */
    uint8_t depth;              /* 0: the outermost sequence; ENTER and LEAVE
                                   have the depth of what they enclose */
};

/* One level (private). */
struct selv_suit_walk_level {
    const uint8_t *p, *end; /* what is left of the sequence */
    const uint8_t *at;      /* the command last taken, NULL: none yet */
    uint16_t pairs;         /* commands left */
    uint8_t left;           /* sequences after it in the argument */
    uint8_t number;         /* of this sequence in the argument */
};

/* State (private). */
struct selv_suit_walk {
    struct selv_suit_walk_level level[SELV_SUIT_DEPTH_MAX + 1];
    const uint8_t *rest; /* nested sequences still to enter */
    const uint8_t *at;   /* where the last error is */
    int32_t code;        /* of the command last read */
    uint8_t left;        /* sequences at rest */
    uint8_t number;      /* the next one's */
    uint8_t depth;
};

/* Begin at the content of a sequence's byte string: an array of at least one
 * pair. SELV_ERR_CBOR_*, SELV_ERR_SUIT_EMPTY, SELV_ERR_SUIT_ARGUMENT (a code
 * without its argument). After an error w->at says where. */
SELV_MUST_CHECK enum selv_err selv_suit_walk_init(struct selv_suit_walk *w,
                                                  struct selv_bytes sequence);

/* The next item. Errors as of init, and SELV_ERR_SUIT_DEPTH (deeper than
 * SELV_SUIT_DEPTH_MAX); after one w->at says where, w->code in which command,
 * and the walk is over. */
SELV_MUST_CHECK enum selv_err
selv_suit_walk_next(struct selv_suit_walk *w, struct selv_suit_walk_item *item);

/* Give the command last read at this depth once more. */
void selv_suit_walk_again(struct selv_suit_walk *w);

/* Leave the nested sequence now, whatever is left of it: as LEAVE does. Only
 * at a depth above 0. */
void selv_suit_walk_leave(struct selv_suit_walk *w);

/* Pass over the sequences of the last command that were not entered. */
void selv_suit_walk_pass(struct selv_suit_walk *w);

#endif
