/* SPDX-License-Identifier: MIT */
#ifndef CORE_OBSERVE_H
#define CORE_OBSERVE_H

/*
 * What the files that read listings share: observe.c says when to list and reads the listings of
 * whole clusters, observe-members.c those of a scale set's members, observe-node.c knows what one
 * instance means for its node.
 */

#include "internal.h"

#define LIST_RETRY (2 * USEC_SEC)
#define LIST_GROWING (2 * USEC_SEC) /* while members of a set have no VM yet */

/* The cluster in the state of this tick, or NULL. Borrowed until the next change. */
const struct cluster *observed_cluster(struct engine *e, uint64_t id);
/* True when a listing told nothing: then `list_at` is when to ask again. That the resource group is
 * not there is an answer. */
bool listing_failed(const struct engine *e, const struct cyclecloud_result *result,
                    usec_t *list_at);
bool ids_contain(const struct id_vec *v, uint64_t id);
/* Ends the first listing of a cluster when all its parts are there, and lets planning begin. */
void observe_check_listed(struct engine *e, struct work *w);

/* Provisioning failed; is being deleted. */
bool instance_failed(const struct cyclecloud_instance *in);
bool instance_deleting(const struct cyclecloud_instance *in);
/* One of them is on its way: it is listed again until it is there. */
bool instances_creating(const struct cyclecloud_result *result);
/* It has stopped, deallocated or not. */
bool observe_is_down(const struct cyclecloud_instance *in);
/* The node's VM runs, as far as is known here. */
bool observe_should_run(const struct node *n, usec_t now);
/* True for the cloud's codes that say that it has no machine of this kind now. */
bool capacity_code(const char *code);

/* One VM that is known to be this node's. False when it is given up, and the node's no more. A
 * failure to write fails the build. */
bool observe_node(struct engine *e, const struct node *n, const struct cyclecloud_instance *in);
/* Takes over what is new about a VM; nothing is written when nothing is. */
void observe_refresh(struct engine *e, const struct node *n, const struct cyclecloud_instance *in);
/* A wanted node's VM is gone or useless: elastic ones and heads get another; named ones, and those
 * that were to be deallocated, end.
 * `capacity`: the cloud had none of this kind. */
void observe_lost(struct engine *e, const struct node *n, const char *why, bool capacity);

/* Why a node has lost a VM that is there no more. */
const char *observe_vanished(const struct node *n);

/* Completion of CYCLECLOUD_CALL_LIST_INSTANCES for a set (call_done). */
void observe_members_listed(struct engine *e, const struct cyclecloud_result *result,
                            uint64_t cluster_id, uint64_t set_id, usec_t began);

#endif
