/* SPDX-License-Identifier: MIT */
#include "api.h"
#include "check.h"
#include "condition.h"
#include "console.h"
#include "listing.h"
#include "missing.h"
#include "quota.h"
#include "render.h"
#include "route.h"
#include "set.h"

#include "base/parse.h"

#include <inttypes.h>
#include <string.h>

/* Scale sets: requests. */

enum { CAPACITY_MAX = 1000, CAPACITY_MAX_ONE_GROUP = 100 };
#define PROFILE "properties.virtualMachineProfile"

static bool text_is(json_t *body, const char *path, const char *word) {
    const char *text = json_path_text(body, path);
    return text && text_equal_fold(text, word);
}

/* A PUT or PATCH while it is being judged. */
struct set_write {
    struct set *set; /* NULL = to be created */
    json_t *body;    /* the whole set as it shall be */
    struct machine_check check;
    uint64_t capacity;
};

static bool check_mode(struct exchange *ex, json_t *body) {
    const char *wanted = NULL;
    if (text_is(body, "properties.orchestrationMode", "Flexible")) {
        if (!json_path(body, "properties.platformFaultDomainCount"))
            wanted = "platformFaultDomainCount";
        else if (json_path(body, PROFILE) &&
                 !json_path(body, PROFILE ".networkProfile.networkApiVersion"))
            wanted = "networkApiVersion";
    } else if (!json_path(body, "properties.upgradePolicy")) {
        wanted = "upgradePolicy";
    } else if (!json_path(body, PROFILE)) {
        wanted = "virtualMachineProfile";
    }
    if (wanted)
        reply_error_at(ex, 400, "InvalidParameter", wanted,
                       "Required parameter '%s' is missing (null).", wanted);
    return !wanted;
}

static bool check_capacity(struct exchange *ex, struct set_write *write) {
    json_t *value = json_path(write->body, "sku.capacity");
    bool one_group = json_path_bool(write->body, "properties.singlePlacementGroup", true) &&
                     !text_is(write->body, "properties.orchestrationMode", "Flexible");
    json_int_t most = one_group ? CAPACITY_MAX_ONE_GROUP : CAPACITY_MAX;
    json_int_t wanted = value ? json_integer_value(value) : (write->set ? write->set->live : 0);
    if ((value && !json_is_integer(value)) || wanted < 0 || wanted > most) {
        reply_error_at(ex, 400, "InvalidParameter", "sku.capacity",
                       "The value %" PRId64 " of parameter 'sku.capacity' is out of range. Values "
                       "from 0 to %" PRId64 " are allowed for a scale set with %s.",
                       (int64_t)wanted, (int64_t)most,
                       one_group ? "a single placement group" : "several placement groups");
        return false;
    }
    write->capacity = (uint64_t)wanted;
    return true;
}

/* What cannot be changed once the set is there. */
static const char *const fixed_paths[] = {
    "location",
    "zones",
    "properties.orchestrationMode",
    "properties.platformFaultDomainCount",
    PROFILE ".priority",
    PROFILE ".osProfile.adminUsername",
    PROFILE ".osProfile.computerNamePrefix",
};

static bool check_changes(struct exchange *ex, const struct set_write *write) {
    if (!write->set)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(fixed_paths); i++) {
        json_t *before = json_path(write->set->body, fixed_paths[i]);
        json_t *after = json_path(write->body, fixed_paths[i]);
        if (!after || !before || json_equal(before, after))
            continue;
        const char *tail = strrchr(fixed_paths[i], '.');
        reply_error_at(ex, 409, "PropertyChangeNotAllowed", tail ? tail + 1 : fixed_paths[i],
                       "Changing property '%s' is not allowed.", tail ? tail + 1 : fixed_paths[i]);
        return false;
    }
    return true;
}

/* One write at a time: the same once more goes on from the first, another one is refused. */
static bool check_concurrency(struct exchange *ex, const struct set_write *write) {
    struct set *set = write->set;
    if (!set)
        return true;
    if (set->deleting || (set->running && write->capacity != set->live)) {
        reply_conflict(ex);
        return false;
    }
    operation_preempt(set->running);
    return true;
}

