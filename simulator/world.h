/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_WORLD_H
#define SIMULATOR_WORLD_H

/*
 * The simulated subscription: what exists in it. Everything here belongs to the one event loop.
 *
 * Invariants
 * - Every object with a resource id is in `objects`, except the instances of Uniform sets, which
 * are found through their set.
 * - A VM is in `vms`, its private address is taken in its subnet and its cores count in `quota`
 * from vm_new until vm_free.
 * - set->live counts the VMs of a set that are not being deleted; it is what sku.capacity shows.
 */

#include "base/clock.h"
#include "base/list.h"
#include "base/random.h"
#include "base/vec.h"
#include "catalogue.h"
#include "jsonx.h"
#include "table.h"
#include "timer.h"

#include <stdbool.h>
#include <stdint.h>

#define SUBSCRIPTION_ID "00000000-0000-0000-0000-000000000001"
#define TENANT_ID "00000000-0000-0000-0000-000000000002"
#define SUBSCRIPTION_PATH "/subscriptions/" SUBSCRIPTION_ID

/* Bounds on what clients can make. */
enum {
    GROUPS_MAX = 980,        /* per subscription, as Azure */
    SETS_MAX = 2500,         /* per region, as Azure */
    VMS_MAX = 25000,         /* per region, as Azure */
    RESOURCES_MAX = 100000,  /* other resources */
    OPERATIONS_MAX = 100000, /* asynchronous operations, running or remembered */
};

enum object_kind { OBJECT_GROUP, OBJECT_RESOURCE, OBJECT_SET, OBJECT_VM, OBJECT_OPERATION };

struct world;
struct options;
struct state;
struct throttle;
struct faults;
struct agents;
struct traffic;

/* What every persistent thing begins with. */
struct object {
    enum object_kind kind;
    char *id;           /* full resource id; an operation's GUID */
    struct list dirty;  /* linked while the state file does not have the present form */
    struct list member; /* of its group's objects (groups: of the world's; operations: likewise) */
    struct group *group;
    uint64_t version; /* of a VM or set: what its etag says; grows with each change of it */
};

struct group {
    struct object object;
    char *name;
    int region;   /* index in region_names, here and everywhere */
    json_t *tags; /* object or NULL */
    bool deleting;
    struct list objects; /* struct object.member */
};

/* Anything else: networks, security groups, addresses, interfaces, placement groups ... */
struct resource {
    struct object object;
    char *type;   /* "Microsoft.Network/networkSecurityGroups" */
    json_t *body; /* as answered, with id, name, type */
};

struct subnet {
    struct list link;
    char *id;
    char *name;
    char *prefix;          /* "10.0.0.0/12" */
    uint32_t first, count; /* addresses of the whole prefix */
    uint32_t used;         /* taken by interfaces */
    uint32_t search_from;  /* no word of `taken` before this one has a free bit */
    uint64_t *taken;       /* one bit an address */
};

/* Where the agents of a set's or VM's machines call, from customData; NULL = they do not. */
struct home {
    char *server; /* "http://127.0.0.1:8443" */
    char *token;  /* bootstrap token */
};

DEFINE_VEC(vm_vec, struct vm *);

struct set {
    struct object object;
    char *name;
    int region;
    const struct size *size;
    json_t
        *body; /* what was PUT, without id, name, type; sku.capacity is not kept up to date here */
    struct home *home;
    struct subnet *subnet;
    char unique_id[UUID_TEXT_SIZE];
    usec_t created_at;
    uint32_t next_instance;
    uint32_t model; /* grows with each change of what machines are made from */
    uint32_t live;
    bool flexible, spot, evict_deallocates;
    bool deleting, failed;
    struct operation *running; /* the PUT or PATCH under way, or NULL */
    struct vm_vec vms;         /* by instance number */
};

enum vm_state {
    VM_CREATING,
    VM_RUNNING,
    VM_STARTING,
    VM_RESTARTING,
    VM_STOPPING,
    VM_STOPPED,
    VM_DEALLOCATING,
    VM_DEALLOCATED,
    VM_FAILED,
    VM_DELETING,
    VM_STATE_MAX,
};

/* What becomes of the machine: drawn when it is made. */
enum vm_fate {
    VM_FATE_GOOD,
    VM_FATE_NO_CAPACITY, /* provisioning fails: no machine was to be had */
    VM_FATE_SILENT,      /* runs, but its agent never calls home */
    VM_FATE_BROKEN,      /* its agent reports that the installation failed */
    VM_FATE_STALLED,     /* provisioning fails: the machine boots, but not to its end */
    VM_FATE_MAX,
};

