/* SPDX-License-Identifier: MIT */
#include "builder-private.h"

#include "limits.h"

static void builder_free(struct builder *b) {
    edit_items_done(&b->edit.made);
    change_vec_done(&b->changes);
    node_box_vec_done(&b->nodes);
    node_box_vec_done(&b->recounts);
    free(b->edit.garbage);
    free(b);
}

int builder_begin(struct model *m, struct builder **ret) {
    model_reap(m);
    struct builder *b = calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    b->edit.garbage = calloc(1, sizeof(*b->edit.garbage));
    b->root = b->edit.garbage ? model_root_copy(m->current) : NULL;
    if (!b->root) {
        builder_free(b);
        return -ENOMEM;
    }
    b->model = m;
    b->edit.number = ++m->edits;
    b->now = clock_wall(m->clock);
    b->root->revision++;
    b->root->at = b->now;
    *ret = b;
    return 0;
}

const struct snapshot *builder_snapshot(const struct builder *b) {
    return b->root;
}

bool builder_dirty(const struct builder *b) {
    return b->dirty;
}

bool builder_durable(const struct builder *b) {
    return b->durable;
}

const struct change *builder_changes(const struct builder *b, size_t *ret_n) {
    *ret_n = b->changes.len;
    return b->changes.items;
}

int builder_note(struct builder *b, uint32_t *slot, struct change change) {
    b->dirty = true;
    b->durable |= change.durability == DURABLE;
    if (!*slot) {
        if (change_vec_reserve(&b->changes, b->reserved_changes + 1) < 0)
            return -ENOMEM;
        (void)change_vec_append(&b->changes, change); /* room was reserved */
        *slot = (uint32_t)b->changes.len;
        return 0;
    }
    struct change *seen = &b->changes.items[*slot - 1];
    seen->added |= change.added;
    seen->removed |= change.removed;
    if (change.durability == DURABLE)
        seen->durability = DURABLE;
    return 0;
}

struct snapshot *builder_root(struct builder *b) {
    struct snapshot *s = b->root;
    if (!b->root_owned) {
        struct last_error *copy = model_last_errors_copy(s->last_errors, s->n_last_errors);
        if (!copy)
            return NULL;
        s->last_errors = copy;
        b->root_owned = true;
    }
    b->dirty = true;
    return s;
}

int builder_set_catalog(struct builder *b, struct catalog *catalog) {
    struct snapshot *s = builder_root(b);
    if (!s)
        return -ENOMEM;
    if (s->catalog != b->model->current->catalog)
        catalog_free(s->catalog);
    s->catalog = catalog;
    catalog->edit = b->edit.number;
    catalog->changed_at = b->now;
    return 0;
}

/* The caller's row, else a new one, else the oldest. */
static struct last_error *last_error_slot(struct snapshot *s, uid_t uid) {
    struct last_error *oldest = &s->last_errors[0];
    for (size_t i = 0; i < s->n_last_errors; i++) {
        if (s->last_errors[i].uid == uid)
            return &s->last_errors[i];
        if (s->last_errors[i].at < oldest->at)
            oldest = &s->last_errors[i];
    }
    if (s->n_last_errors < LIMIT_LAST_ERRORS)
        return &s->last_errors[s->n_last_errors++];
    return oldest;
}

int builder_set_last_error(struct builder *b, uid_t uid, const char *text) {
    struct snapshot *s = builder_root(b);
    _cleanup_str_ struct str *copy = str_new_c(text);
    if (!s || !copy)
        return -ENOMEM;
    struct last_error *slot = last_error_slot(s, uid);
    str_assign(&slot->text, copy);
    slot->uid = uid;
    slot->at = b->now;
    return 0;
}

int builder_publish(struct builder *b) {
    if (!b->dirty) {
        builder_abandon(b);
        return 0;
    }
    for (size_t i = 0; i < b->nodes.len; i++)
        if (builder_count_node(b, b->nodes.items[i]) < 0)
            return -ENOMEM;
    struct snapshot *old = b->model->current;
    struct garbage *g = TAKE_PTR(b->edit.garbage);
    if (b->root->catalog != old->catalog)
        g->catalog = old->catalog;
    if (b->root->last_errors != old->last_errors) {
        g->last_errors = old->last_errors;
        g->n_last_errors = old->n_last_errors;
    }
    b->root->at = clock_wall(b->model->clock);
    struct model *m = b->model;
    model_swap(m, b->root, g);
    builder_free(b);
    model_reap(m);
    return 0;
}

void builder_abandon(struct builder *b) {
    if (!b)
        return;
    const struct snapshot *old = b->model->current;
    if (b->root->catalog != old->catalog)
        catalog_free(b->root->catalog);
    if (b->root->last_errors != old->last_errors)
        model_last_errors_free(b->root->last_errors, b->root->n_last_errors);
    model_root_free(b->root);
    model_edit_abandon(&b->edit);
    builder_free(b);
}
