/* SPDX-License-Identifier: MIT */
/*
 * Writing. A value is applied at the write(2) that ends in a newline, or else at the first flush
 * with bytes that were not applied: write(2) is where a shell shows a refusal. A document is
 * collected in the handle and applied as a whole, at fsync, at the flush of the process that opened
 * it, or at the latest when the last descriptor is closed.
 */
#include "internal.h"

#include "process.h"
#include "refuse.h"
#include "shares.h"
#include "vnode.h"

#include <errno.h>
#include <string.h>

/* Above this, a document is checked only as a whole, not at each write. */
#define CHECK_BYTES ((size_t)256 << 10)

/* A text on its way from a handle to the engine. */
struct apply {
    struct place place;
    struct command *command;
    struct error err;
};

static void apply_done(struct apply *a) {
    place_done(&a->place);
    command_free(a->command);
    err_done(&a->err);
}
#define _cleanup_apply_ _cleanup_(apply_done)

/* Counts the bytes of a document in the share of its user. Under h->lock. */
static int charge(struct handle *h, size_t len) {
    int r = 0;
    if (len > h->charged)
        r = shares_take(h->fs->shares, h->uid, SHARE_DOCUMENT_BYTES, len - h->charged);
    else
        shares_give(h->fs->shares, h->uid, SHARE_DOCUMENT_BYTES, h->charged - len);
    if (r == 0)
        h->charged = len;
    return r;
}

int write_fill(struct handle *h) {
    if (h->length <= h->body.len)
        return 0;
    int r = charge(h, h->length);
    return r < 0 ? r : buf_resize(&h->body, h->length);
}

static int explain_room(int r, struct error *err) {
    if (r == -EDQUOT)
        return err_set(err, r, "limit_exceeded",
                       "the documents that you have open for writing hold %zu MiB, the most that "
                       "one user may have: close some",
                       (FS_DOCUMENT_BYTES / 8) >> 20);
    if (r == -ENOSPC)
        return err_set(err, r, "limit_exceeded",
                       "the documents that are open for writing hold %zu MiB, the most for all "
                       "users: try again later",
                       FS_DOCUMENT_BYTES >> 20);
    return r;
}

/* Parses what the handle has collected. Under h->lock. */
static int parse(struct fs *fs, struct handle *h, struct apply *a) {
    int r = handle_place(fs, h, &a->place);
    if (r == 0)
        r = explain_room(write_fill(h), &a->err);
    if (r < 0)
        return r;
    h->dirty = false;
    r = view_store(&a->place.ctx, h->entry, (struct view_text){h->body.data, h->body.len},
                   &a->command, &a->err);
    if (h->kind == HANDLE_VALUE)
        buf_clear(&h->body);
    return r;
}

/* Gives the parsed command to the engine, or the refusal; `r` (stolen) answers. */
static void send(struct apply *a, int code, struct request *r) {
    if (code == 0 && a->command)
        request_submit(r, &a->place, TAKE_PTR(a->command));
    else if (code < 0 && a->place.snapshot)
        request_refuse(r, &a->place, code, &a->err);
    else
        request_answer(r, code);
}

/* WRITE */

static void finish_write(struct request *r) {
    if (r->code < 0)
        (void)fuse_reply_err(r->req, -r->code);
    else
        (void)fuse_reply_write(r->req, r->size);
}

/* Takes the bytes in, and parses them when they end a line. 1: more is to come. Under h->lock. */
static int collect(struct fs *fs, struct handle *h, const char *data, size_t size,
                   struct apply *a) {
    int r = buf_append(&h->body, data, size);
    h->dirty = r == 0;
    if (r == 0)
        return data[size - 1] == '\n' ? parse(fs, h, a) : 1;
    buf_clear(&h->body);
    if (r == -E2BIG && handle_place(fs, h, &a->place) == 0)
        (void)err_set(&a->err, r, "value_too_long", "more than %zu bytes are too many for a value",
                      LIMIT_VALUE_BYTES);
    return r;
}

