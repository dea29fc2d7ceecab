/* SPDX-License-Identifier: MIT */
#ifndef FS_INTERNAL_H
#define FS_INTERNAL_H

/*
 * What the files of fs/ share. Locks, outermost first; none is held while a FUSE request is
 * answered or the kernel is told something:
 * - handle.lock: the buffers of one open file
 * - polls.lock: handles that poll(2) waits on (polls.c); sleepers.lock: likewise (sleepers.c)
 * - vnodes.lock: dynamic node ids and scratch files (vnode.c)
 * - versions.lock: files of the mount for fast reading (version.c)
 * - answers.lock: the queue of the answer thread (answer.c)
 * - notify.lock: the queue of the notifier thread (notify.c)
 * - cache.lock: what the kernel may hold (cache.c)
 * - fs.lock: the list of open handles
 * - shares.lock: what each user has (shares.c); texts.lock: shared renderings (texts.c)
 * and of its own: workers.lock, which thread does what (workers.c)
 */

#define FUSE_USE_VERSION 312

#include "fs.h"
#include "view/view.h"

#include "base/list.h"
#include "model/limits.h"

#include <fuse3/fuse_lowlevel.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* Bounds on what users can grow here. */
#define FS_HANDLES_MAX 16384u
#define FS_SPARE_HANDLES_MAX 32u /* memory of closed files, kept for the next ones */
#define FS_ALIASES_MAX 65536u
#define FS_DOCUMENT_BYTES ((size_t)256 << 20) /* in documents open for writing */
#define FS_SCRATCH_MAX 1024u
#define FS_SCRATCH_FILE_BYTES ((size_t)16 << 20)
#define FS_SCRATCH_BYTES ((size_t)128 << 20)
#define FS_NAME_MAX 255u
#define FS_THREADS_MAX 64u

struct answers;
struct notify;
struct cache;
struct cache_terms;
struct polls;
struct shares;
struct sleepers;
struct text;
struct texts;
struct version;
struct versions;
struct vnode;
struct vnodes;
struct watchdog;
struct workers;

struct fs {
    const struct gateway *gateway;
    struct fs_options options; /* texts are owned */
    struct fuse_session *session;
    char *mountpoint;
    char *own_path; /* where the notifier may write to the mount; NULL: nowhere */
    int own_fd;     /* a mount that nobody else sees, where the other is read-only; or -1 */
    bool mounted;
    bool opendir_optional; /* the kernel does without OPENDIR */
    bool open_optional;    /* and without OPEN, on the mount for fast reading */
    dev_t device;
    struct vnodes *vnodes;
    struct answers *answers;
    struct notify *notify;
    struct cache *cache;
    struct shares *shares;
    struct texts *texts;
    struct polls *polls;
    struct versions *versions; /* of the mount for fast reading; NULL on an ordinary one */
    struct sleepers *sleepers; /* likewise */
    usec_t seen_mounted_at;    /* likewise; the notifier's, monotonic */
    struct watchdog *watchdog;
    struct workers *workers;
    atomic_bool ended;
    atomic_bool stopping;
    sem_t begun; /* posted when the kernel has sent INIT */
    pthread_mutex_t lock;
    struct list handles; /* struct handle, by link */
    struct list parked;  /* struct request, by park_link: may be cancelled */
    struct list spare;   /* struct handle, by link: closed; the memory of its text is kept */
    unsigned n_spare;
};

/* fs.c */

/* The notifier writes no more. On its thread, or when that has ended. */
void fs_leave_own_mount(struct fs *fs);
/* A worker ends: the first one tells, unless that was asked for. */
void fs_end(struct fs *fs);

/* mount.c */

/* Makes room for a mount: 0, -EBUSY (a live one is there), or another -errno with words. */
int mount_prepare(const char *mountpoint, struct error *err);
/* The option text for FUSE, from the user's. 0 or -ENOMEM; *ret is malloc'ed. */
int mount_options(const struct fs_options *options, char **ret);
/* The device of the cyclecloudfs on this mountpoint, found without touching it. 0, -ENOENT when
   there is none, or another -errno. */
