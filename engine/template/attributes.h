/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_ATTRIBUTES_H
#define TEMPLATE_ATTRIBUTES_H

/*
 * The known attributes of each kind of section: spelling, type, meaning, and what becomes of them.
 */

#include "syntax.h"

enum want {
    WANT_ANY,
    WANT_TEXT,
    WANT_BOOLEAN,
    WANT_INTEGER,
    WANT_NUMBER,
    WANT_TIME,         /* becomes whole seconds */
    WANT_LIST,         /* one value becomes a list of one */
    WANT_TEXT_OR_LIST, /* a list of one becomes that one; "a, b" a list */
    WANT_RECORD,
};

/* What this server makes of an attribute. */
enum effect {
    EFFECT_DONE,
    EFFECT_SHOWN,   /* kept and shown; what carries it out is not there yet */
    EFFECT_NONE,    /* kept and shown, never carried out */
    EFFECT_REFUSED, /* to drop it would lose data, money or safety */
};

struct attribute_row {
    const char *name;
    enum want want;
    enum effect effect;
    const char *doc;   /* what it means: one line */
    const char *note;  /* unless EFFECT_DONE: why not, or what to do instead */
    const char *quiet; /* unless EFFECT_DONE: the value that means what happens anyway, or NULL */
    bool array_only;   /* means nothing for a [[node]] */
};

struct attribute_table {
    const struct attribute_row *rows; /* in the order of their names */
    size_t len;
};

/* The attributes of a kind of section; empty where any name will do. */
const struct attribute_table *attribute_table(enum section_type type);

/* The row of a (dotted) key in any case, or NULL. */
const struct attribute_row *attribute_row_find(enum section_type type, const char *key);
/* A known key that `key` is nearly like, or NULL. Exact ones give NULL too. */
const char *attribute_suggest(enum section_type type, const char *key);
/* The key in documented spelling, as far as it is known. New text, NULL: out of memory. */
char *attribute_spelling(enum section_type type, const char *key);

/*
 * `v` (borrowed) as the wanted type: a new value, VALUE_ERROR ("expected a whole number, found
 * \"x\"") if that cannot be, NULL: out of memory. Undefined stays undefined; so becomes an empty
 * text where no text is wanted.
 */
struct value *value_coerce(const struct value *v, enum want want);

/* True if a text is wanted rather than the list that a value with commas is. */
bool want_is_single(enum want want);

#endif
