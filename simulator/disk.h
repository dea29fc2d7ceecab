/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_DISK_H
#define SIMULATOR_DISK_H

/*
 * Managed disks: resources of the type Microsoft.Compute/disks, those that are made by name and
 * those that a VM of its own brings along. Disks of members of scale sets are not simulated.
 *
 * Invariants
 * - A disk that is attached names its one VM in `managedBy`; the VM's body names the disk.
 * - A disk goes by a DELETE of its own, with its resource group, or with its VM when the VM's
 *   deleteOption says so; never else.
 */

#include "exchange.h"

#define DISK_TYPE "Microsoft.Compute/disks"

struct machine_check;

/* The most that a disk of a storage type can have, in GiB. */
json_int_t disk_size_max(const char *storage_type);
/* True for a resource that is a disk. */
bool resource_is_disk(const struct resource *resource);
/* The VM that a disk is attached to, or NULL. Borrowed. */
struct vm *disk_owner(const struct world *world, const struct resource *disk);

/* Whether the disks that a VM body attaches are there and free. False after an error. */
bool disks_check(struct exchange *ex, const struct machine_check *check);
/* Makes the disks that a new VM brings along, and attaches all that its body names. 0 or -ENOMEM.
 */
int disks_attach(struct vm *vm);
/* The VM is gone: its disks go or are free, as its body says. Never fails. */
void disks_release(struct vm *vm);
/* The VM changed its state: so do its disks. */
void disks_follow(struct vm *vm);
/* A disk in the group that a VM outside is attached to, or NULL: the group cannot be deleted. */
const struct resource *disk_in_use_outside(const struct world *world, const struct group *group);

#endif
