/* SPDX-License-Identifier: MIT */
#include "record.h"

#include "agent.h"
#include "network.h"
#include "operation.h"
#include "quota.h"
#include "resource.h"
#include "set.h"
#include "vm.h"

#include <errno.h>
#include <string.h>

const char *const record_letters[] = {
    [OBJECT_GROUP] = "g", [OBJECT_RESOURCE] = "r",  [OBJECT_SET] = "s",
    [OBJECT_VM] = "v",    [OBJECT_OPERATION] = "o",
};

static json_t *save_group(const struct object *object) {
    const struct group *group = list_entry(object, struct group, object);
    return json_pack("{s:s,s:i,s:b,s:O*}", "name", group->name, "region", group->region, "deleting",
                     group->deleting, "tags", group->tags);
}

static json_t *save_resource(const struct object *object) {
    const struct resource *resource = list_entry(object, struct resource, object);
    return json_pack("{s:s,s:s,s:O}", "group", resource->object.group->name, "type", resource->type,
                     "body", resource->body);
}

static json_t *save_set(const struct object *object) {
    const struct set *set = list_entry(object, struct set, object);
    return json_pack("{s:s,s:s,s:O,s:s,s:I,s:I,s:b,s:b,s:I,s:I}", "group", set->object.group->name,
                     "name", set->name, "body", set->body, "unique_id", set->unique_id,
                     "created_at", (json_int_t)set->created_at, "next_instance",
                     (json_int_t)set->next_instance, "deleting", set->deleting, "failed",
                     set->failed, "version", (json_int_t)set->object.version, "model",
                     (json_int_t)set->model);
}

static json_t *save_agent(const struct agent *agent) {
    return json_pack("{s:s,s:b,s:I,s:s*,s:I,s:I}", "phase", agent_phase_text(agent->phase),
                     "announced", agent->announced, "interval_s", (json_int_t)agent->interval_s,
                     "token", agent->token, "installed_at", (json_int_t)agent->installed_at,
                     "next_at", (json_int_t)agent->timer.at);
}

static json_t *save_vm(const struct object *object) {
    const struct vm *vm = list_entry(object, struct vm, object);
    json_t *record = json_pack(
        "{s:s,s:s*,s:s,s:s,s:i,s:s,s:s,s:s,s:I,s:I,s:I,s:s,s:i,s:b,s:b,s:I,s:I,s:I,s:I,s:I,s:s*,"
        "s:s*}",
        "group", vm->object.group->name, "set", vm->set ? vm->set->name : NULL, "name", vm->name,
        "computer_name", vm->computer_name, "region", vm->region, "size", vm->size->name, "vm_id",
        vm->vm_id, "zone", vm->zone, "number", (json_int_t)vm->number, "address",
        (json_int_t)vm->address, "public_address", (json_int_t)vm->public_address, "state",
        vm_state_text(vm), "fate", (int)vm->fate, "spot", vm->spot, "evict_deallocates",
        vm->evict_deallocates, "created_at", (json_int_t)vm->created_at, "changed_at",
        (json_int_t)vm->changed_at, "phase_at", (json_int_t)vm->phase.at, "version",
        (json_int_t)vm->object.version, "model", (json_int_t)vm->model, "error_code",
        vm->error_code, "error_message", vm->error_message);
    if (!record || json_object_set_new(record, "agent", save_agent(&vm->agent)) < 0 ||
        (vm->body && json_object_set(record, "body", vm->body) < 0) ||
        (vm->subnet && json_object_set_new(record, "subnet", json_string(vm->subnet->id)) < 0)) {
        json_decref(record);
        return NULL;
    }
    return record;
}

static json_t *save_operation(const struct object *object) {
    const struct operation *operation = list_entry(object, struct operation, object);
    return json_pack("{s:s,s:s,s:i,s:i,s:i,s:i,s:s*,s:s*,s:I,s:I}", "provider", operation->provider,
                     "target", operation->target, "region", operation->region, "target_kind",
                     (int)operation->target_kind, "kind", (int)operation->kind, "status",
                     (int)operation->status, "error_code", operation->error_code, "error_message",
                     operation->error_message, "started_at", (json_int_t)operation->started_at,
                     "ends_at", (json_int_t)operation->ends_at);
}

static json_t *(*const savers[])(const struct object *object) = {
    [OBJECT_GROUP] = save_group, [OBJECT_RESOURCE] = save_resource,   [OBJECT_SET] = save_set,
    [OBJECT_VM] = save_vm,       [OBJECT_OPERATION] = save_operation,
};

json_t *record_save(const struct object *object) {
    return savers[object->kind](object);
}

static struct group *record_group(struct world *world, json_t *record) {
    const char *name = json_path_text(record, "group");
    return name ? world_group(world, name) : NULL;
}

