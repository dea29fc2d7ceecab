/* SPDX-License-Identifier: MIT */
#ifndef MODEL_ITEM_H
#define MODEL_ITEM_H

/*
 * The objects that belong to the server itself and not to a cluster: users, accounts, orphans and
 * alerts. They are few, so each kind is one list in the snapshot, ordered by name.
 *
 * Invariants
 * - Each begins with a struct item, so a pointer to one is a pointer to the other.
 * - As all objects of a snapshot they never change; the builder copies (builder_item).
 * - Names are unique within a kind. `edit` and `change` are the builder's.
 */

#include "base/clock.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum item_kind {
    ITEM_USER,
    ITEM_ACCOUNT,
    ITEM_ORPHAN,
    ITEM_ALERT,
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

#endif
