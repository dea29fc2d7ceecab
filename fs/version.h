/* SPDX-License-Identifier: MIT */
#ifndef FS_VERSION_H
#define FS_VERSION_H

/*
 * Files of the mount for fast reading.
 *
 * There, nothing is told when a file is opened, so what the kernel holds of a file must be right
 * whenever it is read. Therefore a node id stands for a version of a file: one text that never
 * changes. Its size, its pages and what a descriptor reads belong together whatever happens
 * meanwhile, in one READ or in many. When the contents change, the name is dropped, and the next
 * lookup gives another version. A version lives while the kernel knows it.
 *
 * A version is `named` while the kernel may still find it under the file's name.
 * Threads: every function may be called from any thread. What version.h shows of a version does not
 * change as long as there is a reference.
 */

#include "cache.h"

/* Texts longer than this are not compared: they are taken as changed with their object. */
#define VERSION_COMPARED_BYTES ((size_t)64 << 10)

struct version {
    struct version *next_by_id, *next_by_object;
    uint64_t id;
    uint64_t inode;    /* of the table */
    usec_t changed_at; /* the time of the contents, when they were first seen */
    uint32_t lookups;  /* by the kernel; this and the next two are guarded by versions.lock */
    uint32_t refs;
    bool named;
    bool watched; /* announces changes to poll(2) and inotify(7) */
    uint32_t len;
    char text[];
};

#define VERSION_BIT (UINT64_C(1) << 61)

static inline bool version_id_is(uint64_t node_id) {
    return (node_id & UINT64_C(7) << 61) == VERSION_BIT;
}

int versions_new(struct versions **ret);
/* Frees everything, referenced or not. Accepts NULL. */
void versions_free(struct versions *vs);

/* What a file says. */
struct version_news {
    uint64_t inode;
    usec_t changed_at;
    bool watched;
    const struct buf *text; /* borrowed */
};

/* The named version of this file that says this, or a new one, named and referenced. NULL when
   memory ran out or too much is held. */
struct version *version_get(struct versions *vs, const struct version_news *news);
/* The version with this id, referenced; NULL when there is none. */
struct version *version_find(struct versions *vs, uint64_t id);
struct version *version_ref(struct versions *vs, struct version *v);
/* Accepts NULL. */
void version_unref(struct versions *vs, struct version *v);
/* Counts a lookup by the kernel, and takes lookups back. */
void version_looked_up(struct versions *vs, struct version *v);
void version_forget(struct versions *vs, uint64_t id, uint64_t n);

/* The only named version of a file, referenced; NULL when there is none or are several. */
struct version *version_only(struct versions *vs, uint64_t inode);
/* No version of this file is named any more. True when one was. */
bool version_unname(struct versions *vs, uint64_t inode);
/* The ids of up to `max` versions of a file, named or not. Returns how many. */
size_t version_ids(struct versions *vs, uint64_t inode, uint64_t *ids, size_t max);

/* Appends the inodes of the named files of an object, of all, and of the large ones; what there is
   no memory for is missing. */
void versions_collect(struct versions *vs, uint64_t object_id, struct id_vec *ret);
void versions_collect_all(struct versions *vs, struct id_vec *ret);
void versions_collect_large(struct versions *vs, struct id_vec *ret);
/* Appends the inodes of an object's files that announce changes, one for each version. */
void versions_collect_watched(struct versions *vs, uint64_t object_id, struct id_vec *ret);
/* Appends the ids of all versions. */
void versions_collect_ids(struct versions *vs, struct id_vec *ret);
/* True, once, when large texts have come to take more memory than they should. */
bool versions_are_too_many(struct versions *vs);

#endif
