/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include "base/vec.h"

struct entry {
    size_t key_len, value_len;
    unsigned char data[]; /* key, value */
};

DEFINE_VEC(entry_vec, struct entry *);

/* The mutex guards everything; a commit builds the next list beside the present one. */
struct memory_store {
    struct store store;
    pthread_mutex_t mutex;
    struct entry_vec entries; /* by key */
    uint64_t revision;
    int (*fail_commit)(void *arg);
    void *fail_arg;
    store_watch watch;
    void *watch_arg;
};

/* A commit on its way. */
struct draft {
    struct entry_vec entries;
    struct entry_vec made, dropped; /* freed when it fails; when it succeeds */
    bool changed;
};

static const void *entry_value(const struct entry *e) {
    return e->data + e->key_len;
}

static size_t lower_bound(const struct entry_vec *v, const void *key, size_t key_len) {
    size_t low = 0, high = v->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct entry *e = v->items[middle];
        if (key_compare(e->data, e->key_len, key, key_len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The entry of exactly this key at the place that lower_bound gave, or NULL. */
static struct entry *entry_at(const struct entry_vec *v, size_t at, const void *key,
                              size_t key_len) {
    if (at == v->len)
        return NULL;
    struct entry *e = v->items[at];
    return key_compare(e->data, e->key_len, key, key_len) == 0 ? e : NULL;
}

static bool value_equal(const struct entry *e, const void *value, size_t value_len) {
    return e->value_len == value_len &&
           (value_len == 0 || memcmp(entry_value(e), value, value_len) == 0);
}

static int memory_get(struct store *store, const void *key, size_t key_len, struct buf *value) {
    struct memory_store *s = (struct memory_store *)store;
    LOCK_SCOPE(&s->mutex);
    const struct entry *e =
        entry_at(&s->entries, lower_bound(&s->entries, key, key_len), key, key_len);
    return e ? buf_append(value, entry_value(e), e->value_len) : -ENOENT;
}

/* One past the last entry whose key begins with the prefix, when `at` is the first. */
static size_t prefix_end(const struct entry_vec *v, const struct store_range *r) {
    size_t low = lower_bound(v, r->prefix, r->prefix_len), high = v->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct entry *e = v->items[middle];
        if (key_begins(e->data, e->key_len, r->prefix, r->prefix_len))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Index of the first entry to visit; len or more: none. */
static size_t first_index(const struct entry_vec *v, const struct store_range *range) {
    struct range_start start = range_start(range);
    if (start.empty)
        return v->len;
    if (start.at_end)
        return prefix_end(v, range) - 1; /* wraps to more than len when there is none */
    size_t at = lower_bound(v, start.key, start.len);
    if (range->reverse && !entry_at(v, at, start.key, start.len))
        at--;
    return at;
}

static int memory_scan(struct store *store, const struct store_range *range, store_visit visit,
                       void *arg) {
    struct memory_store *s = (struct memory_store *)store;
    LOCK_SCOPE(&s->mutex);
    size_t step = range->reverse ? SIZE_MAX : 1;
    for (size_t i = first_index(&s->entries, range); i < s->entries.len; i += step) {
        const struct entry *e = s->entries.items[i];
        if (!key_begins(e->data, e->key_len, range->prefix, range->prefix_len))
            break;
        int r = visit(arg, e->data, e->key_len, entry_value(e), e->value_len);
        if (r != 0)
            return r;
    }
    return 0;
}

static struct entry *entry_new(const struct store_op *op) {
    struct entry *e = malloc(sizeof(*e) + op->key_len + op->value_len);
    if (!e)
        return NULL;
    e->key_len = op->key_len;
    e->value_len = op->value_len;
    if (op->key_len)
        memcpy(e->data, op->key, op->key_len);
    if (op->value_len)
        memcpy(e->data + op->key_len, op->value, op->value_len);
    return e;
}

/* The draft's vectors have room for every operation. */
static int apply(struct draft *d, const struct store_op *op) {
    size_t at = lower_bound(&d->entries, op->key, op->key_len);
    struct entry *old = entry_at(&d->entries, at, op->key, op->key_len);
    if (op->value ? old && value_equal(old, op->value, op->value_len) : !old)
        return 0;
    struct entry *fresh = op->value ? entry_new(op) : NULL;
    if (op->value && !fresh)
        return -ENOMEM;
    if (fresh)
        (void)entry_vec_append(&d->made, fresh);
    if (old)
        (void)entry_vec_append(&d->dropped, old);
    if (old && fresh)
        d->entries.items[at] = fresh;
    else if (old)
        entry_vec_remove(&d->entries, at);
    else
        (void)entry_vec_insert(&d->entries, at, fresh);
    d->changed = true;
    return 0;
}

static void free_entries(struct entry_vec *v) {
    for (size_t i = 0; i < v->len; i++)
        free(v->items[i]);
    entry_vec_done(v);
}

static int draft_make(struct draft *d, const struct entry_vec *from, const struct store_op *ops,
                      size_t n) {
    if (entry_vec_reserve(&d->entries, from->len + n) < 0 || entry_vec_reserve(&d->made, n) < 0 ||
        entry_vec_reserve(&d->dropped, n) < 0)
        return -ENOMEM;
    if (from->len)
        memcpy(d->entries.items, from->items, from->len * sizeof(struct entry *));
    d->entries.len = from->len;
    for (size_t i = 0; i < n; i++) {
        int r = apply(d, &ops[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool compares_hold(const struct memory_store *s, const struct store_compare *c, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const struct entry *e = entry_at(
            &s->entries, lower_bound(&s->entries, c[i].key, c[i].key_len), c[i].key, c[i].key_len);
        if (c[i].value ? !e || !value_equal(e, c[i].value, c[i].value_len) : e != NULL)
            return false;
    }
    return true;
}

/* Makes the draft the state. Returns the new revision. */
static uint64_t draft_take(struct memory_store *s, struct draft *d) {
    LOCK_SCOPE(&s->mutex);
    struct entry_vec old = s->entries;
    s->entries = d->entries;
    d->entries = old;
    return ++s->revision;
}

/* Frees what is left: what the draft made if it failed, what it replaced if it was taken. */
static void draft_done(struct draft *d, bool taken) {
    entry_vec_done(&d->entries);
    free_entries(taken ? &d->dropped : &d->made);
    entry_vec_done(taken ? &d->made : &d->dropped);
}

/* No lock while the draft is made: only this thread writes. */
static int apply_all(struct memory_store *s, const struct store_op *ops, size_t n_ops,
                     struct error *err) {
    struct draft d = {0};
    int r = draft_make(&d, &s->entries, ops, n_ops);
    bool take = r == 0 && d.changed;
    uint64_t revision = take ? draft_take(s, &d) : 0;
    draft_done(&d, take);
    if (r < 0)
        return err_set(err, r, "no_memory", "the state cannot be saved: out of memory");
    if (take && s->watch)
        s->watch(s->watch_arg, revision, ops, n_ops);
    return 0;
}

static int memory_commit(struct store *store, const struct store_change *c, struct error *err) {
    struct memory_store *s = (struct memory_store *)store;
    int r = store_check(c, err);
    if (r < 0)
        return r;
    r = s->fail_commit ? s->fail_commit(s->fail_arg) : 0;
    if (r < 0)
        return err_set(err, r, r == -ENOSPC ? "no_space" : "store", "the state cannot be saved: %s",
                       strerror(-r));
    if (!compares_hold(s, c->compares, c->n_compares))
        return store_changed(err);
    return apply_all(s, c->ops, c->n_ops, err);
}

static uint64_t memory_revision(struct store *store) {
    struct memory_store *s = (struct memory_store *)store;
    LOCK_SCOPE(&s->mutex);
    return s->revision;
}

static void memory_watch(struct store *store, store_watch watch, void *arg) {
    struct memory_store *s = (struct memory_store *)store;
    s->watch = watch;
    s->watch_arg = arg;
}

static void memory_free(struct store *store) {
    struct memory_store *s = (struct memory_store *)store;
    free_entries(&s->entries);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

static const struct store_ops memory_ops = {
    .get = memory_get,
    .scan = memory_scan,
    .commit = memory_commit,
    .revision = memory_revision,
    .watch = memory_watch,
    .free = memory_free,
};

int store_open_memory(int (*fail_commit)(void *arg), void *arg, struct store **ret) {
    struct memory_store *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->store.ops = &memory_ops;
    (void)pthread_mutex_init(&s->mutex, NULL);
    s->fail_commit = fail_commit;
    s->fail_arg = arg;
    *ret = &s->store;
    return 0;
}
