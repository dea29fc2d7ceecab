/* SPDX-License-Identifier: MIT */
#ifndef CORE_VOLUME_H
#define CORE_VOLUME_H

/*
 * Persistent volumes: disks that outlive the VMs of their node.
 *
 * A `[[[volume]]]` of a `[[node]]` with Persistent = true has a record, from the write of the
 * template until somebody deletes the volume. Its disk is made before the node's first VM, in a
 * resource group that holds nothing else, so that no other deletion can take it along.
 *
 * Invariants
 * - A disk is made once. One that vanished is not replaced by an empty one.
 * - `node_id` names the node whose VM has the disk, from the commit that asks for the VM until the
 *   one that knows that the VM is gone. No VM is made with a disk that another node has.
 * - A disk is deleted only after the verb `delete` was committed in its record.
 */

#include "internal.h"
#include "plan.h"

/* What a template says about a persistent volume. Borrowed from the JSON. */
struct volume_want {
    const char *section, *storage_type;
    uint32_t size_gb;
};

/* The volumes of an array's definition; `ret` is new, or NULL for none. 0 or -ENOMEM. */
int volumes_read(const struct array_spec *s, json_t **ret);
/* True for an entry of it that is a persistent volume with a size. */
bool volume_wanted(const char *section, const json_t *value, struct volume_want *ret);
/* The storage type of a volume, by StorageAccountType and SSD. Borrowed. */
const char *volume_storage_type(const json_t *value);

/* The next volume of a cluster; *position begins at 0. NULL: that was the last. */
const struct volume *volume_next(const struct snapshot *s, uint64_t cluster_id, size_t *position);
/* The volume of a node's section, or NULL. Names are the template's. */
const struct volume *volume_find(const struct snapshot *s, uint64_t cluster_id, const char *node,
                                 const char *section);
const struct volume *volume_by_id(const struct snapshot *s, uint64_t id);
/* A writable copy; NULL, and the build is failed: no memory, or it is gone. */
struct volume *edit_volume(struct engine *e, uint64_t id);

/* volume-definition.c */
/* Whether a definition may take the place of the present one: no disk shrinks, and there are not
   too many. 0, or -EINVAL, -ENOSPC with words. */
int volumes_check(struct engine *e, const struct cluster *c, const json_t *definition,
                  struct error *err);
/* Records of volumes for what the arrays of a cluster say; a failure fails the build. */
void volumes_match(struct engine *e, uint64_t cluster_id);

/* volume-plan.c */
/* Whether a VM for this node of its own can be made now: its volumes are there and free. If not,
   what has to be done first is in the plan. */
bool plan_volumes_ready(struct plan *p, const struct plan_input *in, const struct array *a,
                        uint64_t node_id);
/* What volumes need apart from new VMs: those that are deleted, those that are kept. */
void plan_volumes(struct plan *p, const struct plan_input *in);

/* volume.c: from here on a failure fails the build */
/* Carries out an action of the plan on a volume. */
void volume_act(struct engine *e, uint64_t cluster_id, const struct plan_action *action);
/* The VM that is asked for now gets the node's volumes. */
void volumes_attach(struct engine *e, const struct array *a, const struct node *n);
/* The VM of a node is gone: its volumes are free. */
void volumes_release(struct engine *e, uint64_t cluster_id, uint64_t node_id);
/* A person says retry: what was refused is asked again. */
void volumes_retry(struct engine *e, uint64_t cluster_id);
/* 0; or -EBUSY with words when the cluster has volumes: it cannot be removed. */
int volumes_refuse_removal(struct engine *e, const struct cluster *c, struct error *err);
/* Drops the records of a cluster that is removed. */
void volumes_forget(struct engine *e, uint64_t cluster_id);
/* The verbs of a volume's `control`. */
int volume_control(struct engine *e, const struct command *c, struct error *err);

/* volume-outcome.c */
/* Takes note of how a request about a volume ended. True: nothing more is to be done. */
bool volume_outcome(struct engine *e, struct intent *i, const struct cyclecloud_result *result);
/* A VM could not be made because a disk that it wants is not there: nothing brings that back. */
bool volume_is_missing(const struct intent *i, const struct cyclecloud_result *result);
/* The success of each kind of intent. */
void volume_group_ensured(struct engine *e, struct intent *i);
void volume_created(struct engine *e, struct intent *i);
void volume_grown(struct engine *e, struct intent *i);
void volume_deleted(struct engine *e, struct intent *i);
void volume_group_deleted(struct engine *e, struct intent *i);

/* request-disks.c */
#define REQUEST_DISKS_MAX 64

/* The disks of a VM, or of each VM of a set, with the memory that they point to. */
struct request_disks {
    struct cyclecloud_disk items[REQUEST_DISKS_MAX];
    json_t *json;
    const char *zone[2]; /* of the volumes, NULL-terminated as cyclecloud_vm_spec wants it */
};

/* Fills disks and OS disk of a spec; with `node` its persistent volumes are attached, and the VM
   goes where they are. 0 or -ENOMEM. */
int request_disks_fill(const struct snapshot *s, const struct array *a, const struct node *node,
                       struct request_disks *disks, struct cyclecloud_vm_spec *spec);

#endif
