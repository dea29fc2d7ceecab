/* SPDX-License-Identifier: MIT */
#ifndef MODEL_FIND_H
#define MODEL_FIND_H

/* Private to the model: where an object is, or would be put, in its list. */

#include "snapshot.h"

#define FIND_NONE SIZE_MAX

size_t model_find_cluster(const struct snapshot *s, uint64_t id);
/* The item of this kind and id; the first whose name is not less. */
size_t model_find_item(const struct snapshot *s, enum item_kind kind, uint64_t id);
size_t model_find_item_place(const struct snapshot *s, enum item_kind kind, const char *name);
size_t model_find_array(const struct cluster *c, uint64_t id);
/* The first cluster whose name is not less. */
size_t model_find_cluster_place(const struct snapshot *s, const char *name);
/* The first set whose id is not less. */
size_t model_find_set_place(const struct cluster *c, uint64_t id);
size_t model_find_set(const struct cluster *c, uint64_t id);

#endif
