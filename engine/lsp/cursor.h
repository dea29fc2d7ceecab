/* SPDX-License-Identifier: MIT */
#ifndef LSP_CURSOR_H
#define LSP_CURSOR_H

/* What stands at a place of a document. */

#include "document.h"

enum cursor_place {
    PLACE_OUTSIDE,     /* a blank line, a comment, a line that is not understood */
    PLACE_HEADER_TYPE, /* [[node NAME]]: on `node`, or on its brackets */
    PLACE_HEADER_NAME,
    PLACE_KEY,
    PLACE_TEXT, /* in a value, where words are only words */
    PLACE_NAME, /* in a value, on a name: behind $, in ${} or in an expression */
};

struct cursor {
    enum cursor_place place;
    size_t offset;
    unsigned line;    /* from 1 */
    struct span word; /* around the offset, perhaps empty; in the text of the document */
    bool member;      /* PLACE_NAME: behind a dot, so nothing's name */
    bool expression;  /* PLACE_NAME: functions are known here too */
    struct item item; /* what the place is in; kind ITEM_END if it is in nothing */
    const struct section *section;     /* that the line is in, or begins; the file if none */
    const struct attribute *attribute; /* of this line, NULL if there is none */
};

/* Looks at a byte of the text. False if the document was not understood at all. */
bool cursor_find(const struct document *d, size_t offset, struct cursor *ret);

/* The byte in the document where the word starts. */
size_t cursor_word_offset(const struct document *d, const struct cursor *c);
/* The word as text in `buf`, cut to `size`. Returns it. */
const char *cursor_word(const struct cursor *c, char *buf, size_t size);

/* The cluster that a section is in, NULL if it is in none. */
const struct section *section_cluster(const struct section *s);
/* The last node or nodearray of this name in the cluster or its parents, NULL if there is none. */
const struct section *cluster_find_node(const struct template *t, const struct section *cluster,
                                        const char *name);

#endif
