/* SPDX-License-Identifier: MIT */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

/*
 * Scope-bound release. A local declared `_cleanup_(node_freep) struct node *n = NULL;` is released
 * when it goes out of scope, on every path. TAKE_PTR and TAKE_FD move the value out, so that the
 * cleanup finds nothing left to do.
 */

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(func) __attribute__((cleanup(func)))

/* Declares func##p(), which calls func on a non-NULL local. `type` is the pointed-to type. */
#define DEFINE_CLEANUP(type, func)         \
    static inline void func##p(type **p) { \
        if (*p)                            \
            func(*p);                      \
    }                                      \
    struct cleanup_needs_semicolon

#define TAKE_PTR(ptr)                              \
    ({                                             \
        __typeof__(ptr) *take_from_ = &(ptr);      \
        __typeof__(ptr) take_value_ = *take_from_; \
        *take_from_ = NULL;                        \
        take_value_;                               \
    })

#define TAKE_FD(fd)                    \
    ({                                 \
        int *take_from_ = &(fd);       \
        int take_value_ = *take_from_; \
        *take_from_ = -1;              \
        take_value_;                   \
    })

static inline void cleanup_free(void *p) {
    free(*(void **)p);
}

static inline void cleanup_close(int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
}

static inline void cleanup_unlock(pthread_mutex_t **m) {
    (void)pthread_mutex_unlock(*m);
}

static inline pthread_mutex_t *cleanup_lock(pthread_mutex_t *m) {
    (void)pthread_mutex_lock(m);
    return m;
}

#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)

/* Holds the mutex until the enclosing scope ends. */
#define LOCK_SCOPE(m) \
    pthread_mutex_t *lock_scope_ __attribute__((cleanup(cleanup_unlock), unused)) = cleanup_lock(m)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
