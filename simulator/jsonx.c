/* SPDX-License-Identifier: MIT */
#include "jsonx.h"

#include "base/buf.h"

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MEMBER_MAX 128

/* Cuts the first name off a dotted path. Returns the rest, NULL after the last name. */
static const char *next_name(const char *path, char name[MEMBER_MAX]) {
    size_t len = strcspn(path, ".");
    size_t keep = len < MEMBER_MAX - 1 ? len : MEMBER_MAX - 1;
    memcpy(name, path, keep);
    name[keep] = '\0';
    return path[len] == '.' ? path + len + 1 : NULL;
}

json_t *json_path(json_t *from, const char *path) {
    char name[MEMBER_MAX];
    while (from && path) {
        path = next_name(path, name);
        uint64_t index;
        if (json_is_array(from))
            from = parse_u64(name, &index) == 0 ? json_array_get(from, index) : NULL;
        else
            from = json_object_get(from, name);
    }
    return from;
}

const char *json_path_text(json_t *from, const char *path) {
    return json_string_value(json_path(from, path));
}

bool json_path_bool(json_t *from, const char *path, bool otherwise) {
    json_t *value = json_path(from, path);
    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

json_int_t json_path_int(json_t *from, const char *path, json_int_t otherwise) {
    json_t *value = json_path(from, path);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

int json_path_set(json_t *into, const char *path, json_t *value) {
    _cleanup_json_ json_t *held = value;
    char name[MEMBER_MAX];
    if (!held)
        return -ENOMEM;
    for (;;) {
        path = next_name(path, name);
        if (!path)
            return json_object_set(into, name, held) < 0 ? -ENOMEM : 0;
        json_t *child = json_object_get(into, name);
        if (!json_is_object(child)) {
            child = json_object();
            if (!child || json_object_set_new(into, name, child) < 0)
                return -ENOMEM;
        }
        into = child;
    }
}

void json_path_delete(json_t *from, const char *path) {
    char name[MEMBER_MAX];
    for (;;) {
        path = next_name(path, name);
        if (!path) {
            (void)json_object_del(from, name);
            return;
        }
        from = json_object_get(from, name);
        if (!from)
            return;
    }
}

char *text_format(const char *fmt, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    return len < 0 ? NULL : text;
}

json_t *json_format(const char *fmt, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0)
        return NULL;
    json_t *value = json_string(text);
    free(text);
    return value;
}

char *text_lower(const char *text) {
    char *copy = strdup(text);
    for (char *c = copy; c && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

static bool find_change_of_list(json_t *before, json_t *after, struct buf *path) {
    size_t i, len = path->len;
    json_t *item;
    if (!json_is_array(before) || json_array_size(before) != json_array_size(after))
        return true;
    json_array_foreach(after, i, item) {
        (void)buf_printf(path, "[%zu]", i);
        if (json_find_change(json_array_get(before, i), item, path))
            return true;
        buf_truncate(path, len);
    }
    return false;
}

bool json_find_change(json_t *before, json_t *after, struct buf *path) {
    size_t len = path->len;
    const char *name;
    json_t *value;
    if (json_is_array(after))
        return find_change_of_list(before, after, path);
    if (!json_is_object(after))
        return !before || !json_equal(before, after);
    json_object_foreach(after, name, value) {
        (void)buf_printf(path, "%s%s", len ? "." : "", name);
        if (json_find_change(json_object_get(before, name), value, path))
            return true;
        buf_truncate(path, len);
    }
    return !before;
}