static bool check_write(struct exchange *ex, struct set_write *write) {
    write->check = (struct machine_check){
        .body = write->body,
        .profile = json_path(write->body, PROFILE),
        .size_name = json_path_text(write->body, "sku.name"),
        .host_name_member = "computerNamePrefix",
    };
    if (!check_machine(ex, &write->check) || !check_mode(ex, write->body) ||
        !check_capacity(ex, write) || !check_changes(ex, write))
        return false;
    uint64_t live = write->set ? write->set->live : 0;
    if (write->capacity <= live)
        return true;
    if (!write->check.size) {
        reply_error_at(ex, 400, "InvalidParameter", "virtualMachineProfile",
                       "A scale set without virtualMachineProfile cannot have a capacity.");
        return false;
    }
    return check_quota(ex, &write->check, write->capacity - live) &&
           throttle_admit_vms(ex->world->throttle, ex, (unsigned)(write->capacity - live));
}

/* Brings the set to its capacity; when that is done. 0 or -errno. */
static int reach_capacity(struct exchange *ex, struct set *set, uint64_t capacity,
                          usec_t *ret_ends_at) {
    if (capacity < set->live) {
        *ret_ends_at = set_shrink(ex->world, set, (uint32_t)capacity);
        return 0;
    }
    struct growth growth = {.count = (uint32_t)(capacity - set->live),
                            .failure = vm_failure(ex->fault_code, ex->fault_message)};
    growth.allocated = growth.count;
    if (ex->fault_allocated >= 0 && ex->fault_allocated < growth.count)
        growth.allocated = (uint32_t)ex->fault_allocated;
    return set_grow(ex->world, set, &growth, ret_ends_at);
}

/* A new set with its members, or none. */
static struct set *create(struct exchange *ex, const struct set_write *write, usec_t *ret_ends_at) {
    struct set *set = set_new(ex->world, ex->group, ex->captures[0], write->body);
    if (set && reach_capacity(ex, set, write->capacity, ret_ends_at) < 0) {
        set_free(ex->world, set);
        set = NULL;
    }
    return set;
}

/* The set as it shall be, and when it is; NULL: out of memory. */
static struct set *create_or_update(struct exchange *ex, const struct set_write *write,
                                    usec_t *ret_ends_at) {
    struct set *set = write->set;
    if (!set)
        return create(ex, write, ret_ends_at);
    int r = set_update(ex->world, set, write->body);
    if (r == 0)
        r = reach_capacity(ex, set, write->capacity, ret_ends_at);
    return r < 0 ? NULL : set;
}

static struct operation *begin_write(struct exchange *ex, const struct set *set, usec_t ends_at,
                                     const struct shortage *shortage) {
    return operation_new(
        ex->world, &(struct operation_plan){.provider = "Microsoft.Compute",
                                            .target = &set->object,
                                            .region = set->region,
                                            .kind = OPERATION_WRITE,
                                            .ends_at = ends_at + world_seconds(ex->world, 2),
                                            .error_code = shortage->message ? shortage->code : NULL,
                                            .error_message = shortage->message});
}

static void perform(struct exchange *ex, const struct set_write *write) {
    uint64_t live = write->set ? write->set->live : 0;
    struct shortage shortage = {0};
    if (write->capacity > live)
        shortage = shortage_of(ex, write->check.size, json_path_text(write->body, "zones.0"),
                               write->capacity - live);
    usec_t ends_at = clock_wall(&clock_real);
    struct set *set = create_or_update(ex, write, &ends_at);
    struct operation *operation = set ? begin_write(ex, set, ends_at, &shortage) : NULL;
    free(shortage.message);
    if (!operation) {
        reply_exhausted(ex);
        return;
    }
    set->running = operation;
    set->failed = false;
    put_etag(ex, &set->object);
    reply_write(ex, write->set ? 200 : 201, render_set(set), operation);
}

static struct set *find_set(struct exchange *ex) {
    _cleanup_free_ char *id =
        text_format("%s/providers/Microsoft.Compute/virtualMachineScaleSets/%s",
                    ex->group->object.id, ex->captures[0]);
    return world_find(ex->world, OBJECT_SET, id);
}

