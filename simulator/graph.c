/* SPDX-License-Identifier: MIT */
#include "graph.h"

#include "base/parse.h"
#include "kql.h"
#include "options.h"
#include "render.h"
#include "vm.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { TOP_MAX = 1000, TOP_DEFAULT = 100 };

static json_t *lower_json(const char *text) {
    _cleanup_free_ char *lower = text_lower(text);
    return lower ? json_string(lower) : NULL;
}

static json_t *time_json(usec_t at) {
    _cleanup_buf_ struct buf text = BUF_INIT(TIME_TEXT_MAX);
    return time_format(&text, at) < 0 ? NULL : json_string(text.data);
}

static const char *priority_of(const struct vm *vm) {
    return vm->spot ? "Spot" : "Regular";
}

static usec_t lag_of(const struct world *world) {
    return world_seconds(world, world->options->graph_lag_s);
}

static json_t *vm_properties(const struct vm *vm) {
    const char *power = vm_power_text_at(vm, clock_wall(&clock_real) - lag_of(vm->world));
    json_t *properties =
        json_pack("{s:s,s:s,s:o,s:{s:s},s:{s:s},s:s,s:{s:{s:s,s:s,s:{s:o,s:o}}}}", "vmId",
                  vm->vm_id, "provisioningState", vm_provisioning_text(vm), "timeCreated",
                  time_json(vm->created_at), "hardwareProfile", "vmSize", vm->size->name,
                  "osProfile", "computerName", vm->computer_name, "priority", priority_of(vm),
                  "extended", "instanceView", "computerName", vm->computer_name, "osName", "linux",
                  "powerState", "code", power ? json_format("PowerState/%s", power) : json_null(),
                  "displayStatus", power ? json_format("VM %s", power) : json_null());
    if (properties && vm->set && vm->set->flexible)
        (void)json_path_set(properties, "virtualMachineScaleSet.id",
                            json_string(vm->set->object.id));
    return properties;
}

static json_t *row_of(const struct object *object, const char *name, const char *type, int region) {
    return json_pack("{s:s,s:s,s:o,s:s,s:o,s:s,s:s}", "id", object->id, "name", name, "type",
                     lower_json(type), "location", region_names[region], "resourceGroup",
                     lower_json(object->group->name), "subscriptionId", SUBSCRIPTION_ID, "tenantId",
                     TENANT_ID);
}

static bool is_instance(const struct vm *vm) {
    return vm->set && !vm->set->flexible;
}

static json_t *vm_row(const struct vm *vm) {
    json_t *row =
        row_of(&vm->object, vm->name,
               is_instance(vm) ? "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
                               : "Microsoft.Compute/virtualMachines",
               vm->region);
    json_t *tags = vm_tags(vm);
    if (!row || json_object_set(row, "tags", tags ? tags : json_null()) < 0 ||
        json_object_set_new(row, "zones", vm->zone[0] ? json_pack("[s]", vm->zone) : json_null()) <
            0 ||
        json_object_set_new(row, "properties", vm_properties(vm)) < 0 ||
        (is_instance(vm) &&
         json_object_set_new(
             row, "sku", json_pack("{s:s,s:s}", "name", vm->size->name, "tier", "Standard")) < 0)) {
        json_decref(row);
        return NULL;
    }
    return row;
}

/* A set or another resource: as it answers a GET. */
static json_t *object_row(const struct object *object) {
    json_t *body = object->kind == OBJECT_SET
                       ? render_set(list_entry(object, struct set, object))
                       : render_resource(list_entry(object, struct resource, object));
    if (!body)
        return NULL;
    (void)json_object_set_new(body, "type", lower_json(json_path_text(body, "type")));
    (void)json_object_set_new(body, "resourceGroup", lower_json(object->group->name));
    (void)json_object_set_new(body, "subscriptionId", json_string(SUBSCRIPTION_ID));
    (void)json_object_set_new(body, "tenantId", json_string(TENANT_ID));
    return body;
}

static int offer(struct kql *query, json_t *row) {
    int r = row ? kql_offer(query, row) : -ENOMEM;
    json_decref(row);
    return r;
}

/* The last row of a VM that is gone. */
struct gone {
    struct list link;
    json_t *row;
    bool instance;
    usec_t until;
};

static void gone_free(struct gone *gone) {
    list_del(&gone->link);
    json_decref(gone->row);
    free(gone);
}

/* Oldest first: what is over stands at the beginning. */
static void drop_gone(struct world *world, usec_t now) {
    list_for_each_safe(link, next, &world->gone) {
        struct gone *gone = list_entry(link, struct gone, link);
        if (gone->until > now)
            return;
        gone_free(gone);
    }
}

void graph_keep(const struct vm *vm) {
    struct world *world = vm->world;
    usec_t now = clock_wall(&clock_real), lag = lag_of(world);
    drop_gone(world, now);
    if (world->ending || !lag || vm->created_at + lag > now)
        return;
    struct gone *gone = calloc(1, sizeof(*gone));
    if (!gone)
        return;
    *gone = (struct gone){.row = vm_row(vm), .instance = is_instance(vm), .until = now + lag};
    list_init(&gone->link);
    if (gone->row)
        list_add_tail(&world->gone, &gone->link);
    else
        free(gone);
}