enum agent_phase {
    AGENT_OFF,        /* no agent, or the machine is not up */
    AGENT_REGISTER,   /* registers at the next try */
    AGENT_INSTALLING, /* reports running, then completed or failed */
    AGENT_COMPLETED,  /* heartbeats */
    AGENT_FAILED,     /* heartbeats with the failure */
    AGENT_PHASE_MAX,
};

struct agent {
    enum agent_phase phase;
    bool announced;      /* "running" was sent in AGENT_INSTALLING */
    unsigned failures;   /* in a row, for the backoff */
    uint32_t interval_s; /* between heartbeats, as the server says */
    char *token;         /* the node's own, NULL before registration */
    usec_t installed_at; /* when the installation ends */
    struct timer timer;  /* the next call */
    struct list waiting; /* in the queue of calls to make */
    struct transfer *transfer;
};

struct vm {
    struct object object; /* member of its group unless an instance of a Uniform set */
    struct world *world;
    struct list link; /* in world->vms */
    struct set *set;  /* NULL = a VM of its own */
    char *name;
    char *computer_name;
    int region;
    json_t *body; /* a VM of its own: what was PUT. Members of sets: NULL */
    const struct size *size;
    struct home *home; /* a VM of its own; members use their set's */
    struct subnet *subnet;
    struct operation *running; /* a VM of its own: the PUT under way */
    char vm_id[UUID_TEXT_SIZE];
    char zone[4];
    uint32_t number;                  /* instance id in a Uniform set; order in a Flexible one */
    uint32_t address, public_address; /* 0 = none */
    enum vm_state state;
    enum vm_state before; /* the state that it was in until changed_at */
    enum vm_fate fate;
    char *error_code, *error_message; /* of a fate that fails; NULL = the usual ones */
    uint32_t model;                   /* of its set when it was made */
    bool spot, evict_deallocates;
    usec_t created_at;
    usec_t changed_at; /* of the state */
    struct timer phase;
    struct timer eviction;
    struct agent agent;
};

struct world {
    const struct options *options;
    struct catalogue *catalogue;
    struct timer_heap timers;
    uint64_t random_state;
    struct random_source random;
    struct table objects;
    struct list groups;
    struct list operations;
    struct list vms;
    struct list subnets;
    struct list gone; /* VMs that Resource Graph still shows */
    size_t n_vms, n_groups, n_resources, n_sets, n_operations;
    uint32_t next_public_address;
    struct quota *quota;
    struct state *state; /* NULL = nothing is kept */
    struct throttle *throttle;
    struct faults *faults;
    struct agents *agents; /* NULL = no agents */
    struct traffic *traffic;
    bool ending;    /* nothing is remembered any more */
    char *base_url; /* "http://127.0.0.1:12345" */
};

/* An empty world with the default group, network and subnet. 0 or -ENOMEM. */
int world_init(struct world *world, const struct options *options, struct catalogue *catalogue);
/* Adds the group and the network that every new subscription has here. 0 or -ENOMEM. */
int world_provision(struct world *world);
/* Releases everything in it; catalogue, state, throttle, faults, agents and traffic are others'. */
void world_done(struct world *world);

/* Enters an object under its id and marks it to be saved. 0 or -ENOMEM. */
int world_add(struct world *world, struct object *object);
/* Takes an object out of the tables and forgets it in the state file. Never fails. */
void world_remove(struct world *world, struct object *object);
/* The object of this kind and id (any case), or NULL. Borrowed. */
void *world_find(const struct world *world, enum object_kind kind, const char *id);
/* Marks an object to be saved at the next commit. */
void world_touch(struct world *world, struct object *object);
/* The same for a change that a client can see: the object has another etag from now on. */
void world_change(struct world *world, struct object *object);

/* The group of a name in any case, or NULL. Borrowed. */
struct group *world_group(const struct world *world, const char *name);
/* A new group. NULL: out of memory. */
struct group *group_new(struct world *world, const char *name, int region, json_t *tags);
/* Removes the group with everything inside, at once. */
void group_free(struct world *world, struct group *group);

/* A span between two numbers of seconds, on the scale of the simulation. */
usec_t world_span(struct world *world, double from_s, double to_s);
/* A number of seconds on the scale of the simulation. */
usec_t world_seconds(const struct world *world, double seconds);

/* The index of a region in region_names, or -ENOENT. Blanks and case do not matter ("East US"). */
int region_index(const char *name);
#define REGIONS 2
extern const char *const region_names[REGIONS];

/* Reads customData. 0 with NULL if it is none of ours, or -ENOMEM. */
int home_read(const char *custom_data, struct home **ret);
void home_free(struct home *home);
DEFINE_CLEANUP(struct home, home_free);

#endif
