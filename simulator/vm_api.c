/* SPDX-License-Identifier: MIT */
#include "api.h"
#include "check.h"
#include "condition.h"
#include "console.h"
#include "disk.h"
#include "listing.h"
#include "missing.h"
#include "network.h"
#include "render.h"
#include "route.h"
#include "set.h"

#include "base/parse.h"

#include <string.h>

/* Virtual machines of their own, and members of Flexible sets by their own name: requests. */

#define TYPE "Microsoft.Compute/virtualMachines"
#define IP_PATH \
    "networkProfile.networkInterfaceConfigurations.0.properties.ipConfigurations.0.properties"

static struct vm *find_vm(struct exchange *ex) {
    _cleanup_free_ char *id =
        text_format("%s/providers/" TYPE "/%s", ex->group->object.id, ex->captures[0]);
    return world_find(ex->world, OBJECT_VM, id);
}

/* The VM of the path; NULL after a 404. */
static struct vm *vm_of_path(struct exchange *ex) {
    struct vm *vm = find_vm(ex);
    if (!vm)
        reply_not_found(ex, TYPE, ex->captures[0]);
    return vm;
}

/* The Flexible set that a VM shall belong to. False after an error. */
static bool check_set(struct exchange *ex, struct set **ret) {
    const char *id = json_path_text(ex->body, "properties.virtualMachineScaleSet.id");
    *ret = id ? world_find(ex->world, OBJECT_SET, id) : NULL;
    if (!id || (*ret && (*ret)->flexible))
        return true;
    reply_error_at(ex, 400, "InvalidParameter", "virtualMachineScaleSet",
                   "The Virtual Machine Scale Set '%s' does not exist or is not in Flexible "
                   "orchestration mode.",
                   id);
    return false;
}

static struct vm *create(struct exchange *ex, const struct machine_check *check, struct set *set,
                         usec_t *ret_ready_at) {
    struct vm *vm = NULL;
    struct home *home = NULL;
    json_t *profile = check->profile;
    const char *eviction = json_path_text(profile, "evictionPolicy");
    if (home_read(json_path_text(profile, "osProfile.customData"), &home) < 0)
        return NULL;
    struct vm_plan plan = {
        .group = ex->group,
        .set = set,
        .name = ex->captures[0],
        .computer_name = json_path_text(profile, "osProfile.computerName"),
        .region = check->region,
        .size = check->size,
        .subnet = check->subnet,
        .zone = json_path_text(ex->body, "zones.0"),
        .body = ex->body,
        .home = home,
        .number = set ? set->next_instance : 0,
        .spot = check->spot,
        .evict_deallocates = !eviction || text_equal_fold(eviction, "Deallocate"),
        .public_address = json_path(profile, IP_PATH ".publicIPAddressConfiguration") != NULL,
    };
    if (ex->fault_allocated == 0)
        plan.failure = vm_failure(ex->fault_code, ex->fault_message);
    if (vm_new(ex->world, &plan, &vm, ret_ready_at) < 0) {
        home_free(home);
        return NULL;
    }
    if (set)
        set->next_instance++;
    const char *address =
        check->interface ? json_path_text(
                               check->interface->body,
                               "properties.ipConfigurations.0.properties.privateIPAddress")
                         : NULL;
    if (address)
        (void)address_parse(address, &vm->address);
    if (disks_attach(vm) < 0) {
        vm_free(vm);
        return NULL;
    }
    return vm;
}

