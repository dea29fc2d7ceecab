/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_SET_H
#define SIMULATOR_SET_H

/* Scale sets and their members. */

#include "vm.h"

/* A new, empty set from a checked body (borrowed). NULL: out of memory. */
struct set *set_new(struct world *world, struct group *group, const char *name, json_t *body);
/* Takes up a new body (borrowed) in an existing set. 0 or -ENOMEM. */
int set_update(struct world *world, struct set *set, json_t *body);
/* Releases it with its members. */
void set_free(struct world *world, struct set *set);

struct growth {
    uint32_t count;            /* how many more */
    uint32_t allocated;        /* how many of them come up */
    struct vm_failure failure; /* what becomes of the others */
};

/* Adds members; *ret_ready_at is when the last of them is there. 0, -ENOSPC (the subnet is full;
 * nothing was added) or -ENOMEM. */
int set_grow(struct world *world, struct set *set, const struct growth *growth,
             usec_t *ret_ready_at);
/* Deletes the newest members until `count` are left. When that is done. */
usec_t set_shrink(struct world *world, struct set *set, uint32_t count);

/* A member by its instance id (Flexible: VM name), or NULL. Borrowed. */
struct vm *set_member(const struct set *set, const char *instance_id);
/* The first member with at least this number: its index in set->vms. */
size_t set_index_from(const struct set *set, uint32_t number);
/* Enters a member at its place. 0 or -ENOMEM. */
int set_enter(struct set *set, struct vm *vm);
void set_leave(struct set *set, struct vm *vm);

#endif
