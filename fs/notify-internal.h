/* SPDX-License-Identifier: MIT */
#ifndef FS_NOTIFY_INTERNAL_H
#define FS_NOTIFY_INTERNAL_H

/*
 * What the files of the notifier share: notify.c (its thread, and what others give it to do),
 * notify-drop.c (what is stale) and notify-names.c (names that went).
 */

#include "notify.h"

#include "base/clock.h"
#include "model/builder.h"

#define NOTIFY_OWN_MAX 64u

DEFINE_VEC(change_queue, struct change);

struct notify {
    struct fs *fs;
    pthread_t thread;
    bool running;
    atomic_size_t forgotten;  /* node ids since memory was given back */
    atomic_int thread_id;     /* 0: it does not run yet */
    struct replays *replays;  /* the thread's own */
    struct id_vec late;       /* the thread's own: inodes whose drop waits */
    usec_t late_due;          /* when to look at them again; USEC_NEVER: there are none */
    struct change_queue gone; /* the thread's own: nodes whose names the kernel still has */
    size_t next_gone;
    size_t removed; /* the thread's own: objects since memory was given back */
    /* Held from the collecting of inodes until the kernel was told, so that nobody answers in
       between; nothing that happens under it waits for an answer. */
    pthread_mutex_t dropping;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    struct change_queue queue;
    struct id_vec again; /* inodes */
    bool all;            /* the queue overflowed: everything may have changed */
    bool stop;
    struct replay_step step;
    usec_t busy_since;
    uint64_t own[NOTIFY_OWN_MAX];
    size_t next_own;
};

/* What one round of the thread works on. */
struct round {
    struct fs *fs;
    struct notify *n;
    const struct snapshot *snapshot;
    struct change_queue changes;
    struct id_vec again, clusters;
    bool all;
};

static inline usec_t monotonic(void) {
    return clock_monotonic(&clock_real);
}

/* Drops one inode. 0; or until when that has to wait. */
usec_t notify_drop(struct fs *fs, uint64_t inode, enum cache_patience patience);
/* Drops inodes now, or as soon as nobody is in the middle of them. */
void notify_drop_all(struct round *x, const struct id_vec *inodes);
/* Drops what a round has found to be stale, and notes the clusters that it concerns. */
void notify_drop_stale(struct round *x);
/* Takes the names of what was removed or renamed away. */
void notify_drop_names(struct round *x);
/* True when the kernel has made or removed this object itself; that is told once. */
bool notify_take_own(struct notify *n, uint64_t object_id);

#endif
