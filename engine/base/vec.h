/* SPDX-License-Identifier: MIT */
#ifndef BASE_VEC_H
#define BASE_VEC_H

/*
 * Typed growing arrays. `DEFINE_VEC(int_vec, int);` declares `struct int_vec {int *items; size_t
 * len, cap;}` with int_vec_append (0 or -ENOMEM), int_vec_reserve, int_vec_remove (keeps the
 * order) and int_vec_done (frees the array, not what the items point to). Items are reached
 * directly: v.items[i]. A zeroed struct is an empty vector.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFINE_VEC(name, type)                                                               \
    struct name {                                                                            \
        type *items;                                                                         \
        size_t len, cap;                                                                     \
    };                                                                                       \
    __attribute__((unused)) static inline int name##_reserve(struct name *v, size_t extra) { \
        if (v->len + extra <= v->cap)                                                        \
            return 0;                                                                        \
        size_t cap = v->cap ? v->cap + v->cap / 2 : 8;                                       \
        if (cap < v->len + extra)                                                            \
            cap = v->len + extra;                                                            \
        type *items = reallocarray(v->items, cap, sizeof(type));                             \
        if (!items)                                                                          \
            return -ENOMEM;                                                                  \
        v->items = items;                                                                    \
        v->cap = cap;                                                                        \
        return 0;                                                                            \
    }                                                                                        \
    __attribute__((unused)) static inline int name##_append(struct name *v, type item) {     \
        int r = name##_reserve(v, 1);                                                        \
        if (r < 0)                                                                           \
            return r;                                                                        \
        v->items[v->len++] = item;                                                           \
        return 0;                                                                            \
    }                                                                                        \
    __attribute__((unused)) static inline int name##_insert(struct name *v, size_t at,       \
                                                            type item) {                     \
        int r = name##_reserve(v, 1);                                                        \
        if (r < 0)                                                                           \
            return r;                                                                        \
        memmove(v->items + at + 1, v->items + at, (v->len - at) * sizeof(type));             \
        v->items[at] = item;                                                                 \
        v->len++;                                                                            \
        return 0;                                                                            \
    }                                                                                        \
    __attribute__((unused)) static inline void name##_remove(struct name *v, size_t at) {    \
        memmove(v->items + at, v->items + at + 1, (v->len - at - 1) * sizeof(type));         \
        v->len--;                                                                            \
    }                                                                                        \
    __attribute__((unused)) static inline void name##_done(struct name *v) {                 \
        free(v->items);                                                                      \
        *v = (struct name){0};                                                               \
    }                                                                                        \
    struct name##_needs_semicolon

#endif