static void begin_create(struct exchange *ex, const struct machine_check *check, struct set *set) {
    struct shortage shortage = shortage_of(ex, check->size, json_path_text(ex->body, "zones.0"), 1);
    usec_t ready_at;
    struct vm *vm = create(ex, check, set, &ready_at);
    struct operation *operation = NULL;
    if (vm)
        operation = operation_new(
            ex->world, &(struct operation_plan){.provider = "Microsoft.Compute",
                                                .target = &vm->object,
                                                .region = vm->region,
                                                .kind = OPERATION_WRITE,
                                                .ends_at = ready_at + world_seconds(ex->world, 1),
                                                .error_code = shortage.code,
                                                .error_message = shortage.message});
    free(shortage.message);
    if (!operation) {
        if (vm)
            vm_free(vm);
        reply_exhausted(ex);
        return;
    }
    vm->running = operation;
    put_etag(ex, &vm->object);
    reply_write(ex, 201, render_vm(vm, false), operation);
}

/* What cannot be changed while the VM exists. */
static const char *const fixed_paths[] = {
    "location",
    "zones",
    "properties.osProfile.computerName",
    "properties.osProfile.adminUsername",
    "properties.osProfile.customData",
    "properties.priority",
    "properties.storageProfile.imageReference",
};

static bool check_fixed(struct exchange *ex, const struct vm *vm) {
    for (size_t i = 0; vm->body && i < ARRAY_SIZE(fixed_paths); i++) {
        json_t *before = json_path(vm->body, fixed_paths[i]);
        json_t *after = json_path(ex->body, fixed_paths[i]);
        if (!after || !before || json_equal(before, after))
            continue;
        const char *tail = strrchr(fixed_paths[i], '.');
        reply_error_at(ex, 409, "PropertyChangeNotAllowed", tail ? tail + 1 : fixed_paths[i],
                       "Changing property '%s' is not allowed.", tail ? tail + 1 : fixed_paths[i]);
        return false;
    }
    return true;
}

/* The same body once more changes nothing; of a VM of its own tags may change. */
static bool check_change(struct exchange *ex, const struct vm *vm) {
    _cleanup_json_ json_t *before = vm->body ? json_incref(vm->body) : render_vm(vm, false);
    _cleanup_json_ json_t *after = json_copy(ex->body);
    _cleanup_buf_ struct buf path = BUF_INIT(1024);
    if (!before || !after) {
        reply_exhausted(ex);
        return false;
    }
    if (vm->body)
        (void)json_object_del(after, "tags");
    if (!json_find_change(before, after, &path))
        return true;
    reply_error_at(ex, 501, "NotImplemented", path.data,
                   "This simulator does not change '%s' of a VM%s that is there.", path.data,
                   vm->body ? "" : " of a scale set");
    return false;
}

static void update(struct exchange *ex, struct vm *vm) {
    if (vm->state == VM_DELETING) {
        reply_conflict(ex);
        return;
    }
    if (!check_fixed(ex, vm) || !check_change(ex, vm))
        return;
    json_t *tags = json_object_get(ex->body, "tags");
    if (tags && vm->body)
        (void)json_object_set(vm->body, "tags", tags);
    world_change(ex->world, &vm->object);
    put_etag(ex, &vm->object);
    usec_t ends_at = vm->running ? vm->running->ends_at : clock_wall(&clock_real);
    operation_preempt(vm->running);
    vm->running = operation_new(ex->world, &(struct operation_plan){.provider = "Microsoft.Compute",
                                                                    .target = &vm->object,
                                                                    .region = vm->region,
                                                                    .kind = OPERATION_WRITE,
                                                                    .ends_at = ends_at});
    reply_write(ex, 200, render_vm(vm, false), vm->running);
}

static void handle_put(struct exchange *ex) {
    struct machine_check check = {
        .body = ex->body,
        .profile = json_object_get(ex->body, "properties"),
        .size_name = json_path_text(ex->body, "properties.hardwareProfile.vmSize"),
        .host_name_member = "computerName",
    };
    struct set *set;
    if (!check.profile) {
        reply_error_at(ex, 400, "InvalidParameter", "properties",
                       "Required parameter 'properties' is missing (null).");
        return;
    }
    struct vm *vm = find_vm(ex);
    if (!check_name(ex, ex->captures[0]) || !check_conditions(ex, vm ? &vm->object : NULL) ||
        !check_machine(ex, &check) || !vm_is_simulated(ex, ex->body) || !check_set(ex, &set) ||
        !disks_check(ex, &check))
        return;
    if (vm)
        update(ex, vm);
    else if (check_quota(ex, &check, 1))
        begin_create(ex, &check, set);
}

