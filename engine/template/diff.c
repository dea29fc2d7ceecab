/* SPDX-License-Identifier: MIT */
/* What differs between two definitions. */
#include "key-index.h"
#include "template.h"

#include <errno.h>
#include <string.h>

#define SHOWN_MAX 200 /* bytes of a value */

/* Members that are not part of what a node is. */
static const char *const skipped[] = {"parameters", "Name", NULL};

static bool is_skipped(const char *key) {
    for (const char *const *skip = skipped; *skip; skip++)
        if (strcmp(*skip, key) == 0)
            return true;
    return false;
}

static const char *name_of(const json_t *item) {
    return json_string_value(json_object_get(item, "Name"));
}

/* True for a list of objects that have names: nodes, cluster-init specs. */
static bool has_names(const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!name_of(json_array_get(list, i)))
            return false;
    return json_is_array(list);
}

/* A value, shortened; an object or list that is there or not is only named. */
static int put_value(const json_t *v, struct buf *b) {
    if (!v)
        return buf_puts(b, "none");
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    int r = text ? buf_printf(b, "%.*s%s", SHOWN_MAX, text, strlen(text) > SHOWN_MAX ? "..." : "")
                 : -ENOMEM;
    free(text);
    return r;
}

static int put_change(const char *path, const json_t *before, const json_t *after, struct buf *b) {
    if (json_is_object(before ? before : after) && (!before || !after))
        return buf_printf(b, "%s: %s\n", path, before ? "removed" : "added");
    (void)buf_printf(b, "%s: ", path);
    int r = put_value(before, b);
    (void)buf_puts(b, " -> ");
    if (r == 0)
        r = put_value(after, b);
    (void)buf_putc(b, '\n');
    return r;
}

static int compare(const char *path, const json_t *before, const json_t *after, struct buf *b);

static int compare_member(const char *path, const char *key, const json_t *before,
                          const json_t *after, struct buf *b) {
    _cleanup_free_ char *whole = NULL;
    if (is_skipped(key))
        return 0;
    if (asprintf(&whole, "%s%s%s", path, *path ? "." : "", key) < 0) {
        whole = NULL;
        return -ENOMEM;
    }
    return compare(whole, before, after, b);
}

static int compare_objects(const char *path, const json_t *before, const json_t *after,
                           struct buf *b) {
    const char *key;
    json_t *value;
    int r = 0;
    json_object_foreach((json_t *)before, key, value) {
        if (r == 0)
            r = compare_member(path, key, value, json_object_get(after, key), b);
    }
    json_object_foreach((json_t *)after, key, value) {
        if (r == 0 && !json_object_get(before, key))
            r = compare_member(path, key, NULL, value, b);
    }
    return r;
}

/* Where the items of a list are by their names. 0 or -ENOMEM. */
static int map_names(const json_t *list, struct name_map *ret) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (name_map_add(ret, name_of(json_array_get(list, i)), i) < 0)
            return -ENOMEM;
    return 0;
}

static int compare_lists(const char *path, const json_t *before, const json_t *after,
                         struct buf *b) {
    _cleanup_(name_map_done) struct name_map old = {0}, new = {0};
    int r = map_names(before, &old);
    if (r == 0)
        r = map_names(after, &new);
    for (size_t i = 0; r == 0 && i < json_array_size(before); i++) {
        const char *name = name_of(json_array_get(before, i));
        r = compare_member(path, name, json_array_get(before, i),
                           json_array_get(after, name_map_find(&new, name)), b);
    }
    for (size_t i = 0; r == 0 && i < json_array_size(after); i++) {
        const char *name = name_of(json_array_get(after, i));
        if (name_map_find(&old, name) == SIZE_MAX)
            r = compare_member(path, name, NULL, json_array_get(after, i), b);
    }
    return r;
}

/* Definitions nest VALUE_DEPTH_MAX deep at most. */
static int compare(const char *path, const json_t *before, const json_t *after, struct buf *b) {
    if (json_is_object(before) && json_is_object(after))
        return compare_objects(path, before, after, b);
    if (has_names(before) && has_names(after))
        return compare_lists(path, before, after, b);
    if (before && after && json_equal(before, after))
        return 0;
    return put_change(path, before, after, b);
}

int definition_diff(const json_t *before, const json_t *after, struct buf *b) {
    int r = compare("", before, after, b);
    return r < 0 ? r : buf_error(b);
}