static usec_t record_time(json_t *record, const char *path) {
    return (usec_t)json_path_int(record, path, 0);
}

static int load_group(struct world *world, json_t *record) {
    const char *name = json_path_text(record, "name");
    int region = (int)json_path_int(record, "region", 0);
    if (!name || region < 0 || region >= REGIONS)
        return -EINVAL;
    struct group *group = group_new(world, name, region, json_object_get(record, "tags"));
    if (!group)
        return -ENOMEM;
    group->deleting = json_path_bool(record, "deleting", false);
    return 0;
}

static int load_resource(struct world *world, json_t *record) {
    struct group *group = record_group(world, record);
    const char *type = json_path_text(record, "type");
    json_t *body = json_object_get(record, "body");
    if (!group || !type || !body)
        return -EINVAL;
    struct resource *resource = resource_new(world, group, type, json_incref(body));
    return resource ? subnets_enter(world, body) : -ENOMEM;
}

static int load_set(struct world *world, json_t *record) {
    struct group *group = record_group(world, record);
    const char *name = json_path_text(record, "name");
    const char *unique_id = json_path_text(record, "unique_id");
    json_t *body = json_object_get(record, "body");
    const char *size = json_path_text(body, "sku.name");
    if (!group || !name || !unique_id || (size && !catalogue_find(world->catalogue, size)) ||
        region_index(json_path_text(body, "location")) < 0)
        return -EINVAL;
    struct set *set = set_new(world, group, name, body);
    if (!set)
        return -ENOMEM;
    strncpy(set->unique_id, unique_id, sizeof(set->unique_id) - 1);
    set->created_at = record_time(record, "created_at");
    set->next_instance = (uint32_t)json_path_int(record, "next_instance", 0);
    set->deleting = json_path_bool(record, "deleting", false);
    set->failed = json_path_bool(record, "failed", false);
    set->model = (uint32_t)json_path_int(record, "model", 0);
    set->object.version = (uint64_t)json_path_int(record, "version", 1);
    return 0;
}

static int load_agent(struct vm *vm, json_t *record) {
    struct agent *agent = &vm->agent;
    const char *token = json_path_text(record, "token");
    int phase = agent_phase_parse(json_path_text(record, "phase"));
    if (phase < 0)
        return -EINVAL;
    agent->phase = (enum agent_phase)phase;
    agent->announced = json_path_bool(record, "announced", false);
    agent->interval_s = (uint32_t)json_path_int(record, "interval_s", 0);
    agent->installed_at = record_time(record, "installed_at");
    agent->timer.at = record_time(record, "next_at");
    agent->token = token ? strdup(token) : NULL;
    return token && !agent->token ? -ENOMEM : 0;
}

/* What vm_new needs of a record; the rest is put in afterwards. */
static int vm_plan_of(struct world *world, json_t *record, struct vm_plan *ret) {
    const char *set_name = json_path_text(record, "set");
    struct group *group = record_group(world, record);
    _cleanup_free_ char *set_id =
        text_format("%s/providers/Microsoft.Compute/virtualMachineScaleSets/%s",
                    group ? group->object.id : "", set_name ? set_name : "");
    *ret = (struct vm_plan){
        .group = group,
        .set = set_name ? world_find(world, OBJECT_SET, set_id) : NULL,
        .name = json_path_text(record, "name"),
        .computer_name = json_path_text(record, "computer_name"),
        .region = (int)json_path_int(record, "region", 0),
        .size = catalogue_find(world->catalogue, json_path_text(record, "size")),
        .zone = json_path_text(record, "zone"),
        .body = json_object_get(record, "body"),
        .number = (uint32_t)json_path_int(record, "number", 0),
        .spot = json_path_bool(record, "spot", false),
        .evict_deallocates = json_path_bool(record, "evict_deallocates", false),
        .failure = {VM_FATE_GOOD, json_path_text(record, "error_code"),
                    json_path_text(record, "error_message")},
    };
    bool fine = ret->group && (!set_name || ret->set) && ret->name && ret->computer_name &&
                ret->size && ret->region >= 0 && ret->region < REGIONS;
    return fine ? 0 : -EINVAL;
}

static void restore_vm(struct world *world, struct vm *vm, json_t *record) {
    const char *vm_id = json_path_text(record, "vm_id");
    strncpy(vm->vm_id, vm_id ? vm_id : "", sizeof(vm->vm_id) - 1);
    vm->subnet = subnet_find(world, json_path_text(record, "subnet"));
    vm->address = (uint32_t)json_path_int(record, "address", 0);
    if (vm->subnet && subnet_claim(vm->subnet, vm->address) < 0)
        vm->address = 0;
    vm->public_address = (uint32_t)json_path_int(record, "public_address", 0);
    vm->fate = (enum vm_fate)json_path_int(record, "fate", VM_FATE_GOOD);
    vm->model = (uint32_t)json_path_int(record, "model", 0);
    vm->created_at = record_time(record, "created_at");
    vm->changed_at = record_time(record, "changed_at");
    vm->phase.at = record_time(record, "phase_at");
}

