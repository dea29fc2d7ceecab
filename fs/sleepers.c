/* SPDX-License-Identifier: MIT */
#include "sleepers.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define SLEEPERS_MAX 4096u

struct sleeper {
    struct list link;
    struct version *version; /* reference */
    struct fuse_pollhandle *poll;
};

struct sleepers {
    pthread_mutex_t lock; /* guards what follows */
    struct list queue;    /* struct sleeper, the oldest first */
    size_t n;
};

int sleepers_new(struct sleepers **ret) {
    struct sleepers *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    (void)pthread_mutex_init(&s->lock, NULL);
    list_init(&s->queue);
    *ret = s;
    return 0;
}

static void sleeper_free(struct fs *fs, struct sleeper *s) {
    fuse_pollhandle_destroy(s->poll);
    version_unref(fs->versions, s->version);
    free(s);
}

/* The oldest that `wanted` says yes to, taken out; NULL: none. */
static struct sleeper *take(struct fs *fs, bool (*wanted)(struct fs *fs, const struct sleeper *s)) {
    struct sleepers *all = fs->sleepers;
    LOCK_SCOPE(&all->lock);
    list_for_each(pos, &all->queue) {
        struct sleeper *s = list_entry(pos, struct sleeper, link);
        if (!wanted(fs, s))
            continue;
        list_del(&s->link);
        all->n--;
        return s;
    }
    return NULL;
}

static bool any(struct fs *fs, const struct sleeper *s) {
    (void)fs;
    (void)s;
    return true;
}

void sleepers_free(struct fs *fs, struct sleepers *s) {
    if (!s)
        return;
    for (struct sleeper *one; (one = take(fs, any));)
        sleeper_free(fs, one);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static void wake(struct fs *fs, struct sleeper *s) {
    (void)fuse_lowlevel_notify_poll(s->poll);
    sleeper_free(fs, s);
}

/* True when the file says something else than this version, or is gone. */
static bool outdated(struct fs *fs, const struct version *v) {
    struct fuse_ctx self = {0};
    _cleanup_place_ struct place p = {0};
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_RENDER_BYTES);
    return place_get(fs, v->inode, &self, &p) < 0 || view_show(&p.ctx, &p.ref, &text) < 0 ||
           text.len != v->len || memcmp(text.data, v->text, v->len) != 0;
}

static bool is_outdated(struct fs *fs, const struct sleeper *s) {
    return outdated(fs, s->version);
}

/* Notes who sleeps. The kernel does not say who has given up: beyond the bound the oldest is woken,
   and asks again if it is still there. The handle is stolen. */
static void enter(struct fs *fs, struct version *v, struct fuse_pollhandle *ph) {
    struct sleepers *all = fs->sleepers;
    struct sleeper *s = calloc(1, sizeof(*s));
    if (!s) { /* woken at once, it sees for itself */
        (void)fuse_lowlevel_notify_poll(ph);
        fuse_pollhandle_destroy(ph);
        return;
    }
    s->version = version_ref(fs->versions, v);
    s->poll = ph;
    (void)pthread_mutex_lock(&all->lock);
    list_add_tail(&all->queue, &s->link);
    bool full = ++all->n > SLEEPERS_MAX;
    (void)pthread_mutex_unlock(&all->lock);
    struct sleeper *oldest = full ? take(fs, any) : NULL;
    if (oldest)
        wake(fs, oldest);
}

void fast_poll(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi,
               struct fuse_pollhandle *ph) {
    (void)fi;
    struct fs *fs = fs_of(req);
    struct version *v = version_id_is(id) ? version_find(fs->versions, id) : NULL;
    unsigned events = POLLIN | POLLRDNORM;
    if (v && v->watched) {
        if (ph)
            enter(fs, v, TAKE_PTR(ph)); /* before looking, so that no change falls between */
        events = outdated(fs, v) ? events | POLLPRI | POLLERR : 0;
    }
    if (ph)
        fuse_pollhandle_destroy(ph);
    version_unref(fs->versions, v);
    (void)fuse_reply_poll(req, events);
}

void sleepers_wake(struct fs *fs) {
    for (struct sleeper *s; (s = take(fs, is_outdated));)
        wake(fs, s);
}
