/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include "base/hash.h"
#include "store/history.h"

#include <errno.h>

#define FILES_MAX 65536u
#define BUCKETS 4096u
#define MADE_MAX 4096u
#define PER_SECOND 500u
#define LATER_US (5 * USEC_MS)

struct file {
    struct list by_inode;
    struct list queue; /* pending, in the order in which they became due; else idle */
    bool is_pending;
    uint64_t inode;
    uint64_t hash; /* of the contents at the last event */
    bool hashed;
    usec_t due;
};

struct made {
    uint64_t object_id;
    enum object_type type;
};

DEFINE_VEC(made_vec, struct made);

struct replays {
    struct fs *fs;
    struct list buckets[BUCKETS];
    struct list pending; /* struct file, by queue */
    struct list idle;    /* the others, those first whose last event is longest ago */
    size_t n;
    struct made_vec made;
    size_t next_made;
    usec_t second; /* the budget's */
    unsigned spent;
};

int replays_new(struct fs *fs, struct replays **ret) {
    struct replays *rs = calloc(1, sizeof(*rs));
    if (!rs)
        return -ENOMEM;
    rs->fs = fs;
    list_init(&rs->pending);
    list_init(&rs->idle);
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&rs->buckets[i]);
    *ret = rs;
    return 0;
}

void replays_free(struct replays *rs) {
    if (!rs)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (!list_empty(&rs->buckets[i])) {
            struct file *f = list_entry(rs->buckets[i].next, struct file, by_inode);
            list_del(&f->by_inode);
            free(f);
        }
    made_vec_done(&rs->made);
    free(rs);
}

static void forget(struct replays *rs, struct file *f) {
    list_del(&f->by_inode);
    list_del(&f->queue);
    rs->n--;
    free(f);
}

static void move(struct replays *rs, struct file *f, bool pending) {
    list_del(&f->queue);
    list_add_tail(pending ? &rs->pending : &rs->idle, &f->queue);
    f->is_pending = pending;
}

static struct file *file_new(struct replays *rs, struct list *bucket, uint64_t inode) {
    if (rs->n >= FILES_MAX && !list_empty(&rs->idle))
        forget(rs, list_entry(rs->idle.next, struct file, queue));
    if (rs->n >= FILES_MAX)
        return NULL;
    struct file *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->inode = inode;
    list_init(&f->queue);
    list_add_tail(bucket, &f->by_inode);
    rs->n++;
    return f;
}

static struct file *file_get(struct replays *rs, uint64_t inode) {
    struct list *bucket = &rs->buckets[hash_u64(inode) >> 52];
    list_for_each(pos, bucket) {
        struct file *f = list_entry(pos, struct file, by_inode);
        if (f->inode == inode)
            return f;
    }
    return file_new(rs, bucket, inode);
}

void replays_add(struct replays *rs, uint64_t inode) {
    struct file *f = file_get(rs, inode);
    if (f && !f->is_pending)
        move(rs, f, true);
}

void replays_add_made(struct replays *rs, uint64_t object_id, enum object_type type) {
    if (rs->made.len - rs->next_made >= MADE_MAX)
        return;
    if (rs->next_made == rs->made.len)
        rs->made.len = rs->next_made = 0;
    (void)made_vec_append(&rs->made, (struct made){object_id, type});
}

bool replays_afford(struct replays *rs, usec_t now) {
    if (rs->second != now / USEC_SEC) {
        rs->second = now / USEC_SEC;
        rs->spent = 0;
    }
    if (rs->spent >= PER_SECOND)
        return false;
    rs->spent++;
    return true;
}

/* What the file holds now, as a hash, and its size. 0, -EAGAIN when who looks now would still see
   what it held before, or another -errno. */
static int look(struct fs *fs, uint64_t inode, uint64_t *ret_hash, uint64_t *ret_size) {
    struct fuse_ctx self = {0};
    _cleanup_place_ struct place p = {0};
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_RENDER_BYTES);
    int r = place_get(fs, inode, &self, &p);
    if (r < 0)
        return r;
    if (p.ref.entry->kind == VIEW_STREAM) {
        struct view_attr attr;
        r = view_attr(&p.ctx, &p.ref, &attr);
        *ret_hash = *ret_size = r < 0 ? 0 : attr.size;
        return r;
    }
    r = view_show(&p.ctx, &p.ref, &text);
    *ret_hash = hash_fnv1a(text.data, text.len);
    *ret_size = text.len;
    return r == 0 && !cache_may_touch(fs->cache, inode, &text) ? -EAGAIN : r;
}

bool replays_next(struct replays *rs, usec_t now, uint64_t *ret_inode, uint64_t *ret_size) {
    list_for_each_safe(pos, tmp, &rs->pending) {
        struct file *f = list_entry(pos, struct file, queue);
        uint64_t hash = 0;
        if (f->due > now)
            continue;
        if (!replays_afford(rs, now))
            return false;
        int r = look(rs->fs, f->inode, &hash, ret_size);
        if (r == -EAGAIN) {
            f->due = now + LATER_US;
            continue;
        }
        move(rs, f, false);
        if (r < 0) {
            forget(rs, f);
            continue;
        }
        bool same = f->hashed && f->hash == hash;
        f->hash = hash;
        f->hashed = true;
        f->due = now + USEC_SEC;
        *ret_inode = f->inode;
        if (!same)
            return true;
    }
    return false;
}

bool replays_next_made(struct replays *rs, usec_t now, uint64_t *ret_object_id,
                       enum object_type *ret_type) {
    if (rs->next_made == rs->made.len || !replays_afford(rs, now))
        return false;
    *ret_object_id = rs->made.items[rs->next_made].object_id;
    *ret_type = rs->made.items[rs->next_made++].type;
    return true;
}

/* When a file is due next; at most `now` when one is due already. */
static usec_t files_due(const struct replays *rs, usec_t now) {
    usec_t due = USEC_NEVER;
    list_for_each(pos, &rs->pending) {
        const struct file *f = list_entry(pos, struct file, queue);
        due = f->due < due ? f->due : due;
        if (due <= now)
            break;
    }
    return due;
}

usec_t replays_due(const struct replays *rs, usec_t now) {
    usec_t due = rs->next_made < rs->made.len ? 0 : files_due(rs, now);
    usec_t next_second = (rs->second + 1) * USEC_SEC;
    return rs->spent >= PER_SECOND && due < next_second ? next_second : due;
}