static bool check_count(struct exchange *ex, const struct set_write *write) {
    if (write->set)
        return true;
    struct quota_line line;
    quota_line(ex->world->quota, write->check.region, 0, &line);
    if (line.used < line.limit)
        return true;
    reply_error(ex, 409, "OperationNotAllowed",
                "Operation could not be completed as it results in exceeding the limit of %" PRIu64
                " virtual machine scale sets in location %s.",
                line.limit, region_names[write->check.region]);
    return false;
}

/* What is there with what the request changes: what a body leaves out is kept, for a PUT of an
 * existing set as for a PATCH. New; NULL: out of memory. */
static json_t *merged_body(const struct set *set, json_t *change) {
    json_t *body = json_deep_copy(set->body);
    if (body && ((json_object_get(body, "sku") &&
                  json_path_set(body, "sku.capacity", json_integer(set->live)) < 0) ||
                 json_object_update_recursive(body, change) < 0 ||
                 (json_object_get(change, "tags") &&
                  json_object_set(body, "tags", json_object_get(change, "tags")) < 0))) {
        json_decref(body);
        return NULL;
    }
    return body;
}

static void write_set(struct exchange *ex, struct set *set) {
    _cleanup_json_ json_t *body = set ? merged_body(set, ex->body) : json_incref(ex->body);
    struct set_write write = {.set = set, .body = body};
    if (!body)
        reply_exhausted(ex);
    else if (check_write(ex, &write) && set_is_simulated(ex, body) && check_count(ex, &write) &&
             check_concurrency(ex, &write))
        perform(ex, &write);
}

static void handle_put(struct exchange *ex) {
    struct set *set = find_set(ex);
    if (check_conditions(ex, set ? &set->object : NULL) && check_name(ex, ex->captures[0]))
        write_set(ex, set);
}

static void handle_patch(struct exchange *ex) {
    struct set *set = set_of_path(ex);
    if (set && check_conditions(ex, &set->object))
        write_set(ex, set);
}

static void handle_get(struct exchange *ex) {
    struct set *set = set_of_path(ex);
    if (!set)
        return;
    put_etag(ex, &set->object);
    reply_json(ex, 200, render_set(set));
}

static void handle_delete(struct exchange *ex) {
    struct set *set = find_set(ex);
    if (!set) {
        reply_status(ex, 204);
        return;
    }
    const char *force = exchange_query(ex, "forceDeletion");
    bool forced = force && strcasecmp(force, "true") == 0;
    if (!throttle_admit_vms(ex->world->throttle, ex, set->live))
        return;
    usec_t last = clock_wall(&clock_real);
    for (size_t i = 0; i < set->vms.len; i++) {
        usec_t at = vm_act(set->vms.items[i], forced ? VM_ACTION_DELETE_FORCED : VM_ACTION_DELETE);
        last = at > last ? at : last;
    }
    operation_preempt(set->running);
    set->running = NULL;
    set->deleting = true;
    world_change(ex->world, &set->object);
    struct operation *operation = operation_new(
        ex->world, &(struct operation_plan){.provider = "Microsoft.Compute",
                                            .target = &set->object,
                                            .region = set->region,
                                            .kind = OPERATION_DELETE,
                                            .ends_at = last + world_seconds(ex->world, 2)});
    if (!operation) {
        reply_exhausted(ex);
        return;
    }
    reply_status(ex, 202);
    reply_operation(ex, operation, true, true);
}

/* The members that a body's instanceIds name; all of them without a body, or with "*". False after
 * an error. */
