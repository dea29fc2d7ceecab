/* SPDX-License-Identifier: MIT */
/* Changes of the tree: directories are objects, documents stay, and editors may keep scratch files.
 */
#include "internal.h"

#include "notify.h"
#include "refuse.h"
#include "vnode.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>

static usec_t wall(const struct fs *fs) {
    return clock_wall(fs->gateway->clock);
}

static usec_t monotonic(const struct fs *fs) {
    return clock_monotonic(fs->gateway->clock);
}

/* True for a directory that holds a document: there editors may keep scratch files. */
static bool holds_documents(const struct place *dir) {
    const struct view_dir *d = dir->scratch ? NULL : dir->ref.entry->dir;
    for (size_t i = 0; d && i < d->n_entries; i++)
        if (d->entries[i].kind == VIEW_DOC && d->entries[i].store)
            return true;
    return d && view_self(d->lists)->kind == VIEW_DOC;
}

static bool scratch_allowed(const struct place *dir, const char *name) {
    return holds_documents(dir) && scratch_name_is(name);
}

/* Refuses a name in a directory, whatever it is. */
static void forbid(fuse_req_t req, fuse_ino_t parent, const char *name, enum refusal why) {
    _cleanup_place_ struct place dir = {0};
    int r = place_get(fs_of(req), parent, fuse_req_ctx(req), &dir);
    refuse_change(req, &dir, name, why, r < 0 ? r : -EPERM);
}

/* mkdir, rmdir, rename of objects */

/* What view made of a change: a command, or a refusal in words. */
struct decision {
    int code;
    struct command *command;
    struct error err;
};

static void decision_done(struct decision *d) {
    command_free(d->command);
    err_done(&d->err);
}
#define _cleanup_decision_ _cleanup_(decision_done)

/* Submits it, or has the refusal recorded under the request's name. Answers the request. */
static void decide(fuse_req_t req, const struct place *p, struct request *r, struct decision *d) {
    if (!r)
        (void)fuse_reply_err(req, ENOMEM);
    else if (d->code < 0)
        request_refuse(r, p, d->code, &d->err);
    else if (!d->command)
        request_answer(r, 0);
    else
        request_submit(r, p, TAKE_PTR(d->command));
}

/* A request that remembers a directory and a name in it; NULL: no memory. */
static struct request *request_named(struct fs *fs, fuse_req_t req, const char *name,
                                     void (*finish)(struct request *r)) {
    struct request *r = request_new(fs, req, finish);
    if (!r)
        return NULL;
    r->name = strdup(name);
    if (r->name)
        return r;
    request_unref(r);
    return NULL;
}

static void finish_mkdir(struct request *r) {
    _cleanup_place_ struct place dir = {0}, made = {0};
    int code = r->code;
    if (code == 0)
        code = place_get(r->fs, r->node_id, &r->caller, &dir);
    if (code == 0)
        code = place_lookup(&dir, r->name, &r->caller, &made);
    if (code < 0)
        (void)fuse_reply_err(r->req, -code);
    else
        place_reply_entry(r->req, &made);
}

/* The notifier makes a directory that is there: the kernel gets it, and tells its watchers. */
static void mkdir_replay(fuse_req_t req, const struct place *dir, const char *name) {
    _cleanup_place_ struct place p = {0};
    int r = place_lookup(dir, name, fuse_req_ctx(req), &p);
    if (r < 0)
        (void)fuse_reply_err(req, -r);
    else
        place_reply_entry(req, &p);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode) {
    struct fs *fs = fs_of(req);
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    _cleanup_place_ struct place dir = {0};
    int r = place_get(fs, parent, caller, &dir);
    if (r == 0 && strlen(name) > FS_NAME_MAX)
        r = -ENAMETOOLONG;
    if (r == 0 && dir.scratch)
        r = -ENOTDIR;
    if (r < 0) {
        (void)fuse_reply_err(req, -r);
        return;
    }
    if (notify_step(fs->notify, caller).kind == REPLAY_MAKE) {
        mkdir_replay(req, &dir, name);
        return;
    }
    _cleanup_decision_ struct decision d = {0};
    const struct view_new what = {name, mode & ~caller->umask & 0777};
    d.code = view_mkdir(&dir.ctx, &dir.ref, &what, &d.command, &d.err);
    struct request *request = request_named(fs, req, name, finish_mkdir);
    if (request) {
        request->node_id = parent;
        request->makes = true;
    }
    decide(req, &dir, request, &d);
}

/* The directory is gone: the kernel tells its watchers. It does not when there is another one of
   that name by now, which may be the one that it means: then it looks the name up again. */
