/* SPDX-License-Identifier: MIT */
#include "shares.h"

#include "base/hash.h"

#include <errno.h>

#define BUCKETS 256u

/* A bound on all users together, on each, and what only root may use of it. */
static const struct {
    size_t all, each, reserved;
    int full, over; /* the errno when all is taken, and when the user has its share */
} bounds[SHARE_MAX] = {
    [SHARE_HANDLES] = {FS_HANDLES_MAX, FS_HANDLES_MAX / 8, FS_HANDLES_MAX / 16, ENFILE, ENFILE},
    [SHARE_DOCUMENT_BYTES] = {FS_DOCUMENT_BYTES, FS_DOCUMENT_BYTES / 8, FS_DOCUMENT_BYTES / 16,
                              ENOSPC, EDQUOT},
    [SHARE_SCRATCH_FILES] = {FS_SCRATCH_MAX, FS_SCRATCH_MAX / 8, FS_SCRATCH_MAX / 16, ENOSPC,
                             EDQUOT},
    [SHARE_SCRATCH_BYTES] = {FS_SCRATCH_BYTES, FS_SCRATCH_BYTES / 4, FS_SCRATCH_BYTES / 8, ENOSPC,
                             EDQUOT},
};

struct user_shares {
    struct list link;
    uid_t uid;
    size_t used[SHARE_MAX];
};

struct shares {
    pthread_mutex_t lock;
    struct list buckets[BUCKETS];
    size_t used[SHARE_MAX];
};

int shares_new(struct shares **ret) {
    struct shares *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    (void)pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&s->buckets[i]);
    *ret = s;
    return 0;
}

static void drop(struct user_shares *u) {
    list_del(&u->link);
    free(u);
}

void shares_free(struct shares *s) {
    if (!s)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (!list_empty(&s->buckets[i]))
            drop(list_entry(s->buckets[i].next, struct user_shares, link));
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct list *bucket(struct shares *s, uid_t uid) {
    return &s->buckets[hash_u64(uid) >> 56 & (BUCKETS - 1)];
}

static struct user_shares *find_user(struct shares *s, uid_t uid) {
    list_for_each(pos, bucket(s, uid)) {
        struct user_shares *u = list_entry(pos, struct user_shares, link);
        if (u->uid == uid)
            return u;
    }
    return NULL;
}

/* The user's, made at the first use; NULL: no memory. */
static struct user_shares *get_user(struct shares *s, uid_t uid) {
    struct user_shares *u = find_user(s, uid);
    if (u)
        return u;
    u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    u->uid = uid;
    list_add_tail(bucket(s, uid), &u->link);
    return u;
}

static bool idle(const struct user_shares *u) {
    for (size_t i = 0; i < SHARE_MAX; i++)
        if (u->used[i])
            return false;
    return true;
}

/* 0, or why the user may not have `n` more. */
static int check(const struct shares *s, const struct user_shares *u, enum share share, size_t n) {
    size_t all = u->uid ? bounds[share].all - bounds[share].reserved : bounds[share].all;
    if (u->uid && u->used[share] + n > bounds[share].each)
        return -bounds[share].over;
    return s->used[share] + n > all ? -bounds[share].full : 0;
}

int shares_take(struct shares *s, uid_t uid, enum share share, size_t n) {
    LOCK_SCOPE(&s->lock);
    struct user_shares *u = get_user(s, uid);
    if (!u)
        return -ENOMEM;
    int r = check(s, u, share, n);
    if (r == 0) {
        s->used[share] += n;
        u->used[share] += n;
    }
    if (idle(u))
        drop(u);
    return r;
}

void shares_give(struct shares *s, uid_t uid, enum share share, size_t n) {
    LOCK_SCOPE(&s->lock);
    struct user_shares *u = n ? find_user(s, uid) : NULL;
    if (!u)
        return;
    s->used[share] -= n;
    u->used[share] -= n;
    if (idle(u))
        drop(u);
}

size_t shares_used(struct shares *s, enum share share) {
    LOCK_SCOPE(&s->lock);
    return s->used[share];
}
