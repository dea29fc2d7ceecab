/* SPDX-License-Identifier: MIT */
#include "node_table.h"
#include "root.h"

#include <assert.h>

int model_new(const struct clock *clock, struct model **ret) {
    _cleanup_free_ struct model *m = calloc(1, sizeof(*m));
    struct snapshot *s = calloc(1, sizeof(*s));
    if (!m || !s) {
        free(s);
        return -ENOMEM;
    }
    m->clock = clock;
    m->oldest = m->current = s;
    s->model = m;
    s->refs = 1; /* the model's own */
    s->at = s->clusters_at = s->server.started_at = clock_wall(clock);
    (void)pthread_mutex_init(&m->mutex, NULL);
    *ret = TAKE_PTR(m);
    return 0;
}

const struct snapshot *model_acquire(struct model *m) {
    LOCK_SCOPE(&m->mutex);
    m->current->refs++;
    return m->current;
}

void model_release(const struct snapshot *s) {
    LOCK_SCOPE(&s->model->mutex);
    assert(s->refs > 0);
    ((struct snapshot *)s)->refs--;
}

void model_swap(struct model *m, struct snapshot *s, struct garbage *garbage) {
    LOCK_SCOPE(&m->mutex);
    m->current->garbage = garbage;
    m->current->newer = s;
    m->current->refs--;
    s->refs = 1;
    m->current = s;
}

/* Cuts the snapshots that nobody holds off the old end of the chain; returns the first of them. */
static struct snapshot *cut_unused(struct model *m, const struct snapshot **ret_end) {
    LOCK_SCOPE(&m->mutex);
    struct snapshot *first = m->oldest;
    while (m->oldest != m->current && m->oldest->refs == 0)
        m->oldest = m->oldest->newer;
    *ret_end = m->oldest;
    return first;
}

void model_reap(struct model *m) {
    const struct snapshot *end;
    struct snapshot *s = cut_unused(m, &end);
    while (s != end) {
        struct snapshot *newer = s->newer;
        model_garbage_free(s->garbage);
        model_root_free(s);
        s = newer;
    }
}

static void cluster_free_all(struct cluster *c) {
    for (size_t i = 0; i < c->arrays.len; i++) {
        box_free(BOX_TYPES, cluster_array(c, i)->types);
        box_free(BOX_ARRAY, c->arrays.items[i]);
    }
    for (size_t i = 0; i < c->sets.len; i++)
        box_free(BOX_SET, c->sets.items[i]);
    free(c->arrays.items);
    free(c->sets.items);
    node_table_free(c->nodes);
    box_free(BOX_CLUSTER, c);
}

static void items_free_all(struct snapshot *s) {
    static const enum box_kind kinds[ITEM_KIND_MAX] = {
        [ITEM_USER] = BOX_USER,   [ITEM_ACCOUNT] = BOX_ACCOUNT, [ITEM_ORPHAN] = BOX_ORPHAN,
        [ITEM_ALERT] = BOX_ALERT, [ITEM_VOLUME] = BOX_VOLUME,
    };
    for (size_t k = 0; k < ITEM_KIND_MAX; k++) {
        for (size_t i = 0; i < s->items[k].len; i++)
            box_free(kinds[k], s->items[k].items[i]);
        free(s->items[k].items);
    }
}

void model_free(struct model *m) {
    if (!m)
        return;
    model_reap(m);
    struct snapshot *s = m->current;
    assert(m->oldest == s && s->refs == 1);
    for (size_t i = 0; i < s->clusters.len; i++)
        cluster_free_all(s->clusters.items[i]);
    free(s->clusters.items);
    items_free_all(s);
    catalog_free(s->catalog);
    model_last_errors_free(s->last_errors, s->n_last_errors);
    model_root_free(s);
    (void)pthread_mutex_destroy(&m->mutex);
    free(m);
}
