/* SPDX-License-Identifier: MIT */
#ifndef MODEL_OBJECT_H
#define MODEL_OBJECT_H

/*
 * The objects that a snapshot is made of: clusters, arrays, sets, nodes. All are plain data.
 *
 * Invariants
 * - An object reached from a snapshot never changes. A change copies it (builder.h).
 * - Ids are decimal numbers from one counter, kept in the store and never used twice.
 * - `edit` says which build made this copy; only the builder looks at it.
 * - Texts are counted (base/str.h); a copy shares them. Only the engine thread touches the counts.
 */

#include "base/clock.h"
#include "base/str.h"
#include "words.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct node_metrics {
    float cpu;    /* share of all cores, 0..1 */
    float memory; /* share, 0..1 */
    float load;   /* 1 minute load average */
};

/* One VM that is wanted, or is on its way out. The record is the wish (see cluster `count`). */
struct node {
    uint64_t id, edit;
    uint64_t cluster_id;
    uint64_t array_id;
    uint64_t set_id; /* the scale set it is (to be) a member of, 0 = a VM of its own or none yet */
    uint64_t intent_id; /* the open intent that works on it, 0 = none */
    uint64_t vm_number; /* in the name of its own VM; 0 = the node's id */
    uint64_t edition;   /* of its array: the definition that it was made from; 0 = not made yet */
    struct str *name;
    struct str *machine_type; /* chosen; empty until allocation */
    struct str *resource_id;  /* of the VM or instance; empty = no VM known */
    struct str *instance_id;  /* within the set */
    struct str *vm_id;
    struct str *hostname, *private_ip, *public_ip;
    struct str *zone, *placement_group;
    struct str *message;    /* StatusMessage: why it is where it is, for people */
    struct str *token_hash; /* hex SHA-256 of the agent's token */
    enum target target;
    enum node_status status;
    enum node_phase phase;
    enum hold hold;
    bool elastic; /* made through a count: gets another VM when its own is lost */
    bool keepalive;
    bool fixed;      /* a head node: the record stays when its VM goes */
    bool deallocate; /* on the way out: keep the disk */
    bool spot;
    bool console_wanted;    /* its console is to be read */
    bool console_last;      /* it was asked for because the VM is to be given up */
    uint32_t console_bytes; /* of what was read last; the text itself is in the store */
    uint32_t cores;
    uint32_t retries; /* attempts that failed since the count was last changed */
    usec_t created_at, status_at, ready_at, last_seen; /* wall time, 0 = never */
    usec_t billed_at;        /* since when its VM costs; 0 = it does not */
    usec_t console_asked_at; /* for this VM; 0 = never */
    usec_t console_at;       /* when what is kept of it last changed; 0 = nothing is */
    usec_t not_before;       /* no new attempt before this, wall time */
    uint64_t generation;     /* the cluster's generation when the node was last wished for */
    struct node_metrics metrics;
};

struct counts {
    uint32_t by_status[NODE_STATUS_MAX];
    uint32_t wanted;  /* records that are not being terminated */
    uint32_t cores;   /* of VMs that exist or are being made */
    uint32_t held;    /* wanted, and waiting for a person */
    uint32_t kept;    /* wanted, with keepalive */
    uint32_t settled; /* where they are wanted */
};

/* The nodes of an array that have one machine type. */
struct type_count {
    struct str *machine_type; /* as their records spell it; empty: none chosen yet */
    uint32_t nodes;
    uint32_t wanted;   /* not on their way out */
    uint32_t present;  /* of a status that is node_status_present */
    uint32_t active;   /* with a VM, or one is being made */
    uint32_t unplaced; /* to be started, and no VM is known */
    uint32_t cores;    /* of one of them, as its record says */
};

struct type_table;   /* the rows of an array; type_table.h */
struct edition_list; /* definitions that nodes were made from; edition.h */

/* The newest times of all nodes; they never go back, not even when such a node goes. */
struct node_times {
    usec_t status_at; /* one was made or changed its status, wall time */
    usec_t seen_at;   /* or was heard of */
};

/* What a node of this array is made of; from the template's attributes, already evaluated. */
struct array_spec {
    unsigned refs;
    struct str_list *machine_types; /* in order of preference */
    struct str_list *zones;
    struct str_list *identities;
    struct str_list *application_security_groups;
    struct str *account, *region, *subnet, *image, *image_id;
    struct str *computer_name, *computer_name_prefix, *placement_group,
        *proximity_placement_group_id;
    struct str *cloud_init, *username, *security_type, *security_group_id, *dns_label;
    struct str *image_os;     /* "windows", "linux", or empty: what the image is known for */
    struct str *password;     /* of a Windows VM's administrator; secret, never shown or stored */
    struct str *license_type; /* of a licence that one has already, or empty */
    struct str *tags;         /* JSON object of strings */
    struct str *volumes;      /* JSON object: name -> attributes */
    struct str *endpoints;    /* JSON object: name -> attributes */
    struct str *plan;         /* JSON object Name Publisher Product, or empty */
    double max_price;
    int64_t max_count, max_core_count; /* -1 = none */
    int64_t initial_count, initial_core_count;
    int64_t max_set_size; /* 0 = our choice */
    int64_t priority;
    uint32_t terminate_notice_s;
    uint32_t boot_timeout_s;
    bool spot, public_ip, ip_forwarding, accelerated_networking, ephemeral_os_disk;
    bool single_placement_group, deallocate_on_shutdown, keepalive;
    bool encryption_at_host, secure_boot, vtpm;
    bool await_installation, install_agent; /* false: Ready when the VM runs */
    bool hybrid_benefit;
};

