/* SPDX-License-Identifier: MIT */
#include "render.h"

#include "condition.h"
#include "network.h"
#include "set.h"
#include "vm.h"

#include <inttypes.h>
#include <string.h>

json_t *render_group(const struct group *group) {
    json_t *body =
        json_pack("{s:s,s:s,s:s,s:s,s:{s:s}}", "id", group->object.id, "name", group->name, "type",
                  "Microsoft.Resources/resourceGroups", "location", region_names[group->region],
                  "properties", "provisioningState", group->deleting ? "Deleting" : "Succeeded");
    if (body && group->tags)
        (void)json_object_set(body, "tags", group->tags);
    return body;
}

json_t *render_resource(const struct resource *resource) {
    return json_deep_copy(resource->body);
}

static const char *set_state(const struct set *set) {
    if (set->deleting)
        return "Deleting";
    if (set->running)
        return set->next_instance == set->vms.len ? "Creating" : "Updating";
    return set->failed ? "Failed" : "Succeeded";
}

static json_t *json_time(usec_t at) {
    _cleanup_buf_ struct buf text = BUF_INIT(TIME_TEXT_MAX);
    return time_format(&text, at) < 0 ? NULL : json_string(text.data);
}

static void put_identity(json_t *body, const char *id, const char *name, const char *type) {
    (void)json_object_set_new(body, "id", json_string(id));
    (void)json_object_set_new(body, "name", json_string(name));
    (void)json_object_set_new(body, "type", json_string(type));
}

json_t *render_set(const struct set *set) {
    json_t *body = json_deep_copy(set->body);
    if (!body)
        return NULL;
    put_identity(body, set->object.id, set->name, "Microsoft.Compute/virtualMachineScaleSets");
    (void)json_object_set_new(body, "etag", etag_json(&set->object));
    /* What is secret is not given back. */
    json_path_delete(body, "properties.virtualMachineProfile.osProfile.customData");
    json_path_delete(body, "properties.virtualMachineProfile.osProfile.adminPassword");
    if (json_object_get(body, "sku"))
        (void)json_path_set(body, "sku.capacity", json_integer((json_int_t)set->live));
    (void)json_path_set(body, "properties.provisioningState", json_string(set_state(set)));
    (void)json_path_set(body, "properties.uniqueId", json_string(set->unique_id));
    (void)json_path_set(body, "properties.timeCreated", json_time(set->created_at));
    return body;
}

json_t *vm_tags(const struct vm *vm) {
    return json_object_get(vm->set ? vm->set->body : vm->body, "tags");
}

json_t *vm_profile(const struct vm *vm) {
    return vm->set && !vm->body ? json_path(vm->set->body, "properties.virtualMachineProfile")
                                : json_object_get(vm->body, "properties");
}

/* The body a Flexible member would have had as a VM of its own. */
static json_t *member_body(const struct vm *vm) {
    json_t *profile = vm_profile(vm);
    json_t *body = json_pack("{s:s,s:o}", "location", region_names[vm->region], "properties",
                             profile ? json_deep_copy(profile) : json_object());
    if (!body)
        return NULL;
    json_path_delete(body, "properties.osProfile.computerNamePrefix");
    (void)json_path_set(body, "properties.osProfile.computerName", json_string(vm->computer_name));
    (void)json_path_set(body, "properties.hardwareProfile.vmSize", json_string(vm->size->name));
    (void)json_path_set(body, "properties.virtualMachineScaleSet.id",
                        json_string(vm->set->object.id));
    json_t *tags = vm_tags(vm);
    if (tags)
        (void)json_object_set(body, "tags", tags);
    if (vm->zone[0])
        (void)json_object_set_new(body, "zones", json_pack("[s]", vm->zone));
    return body;
}

