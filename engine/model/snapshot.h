/* SPDX-License-Identifier: MIT */
#ifndef MODEL_SNAPSHOT_H
#define MODEL_SNAPSHOT_H

/*
 * The state of everything at one revision, immutable, shared by all readers.
 *
 * A reader calls model_acquire, reads, and calls model_release within the same system call or HTTP
 * request: it never waits for the engine, and the engine never waits for it. What a revision no
 * longer holds is freed by the engine when the oldest snapshot still held goes.
 *
 * Threads: model_acquire and model_release from any thread (a mutex is held for a few
 * instructions). Everything else here is reading.
 */

#include "item.h"
#include "object.h"

struct model;

struct last_error {
    uid_t uid;
    struct str *text;
    usec_t at;
};

/* A machine type as Azure lists it, for one account and region. */
struct machine_type {
    struct str *name, *family, *account, *region;
    uint32_t vcpus;          /* what a node has */
    uint32_t quota_vcpus;    /* what counts against quotas */
    uint32_t vcpus_per_core; /* 2 with hyper-threading, 0 = the cloud does not say */
    uint32_t gpus;
    uint64_t memory_mb;
    struct str *currency; /* of the prices; empty while they are not known */
    uint64_t hour_micro,
        spot_hour_micro; /* millionths of it for an hour with Linux; 0 = not known */
    bool rdma, spot, accelerated_networking, ephemeral_os_disk, restricted;
};

struct quota {
    struct str *name, *label, *account, *region;
    uint64_t used, limit;
    usec_t read_at;       /* wall time: what was asked for since then may not be in `used` */
    usec_t refused_until; /* wall time: a request that it refused was not repeated before this */
};

/* A kind of machine that the cloud did not have, or did not let us have, when it was asked for. */
struct shortage {
    struct str *account, *region, *machine_type;
    struct str *message; /* the cloud's words; empty: it has no such machines now */
    enum hold hold;      /* HOLD_CAPACITY or HOLD_QUOTA */
    bool spot;
    usec_t failed_at; /* wall time */
    usec_t until;     /* wall time: not asked for before this, unless a person says so */
    usec_t delay;     /* how long it was held off; doubles when it is still short */
};

/* What the engine knows about what the clouds have to give; replaced as a whole. */
struct catalog {
    uint64_t edit;
    usec_t changed_at;          /* wall time: when it replaced the one before */
    struct machine_type *types; /* in machine_type_order, each once */
    size_t n_types;
    struct quota *quotas;
    size_t n_quotas;
    struct shortage *shortages;
    size_t n_shortages;
};

enum health {
    HEALTH_OK,
    HEALTH_DEGRADED,
};

/* The server itself. */
struct server {
    usec_t started_at;
    enum health health;
    struct str *health_text; /* lines for system/health, "ok" first when all is well */
    struct str *version;
    struct str *config; /* system/config */
    usec_t config_at;
    struct str *trace; /* system/trace */
    uint64_t ticks, commits, commands, cloud_requests, cloud_errors;
};

struct snapshot {
    uint64_t revision;
    usec_t at;                               /* wall time of publication */
    usec_t clusters_at;                      /* when a cluster was last added or removed */
    struct object_list clusters;             /* struct cluster, by name */
    struct object_list items[ITEM_KIND_MAX]; /* users, accounts ..., each by name */
    usec_t items_at[ITEM_KIND_MAX];          /* when one of the kind was last added or removed */
    struct catalog *catalog;                 /* NULL until first read */
    struct last_error *last_errors;
    size_t n_last_errors;
    struct server server;
    /* private to the model */
    unsigned refs;
    struct model *model;
    struct snapshot *newer;
    struct garbage *garbage;
};

/* The current snapshot, with a reference. Never NULL. Any thread. */
const struct snapshot *model_acquire(struct model *m);
void model_release(const struct snapshot *s);

static inline void snapshot_releasep(const struct snapshot **s) {
    if (*s)
        model_release(*s);
}
#define _cleanup_snapshot_ _cleanup_(snapshot_releasep)

/* Lookups; NULL when there is none. Borrowed from the snapshot. */
const struct cluster *snapshot_cluster(const struct snapshot *s, uint64_t id);
const struct cluster *snapshot_cluster_named(const struct snapshot *s, const char *name);
/* The node with this id in any cluster; its cluster in *ret_cluster if not NULL. */
const struct node *snapshot_node(const struct snapshot *s, uint64_t id,
                                 const struct cluster **ret_cluster);
const struct array *snapshot_array(const struct snapshot *s, uint64_t id,
                                   const struct cluster **ret_cluster);
const struct item *snapshot_item(const struct snapshot *s, enum item_kind kind, uint64_t id);
const struct item *snapshot_item_named(const struct snapshot *s, enum item_kind kind,
                                       const char *name);
/* As strcmp: the order of a catalog's types. Regions and names are compared without case, as Azure
   does. */
int machine_type_order(const struct machine_type *t, const char *account, const char *region,
                       const char *name);
const struct machine_type *snapshot_machine_type(const struct snapshot *s, const char *account,
                                                 const char *region, const char *name);
/* What an hour of it costs, in millionths of its currency; 0 = not known (`t` may be NULL). */
uint64_t machine_type_hour_micro(const struct machine_type *t, bool spot);
/* The nearest known name, NULL when none is near. */
const char *snapshot_machine_type_near(const struct snapshot *s, const char *account,
                                       const char *region, const char *name);
/* The shortage of this machine type for nodes of this definition, also one that is over or
   forgotten. */
const struct shortage *snapshot_shortage(const struct snapshot *s, const struct array_spec *spec,
                                         const char *machine_type);
/* True when a shortage has not come back for so long that it says nothing about now. */
bool shortage_forgotten(const struct shortage *x, usec_t now);

const struct array *cluster_array_by_id(const struct cluster *c, uint64_t id);
const struct array *cluster_array_named(const struct cluster *c, const char *name);
const struct set *cluster_set_by_id(const struct cluster *c, uint64_t id);
const struct node *cluster_node(const struct cluster *c, uint64_t id);
const struct node *cluster_node_named(const struct cluster *c, const char *name);
size_t cluster_node_count(const struct cluster *c);

/* As counted last: every node is where it is wanted; every node is off. */
bool cluster_settled(const struct cluster *c);
bool cluster_nodes_off(const struct cluster *c);

/* Nodes in order of id. Start with *position = 0; NULL at the end. Position is the id to look for
   next, so it stays good when nodes come and go between snapshots. */
const struct node *cluster_next_node(const struct cluster *c, uint64_t *position);

/* The limit of an array: what was written to max_count, else the template's; -1 = none. */
int64_t array_max_count(const struct array *a);

#endif
