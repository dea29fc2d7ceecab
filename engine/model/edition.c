/* SPDX-License-Identifier: MIT */
#include "edition.h"

#include <errno.h>
#include <stdlib.h>

struct edition *edition_new(void) {
    struct edition *e = calloc(1, sizeof(*e));
    if (e)
        e->refs = 1;
    return e;
}

void edition_unref(struct edition *e) {
    if (!e || --e->refs > 0)
        return;
    str_unref(e->key);
    str_unref(e->definition);
    str_unref(e->attributes);
    str_unref(e->configuration);
    free(e);
}

struct edition_list *edition_list_ref(struct edition_list *l) {
    if (l)
        l->refs++;
    return l;
}

void edition_list_unref(struct edition_list *l) {
    if (!l || --l->refs > 0)
        return;
    for (size_t i = 0; i < l->len; i++)
        edition_unref(l->items[i]);
    free(l);
}

struct edition *edition_find(const struct edition_list *l, uint64_t id) {
    for (size_t i = 0; i < edition_list_len(l); i++)
        if (l->items[i]->id == id)
            return l->items[i];
    return NULL;
}

struct edition *edition_find_key(const struct edition_list *l, const struct str *key) {
    for (size_t i = 0; i < edition_list_len(l); i++)
        if (str_equal(l->items[i]->key, str_text(key)))
            return l->items[i];
    return NULL;
}

static struct edition_list *list_of(size_t room) {
    struct edition_list *l = calloc(1, sizeof(*l) + room * sizeof(struct edition *));
    if (l)
        l->refs = 1;
    return l;
}

static void append(struct edition_list *l, struct edition *e) {
    e->refs++;
    l->items[l->len++] = e;
}

int edition_list_put(struct edition_list **slot, struct edition *e) {
    const struct edition_list *old = *slot;
    struct edition_list *made = list_of(edition_list_len(old) + 1);
    bool replaced = false;
    for (size_t i = 0; made && i < edition_list_len(old); i++) {
        bool same = old->items[i]->id == e->id;
        append(made, same ? e : old->items[i]);
        replaced = replaced || same;
    }
    if (made && !replaced)
        append(made, e);
    edition_unref(e);
    if (!made)
        return -ENOMEM;
    edition_list_unref(*slot);
    *slot = made;
    return 0;
}

int edition_list_filter(struct edition_list **slot,
                        bool (*keep)(const struct edition *e, void *arg), void *arg) {
    const struct edition_list *old = *slot;
    struct edition_list *made = list_of(edition_list_len(old));
    if (!made)
        return -ENOMEM;
    for (size_t i = 0; i < edition_list_len(old); i++)
        if (keep(old->items[i], arg))
            append(made, old->items[i]);
    if (!made->len) {
        edition_list_unref(made);
        made = NULL;
    }
    edition_list_unref(*slot);
    *slot = made;
    return 0;
}