static void handle_patch(struct exchange *ex) {
    struct vm *vm = vm_of_path(ex);
    if (vm && check_conditions(ex, &vm->object))
        update(ex, vm);
}

static void handle_get(struct exchange *ex) {
    struct vm *vm = vm_of_path(ex);
    const char *expand = exchange_query(ex, "$expand");
    if (!vm)
        return;
    put_etag(ex, &vm->object);
    reply_json(ex, 200, render_vm(vm, expand && strcasecmp(expand, "instanceView") == 0));
}

static void handle_view(struct exchange *ex) {
    struct vm *vm = vm_of_path(ex);
    if (vm)
        reply_json(ex, 200, render_vm_view(vm));
}

static void handle_console(struct exchange *ex) {
    const struct vm *vm = vm_of_path(ex);
    if (vm)
        console_retrieve(ex, vm);
}

static void handle_action(struct exchange *ex) {
    struct vm *vm = ex->route->argument == VM_ACTION_DELETE ? find_vm(ex) : vm_of_path(ex);
    if (!vm) {
        if (ex->route->argument == VM_ACTION_DELETE)
            reply_status(ex, 204);
        return;
    }
    act_on_vms(ex, &(struct action_plan){.vms = &vm,
                                         .n_vms = 1,
                                         .target = &vm->object,
                                         .region = vm->region,
                                         .action = action_of_route(ex)});
}

static void handle_eviction(struct exchange *ex) {
    struct vm *vm = vm_of_path(ex);
    if (vm)
        simulate_eviction(ex, vm);
}

#define VMS "+Compute/virtualMachines"

const struct route vm_routes[] = {
    {"GET", VMS, list_group_vms, "list-vms", POLICY_LIST_VMS, false, 0},
    {"PUT", VMS "/*", handle_put, "put-vm", POLICY_PUT_VM, true, 0, CONSTRAINT_VM},
    {"PATCH", VMS "/*", handle_patch, "patch-vm", POLICY_UPDATE_VM, false, 0, CONSTRAINT_VM_UPDATE},
    {"GET", VMS "/*", handle_get, "get-vm", POLICY_GET_VM, false, 0},
    {"DELETE", VMS "/*", handle_action, "delete-vm", POLICY_DELETE_VM, false, VM_ACTION_DELETE},
    {"GET", VMS "/*/instanceView", handle_view, "get-vm-view", POLICY_GET_VM, false, 0},
    {"POST", VMS "/*/retrieveBootDiagnosticsData", handle_console, "read-vm-console",
     POLICY_UPDATE_VM, false, 0},
    {"POST", VMS "/*/start", handle_action, "start-vm", POLICY_UPDATE_VM, true, VM_ACTION_START},
    {"POST", VMS "/*/deallocate", handle_action, "deallocate-vm", POLICY_DELETE_VM, false,
     VM_ACTION_DEALLOCATE},
    {"POST", VMS "/*/powerOff", handle_action, "stop-vm", POLICY_UPDATE_VM, false, VM_ACTION_STOP},
    {"POST", VMS "/*/restart", handle_action, "restart-vm", POLICY_UPDATE_VM, false,
     VM_ACTION_RESTART},
    {"POST", VMS "/*/reimage", handle_action, "reimage-vm", POLICY_UPDATE_VM, false,
     VM_ACTION_REIMAGE, CONSTRAINT_VM_REIMAGE},
    {"POST", VMS "/*/simulateEviction", handle_eviction, "evict-vm", POLICY_DELETE_VM, false, 0},
    {0},
};