/* A `[[nodearray]]`, or a `[[node]]` (then is_array is false and it has one record). */
struct array {
    uint64_t id, edit;
    uint64_t cluster_id;
    struct str *name;
    bool is_array;
    bool gone;             /* the template no longer has it; it stays until its last node is gone */
    bool replaced;         /* gone, and the template has something of another kind under its name */
    int64_t max_count_set; /* written to `max_count`, -1 = what the template says */
    struct array_spec *spec;       /* shared by the copies (counted) */
    struct str *attributes;        /* JSON, secrets masked */
    struct str *configuration;     /* JSON, secrets masked */
    struct str *definition;        /* JSON with secrets: all of it; never shown */
    struct str *key;               /* the same for equal definitions */
    uint64_t edition;              /* the present definition; 0 = no node was made from it */
    struct edition_list *editions; /* that its nodes were made from (counted) */
    struct counts counts;
    struct type_table *types;
    struct node_times node_times;
    uint32_t next_number; /* lowest number not yet used for a node's name */
};

enum set_state {
    SET_PLANNED, /* its create is not yet confirmed */
    SET_ACTIVE,
    SET_DELETING,
    SET_STATE_MAX,
};

/* A scale set. Members are nodes with this set_id. */
struct set {
    uint64_t id, edit;
    uint64_t cluster_id, array_id;
    uint64_t intent_id; /* the open write on it, 0 = none; writes on a set never overlap */
    uint64_t edition;   /* of its array: the definition that it was made from */
    struct str *name, *machine_type, *zone, *placement_group;
    struct str *spec_hash; /* nodes of another definition go to another set */
    struct str *server;    /* where its members call home; empty: made before that was kept */
    enum set_state state;
    uint32_t capacity; /* last written, or as last listed */
    uint32_t limit;    /* VMs it may hold */
    uint32_t wanted;   /* members that are not on their way out */
    bool spot;
    usec_t created_at, listed_at, write_at; /* wall time: last full listing, last write */
};

struct document {
    struct str *text;
    usec_t changed_at;
};

struct usage;      /* usage.h */
struct node_table; /* nodes by id and by name; see node_table.h */

struct object_list {
    void **items;
    size_t len;
};

struct cluster {
    uint64_t id, edit;
    struct str *name;
    uid_t uid;
    gid_t gid;
    mode_t mode; /* permission bits of its directory */
    usec_t created_at, changed_at, state_at;
    enum cluster_state state;
    enum target target;
    uint64_t generation;                  /* counts wishes */
    uint64_t observed_generation;         /* the wish that the cloud has reached */
    struct document template, parameters; /* parameters: JSON, with secrets; never shown raw */
    struct document rejected_template, rejected_parameters;
    struct str *parameters_public;   /* what `parameters` reads */
    struct str *schema, *definition; /* JSON, secrets masked */
    struct str *origins;             /* JSON: where the values of `definition` come from */
    struct str *baseline;            /* definition that nodes run with; empty: the same */
    struct str *changes;             /* what is different from it, a line each */
    struct str *plan;                /* what the engine would do next, for people */
    struct str *outcome;             /* first line of `error`: "ok" or "refused: ..." */
    struct str *notes;               /* "warning: ..." and "missing: ..." lines, true now */
    struct str *alerts;              /* open alerts, a line each */
    struct str *group;               /* resource group */
    struct str *account, *region;
    int64_t max_count, max_core_count; /* of all its nodes, from [cluster]; -1 = none */
    bool group_ready;                  /* the cloud has confirmed the group */
    bool missing;                      /* required parameters are missing */
    struct usage *usage;               /* of machines that are gone (counted) */
    struct object_list arrays;         /* struct array, in template order */
    struct object_list sets;           /* struct set, by id */
    struct node_table *nodes;
    struct counts counts;      /* of nodes in arrays */
    struct counts head_counts; /* of head nodes */
    struct node_times node_times;
    usec_t nodes_at; /* when a node was last added or removed */
};

/* Counted immutable list of texts. */
struct str_list {
    unsigned refs;
    size_t len;
    struct str *items[];
};

static inline struct array *cluster_array(const struct cluster *c, size_t i) {
    return c->arrays.items[i];
}

/* True when its VM is known. */
static inline bool node_has_vm(const struct node *n) {
    return str_text(n->resource_id)[0] == '/';
}

static inline struct set *cluster_set(const struct cluster *c, size_t i) {
    return c->sets.items[i];
}

#endif
