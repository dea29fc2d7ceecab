/* SPDX-License-Identifier: MIT */
#ifndef MODEL_EDITION_H
#define MODEL_EDITION_H

/*
 * An edition: a definition of an array that nodes were made from. It is kept, once for all of them,
 * until the last of these nodes is gone, whatever becomes of the template; a node names its own by
 * id (node.edition).
 *
 * Both are counted and never change once they are in a list; an array's copies share its list.
 * Engine thread only, but for reading.
 */

#include "base/clock.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct edition {
    unsigned refs;
    uint64_t id, array_id;
    usec_t made_at;                         /* when the first node was made from it, wall time */
    struct str *key;                        /* the same for equal definitions */
    struct str *definition;                 /* JSON, with secrets: what its machines are made of */
    struct str *attributes, *configuration; /* JSON, secrets masked */
};

struct edition_list {
    unsigned refs;
    size_t len;
    struct edition *items[]; /* the newest last */
};

/* Zeroed, with one reference. NULL: no memory. */
struct edition *edition_new(void);
void edition_unref(struct edition *e);

struct edition_list *edition_list_ref(struct edition_list *l);
void edition_list_unref(struct edition_list *l);

/* NULL: there is none. Borrowed. `l` may be NULL. */
struct edition *edition_find(const struct edition_list *l, uint64_t id);
struct edition *edition_find_key(const struct edition_list *l, const struct str *key);

/* Replaces *slot by a list with `e` in it, in place of one with the same id or as the newest. The
 * reference to `e` is taken over, on failure too. 0 or -ENOMEM. */
int edition_list_put(struct edition_list **slot, struct edition *e);
/* Replaces *slot by a list of those for which `keep` says so, NULL when there are none. 0 or
 * -ENOMEM. */
int edition_list_filter(struct edition_list **slot,
                        bool (*keep)(const struct edition *e, void *arg), void *arg);

static inline size_t edition_list_len(const struct edition_list *l) {
    return l ? l->len : 0;
}

#endif