json_t *render_vm(const struct vm *vm, bool with_view) {
    json_t *body = vm->body ? json_deep_copy(vm->body) : member_body(vm);
    if (!body)
        return NULL;
    put_identity(body, vm->object.id, vm->name, "Microsoft.Compute/virtualMachines");
    (void)json_object_set_new(body, "etag", etag_json(&vm->object));
    json_path_delete(body, "properties.osProfile.customData");
    json_path_delete(body, "properties.osProfile.adminPassword");
    (void)json_path_set(body, "properties.vmId", json_string(vm->vm_id));
    (void)json_path_set(body, "properties.provisioningState",
                        json_string(vm_provisioning_text(vm)));
    (void)json_path_set(body, "properties.timeCreated", json_time(vm->created_at));
    if (with_view)
        (void)json_path_set(body, "properties.instanceView", render_vm_view(vm));
    return body;
}

/* "ProvisioningState/succeeded", "ProvisioningState/failed/AllocationFailed" ... */
static void put_provisioning_code(struct buf *b, const struct vm *vm) {
    (void)buf_puts(b, "ProvisioningState/");
    for (const char *c = vm_provisioning_text(vm); *c; c++)
        (void)buf_putc(b, (char)(*c | 0x20));
    if (vm_error_code(vm))
        (void)buf_printf(b, "/%s", vm_error_code(vm));
}

/* Why a machine failed, in the words of its fault or of its code. */
static void put_failure_text(struct buf *b, const struct vm *vm) {
    const char *code = vm_error_code(vm);
    _cleanup_free_ char *text = NULL;
    if (vm->error_message)
        text = strdup(vm->error_message);
    else if (strcmp(code, "OSProvisioningTimedOut") == 0)
        text =
            text_format("OS Provisioning for VM '%s' did not finish in the allotted time. The VM "
                        "may still finish provisioning successfully. Please check provisioning "
                        "state later.",
                        vm->name);
    else if (vm->fate == VM_FATE_STALLED)
        text = text_format("Provisioning of VM '%s' failed.", vm->name);
    else
        text = text_format("Allocation failed. We do not have sufficient capacity for the "
                           "requested VM size %s in this %s. Read more about improving likelihood "
                           "of allocation success at http://aka.ms/allocation-guidance",
                           vm->size->name, vm->zone[0] ? "zone" : "region");
    (void)buf_puts(b, "\"message\":\"");
    (void)buf_put_json(b, text ? text : "");
    (void)buf_puts(b, "\",");
}

static void put_statuses(struct buf *b, const struct vm *vm) {
    const char *error = vm_error_code(vm);
    const char *power = vm_power_text(vm);
    (void)buf_puts(b, "[{\"code\":\"");
    put_provisioning_code(b, vm);
    (void)buf_printf(b, "\",\"level\":\"%s\",\"displayStatus\":\"%s\",", error ? "Error" : "Info",
                     vm->state == VM_RUNNING ? "Provisioning succeeded" : vm_provisioning_text(vm));
    if (error)
        put_failure_text(b, vm);
    (void)buf_puts(b, "\"time\":\"");
    (void)time_format(b, vm->changed_at);
    (void)buf_puts(b, "\"}");
    if (power)
        (void)buf_printf(b,
                         ",{\"code\":\"PowerState/%s\",\"level\":\"Info\",\"displayStatus\":\"VM "
                         "%s\"}",
                         power, power);
    (void)buf_putc(b, ']');
}

json_t *render_vm_view(const struct vm *vm) {
    _cleanup_buf_ struct buf text = BUF_INIT(8192);
    (void)buf_printf(&text, "{\"computerName\":\"%s\",\"osName\":\"linux\",\"osVersion\":\"1\",",
                     vm->computer_name);
    if (vm->state == VM_RUNNING)
        (void)buf_puts(&text, "\"vmAgent\":{\"vmAgentVersion\":\"2.9\",\"statuses\":[{\"code\":"
                              "\"ProvisioningState/succeeded\",\"level\":\"Info\","
                              "\"displayStatus\":\"Ready\"}]},");
    (void)buf_puts(&text, "\"statuses\":");
    put_statuses(&text, vm);
    (void)buf_putc(&text, '}');
    return buf_error(&text) ? NULL : json_loadb(text.data, text.len, 0, NULL);
}

void render_instance_view(struct buf *b, const struct vm *vm) {
    (void)buf_printf(b, "{\"placementGroupId\":\"%s\",\"platformFaultDomain\":0,",
                     vm->set->unique_id);
    (void)buf_puts(b, "\"statuses\":");
    put_statuses(b, vm);
    (void)buf_putc(b, '}');
}

