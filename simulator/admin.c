/* SPDX-License-Identifier: MIT */
#include "agent.h"
#include "fault.h"
#include "network.h"
#include "quota.h"
#include "route.h"
#include "set.h"
#include "traffic.h"
#include "vm.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

/* /simulator/...: what the simulation is, and what happens behind its users' backs. */

static void put_text(struct buf *b, const char *name, const char *value) {
    (void)buf_printf(b, "\"%s\":\"", name);
    (void)buf_put_json(b, value ? value : "");
    (void)buf_puts(b, "\",");
}

static void put_vm(struct buf *b, const struct vm *vm) {
    char private_address[ADDRESS_TEXT_SIZE] = "", public_address[ADDRESS_TEXT_SIZE] = "";
    if (vm->address)
        address_format(vm->address, private_address);
    if (vm->public_address)
        address_format(vm->public_address, public_address);
    (void)buf_putc(b, '{');
    put_text(b, "id", vm->object.id);
    put_text(b, "resource_id", vm->object.id);
    put_text(b, "name", vm->name);
    put_text(b, "vm_id", vm->vm_id);
    put_text(b, "group", vm->object.group->name);
    put_text(b, "set", vm->set ? vm->set->name : "");
    put_text(b, "computer_name", vm->computer_name);
    put_text(b, "size", vm->size->name);
    put_text(b, "region", region_names[vm->region]);
    put_text(b, "zone", vm->zone);
    put_text(b, "state", vm_state_text(vm));
    put_text(b, "power", vm_power_text(vm));
    put_text(b, "agent", agent_phase_text(vm->agent.phase));
    put_text(b, "private_ip", private_address);
    put_text(b, "public_ip", public_address);
    (void)buf_printf(b, "\"instance_id\":%u,\"spot\":%s}", vm->number, vm->spot ? "true" : "false");
}

static void handle_vms(struct exchange *ex) {
    bool any = false;
    reply_status(ex, 200);
    (void)buf_puts(&ex->reply, "{\"vms\":[");
    list_for_each(link, &ex->world->vms) {
        (void)buf_puts(&ex->reply, any ? ",\n" : "\n");
        put_vm(&ex->reply, list_entry(link, struct vm, link));
        any = true;
    }
    (void)buf_puts(&ex->reply, "]}");
    if (buf_error(&ex->reply))
        reply_exhausted(ex);
}

static void handle_health(struct exchange *ex) {
    const char *port = strrchr(ex->world->base_url, ':') + 1;
    reply_json(ex, 200,
               json_pack("{s:s,s:i,s:i,s:s,s:s}", "status", "ok", "pid", (int)getpid(), "port",
                         atoi(port), "version", CYCLECLOUDFS_VERSION, "url", ex->world->base_url));
}

static void handle_stats(struct exchange *ex) {
    json_t *stats = traffic_json(ex->world->traffic);
    size_t states[VM_STATE_MAX] = {0}, agents[AGENT_PHASE_MAX] = {0};
    json_t *by_agent = json_object();
    list_for_each(link, &ex->world->vms) {
        const struct vm *vm = list_entry(link, struct vm, link);
        states[vm->state]++;
        agents[vm->agent.phase]++;
    }
    for (int i = 0; i < AGENT_PHASE_MAX; i++)
        (void)json_object_set_new(by_agent, agent_phase_text((enum agent_phase)i),
                                  json_integer((json_int_t)agents[i]));
    json_t *objects = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "groups", (json_int_t)ex->world->n_groups, "sets",
        (json_int_t)ex->world->n_sets, "vms", (json_int_t)ex->world->n_vms, "running",
        (json_int_t)states[VM_RUNNING], "resources", (json_int_t)ex->world->n_resources,
        "operations", (json_int_t)ex->world->n_operations, "agents", by_agent);
    if (stats)
        (void)json_object_set_new(stats, "objects", objects);
    else
        json_decref(objects);
    reply_json(ex, 200, stats);
}

