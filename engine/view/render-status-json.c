/* SPDX-License-Identifier: MIT */
#include "render.h"

#include "model/limits.h"
#include "show.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/* Clients do arithmetic with limits, so "none" is a large number and never null. */
#define NO_CORE_LIMIT INT64_C(1000000000)

static void put_key(struct buf *b, const char *key) {
    (void)buf_putc(b, '"');
    (void)buf_puts(b, key);
    (void)buf_puts(b, "\":");
}

static void put_string(struct buf *b, const char *key, const char *value) {
    put_key(b, key);
    (void)buf_putc(b, '"');
    (void)show_json(b, value);
    (void)buf_puts(b, "\",");
}

/* null until known: clients compare host names, and two empty ones would be equal. */
static void put_string_or_null(struct buf *b, const char *key, const char *value) {
    if (*value) {
        put_string(b, key, value);
        return;
    }
    put_key(b, key);
    (void)buf_puts(b, "null,");
}

static void put_bool(struct buf *b, const char *key, bool value) {
    put_key(b, key);
    (void)buf_puts(b, value ? "true," : "false,");
}

static const char *target_rest(enum target t) {
    static const char *const names[TARGET_MAX] = {
        [TARGET_TERMINATED] = "Terminated",
        [TARGET_STARTED] = "Started",
        [TARGET_DEALLOCATED] = "Deallocated",
    };
    return names[t];
}

/* Clients look a node's type up among its array's buckets: before one is chosen, it is the one that
   will be tried. */
static const char *machine_type(const struct node *n, const struct array *a) {
    if (str_len(n->machine_type) || !a || !a->spec || !a->spec->machine_types)
        return str_text(n->machine_type);
    const struct str_list *types = a->spec->machine_types;
    if (types->len == 0)
        return "";
    return str_text(types->items[n->type_choice < types->len ? n->type_choice : 0]);
}

static void put_place(struct buf *b, const struct array *a) {
    const struct array_spec *spec = a ? a->spec : NULL;
    put_string_or_null(b, "Region", spec ? str_text(spec->region) : "");
    put_string_or_null(b, "SubnetId", spec ? str_text(spec->subnet) : "");
    if (spec && spec->priority)
        (void)buf_printf(b, "\"Priority\":%" PRId64 ",", spec->priority);
}

static int put_node(const struct cluster *c, const struct array *a, const struct node *n,
                    struct buf *b) {
    (void)buf_putc(b, '{');
    put_string(b, "Name", str_text(n->name));
    (void)buf_printf(b, "\"NodeId\":\"%" PRIu64 "\",", n->id);
    put_string(b, "ClusterName", str_text(c->name));
    put_string(b, "Template", a ? str_text(a->name) : "");
    put_string(b, "Status", node_status_name(n->status));
    put_string(b, "State", node_state_name(n->status));
    put_string(b, "TargetState", target_rest(n->target));
    put_string_or_null(b, "Hostname", str_text(n->hostname));
    put_string_or_null(b, "PrivateIp", str_text(n->private_ip));
    put_string_or_null(b, "PublicIp", str_text(n->public_ip));
    put_string_or_null(b, "MachineType", machine_type(n, a));
    put_string_or_null(b, "InstanceId", str_text(n->vm_id));
    put_string_or_null(b, "PlacementGroupId", str_text(n->placement_group));
    put_string_or_null(b, "Zone", str_text(n->zone));
    put_string_or_null(b, "StatusMessage", str_text(n->message));
    put_bool(b, "KeepAlive", n->keepalive);
    put_bool(b, "Interruptible", n->spot);
    put_bool(b, "Fixed", n->fixed);
    put_place(b, a);
    return buf_printf(b, "\"CoreCount\":%" PRIu32 "}", n->cores);
}

int render_node_record(const struct cluster *cluster, const struct node *node, struct buf *b) {
    return put_node(cluster, cluster_array_by_id(cluster, node->array_id), node, b);
}

static int set_default(json_t *record, const char *key, const char *value) {
    if (json_object_get(record, key))
        return 0;
    return json_object_set_new(record, key, json_string(value)) < 0 ? -ENOMEM : 0;
}

/* A JSON object from stored text; an empty one when there is none. New; NULL: no memory. */
static json_t *load_object(const struct str *text) {
    json_t *object = str_len(text) ? json_loads(str_text(text), 0, NULL) : NULL;
    if (json_is_object(object))
        return object;
    json_decref(object);
    return json_object();
}

