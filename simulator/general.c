/* SPDX-License-Identifier: MIT */
#include "graph.h"
#include "listing.h"
#include "operation.h"
#include "options.h"
#include "quota.h"
#include "render.h"
#include "route.h"
#include "set.h"
#include "vm.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* Subscription, resource groups, sizes, quotas, operations. */

static json_t *subscription_json(void) {
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s,s:s,s:s}}", "id", SUBSCRIPTION_PATH,
                     "subscriptionId", SUBSCRIPTION_ID, "tenantId", TENANT_ID, "displayName",
                     "Simulated subscription", "state", "Enabled", "subscriptionPolicies",
                     "locationPlacementId", "Internal_2014-09-01", "quotaId", "Internal_2014-09-01",
                     "spendingLimit", "Off");
}

static void handle_subscriptions(struct exchange *ex) {
    reply_json(ex, 200,
               json_pack("{s:[o],s:{s:s,s:i}}", "value", subscription_json(), "count", "type",
                         "Total", "value", 1));
}

static void handle_subscription(struct exchange *ex) {
    reply_json(ex, 200, subscription_json());
}

static const char *const display_names[REGIONS] = {"East US", "West Europe"};

static void handle_locations(struct exchange *ex) {
    json_t *value = json_array();
    for (int i = 0; i < REGIONS; i++)
        (void)json_array_append_new(
            value, json_pack("{s:o,s:s,s:s,s:s,s:s}", "id",
                             json_format(SUBSCRIPTION_PATH "/locations/%s", region_names[i]),
                             "name", region_names[i], "type", "Region", "displayName",
                             display_names[i], "regionalDisplayName", display_names[i]));
    reply_json(ex, 200, json_pack("{s:o}", "value", value));
}

/* Name of the group of a path: the one capture that is not checked to exist. */
static bool group_name_valid(const char *name) {
    size_t len = strlen(name);
    if (!len || len > 90 || name[len - 1] == '.')
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.()", *c))
            return false;
    return true;
}

static void handle_put_group(struct exchange *ex) {
    const char *name = ex->captures[1];
    const char *location = json_path_text(ex->body, "location");
    int region = region_index(location);
    if (!location) {
        reply_error(ex, 400, "LocationRequired",
                    "The location property is required for this definition.");
        return;
    }
    if (region < 0) {
        reply_error(ex, 400, "LocationNotAvailableForResourceGroup",
                    "The provided location '%s' is not available for resource group. List of "
                    "available regions is '%s,%s'.",
                    location, region_names[0], region_names[1]);
        return;
    }
    if (!group_name_valid(name)) {
        reply_error(ex, 400, "InvalidResourceGroup",
                    "The provided resource group name '%s' has these invalid characters or a wrong "
                    "length. It can have 1 to 90 letters, digits, '-', '_', '.', '(' and ')'.",
                    name);
        return;
    }
    struct group *group = world_group(ex->world, name);
    if (group && group->deleting) {
        reply_error(ex, 409, "ResourceGroupBeingDeleted",
                    "The resource group '%s' is in deprovisioning state and cannot perform this "
                    "operation.",
                    group->name);
        return;
    }
    if (group && group->region != region) {
        reply_error(ex, 409, "InvalidResourceGroupLocation",
                    "Invalid resource group location '%s'. The Resource group already exists in "
                    "location '%s'.",
                    location, region_names[group->region]);
        return;
    }
    int status = group ? 200 : 201;
    json_t *tags = json_object_get(ex->body, "tags");
    if (!group)
        group = group_new(ex->world, name, region, tags);
    if (!group) {
        reply_exhausted(ex);
        return;
    }
    if (status == 200) {
        json_decref(group->tags);
        group->tags = json_incref(tags);
        world_touch(ex->world, &group->object);
    }
    reply_json(ex, status, render_group(group));
}