static void handle_get_faults(struct exchange *ex) {
    reply_json(ex, 200, faults_json(ex->world->faults));
}

/* {"spec": "..."}, or the settings themselves as members. New; NULL: out of memory. */
static char *spec_of(json_t *body) {
    const char *spec = json_path_text(body, "spec");
    return spec ? strdup(spec) : json_dumps(body, JSON_COMPACT);
}

static void handle_add_fault(struct exchange *ex) {
    _cleanup_error_ struct error err = ERROR_INIT;
    _cleanup_free_ char *spec = spec_of(ex->body);
    int r = spec ? faults_add(ex->world->faults, spec, &err) : -ENOMEM;
    if (r < 0)
        reply_error(ex, 400, "InvalidFault", "%s", err_text(&err));
    else
        reply_json(ex, 201, json_pack("{s:i}", "id", r));
}

static void handle_remove_faults(struct exchange *ex) {
    uint64_t id = 0;
    const char *text = ex->captures[0] ? ex->captures[0] : exchange_query(ex, "id");
    if ((text && parse_u64(text, &id) < 0) || faults_remove(ex->world->faults, (unsigned)id) < 0)
        reply_error(ex, 404, "NotFound", "There is no fault %s.", text);
    else
        reply_status(ex, 204);
}

/* The VM of the body's resource_id; NULL after a 404. */
static struct vm *vm_of_body(struct exchange *ex) {
    const char *id = json_path_text(ex->body, "resource_id");
    struct vm *vm = world_find(ex->world, OBJECT_VM, id);
    if (!vm)
        reply_error(ex, 404, "NotFound", "There is no VM '%s'; give its id as resource_id.",
                    id ? id : "");
    return vm;
}

static void handle_delete(struct exchange *ex) {
    struct set *set = world_find(ex->world, OBJECT_SET, json_path_text(ex->body, "resource_id"));
    struct vm *vm = set ? NULL : vm_of_body(ex);
    if (!set && !vm)
        return;
    if (set) {
        set_free(ex->world, set);
    } else {
        if (vm->set)
            world_touch(ex->world, &vm->set->object);
        vm_free(vm);
    }
    reply_status(ex, 204);
}

static void handle_evict(struct exchange *ex) {
    struct vm *vm = vm_of_body(ex);
    if (!vm)
        return;
    vm_evict(vm);
    reply_status(ex, 204);
}

static void handle_quota(struct exchange *ex) {
    _cleanup_error_ struct error err = ERROR_INIT;
    const char *setting = json_path_text(ex->body, "quota");
    if (quota_set(ex->world->quota, setting ? setting : "", &err) < 0)
        reply_error(ex, 400, "InvalidQuota", "%s", err_text(&err));
    else
        reply_status(ex, 204);
}

const struct route admin_routes[] = {
    {"GET", "simulator/health", handle_health, "admin", POLICY_NONE, false, 0},
    {"GET", "simulator/vms", handle_vms, "admin", POLICY_NONE, false, 0},
    {"GET", "simulator/stats", handle_stats, "admin", POLICY_NONE, false, 0},
    {"GET", "simulator/faults", handle_get_faults, "admin", POLICY_NONE, false, 0},
    {"POST", "simulator/faults", handle_add_fault, "admin", POLICY_NONE, false, 0},
    {"DELETE", "simulator/faults", handle_remove_faults, "admin", POLICY_NONE, false, 0},
    {"DELETE", "simulator/faults/*", handle_remove_faults, "admin", POLICY_NONE, false, 0},
    {"POST", "simulator/delete", handle_delete, "admin", POLICY_NONE, false, 0},
    {"POST", "simulator/evict", handle_evict, "admin", POLICY_NONE, false, 0},
    {"POST", "simulator/quota", handle_quota, "admin", POLICY_NONE, false, 0},
    {0},
};
