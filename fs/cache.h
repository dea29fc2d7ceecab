/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_H
#define FS_CACHE_H

/*
 * What the kernel may hold. Names, attributes and small files are given to it for good, and a
 * record says which rows of which object it got; a change of the object then needs one notice for
 * each of those and none for the rest.
 *
 * A change may be published while an answer with the old contents is on its way. Therefore every
 * cacheable answer is made in this order: note the sequence number (place_get), take the snapshot,
 * cache_note, send, cache_settle. cache_settle has the notifier drop the place again when a change
 * was announced in between.
 *
 * A program that reads a file to its end uses several system calls; the kernel takes the size of a
 * file and its page at different moments, and throws attributes away that it gets while a notice
 * comes. Therefore the drop of a file that is open waits, for a bounded time, while somebody has
 * just opened it or was just answered about it; meanwhile the kernel goes on with what it has, and
 * who opens the file reads past the cache what is true now. docs/internals/consistent-reads.md
 * tells it whole.
 * Threads: all functions may be called from any thread.
 */

#include "internal.h"

#include "base/vec.h"

DEFINE_VEC(id_vec, uint64_t);

#define CACHE_SIZE_UNKNOWN UINT32_MAX

/* Bound on objects with a record; what is beyond it is simply not cached. */
#define CACHE_OBJECTS_MAX ((size_t)1 << 18)
/* A file up to this size fills one page, so one READ answers it whole. */
#define CACHE_PAGE_BYTES 4096u

/* How long the kernel may keep a place, in seconds. */
struct cache_terms {
    double entry, attr;
};

int cache_new(struct cache **ret);
void cache_free(struct cache *c);

/* Counts announced changes. */
uint64_t cache_sequence(struct cache *c);
void cache_announce(struct cache *c);

/*
 * Notes that the kernel gets attributes with this size, and says how long it may keep them.
 *
 * The kernel joins the size of one answer with the page of another one; a page must therefore never
 * be longer or shorter than any size that is on its way. The first answer after a drop settles the
 * size of a file that is read through the page cache; until the next drop *size becomes that, and
 * pages are filled with the text that belongs to it.
 */
struct cache_terms cache_note(const struct place *p, uint64_t *size);
/*
 * How long the kernel may believe that a name is not there, in seconds. Names that begin with a dot
 * are editors' own: they come and go through the kernel alone, which knows. Any other name may be
 * made by the engine at the moment in which its absence is told: 0.
 */
double cache_absence(const char *name);
/* Notes that the kernel gets a listing. */
void cache_note_contents(const struct place *p);

/* True when a file that was opened with these contents may be read through the page cache: the
   kernel has been told that size, holds no other page, and will not be told to drop it; and the
   file has not changed just now, for one that keeps changing would only make the notices wait. */
bool cache_page_open(const struct place *p, const struct buf *text);
/* Ends what that began. */
void cache_page_close(struct cache *c, uint64_t inode);
/* Notes that the kernel gets a page, and chooses its text: `text` is what is true now, and is
   replaced by what belongs to the size that the kernel was told last, when that is another one.
   The reader sees as many bytes as that size says. False when it was replaced: then the change is
   to be announced once more. */
bool cache_note_page(const struct place *p, struct buf *text);
/* Notes that the kernel gets pages of a stream, whose length is `size` now, and tells how far they
   reach: as far as the first ones since the last drop. */
uint64_t cache_note_stream(const struct place *p, uint64_t size);

/* Whom a drop waits for. */
enum cache_patience {
    CACHE_AT_ONCE,       /* nobody: the file is gone */
    CACHE_AFTER_READERS, /* who has just opened the file */
    CACHE_AFTER_ANSWERS, /* and who was just answered about it while it is open */
};

/* Before the notice about an inode. 0; or, when it has to wait, until when (monotonic). */
usec_t cache_drop_begins(struct cache *c, uint64_t inode, enum cache_patience patience);
/* After it. False when an answer went out meanwhile that was not the truth any more: then it is to
   be dropped once more. */
bool cache_drop_ends(struct cache *c, uint64_t inode);
/* What the kernel has of an inode is known to be outdated, and a notice will follow. */
void cache_outdated(struct cache *c, uint64_t inode);
/* True until that notice was sent. */
bool cache_waits(struct cache *c, uint64_t inode);
/* True when who reads the file through the page cache from now on gets this text, or a later one:
   only then may he be told that there is something new. */
bool cache_gives(struct cache *c, uint64_t inode, const struct buf *text);
/* The same, for a truncate(2) to the same size through the own mount: while that is under way, the
   kernel throws new sizes away, so nobody must be about to ask for one. */
bool cache_may_touch(struct cache *c, uint64_t inode, const struct buf *text);
/* The cluster of an inode's object; 0: it has none, or the kernel holds nothing of it. */
uint64_t cache_cluster_of(struct cache *c, uint64_t inode);
/* The size in the attributes that the kernel got last, or CACHE_SIZE_UNKNOWN. */
uint32_t cache_told(const struct place *p);
/* After the answer was sent; see above. */
void cache_settle(const struct place *p);
/* True when a read-only open of this file may be answered from the page cache, if it is small; on
   the mount for fast reading for streams of any size. */
bool cache_pages_allowed(const struct place *p);

/* Appends the inodes of an object that the kernel may hold, and takes them as dropped. Those whose
   drop waits are left out, unless asked for: the notifier has them. When memory runs out, the rest
   stays noted and *ret is what there was room for. */
void cache_collect(struct cache *c, uint64_t object_id, bool waiting_too, struct id_vec *ret);
/* Those of a removed object that the kernel may hold on to when their names are gone: directories
   that somebody is in, and files that are read through the page cache. */
void cache_collect_pinned(struct cache *c, uint64_t object_id, struct id_vec *ret);
/* As cache_collect, with what waits, for every object of a cluster. */
void cache_collect_cluster(struct cache *c, uint64_t cluster_id, struct id_vec *ret);
/* The same for everything there is. */
void cache_collect_all(struct cache *c, struct id_vec *ret);
/* Appends one inode of every object that the kernel has heard of. */
void cache_collect_objects(struct cache *c, struct id_vec *ret);
/* Appends the inodes of an object's files that the kernel knows and that announce changes. */
void cache_watched(struct cache *c, uint64_t object_id, struct id_vec *ret);

/* Where an object stood in the tree when the kernel heard of it. */
struct cache_name {
    char *name;           /* malloc'ed; NULL: the kernel does not know it */
    uint64_t parent;      /* inode of its directory, 0 = not looked up there */
    uint64_t link_parent; /* inode of the array's nodes/, 0 = not looked up there */
};

/* Removes an object's record and tells its name. */
void cache_forget(struct cache *c, uint64_t object_id, struct cache_name *ret);
/* Tells an object's name without removing anything. */
void cache_where(struct cache *c, uint64_t object_id, struct cache_name *ret);
/* Removes the records of all objects of a cluster, its own included. */
void cache_forget_cluster(struct cache *c, uint64_t cluster_id);
/* When the kernel knows the cluster by another name: tells that, and notes the new one. */
void cache_rename(struct cache *c, const struct cluster *cl, struct cache_name *ret);
/* True when owner, group or mode are others than at the last call, or when the kernel first heard
   of the cluster. */
bool cache_access_changed(struct cache *c, const struct cluster *cl);

#endif
