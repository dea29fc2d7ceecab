/* SPDX-License-Identifier: MIT */
/* Open files, and reading from them. */
#include "internal.h"

#include "cache.h"
#include "notify.h"
#include "polls.h"
#include "process.h"
#include "refuse.h"
#include "shares.h"
#include "store/history.h"
#include "texts.h"
#include "vnode.h"

#include <errno.h>
#include <fcntl.h>

static bool wants_write(int flags) {
    return (flags & O_ACCMODE) != O_RDONLY;
}

/* What open(2) refuses whatever the permission bits say. */
static int check_open(const struct place *p, int flags) {
    if (p->scratch)
        return 0;
    const struct view_entry *entry = p->ref.entry;
    if (p->ref.link || entry->kind == VIEW_LINK)
        return -ELOOP;
    if (entry->dir)
        return -EISDIR;
    if (wants_write(flags) && !entry->store)
        return -EACCES;
    bool readable = entry->show || entry->kind == VIEW_STREAM;
    return (flags & O_ACCMODE) != O_WRONLY && !readable ? -EACCES : 0;
}

static enum handle_kind kind_of(const struct place *p, int flags) {
    if (p->scratch)
        return HANDLE_SCRATCH;
    if (p->ref.entry->kind == VIEW_STREAM)
        return HANDLE_STREAM;
    if (!wants_write(flags))
        return HANDLE_TEXT;
    return p->ref.entry->kind == VIEW_DOC ? HANDLE_DOCUMENT : HANDLE_VALUE;
}

/* Zeroed memory for a handle with an empty text, or NULL. Opening and closing may happen on
   different threads, for which malloc is slow: the memory of closed files is used again. Under
   fs->lock. */
static struct handle *take_memory(struct fs *fs) {
    if (list_empty(&fs->spare)) {
        struct handle *made = calloc(1, sizeof(*made));
        if (made)
            made->text = BUF_INIT(LIMIT_RENDER_BYTES);
        return made;
    }
    struct handle *h = list_entry(fs->spare.prev, struct handle, link);
    list_del(&h->link);
    fs->n_spare--;
    *h = (struct handle){.text = h->text};
    return h;
}

static void free_memory(struct handle *h) {
    buf_done(&h->text);
    free(h);
}

void handle_free_spare(struct fs *fs) {
    LOCK_SCOPE(&fs->lock);
    while (!list_empty(&fs->spare)) {
        struct handle *h = list_entry(fs->spare.next, struct handle, link);
        list_del(&h->link);
        free_memory(h);
    }
    fs->n_spare = 0;
}

/* Memory for a handle, in the share of its user. 0, -ENFILE or -ENOMEM. */
static int enter(struct fs *fs, const struct place *p, const struct fuse_ctx *caller,
                 enum handle_kind kind, struct handle **ret) {
    LOCK_SCOPE(&fs->lock);
    int r = shares_take(fs->shares, caller->uid, SHARE_HANDLES, 1);
    if (r < 0)
        return r;
    struct handle *h = take_memory(fs);
    if (!h) {
        shares_give(fs->shares, caller->uid, SHARE_HANDLES, 1);
        return -ENOMEM;
    }
    h->fs = fs;
    h->uid = caller->uid;
    h->gid = caller->gid;
    atomic_init(&h->refs, 1);
    h->kind = kind;
    (void)pthread_mutex_init(&h->lock, NULL);
    h->inode = p->scratch ? 0 : view_inode(&p->ref);
    list_init(&h->poll_link);
    list_init(&h->link);
    *ret = h;
    return 0;
}

/* Others see it from now on. */
static void publish(struct fs *fs, struct handle *h) {
    LOCK_SCOPE(&fs->lock);
    list_add_tail(&fs->handles, &h->link);
}

