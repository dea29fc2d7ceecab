/* SPDX-License-Identifier: MIT */
#include "value.h"

#include "base/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct value *make(enum value_type type) {
    struct value *v = calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    v->refs = 1;
    v->type = type;
    v->depth = type == VALUE_LIST || type == VALUE_RECORD;
    v->size = VALUE_COST;
    return v;
}

struct value *value_undefined(void) {
    return make(VALUE_UNDEFINED);
}

struct value *value_error(const char *fmt, ...) {
    _cleanup_value_ struct value *v = make(VALUE_ERROR);
    if (!v)
        return NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&v->text, fmt, args);
    va_end(args);
    if (n < 0) {
        v->text = NULL;
        return NULL;
    }
    return TAKE_PTR(v);
}

struct value *value_boolean(bool boolean) {
    struct value *v = make(VALUE_BOOLEAN);
    if (v)
        v->boolean = boolean;
    return v;
}

struct value *value_integer(int64_t integer) {
    struct value *v = make(VALUE_INTEGER);
    if (v)
        v->integer = integer;
    return v;
}

struct value *value_real(double real) {
    if (real != real || real > 1.7e308 || real < -1.7e308)
        return value_error("the result is not a number");
    struct value *v = make(VALUE_REAL);
    if (v)
        v->real = real;
    return v;
}

struct value *value_time(int64_t seconds) {
    struct value *v = make(VALUE_TIME);
    if (v)
        v->integer = seconds;
    return v;
}

struct value *value_string_n(const char *text, size_t len) {
    struct value *v = make(VALUE_STRING);
    if (v && value_set_source(v, text, len) < 0) {
        value_unref(v);
        return NULL;
    }
    return v;
}

struct value *value_string(const char *text) {
    return value_string_n(text, strlen(text));
}

struct value *value_list_new(void) {
    return make(VALUE_LIST);
}

struct value *value_record_new(void) {
    return make(VALUE_RECORD);
}

int value_set_source(struct value *v, const char *text, size_t len) {
    char *copy = strndup(text, len);
    if (!copy)
        return -ENOMEM;
    v->size += strlen(copy) - (v->text ? strlen(v->text) : 0);
    free(v->text);
    v->text = copy;
    return 0;
}

struct value *value_ref(struct value *v) {
    if (v)
        (void)__atomic_add_fetch(&v->refs, 1, __ATOMIC_RELAXED);
    return v;
}

