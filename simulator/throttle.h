/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_THROTTLE_H
#define SIMULATOR_THROTTLE_H

/*
 * Request limits: the token buckets of the front door (per subscription and kind of request) and
 * those of the compute and network services (per policy, and per resource). They run on real time
 * whatever the time scale. Sources: the throttling pages of Azure Resource Manager and of
 * Microsoft.Compute.
 */

#include "base/clock.h"
#include "base/list.h"

#include <stdbool.h>

enum policy {
    POLICY_NONE,
    POLICY_PUT_VM,
    POLICY_UPDATE_VM,
    POLICY_DELETE_VM,
    POLICY_GET_VM,
    POLICY_LIST_VMS,
    POLICY_GET_OPERATION,
    POLICY_PUT_SET,
    POLICY_UPDATE_SET,
    POLICY_DELETE_SET,
    POLICY_GET_SET,
    POLICY_LIST_SETS,
    POLICY_UPDATE_SET_VM,
    POLICY_DELETE_SET_VM,
    POLICY_GET_SET_VM,
    POLICY_LIST_SET_VMS,
    POLICY_NETWORK_READ,
    POLICY_NETWORK_WRITE,
    POLICY_GRAPH,
    POLICY_VM_BUDGET, /* one token a VM that a set creates, deletes, starts ... */
    POLICY_MAX,
};

struct exchange;
struct throttle;

/* `vm_budget`: of POLICY_VM_BUDGET in 5 minutes, 0 = unlimited. NULL: out of memory. */
struct throttle *throttle_new(unsigned vm_budget);
void throttle_free(struct throttle *throttle);

/*
 * Charges a request to its buckets and adds the headers that tell what is left. False: refused, and
 * the 429 is already the answer.
 */
bool throttle_admit(struct throttle *throttle, struct exchange *ex, enum policy policy,
                    const char *resource_id);
/* Charges `count` VMs to the budget of scale sets. False as above. */
bool throttle_admit_vms(struct throttle *throttle, struct exchange *ex, unsigned count);

#endif
