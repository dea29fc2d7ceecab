/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include "base/parse.h"
#include "find.h"
#include "node_table.h"

#include <string.h>
#include <strings.h>

/* How many letters a machine type may be off to be offered instead. */
#define NEAR_ENOUGH 6

size_t model_find_cluster(const struct snapshot *s, uint64_t id) {
    for (size_t i = 0; i < s->clusters.len; i++)
        if (((const struct cluster *)s->clusters.items[i])->id == id)
            return i;
    return FIND_NONE;
}

size_t model_find_cluster_place(const struct snapshot *s, const char *name) {
    size_t low = 0, high = s->clusters.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct cluster *c = s->clusters.items[middle];
        if (strcmp(str_text(c->name), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t model_find_array(const struct cluster *c, uint64_t id) {
    for (size_t i = 0; i < c->arrays.len; i++)
        if (cluster_array(c, i)->id == id)
            return i;
    return FIND_NONE;
}

size_t model_find_set_place(const struct cluster *c, uint64_t id) {
    size_t low = 0, high = c->sets.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cluster_set(c, middle)->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t model_find_set(const struct cluster *c, uint64_t id) {
    size_t i = model_find_set_place(c, id);
    return i < c->sets.len && cluster_set(c, i)->id == id ? i : FIND_NONE;
}

size_t model_find_item(const struct snapshot *s, enum item_kind kind, uint64_t id) {
    for (size_t i = 0; i < s->items[kind].len; i++)
        if (((const struct item *)s->items[kind].items[i])->id == id)
            return i;
    return FIND_NONE;
}

size_t model_find_item_place(const struct snapshot *s, enum item_kind kind, const char *name) {
    const struct object_list *l = &s->items[kind];
    size_t low = 0, high = l->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct item *i = l->items[middle];
        if (strcmp(str_text(i->name), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct item *snapshot_item(const struct snapshot *s, enum item_kind kind, uint64_t id) {
    size_t i = model_find_item(s, kind, id);
    return i == FIND_NONE ? NULL : s->items[kind].items[i];
}

const struct item *snapshot_item_named(const struct snapshot *s, enum item_kind kind,
                                       const char *name) {
    size_t i = model_find_item_place(s, kind, name);
    if (i == s->items[kind].len)
        return NULL;
    const struct item *item = s->items[kind].items[i];
    return str_equal(item->name, name) ? item : NULL;
}

const struct cluster *snapshot_cluster(const struct snapshot *s, uint64_t id) {
    size_t i = model_find_cluster(s, id);
    return i == FIND_NONE ? NULL : s->clusters.items[i];
}

const struct cluster *snapshot_cluster_named(const struct snapshot *s, const char *name) {
    size_t i = model_find_cluster_place(s, name);
    if (i == s->clusters.len)
        return NULL;
    const struct cluster *c = s->clusters.items[i];
    return str_equal(c->name, name) ? c : NULL;
}

const struct node *snapshot_node(const struct snapshot *s, uint64_t id,
                                 const struct cluster **ret_cluster) {
    for (size_t i = 0; i < s->clusters.len; i++) {
        const struct cluster *c = s->clusters.items[i];
        const struct node *n = cluster_node(c, id);
        if (!n)
            continue;
        if (ret_cluster)
            *ret_cluster = c;
        return n;
    }
    return NULL;
}

const struct array *snapshot_array(const struct snapshot *s, uint64_t id,
                                   const struct cluster **ret_cluster) {
    for (size_t i = 0; i < s->clusters.len; i++) {
        const struct cluster *c = s->clusters.items[i];
        const struct array *a = cluster_array_by_id(c, id);
        if (!a)
            continue;
        if (ret_cluster)
            *ret_cluster = c;
        return a;
    }
    return NULL;
}

int machine_type_order(const struct machine_type *t, const char *account, const char *region,
                       const char *name) {
    int r = strcmp(str_text(t->account), account);
    if (r == 0)
        r = strcasecmp(str_text(t->region), region);
    return r ? r : strcasecmp(str_text(t->name), name);
}

static bool type_is_of(const struct machine_type *t, const char *account, const char *region) {
    return str_equal(t->account, account) && text_equal_fold(str_text(t->region), region);
}

const struct machine_type *snapshot_machine_type(const struct snapshot *s, const char *account,
                                                 const char *region, const char *name) {
    size_t low = 0, high = s->catalog ? s->catalog->n_types : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct machine_type *t = &s->catalog->types[middle];
        int order = machine_type_order(t, account, region, name);
        if (order == 0)
            return t;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

uint64_t machine_type_hour_micro(const struct machine_type *t, bool spot) {
    if (!t)
        return 0;
    return spot ? t->spot_hour_micro : t->hour_micro;
}

const char *snapshot_machine_type_near(const struct snapshot *s, const char *account,
                                       const char *region, const char *name) {
    const char *best = NULL;
    size_t best_distance = NEAR_ENOUGH;
    for (size_t i = 0; s->catalog && i < s->catalog->n_types; i++) {
        const struct machine_type *t = &s->catalog->types[i];
        if (!type_is_of(t, account, region))
            continue;
        size_t distance = text_distance(str_text(t->name), name, best_distance);
        if (distance >= best_distance)
            continue;
        best = str_text(t->name);
        best_distance = distance;
    }
    return best;
}

const struct shortage *snapshot_shortage(const struct snapshot *s, const struct array_spec *spec,
                                         const char *machine_type) {
    const struct catalog *c = s->catalog;
    for (size_t i = 0; c && i < c->n_shortages; i++) {
        const struct shortage *x = &c->shortages[i];
        if (x->spot == spec->spot && text_equal_fold(str_text(x->machine_type), machine_type) &&
            str_equal(x->account, str_text(spec->account)) &&
            text_equal_fold(str_text(x->region), str_text(spec->region)))
            return x;
    }
    return NULL;
}

bool shortage_forgotten(const struct shortage *x, usec_t now) {
    return now >= x->failed_at + 2 * x->delay;
}

const struct array *cluster_array_by_id(const struct cluster *c, uint64_t id) {
    size_t i = model_find_array(c, id);
    return i == FIND_NONE ? NULL : cluster_array(c, i);
}

const struct array *cluster_array_named(const struct cluster *c, const char *name) {
    for (size_t i = 0; i < c->arrays.len; i++)
        if (str_equal(cluster_array(c, i)->name, name))
            return cluster_array(c, i);
    return NULL;
}

const struct set *cluster_set_by_id(const struct cluster *c, uint64_t id) {
    size_t i = model_find_set(c, id);
    return i == FIND_NONE ? NULL : cluster_set(c, i);
}

/* The node in a box, NULL for none. */
static const struct node *unboxed(const struct node_box *box) {
    return box ? &box->node : NULL;
}

const struct node *cluster_node(const struct cluster *c, uint64_t id) {
    return unboxed(node_table_get(c->nodes, id));
}

const struct node *cluster_node_named(const struct cluster *c, const char *name) {
    return unboxed(node_table_get_named(c->nodes, name));
}

size_t cluster_node_count(const struct cluster *c) {
    return c->nodes->n;
}

bool cluster_settled(const struct cluster *c) {
    return c->counts.settled + c->head_counts.settled == cluster_node_count(c);
}

bool cluster_nodes_off(const struct cluster *c) {
    return c->counts.by_status[NODE_OFF] + c->head_counts.by_status[NODE_OFF] ==
           cluster_node_count(c);
}

const struct node *cluster_next_node(const struct cluster *c, uint64_t *position) {
    if (*position == UINT64_MAX)
        return NULL;
    const struct node *n = unboxed(node_table_at_or_after(c->nodes, *position));
    *position = n ? n->id + 1 : UINT64_MAX;
    return n;
}

int64_t array_max_count(const struct array *a) {
    if (a->max_count_set >= 0)
        return a->max_count_set;
    return a->spec ? a->spec->max_count : -1;
}