/* What clients read of an array without asking whether it is there. */
static int complete_record(json_t *record, const struct array *a) {
    const struct array_spec *spec = a->spec;
    const struct {
        const char *key, *value;
    } defaults[] = {
        {"Name", str_text(a->name)},
        {"Region", spec ? str_text(spec->region) : ""},
        {"SubnetId", spec ? str_text(spec->subnet) : ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
        int r = set_default(record, defaults[i].key, defaults[i].value);
        if (r < 0)
            return r;
    }
    if (json_object_get(record, "Configuration"))
        return 0;
    /* jansson releases the value, also when it fails or the value is NULL */
    json_t *configuration = load_object(a->configuration);
    return json_object_set_new(record, "Configuration", configuration) < 0 ? -ENOMEM : 0;
}

static int put_array_record(struct buf *b, const struct array *a) {
    json_t *record = load_object(a->attributes);
    int r = record ? complete_record(record, a) : -ENOMEM;
    char *text = r == 0 ? json_dumps(record, JSON_COMPACT) : NULL;
    json_decref(record);
    if (r == 0)
        r = text ? buf_puts(b, text) : -ENOMEM;
    free(text);
    return r;
}

static int put_array(struct buf *b, const struct array *a) {
    int64_t max = array_max_count(a);
    int64_t max_cores = a->spec ? a->spec->max_core_count : -1;
    (void)buf_putc(b, '{');
    put_string(b, "name", str_text(a->name));
    (void)buf_puts(b, "\"nodearray\":");
    int r = put_array_record(b, a);
    if (r < 0)
        return r;
    (void)buf_printf(b, ",\"maxCount\":%" PRId64 ",\"maxCoreCount\":%" PRId64 ",\"buckets\":",
                     max < 0 ? LIMIT_NODES_PER_CLUSTER : max,
                     max_cores < 0 ? NO_CORE_LIMIT : max_cores);
    (void)buf_puts(b, str_len(a->buckets) ? str_text(a->buckets) : "[]");
    return buf_putc(b, '}');
}

static int put_arrays(struct buf *b, const struct cluster *c) {
    const char *separator = "";
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        if (!a->is_array)
            continue;
        (void)buf_puts(b, separator);
        int r = put_array(b, a);
        if (r < 0)
            return r;
        separator = ",";
    }
    return buf_error(b);
}

/* Clients index the arrays by each node's Template, and its buckets by
   MachineType, so no head nodes and no Off records. */
static bool listed(const struct node *n, const struct array *a) {
    return a && a->is_array && n->status != NODE_OFF && n->status != NODE_TERMINATED &&
           *machine_type(n, a);
}

static int put_nodes(struct buf *b, const struct cluster *c) {
    const char *separator = "";
    const struct array *a = NULL;
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));) {
        if (!a || a->id != n->array_id)
            a = cluster_array_by_id(c, n->array_id);
        if (!listed(n, a))
            continue;
        (void)buf_puts(b, separator);
        int r = put_node(c, a, n, b);
        if (r < 0)
            return r;
        separator = ",";
    }
    return buf_error(b);
}

int render_status_body(const struct view_ctx *ctx, bool nodes, struct buf *b) {
    const struct cluster *c = ctx->cluster;
    (void)buf_putc(b, '{');
    if (c->generation > 0) { /* absent while it was never started */
        put_string(b, "state", cluster_state_name(c->state));
        put_string(b, "targetState", target_rest(c->target));
    }
    (void)buf_printf(b, "\"maxCount\":%u,\"maxCoreCount\":%" PRId64 ",\"nodearrays\":[",
                     LIMIT_NODES_PER_CLUSTER, NO_CORE_LIMIT);
    int r = put_arrays(b, c);
    if (r < 0)
        return r;
    (void)buf_putc(b, ']');
    if (nodes) {
        (void)buf_puts(b, ",\"nodes\":[");
        r = put_nodes(b, c);
        if (r < 0)
            return r;
        (void)buf_putc(b, ']');
    }
    return buf_puts(b, "}\n");
}

int render_status_json(const struct view_ctx *ctx, struct buf *b) {
    return render_status_body(ctx, true, b);
}
