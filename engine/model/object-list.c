/* SPDX-License-Identifier: MIT */
#include "object-list.h"

#include <string.h>

/* Room that the memory of a list with this many items has at least. */
static size_t room_of(size_t len) {
    size_t room = 8;
    while (room < len)
        room *= 2;
    return room;
}

static int list_move(struct object_list *l, uint64_t *edit, struct edit *e) {
    void **items = model_edit_alloc(e, BOX_PLAIN, room_of(l->len + 1) * sizeof(void *));
    if (!items || model_edit_drop(e, BOX_PLAIN, l->items) < 0)
        return -ENOMEM;
    if (l->len)
        memcpy(items, l->items, l->len * sizeof(void *));
    l->items = items;
    *edit = e->number;
    return 0;
}

int object_list_own(struct object_list *l, uint64_t *edit, struct edit *e) {
    return *edit == e->number ? 0 : list_move(l, edit, e);
}

int object_list_insert(struct object_list *l, uint64_t *edit, struct edit *e, size_t at,
                       void *item) {
    bool full = l->len == room_of(l->len);
    int r = full ? list_move(l, edit, e) : object_list_own(l, edit, e);
    if (r < 0)
        return r;
    memmove(l->items + at + 1, l->items + at, (l->len - at) * sizeof(void *));
    l->items[at] = item;
    l->len++;
    return 0;
}

int object_list_remove(struct object_list *l, uint64_t *edit, struct edit *e, size_t at) {
    int r = object_list_own(l, edit, e);
    if (r < 0)
        return r;
    l->len--;
    memmove(l->items + at, l->items + at + 1, (l->len - at) * sizeof(void *));
    return 0;
}