static void write_value(fuse_req_t req, struct handle *h, const char *data, size_t size) {
    struct fs *fs = fs_of(req);
    _cleanup_apply_ struct apply a = {0};
    (void)pthread_mutex_lock(&h->lock);
    int r = collect(fs, h, data, size, &a);
    (void)pthread_mutex_unlock(&h->lock);
    if (r > 0) {
        (void)fuse_reply_write(req, size);
        return;
    }
    struct request *request = request_new(fs, req, finish_write);
    if (!request) {
        (void)fuse_reply_err(req, ENOMEM);
        return;
    }
    request->size = size;
    send(&a, r, request);
}

/* Fills the buffer with the text in force, for an open without O_TRUNC. Under h->lock. */
static int load(struct handle *h, const struct place *p) {
    if (h->loaded)
        return 0;
    int r = view_show(&p->ctx, &p->ref, &h->body);
    if (r == 0)
        r = charge(h, h->body.len);
    if (r < 0)
        buf_done(&h->body);
    else
        h->loaded = true;
    h->length = h->body.len;
    h->whole = h->loaded && h->body.len == 0;
    return r == -E2BIG ? -EFBIG : r;
}

/* Refuses what no later text can repair, in the complete lines so far. */
static int check(const struct handle *h, struct error *err) {
    if (!h->entry->check || !h->whole || h->body.len > CHECK_BYTES)
        return 0;
    const char *end = memrchr(h->body.data, '\n', h->body.len);
    return end ? h->entry->check(h->body.data, (size_t)(end - h->body.data) + 1, err) : 0;
}

/* Under h->lock. */
static int store_piece(struct handle *h, const struct place *p, const struct piece *piece,
                       struct error *err) {
    int r = h->refused ? h->refused : load(h, p);
    if (r < 0)
        return explain_room(r, err);
    size_t at = h->append ? h->length : piece->offset;
    size_t end = at + piece->len;
    h->whole = h->whole && at == h->length;
    r = at > LIMIT_DOCUMENT_BYTES || end > LIMIT_DOCUMENT_BYTES
            ? -E2BIG
            : charge(h, end > h->body.len ? end : h->body.len);
    if (r == 0)
        r = buf_write_at(&h->body, at, piece->data, piece->len);
    if (h->length < h->body.len)
        h->length = h->body.len;
    if (r == -E2BIG)
        r = err_set(err, -EFBIG, "too_large",
                    "the text is longer than %zu bytes: a document holds no more",
                    LIMIT_DOCUMENT_BYTES);
    r = r == 0 ? check(h, err) : explain_room(r, err);
    h->refused = r;
    h->dirty = r == 0;
    h->outcome = 0;
    return r;
}

static void write_document(fuse_req_t req, struct handle *h, const struct piece *piece) {
    struct fs *fs = fs_of(req);
    _cleanup_apply_ struct apply a = {0};
    int r = handle_place(fs, h, &a.place);
    if (r == 0) {
        LOCK_SCOPE(&h->lock);
        r = store_piece(h, &a.place, piece, &a.err);
    }
    if (r == 0) {
        (void)fuse_reply_write(req, piece->len);
        return;
    }
    struct request *request = request_new(fs, req, request_finish_err);
    if (!request)
        (void)fuse_reply_err(req, -r);
    else
        send(&a, r, request);
}

static void write_scratch(fuse_req_t req, struct handle *h, struct piece *piece) {
    struct fs *fs = fs_of(req);
    if (h->append)
        piece->offset = SIZE_MAX;
    int r = scratch_write(fs->vnodes, h->vnode, piece, clock_wall(fs->gateway->clock));
    if (r == 0) {
        (void)fuse_reply_write(req, piece->len);
        return;
    }
    _cleanup_place_ struct place p = {0};
    if (handle_place(fs, h, &p) < 0)
        (void)fuse_reply_err(req, -r);
    else
        refuse_change(req, &p, NULL, REFUSE_ROOM, r);
}

/* NOLINTNEXTLINE(readability-function-size): libfuse dictates the parameters */
void op_write(fuse_req_t req, fuse_ino_t id, const char *data, size_t size, off_t off,
              struct fuse_file_info *fi) {
    (void)id;
    struct handle *h = handle_of(fi);
    struct piece piece = {data, size, (size_t)off};
    if (size == 0)
        (void)fuse_reply_write(req, 0);
    else if (h->kind == HANDLE_VALUE)
        write_value(req, h, data, size);
    else if (h->kind == HANDLE_DOCUMENT)
        write_document(req, h, &piece);
    else
        write_scratch(req, h, &piece);
}

