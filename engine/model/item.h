/* SPDX-License-Identifier: MIT */
#ifndef MODEL_ITEM_H
#define MODEL_ITEM_H

/*
 * The objects that are few, so that each kind is one list in the snapshot, ordered by name: users,
 * accounts, orphans and alerts, which belong to the server itself, and the volumes of all clusters.
 *
 * Invariants
 * - Each begins with a struct item, so a pointer to one is a pointer to the other.
 * - As all objects of a snapshot they never change; the builder copies (builder_item).
 * - Names are unique within a kind. `edit` and `change` are the builder's.
 */

#include "base/clock.h"
#include "base/str.h"
#include "words.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum item_kind {
    ITEM_USER,
    ITEM_ACCOUNT,
    ITEM_ORPHAN,
    ITEM_ALERT,
    ITEM_VOLUME,
    ITEM_KIND_MAX,
};

struct item {
    uint64_t id, edit;
    struct str *name;
    usec_t created_at, changed_at; /* wall time */
    uint32_t change;
};

/* A person who may use clusters. */
struct user {
    struct item item;
    uid_t uid;
    gid_t gid;
    struct str *role;  /* "user" or "admin" */
    struct str *shell; /* absolute path */
    struct str *authorized_keys;
    struct str *password_hash; /* crypt(5), empty = none; never shown */
    bool disabled;
};

/* A way into a cloud: an [account NAME] section of the configuration. */
struct account {
    struct item item;
    struct str *text; /* its keys as INI, secrets as ******** */
};

/* What becomes of an orphan. */
enum orphan_wish {
    ORPHAN_LEFT, /* nothing, until somebody says so */
    ORPHAN_TERMINATED,
};

/* A VM with this server's tag that no record stands for. */
struct orphan {
    struct item item;
    struct str *resource_id, *account, *region, *group;
    struct str *vm_name;                /* of a VM of its own, or as listed */
    struct str *set_name, *instance_id; /* of a member of a scale set, else empty */
    struct str *machine_type, *zone;
    struct str *cluster_id; /* its tag ClusterId */
    struct str *message;    /* why the last wish could not be met */
    enum orphan_wish wish;
    unsigned misses; /* sweeps in a row that did not show it */
};

/* Something that needs a person, while it lasts. */
struct alert {
    struct item item;
    uint64_t cluster_id; /* 0 = the server */
    uint64_t array_id;   /* 0 = all of it */
    struct str *kind;    /* "quota", "credentials" ... */
    struct str *text;    /* one line for people */
};

enum volume_state {
    VOLUME_PLANNED,  /* no disk yet */
    VOLUME_READY,    /* the disk is there */
    VOLUME_DELETING, /* somebody said so */
    VOLUME_GONE,     /* the disk is deleted, its resource group not yet */
    VOLUME_STATE_MAX,
};

/*
 * A persistent volume: a disk that outlives the VMs of its node. Its item is named
 * CLUSTER-ID/NAME; NAME is what people see.
 */
struct volume {
    struct item item;
    uint64_t cluster_id;
    uint64_t node_id;           /* the node whose VM has it, or is being made with it; 0 = none */
    uint64_t intent_id;         /* the open write on it, 0 = none */
    struct str *node, *section; /* the [[node]] and [[[volume]]] it is for */
    struct str *account, *region, *zone;    /* where the disk is; set before it is made */
    struct str *group, *disk, *resource_id; /* its own resource group, and the disk in it */
    struct str *storage_type;
    struct str *message; /* why the cloud refused it last; empty: it did not */
    enum volume_state state;
    uint32_t size_gb;   /* of the disk; 0 = not made yet */
    uint32_t wanted_gb; /* what the template says */
    bool group_ready;
    bool wanted;    /* the template has it now; this and the two below are not stored */
    enum hold hold; /* of what is asked for it next */
    usec_t not_before;
};

/* What people call a volume. Borrowed. */
static inline const char *volume_name(const struct volume *v) {
    const char *name = str_text(v->item.name);
    while (*name && *name != '/')
        name++;
    return *name ? name + 1 : name;
}

#endif
