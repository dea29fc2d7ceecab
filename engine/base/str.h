/* SPDX-License-Identifier: MIT */
#ifndef BASE_STR_H
#define BASE_STR_H

/*
 * Immutable counted text, shared by the objects of the model. The engine thread alone makes, refs
 * and unrefs it (the count is not atomic); other threads may read one that a snapshot they hold
 * keeps alive. NULL is an empty text everywhere.
 */

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct str {
    unsigned refs;
    size_t len;
    char text[]; /* len bytes and a NUL; may hold NUL bytes */
};

/* New text with one reference, or NULL when memory ran out. */
struct str *str_new(const char *text, size_t len);
struct str *str_new_c(const char *text);
struct str *str_ref(struct str *s);
void str_unref(struct str *s);

/* Replaces *slot by a reference to `s` (not stolen). */
void str_assign(struct str **slot, struct str *s);
/* Replaces *slot by new text; keeps the old object if the text is the same. 0 or -ENOMEM. */
int str_set(struct str **slot, const char *text);

static inline const char *str_text(const struct str *s) {
    return s ? s->text : "";
}

static inline size_t str_len(const struct str *s) {
    return s ? s->len : 0;
}

bool str_equal(const struct str *s, const char *text);

DEFINE_CLEANUP(struct str, str_unref);
#define _cleanup_str_ _cleanup_(str_unrefp)

#endif