static int load_vm(struct world *world, json_t *record) {
    struct vm_plan plan;
    int state = vm_state_parse(json_path_text(record, "state"));
    int r = vm_plan_of(world, record, &plan);
    if (r < 0 || state < 0)
        return -EINVAL;
    const char *data = json_path_text(plan.body, "properties.osProfile.customData");
    r = home_read(data, &plan.home);
    struct vm *vm;
    usec_t ready_at;
    if (r == 0)
        r = vm_new(world, &plan, &vm, &ready_at);
    if (r < 0) {
        home_free(plan.home);
        return r;
    }
    restore_vm(world, vm, record);
    if (state == VM_DELETING && vm->set)
        vm->set->live--;
    vm->object.version = (uint64_t)json_path_int(record, "version", 1);
    vm->state = vm->before = (enum vm_state)state;
    timer_cancel(&world->timers, &vm->phase);
    r = load_agent(vm, json_object_get(record, "agent"));
    return r < 0 ? r : vm_resume(vm, record_time(record, "phase_at"));
}

static bool in_range(json_t *record, const char *path, json_int_t end) {
    json_int_t value = json_path_int(record, path, -1);
    return value >= 0 && value < end;
}

static int load_operation(struct world *world, json_t *record) {
    const char *id = json_path_text(record, "id");
    const char *provider = json_path_text(record, "provider");
    char *target = (char *)json_path_text(record, "target");
    if (!id || !provider || !target || !in_range(record, "status", OPERATION_STATUS_MAX) ||
        !in_range(record, "kind", OPERATION_KIND_MAX) ||
        !in_range(record, "target_kind", RECORD_KINDS) || !in_range(record, "region", REGIONS))
        return -EINVAL;
    const struct object object = {
        .id = target, .kind = (enum object_kind)json_path_int(record, "target_kind", 0)};
    struct operation *operation =
        operation_new(world, &(struct operation_plan){
                                 .provider = provider,
                                 .target = &object,
                                 .region = (int)json_path_int(record, "region", 0),
                                 .kind = (enum operation_kind)json_path_int(record, "kind", 0),
                                 .ends_at = record_time(record, "ends_at"),
                                 .error_code = json_path_text(record, "error_code"),
                                 .error_message = json_path_text(record, "error_message"),
                             });
    char *name = strdup(id);
    if (!operation || !name) {
        free(name);
        return -ENOMEM;
    }
    operation->started_at = record_time(record, "started_at");
    operation->status = (enum operation_status)json_path_int(record, "status", 0);
    world_remove(world, &operation->object);
    free(operation->object.id);
    operation->object.id = name;
    int r = world_add(world, &operation->object);
    return r < 0 ? r : operation_resume(operation);
}

static int (*const loaders[])(struct world *world, json_t *record) = {
    [OBJECT_GROUP] = load_group, [OBJECT_RESOURCE] = load_resource,   [OBJECT_SET] = load_set,
    [OBJECT_VM] = load_vm,       [OBJECT_OPERATION] = load_operation,
};

int record_load(struct world *world, enum object_kind kind, json_t *record, struct error *err) {
    int r = loaders[kind](world, record);
    const char *id = json_path_text(record, "id");
    if (r == -EINVAL)
        return err_set(err, r, "invalid_config",
                       "the record of %s is incomplete or names something that is not there",
                       id ? id : "an object without id");
    return r < 0 ? err_wrap(err, r, "%s", id ? id : "record") : 0;
}

static void claim(struct subnet *subnet, uint32_t address) {
    (void)subnet_claim(subnet, address);
}

/* The addresses of interfaces of their own are taken again. */
static void claim_addresses(struct world *world, struct group *group) {
    list_for_each(link, &group->objects) {
        struct object *object = list_entry(link, struct object, member);
        if (object->kind == OBJECT_RESOURCE)
            interface_addresses(world, list_entry(object, struct resource, object)->body, claim);
    }
}

void record_finish(struct world *world) {
    list_for_each(link, &world->operations) {
        struct operation *operation = list_entry(link, struct operation, object.member);
        if (operation->status != OPERATION_RUNNING || operation->kind != OPERATION_WRITE)
            continue;
        struct set *set = world_find(world, OBJECT_SET, operation->target);
        struct vm *vm = set ? NULL : world_find(world, OBJECT_VM, operation->target);
        if (set)
            set->running = operation;
        else if (vm)
            vm->running = operation;
    }
    list_for_each(link, &world->groups)
        claim_addresses(world, list_entry(link, struct group, object.member));
}
