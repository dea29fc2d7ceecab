/* SPDX-License-Identifier: MIT */
#include "render.h"

#include "buckets.h"
#include "members.h"
#include "model/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static const char *target_rest(enum target t) {
    static const char *const names[TARGET_MAX] = {
        [TARGET_TERMINATED] = "Terminated",
        [TARGET_STARTED] = "Started",
        [TARGET_DEALLOCATED] = "Deallocated",
    };
    return names[t];
}

static void put_place(struct buf *b, const struct array *a) {
    const struct array_spec *spec = a ? a->spec : NULL;
    member_text_or_null(b, "Region", spec ? str_text(spec->region) : "");
    member_text_or_null(b, "SubnetId", spec ? str_text(spec->subnet) : "");
    if (spec && spec->priority)
        member_number(b, "Priority", spec->priority);
}

/* `machine_type` is spelt as its bucket does: clients look nodes up among the buckets. */
static int put_node(const struct cluster *c, const struct array *a, const struct node *n,
                    const char *machine_type, struct buf *b) {
    (void)buf_putc(b, '{');
    member_text(b, "Name", str_text(n->name));
    (void)buf_printf(b, "\"NodeId\":\"%" PRIu64 "\",", n->id);
    member_text(b, "ClusterName", str_text(c->name));
    member_text(b, "Template", a ? str_text(a->name) : "");
    member_text(b, "Status", node_status_name(n->status));
    member_text(b, "State", node_state_name(n->status));
    member_text(b, "TargetState", target_rest(n->target));
    member_text_or_null(b, "Hostname", str_text(n->hostname));
    member_text_or_null(b, "PrivateIp", str_text(n->private_ip));
    member_text_or_null(b, "PublicIp", str_text(n->public_ip));
    member_text_or_null(b, "MachineType", machine_type);
    member_text_or_null(b, "InstanceId", str_text(n->vm_id));
    member_text_or_null(b, "PlacementGroupId", str_text(n->placement_group));
    member_text_or_null(b, "Zone", str_text(n->zone));
    member_text_or_null(b, "StatusMessage", str_text(n->message));
    member_bool(b, "KeepAlive", n->keepalive);
    member_bool(b, "Interruptible", n->spot);
    member_bool(b, "Fixed", n->fixed);
    put_place(b, a);
    member_number(b, "CoreCount", n->cores);
    return members_end(b);
}

/* The type of one node alone; one that has none yet is going to try the first of the list. */
static const char *machine_type(const struct snapshot *s, const struct array *a,
                                const struct node *n) {
    const struct str_list *list = a && a->spec ? a->spec->machine_types : NULL;
    const char *name = str_len(n->machine_type) ? str_text(n->machine_type)
                       : list && list->len      ? str_text(list->items[0])
                                                : "";
    const struct machine_type *known =
        a && a->spec
            ? snapshot_machine_type(s, str_text(a->spec->account), str_text(a->spec->region), name)
            : NULL;
    return known ? str_text(known->name) : name;
}

int render_node_record(const struct snapshot *s, const struct cluster *c, const struct node *n,
                       struct buf *b) {
    const struct array *a = cluster_array_by_id(c, n->array_id);
    return put_node(c, a, n, machine_type(s, a, n), b);
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

static int64_t limit_or(int64_t limit, int64_t none) {
    return limit < 0 ? none : limit;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Clients take it for a mistake of ours when more is there than may be, and stop; but nodes on
   their way out, or a limit that was lowered, can make it so. */
static int put_array(const struct buckets *x, const struct array *a, bool nodes, struct buf *b) {
    const struct bucket_array *part = bucket_table_array(&x->table, a);
    int64_t cores = limit_or(a->spec ? a->spec->max_core_count : -1, NO_CORE_LIMIT);
    (void)buf_putc(b, '{');
    member_text(b, "name", str_text(a->name));
    member_key(b, "nodearray");
    int r = put_array_record(b, a);
    if (r < 0)
        return r;
    (void)buf_putc(b, ',');
    member_number(b, "maxCount",
                  larger(limit_or(array_max_count(a), LIMIT_NODES_PER_CLUSTER), part->present));
    member_number(b, "maxCoreCount", larger(cores, (int64_t)part->present_vcpus));
    member_key(b, "buckets");
    (void)buf_putc(b, '[');
    r = buckets_put(x, a, nodes, ",", b);
    (void)buf_puts(b, "],");
    return r < 0 ? r : members_end(b);
}

static int put_arrays(const struct buckets *x, bool nodes, struct buf *b) {
    const struct cluster *c = x->table.cluster;
    const char *separator = "";
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        if (!a->is_array)
            continue;
        (void)buf_puts(b, separator);
        int r = put_array(x, a, nodes, b);
        if (r < 0)
            return r;
        separator = ",";
    }
    return buf_error(b);
}

/* Clients index the arrays by each node's Template, and its buckets by
   MachineType, so no head nodes and no Off records. */
static int put_nodes(const struct buckets *x, struct buf *b) {
    const struct bucket_table *t = &x->table;
    const char *separator = "";
    for (size_t i = 0; i < t->members.len; i++) {
        const struct bucket_member *m = &t->members.items[i];
        const struct bucket *in = m->bucket == BUCKET_NONE ? NULL : &t->buckets.items[m->bucket];
        if (!in || !in->array->is_array || !node_status_present(m->node->status))
            continue;
        (void)buf_puts(b, separator);
        int r = put_node(t->cluster, in->array, m->node, in->machine_type, b);
        if (r < 0)
            return r;
        separator = ",";
    }
    return buf_error(b);
}

static int put_status(const struct buckets *x, bool nodes, struct buf *b) {
    const struct cluster *c = x->table.cluster;
    (void)buf_putc(b, '{');
    if (c->generation > 0) { /* absent while it was never started */
        member_text(b, "state", cluster_state_name(c->state));
        member_text(b, "targetState", target_rest(c->target));
    }
    uint64_t nodes_now = 0, cores_now = 0;
    for (size_t i = 0; i < x->table.arrays.len; i++) {
        nodes_now += x->table.arrays.items[i].present;
        cores_now += x->table.arrays.items[i].present_vcpus;
    }
    member_number(b, "maxCount",
                  larger(limit_or(c->max_count, LIMIT_NODES_PER_CLUSTER), (int64_t)nodes_now));
    member_number(b, "maxCoreCount",
                  larger(limit_or(c->max_core_count, NO_CORE_LIMIT), (int64_t)cores_now));
    member_key(b, "nodearrays");
    (void)buf_putc(b, '[');
    int r = put_arrays(x, nodes, b);
    (void)buf_puts(b, "],");
    if (r == 0 && nodes) {
        member_key(b, "nodes");
        (void)buf_putc(b, '[');
        r = put_nodes(x, b);
        (void)buf_puts(b, "],");
    }
    return r < 0 ? r : members_end(b);
}

int render_status_body(const struct view_ctx *ctx, bool nodes, struct buf *b) {
    _cleanup_(buckets_done) struct buckets x = {0};
    int r = buckets_make(ctx, &x);
    if (r == 0)
        r = put_status(&x, nodes, b);
    return r < 0 ? r : buf_putc(b, '\n');
}

int render_status_json(const struct view_ctx *ctx, struct buf *b) {
    return render_status_body(ctx, true, b);
}