/* The group of a path like that of groups themselves; NULL after a 404. */
static struct group *path_group(struct exchange *ex) {
    struct group *group = world_group(ex->world, ex->captures[1]);
    if (!group)
        reply_error(ex, 404, "ResourceGroupNotFound", "Resource group '%s' could not be found.",
                    ex->captures[1]);
    return group;
}

static void handle_get_group(struct exchange *ex) {
    struct group *group = path_group(ex);
    if (group)
        reply_json(ex, 200, render_group(group));
}

static void handle_head_group(struct exchange *ex) {
    reply_status(ex, world_group(ex->world, ex->captures[1]) ? 204 : 404);
}

/* Begins the end of everything inside; when the last of it is gone. */
static usec_t delete_members(struct world *world, struct group *group) {
    usec_t last = clock_wall(&clock_real);
    list_for_each(link, &world->vms) {
        struct vm *vm = list_entry(link, struct vm, link);
        if (vm->object.group != group)
            continue;
        usec_t at = vm_act(vm, VM_ACTION_DELETE_FORCED);
        last = at > last ? at : last;
    }
    list_for_each(link, &group->objects) {
        struct object *object = list_entry(link, struct object, member);
        if (object->kind == OBJECT_SET) {
            list_entry(object, struct set, object)->deleting = true;
            world_touch(world, object);
        }
    }
    return last;
}

static void handle_delete_group(struct exchange *ex) {
    struct group *group = path_group(ex);
    if (!group)
        return;
    usec_t at = delete_members(ex->world, group) + world_span(ex->world, 4, 10);
    struct operation *operation =
        operation_new(ex->world, &(struct operation_plan){.provider = "Microsoft.Resources",
                                                          .target = &group->object,
                                                          .region = group->region,
                                                          .kind = OPERATION_DELETE,
                                                          .ends_at = at});
    if (!operation) {
        reply_exhausted(ex);
        return;
    }
    group->deleting = true;
    world_touch(ex->world, &group->object);
    reply_status(ex, 202);
    reply_operation(ex, operation, false, true);
}

static void handle_list_groups(struct exchange *ex) {
    json_t *value = json_array();
    list_for_each(link, &ex->world->groups)(void)
        json_array_append_new(value, render_group(list_entry(link, struct group, object.member)));
    reply_json(ex, 200, json_pack("{s:o}", "value", value));
}

static void put_capability(json_t *list, const char *name, const char *value) {
    (void)json_array_append_new(list, json_pack("{s:s,s:s}", "name", name, "value", value));
}

static void put_number(json_t *list, const char *name, double value) {
    _cleanup_free_ char *text = text_format("%g", value);
    if (text)
        put_capability(list, name, text);
}

static const char *truth(bool value) {
    return value ? "True" : "False";
}

static json_t *capabilities_json(const struct size *size) {
    json_t *list = json_array();
    put_number(list, "vCPUs", size->vcpus);
    put_number(list, "vCPUsAvailable", size->vcpus_available);
    put_number(list, "vCPUsPerCore", size->vcpus_per_core);
    put_number(list, "MemoryGB", size->memory_gb);
    if (size->gpus)
        put_number(list, "GPUs", size->gpus);
    put_capability(list, "RdmaEnabled", truth(size->rdma));
    put_number(list, "MaxNetworkInterfaces", size->network_interfaces);
    put_capability(list, "LowPriorityCapable", truth(size->spot));
    put_capability(list, "AcceleratedNetworkingEnabled", truth(size->accelerated_networking));
    put_capability(list, "EphemeralOSDiskSupported", truth(size->ephemeral_os_disk));
    put_capability(list, "HyperVGenerations", size->generations);
    put_capability(list, "CpuArchitectureType", size->arch);
    put_capability(list, "PremiumIO", truth(size->premium_disks));
    return list;
}

static json_t *zones_json(const char *zones) {
    json_t *list = json_array();
    for (const char *at = zones; *at; at += strspn(at, ",")) {
        size_t len = strcspn(at, ",");
        (void)json_array_append_new(list, json_stringn(at, len));
        at += len;
    }
    return list;
}

