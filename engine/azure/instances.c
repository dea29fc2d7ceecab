/* SPDX-License-Identifier: MIT */
#include "results.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* The segment that follows /NAME/ in a resource id (case does not matter), shared in the arena. */
static const char *segment(struct arena *arena, const char *id, const char *name) {
    size_t len = strlen(name);
    for (const char *at = strchr(id, '/'); at; at = strchr(at + 1, '/')) {
        if (strncasecmp(at + 1, name, len) != 0 || at[1 + len] != '/')
            continue;
        const char *value = at + 2 + len;
        char text[256];
        size_t n = strcspn(value, "/");
        if (n >= sizeof(text))
            return "";
        memcpy(text, value, n);
        text[n] = '\0';
        return arena_shared(arena, text);
    }
    return "";
}

static const char *after(const char *text, const char *prefix) {
    size_t len = strlen(prefix);
    return strncasecmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* "PowerState/running" and "ProvisioningState/failed/AllocationFailed". */
static void read_statuses(struct arena *arena, const json_t *statuses,
                          struct cyclecloud_instance *v) {
    for (size_t i = 0; i < json_array_size(statuses); i++) {
        const json_t *one = json_array_get(statuses, i);
        const char *code = text_of(one, "code");
        const char *power = after(code, "PowerState/");
        const char *failed = after(code, "ProvisioningState/failed");
        if (power)
            v->power_state = arena_shared(arena, power);
        if (!failed || (*failed && *failed != '/'))
            continue;
        v->error_code = arena_shared(arena, *failed ? failed + 1 : "");
        v->error_message = arena_plain(arena, text_of(one, "message"), MESSAGE_MAX);
    }
}

static bool complete(const struct cyclecloud_instance *v) {
    const char *const texts[] = {v->resource_id,
                                 v->name,
                                 v->vm_id,
                                 v->group,
                                 v->set_name,
                                 v->instance_id,
                                 v->machine_type,
                                 v->region,
                                 v->zone,
                                 v->computer_name,
                                 v->provisioning_state,
                                 v->power_state,
                                 v->error_code,
                                 v->error_message,
                                 v->placement_group};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (!texts[i])
            return false;
    return true;
}

static int append(struct results *r, const json_t *item, struct cyclecloud_instance *v) {
    int e = results_read_tags(&r->arena, item, &v->tags, &v->n_tags);
    if (e < 0 || !complete(v))
        return -ENOMEM;
    return r->instances.len < RESULTS_MAX ? instance_vec_append(&r->instances, *v) : -E2BIG;
}

/* What VMs, instances and rows have in common. */
static void read_common(struct arena *a, const json_t *item, struct cyclecloud_instance *v) {
    const char *id = text_of(item, "id");
    const json_t *zones = json_object_get(item, "zones");
    *v = (struct cyclecloud_instance){
        .resource_id = arena_text(a, id),
        .name = arena_text(a, text_of(item, "name")),
        .group = segment(a, id, "resourceGroups"),
        .set_name = segment(a, id, "virtualMachineScaleSets"),
        .instance_id = segment(a, id, "virtualMachines"),
        .region = arena_shared(a, text_of(item, "location")),
        .zone = arena_shared(a, json_string_value(json_array_get(zones, 0))),
        .power_state = "",
        .error_code = "",
        .error_message = "",
        .placement_group = "",
    };
}

static void read_properties(struct arena *a, const json_t *item, struct cyclecloud_instance *v) {
    const json_t *p = json_object_get(item, "properties");
    const json_t *view = json_object_get(p, "instanceView");
    v->vm_id = arena_text(a, text_of(p, "vmId"));
    v->provisioning_state = arena_shared(a, text_of(p, "provisioningState"));
    v->computer_name = arena_text(a, text_of(json_object_get(p, "osProfile"), "computerName"));
    v->placement_group = arena_shared(a, text_of(view, "placementGroupId"));
    read_statuses(a, json_object_get(view, "statuses"), v);
}

int results_add_instance(struct results *r, const json_t *item) {
    struct cyclecloud_instance v;
    if (!json_is_object(item))
        return -EBADMSG;
    read_common(&r->arena, item, &v);
    read_properties(&r->arena, item, &v);
    v.machine_type = arena_shared(&r->arena, text_of(json_object_get(item, "sku"), "name"));
    const char *number = text_of(item, "instanceId");
    if (*number)
        v.instance_id = arena_text(&r->arena, number);
    return append(r, item, &v);
}

int results_add_vm(struct results *r, const json_t *item) {
    struct cyclecloud_instance v;
    const json_t *p = json_object_get(item, "properties");
    if (!json_is_object(item))
        return -EBADMSG;
    read_common(&r->arena, item, &v);
    read_properties(&r->arena, item, &v);
    const char *set = text_of(json_object_get(p, "virtualMachineScaleSet"), "id");
    v.machine_type =
        arena_shared(&r->arena, text_of(json_object_get(p, "hardwareProfile"), "vmSize"));
    v.set_name = segment(&r->arena, set, "virtualMachineScaleSets");
    if (!*set)
        v.instance_id = "";
    return append(r, item, &v);
}

int results_add_lone_vm(struct results *r, const json_t *item) {
    const json_t *set =
        json_object_get(json_object_get(item, "properties"), "virtualMachineScaleSet");
    return json_object_size(set) ? 0 : results_add_vm(r, item);
}

int results_add_row(struct results *r, const json_t *item) {
    struct cyclecloud_instance v;
    if (!json_is_object(item))
        return -EBADMSG;
    struct arena *a = &r->arena;
    read_common(a, item, &v);
    v.vm_id = arena_text(a, text_of(item, "vmId"));
    v.machine_type = arena_shared(a, text_of(item, "size"));
    v.provisioning_state = arena_shared(a, text_of(item, "prov"));
    v.computer_name = arena_text(a, text_of(item, "computer"));
    const char *power = after(text_of(item, "state"), "PowerState/");
    v.power_state = arena_shared(a, power);
    const char *set = text_of(item, "ss");
    if (*set)
        v.set_name = segment(a, set, "virtualMachineScaleSets");
    else if (v.set_name && !*v.set_name)
        v.instance_id = "";
    return append(r, item, &v);
}
