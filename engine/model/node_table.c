/* SPDX-License-Identifier: MIT */
#include "node_table.h"

#include "base/hash.h"

static struct btree_key id_key(uint64_t id) {
    return (struct btree_key){id, 0};
}

static struct btree_key name_key(const struct node_box *n) {
    return (struct btree_key){hash_text(str_text(n->node.name)), n->node.id};
}

static struct btree_key place_key(struct node_place p) {
    return (struct btree_key){p.owner * NODE_LIST_MAX + p.list, p.id};
}

struct node_table *node_table_new(struct edit *e) {
    struct node_table *t = model_edit_alloc(e, BOX_PLAIN, sizeof(*t));
    if (t)
        t->edit = e->number;
    return t;
}

int node_table_own(struct node_table **t, struct edit *e) {
    if ((*t)->edit == e->number)
        return 0;
    struct node_table *copy = node_table_new(e);
    if (!copy || model_edit_drop(e, BOX_PLAIN, *t) < 0)
        return -ENOMEM;
    *copy = **t;
    copy->edit = e->number;
    *t = copy;
    return 0;
}

struct node_box *node_table_at_or_after(const struct node_table *t, uint64_t id) {
    const struct btree_entry *found = btree_at_or_after(&t->ids, id_key(id));
    return found ? found->value : NULL;
}

struct node_box *node_table_get(const struct node_table *t, uint64_t id) {
    struct node_box *n = node_table_at_or_after(t, id);
    return n && n->node.id == id ? n : NULL;
}

struct node_box *node_table_get_named(const struct node_table *t, const char *name) {
    uint64_t hash = hash_text(name);
    struct btree_key key = {hash, 0};
    const struct btree_entry *found = btree_at_or_after(&t->names, key);
    while (found && found->key.major == hash) {
        struct node_box *n = node_table_get(t, found->key.minor);
        if (n && str_equal(n->node.name, name))
            return n;
        key.minor = found->key.minor + 1;
        found = key.minor ? btree_at_or_after(&t->names, key) : NULL;
    }
    return NULL;
}

int node_table_add(struct node_table *t, struct edit *e, struct node_box *n) {
    int r = btree_insert(&t->ids, e, (struct btree_entry){id_key(n->node.id), n});
    if (r == 0)
        r = btree_insert(&t->names, e, (struct btree_entry){name_key(n), NULL});
    if (r == 0)
        t->n++;
    return r;
}

int node_table_replace(struct node_table *t, struct edit *e, struct node_box *n) {
    return btree_replace(&t->ids, e, id_key(n->node.id), n);
}

int node_table_remove(struct node_table *t, struct edit *e, const struct node_box *n) {
    int r = btree_remove(&t->names, e, name_key(n));
    if (r == 0)
        r = btree_remove(&t->ids, e, id_key(n->node.id));
    if (r == 0)
        t->n--;
    return r;
}

/* The node of an entry if that is on the same list as `key`. */
static struct node_box *listed(const struct node_table *t, const struct btree_entry *found,
                               struct btree_key key) {
    return found && found->key.major == key.major ? node_table_get(t, found->key.minor) : NULL;
}

struct node_box *node_table_listed_from(const struct node_table *t, struct node_place place) {
    struct btree_key key = place_key(place);
    return listed(t, btree_at_or_after(&t->lists, key), key);
}

struct node_box *node_table_listed_before(const struct node_table *t, struct node_place place) {
    struct btree_key key = place_key(place);
    return listed(t, btree_before(&t->lists, key), key);
}

int node_table_list(struct node_table *t, struct edit *e, struct node_place place) {
    return btree_insert(&t->lists, e, (struct btree_entry){place_key(place), NULL});
}

int node_table_unlist(struct node_table *t, struct edit *e, struct node_place place) {
    return btree_remove(&t->lists, e, place_key(place));
}

int node_table_drop(struct node_table *t, struct edit *e) {
    /* The trees are walked through a copy: the table may be one that readers see. */
    struct btree trees[] = {t->ids, t->names, t->lists};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(trees); i++)
        r = btree_drop(&trees[i], e);
    return r < 0 ? r : model_edit_drop(e, BOX_PLAIN, t);
}

void node_table_free(struct node_table *t) {
    if (!t)
        return;
    for (struct node_box *n = node_table_at_or_after(t, 0); n;) {
        uint64_t next = n->node.id + 1;
        box_free(BOX_NODE, n);
        n = next ? node_table_at_or_after(t, next) : NULL;
    }
    btree_free(&t->ids);
    btree_free(&t->names);
    btree_free(&t->lists);
    free(t);
}