static json_t *sku_json(const struct world *world, const struct size *size, int region) {
    const char *short_name = strchr(size->name, '_');
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:[s],s:[{s:s,s:o,s:[]}],s:o,s:[]}", "resourceType",
                     "virtualMachines", "name", size->name, "tier",
                     strncasecmp(size->name, "Basic_", 6) == 0 ? "Basic" : "Standard", "size",
                     short_name ? short_name + 1 : size->name, "family",
                     catalogue_family(world->catalogue, size->family), "locations",
                     region_names[region], "locationInfo", "location", region_names[region],
                     "zones", zones_json(size->zones), "zoneDetails", "capabilities",
                     capabilities_json(size), "restrictions");
}

/* The region of "location eq 'eastus'"; -1 = all, -2 = a region that is not here. */
static int filter_region(const char *filter) {
    const char *from = filter ? strchr(filter, '\'') : NULL;
    if (!from)
        return -1;
    _cleanup_free_ char *name = strndup(from + 1, strcspn(from + 1, "'"));
    int region = name ? region_index(name) : -1;
    return region < 0 ? -2 : region;
}

static void handle_skus(struct exchange *ex) {
    int only = filter_region(exchange_query(ex, "$filter"));
    json_t *value = json_array();
    for (int region = 0; region < REGIONS; region++) {
        if (only != -1 && only != region)
            continue;
        for (size_t i = 0; i < catalogue_len(ex->world->catalogue); i++)
            (void)json_array_append_new(
                value, sku_json(ex->world, catalogue_at(ex->world->catalogue, i), region));
    }
    reply_json(ex, 200, json_pack("{s:o}", "value", value));
}

/* The region of a path; -1 after an error. */
static int path_region(struct exchange *ex) {
    int region = region_index(ex->captures[1]);
    if (region < 0)
        reply_error(ex, 400, "NoRegisteredProviderFound",
                    "No registered resource provider found for location '%s'. This simulator has "
                    "'%s' and '%s'.",
                    ex->captures[1], region_names[0], region_names[1]);
    return region;
}

static void handle_usages(struct exchange *ex) {
    int region = path_region(ex);
    if (region < 0)
        return;
    json_t *value = json_array();
    for (size_t i = 0; i < quota_lines(ex->world->quota); i++) {
        struct quota_line line;
        quota_line(ex->world->quota, region, i, &line);
        (void)json_array_append_new(value, json_pack("{s:s,s:I,s:I,s:{s:s,s:s}}", "unit", "Count",
                                                     "currentValue", (json_int_t)line.used, "limit",
                                                     (json_int_t)line.limit, "name", "value",
                                                     line.name, "localizedValue", line.label));
    }
    reply_json(ex, 200, json_pack("{s:o}", "value", value));
}

static json_t *operation_json(const struct operation *operation) {
    _cleanup_buf_ struct buf start = BUF_INIT(TIME_TEXT_MAX);
    _cleanup_buf_ struct buf end = BUF_INIT(TIME_TEXT_MAX);
    (void)time_format(&start, operation->started_at);
    (void)time_format(&end, operation->ends_at);
    json_t *body =
        json_pack("{s:s,s:s,s:s}", "startTime", start.data, "status",
                  operation_status_text(operation->status), "name", operation->object.id);
    if (!body || operation->status == OPERATION_RUNNING)
        return body;
    (void)json_object_set_new(body, "endTime", json_string(end.data));
    if (operation->error_code)
        (void)json_object_set_new(
            body, "error",
            json_pack("{s:s,s:s}", "code", operation->error_code, "message",
                      operation->error_message ? operation->error_message : ""));
    return body;
}

