/* SPDX-License-Identifier: MIT */
#ifndef MODEL_OBJECT_LIST_H
#define MODEL_OBJECT_LIST_H

/*
 * Private to the model: writing to the short lists of a snapshot (clusters, arrays, sets). `*edit`
 * names the build that owns the list's memory. Each returns 0 or -ENOMEM.
 */

#include "edit.h"

/* Makes the list's items writable in place. */
int object_list_own(struct object_list *l, uint64_t *edit, struct edit *e);
int object_list_insert(struct object_list *l, uint64_t *edit, struct edit *e, size_t at,
                       void *item);
int object_list_remove(struct object_list *l, uint64_t *edit, struct edit *e, size_t at);

#endif