/* The end of a handle: its memory is kept for the next one, if it is small. */
static void leave(struct fs *fs, struct handle *h) {
    LOCK_SCOPE(&fs->lock);
    (void)pthread_mutex_destroy(&h->lock);
    list_del(&h->link);
    shares_give(fs->shares, h->uid, SHARE_HANDLES, 1);
    buf_clear(&h->text);
    if (fs->n_spare >= FS_SPARE_HANDLES_MAX || h->text.cap > CACHE_PAGE_BYTES) {
        free_memory(h);
        return;
    }
    list_add_tail(&fs->spare, &h->link);
    fs->n_spare++;
}

/* True when FSYNC waits on it for the cloud. */
static bool may_wait(const struct handle *h) {
    return h->vnode && h->kind == HANDLE_TEXT && h->entry->flags & VIEW_SYNC;
}

int handle_new(struct fs *fs, const struct place *p, const struct fuse_ctx *caller, int flags,
               struct handle **ret) {
    struct handle *h = NULL;
    int r = check_open(p, flags);
    if (r == 0)
        r = enter(fs, p, caller, kind_of(p, flags), &h);
    if (r < 0)
        return r;
    h->entry = p->ref.entry;
    h->node_id = p->node_id;
    h->cluster_id = p->ctx.cluster ? p->ctx.cluster->id : 0;
    h->writable = wants_write(flags);
    h->replay = notify_step(fs->notify, caller).kind != REPLAY_NONE;
    h->append = flags & O_APPEND;
    h->body = BUF_INIT(h->kind == HANDLE_VALUE ? LIMIT_VALUE_BYTES : LIMIT_DOCUMENT_BYTES);
    h->loaded = h->whole = h->kind == HANDLE_DOCUMENT && flags & O_TRUNC;
    if (h->kind == HANDLE_DOCUMENT)
        h->group = process_group(caller->pid);
    if (p->vnode)
        h->vnode = vnode_ref(fs->vnodes, p->vnode);
    if (may_wait(h))
        vnode_read(fs->vnodes, h->vnode, 1);
    publish(fs, h);
    *ret = h;
    return 0;
}

struct handle *handle_ref(struct handle *h) {
    (void)atomic_fetch_add(&h->refs, 1);
    return h;
}

void handle_unref(struct handle *h) {
    struct fs *fs = h->fs;
    if (atomic_fetch_sub(&h->refs, 1) > 1)
        return;
    if (h->paged)
        cache_page_close(fs->cache, h->inode);
    if (atomic_load(&h->polled))
        poll_leave(fs->polls, h);
    if (may_wait(h))
        vnode_read(fs->vnodes, h->vnode, -1);
    vnode_unref(fs->vnodes, h->vnode);
    buf_done(&h->body);
    shares_give(fs->shares, h->uid, SHARE_DOCUMENT_BYTES, h->charged);
    text_unref(fs->texts, h->shared);
    leave(fs, h);
}

bool handle_writes(struct fs *fs, uint64_t inode, uid_t uid) {
    LOCK_SCOPE(&fs->lock);
    list_for_each(pos, &fs->handles) {
        const struct handle *h = list_entry(pos, struct handle, link);
        if (h->kind == HANDLE_DOCUMENT && h->inode == inode && h->uid == uid)
            return true;
    }
    return false;
}

int handle_place(struct fs *fs, const struct handle *h, struct place *ret) {
    struct fuse_ctx opener = {.uid = h->uid, .gid = h->gid};
    if (h->kind == HANDLE_SCRATCH) {
        *ret = (struct place){.fs = fs, .scratch = true, .node_id = h->node_id};
        ret->vnode = vnode_ref(fs->vnodes, h->vnode);
        return 0;
    }
    return place_get(fs, h->inode, &opener, ret);
}

void handle_describe(struct fs *fs, struct handle *h, struct fuse_file_info *fi) {
    (void)fs;
    fi->fh = (uint64_t)(uintptr_t)h;
    fi->direct_io = !h->paged;
    fi->keep_cache = h->paged;
    fi->noflush = !h->writable || h->kind == HANDLE_SCRATCH || h->replay;
}

const struct buf *handle_text(const struct handle *h) {
    return h->shared ? &h->shared->buf : &h->text;
}