static bool chosen_members(struct exchange *ex, struct set *set, struct vm_vec *ret) {
    json_t *ids = json_object_get(ex->body, "instanceIds");
    bool all = !ids || (json_array_size(ids) == 1 &&
                        strcmp(json_string_value(json_array_get(ids, 0)) ?: "", "*") == 0);
    size_t n = all ? set->vms.len : json_array_size(ids);
    for (size_t i = 0; i < n; i++) {
        const char *id = all ? NULL : json_string_value(json_array_get(ids, i));
        struct vm *vm = all ? set->vms.items[i] : (id ? set_member(set, id) : NULL);
        if (!vm) {
            reply_error_at(ex, 400, "InvalidParameter", "instanceIds",
                           "The provided instanceId %s is not an active Virtual Machine Scale Set "
                           "VM instanceId.",
                           id ? id : "(none)");
            return false;
        }
        if (vm_vec_append(ret, vm) < 0) {
            reply_exhausted(ex);
            return false;
        }
    }
    return true;
}

static void handle_action(struct exchange *ex) {
    struct set *set = set_of_path(ex);
    if (!set)
        return;
    bool deletes = ex->route->argument == VM_ACTION_DELETE;
    if (deletes && !json_array_size(json_object_get(ex->body, "instanceIds"))) {
        reply_error_at(ex, 400, "InvalidParameter", "instanceIds",
                       "Required parameter 'instanceIds' is missing (null).");
        return;
    }
    if (set->deleting) {
        reply_conflict(ex);
        return;
    }
    struct vm_vec chosen = {0};
    if (chosen_members(ex, set, &chosen))
        act_on_vms(ex, &(struct action_plan){.vms = chosen.items,
                                             .n_vms = chosen.len,
                                             .target = &set->object,
                                             .region = set->region,
                                             .action = action_of_route(ex)});
    vm_vec_done(&chosen);
}

/* The member of the path; NULL after a 404. */
static struct vm *member_of_path(struct exchange *ex) {
    struct set *set = set_of_path(ex);
    struct vm *vm = set ? set_member(set, ex->captures[1]) : NULL;
    if (set && !vm)
        reply_error(ex, 404, "ResourceNotFound",
                    "The entity was not found: instance '%s' of scale set '%s'.", ex->captures[1],
                    set->name);
    return vm;
}

static void handle_get_member(struct exchange *ex) {
    struct vm *vm = member_of_path(ex);
    if (!vm)
        return;
    const char *expand = exchange_query(ex, "$expand");
    reply_status(ex, 200);
    render_instance(&ex->reply, vm, expand && strcasecmp(expand, "instanceView") == 0);
}

static void handle_member_view(struct exchange *ex) {
    struct vm *vm = member_of_path(ex);
    if (!vm)
        return;
    reply_status(ex, 200);
    render_instance_view(&ex->reply, vm);
}

static void handle_member_console(struct exchange *ex) {
    const struct vm *vm = member_of_path(ex);
    if (vm)
        console_retrieve(ex, vm);
}

static void handle_member_action(struct exchange *ex) {
    struct vm *vm = member_of_path(ex);
    if (vm)
        act_on_vms(ex, &(struct action_plan){.vms = &vm,
                                             .n_vms = 1,
                                             .target = &vm->set->object,
                                             .region = vm->region,
                                             .action = action_of_route(ex)});
}

static void handle_member_eviction(struct exchange *ex) {
    struct vm *vm = member_of_path(ex);
    if (vm)
        simulate_eviction(ex, vm);
}

/* {"virtualMachine":{"statusesSummary":[{"code":...,"count":N}]},"statuses":[...]} */
static void handle_set_view(struct exchange *ex) {
    struct set *set = set_of_path(ex);
    if (!set)
        return;
    _cleanup_json_ json_t *counts = json_object();
    for (size_t i = 0; i < set->vms.len; i++) {
        _cleanup_free_ char *code =
            text_format("ProvisioningState/%s", vm_provisioning_text(set->vms.items[i]));
        if (code)
            (void)json_object_set_new(
                counts, code, json_integer(json_integer_value(json_object_get(counts, code)) + 1));
    }
    json_t *summary = json_array();
    const char *code;
    json_t *count;
    json_object_foreach(counts, code, count)(void)
        json_array_append_new(summary, json_pack("{s:s,s:O}", "code", code, "count", count));
    reply_json(ex, 200,
               json_pack("{s:{s:o},s:[{s:s,s:s,s:s}]}", "virtualMachine", "statusesSummary",
                         summary, "statuses", "code", "ProvisioningState/succeeded", "level",
                         "Info", "displayStatus", "Provisioning succeeded"));
}

