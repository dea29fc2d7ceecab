/* SPDX-License-Identifier: MIT */
/* Requests that wait for the engine: the FUSE request is kept, and no worker sleeps. */
#include "internal.h"

#include "notify.h"
#include "vnode.h"

#include <errno.h>
#include <string.h>

struct request *request_new(struct fs *fs, fuse_req_t req, void (*finish)(struct request *r)) {
    struct request *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    *r = (struct request){.fs = fs, .req = req, .finish = finish, .refs = 1};
    if (req)
        r->caller = *fuse_req_ctx(req);
    (void)pthread_mutex_init(&r->lock, NULL);
    list_init(&r->link);
    list_init(&r->park_link);
    return r;
}

void request_unref(struct request *r) {
    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    unsigned left = --r->refs;
    (void)pthread_mutex_unlock(&r->lock);
    if (left > 0)
        return;
    if (r->vnode)
        vnode_unref(r->fs->vnodes, r->vnode);
    (void)pthread_mutex_destroy(&r->lock);
    free(r->name);
    free(r);
}

void request_finish_err(struct request *r) {
    if (r->req)
        (void)fuse_reply_err(r->req, -r->code);
}

void request_answer(struct request *r, int code) {
    r->code = code;
    r->finish(r);
    request_unref(r);
}

static void cancel(struct request *r) {
    (void)pthread_mutex_lock(&r->lock);
    uint64_t ticket = r->ticket;
    r->interrupted = true;
    (void)pthread_mutex_unlock(&r->lock);
    if (ticket)
        r->fs->gateway->cancel(r->fs->gateway->engine, ticket);
}

/* FUSE_INTERRUPT: the caller got a signal. `data` lives: on_reply withdraws this first. */
static void on_interrupt(fuse_req_t req, void *data) {
    (void)req;
    cancel(data);
}

static void park(struct request *r) {
    (void)pthread_mutex_lock(&r->fs->lock);
    list_add_tail(&r->fs->parked, &r->park_link);
    (void)pthread_mutex_unlock(&r->fs->lock);
    if (r->vnode)
        vnode_park(r->fs->vnodes, r->vnode, 1);
    fuse_req_interrupt_func(r->req, on_interrupt, r);
}

static void unpark(struct request *r) {
    if (r->req) /* else request_cancel_all has answered */
        fuse_req_interrupt_func(r->req, NULL, NULL);
    (void)pthread_mutex_lock(&r->fs->lock);
    list_del(&r->park_link);
    (void)pthread_mutex_unlock(&r->fs->lock);
    if (r->vnode)
        vnode_park(r->fs->vnodes, r->vnode, -1);
}

/* The answer thread has it from now on. */
static void queue_answer(struct request *r) {
    (void)pthread_mutex_lock(&r->lock);
    r->queued = true;
    (void)pthread_mutex_unlock(&r->lock);
    answers_push(r->fs->answers, r);
}

/* On the engine thread. */
static void on_reply(void *arg, const struct reply *reply) {
    struct request *r = arg;
    if (!r->decided) {
        r->code = reply->code;
        r->object_id = reply->object_id;
    }
    if (r->code == 0 && (r->makes || r->removes))
        notify_own_change(r->fs->notify, r->makes      ? r->object_id
                                         : r->about_id ? r->about_id
                                                       : r->cluster_id);
    queue_answer(r);
}

static void about(struct request *r, const struct place *p) {
    r->cluster_id = p->ctx.cluster ? p->ctx.cluster->id : 0;
    r->about_id = p->ctx.item    ? p->ctx.item->id
                  : p->ctx.node  ? p->ctx.node->id
                  : p->ctx.array ? p->ctx.array->id
                                 : 0;
}

/* Hands the command over; `r` keeps the reference that on_reply gives to the answer thread. */
static void hand_over(struct request *r, struct command *command) {
    struct fs *fs = r->fs;
    r->asked = true;
    command->reply = on_reply;
    command->arg = r;
    (void)pthread_mutex_lock(&r->lock);
    r->refs++;
    (void)pthread_mutex_unlock(&r->lock);
    if (r->parks)
        park(r);
    uint64_t ticket = 0;
    int code = fs->gateway->submit(fs->gateway->engine, command, &ticket);
    if (code < 0) {
        command_free(command);
        if (!r->decided)
            r->code = code;
        queue_answer(r);
    } else {
        (void)pthread_mutex_lock(&r->lock);
        r->ticket = ticket;
        bool interrupted = r->interrupted;
        (void)pthread_mutex_unlock(&r->lock);
        if (interrupted)
            fs->gateway->cancel(fs->gateway->engine, ticket);
    }
    request_unref(r);
}

void request_submit(struct request *r, const struct place *p, struct command *command) {
    about(r, p);
    command->source = SOURCE_MOUNT;
    command->caller_uid = r->caller.uid;
    command->caller_gid = r->caller.gid;
    hand_over(r, command);
}

/* What a refusal is about: the name that the request has, else its place; on one line, whatever the
   caller has put into a name. 0 or -errno. */
static int subject(const struct request *r, const struct place *p, struct buf *b) {
    int code = r->name ? buf_puts(b, r->name) : place_name(p, b);
    for (size_t i = 0; i < b->len; i++)
        if ((unsigned char)b->data[i] < ' ' || b->data[i] == 0x7f)
            b->data[i] = '?';
    return code;
}

void request_refuse(struct request *r, const struct place *p, int code, const struct error *err) {
    about(r, p);
    _cleanup_buf_ struct buf name = BUF_INIT(LIMIT_VALUE_BYTES);
    _cleanup_(command_freep) struct command *c = command_new(COMMAND_REFUSED);
    const char *words = err && err->code ? err_text(err) : strerror(-code);
    if (!c || subject(r, p, &name) < 0 || command_set_name(c, name.data) < 0 ||
        command_set_text(c, words, strlen(words)) < 0) {
        request_answer(r, code);
        return;
    }
    c->cluster_id = r->aside ? 0 : r->cluster_id;
    c->source = SOURCE_MOUNT;
    c->caller_uid = r->caller.uid;
    c->caller_gid = r->caller.gid;
    r->code = code;
    r->decided = true;
    r->parks = false;
    hand_over(r, TAKE_PTR(c));
}

void request_done(struct request *r) {
    usec_t due = 0;
    if (r->parks)
        unpark(r);
    else if (r->asked)
        due = notify_before_answer(r->fs, r->cluster_id, r->about_id);
    if (due) {
        answers_push_later(r->fs->answers, r, due);
        return;
    }
    r->finish(r);
    request_unref(r);
}

/* Takes over the answer to a parked request, unless the answer thread has it. */
static bool take_answer(struct request *r, fuse_req_t *ret) {
    LOCK_SCOPE(&r->lock);
    if (r->queued || !r->req)
        return false;
    *ret = r->req;
    r->req = NULL;
    return true;
}

void request_cancel_all(struct fs *fs) {
    LOCK_SCOPE(&fs->lock);
    list_for_each(pos, &fs->parked) {
        fuse_req_t req;
        if (!take_answer(list_entry(pos, struct request, park_link), &req))
            continue;
        fuse_req_interrupt_func(req, NULL, NULL);
        (void)fuse_reply_err(req, ECANCELED);
    }
}