/* Puts a text in the place of what was rendered; a long one is shared with other open files. Under
   h->lock, or before the handle is known. */
static void set_text(struct handle *h, struct buf *text) {
    struct text *shared =
        text->len > CACHE_PAGE_BYTES ? texts_share(h->fs->texts, h->inode, text) : NULL;
    text_unref(h->fs->texts, h->shared);
    h->shared = shared;
    if (shared) {
        buf_done(&h->text);
        return;
    }
    struct buf before = h->text;
    h->text = *text;
    *text = before;
}

/* Renders the contents as they are now. Under h->lock, or before the handle is known. */
static int render(struct handle *h, const struct place *p) {
    struct buf text = h->text;
    h->text = BUF_INIT(LIMIT_RENDER_BYTES);
    buf_clear(&text);
    int r = place_show(p, &text);
    set_text(h, &text);
    buf_done(&text);
    h->rendered = r == 0;
    h->was_read = false;
    if (r == 0)
        poll_seen_text(h);
    return r;
}

/* What an open begins with. 0 or -errno. */
static int begin(struct fs *fs, struct handle *h, const struct place *p, int flags) {
    if (h->kind == HANDLE_SCRATCH && flags & O_TRUNC)
        return scratch_resize(fs->vnodes, h->vnode, 0, clock_wall(fs->gateway->clock));
    if (h->kind == HANDLE_STREAM) {
        struct view_attr attr;
        if (view_attr(&p->ctx, &p->ref, &attr) == 0)
            poll_seen_stream(h, attr.size);
    }
    if (h->kind != HANDLE_TEXT)
        return 0;
    /* The notifier is about to lock this very inode: the kernel looks the name up again, and gets
       another one. */
    if (may_wait(h) && notify_touches(fs->notify, h->node_id))
        return -ESTALE;
    int r = render(h, p);
    /* A page of another size than the kernel has been told would be cut or padded: then it is read
       from the handle, past the cache. */
    h->paged = r == 0 && cache_pages_allowed(p) && cache_page_open(p, handle_text(h));
    return r;
}

static void reply_open(fuse_req_t req, struct handle *h, struct fuse_file_info *fi) {
    struct fs *fs = fs_of(req);
    handle_describe(fs, h, fi);
    if (fuse_reply_open(req, fi) < 0)
        handle_unref(h); /* the open was interrupted: no RELEASE follows */
}

/* On the answer thread: the kernel asks for the size again, which is now that of the rendering. */
static void finish_open(struct request *r) {
    (void)fuse_lowlevel_notify_inval_inode(r->fs->session, r->node_id, -1, 0);
    reply_open(r->req, r->handle, &r->file);
}

/* True when the kernel may believe in another size than that of what will be read. */
static bool size_is_stale(const struct handle *h, const struct place *p) {
    return h->kind == HANDLE_TEXT && !h->paged && h->entry->flags & VIEW_HELD &&
           !(h->entry->flags & VIEW_PRIVATE) && cache_told(p) != handle_text(h)->len;
}

static void refuse_open(fuse_req_t req, const struct place *p, int flags, int r) {
    if (r == -EACCES)
        refuse(req, p, NULL,
               wants_write(flags) && !p->ref.entry->store ? REFUSE_WRITE : REFUSE_READ, r);
    else if (r == -ENFILE)
        refuse(req, p, NULL, REFUSE_OPEN, r);
    else
        (void)fuse_reply_err(req, -r);
}

void op_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi) {
    struct fs *fs = fs_of(req);
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    _cleanup_place_ struct place p = {0};
    struct handle *h = NULL;
    int r = place_get(fs, id, caller, &p);
    if (r == 0)
        r = handle_new(fs, &p, caller, fi->flags, &h);
    if (r == 0)
        r = begin(fs, h, &p, fi->flags);
    if (r < 0) {
        if (h)
            handle_unref(h);
        refuse_open(req, &p, fi->flags, r);
        return;
    }
    struct request *request = size_is_stale(h, &p) ? request_new(fs, req, finish_open) : NULL;
    if (!request) {
        reply_open(req, h, fi);
        return;
    }
    request->handle = h;
    request->file = *fi;
    request->node_id = id;
    answers_push(fs->answers, request);
}

