/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * system/trace: the last requests to the cloud and how each ended, a line each, for whoever looks
 * for the reason of something. Kept in memory alone; bodies, which may hold secrets, are not in it.
 */

static const char *const call_names[CYCLECLOUD_CALL_MAX] = {
    [CYCLECLOUD_CALL_LIST_SIZES] = "list_sizes",
    [CYCLECLOUD_CALL_LIST_QUOTAS] = "list_quotas",
    [CYCLECLOUD_CALL_GET_SUBNET] = "get_subnet",
    [CYCLECLOUD_CALL_ENSURE_GROUP] = "ensure_group",
    [CYCLECLOUD_CALL_DELETE_GROUP] = "delete_group",
    [CYCLECLOUD_CALL_ENSURE_SECURITY_GROUP] = "ensure_security_group",
    [CYCLECLOUD_CALL_CREATE_VM] = "create_vm",
    [CYCLECLOUD_CALL_DELETE_VM] = "delete_vm",
    [CYCLECLOUD_CALL_START_VM] = "start_vm",
    [CYCLECLOUD_CALL_DEALLOCATE_VM] = "deallocate_vm",
    [CYCLECLOUD_CALL_GET_VM] = "get_vm",
    [CYCLECLOUD_CALL_CREATE_SET] = "create_set",
    [CYCLECLOUD_CALL_RESIZE_SET] = "resize_set",
    [CYCLECLOUD_CALL_GET_SET] = "get_set",
    [CYCLECLOUD_CALL_DELETE_SET] = "delete_set",
    [CYCLECLOUD_CALL_DELETE_INSTANCES] = "delete_instances",
    [CYCLECLOUD_CALL_START_INSTANCES] = "start_instances",
    [CYCLECLOUD_CALL_DEALLOCATE_INSTANCES] = "deallocate_instances",
    [CYCLECLOUD_CALL_LIST_VMS] = "list_vms",
    [CYCLECLOUD_CALL_LIST_SETS] = "list_sets",
    [CYCLECLOUD_CALL_LIST_INSTANCES] = "list_instances",
    [CYCLECLOUD_CALL_SWEEP] = "sweep",
    [CYCLECLOUD_CALL_POLL] = "poll",
    [CYCLECLOUD_CALL_LIST_PRICES] = "list_prices",
    [CYCLECLOUD_CALL_READ_CONSOLE] = "read_console",
    [CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE] = "read_instance_console",
    [CYCLECLOUD_CALL_CREATE_DISK] = "create_disk",
    [CYCLECLOUD_CALL_RESIZE_DISK] = "resize_disk",
    [CYCLECLOUD_CALL_DELETE_DISK] = "delete_disk",
};

static const char *const class_names[CYCLECLOUD_CLASS_MAX] = {
    [CYCLECLOUD_OK] = "ok",
    [CYCLECLOUD_PENDING] = "pending",
    [CYCLECLOUD_THROTTLED] = "throttled",
    [CYCLECLOUD_QUOTA] = "quota",
    [CYCLECLOUD_CAPACITY] = "capacity",
    [CYCLECLOUD_AUTH] = "auth",
    [CYCLECLOUD_INVALID] = "invalid",
    [CYCLECLOUD_CONFLICT] = "conflict",
    [CYCLECLOUD_GONE] = "gone",
    [CYCLECLOUD_TRANSPORT] = "transport",
};

static const char *or_dash(const char *text) {
    return text && *text ? text : "-";
}

void trace_describe(const struct cyclecloud_request *q, struct buf *b) {
    (void)buf_printf(b, "%s account=%s", call_names[q->call], or_dash(q->account));
    if (q->group)
        (void)buf_printf(b, " group=%s", q->group);
    if (q->name)
        (void)buf_printf(b, " name=%s", q->name);
    if (q->call == CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE)
        (void)buf_printf(b, " instance=%s", q->instance_ids[0]);
    if (q->call == CYCLECLOUD_CALL_CREATE_SET || q->call == CYCLECLOUD_CALL_RESIZE_SET)
        (void)buf_printf(b, " capacity=%" PRIu32, q->capacity);
}

/* Cuts the older half off, at the end of a line. */
static void make_room(struct buf *trace) {
    if (trace->len < LIMIT_TRACE_BYTES)
        return;
    const char *cut = memchr(trace->data + trace->len / 2, '\n', trace->len - trace->len / 2);
    size_t from = cut ? (size_t)(cut - trace->data) + 1 : trace->len;
    size_t left = trace->len - from;
    memmove(trace->data, trace->data + from, left);
    buf_truncate(trace, left);
}

void trace_add(struct engine *e, const char *request, usec_t began,
               const struct cyclecloud_result *result) {
    struct buf *b = &e->trace;
    usec_t now = engine_now(e);
    make_room(b);
    (void)time_format(b, began);
    (void)buf_printf(b, " %s: %s http=%d ms=%" PRIu64, request, class_names[result->result],
                     result->http_status, usec_sub(now, began) / USEC_MS);
    if (*result->code)
        (void)buf_printf(b, " code=%s", result->code);
    if (result->request_id && *result->request_id)
        (void)buf_printf(b, " id=%s", result->request_id);
    (void)buf_putc(b, '\n');
    if (buf_error(b) < 0)
        buf_clear(b); /* no memory: it is no loss */
    e->trace_changed = true;
}

void trace_show(struct engine *e) {
    if (!e->trace_changed)
        return;
    struct snapshot *root = builder_root(e->builder);
    if (root)
        edit_text(e, &root->server.trace, e->trace.data);
    e->trace_changed = !root;
}