/* Location polling: 202 until it is over, then the resource, nothing, or the error. */
static void reply_result(struct exchange *ex, const struct operation *operation) {
    if (operation->status == OPERATION_RUNNING) {
        reply_status(ex, 202);
        reply_operation(ex, operation, false, true);
        return;
    }
    if (operation->error_code) {
        reply_error(ex, 409, operation->error_code, "%s",
                    operation->error_message ? operation->error_message : "");
        return;
    }
    json_t *resource = operation->kind == OPERATION_WRITE
                           ? render_target(ex->world, operation->target_kind, operation->target)
                           : NULL;
    if (resource)
        reply_json(ex, 200, resource);
    else
        reply_status(ex, 200);
}

static struct operation *find_operation(struct exchange *ex, const char *id) {
    struct operation *operation = world_find(ex->world, OBJECT_OPERATION, id);
    if (!operation)
        reply_error(ex, 404, "NotFound", "The entity was not found: no operation '%s'.", id);
    return operation;
}

static void handle_operation(struct exchange *ex) {
    struct operation *operation = find_operation(ex, ex->captures[2]);
    if (!operation)
        return;
    const char *monitor = exchange_query(ex, "monitor");
    if (monitor && strcasecmp(monitor, "true") == 0) {
        reply_result(ex, operation);
        return;
    }
    reply_json(ex, 200, operation_json(operation));
    if (operation->status == OPERATION_RUNNING)
        reply_retry_after(ex, operation);
}

static void handle_operation_result(struct exchange *ex) {
    struct operation *operation = find_operation(ex, ex->captures[1]);
    if (operation)
        reply_result(ex, operation);
}

static void handle_activity(struct exchange *ex) {
    reply_json(ex, 200, json_pack("{s:[]}", "value"));
}

const struct route general_routes[] = {
    {"GET", "subscriptions", handle_subscriptions, "list-subscriptions", POLICY_NONE, false},
    {"GET", "subscriptions/*", handle_subscription, "get-subscription", POLICY_NONE, false},
    {"GET", "subscriptions/*/locations", handle_locations, "list-locations", POLICY_NONE, false},
    {"GET", "subscriptions/*/resourceGroups", handle_list_groups, "list-groups", POLICY_NONE,
     false},
    {"PUT", "subscriptions/*/resourceGroups/*", handle_put_group, "put-group", POLICY_NONE, false},
    {"GET", "subscriptions/*/resourceGroups/*", handle_get_group, "get-group", POLICY_NONE, false},
    {"HEAD", "subscriptions/*/resourceGroups/*", handle_head_group, "head-group", POLICY_NONE,
     false},
    {"DELETE", "subscriptions/*/resourceGroups/*", handle_delete_group, "delete-group", POLICY_NONE,
     false},
    {"GET", "subscriptions/*/providers/Microsoft.Compute/skus", handle_skus, "list-sizes",
     POLICY_NONE, false},
    {"GET", "subscriptions/*/providers/Microsoft.Compute/locations/*/usages", handle_usages,
     "list-quotas", POLICY_NONE, false},
    {"GET", "subscriptions/*/providers/Microsoft.Compute/locations/*/operations/*",
     handle_operation, "poll", POLICY_GET_OPERATION, false},
    {"GET", "subscriptions/*/providers/Microsoft.Network/locations/*/operations/*",
     handle_operation, "poll", POLICY_NETWORK_READ, false},
    {"GET", "subscriptions/*/operationresults/*", handle_operation_result, "poll", POLICY_NONE,
     false},
    {"GET", "subscriptions/*/providers/Microsoft.Compute/virtualMachines", list_all_vms, "list-vms",
     POLICY_LIST_VMS, false},
    {"GET", "subscriptions/*/providers/Microsoft.Compute/virtualMachineScaleSets", list_all_sets,
     "list-sets", POLICY_LIST_SETS, false},
    {"GET", "subscriptions/*/providers/Microsoft.Insights/eventtypes/management/values",
     handle_activity, "activity-log", POLICY_NONE, false},
    {"POST", "providers/Microsoft.ResourceGraph/resources", graph_query, "graph", POLICY_GRAPH,
     false},
    {0},
};