/* The part of a text that a READ asks for. */
static void reply_slice(fuse_req_t req, const struct buf *text, size_t size, off_t off) {
    size_t from = (size_t)off < text->len ? (size_t)off : text->len;
    size_t left = text->len - from;
    (void)fuse_reply_buf(req, text->data + from, size < left ? size : left);
}

/* READ through the page cache. */
static int read_page(struct fs *fs, struct handle *h, fuse_req_t req, size_t size, off_t off) {
    _cleanup_place_ struct place p = {0};
    _cleanup_buf_ struct buf now = BUF_INIT(LIMIT_RENDER_BYTES);
    int r = handle_place(fs, h, &p);
    if (r == 0)
        r = view_show(&p.ctx, &p.ref, &now);
    if (r < 0)
        return r;
    p.node_id = h->node_id;
    (void)pthread_mutex_lock(&h->lock);
    if (off == 0) {
        if (!cache_note_page(&p, &now))
            notify_again(fs->notify, h->node_id);
        set_text(h, &now);
    }
    poll_seen_text(h);
    reply_slice(req, handle_text(h), size, off);
    (void)pthread_mutex_unlock(&h->lock);
    cache_settle(&p);
    return 0;
}

/* Reads again from the start see what is true then. */
static int read_text(struct fs *fs, struct handle *h, fuse_req_t req, size_t size, off_t off) {
    LOCK_SCOPE(&h->lock);
    if (h->kind == HANDLE_DOCUMENT && h->loaded) {
        int r = write_fill(h);
        if (r == 0)
            reply_slice(req, &h->body, size, off);
        return r;
    }
    bool again = off == 0 && (h->was_read || h->kind != HANDLE_TEXT);
    if (!h->rendered || again) {
        _cleanup_place_ struct place p = {0};
        int r = handle_place(fs, h, &p);
        if (r == 0)
            r = render(h, &p);
        if (r < 0)
            return r;
    }
    h->was_read = true;
    reply_slice(req, handle_text(h), size, off);
    return 0;
}

static int read_stream(struct fs *fs, const struct handle *h, size_t size, off_t off,
                       struct buf *b) {
    if (!fs->gateway->store)
        return 0;
    const struct history history = {(enum history_stream)h->entry->stream, h->entry->generation,
                                    h->inode >> 8};
    return history_read(fs->gateway->store, &history, (uint64_t)off, size, b);
}

void op_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi) {
    (void)id;
    struct fs *fs = fs_of(req);
    /* Once answered, the reader may close the file while this thread still works on it. */
    _cleanup_handle_ struct handle *h = handle_ref(handle_of(fi));
    if (h->kind != HANDLE_SCRATCH && h->kind != HANDLE_STREAM) {
        int r = h->paged ? read_page(fs, h, req, size, off) : read_text(fs, h, req, size, off);
        if (r < 0)
            (void)fuse_reply_err(req, -r);
        return;
    }
    _cleanup_buf_ struct buf b = BUF_INIT(size);
    int r = h->kind == HANDLE_STREAM ? read_stream(fs, h, size, off, &b)
                                     : scratch_read(fs->vnodes, h->vnode, (size_t)off, size, &b);
    if (r == 0 && h->kind == HANDLE_STREAM)
        poll_seen_stream(h, (uint64_t)off + b.len);
    if (r < 0)
        (void)fuse_reply_err(req, -r);
    else
        (void)fuse_reply_buf(req, b.data, b.len);
}

void op_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi) {
    (void)id;
    struct fs *fs = fs_of(req);
    struct handle *h = handle_of(fi);
    if (h->writable && h->kind != HANDLE_SCRATCH)
        write_release(fs, h);
    handle_unref(h);
    (void)fuse_reply_err(req, 0);
}