int mount_device(const char *mountpoint, dev_t *ret);
/* Makes the mount at `path` read-only. The descriptor of a mount of the same file system that can
   be written and that nobody else sees, or -errno: it is as it was. */
int mount_make_read_only(const char *path);
/* 0, or -ENOTEMPTY with words when there is something in the directory. */
int mount_check_empty(const char *path, struct error *err);
/* Takes away what is mounted at `path` if its connection has ended. 0 or -errno. */
int mount_detach_dead(const char *path);
/* Opens the file that ends a connection, mounting fusectl if it is not. The descriptor stays with
   that connection, even when another one gets its device. A descriptor or -errno. */
int mount_open_abort(dev_t device);
/* Ends the connection of a mounted file system, wedged or not. 0 or -errno. */
int mount_abort(dev_t device);

/* place.c: a place in the tree as one request sees it, in one snapshot. */

struct place {
    struct fs *fs;                   /* NULL: nothing to release */
    const struct snapshot *snapshot; /* reference */
    struct vnode *vnode;             /* reference; NULL for a plain place of the table */
    struct version *version;         /* reference; NULL where a file is none */
    bool passing;                    /* the kernel may not keep the name for it */
    bool scratch;                    /* vnode is a scratch file: ref and ctx are empty */
    uint64_t node_id;
    uint64_t sequence; /* of announced changes, before the snapshot was taken; see cache.h */
    struct view_ref ref;
    struct view_ctx ctx;
};

/* Finds the place of a node id. 0, or -ESTALE when its object is gone. Release with place_done. */
int place_get(struct fs *fs, uint64_t node_id, const struct fuse_ctx *caller, struct place *ret);
/* The place named `name` in directory `dir`. 0, -ENOENT, -ENOTDIR, -ENAMETOOLONG. */
int place_lookup(const struct place *dir, const char *name, const struct fuse_ctx *caller,
                 struct place *ret);
void place_done(struct place *p);
#define _cleanup_place_ _cleanup_(place_done)

/* Renders the text of a place that is no scratch file. 0 or -errno, as view_show. */
int place_show(const struct place *p, struct buf *b);
/* stat(2) of a place. 0 or -errno. */
int place_stat(const struct place *p, struct stat *ret);
/* As a LOOKUP is answered: attributes, and a node id with one lookup counted. 0 or -errno. */
int place_entry(struct place *p, struct fuse_entry_param *ret);
/* Takes back the lookup that place_entry counted, when its answer did not arrive. */
void place_entry_undo(struct fs *fs, const struct fuse_entry_param *e);
/* The kernel takes back `n` lookups of a node id. */
void place_forget(struct fs *fs, uint64_t node_id, uint64_t n);
/* Answers a LOOKUP, MKDIR ... with a place. */
void place_reply_entry(fuse_req_t req, struct place *p);
/* "nodes/count": the path below the cluster (or the root), for messages. 0 or -ENOMEM. */
int place_name(const struct place *p, struct buf *b);
/* True for the directory of a cluster itself. */
bool place_is_cluster(const struct place *p);
/* Notes that the kernel gets these attributes, and corrects the size in them; see cache_note. */
struct cache_terms place_note(const struct place *p, struct stat *st);
/* Makes the place stand for another node id of the same file, if there still is such. */
void place_become(struct place *p, uint64_t node_id);
/* True for a file that is given in versions, see version.h. */
bool place_is_versioned(const struct place *p);
/* True for a document that can be written. */
bool place_is_document(const struct place *p);

/* request.c: a request that waits for the engine. */

struct handle;

