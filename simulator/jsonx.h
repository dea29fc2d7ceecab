/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_JSONX_H
#define SIMULATOR_JSONX_H

/* What jansson does not have: dotted paths, texts with a fallback, formatted strings. */

#include "base/cleanup.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The value at "properties.hardwareProfile.vmSize"; a number is an index of an array. Borrowed,
 * NULL if it is not there. */
json_t *json_path(json_t *from, const char *path);
/* The text at a path, or NULL if it is not there or no string. Borrowed from the document. */
const char *json_path_text(json_t *from, const char *path);
/* The truth at a path, or `otherwise`. */
bool json_path_bool(json_t *from, const char *path, bool otherwise);
/* The integer at a path, or `otherwise`. */
json_int_t json_path_int(json_t *from, const char *path, json_int_t otherwise);

/* Puts `value` (stolen, also on failure) at a path, making the objects on the way. 0 or -ENOMEM. */
int json_path_set(json_t *into, const char *path, json_t *value);
/* Removes what is at a path; nothing happens if it is not there. */
void json_path_delete(json_t *from, const char *path);

/* Looks for the first member of `after` that `before` does not have or has with another value, and
 * appends its path; members that `after` leaves out count as equal. */
struct buf;
bool json_find_change(json_t *before, json_t *after, struct buf *path);

/* A new JSON string from a format; NULL when memory ran out. */
json_t *json_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* asprintf as a value: NULL when memory ran out. */
char *text_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A lower-cased copy; NULL when memory ran out. */
char *text_lower(const char *text);

static inline void json_decrefp_(json_t **p) {
    json_decref(*p);
}
#define _cleanup_json_ _cleanup_(json_decrefp_)

#endif
