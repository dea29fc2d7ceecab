/* SPDX-License-Identifier: MIT */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

/*
 * The tree under /cyclecloud, as const tables. One row is one file: name, kind, mode, how it is
 * shown, how a write becomes a command, its unit and one line of documentation. lookup, readdir,
 * getattr, README and the tests come from the rows; FUSE is not known here.
 *
 * Invariants
 * - Rows of an object type are numbered (`row`); st_ino = object id << 8 | row. A number is never
 *   given to another file. The root and system/ belong to object 0.
 * - show renders from one immutable snapshot; store parses text into a command and changes nothing.
 * - A struct view_ref is plain data, good as long as its object exists in the snapshot used.
 * Threads: all functions are pure readers and may be called from any thread.
 */

#include "gateway.h"

enum view_kind {
    VIEW_DIR,    /* fixed rows */
    VIEW_LIST,   /* rows, and an entry for each object */
    VIEW_ATTR,   /* one value */
    VIEW_DOC,    /* a document: written and validated as a whole */
    VIEW_STREAM, /* append-only history */
    VIEW_LINK,   /* symbolic link; show gives the target */
};

enum view_flags {
    VIEW_HELD = 1 << 0,    /* large and changing: a rendering is held by each open handle */
    VIEW_SYNC = 1 << 1,    /* fsync on a read-only handle waits for convergence */
    VIEW_POLL = 1 << 2,    /* poll(2) is woken by changes */
    VIEW_PRIVATE = 1 << 3, /* differs by reader: never cached */
    VIEW_HIDDEN = 1 << 4,  /* shown only while it has contents (template.rejected, logs.1) */
};

enum view_object {
    VIEW_OF_SERVER, /* the root, system/ */
    VIEW_OF_CLUSTER,
    VIEW_OF_ARRAY,
    VIEW_OF_NODE,
    VIEW_OF_USER, /* from here on the kinds of item, in their order */
    VIEW_OF_ACCOUNT,
    VIEW_OF_ORPHAN,
    VIEW_OF_ALERT,
    VIEW_OF_VOLUME,
};

struct view_entry;

struct view_dir {
    const struct view_entry *entries;
    size_t n_entries;
    enum view_object lists; /* LIST: what its dynamic entries are */
};

/* What a show or store function gets. Pointers above the object's own are set too. */
struct view_ctx {
    const struct gateway *gateway;
    const struct snapshot *snapshot;
    const struct cluster *cluster;
    const struct array *array;
    const struct node *node;
    const struct item *item; /* a user, account, orphan, alert or volume */
    uid_t uid;               /* the reader or writer */
    gid_t gid;
};

struct view_entry {
    const char *name;
    uint8_t row;
    enum view_kind kind;
    mode_t mode; /* 0444, 0644, 0600 ... ; 0555/0755 for directories */
    unsigned flags;
    /* Appends the contents. 0 or -errno. NULL for directories and STREAM. */
    int (*show)(const struct view_ctx *ctx, struct buf *b);
    /* How long that is, for contents that are not in the snapshot. NULL: it is rendered to see. */
    uint64_t (*size)(const struct view_ctx *ctx);
    /* Parses a write into a command (new; NULL: nothing is to be done). 0, or -errno with words in
     * `err`. Called by view_store alone. NULL: read-only. */
    int (*store)(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                 struct error *err);
    /* DOC: refuses what no later text can repair. NULL: nothing is. `text` is complete lines. */
    int (*check)(const char *text, size_t len, struct error *err);
    /* When the contents last changed, wall time. NULL: the object's own time. */
    usec_t (*changed_at)(const struct view_ctx *ctx);
    const struct view_dir *dir; /* DIR, LIST */
    int stream;                 /* STREAM: enum history_stream */
    unsigned generation;        /* STREAM: 1 for logs.1 */
    const char *unit;           /* "nodes", "bytes", "" */
    const char *doc;            /* one line, for README and the manual */
};

/* A place in the tree. */
struct view_ref {
    uint64_t object_id; /* 0 = the server */
    const struct view_entry *entry;
    bool link; /* arrays/A/nodes/NODE: a symbolic link to the node `object_id` seen from `via_id` */
    uint64_t via_id;
};

