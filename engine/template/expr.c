/* SPDX-License-Identifier: MIT */
#include "expr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct expr *expr_new(enum expr_kind kind, unsigned column) {
    struct expr *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->kind = kind;
    e->column = column;
    e->depth = 1;
    return e;
}

struct expr *expr_literal(struct value *value, unsigned column) {
    struct expr *e = value ? expr_new(EXPR_LITERAL, column) : NULL;
    if (!e) {
        value_unref(value);
        return NULL;
    }
    e->literal = value;
    return e;
}

struct expr *expr_name(const char *name, size_t len, bool strict, unsigned column) {
    struct expr *e = expr_new(EXPR_NAME, column);
    if (!e)
        return NULL;
    e->strict = strict;
    e->name = strndup(name, len);
    if (!e->name) {
        expr_free(e);
        return NULL;
    }
    return e;
}

static int grow(struct expr *e) {
    if (e->len < e->cap)
        return 0;
    size_t cap = e->cap ? e->cap * 2 : 2;
    struct expr **args = reallocarray(e->args, cap, sizeof(*args));
    if (!args)
        return -ENOMEM;
    e->args = args;
    if (e->kind == EXPR_RECORD) {
        char **keys = reallocarray(e->keys, cap, sizeof(*keys));
        if (!keys)
            return -ENOMEM;
        e->keys = keys;
    }
    e->cap = cap;
    return 0;
}

int expr_append(struct expr *e, const char *key, struct expr *arg) {
    _cleanup_expr_ struct expr *owned = arg;
    if (!arg || grow(e) < 0)
        return -ENOMEM;
    if (arg->depth >= EXPR_DEPTH_MAX)
        return -E2BIG;
    if (e->kind == EXPR_RECORD) {
        e->keys[e->len] = strdup(key);
        if (!e->keys[e->len])
            return -ENOMEM;
    }
    if (e->depth <= arg->depth)
        e->depth = arg->depth + 1;
    e->args[e->len++] = TAKE_PTR(owned);
    return 0;
}

void expr_free(struct expr *e) {
    if (!e)
        return;
    for (size_t i = 0; i < e->len; i++) {
        expr_free(e->args[i]);
        if (e->keys)
            free(e->keys[i]);
    }
    free(e->args);
    free(e->keys);
    free(e->name);
    value_unref(e->literal);
    free(e);
}

int expr_visit_names(const struct expr *e, int (*visit)(void *arg, const struct expr *name),
                     void *arg) {
    if (e->kind == EXPR_NAME) {
        int r = visit(arg, e);
        if (r != 0)
            return r;
    }
    for (size_t i = 0; i < e->len; i++) {
        int r = expr_visit_names(e->args[i], visit, arg);
        if (r != 0)
            return r;
    }
    return 0;
}

static bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

size_t identifier_length(const char *text, size_t len) {
    size_t n = 0;
    while (n < len && (letter(text[n]) || (n > 0 && text[n] >= '0' && text[n] <= '9')))
        n++;
    return n;
}

/* Skips a quoted part that starts at `i`; returns the index of its last byte, or `len`. */
static size_t skip_quoted(const char *text, size_t len, size_t i) {
    for (size_t j = i + 1; j < len; j++) {
        if (text[j] == '\\')
            j++;
        else if (text[j] == '"')
            return j;
    }
    return len;
}

size_t expr_braces(const char *text, size_t len) {
    unsigned open = 0;
    for (size_t i = 1; i < len; i++) {
        if (text[i] == '"')
            i = skip_quoted(text, len, i);
        else if (text[i] == '{')
            open++;
        else if (text[i] == '}' && --open == 0)
            return i + 1;
    }
    return 0;
}
