/* SPDX-License-Identifier: MIT */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

/* A store, on disk or in memory, and what its tests do to it. */

#include "store/history.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    char path[64]; /* "" for the store in memory */
    struct store *store;
    int fail; /* what fail_commit returns */
    uint64_t watched;
    size_t watched_ops;
};

static inline int fail_commit(void *arg) {
    return ((struct fixture *)arg)->fail;
}

static inline void on_commit(void *arg, uint64_t revision, const struct store_op *ops, size_t n) {
    struct fixture *f = arg;
    assert_non_null(ops);
    f->watched = revision;
    f->watched_ops = n;
}

static inline void remove_directory(const char *path) {
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
    (void)closedir(d);
    assert_int_equal(rmdir(path), 0);
}

static inline void open_lmdb(struct fixture *f) {
    struct error err = ERROR_INIT;
    int r = store_open_lmdb(f->path, &err, &f->store);
    if (r < 0)
        fail_msg("%s", err_text(&err));
}

static inline int setup_memory(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    assert_int_equal(store_open_memory(fail_commit, f, &f->store), 0);
    *state = f;
    return 0;
}

static inline int setup_lmdb(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    (void)snprintf(f->path, sizeof(f->path), "/tmp/test-store-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    open_lmdb(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state) {
    struct fixture *f = *state;
    store_free(f->store);
    if (*f->path)
        remove_directory(f->path);
    free(f);
    return 0;
}

static inline struct store_op op_put(const char *key, const char *value) {
    return (struct store_op){key, strlen(key), value, value ? strlen(value) : 0};
}

static inline int put(struct store *s, const char *key, const char *value) {
    struct store_op op = op_put(key, value);
    return store_commit(s, &(struct store_change){.ops = &op, .n_ops = 1}, NULL);
}

static inline void assert_value(struct store *s, const char *key, const char *value) {
    _cleanup_buf_ struct buf b = BUF_INIT(1000);
    int r = store_get(s, key, strlen(key), &b);
    assert_int_equal(r, value ? 0 : -ENOENT);
    assert_string_equal(b.data, value ? value : "");
}

struct listing {
    char text[256];
    int stop_after, code;
};

static inline int visit_list(void *arg, const void *key, size_t key_len, const void *value,
                             size_t value_len) {
    struct listing *l = arg;
    size_t len = strlen(l->text);
    (void)snprintf(l->text + len, sizeof(l->text) - len, "%.*s=%.*s ", (int)key_len,
                   (const char *)key, (int)value_len, (const char *)value);
    return --l->stop_after == 0 ? l->code : 0;
}

#define PAIRS 10

static inline int put_pairs(struct store *s, unsigned value) {
    char keys[PAIRS][8], text[16];
    struct store_op ops[PAIRS];
    (void)snprintf(text, sizeof(text), "%u", value);
    for (unsigned i = 0; i < PAIRS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "p%u", i);
        ops[i] = op_put(keys[i], text);
    }
    return store_commit(s, &(struct store_change){.ops = ops, .n_ops = PAIRS}, NULL);
}

struct pairs {
    unsigned n, value;
    bool mixed;
};

static inline int visit_pair(void *arg, const void *key, size_t key_len, const void *value,
                             size_t value_len) {
    struct pairs *p = arg;
    char text[16];
    (void)key;
    (void)key_len;
    (void)snprintf(text, sizeof(text), "%.*s", (int)value_len, (const char *)value);
    unsigned v = (unsigned)strtoul(text, NULL, 10);
    p->mixed |= p->n++ > 0 && v != p->value;
    p->value = v;
    return 0;
}

static inline struct pairs scan_pairs(struct store *s) {
    struct pairs p = {0};
    struct store_range range = {.prefix = "p", .prefix_len = 1};
    if (store_scan(s, &range, visit_pair, &p) != 0)
        p.mixed = true;
    return p;
}

#endif
