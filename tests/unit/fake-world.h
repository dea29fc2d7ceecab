/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FAKE_WORLD_H
#define TESTS_UNIT_FAKE_WORLD_H

/* What is in the fake cloud (fake-world.c), for the part that is asked (fake-cloud.c). */

#include "fake-cloud.h"

#define BOOT_TIME (20 * USEC_SEC)
#define ANSWER_TIME (USEC_SEC / 10)
#define VMS_MAX 4000u
#define SETS_MAX 64u
#define DISKS_MAX 16u

struct vm {
    struct fake_vm shown;
    char group[64], set[64], name[64], id[16], type[64];
    usec_t ready_at, gone_at; /* gone_at: 0 = it stays */
    bool alive, stopped;
    bool allocated;     /* stopped and still paid for */
    const char *failed; /* code; NULL = it has not */
};

struct set {
    char group[64], name[64], type[64];
    char *custom_data;
    bool alive;
    unsigned next_id, changes;
    char etag[16];
};

struct disk {
    char group[64], name[64];
    bool alive;
    unsigned size_gb;
    unsigned owner; /* number of the VM, from 1; 0 = none; one that is gone has it no more */
    unsigned attached;
};

struct pending {
    struct pending *next;
    cyclecloud_done done;
    void *arg;
    usec_t at;
    enum cyclecloud_call call;
    enum cyclecloud_class result;
    enum fake_fault fault; /* of a listing, or a write */
    bool operation_ended;  /* of a question */
    const char *code;      /* of a refusal; NULL: any */
    struct cyclecloud_quota_error quota;
    char group[64], name[64], url[32];
    char instance[16]; /* the first that is named */
};

struct rule {
    enum fake_fault fault;
    unsigned left;
};

struct fake_cloud {
    usec_t *now;
    struct rule rules[CYCLECLOUD_CALL_MAX];
    unsigned calls[CYCLECLOUD_CALL_MAX];
    usec_t slow[CYCLECLOUD_CALL_MAX];
    struct vm *vms;
    struct set sets[SETS_MAX];
    char *owned[VMS_MAX];
    struct disk disks[DISKS_MAX];
    unsigned n_disks, disks_lost;
    char groups[16][64];
    unsigned n_vms, n_sets, n_owned, n_groups, peak, writes, fault_in, operations;
    enum fake_fault fault;
    bool crashed;
    unsigned quota, addresses; /* 0 = enough */
    bool security_group;       /* of the only group that has one */
    const char *console;
    usec_t operation_end[4096];
    bool operation_failed[4096];
    struct pending *queue;
};

bool has_group(const struct fake_cloud *f, const char *name);
/* The set that is there, or NULL. */
struct set *find_set(struct fake_cloud *f, const char *group, const char *name);
/* VMs of a set that are not being deleted. */
unsigned set_size(const struct fake_cloud *f, const struct set *s);
/* True when the VM whose console is asked for is there. */
bool has_console(const struct fake_cloud *f, const struct pending *p);
/* Cores of Standard_F2s_v2 that are used. */
unsigned cores_used(const struct fake_cloud *f);
/* What stands against a create or a resize: NULL = nothing, else the code; *ret: its numbers. */
const char *too_much(struct fake_cloud *f, const struct cyclecloud_request *q,
                     struct cyclecloud_quota_error *ret);
/* VMs whose time to be deleted has come go. */
void expire(struct fake_cloud *f);
/* fake-disk.c */
/* Whether the disks that a new VM wants are there, and no other VM has them. */
bool disks_are_free(struct fake_cloud *f, const struct cyclecloud_request *q);
/* The VM that was made last has them. */
void disks_attach(struct fake_cloud *f, const struct cyclecloud_request *q);
enum cyclecloud_class change_disk(struct fake_cloud *f, const struct cyclecloud_request *q);
/* The disks of a group go with it, which must not be. */
void disks_delete_group(struct fake_cloud *f, const char *group);

/* What a write does, at once; PENDING: its operation takes a while. */
enum cyclecloud_class effect(struct fake_cloud *f, const struct cyclecloud_request *q);

#endif
