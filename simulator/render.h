/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_RENDER_H
#define SIMULATOR_RENDER_H

/* Machines, sets and groups as Azure answers them. Every function that returns JSON returns a new
 * value, NULL when memory ran out. */

#include "base/buf.h"
#include "world.h"

json_t *render_group(const struct group *group);
json_t *render_resource(const struct resource *resource);
json_t *render_set(const struct set *set);
/* A VM of its own or a Flexible member: the virtualMachines resource. */
json_t *render_vm(const struct vm *vm, bool with_view);
json_t *render_vm_view(const struct vm *vm);
/* The tags a VM shows: its own, or its set's. Borrowed, may be NULL. */
json_t *vm_tags(const struct vm *vm);
/* Its virtualMachineProfile (members) or properties (others). Borrowed. */
json_t *vm_profile(const struct vm *vm);

/* Appends a member of a set as an instance; failures show in buf_error. */
void render_instance(struct buf *b, const struct vm *vm, bool with_view);
/* Appends its instanceView. */
void render_instance_view(struct buf *b, const struct vm *vm);
/* Appends the interface of a Uniform member. */
void render_interface(struct buf *b, const struct vm *vm);

/* The resource that an operation was about, or NULL if it is gone. */
json_t *render_target(struct world *world, enum object_kind kind, const char *id);

#endif
