/* SPDX-License-Identifier: MIT */
#ifndef FS_VNODE_INTERNAL_H
#define FS_VNODE_INTERNAL_H

/* What vnode.c and scratch.c share. Everything is guarded by vnodes.lock. */

#include "shares.h"
#include "vnode.h"

#define VNODE_BUCKETS 4096u
#define VNODE_HIDDEN_MAX 256u
#define VNODE_HIDE_US (5 * USEC_SEC)

enum vnode_kind {
    VNODE_ALIAS,
    VNODE_SCRATCH,
};

struct vnode {
    struct list by_id;
    struct list by_inode; /* ALIAS: its bucket; SCRATCH: vnodes.scratch while it has a name */
    uint64_t id;
    uint64_t lookups;
    unsigned refs;
    enum vnode_kind kind;
    uint64_t inode; /* ALIAS */
    bool shared;    /* ALIAS: what lookups of the document get */
    int parked;     /* ALIAS: FSYNCs that wait */
    int readers;    /* ALIAS: open descriptors on which one may wait */
    uint64_t dir;   /* SCRATCH: inode of its directory */
    char *name;     /* SCRATCH: NULL once unlinked */
    mode_t mode;
    uid_t uid;
    gid_t gid;
    usec_t accessed_at, modified_at, changed_at;
    struct buf data; /* contents or target */
    uid_t payer;     /* SCRATCH: whose share it is in, whoever owns it by now */
    size_t charged;  /* SCRATCH: bytes of that share */
};

struct hidden {
    uint64_t inode;
    usec_t until;
};

struct vnodes {
    pthread_mutex_t lock;
    uint64_t next_id;
    struct list by_id[VNODE_BUCKETS];
    struct list by_inode[VNODE_BUCKETS];
    struct list scratch; /* those with a name, oldest first: the order of ids */
    size_t n_aliases;
    struct shares *shares; /* borrowed */
    struct hidden hidden[VNODE_HIDDEN_MAX];
    size_t next_hidden;
};

/* A vnode with one reference, in the table; NULL: no memory. */
struct vnode *vnode_make(struct vnodes *vs, enum vnode_kind kind);
/* Gives the share of a scratch file back, when it is none any more. */
void vnode_give_share(struct vnodes *vs, struct vnode *v);
/* Puts an alias into its bucket. */
void vnode_link_inode(struct vnodes *vs, struct vnode *v, uint64_t inode);
/* The shared alias of a document, not referenced; NULL when there is none. */
struct vnode *vnode_shared(struct vnodes *vs, uint64_t inode);
/* Frees the vnode when nothing holds it any more. */
void vnode_reap(struct vnodes *vs, struct vnode *v);

#endif