static void rmdir_replay(fuse_req_t req, fuse_ino_t parent, const char *name) {
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    _cleanup_place_ struct place dir = {0}, p = {0};
    bool other = place_get(fs_of(req), parent, caller, &dir) == 0 &&
                 place_lookup(&dir, name, caller, &p) == 0;
    (void)fuse_reply_err(req, other ? ENOENT : 0);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name) {
    struct fs *fs = fs_of(req);
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    _cleanup_place_ struct place dir = {0}, p = {0};
    if (notify_step(fs->notify, caller).kind == REPLAY_DROP) {
        rmdir_replay(req, parent, name);
        return;
    }
    int r = place_get(fs, parent, caller, &dir);
    if (r == 0)
        r = place_lookup(&dir, name, caller, &p);
    if (r == 0 && (p.scratch || !p.ref.entry->dir || p.ref.link))
        r = -ENOTDIR;
    if (r < 0) {
        (void)fuse_reply_err(req, -r);
        return;
    }
    _cleanup_decision_ struct decision d = {0};
    d.code = view_rmdir(&p.ctx, &p.ref, &d.command, &d.err);
    struct request *request = request_named(fs, req, name, request_finish_err);
    if (request)
        request->removes = true;
    decide(req, &p, request, &d);
}

static void rename_object(fuse_req_t req, const struct place *p, const char *name,
                          const char *new_name) {
    _cleanup_decision_ struct decision d = {0};
    d.code = view_rename(&p->ctx, &p->ref, new_name, &d.command, &d.err);
    decide(req, p, request_named(p->fs, req, name, request_finish_err), &d);
}

/* Documents and scratch files */

/* The contents of a scratch file. */
static int scratch_text(const struct place *p, struct buf *b) {
    return scratch_read(p->fs->vnodes, p->vnode, 0, FS_SCRATCH_FILE_BYTES, b);
}

static void finish_replace(struct request *r) {
    if (r->code == 0)
        scratch_become_alias(r->fs->vnodes, r->vnode, r->to_node_id);
    vnode_unhide(r->fs->vnodes, r->to_node_id); /* refused: what is in force shows again */
    request_finish_err(r);
}

/* A scratch file is renamed onto a document: its text is applied, or both stay as they are. */
static void replace_document(fuse_req_t req, const struct place *from, const struct place *doc) {
    struct fs *fs = from->fs;
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    _cleanup_decision_ struct decision d = {0};
    d.code = scratch_text(from, &text);
    if (d.code == -E2BIG)
        d.code = err_set(&d.err, -EFBIG, "too_large",
                         "the text is longer than %zu bytes: shorten it", LIMIT_DOCUMENT_BYTES);
    if (d.code == 0)
        d.code = view_store(&doc->ctx, doc->ref.entry, (struct view_text){text.data, text.len},
                            &d.command, &d.err);
    struct request *request = request_new(fs, req, finish_replace);
    if (request) {
        request->vnode = vnode_ref(fs->vnodes, from->vnode);
        request->to_node_id = view_inode(&doc->ref);
    }
    decide(req, doc, request, &d);
}

void tree_truncate(fuse_req_t req, const struct place *doc, struct request *r, size_t size) {
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_RENDER_BYTES);
    _cleanup_decision_ struct decision d = {0};
    if (size > LIMIT_DOCUMENT_BYTES)
        d.code = err_set(&d.err, -EFBIG, "too_large",
                         "a document holds at most %zu bytes: choose a smaller size",
                         LIMIT_DOCUMENT_BYTES);
    if (d.code == 0)
        d.code = place_show(doc, &text);
    if (d.code == 0)
        d.code = buf_resize(&text, size);
    if (d.code == 0)
        d.code = view_store(&doc->ctx, doc->ref.entry, (struct view_text){text.data, text.len},
                            &d.command, &d.err);
    decide(req, doc, r, &d);
}

/* A document is renamed to a scratch name (vim's backup): a copy gets that name, the document stays
   in force, and its own name is free for a while. */
static int set_aside(const struct place *doc, const struct place *dir, const char *new_name) {
    struct fs *fs = doc->fs;
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_RENDER_BYTES);
    struct stat st;
    int r = view_show(&doc->ctx, &doc->ref, &text);
    if (r == 0)
        r = place_stat(doc, &st);
    if (r < 0)
        return r;
    struct scratch_new what = {
        .dir = view_inode(&dir->ref),
        .name = new_name,
        .mode = st.st_mode,
        .uid = doc->ctx.uid, /* who does it may read what it was */
        .gid = doc->ctx.gid,
        .now = wall(fs),
        .text = text.data,
        .len = text.len,
    };
    uint64_t inode = view_inode(&doc->ref);
    r = scratch_from_document(fs->vnodes, inode, &what);
    if (r == 0)
        vnode_hide(fs->vnodes, inode, monotonic(fs));
    return r;
}

