/* SPDX-License-Identifier: MIT */
#ifndef MODEL_BOUND_H
#define MODEL_BOUND_H

/*
 * What stands against more nodes of a bucket: the array's limits, the size of a cluster, the quotas
 * of the cloud. The engine refuses by these rows, and readers report by them what is available.
 *
 * The cloud's count of used cores is some seconds old. What nodes want that it cannot contain yet
 * is added here, over all clusters: that is the demand.
 *
 * Threads: pure readers of a snapshot, any thread.
 */

#include "bucket.h"

#define BOUND_UNLIMITED UINT64_MAX

enum bound_kind {
    BOUND_MAX_COUNT,      /* nodes of the array */
    BOUND_MAX_CORE_COUNT, /* vCPUs of the array */
    BOUND_CLUSTER_COUNT,  /* nodes of the cluster, by its MaxCount */
    BOUND_CLUSTER_CORES,  /* vCPUs of the cluster, by its MaxCoreCount */
    BOUND_CLUSTER,        /* nodes of the cluster, by what one may hold at all */
    BOUND_FAMILY_QUOTA,   /* vCPUs of the type's family in the region; none for spot */
    BOUND_REGION_QUOTA,   /* vCPUs in the region; spot has a quota of its own */
    BOUND_KIND_MAX,
};

struct bound {
    uint64_t limit;            /* BOUND_UNLIMITED: none, or none that is known */
    uint64_t used;             /* of it, now; may be more than the limit */
    uint64_t each;             /* what one more node takes; never 0 */
    const struct quota *quota; /* of the two quotas, if it is known */
};

struct bounds {
    struct bound rows[BOUND_KIND_MAX];
};

/* Cores that nodes want and that the cloud's usage cannot contain, of one kind. */
struct demand_row {
    const struct array_spec *spec; /* account, region, spot */
    const struct str *family;
    uint64_t cores;
};

DEFINE_VEC(demand, struct demand_row);

/* Adds up the demand of all clusters; `table` is of one of them. 0; or -ENOMEM, and there is
   nothing to release. demand_done releases. */
int demand_make(const struct bucket_table *table, struct demand *ret);
/* Counts nodes that are asked for with others but have no record yet; all rows see them from then
   on. 0 or -ENOMEM. */
int demand_ask(struct demand *d, struct bucket_table *t, const struct bucket *b, uint64_t nodes);
/* The same for nodes that have a record and were not wanted until now. */
int demand_want(struct demand *d, struct bucket_table *t, const struct bucket *b, uint64_t nodes);
/* The wanted nodes of an array that have no machine type yet no longer count for the one that would
   be tried first, but for those that demand_take says. 0 or -ENOMEM. */
int demand_untyped(struct demand *d, const struct bucket_table *t, const struct array *a);
int demand_take(struct demand *d, const struct bucket *b, uint64_t nodes);
#define _cleanup_demand_ _cleanup_(demand_done)

/* The rows for more nodes of a bucket of the table. */
void bucket_bounds(const struct bucket_table *t, const struct demand *d, const struct bucket *b,
                   struct bounds *ret);

/* What the cloud has for the family of the bucket's type at the usual price, whether or not the
   bucket is bought that way. */
struct bound bucket_family_quota(const struct bucket_table *t, const struct demand *d,
                                 const struct bucket *b);

/* Nodes that fit into a row at all, and on top of what is used. */
uint64_t bound_max(const struct bound *row);
uint64_t bound_room(const struct bound *row);

/* The limit that leaves the least room, by its name: MaxCount, MaxCoreCount, cluster, or that of a
   quota; "" when none is known. Borrowed. */
const char *bounds_binding(const struct bounds *b);

/* The smallest of these over all rows. */
uint64_t bounds_max(const struct bounds *b);
uint64_t bounds_room(const struct bounds *b);
/* ... over the quotas alone. */
uint64_t bounds_quota_room(const struct bounds *b);

#endif
