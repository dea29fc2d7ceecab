/* SPDX-License-Identifier: MIT */
/*
 * bench-commit DIRECTORY BYTES: for each line of standard input, commits one record of that many
 * bytes to a store of its own, and prints how many microseconds that took. What the disk needs for
 * the least durable change, to compare the writes of the file system with.
 */
#include "base/clock.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Commits the record number `n`. 0 or -errno. */
static int commit(struct store *store, uint64_t n, char *value, size_t len, struct error *err) {
    const char key[] = "record";
    (void)memcpy(value, &n, sizeof(n) < len ? sizeof(n) : len);
    const struct store_op op = {key, sizeof(key), value, len};
    const struct store_change change = {.ops = &op, .n_ops = 1};
    return store_commit(store, &change, err);
}

static int serve(struct store *store, char *value, size_t len, struct error *err) {
    char line[64];
    for (uint64_t n = 1; fgets(line, sizeof(line), stdin); n++) {
        usec_t begun = clock_monotonic(&clock_real);
        int r = commit(store, n, value, len, err);
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
    size_t len = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (len == 0) {
        (void)fprintf(stderr, "usage: bench-commit DIRECTORY BYTES\n");
        return 2;
    }
    _cleanup_free_ char *value = calloc(1, len);
    int r = value ? store_open_lmdb(argv[1], &err, &store) : -ENOMEM;
    if (r == 0)
        r = serve(store, value, len, &err);
    if (r < 0)
        (void)fprintf(stderr, "bench-commit: %s\n", err.code ? err_text(&err) : strerror(-r));
    store_free(store);
    return r < 0;
}
