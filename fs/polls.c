/* SPDX-License-Identifier: MIT */
#include "polls.h"

#include "base/hash.h"
#include "cache.h"

#include <errno.h>
#include <poll.h>

struct polls {
    pthread_mutex_t lock; /* guards the list and each handle's poll_link and poll */
    struct list handles;
};

int polls_new(struct polls **ret) {
    struct polls *ps = calloc(1, sizeof(*ps));
    if (!ps)
        return -ENOMEM;
    (void)pthread_mutex_init(&ps->lock, NULL);
    list_init(&ps->handles);
    *ret = ps;
    return 0;
}

void polls_free(struct polls *ps) {
    if (!ps)
        return;
    (void)pthread_mutex_destroy(&ps->lock);
    free(ps);
}

static bool announces(const struct handle *h) {
    return h->entry && h->entry->flags & VIEW_POLL;
}

void poll_seen_text(struct handle *h) {
    const struct buf *text = handle_text(h);
    if (announces(h))
        atomic_store(&h->seen, hash_fnv1a(text->data, text->len));
}

void poll_seen_stream(struct handle *h, uint64_t offset) {
    if (announces(h))
        atomic_store(&h->seen, offset);
}

void poll_leave(struct polls *ps, struct handle *h) {
    LOCK_SCOPE(&ps->lock);
    list_del(&h->poll_link);
    if (h->poll)
        fuse_pollhandle_destroy(h->poll);
    h->poll = NULL;
}

/* True when there is something that the reader has not seen; a file that is gone is ready, too. */
static bool ready(struct fs *fs, const struct handle *h) {
    _cleanup_place_ struct place p = {0};
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_RENDER_BYTES);
    uint64_t seen = atomic_load(&h->seen);
    if (handle_place(fs, h, &p) < 0)
        return true;
    if (h->kind == HANDLE_STREAM) {
        struct view_attr attr;
        return view_attr(&p.ctx, &p.ref, &attr) < 0 || attr.size != seen;
    }
    if (view_show(&p.ctx, &p.ref, &text) < 0)
        return true;
    return hash_fnv1a(text.data, text.len) != seen &&
           (!h->paged || cache_gives(fs->cache, h->inode, &text));
}

static void enter(struct polls *ps, struct handle *h, struct fuse_pollhandle *ph) {
    atomic_store(&h->polled, true);
    LOCK_SCOPE(&ps->lock);
    if (h->poll)
        fuse_pollhandle_destroy(h->poll);
    h->poll = ph;
    list_del(&h->poll_link);
    list_add_tail(&ps->handles, &h->poll_link);
}

void op_poll(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi, struct fuse_pollhandle *ph) {
    (void)id;
    struct fs *fs = fs_of(req);
    struct handle *h = handle_of(fi);
    if (!announces(h)) {
        if (ph)
            fuse_pollhandle_destroy(ph);
        (void)fuse_reply_poll(req, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
        return;
    }
    if (ph)
        enter(fs->polls, h, ph); /* before looking, so that no change falls between */
    unsigned events = h->writable ? POLLOUT | POLLWRNORM : 0;
    if (ready(fs, h))
        events |= POLLIN | POLLRDNORM | POLLPRI | POLLERR;
    (void)fuse_reply_poll(req, events);
}

static bool concerns(const struct handle *h, const struct id_vec *clusters) {
    for (size_t i = 0; i < clusters->len; i++)
        if (clusters->items[i] == h->cluster_id)
            return true;
    return h->cluster_id == 0;
}

/* Takes one handle's sleeper out, for waking without the lock; NULL when no more is ready. */
static struct fuse_pollhandle *take_ready(struct fs *fs, const struct id_vec *clusters) {
    LOCK_SCOPE(&fs->polls->lock);
    list_for_each(pos, &fs->polls->handles) {
        struct handle *h = list_entry(pos, struct handle, poll_link);
        if (!concerns(h, clusters) || !ready(fs, h))
            continue;
        list_del(&h->poll_link);
        return TAKE_PTR(h->poll);
    }
    return NULL;
}

void polls_wake(struct fs *fs, const struct id_vec *clusters) {
    for (struct fuse_pollhandle *ph; (ph = take_ready(fs, clusters));) {
        (void)fuse_lowlevel_notify_poll(ph);
        fuse_pollhandle_destroy(ph);
    }
}
