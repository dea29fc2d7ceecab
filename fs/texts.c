/* SPDX-License-Identifier: MIT */
#include "texts.h"

#include "base/hash.h"

#include <errno.h>
#include <string.h>

#define BUCKETS 256u

struct texts {
    pthread_mutex_t lock;
    struct list buckets[BUCKETS];
};

int texts_new(struct texts **ret) {
    struct texts *ts = calloc(1, sizeof(*ts));
    if (!ts)
        return -ENOMEM;
    (void)pthread_mutex_init(&ts->lock, NULL);
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&ts->buckets[i]);
    *ret = ts;
    return 0;
}

void texts_free(struct texts *ts) {
    if (!ts)
        return;
    (void)pthread_mutex_destroy(&ts->lock);
    free(ts);
}

static struct list *bucket(struct texts *ts, uint64_t inode) {
    return &ts->buckets[hash_u64(inode) >> 56 & (BUCKETS - 1)];
}

static struct text *find_equal(struct texts *ts, uint64_t inode, const struct buf *b) {
    list_for_each(pos, bucket(ts, inode)) {
        struct text *t = list_entry(pos, struct text, link);
        if (t->inode == inode && t->buf.len == b->len && memcmp(t->buf.data, b->data, b->len) == 0)
            return t;
    }
    return NULL;
}

struct text *texts_share(struct texts *ts, uint64_t inode, struct buf *b) {
    LOCK_SCOPE(&ts->lock);
    struct text *t = find_equal(ts, inode, b);
    if (t) {
        t->refs++;
        buf_done(b);
        return t;
    }
    t = malloc(sizeof(*t));
    if (!t)
        return NULL;
    *t = (struct text){.refs = 1, .inode = inode, .buf = *b};
    *b = BUF_INIT(b->max);
    list_init(&t->link);
    list_add_tail(bucket(ts, inode), &t->link);
    return t;
}

void text_unref(struct texts *ts, struct text *t) {
    if (!t)
        return;
    LOCK_SCOPE(&ts->lock);
    if (--t->refs > 0)
        return;
    list_del(&t->link);
    buf_done(&t->buf);
    free(t);
}
