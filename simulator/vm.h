/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_VM_H
#define SIMULATOR_VM_H

/* The life of a virtual machine. */

#include "world.h"

/* How the provisioning of a machine fails. */
struct vm_failure {
    enum vm_fate fate;          /* VM_FATE_GOOD = it does not */
    const char *code, *message; /* borrowed; NULL = the usual ones */
};

struct vm_plan {
    struct group *group;
    struct set *set; /* NULL = a VM of its own */
    const char *name;
    const char *computer_name;
    int region;
    const struct size *size;
    struct subnet *subnet;
    const char *zone;  /* "" = none */
    json_t *body;      /* borrowed; NULL for members of sets */
    struct home *home; /* stolen on success */
    uint32_t number;
    bool spot, evict_deallocates, public_address;
    struct vm_failure failure; /* of its provisioning; VM_FATE_GOOD = none */
};

/* A new machine in state creating, with its address; it is there at *ret_ready_at. 0, -ENOSPC
 * (subnet full) or -ENOMEM. */
int vm_new(struct world *world, const struct vm_plan *plan, struct vm **ret, usec_t *ret_ready_at);
/* Releases it at once, whatever it does. Never fails. */
void vm_free(struct vm *vm);

enum vm_action {
    VM_ACTION_START,
    VM_ACTION_DEALLOCATE,
    VM_ACTION_STOP,
    VM_ACTION_RESTART,
    VM_ACTION_REIMAGE,
    VM_ACTION_DELETE,
    VM_ACTION_DELETE_FORCED,
    VM_ACTION_MAX,
};

/* Begins an action. When it will be done; now if there is nothing to do. */
usec_t vm_act(struct vm *vm, enum vm_action action);
/* Reclaims a machine as Azure reclaims spot capacity, by its eviction policy. */
void vm_evict(struct vm *vm);
/* Sets its timers again after a restart; `at` is when its present state ends. 0 or -ENOMEM. */
int vm_resume(struct vm *vm, usec_t at);

/* provisioningState: "Creating", "Succeeded" ... */
const char *vm_provisioning_text(const struct vm *vm);
/* "running" ...; NULL while there is none to tell. */
const char *vm_power_text(const struct vm *vm);
/* The same a while ago; only the state before the present one is remembered. */
const char *vm_power_text_at(const struct vm *vm, usec_t at);
/* "creating", "running" ...: one word of the state, for people. */
const char *vm_state_text(const struct vm *vm);
/* Why provisioning failed, or NULL. */
const char *vm_error_code(const struct vm *vm);
/* How the provisioning of machines fails that a fault takes away. Borrows both texts. */
struct vm_failure vm_failure(const char *code, const char *message);
/* Where its agent calls, or NULL. Borrowed. */
const struct home *vm_home(const struct vm *vm);
/* The state of a word of vm_state_text, or -EINVAL. */
int vm_state_parse(const char *text);

#endif
