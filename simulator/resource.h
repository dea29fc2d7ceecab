/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_RESOURCE_H
#define SIMULATOR_RESOURCE_H

/* Resources other than machines: kept as the JSON they are. */

#include "world.h"

/* A new resource in a group; `body` is stolen, also on failure. NULL: out of memory, or
 * RESOURCES_MAX are there. */
struct resource *resource_new(struct world *world, struct group *group, const char *type,
                              json_t *body);
/* Releases it, with its subnets and its address. */
void resource_free(struct world *world, struct resource *resource);
/* The end of its operation: gone, or in state Succeeded. */
void resource_settle(struct world *world, struct resource *resource, bool gone);
/* The addresses that an interface's body names, one after the other: calls `use` with each. */
void interface_addresses(struct world *world, json_t *body,
                         void (*use)(struct subnet *subnet, uint32_t address));

/* The VM that has an interface as its first, or NULL. Borrowed. */
const struct vm *interface_user(const struct world *world, const struct resource *resource);

#endif
