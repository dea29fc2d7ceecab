/* SPDX-License-Identifier: MIT */
#ifndef STORE_STORE_H
#define STORE_STORE_H

/*
 * Where durable facts are kept: ordered keys to values, changed by atomic commits.
 *
 * Invariants
 * - A commit is all or nothing, and on disk (fsync) before store_commit returns 0. A commit that
 *   fails leaves the store as it was.
 * - Every commit that changes something raises the revision by one.
 * - Values are framed with a version and a CRC-32C by the implementation; a damaged value is
 *   -EBADMSG and never handed out.
 * - One process uses a store at a time (-EBUSY for the second; `err` names the pid of the first).
 * - Commits come from one thread (the engine). Reads may come from any thread at the same time;
 *   each sees one revision. A read holds no resource after it returns.
 *
 * Keys are byte strings of at most STORE_KEY_MAX bytes, compared with memcmp. Values are at most
 * STORE_VALUE_MAX bytes.
 */

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_KEY_MAX 480
#define STORE_VALUE_MAX (8u << 20)

struct store;

struct store_op {
    const void *key;
    size_t key_len;
    const void *value; /* NULL deletes the key; deleting an absent key is fine */
    size_t value_len;
};

/* A commit applies only if each of these holds: the key has this value (NULL: is absent). */
struct store_compare {
    const void *key;
    size_t key_len;
    const void *value;
    size_t value_len;
};

/* What a commit does: `ops` in order, if all `compares` hold. */
struct store_change {
    const struct store_compare *compares;
    size_t n_compares;
    const struct store_op *ops;
    size_t n_ops;
};

/* Called for each key in order. Returns 0 to go on, > 0 to stop, < 0 to fail with that code.
   The pointers are good until the callback returns. It must not call the store. */
typedef int (*store_visit)(void *arg, const void *key, size_t key_len, const void *value,
                           size_t value_len);

/* Called on the engine thread after each commit that changed something, with the new revision. */
typedef void (*store_watch)(void *arg, uint64_t revision, const struct store_op *ops, size_t n);

/* Keys from `from` (included) while they begin with `prefix`; `reverse` goes downwards from the
   last key <= `from` (an empty `from` means the end of the prefix). */
struct store_range {
    const void *prefix;
    size_t prefix_len;
    const void *from; /* NULL: the start (or, reversed, the end) of the prefix */
    size_t from_len;
    bool reverse;
};

/* What an implementation provides; the functions below call through it. */
struct store_ops {
    int (*get)(struct store *s, const void *key, size_t key_len, struct buf *value);
    int (*scan)(struct store *s, const struct store_range *range, store_visit visit, void *arg);
    int (*commit)(struct store *s, const struct store_change *change, struct error *err);
    uint64_t (*revision)(struct store *s);
    void (*watch)(struct store *s, store_watch watch, void *arg);
    void (*free)(struct store *s);
};

/* Every implementation's struct begins with this. */
struct store {
    const struct store_ops *ops;
};

/*
 * Opens (and creates) the LMDB store in directory `path`. Returns 0, -EBUSY when another process
 * has it, -EPROTO when it was written by a newer version, -ENOSPC, -ENOMEM or another -errno; `err`
 * says what to do.
 */
int store_open_lmdb(const char *path, struct error *err, struct store **ret);

/* A store in memory with the same behaviour, for tests. `fail_commit`, if set, is asked before each
   commit and may return a negative errno to make it fail. Returns 0 or -ENOMEM. */
int store_open_memory(int (*fail_commit)(void *arg), void *arg, struct store **ret);

/* Appends the value of a key. 0, -ENOENT, -EBADMSG, -E2BIG (over the buffer's maximum), -ENOMEM,
 * -EIO. */
static inline int store_get(struct store *s, const void *key, size_t key_len, struct buf *value) {
    return s->ops->get(s, key, key_len, value);
}

/* Visits the keys of a range in order, within one revision. 0, what visit returned (> 0 or < 0),
   -EBADMSG, -EIO. */
static inline int store_scan(struct store *s, const struct store_range *range, store_visit visit,
                             void *arg) {
    return s->ops->scan(s, range, visit, arg);
}

/*
 * Applies a change, whole or not at all. Durable when it returns 0. Returns -EAGAIN when a
 * compare does not hold, -ENOSPC (disk or map full), -EIO, -EINVAL (key or value too long),
 * -ENOMEM. Engine thread only.
 */
static inline int store_commit(struct store *s, const struct store_change *change,
                               struct error *err) {
    return s->ops->commit(s, change, err);
}

static inline uint64_t store_revision(struct store *s) {
    return s->ops->revision(s);
}

static inline void store_set_watch(struct store *s, store_watch watch, void *arg) {
    s->ops->watch(s, watch, arg);
}

static inline void store_free(struct store *s) {
    if (s)
        s->ops->free(s);
}

DEFINE_CLEANUP(struct store, store_free);

#endif
