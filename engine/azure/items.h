/* SPDX-License-Identifier: MIT */
#ifndef AZURE_ITEMS_H
#define AZURE_ITEMS_H

/*
 * Reads a large JSON object that holds one long array, {"value":[item, item ...],"nextLink":...},
 * as its bytes arrive: each item is parsed alone and given away, so that an answer of 40 MB needs
 * the memory of its largest item. What is not in the array is kept, with the array empty.
 */

#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>

/* The longest item and the longest rest. */
#define ITEM_MAX ((size_t)1 << 20)

/* Takes one item (borrowed). 0 or -errno, which ends the reading. */
typedef int (*items_callback)(void *arg, const json_t *item);

struct items {
    const char *array; /* name of the array's member */
    items_callback callback;
    void *arg;
    struct buf item, rest, key;
    unsigned depth;
    bool in_string, escaped;
    bool in_key;   /* the string being read is the name of a top-level member */
    bool want_key; /* the next string of the top level is a name */
    bool in_array, in_item;
    bool begun;
};

void items_init(struct items *s, const char *array, items_callback callback, void *arg);
void items_done(struct items *s);

/* Reads on. 0, -EBADMSG (not JSON), -E2BIG (an item or the rest is too long), -ENOMEM, or what the
   callback returned. */
int items_feed(struct items *s, const char *data, size_t len);
/* The rest of the object once all has been fed; new reference. 0, -EBADMSG or -ENOMEM. */
int items_finish(struct items *s, json_t **ret);

#endif