static void put_json(struct buf *b, const char *name, json_t *value) {
    _cleanup_free_ char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (text)
        (void)buf_printf(b, "\"%s\":%s,", name, text);
}

/* The list of a Flexible set has ids only. */
static void put_flexible_instance(struct buf *b, const struct vm *vm) {
    (void)buf_printf(b,
                     "{\"id\":\"%s/virtualMachines/%s\",\"name\":\"%s\",\"type\":"
                     "\"Microsoft.Compute/virtualMachineScaleSets/virtualMachines\","
                     "\"instanceId\":\"%s\",\"location\":\"%s\"}",
                     vm->set->object.id, vm->name, vm->name, vm->name, region_names[vm->region]);
}

void render_instance(struct buf *b, const struct vm *vm, bool with_view) {
    if (vm->set->flexible) {
        put_flexible_instance(b, vm);
        return;
    }
    (void)buf_printf(b,
                     "{\"id\":\"%s\",\"name\":\"%s\",\"type\":"
                     "\"Microsoft.Compute/virtualMachineScaleSets/virtualMachines\","
                     "\"instanceId\":\"%u\",\"location\":\"%s\",",
                     vm->object.id, vm->name, vm->number, region_names[vm->region]);
    put_json(b, "tags", vm_tags(vm));
    if (vm->zone[0])
        (void)buf_printf(b, "\"zones\":[\"%s\"],", vm->zone);
    (void)buf_printf(b,
                     "\"sku\":{\"name\":\"%s\",\"tier\":\"Standard\"},\"properties\":{\"vmId\":"
                     "\"%s\",\"latestModelApplied\":%s,\"provisioningState\":\"%s\","
                     "\"timeCreated\":\"",
                     vm->size->name, vm->vm_id, vm->model == vm->set->model ? "true" : "false",
                     vm_provisioning_text(vm));
    (void)time_format(b, vm->created_at);
    (void)buf_printf(b, "\",\"hardwareProfile\":{\"vmSize\":\"%s\"},\"osProfile\":{",
                     vm->size->name);
    put_json(b, "adminUsername", json_path(vm_profile(vm), "osProfile.adminUsername"));
    (void)buf_printf(b, "\"computerName\":\"%s\",\"allowExtensionOperations\":true}",
                     vm->computer_name);
    if (with_view) {
        (void)buf_puts(b, ",\"instanceView\":");
        render_instance_view(b, vm);
    }
    (void)buf_puts(b, "}}");
}

void render_interface(struct buf *b, const struct vm *vm) {
    char address[ADDRESS_TEXT_SIZE];
    address_format(vm->address, address);
    json_t *nic = json_path(vm_profile(vm), "networkProfile.networkInterfaceConfigurations.0");
    const char *name = json_path_text(nic, "name");
    const char *ip = json_path_text(nic, "properties.ipConfigurations.0.name");
    (void)buf_printf(b,
                     "{\"id\":\"%s/networkInterfaces/%s\",\"name\":\"%s\",\"properties\":{"
                     "\"provisioningState\":\"Succeeded\",\"primary\":true,\"ipConfigurations\":[{"
                     "\"name\":\"%s\",\"properties\":{\"privateIPAddress\":\"%s\","
                     "\"privateIPAllocationMethod\":\"Dynamic\",\"primary\":true,\"subnet\":{"
                     "\"id\":\"%s\"}}}],\"virtualMachine\":{\"id\":\"%s\"}}}",
                     vm->object.id, name ? name : "nic0", name ? name : "nic0", ip ? ip : "ip0",
                     address, vm->subnet ? vm->subnet->id : "", vm->object.id);
}

json_t *render_target(struct world *world, enum object_kind kind, const char *id) {
    void *object = world_find(world, kind, id);
    if (!object)
        return NULL;
    switch (kind) {
    case OBJECT_GROUP:
        return render_group(object);
    case OBJECT_RESOURCE:
        return render_resource(object);
    case OBJECT_SET:
        return render_set(object);
    case OBJECT_VM:
        return render_vm(object, false);
    case OBJECT_OPERATION:
        break;
    }
    return NULL;
}
