/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FAKE_CLOUD_H
#define TESTS_FAKE_CLOUD_H

/*
 * A cloud in memory, on the test's own time: groups, VMs, scale sets with members, operations that
 * take a while. It stands behind provider.h, outlives engines that "crash", and can be told to lie.
 */

#include "base/clock.h"
#include "cyclecloud/provider.h"

enum fake_fault {
    FAULT_NONE,
    FAULT_CRASH_BEFORE, /* the request is lost, and the engine with it */
    FAULT_CRASH_AFTER,  /* the request has its effect, the answer is lost, and the engine with it */
    FAULT_LOST_REQUEST, /* no effect, no answer: TRANSPORT */
    FAULT_LOST_REPLY,   /* effect, but TRANSPORT */
    FAULT_CAPACITY,     /* a create fails for want of capacity */
    FAULT_QUOTA,
    FAULT_THROTTLED,
    FAULT_INVALID,
    FAULT_AUTH,
    FAULT_CONFLICT,
    FAULT_GONE,             /* 404, whether it is true or not */
    FAULT_OPERATION_FAILED, /* a write is accepted, and fails inside the cloud */
    FAULT_NOT_ALLOWED,      /* 409 OperationNotAllowed */
    FAULT_MISSING,          /* a listing without its first element */
    FAULT_DUPLICATE,        /* a listing with every element twice */
};

struct fake_cloud;

struct fake_cloud *fake_cloud_new(usec_t *now);
void fake_cloud_free(struct fake_cloud *f);
struct cyclecloud_provider fake_cloud_provider(struct fake_cloud *f);

/* The n-th write from now on (1 = the next) goes wrong this way; reads do not count. */
void fake_cloud_fault(struct fake_cloud *f, unsigned nth, enum fake_fault fault);
/* The next `count` requests of this kind go wrong this way; one rule for each kind. */
void fake_cloud_fault_on(struct fake_cloud *f, enum cyclecloud_call call, unsigned count,
                         enum fake_fault fault);
/* How many requests of this kind came. */
unsigned fake_cloud_calls(const struct fake_cloud *f, enum cyclecloud_call call);
/* True once an engine must be dropped; clears. */
bool fake_cloud_crashed(struct fake_cloud *f);
/* Forgets requests whose engine is gone. */
void fake_cloud_disconnect(struct fake_cloud *f);

/* Delivers the answers that are due. Returns how many. */
unsigned fake_cloud_deliver(struct fake_cloud *f);
/* When the next one is due, USEC_NEVER = none. */
usec_t fake_cloud_next(const struct fake_cloud *f);

/* VMs that exist now, alone and in sets, and the largest number there ever was. */
unsigned fake_cloud_vms(const struct fake_cloud *f);
unsigned fake_cloud_peak(const struct fake_cloud *f);
unsigned fake_cloud_groups(const struct fake_cloud *f);
unsigned fake_cloud_writes(const struct fake_cloud *f);
/* The n-th VM (0..); its resource id, UUID, custom data (with the token) and whether it runs. */
struct fake_vm {
    char resource_id[256], vm_id[64];
    const char *custom_data;
    bool running;
    bool called;     /* the test's own: it has registered */
    char token[128]; /* the test's own: what it was given then */
};
struct fake_vm *fake_cloud_vm(struct fake_cloud *f, unsigned n);
/* The disks that are resources. */
struct fake_disk {
    unsigned made, there; /* so many names there ever were, so many are there now */
    unsigned lost;        /* deleted with their group */
    unsigned size_gb, times_attached;
    bool attached;
};
struct fake_disk fake_cloud_disk(const struct fake_cloud *f);
/* The provisioning of a VM has failed with this code; the VM stays. `code` outlives the cloud. */
void fake_cloud_fail(struct fake_cloud *f, unsigned n, const char *code);
/* What every console says from now on; borrowed. Before: "booted\n". */
void fake_cloud_say(struct fake_cloud *f, const char *text);
/* From now on the cloud lets us have so many cores of Standard_F2s_v2: the list of quotas says so
 * when it is read next, and refusals have the numbers. 0: as many as wanted. */
void fake_cloud_quota(struct fake_cloud *f, unsigned cores);
/* The subnet has so many addresses; 0: enough. */
void fake_cloud_subnet(struct fake_cloud *f, unsigned addresses);
/* Every answer to this kind of request takes so much longer from now on. */
void fake_cloud_slow(struct fake_cloud *f, enum cyclecloud_call call, usec_t time);
/* Somebody deletes a VM, or the only resource group with all in it, in the portal. */
void fake_cloud_kill(struct fake_cloud *f, unsigned n);
void fake_cloud_kill_group(struct fake_cloud *f);
void fake_cloud_kill_security_group(struct fake_cloud *f);
/* Somebody stops a VM in the portal; `deallocated`: it is not paid for any more. */
void fake_cloud_stop(struct fake_cloud *f, unsigned n, bool deallocated);
/* The VM is being deleted: it is listed as such for a minute, and is no more of its set's size. */
void fake_cloud_evict(struct fake_cloud *f, unsigned n);

#endif
