/* SPDX-License-Identifier: MIT */
#include "edit.h"

#include "root.h"

void *model_edit_alloc(struct edit *e, enum box_kind kind, size_t size) {
    if (edit_items_reserve(&e->made, 1) < 0)
        return NULL;
    void *p = calloc(1, size);
    if (!p)
        return NULL;
    (void)edit_items_append(&e->made, (struct edit_item){kind, p}); /* room was reserved */
    return p;
}

int model_edit_drop(struct edit *e, enum box_kind kind, void *pointer) {
    if (!pointer)
        return 0;
    return edit_items_append(&e->garbage->items, (struct edit_item){kind, pointer});
}

static void free_items(struct edit_items *items) {
    for (size_t i = 0; i < items->len; i++)
        box_free(items->items[i].kind, items->items[i].pointer);
    edit_items_done(items);
}

void model_edit_abandon(struct edit *e) {
    free_items(&e->made);
    edit_items_done(&e->garbage->items);
}

void model_garbage_free(struct garbage *g) {
    if (!g)
        return;
    free_items(&g->items);
    catalog_free(g->catalog);
    model_last_errors_free(g->last_errors, g->n_last_errors);
    free(g);
}