void graph_done(struct world *world) {
    drop_gone(world, UINT64_MAX);
}

static int offer_gone(struct world *world, struct kql *query, bool instances) {
    drop_gone(world, clock_wall(&clock_real));
    list_for_each(link, &world->gone) {
        const struct gone *gone = list_entry(link, struct gone, link);
        if (gone->instance != instances)
            continue;
        int r = offer(query, json_incref(gone->row));
        if (r < 0)
            return r;
    }
    return 0;
}

/* The machines of one table: instances of Uniform sets stand in ComputeResources, all others in
 * Resources. What changes shows after the lag. */
static int offer_vms(struct world *world, struct kql *query, bool instances) {
    usec_t now = clock_wall(&clock_real);
    usec_t lag = lag_of(world);
    list_for_each(link, &world->vms) {
        const struct vm *vm = list_entry(link, struct vm, link);
        if (is_instance(vm) != instances || vm->created_at + lag > now)
            continue;
        int r = offer(query, vm_row(vm));
        if (r < 0)
            return r;
    }
    return offer_gone(world, query, instances);
}

static int offer_objects(struct world *world, struct kql *query) {
    list_for_each(outer, &world->groups) {
        struct group *group = list_entry(outer, struct group, object.member);
        list_for_each(inner, &group->objects) {
            const struct object *object = list_entry(inner, struct object, member);
            if (object->kind != OBJECT_SET && object->kind != OBJECT_RESOURCE)
                continue;
            int r = offer(query, object_row(object));
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int offer_containers(struct world *world, struct kql *query) {
    list_for_each(link, &world->groups) {
        json_t *row = render_group(list_entry(link, struct group, object.member));
        if (row)
            (void)json_object_set_new(
                row, "type", json_string("microsoft.resources/subscriptions/resourcegroups"));
        int r = offer(query, row);
        if (r < 0)
            return r;
    }
    return 0;
}

static int offer_table(struct exchange *ex, struct kql *query) {
    struct world *world = ex->world;
    const char *table = kql_table(query);
    if (text_equal_fold(table, "ComputeResources"))
        return offer_vms(world, query, true);
    if (text_equal_fold(table, "ResourceContainers"))
        return offer_containers(world, query);
    if (!text_equal_fold(table, "Resources"))
        return -ENOENT;
    int r = offer_vms(world, query, false);
    return r < 0 ? r : offer_objects(world, query);
}

static void refuse(struct exchange *ex, const char *code, const char *text) {
    reply_json(ex, 400,
               json_pack("{s:{s:s,s:s,s:[{s:s,s:s}]}}", "error", "code", "BadRequest", "message",
                         "Please provide below info when asking for support.", "details", "code",
                         code, "message", text));
}

/* One page of the result. */
static void reply_page(struct exchange *ex, json_t *rows) {
    json_t *options = json_object_get(ex->body, "options");
    json_int_t top = json_path_int(options, "$top", TOP_DEFAULT);
    uint64_t skip = (uint64_t)json_path_int(options, "$skip", 0);
    const char *token = json_path_text(options, "$skipToken");
    if (token)
        (void)parse_u64(token, &skip);
    size_t total = json_array_size(rows);
    size_t most = top < 1 || top > TOP_MAX ? TOP_MAX : (size_t)top;
    json_t *data = json_array();
    for (size_t i = skip; data && i < total && json_array_size(data) < most; i++)
        (void)json_array_append(data, json_array_get(rows, i));
    size_t count = json_array_size(data);
    json_t *body = json_pack("{s:I,s:I,s:s,s:o,s:[]}", "totalRecords", (json_int_t)total, "count",
                             (json_int_t)count, "resultTruncated", "false", "data", data, "facets");
    if (body && skip + count < total)
        (void)json_object_set_new(body, "$skipToken", json_format("%zu", (size_t)(skip + count)));
    reply_json(ex, 200, body);
}

void graph_query(struct exchange *ex) {
    _cleanup_error_ struct error err = ERROR_INIT;
    _cleanup_(kql_freep) struct kql *query = NULL;
    const char *text = json_path_text(ex->body, "query");
    if (!text) {
        refuse(ex, "QueryMissing", "The request has no query.");
        return;
    }
    const char *format = json_path_text(ex->body, "options.resultFormat");
    if (format && strcasecmp(format, "objectArray") != 0) {
        reply_error_at(ex, 501, "NotImplemented", "options.resultFormat",
                       "This simulator does not have the resultFormat '%s', only objectArray.",
                       format);
        return;
    }
    int r = kql_parse(text, &query, &err);
    if (r == -EINVAL) {
        refuse(ex, "InvalidQuery", err_text(&err));
        return;
    }
    if (r == 0)
        r = offer_table(ex, query);
    if (r == -ENOENT) {
        refuse(ex, "InvalidQuery",
               "query: the tables here are Resources, ComputeResources and ResourceContainers");
        return;
    }
    json_t *rows = r == 0 ? kql_finish(query) : NULL;
    if (rows)
        reply_page(ex, rows);
    else
        reply_exhausted(ex);
    json_decref(rows);
}