struct rename {
    struct place dir, from, to_dir, to;
    bool to_exists;
    const char *name, *new_name;
};

static void rename_done(struct rename *x) {
    place_done(&x->dir);
    place_done(&x->from);
    place_done(&x->to_dir);
    place_done(&x->to);
}

static int rename_resolve(fuse_req_t req, fuse_ino_t parent, fuse_ino_t new_parent,
                          struct rename *x) {
    struct fs *fs = fs_of(req);
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    int r = place_get(fs, parent, caller, &x->dir);
    if (r == 0)
        r = place_lookup(&x->dir, x->name, caller, &x->from);
    if (r == 0)
        r = place_get(fs, new_parent, caller, &x->to_dir);
    if (r < 0)
        return r;
    r = place_lookup(&x->to_dir, x->new_name, caller, &x->to);
    x->to_exists = r == 0;
    return r == -ENOENT ? 0 : r;
}

/* The document behind a name that vnode_hide has hidden. 0 or -ENOENT. */
static int hidden_document(const struct place *dir, const char *name, const struct fuse_ctx *caller,
                           struct place *ret) {
    struct view_ref ref;
    if (dir->scratch || view_lookup(dir->fs->gateway, dir->snapshot, &dir->ref, name, &ref) < 0 ||
        ref.entry->kind != VIEW_DOC || !ref.entry->store)
        return -ENOENT;
    return place_get(dir->fs, view_inode(&ref), caller, ret) < 0 ? -ENOENT : 0;
}

static bool is_symlink(const struct place *p) {
    struct stat st;
    return place_stat(p, &st) == 0 && S_ISLNK(st.st_mode);
}

static void rename_scratch(fuse_req_t req, struct rename *x) {
    if (!x->to_exists && hidden_document(&x->to_dir, x->new_name, fuse_req_ctx(req), &x->to) == 0)
        x->to_exists = true;
    int r = -EPERM;
    if (x->to_exists && place_is_document(&x->to) && !is_symlink(&x->from)) {
        replace_document(req, &x->from, &x->to);
        return;
    }
    if ((!x->to_exists || x->to.scratch) && scratch_allowed(&x->to_dir, x->new_name))
        r = scratch_rename(x->from.fs->vnodes, x->from.vnode, view_inode(&x->to_dir.ref),
                           x->new_name);
    refuse_change(req, &x->dir, x->name, REFUSE_RENAME, r);
}

static void rename_document(fuse_req_t req, struct rename *x) {
    int r = -EPERM;
    if (view_inode(&x->dir.ref) != view_inode(&x->to_dir.ref))
        r = -EXDEV; /* mv copies then */
    else if ((!x->to_exists || x->to.scratch) && scratch_allowed(&x->to_dir, x->new_name))
        r = set_aside(&x->from, &x->to_dir, x->new_name);
    refuse_change(req, &x->dir, x->name, REFUSE_RENAME, r);
}

/* The rename of what was found, by its kind. */
static void rename_found(fuse_req_t req, struct rename *x) {
    bool same_dir = view_inode(&x->dir.ref) == view_inode(&x->to_dir.ref);
    if (same_dir && strcmp(x->name, x->new_name) == 0)
        /* rename(2) does nothing then; the kernel cannot tell where each lookup has its inode */
        (void)fuse_reply_err(req, 0);
    else if (x->from.scratch)
        rename_scratch(req, x);
    else if (place_is_document(&x->from))
        rename_document(req, x);
    else if (same_dir && x->from.ref.entry->dir && !x->from.ref.link)
        rename_object(req, &x->from, x->name, x->new_name);
    else
        refuse(req, &x->dir, x->name, REFUSE_RENAME, -EPERM);
}

/* NOLINTNEXTLINE(readability-function-size): libfuse dictates the parameters */
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned flags) {
    __attribute__((cleanup(rename_done))) struct rename x = {.name = name, .new_name = new_name};
    int r = rename_resolve(req, parent, new_parent, &x);
    if (r == 0 && x.to_exists && flags & RENAME_NOREPLACE)
        r = -EEXIST;
    if (r < 0)
        (void)fuse_reply_err(req, -r);
    else if (flags & ~(unsigned)RENAME_NOREPLACE)
        refuse(req, &x.dir, name, REFUSE_EXCHANGE, -EINVAL);
    else
        rename_found(req, &x);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name) {
    struct fs *fs = fs_of(req);
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    _cleanup_place_ struct place dir = {0}, p = {0};
    int r = place_get(fs, parent, caller, &dir);
    if (r == 0)
        r = place_lookup(&dir, name, caller, &p);
    if (r == 0 && p.scratch) {
        scratch_unlink(fs->vnodes, p.vnode);
    } else if (r == 0 && place_is_document(&p)) {
        vnode_alias_retire(fs->vnodes, view_inode(&p.ref));
        vnode_hide(fs->vnodes, view_inode(&p.ref), monotonic(fs));
    } else if (r == 0) {
        r = -EPERM;
    }
    refuse_change(req, &dir, name, REFUSE_UNLINK, r);
}