void value_unref(struct value *v) {
    if (!v || __atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (size_t i = 0; i < v->len; i++) {
        value_unref(v->items[i]);
        if (v->keys)
            free(v->keys[i]);
    }
    free(v->items);
    free(v->keys);
    key_index_done(&v->index);
    free(v->text);
    free(v);
}

static int grow(struct value *v) {
    if (v->len >= VALUE_ITEMS_MAX)
        return -E2BIG;
    if (v->len < v->cap)
        return 0;
    size_t cap = v->cap ? v->cap * 2 : 4;
    struct value **items = reallocarray(v->items, cap, sizeof(*items));
    if (!items)
        return -ENOMEM;
    v->items = items;
    if (v->type == VALUE_RECORD) {
        char **keys = reallocarray(v->keys, cap, sizeof(*keys));
        if (!keys)
            return -ENOMEM;
        v->keys = keys;
    }
    v->cap = cap;
    return 0;
}

struct value *value_failure(int code) {
    switch (code) {
    case -E2BIG:
        return value_error("the list or record is too large: it holds at most %u items, and %zu "
                           "MiB with all that is in it",
                           VALUE_ITEMS_MAX, VALUE_SIZE_MAX >> 20);
    case -ELOOP:
        return value_error("lists and records nest more than %u deep", VALUE_NESTING_MAX);
    default:
        return NULL;
    }
}

/* Whether `item` may go into `v` (never NULL), `levels` below it under `bytes` of keys. */
static int check_room(const struct value *v, const struct value *item, size_t levels,
                      size_t bytes) {
    if (!item)
        return -ENOMEM;
    if (item->depth + levels > VALUE_DEPTH_MAX)
        return -ELOOP;
    return v->size + item->size + bytes + levels * VALUE_COST > VALUE_SIZE_MAX ? -E2BIG : 0;
}

/* `v` holds `item` from now on. */
static void count_item(struct value *v, const struct value *item) {
    v->size += item->size;
    if (v->depth <= item->depth)
        v->depth = item->depth + 1;
}

int value_list_append(struct value *list, struct value *item) {
    int r = check_room(list, item, 1, 0);
    if (r == 0)
        r = grow(list);
    if (r < 0) {
        value_unref(item);
        return r;
    }
    list->items[list->len++] = item;
    count_item(list, item);
    return 0;
}

static bool find(const struct value *record, const char *key, size_t len, size_t *ret) {
    *ret = key_index_find(&record->index, record->keys, record->len, key, len);
    return *ret < record->len;
}

int value_record_set(struct value *record, const char *key, struct value *item) {
    size_t at;
    int r = check_room(record, item, 1, strlen(key));
    if (r == 0 && find(record, key, strlen(key), &at)) {
        record->size -= record->items[at]->size;
        value_unref(record->items[at]);
        record->items[at] = item;
        count_item(record, item);
        return 0;
    }
    if (r == 0)
        r = grow(record);
    char *copy = r < 0 ? NULL : strdup(key);
    if (!copy) {
        value_unref(item);
        return r < 0 ? r : -ENOMEM;
    }
    record->keys[record->len] = copy;
    record->items[record->len++] = item;
    record->size += strlen(copy);
    count_item(record, item);
    return key_index_add(&record->index, record->keys, record->len);
}

void value_record_remove(struct value *record, const char *key) {
    size_t at;
    if (!find(record, key, strlen(key), &at))
        return;
    key_index_done(&record->index);
    record->size -= record->items[at]->size + strlen(record->keys[at]);
    free(record->keys[at]);
    value_unref(record->items[at]);
    size_t behind = record->len - at - 1;
    memmove(record->keys + at, record->keys + at + 1, behind * sizeof(*record->keys));
    memmove(record->items + at, record->items + at + 1, behind * sizeof(*record->items));
    record->len--;
}

struct value *value_record_get(const struct value *record, const char *key) {
    size_t at;
    return find(record, key, strlen(key), &at) ? record->items[at] : NULL;
}

/* A copy that shares its items. */
static struct value *shallow_copy(const struct value *v) {
    _cleanup_value_ struct value *copy = make(v->type);
    if (!copy)
        return NULL;
    copy->boolean = v->boolean;
    copy->integer = v->integer;
    copy->real = v->real;
    copy->secret = v->secret;
    if (v->text && value_set_source(copy, v->text, strlen(v->text)) < 0)
        return NULL;
    for (size_t i = 0; i < v->len; i++) {
        struct value *item = value_ref(v->items[i]);
        int r = v->type == VALUE_LIST ? value_list_append(copy, item)
                                      : value_record_set(copy, v->keys[i], item);
        if (r < 0)
            return NULL;
    }
    return TAKE_PTR(copy);
}

struct value *value_mark(struct value *v, bool secret) {
    if (!v || !secret || v->secret)
        return v;
    if (__atomic_load_n(&v->refs, __ATOMIC_ACQUIRE) > 1) {
        struct value *copy = shallow_copy(v);
        value_unref(v);
        if (!copy)
            return NULL;
        v = copy;
    }
    v->secret = true;
    return v;
}

bool value_is_secret(const struct value *v) {
    if (v->secret)
        return true;
    for (size_t i = 0; i < v->len; i++)
        if (value_is_secret(v->items[i]))
            return true;
    return false;
}

bool value_is_empty(const struct value *v) {
    return v->type == VALUE_UNDEFINED || (v->type == VALUE_STRING && !*v->text) ||
           (v->type == VALUE_LIST && v->len == 0);
}

/* The record under the first `len` bytes of `path`, ours alone to change; made if `create`. */
static int own_child(struct value *record, const char *path, size_t len, bool create,
                     struct value **ret) {
    _cleanup_free_ char *key = strndup(path, len);
    if (!key)
        return -ENOMEM;
    struct value *child = value_record_get(record, key);
    if (child && child->type == VALUE_RECORD) {
        if (__atomic_load_n(&child->refs, __ATOMIC_ACQUIRE) > 1) {
            child = shallow_copy(child);
            int r = value_record_set(record, key, child);
            if (r < 0)
                return r;
        }
        *ret = child;
        return 0;
    }
    *ret = NULL;
    if (!create)
        return 0;
    child = value_record_new();
    int r = value_record_set(record, key, child);
    if (r == 0)
        *ret = child;
    return r;
}

/* The same without a look at the bounds: recurses once for each part of the path. */
static int set_path(struct value *record, const char *path, struct value *item) {
    const char *dot = strchr(path, '.');
    struct value *child;
    if (!dot)
        return value_record_set(record, path, item);
    int r = own_child(record, path, (size_t)(dot - path), true, &child);
    if (r < 0) {
        value_unref(item);
        return r;
    }
    record->size -= child->size;
    r = set_path(child, dot + 1, item);
    count_item(record, child);
    return r;
}

int value_record_set_path(struct value *record, const char *path, struct value *item) {
    size_t levels = 1;
    for (const char *dot = path; (dot = strchr(dot, '.')); dot++)
        levels++;
    int r = check_room(record, item, levels, strlen(path));
    if (r == 0)
        return set_path(record, path, item);
    value_unref(item);
    return r;
}

int value_record_set_in(struct value *record, const char *name, const char *key,
                        struct value *item) {
    struct value *child = NULL;
    int r = check_room(record, item, 2, strlen(name) + strlen(key));
    if (r == 0)
        r = own_child(record, name, strlen(name), true, &child);
    if (r < 0) {
        value_unref(item);
        return r;
    }
    record->size -= child->size;
    if (value_is_undefined(item)) {
        value_record_remove(child, key);
        value_unref(item);
    } else {
        r = value_record_set(child, key, item);
    }
    count_item(record, child);
    return r;
}

int value_record_remove_path(struct value *record, const char *path) {
    const char *dot = strchr(path, '.');
    struct value *child;
    if (!dot) {
        value_record_remove(record, path);
        return 0;
    }
    if (!value_record_get_path(record, path))
        return 0;
    int r = own_child(record, path, (size_t)(dot - path), false, &child);
    if (r < 0 || !child)
        return r;
    record->size -= child->size;
    r = value_record_remove_path(child, dot + 1);
    record->size += child->size;
    return r;
}

struct value *value_record_get_path(const struct value *record, const char *path) {
    const char *dot;
    while ((dot = strchr(path, '.'))) {
        size_t at;
        if (!find(record, path, (size_t)(dot - path), &at) ||
            record->items[at]->type != VALUE_RECORD)
            return NULL;
        record = record->items[at];
        path = dot + 1;
    }
    return value_record_get(record, path);
}

bool value_record_path_conflicts(const struct value *record, const char *path) {
    const char *dot;
    size_t at;
    while ((dot = strchr(path, '.'))) {
        if (!find(record, path, (size_t)(dot - path), &at))
            return false;
        if (record->items[at]->type != VALUE_RECORD)
            return true;
        record = record->items[at];
        path = dot + 1;
    }
    return find(record, path, strlen(path), &at) && record->items[at]->type == VALUE_RECORD;
}
