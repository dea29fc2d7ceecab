/* SPDX-License-Identifier: MIT */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

/* Strict readers of small texts. None skips blanks unless it says so; none accepts trailing text.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits with an optional sign. 0, -EINVAL (not a number) or -ERANGE. */
int parse_i64(const char *text, int64_t *ret);
/* Decimal digits only. 0, -EINVAL or -ERANGE. */
int parse_u64(const char *text, uint64_t *ret);
/* yes/no, true/false, on/off, 1/0 in any case. 0 or -EINVAL. */
int parse_bool(const char *text, bool *ret);

/* Cuts blanks (space, tab, CR, LF) from both ends, in place. Returns the new start. Nothing is
 * written where there is nothing to cut: an empty text may be a literal. */
char *text_trim(char *text);

/* Equality with ASCII case folding, as template names compare. */
bool text_equal_fold(const char *a, const char *b);

/* Levenshtein distance with ASCII case folding, for "did you mean"; capped at `cap`. */
size_t text_distance(const char *a, const char *b, size_t cap);

/* True for [A-Za-z0-9][A-Za-z0-9_-]{0,62}: names of clusters and nodes. */
bool name_valid(const char *name);

/* The ending of a noun after this number: "" for 1, else "s". Static. */
static inline const char *text_plural(uint64_t n) {
    return n == 1 ? "" : "s";
}

#endif