struct request {
    struct fs *fs;
    fuse_req_t req; /* NULL: nobody waits (RELEASE) */
    /* Sends the answer; runs on the answer thread, or on the caller's when the engine was not
     * asked. */
    void (*finish)(struct request *r);
    int code;           /* 0 or -errno */
    bool decided;       /* the code is known; the engine only records a refusal */
    bool asked;         /* the engine got a command */
    bool aside;         /* a refusal that is for the caller alone, not for the cluster's `error` */
    uint64_t object_id; /* what was made */
    size_t size;        /* WRITE */
    uint64_t node_id, to_node_id;
    char *name;
    struct vnode *vnode; /* reference */
    uint64_t cluster_id; /* whose files are stale for the caller once this is answered */
    uint64_t about_id;   /* node or array, likewise */
    struct fuse_ctx caller;
    struct handle *handle; /* OPEN; FLUSH and FSYNC: reference */
    struct fuse_file_info file;
    bool makes, removes;   /* an object, by mkdir(2) or rmdir(2) */
    bool parks;            /* may be cancelled */
    struct list link;      /* the answer thread's, as what follows */
    usec_t due;            /* when it is to be looked at again */
    struct list park_link; /* fs->parked */
    pthread_mutex_t lock;  /* guards what follows */
    unsigned refs;
    uint64_t ticket;
    bool interrupted;
    bool queued; /* the answer thread has it, or is about to */
};

/* A request with one reference, or NULL when memory ran out. `req` may be NULL. */
struct request *request_new(struct fs *fs, fuse_req_t req, void (*finish)(struct request *r));
void request_unref(struct request *r);
/* Gives the command (stolen) to the engine; the request (its reference stolen) is finished when the
   answer is there. `p` is the place it is about. */
void request_submit(struct request *r, const struct place *p, struct command *command);
/* Has a refusal recorded, then finishes the request (stolen) with `code`. */
void request_refuse(struct request *r, const struct place *p, int code, const struct error *err);
/* Finishes at once with `code`; the request is stolen. */
void request_answer(struct request *r, int code);
/* On the answer thread: finishes a request that the engine has answered. */
void request_done(struct request *r);
/* The common end: fuse_reply_err. */
void request_finish_err(struct request *r);
/* Answers all parked requests with ECANCELED; the engine may still answer its commands. When no
   worker runs any more. */
void request_cancel_all(struct fs *fs);

/* answer.c: the thread that answers what the engine has decided. */

int answers_new(struct fs *fs, struct answers **ret);
/* Runs what is left in the queue and ends the thread. Accepts NULL. */
void answers_free(struct answers *a);
/* Queues a request; any thread. */
void answers_push(struct answers *a, struct request *r);
/* Queues it again for later, monotonic. */
void answers_push_later(struct answers *a, struct request *r, usec_t due);
/* Since when the thread works on one request, monotonic; 0: it waits for one. */
usec_t answers_busy_since(struct answers *a);
/* Waits until everything was answered, this many seconds at most. False: something hangs. */
bool answers_drain(struct answers *a, unsigned seconds);

/* handle.c: open files. */

enum handle_kind {
    HANDLE_TEXT,     /* read-only: what view_show gives */
    HANDLE_VALUE,    /* writable ATTR */
    HANDLE_DOCUMENT, /* writable DOC */
    HANDLE_STREAM,
    HANDLE_SCRATCH,
};

/* What WRITE brings. */
struct piece {
    const char *data;
    size_t len, offset;
};

