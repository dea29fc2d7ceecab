/* SPDX-License-Identifier: MIT */
#ifndef BASE_LIST_H
#define BASE_LIST_H

/*
 * Intrusive doubly linked ring. A `struct list` is both the head and the link inside an element;
 * an element is in one list at a time. list_init makes an empty head or an unlinked element;
 * list_del leaves the element unlinked, so deleting twice does no harm. Not thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(head) \
    { &(head), &(head) }

#define list_entry(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

#define list_for_each(pos, head) \
    for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

/* Safe against removal of `pos` in the body. */
#define list_for_each_safe(pos, tmp, head)                                 \
    for (struct list *pos = (head)->next, *tmp = pos->next; pos != (head); \
         pos = tmp, tmp = pos->next)

static inline void list_init(struct list *l) {
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l) {
    return l->next == l;
}

static inline void list_add_tail(struct list *head, struct list *link) {
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void list_del(struct list *link) {
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

#endif