/* The row of an object's own directory or file; never NULL. */
const struct view_entry *view_self(enum view_object object);

/* The root directory. */
struct view_ref view_root(void);

/* The name of the innermost object of a context, as its directory or file has it; "/" for the
   server. Borrowed. */
const char *view_object_name(const struct view_ctx *ctx);

/* st_ino of a place: object_id << 8 | row (links: with the top bit set). */
uint64_t view_inode(const struct view_ref *ref);
/* The place of an inode in this snapshot. 0 or -ENOENT when its object is gone. */
int view_from_inode(const struct snapshot *s, uint64_t inode, struct view_ref *ret);
/* The same, with its context as view_context gives it. */
int view_place(const struct gateway *g, const struct snapshot *s, uint64_t inode,
               struct view_ref *ret_ref, struct view_ctx *ret_ctx);

/* Finds `name` in directory `dir`. 0, -ENOENT, -ENOTDIR. */
int view_lookup(const struct gateway *g, const struct snapshot *s, const struct view_ref *dir,
                const char *name, struct view_ref *ret);

/* The directory that holds a place (the root for the root). 0 or -ENOENT. */
int view_parent(const struct snapshot *s, const struct view_ref *ref, struct view_ref *ret);

/*
 * Entries of a directory from `cookie` on (0 = the first). Calls visit(name, ref, next_cookie)
 * until it returns non-zero or all are seen. Cookies stay good when entries come and go. "." and
 * ".." are the caller's business. Returns 0 or -ENOTDIR.
 */
typedef int (*view_visit)(void *arg, const char *name, const struct view_ref *ref, uint64_t cookie);
struct view_listing {
    uint64_t cookie;
    view_visit visit;
    void *arg;
};
int view_list(const struct gateway *g, const struct snapshot *s, const struct view_ref *dir,
              const struct view_listing *from);

/* Fills the context of a place. 0 or -ENOENT. The caller sets uid and gid. */
int view_context(const struct gateway *g, const struct snapshot *s, const struct view_ref *ref,
                 struct view_ctx *ret);

struct view_attr {
    mode_t mode; /* type and permission bits, masked by the cluster's mode */
    uid_t uid;
    gid_t gid;
    uint64_t size; /* exact for the current revision; 0 for directories */
    usec_t changed_at;
    uint64_t inode;
    nlink_t links;
};

/* Attributes of a place. Sizes come from rendering. 0 or -ENOENT, -ENOMEM. */
int view_attr(const struct view_ctx *ctx, const struct view_ref *ref, struct view_attr *ret);
/* The same for a caller who knows the size: nothing is rendered. */
void view_attr_sized(const struct view_ctx *ctx, const struct view_ref *ref, uint64_t size,
                     struct view_attr *ret);

/* Renders a whole file (STREAM: use history_read). 0 or -errno. */
int view_show(const struct view_ctx *ctx, const struct view_ref *ref, struct buf *b);

struct view_text {
    const char *data;
    size_t len;
};
/*
 * What a write to a writable file means: 0 and a new command, or a refusal in words. *ret is NULL
 * when nothing is to be done: the file reads that text already, or the text is comments alone where
 * those say nothing. So no file reads as a command: writing back what was read changes nothing.
 */
int view_store(const struct view_ctx *ctx, const struct view_entry *entry, struct view_text text,
               struct command **ret, struct error *err);

/* Commands for changes of the tree itself; each gives a new command or a refusal in words.
   mkdir: in the root a cluster, in nodes/ a node, in users/ a user. rmdir, rename, setattr
   likewise. */
struct view_new {
    const char *name;
    mode_t mode; /* of a cluster */
};
int view_mkdir(const struct view_ctx *ctx, const struct view_ref *dir, const struct view_new *what,
               struct command **ret, struct error *err);
int view_rmdir(const struct view_ctx *ctx, const struct view_ref *ref, struct command **ret,
               struct error *err);
int view_rename(const struct view_ctx *ctx, const struct view_ref *ref, const char *new_name,
                struct command **ret, struct error *err);

/* True for names at the root that no cluster may have. */
bool view_name_reserved(const char *name);

/* The whole tree as text: every path with its unit and line of documentation (README). */
int view_readme(struct buf *b);

#endif
