/* SPDX-License-Identifier: MIT */
#ifndef FS_VNODE_H
#define FS_VNODE_H

/*
 * Node ids that do not come from the tables.
 *
 * - An alias stands for a place of the table under another id. Files with VIEW_SYNC get a new one
 * at each lookup: the kernel locks an inode while its FSYNC is unanswered, and everyone else must
 * be able to go on writing. Documents have one that all lookups share until the document is renamed
 *   away or unlinked.
 * - A scratch file is a plain file or symbolic link in memory beside a document, for editors.
 *
 * Ids are given once and never again. A vnode lives while the kernel knows it (lookups), while
 * somebody here holds it (refs), or while it has a name (scratch).
 * Threads: every function may be called from any thread; fields are only touched in vnode.c.
 */

#include "internal.h"

#define VNODE_BIT (UINT64_C(1) << 62)

static inline bool vnode_id_is(uint64_t node_id) {
    return (node_id & (VNODE_BIT | UINT64_C(1) << 63)) == VNODE_BIT;
}

int vnodes_new(struct shares *shares, struct vnodes **ret);
/* Frees everything, referenced or not. Accepts NULL. */
void vnodes_free(struct vnodes *vs);

/* The vnode with this id, referenced; NULL when there is none. */
struct vnode *vnode_find(struct vnodes *vs, uint64_t id);
struct vnode *vnode_ref(struct vnodes *vs, struct vnode *v);
void vnode_unref(struct vnodes *vs, struct vnode *v);
/* Counts lookups by the kernel, and takes them back. */
void vnode_looked_up(struct vnodes *vs, struct vnode *v);
void vnode_forget(struct vnodes *vs, uint64_t id, uint64_t n);

uint64_t vnode_id(const struct vnode *v);
/* The inode of the table that an alias stands for; 0 for a scratch file. */
uint64_t vnode_inode(struct vnodes *vs, struct vnode *v);

/* A new alias, referenced; NULL when there are too many or memory ran out: then use the plain id.
 */
struct vnode *vnode_alias_new(struct vnodes *vs, uint64_t inode);
/* The alias that lookups of a document share, made when there is none. Referenced, or NULL. */
struct vnode *vnode_alias_shared(struct vnodes *vs, uint64_t inode);
/* Lookups of the document get another alias from now on. */
void vnode_alias_retire(struct vnodes *vs, uint64_t inode);
/* Counts the FSYNCs that wait on an alias (+1, -1). */
void vnode_park(struct vnodes *vs, struct vnode *v, int by);
/* Counts the open descriptors on which an FSYNC may wait (+1, -1). */
void vnode_read(struct vnodes *vs, struct vnode *v, int by);
/* True while there are some on the alias with this id. */
bool vnode_is_read(struct vnodes *vs, uint64_t id);

/* The ids of up to `max` aliases of this inode on which no FSYNC waits. Returns how many. */
size_t vnode_aliases(struct vnodes *vs, uint64_t inode, uint64_t *ids, size_t max);
/* Calls visit(arg, inode) for every alias that is not parked; visit must not call vnode functions.
 */
void vnode_each_alias(struct vnodes *vs, void (*visit)(void *arg, uint64_t inode), void *arg);

/* Hides a document's name after unlink or rename, until it is made again or some seconds pass. */
void vnode_hide(struct vnodes *vs, uint64_t inode, usec_t now);
void vnode_unhide(struct vnodes *vs, uint64_t inode);
bool vnode_hidden(struct vnodes *vs, uint64_t inode, usec_t now);

/* True when editors use such a name for a file of their own beside the document. */
bool scratch_name_is(const char *name);

struct scratch_new {
    uint64_t dir; /* inode of the directory */
    const char *name;
    mode_t mode; /* with type */
    uid_t uid;
    gid_t gid;
    usec_t now;
    const char *text; /* contents or target */
    size_t len;
};

/* Makes a scratch file in place of one with that name. 0, -EDQUOT, -ENOSPC, -ENOMEM; *ret is
 * referenced. */
int scratch_make(struct vnodes *vs, const struct scratch_new *what, struct vnode **ret);
/* Referenced, or NULL. */
struct vnode *scratch_find(struct vnodes *vs, uint64_t dir, const char *name);
void scratch_stat(struct vnodes *vs, struct vnode *v, struct stat *ret);
/* Appends at most `size` bytes from `offset`. 0 or -ENOMEM. */
int scratch_read(struct vnodes *vs, struct vnode *v, size_t offset, size_t size, struct buf *b);
/* Offset SIZE_MAX appends. 0, -EFBIG, -EDQUOT, -ENOSPC, -ENOMEM. */
int scratch_write(struct vnodes *vs, struct vnode *v, const struct piece *piece, usec_t now);
int scratch_resize(struct vnodes *vs, struct vnode *v, size_t len, usec_t now);
/* Changes what `to_set` (FUSE_SET_ATTR_*) names, sizes excepted. */
void scratch_set(struct vnodes *vs, struct vnode *v, const struct stat *attr, int to_set,
                 usec_t now);
/* Takes the name away; the file lives on while it is open. */
void scratch_unlink(struct vnodes *vs, struct vnode *v);
/* Gives another name, replacing a scratch file that has it. 0 or -ENOMEM. */
int scratch_rename(struct vnodes *vs, struct vnode *v, uint64_t dir, const char *name);
/* The scratch file was renamed onto a document: it is the document's shared alias from now on. */
void scratch_become_alias(struct vnodes *vs, struct vnode *v, uint64_t inode);
/* A document was renamed to a scratch name: its shared alias (or a new vnode) becomes that file. */
int scratch_from_document(struct vnodes *vs, uint64_t inode, const struct scratch_new *what);
/* The n-th and later scratch files of a directory: visit(arg, name, id, mode, position of the
   next); stops when visit returns non-zero. visit must not call vnode functions. */
void scratch_list(struct vnodes *vs, uint64_t dir, uint64_t from,
                  int (*visit)(void *arg, const char *name, uint64_t id, mode_t mode,
                               uint64_t next),
                  void *arg);
/* Drops the scratch files of directories for which gone(arg, dir) says so. */
void scratch_drop(struct vnodes *vs, bool (*gone)(void *arg, uint64_t dir), void *arg);

#endif