/* What CREATE asks for. */
struct creation {
    const char *name;
    mode_t mode;
    int flags; /* of open(2) */
    const struct fuse_ctx *caller;
};

/* The place that CREATE opens: what is there, a document whose name was free, or a scratch file.
   1 when it is to begin empty. */
static int create_place(const struct creation *c, const struct place *dir, struct place *ret) {
    struct fs *fs = dir->fs;
    int r = place_lookup(dir, c->name, c->caller, ret);
    if (r == 0 && c->flags & O_EXCL)
        return -EEXIST;
    if (r == 0) /* a link or directory that was made just now: the kernel looks again */
        return is_symlink(ret) || (!ret->scratch && ret->ref.entry->dir) ? -ESTALE : 0;
    if (r != -ENOENT)
        return r;
    if (hidden_document(dir, c->name, c->caller, ret) == 0) {
        vnode_unhide(fs->vnodes, view_inode(&ret->ref));
        return 1;
    }
    if (!scratch_allowed(dir, c->name))
        return -EPERM;
    struct scratch_new what = {
        .dir = view_inode(&dir->ref),
        .name = c->name,
        .mode = S_IFREG | (c->mode & ~c->caller->umask & 07777),
        .uid = c->caller->uid,
        .gid = c->caller->gid,
        .now = wall(fs),
    };
    struct vnode *v = NULL;
    r = scratch_make(fs->vnodes, &what, &v);
    if (r < 0)
        return r;
    *ret = (struct place){.fs = fs, .vnode = v, .scratch = true, .node_id = vnode_id(v)};
    return 0;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi) {
    struct fs *fs = fs_of(req);
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    _cleanup_place_ struct place dir = {0}, p = {0};
    struct fuse_entry_param e;
    struct handle *h = NULL;
    int r = place_get(fs, parent, caller, &dir);
    if (r == 0)
        r = create_place(&(struct creation){name, mode, fi->flags, caller}, &dir, &p);
    int flags = r > 0 ? fi->flags | O_TRUNC : fi->flags;
    if (r >= 0)
        r = place_entry(&p, &e);
    if (r < 0) {
        refuse_change(req, &dir, name, REFUSE_CREATE, r);
        return;
    }
    r = handle_new(fs, &p, caller, flags, &h);
    if (r < 0) {
        place_entry_undo(fs, &e);
        (void)fuse_reply_err(req, -r);
        return;
    }
    handle_describe(fs, h, fi);
    if (fuse_reply_create(req, &e, fi) < 0) {
        place_entry_undo(fs, &e);
        handle_unref(h);
    }
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name) {
    struct fs *fs = fs_of(req);
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    _cleanup_place_ struct place dir = {0}, p = {0};
    int r = place_get(fs, parent, caller, &dir);
    if (r == 0)
        r = place_lookup(&dir, name, caller, &p) == 0 ? -EEXIST : 0;
    if (r == 0 && !scratch_allowed(&dir, name))
        r = -EPERM;
    struct scratch_new what = {
        .dir = r == 0 ? view_inode(&dir.ref) : 0,
        .name = name,
        .mode = S_IFLNK | 0777,
        .uid = caller->uid,
        .gid = caller->gid,
        .now = wall(fs),
        .text = target,
        .len = strlen(target),
    };
    struct vnode *v = NULL;
    if (r == 0)
        r = scratch_make(fs->vnodes, &what, &v);
    if (r < 0) {
        refuse_change(req, &dir, name, REFUSE_SYMLINK, r);
        return;
    }
    p = (struct place){.fs = fs, .vnode = v, .scratch = true, .node_id = vnode_id(v)};
    place_reply_entry(req, &p);
}

void op_link(fuse_req_t req, fuse_ino_t id, fuse_ino_t new_parent, const char *new_name) {
    (void)id;
    forbid(req, new_parent, new_name, REFUSE_LINK);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device) {
    (void)mode;
    (void)device;
    forbid(req, parent, name, REFUSE_MKNOD);
}
