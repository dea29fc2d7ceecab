/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_VALUE_H
#define TEMPLATE_VALUE_H

/*
 * Values of the expression language. Counted (atomically: a parsed template is shared by threads)
 * and immutable once another holder may see them: lists and records are filled by their maker
 * right after value_list_new / value_record_new, before they are handed on. All text is valid
 * UTF-8 without NUL bytes. A NULL value always means that memory ran out.
 *
 * `secret` travels: what is computed from a secret is a secret.
 */

#include "key-index.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of one text and of one list or record that an expression may make. */
#define VALUE_TEXT_MAX ((size_t)1 << 20)
#define VALUE_ITEMS_MAX 100000u
/* Whoever walks a value recurses, and meets what is shared once for each place that it is in: so
 * both how deep lists and records nest and their size with everything in them are bounded. */
#define VALUE_NESTING_MAX 100u                   /* of what a template says */
#define VALUE_DEPTH_MAX (VALUE_NESTING_MAX + 10) /* ... with the definition around it */
#define VALUE_SIZE_MAX ((size_t)16 << 20)
#define VALUE_COST ((size_t)32) /* what a value counts besides its text */

enum value_type {
    VALUE_UNDEFINED,
    VALUE_ERROR, /* text: why */
    VALUE_BOOLEAN,
    VALUE_INTEGER,
    VALUE_REAL,
    VALUE_STRING,
    VALUE_TIME, /* integer: seconds */
    VALUE_LIST,
    VALUE_RECORD,
};

struct value {
    unsigned refs;
    enum value_type type;
    bool secret;
    bool boolean;
    int64_t integer;
    double real;
    char *text; /* a string; how a number was written (or NULL); why an error */
    struct value **items;
    char **keys; /* of a record */
    struct key_index index;
    size_t len, cap;
    unsigned depth; /* of lists and records in each other: 0 for a scalar, 1 if none is in it */
    size_t size;    /* VALUE_COST and text of this and of all in it */
};

/* Each returns a new reference or NULL. Texts are copied. */
struct value *value_undefined(void);
struct value *value_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
struct value *value_boolean(bool boolean);
struct value *value_integer(int64_t integer);
struct value *value_real(double real);
struct value *value_time(int64_t seconds);
struct value *value_string(const char *text);
struct value *value_string_n(const char *text, size_t len);
struct value *value_list_new(void);
struct value *value_record_new(void);

/* How a number was written: `2.10` stays 2.10 when it is printed. 0 or -ENOMEM. */
int value_set_source(struct value *v, const char *text, size_t len);

struct value *value_ref(struct value *v);
void value_unref(struct value *v);
DEFINE_CLEANUP(struct value, value_unref);
#define _cleanup_value_ _cleanup_(value_unrefp)

/*
 * Both steal `item`, NULL too (then -ENOMEM). 0, -ENOMEM, -E2BIG over VALUE_ITEMS_MAX or
 * VALUE_SIZE_MAX, or -ELOOP over VALUE_DEPTH_MAX.
 */
int value_list_append(struct value *list, struct value *item);
/* Replaces an item whose key differs only in case (the first spelling stays). */
int value_record_set(struct value *record, const char *key, struct value *item);
/*
 * The same for a path "a.b.c" through nested records. What stands in the way of one is replaced;
 * records that others hold too are copied, never changed.
 */
int value_record_set_path(struct value *record, const char *path, struct value *item);
/*
 * The same for one key, dots and all, of the record under `name` (which is made if need be);
 * an undefined `item` takes the key out.
 */
int value_record_set_in(struct value *record, const char *name, const char *key,
                        struct value *item);
/* What to give instead of a value for one of these codes: an error in words, NULL for -ENOMEM. */
struct value *value_failure(int code);
/* Takes what is at the path out; nothing happens if there is nothing. 0 or -ENOMEM. */
int value_record_remove_path(struct value *record, const char *path);
/* What is at the path, borrowed, or NULL. */
struct value *value_record_get_path(const struct value *record, const char *path);
/* True if the path goes through what is no record, or ends at a record. */
bool value_record_path_conflicts(const struct value *record, const char *path);
/* Takes an item out; nothing happens if there is none. */
void value_record_remove(struct value *record, const char *key);
/* The item under `key` in any case, borrowed, or NULL. */
struct value *value_record_get(const struct value *record, const char *key);

/* The same value marked as secret if `secret`; steals `v` (NULL gives NULL). */
struct value *value_mark(struct value *v, bool secret);
/* True if the value or anything in it is secret. */
bool value_is_secret(const struct value *v);

static inline bool value_is_undefined(const struct value *v) {
    return v->type == VALUE_UNDEFINED;
}

/* Undefined, or a text of length 0. */
bool value_is_empty(const struct value *v);

/* Appends the value as text: numbers as written, undefined as nothing, lists with commas. */
int value_put_text(const struct value *v, struct buf *b);
/* The same as a new value of type string (secret if `v` is). */
struct value *value_to_string(const struct value *v);

/* Reads a number from a number, boolean, time or numeric text. False if it is none. */
bool value_to_number(const struct value *v, bool *ret_is_real, int64_t *ret_i, double *ret_r);
/* Reads a whole number; texts like "32,000" too. False if it is none. */
bool value_to_integer(const struct value *v, int64_t *ret);

enum truth {
    TRUTH_FALSE,
    TRUTH_TRUE,
    TRUTH_UNDEFINED,
    TRUTH_ERROR,
};

/* Numbers are true unless 0; the texts "true" and "false" count; other types are TRUTH_ERROR. */
enum truth value_truth(const struct value *v);

/* `==`: texts without regard to case, numbers by value, a number and a text as texts. */
enum truth value_equal(const struct value *a, const struct value *b);
/* `===`: same type and same contents. */
bool value_identical(const struct value *a, const struct value *b);

/* Seconds from "10m", "90s", "2h", "1d", "15" (seconds). 0 or -EINVAL. */
int value_parse_time(const char *text, int64_t *ret_seconds);

/* A new JSON reference, NULL: out of memory. `masked` writes "********" for secrets. */
json_t *value_to_json(const struct value *v, bool masked);
/* An error value if it is over the limits of a value. */
struct value *value_from_json(const json_t *json);

/* For messages: the type in words, "a list". */
const char *value_type_word(const struct value *v);
/* For messages: the value itself, shortened, quoted if a text, "********" if secret. */
int value_put_short(const struct value *v, struct buf *b);

#endif
