/* SPDX-License-Identifier: MIT */
#ifndef CORE_KEPT_H
#define CORE_KEPT_H

/*
 * What outlives the template: the definitions that nodes were made from, as editions of their array
 * (model/edition.h), and arrays that the template no longer has. Engine thread only.
 */

#include "internal.h"
#include "model/edition.h"

/* edition.c: the definitions that nodes were made from */

/* What tells one definition of an array from another: of its JSON before addresses are known, in
 * *ret. 0 or -ENOMEM. */
int edition_key(const json_t *node, struct str **ret);
/* An array has another definition: if nodes were made from it before, that edition is the present
 * one again, with the addresses that are known now. `a` is writable. 0 or -ENOMEM. */
int edition_follow(struct array *a);
/* The edition of nodes that are made now; 0: the array has no definition. */
uint64_t edition_take(struct engine *e, uint64_t cluster_id, uint64_t array_id);
/* True when there are nodes of another definition than the present one. */
bool edition_mixed(const struct array *a);
/* Calls `visit` for each node of an array, as of the last count. */
typedef void (*edition_visit)(const struct node *n, void *arg);
void edition_survey(const struct cluster *c, const struct array *a, edition_visit visit, void *arg);
/* Forgets what no node was made from. The nodes are counted. */
void edition_prune(struct engine *e, uint64_t cluster_id);
/* What VMs of an edition are made of. *ret is a new reference. 0, or -errno with words in `err`. */
int edition_spec(struct engine *e, const struct edition *ed, struct array_spec **ret,
                 struct error *err);
/* Arrays that the template did not define get the definition of their newest nodes. 0 or -ENOMEM.
 */
int edition_restore(struct engine *e, uint64_t cluster_id);
/* True when it has no records, as of the last count. */
bool array_is_empty(const struct array *a);

/* gone.c: what the template no longer has */
/* Whether nothing is left of an array: neither a scale set nor a node, but records that are off,
 * and these are forgotten. */
bool gone_is_over(struct engine *e, uint64_t cluster_id, uint64_t array_id);
/* Drops the arrays that are gone and have no node any more. The nodes are counted. */
void gone_settle(struct engine *e, struct work *w);

#endif