#define SETS "+Compute/virtualMachineScaleSets"
#define MEMBER SETS "/*/virtualMachines/*"

const struct route set_routes[] = {
    {"GET", SETS, list_group_sets, "list-sets", POLICY_LIST_SETS, false, 0},
    {"PUT", SETS "/*", handle_put, "put-set", POLICY_PUT_SET, true, 0, CONSTRAINT_SET},
    {"PATCH", SETS "/*", handle_patch, "patch-set", POLICY_UPDATE_SET, true, 0,
     CONSTRAINT_SET_UPDATE},
    {"GET", SETS "/*", handle_get, "get-set", POLICY_GET_SET, false, 0},
    {"DELETE", SETS "/*", handle_delete, "delete-set", POLICY_DELETE_SET, false, 0},
    {"GET", SETS "/*/instanceView", handle_set_view, "get-set-view", POLICY_LIST_SETS, false, 0},
    {"GET", SETS "/*/virtualMachines", list_instances, "list-instances", POLICY_LIST_SET_VMS, false,
     0},
    {"GET", SETS "/*/networkInterfaces", list_interfaces, "list-interfaces", POLICY_NETWORK_READ,
     false, 0},
    {"POST", SETS "/*/delete", handle_action, "delete-instances", POLICY_NONE, false,
     VM_ACTION_DELETE, CONSTRAINT_SET_IDS},
    {"POST", SETS "/*/start", handle_action, "start-instances", POLICY_NONE, true, VM_ACTION_START,
     CONSTRAINT_SET_IDS},
    {"POST", SETS "/*/deallocate", handle_action, "deallocate-instances", POLICY_DELETE_SET, false,
     VM_ACTION_DEALLOCATE, CONSTRAINT_SET_IDS},
    {"POST", SETS "/*/poweroff", handle_action, "stop-instances", POLICY_NONE, false,
     VM_ACTION_STOP, CONSTRAINT_SET_IDS},
    {"POST", SETS "/*/restart", handle_action, "restart-instances", POLICY_NONE, false,
     VM_ACTION_RESTART, CONSTRAINT_SET_IDS},
    {"POST", SETS "/*/reimage", handle_action, "reimage-instances", POLICY_NONE, false,
     VM_ACTION_REIMAGE, CONSTRAINT_SET_REIMAGE},
    {"GET", MEMBER, handle_get_member, "get-instance", POLICY_GET_SET_VM, false, 0},
    {"GET", MEMBER "/instanceView", handle_member_view, "get-instance-view", POLICY_GET_SET_VM,
     false, 0},
    {"POST", MEMBER "/retrieveBootDiagnosticsData", handle_member_console, "read-instance-console",
     POLICY_UPDATE_SET_VM, false, 0},
    {"DELETE", MEMBER, handle_member_action, "delete-instance", POLICY_DELETE_SET_VM, false,
     VM_ACTION_DELETE},
    {"POST", MEMBER "/start", handle_member_action, "start-instance", POLICY_UPDATE_SET_VM, true,
     VM_ACTION_START},
    {"POST", MEMBER "/deallocate", handle_member_action, "deallocate-instance",
     POLICY_DELETE_SET_VM, false, VM_ACTION_DEALLOCATE},
    {"POST", MEMBER "/poweroff", handle_member_action, "stop-instance", POLICY_DELETE_SET_VM, false,
     VM_ACTION_STOP},
    {"POST", MEMBER "/restart", handle_member_action, "restart-instance", POLICY_UPDATE_SET_VM,
     false, VM_ACTION_RESTART},
    {"POST", MEMBER "/reimage", handle_member_action, "reimage-instance", POLICY_UPDATE_SET_VM,
     false, VM_ACTION_REIMAGE, CONSTRAINT_VM_REIMAGE},
    {"POST", MEMBER "/simulateEviction", handle_member_eviction, "evict-instance",
     POLICY_UPDATE_SET_VM, false, 0},
    {0},
};