int write_resize(const struct place *p, struct handle *h, size_t size) {
    if (size > LIMIT_DOCUMENT_BYTES)
        return -EFBIG;
    LOCK_SCOPE(&h->lock);
    if (size == 0) {
        buf_done(&h->body);
        (void)charge(h, 0);
        h->length = 0;
        h->loaded = h->whole = true;
        h->refused = h->outcome = 0;
        return 0;
    }
    int r = load(h, p);
    if (r < 0 || size == h->length)
        return r;
    h->whole = false;
    h->dirty = true;
    h->length = size; /* what is longer than the text costs nothing until it is looked at */
    buf_truncate(&h->body, size);
    return charge(h, h->body.len);
}

/* FLUSH, FSYNC, RELEASE */

/* The outcome stays with a document until more is written: emacs takes the EINVAL of fsync(2) for
   "not supported here", and hears of the refusal at close(2). */
static void finish_apply(struct request *r) {
    _cleanup_handle_ struct handle *h = TAKE_PTR(r->handle);
    (void)pthread_mutex_lock(&h->lock);
    if (h->kind == HANDLE_DOCUMENT && !h->dirty)
        h->outcome = r->code;
    (void)pthread_mutex_unlock(&h->lock);
    request_finish_err(r);
}

/* Applies what is unsaved and answers with the outcome; at once when nothing is. */
static void apply(struct fs *fs, fuse_req_t req, struct handle *h) {
    _cleanup_apply_ struct apply a = {0};
    (void)pthread_mutex_lock(&h->lock);
    bool dirty = h->dirty;
    int r = h->refused ? h->refused : dirty ? 0 : h->outcome;
    if (dirty && r == 0)
        r = parse(fs, h, &a);
    (void)pthread_mutex_unlock(&h->lock);
    if (!dirty) {
        if (req)
            (void)fuse_reply_err(req, -r);
        return;
    }
    struct request *request = request_new(fs, req, finish_apply);
    if (!request) {
        if (req)
            (void)fuse_reply_err(req, ENOMEM);
        return;
    }
    request->handle = handle_ref(h);
    request->caller.uid = h->uid;
    request->caller.gid = h->gid;
    send(&a, r, request);
}

/* A child that inherited the descriptor and closes it has not finished the document. */
static bool closes_document(const struct handle *h, pid_t pid) {
    return h->kind != HANDLE_DOCUMENT || process_group(pid) == h->group;
}

void op_flush(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi) {
    (void)id;
    struct handle *h = handle_of(fi);
    bool applies =
        h->writable && h->kind != HANDLE_SCRATCH && closes_document(h, fuse_req_ctx(req)->pid);
    if (applies)
        apply(fs_of(req), req, h);
    else
        (void)fuse_reply_err(req, 0);
}

void write_release(struct fs *fs, struct handle *h) {
    apply(fs, NULL, h);
}

/* `sync FILE`: parked in the engine until the cloud agrees. */
static void wait_for_convergence(fuse_req_t req, struct handle *h) {
    struct fs *fs = fs_of(req);
    _cleanup_place_ struct place p = {0};
    int code = handle_place(fs, h, &p);
    struct request *r = code < 0 ? NULL : request_new(fs, req, request_finish_err);
    struct command *c = r ? command_new(COMMAND_SYNC) : NULL;
    if (!c) {
        request_unref(r);
        (void)fuse_reply_err(req, code < 0 ? -code : ENOMEM);
        return;
    }
    c->cluster_id = p.ctx.cluster ? p.ctx.cluster->id : 0;
    c->node_id = p.ctx.node ? p.ctx.node->id : 0;
    c->array_id = p.ctx.array && !p.ctx.node ? p.ctx.array->id : 0;
    r->parks = true;
    r->vnode = h->vnode ? vnode_ref(fs->vnodes, h->vnode) : NULL;
    request_submit(r, &p, c);
}

void op_fsync(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi) {
    (void)id;
    (void)datasync;
    struct handle *h = handle_of(fi);
    if (h->kind == HANDLE_TEXT && h->entry->flags & VIEW_SYNC)
        wait_for_convergence(req, h);
    else if (h->writable && h->kind != HANDLE_SCRATCH)
        apply(fs_of(req), req, h);
    else
        (void)fuse_reply_err(req, 0);
}
