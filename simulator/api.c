/* SPDX-License-Identifier: MIT */
#include "api.h"

#include "render.h"
#include "route.h"
#include "set.h"

#include <string.h>

void reply_not_found(struct exchange *ex, const char *type, const char *name) {
    reply_error(ex, 404, "ResourceNotFound",
                "The Resource '%s/%s' under resource group '%s' was not found. For more details "
                "please go to https://aka.ms/ARMResourceNotFoundFix",
                type, name, ex->group->name);
}

void reply_conflict(struct exchange *ex) {
    reply_error(ex, 409, "Conflict",
                "The request failed due to conflict with a concurrent request. To resolve it, "
                "please refer to https://aka.ms/activitylog to get more details on the conflicting "
                "requests.");
}

struct set *set_of_path(struct exchange *ex) {
    _cleanup_free_ char *id =
        text_format("%s/providers/Microsoft.Compute/virtualMachineScaleSets/%s",
                    ex->group->object.id, ex->captures[0]);
    struct set *set = world_find(ex->world, OBJECT_SET, id);
    if (!set)
        reply_not_found(ex, "Microsoft.Compute/virtualMachineScaleSets", ex->captures[0]);
    return set;
}

enum vm_action action_of_route(const struct exchange *ex) {
    enum vm_action action = (enum vm_action)ex->route->argument;
    const char *force = exchange_query(ex, "forceDeletion");
    bool forced = force && strcasecmp(force, "true") == 0;
    return action == VM_ACTION_DELETE && forced ? VM_ACTION_DELETE_FORCED : action;
}

/* A start may find no machines, as a creation may. */
static struct shortage shortage_of_action(const struct exchange *ex,
                                          const struct action_plan *plan) {
    if (plan->action != VM_ACTION_START || !plan->n_vms)
        return (struct shortage){0};
    return shortage_of(ex, plan->vms[0]->size, plan->vms[0]->zone, plan->n_vms);
}

/* An ephemeral OS disk goes when its machine is deallocated: Azure does not do it. */
static bool check_deallocation(struct exchange *ex, const struct action_plan *plan) {
    for (size_t i = 0; plan->action == VM_ACTION_DEALLOCATE && i < plan->n_vms; i++) {
        const struct vm *vm = plan->vms[i];
        if (!json_path(vm_profile(vm), "storageProfile.osDisk.diffDiskSettings"))
            continue;
        reply_error(ex, 409, "OperationNotAllowed",
                    "Operation 'deallocate' is not supported on VM '%s' since it has an ephemeral "
                    "OS disk.",
                    vm->name);
        return false;
    }
    return true;
}

void act_on_vms(struct exchange *ex, const struct action_plan *plan) {
    if (!check_deallocation(ex, plan))
        return;
    struct shortage shortage = shortage_of_action(ex, plan);
    usec_t last = clock_wall(&clock_real) + world_seconds(ex->world, 1);
    if (plan->n_vms && plan->vms[0]->set &&
        !throttle_admit_vms(ex->world->throttle, ex, (unsigned)plan->n_vms)) {
        free(shortage.message);
        return;
    }
    size_t n = shortage.message ? (size_t)ex->fault_allocated : plan->n_vms;
    for (size_t i = 0; i < n; i++) {
        usec_t at = vm_act(plan->vms[i], plan->action);
        last = at > last ? at : last;
    }
    struct operation *operation = operation_new(
        ex->world, &(struct operation_plan){.provider = "Microsoft.Compute",
                                            .target = plan->target,
                                            .region = plan->region,
                                            /* the end of a set's members does not end the set */
                                            .kind = OPERATION_ACTION,
                                            .ends_at = last,
                                            .error_code = shortage.code,
                                            .error_message = shortage.message});
    free(shortage.message);
    if (!operation) {
        reply_exhausted(ex);
        return;
    }
    reply_status(ex, 202);
    reply_operation(ex, operation, true, true);
}

void simulate_eviction(struct exchange *ex, struct vm *vm) {
    if (!vm->spot) {
        reply_error(
            ex, 409, "OperationNotAllowed",
            "Operation 'simulateEviction' is supported only on Azure Spot Virtual Machines: "
            "VM '%s' has priority Regular.",
            vm->name);
        return;
    }
    vm_evict(vm);
    reply_status(ex, 204);
}

void reply_write(struct exchange *ex, int status, json_t *body, const struct operation *operation) {
    if (!operation) {
        json_decref(body);
        reply_exhausted(ex);
        return;
    }
    reply_json(ex, status, body);
    reply_operation(ex, operation, true, true);
}

struct shortage shortage_of(const struct exchange *ex, const struct size *size, const char *zone,
                            uint64_t count) {
    if (ex->fault_allocated < 0 || (uint64_t)ex->fault_allocated >= count)
        return (struct shortage){0};
    bool zonal = zone && *zone;
    const char *usual = zonal ? "ZonalAllocationFailed" : "AllocationFailed";
    char *message =
        ex->fault_message
            ? strdup(ex->fault_message)
            : text_format("Allocation failed. We do not have sufficient capacity for the requested "
                          "VM size %s in %s%s. Read more about improving likelihood of allocation "
                          "success at http://aka.ms/allocation-guidance",
                          size->name, zonal ? "zone " : "this region", zonal ? zone : "");
    return (struct shortage){ex->fault_code ? ex->fault_code : usual, message};
}
