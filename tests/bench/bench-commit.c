/* SPDX-License-Identifier: MIT */
/*
 * bench-commit DIRECTORY BYTES LEAVES: for each line of standard input, makes one durable change to
 * a store of its own and prints how many microseconds that took: LEAVES records of BYTES bytes,
 * each in a page of its own. What the disk needs, to compare the writes of the file system with.
 */
#include "base/clock.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAVES_MAX 64
#define LEAF_BYTES 8192 /* records of this size together are in more than one page */

/* Record `n` of a leaf; those of one leaf are side by side, and the middle one is written again. */
struct key {
    unsigned char leaf, n;
};

struct records {
    struct key keys[LEAVES_MAX];
    struct store_op ops[LEAVES_MAX];
    size_t n;
};

static void put(struct records *r, struct key key, const char *value, size_t len) {
    r->keys[r->n] = key;
    r->ops[r->n] = (struct store_op){&r->keys[r->n], sizeof(key), value, len};
    r->n++;
}

static int commit(struct store *store, const struct records *r, struct error *err) {
    return store_commit(store, &(struct store_change){.ops = r->ops, .n_ops = r->n}, err);
}

static size_t records_in_leaf(size_t len) {
    size_t n = LEAF_BYTES / len + 2;
    return n > UINT8_MAX ? UINT8_MAX : n;
}

static int fill(struct store *store, size_t leaves, const char *value, size_t len,
                struct error *err) {
    int r = 0;
    for (size_t n = 0; r == 0 && n < records_in_leaf(len); n++) {
        struct records all = {.n = 0};
        for (size_t leaf = 0; leaf < leaves; leaf++)
            put(&all, (struct key){(unsigned char)leaf, (unsigned char)n}, value, len);
        r = commit(store, &all, err);
    }
    return r;
}

static int serve(struct store *store, size_t leaves, char *value, size_t len, struct error *err) {
    char line[64];
    unsigned char middle = (unsigned char)(records_in_leaf(len) / 2);
    struct records all = {.n = 0};
    for (size_t leaf = 0; leaf < leaves; leaf++)
        put(&all, (struct key){(unsigned char)leaf, middle}, value, len);
    for (uint64_t n = 1; fgets(line, sizeof(line), stdin); n++) {
        (void)memcpy(value, &n, sizeof(n) < len ? sizeof(n) : len);
        usec_t begun = clock_monotonic(&clock_real);
        int r = commit(store, &all, err);
        if (r < 0)
            return r;
        (void)printf("%llu\n", (unsigned long long)(clock_monotonic(&clock_real) - begun));
        (void)fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv) {
    _cleanup_error_ struct error err = ERROR_INIT;
    struct store *store = NULL;
    size_t len = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    size_t leaves = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (len == 0 || leaves == 0 || leaves > LEAVES_MAX) {
        (void)fprintf(stderr, "usage: bench-commit DIRECTORY BYTES LEAVES\n");
        return 2;
    }
    _cleanup_free_ char *value = calloc(1, len);
    int r = value ? store_open_lmdb(argv[1], &err, &store) : -ENOMEM;
    if (r == 0)
        r = fill(store, leaves, value, len, &err);
    if (r == 0)
        r = serve(store, leaves, value, len, &err);
    if (r < 0)
        (void)fprintf(stderr, "bench-commit: %s\n", err.code ? err_text(&err) : strerror(-r));
    store_free(store);
    return r < 0;
}
