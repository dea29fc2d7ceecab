/* SPDX-License-Identifier: MIT */
#ifndef BASE_INI_H
#define BASE_INI_H

/*
 * INI text: `[type name]` headers and `key = value` lines, `#` or `;` comments at the start of a
 * line. The reader hands each key to a callback and stops at the first that refuses it.
 */

#include "error.h"

#include <stddef.h>

struct ini_item {
    const char *section; /* "account azure", "" before the first header */
    const char *key;     /* NULL for the header line itself */
    const char *value;   /* trimmed, one pair of surrounding double quotes removed */
    unsigned line;       /* from 1 */
};

/* Returns 0 to go on, or a negative errno (with `err` set) to stop. */
typedef int (*ini_callback)(void *arg, const struct ini_item *item, struct error *err);

struct ini_text {
    const char *name; /* used in messages */
    const char *text;
    size_t len;
};

/*
 * Reads a text. Returns 0, -EINVAL (a line is neither
 * header, comment nor key = value; a NUL byte), -ENOMEM, or what the callback returned. Errors
 * are prefixed with "name:line".
 */
int ini_read(const struct ini_text *text, ini_callback callback, void *arg, struct error *err);

#endif