struct handle {
    struct fs *fs;
    struct list link; /* fs->handles, or fs->spare */
    atomic_uint refs; /* of the open file, and of whoever goes on after an answer */
    enum handle_kind kind;
    struct vnode *vnode; /* reference, or NULL */
    uint64_t inode;      /* of the table; 0 for scratch */
    uint64_t cluster_id; /* 0: the server's */
    bool paged;          /* read through the page cache */
    uint64_t node_id;
    const struct view_entry *entry; /* NULL for scratch */
    uid_t uid;
    gid_t gid;
    bool writable, append;
    bool replay;          /* the notifier's: its close must not take the inode's lock */
    pid_t group;          /* DOCUMENT: thread group that opened */
    pthread_mutex_t lock; /* guards what follows */
    struct buf text;      /* rendering, for reads */
    struct text *shared;  /* in place of `text`, for a long one: reference; NULL: none */
    bool rendered;        /* `text` is filled */
    bool was_read;
    struct buf body;       /* VALUE: bytes since the last apply; DOCUMENT: the buffer */
    size_t length;         /* DOCUMENT: of the buffer; NUL bytes follow `body` */
    size_t charged;        /* DOCUMENT: bytes that its user has for it, see shares.h */
    bool loaded;           /* DOCUMENT: `body` holds the text to start from */
    bool whole;            /* DOCUMENT: written from the start, piece behind piece */
    bool dirty;            /* bytes were written since the last apply */
    int refused;           /* DOCUMENT: a piece was refused; nothing will be applied */
    int outcome;           /* DOCUMENT: of the last apply */
    atomic_bool polled;    /* somebody has waited on it */
    struct list poll_link; /* guarded by polls.lock, as what follows */
    struct fuse_pollhandle *poll;
    atomic_uint_fast64_t seen; /* what the reader knows: a hash of the contents, or a length */
};

/* What was rendered, or an empty text. */
const struct buf *handle_text(const struct handle *h);
/* A handle for a place with these open(2) flags. 0, -EACCES, -EISDIR, -ELOOP, -ENFILE, -ENOMEM. */
int handle_new(struct fs *fs, const struct place *p, const struct fuse_ctx *caller, int flags,
               struct handle **ret);
/* Frees the memory that is kept for files to come. */
void handle_free_spare(struct fs *fs);
struct handle *handle_ref(struct handle *h);
void handle_unref(struct handle *h);
DEFINE_CLEANUP(struct handle, handle_unref);
#define _cleanup_handle_ _cleanup_(handle_unrefp)
/* True while this user has this document open for writing. */
bool handle_writes(struct fs *fs, uint64_t inode, uid_t uid);
/* The place of an open file now. 0 or -ESTALE. */
int handle_place(struct fs *fs, const struct handle *h, struct place *ret);
/* Fills fuse_file_info for the kernel. */
void handle_describe(struct fs *fs, struct handle *h, struct fuse_file_info *fi);

static inline struct handle *handle_of(const struct fuse_file_info *fi) {
    return (struct handle *)(uintptr_t)fi->fh;
}

/* The requests, by file. */
void op_init(void *userdata, struct fuse_conn_info *conn);

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t id, uint64_t n);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_getattr(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t id, struct stat *attr, int to_set,
                struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t id);
void op_statfs(fuse_req_t req, fuse_ino_t id);

void op_opendir(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t id, size_t size, off_t off,
                    struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi);

void op_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);

void op_write(fuse_req_t req, fuse_ino_t id, const char *data, size_t size, off_t off,
              struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi);
/* truncate(2) of a document by its path: the text in force, cut or lengthened, is written. The
   request is stolen; NULL: there was no memory for it. */
void tree_truncate(fuse_req_t req, const struct place *doc, struct request *r, size_t size);
/* Fills the end of a document's buffer that was only made longer. Under h->lock. 0, -EDQUOT,
   -ENOSPC or -ENOMEM. */
int write_fill(struct handle *h);
/* Sets the length of a document's buffer; another length is unsaved until it is applied. 0, -EFBIG,
 * -ENOMEM or what rendering it gave. */
int write_resize(const struct place *p, struct handle *h, size_t size);
/* RELEASE's part: applies what is still unsaved. */
void write_release(struct fs *fs, struct handle *h);

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned flags);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t id, fuse_ino_t new_parent, const char *new_name);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);

void op_poll(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi, struct fuse_pollhandle *ph);

static inline struct fs *fs_of(fuse_req_t req) {
    return fuse_req_userdata(req);
}

#endif
