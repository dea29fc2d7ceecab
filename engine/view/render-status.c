/* SPDX-License-Identifier: MIT */
#include "render.h"

#include "show.h"
#include "text-table.h"

#include <inttypes.h>
#include <string.h>

static size_t count_lines(const struct str *text) {
    size_t n = 0;
    const char *p = str_text(text);
    while (*p) {
        n++;
        p += strcspn(p, "\n");
        p += *p == '\n';
    }
    return n;
}

static uint32_t ready(const struct cluster *c) {
    return c->counts.by_status[NODE_READY] + c->head_counts.by_status[NODE_READY];
}

static uint32_t wanted(const struct cluster *c) {
    return c->counts.wanted + c->head_counts.wanted;
}

int render_root_status(const struct view_ctx *ctx, struct buf *b) {
    _cleanup_text_table_ struct text_table t;
    text_table_init(&t, 5);
    for (size_t i = 0; i < ctx->snapshot->clusters.len; i++) {
        const struct cluster *c = ctx->snapshot->clusters.items[i];
        text_table_cell(&t, str_text(c->name));
        text_table_cell(&t, cluster_state_file(c->state));
        (void)buf_printf(&t.cells, "%" PRIu32 "/%" PRIu32 " nodes", ready(c), wanted(c));
        text_table_end_cell(&t);
        (void)buf_printf(&t.cells, "%" PRIu32 " cores", c->counts.cores + c->head_counts.cores);
        text_table_end_cell(&t);
        (void)buf_printf(&t.cells, "%zu alerts", count_lines(c->alerts));
        text_table_end_cell(&t);
    }
    return text_table_write(&t, b);
}

static void put_key(struct buf *b, const char *key, const char *value) {
    if (*value)
        (void)buf_printf(b, "%s: %s\n", key, value);
}

/* "8 ready, 2 preparing of 10 wanted" */
static void put_counts(struct buf *b, const struct counts *counts) {
    const char *separator = "";
    for (int s = 0; s < NODE_STATUS_MAX; s++) {
        if (!counts->by_status[s])
            continue;
        (void)buf_printf(b, "%s%" PRIu32 " %s", separator, counts->by_status[s],
                         node_status_name((enum node_status)s));
        separator = ", ";
    }
    (void)buf_printf(b, "%s%" PRIu32 " wanted", *separator ? " of " : "", counts->wanted);
    if (counts->held)
        (void)buf_printf(b, ", %" PRIu32 " waiting for a person", counts->held);
    (void)buf_putc(b, '\n');
}

static void put_array(struct buf *b, const struct array *a) {
    int64_t max = array_max_count(a);
    (void)buf_printf(b, "%s %s: ", a->is_array ? "array" : "node", str_text(a->name));
    if (max >= 0)
        (void)buf_printf(b, "at most %" PRId64 ": ", max);
    if (a->gone)
        (void)buf_puts(b, "no longer in the template: ");
    put_counts(b, &a->counts);
}

static void put_summary(struct buf *b, const struct cluster *c) {
    put_key(b, "cluster", str_text(c->name));
    put_key(b, "state", cluster_state_file(c->state));
    put_key(b, "target", target_name(c->target));
    (void)buf_puts(b, "nodes: ");
    put_counts(b, &c->counts);
    if (c->head_counts.wanted) {
        (void)buf_puts(b, "head nodes: ");
        put_counts(b, &c->head_counts);
    }
    (void)buf_printf(b, "cores: %" PRIu32 "\n", c->counts.cores + c->head_counts.cores);
    for (size_t i = 0; i < c->arrays.len; i++)
        if (cluster_array(c, i)->is_array || cluster_array(c, i)->gone)
            put_array(b, cluster_array(c, i));
    put_key(b, "account", str_text(c->account));
    put_key(b, "region", str_text(c->region));
    put_key(b, "resource group", str_text(c->group));
    (void)buf_printf(b, "alerts: %zu\n", count_lines(c->alerts));
    (void)buf_puts(b, "error: ");
    (void)show_lines(b, c->outcome, "ok");
    (void)show_lines(b, c->notes, "");
}

/* What a reader wants to know first about a node that is not Ready. */
static const char *remark(const struct node *n) {
    if (str_len(n->message))
        return str_text(n->message);
    if (n->hold != HOLD_NONE)
        return hold_name(n->hold);
    return n->status == NODE_READY ? "" : node_phase_name(n->phase);
}

static void put_node(struct text_table *t, const struct node *n, const struct array *a) {
    text_table_cell(t, str_text(n->name));
    text_table_cell(t, a ? str_text(a->name) : "");
    text_table_cell(t, node_status_name(n->status));
    text_table_cell(t, str_text(n->machine_type));
    text_table_cell(t, str_text(n->hostname));
    text_table_cell(t, str_text(n->private_ip));
    text_table_cell(t, remark(n));
}

int render_status(const struct view_ctx *ctx, struct buf *b) {
    static const char *const titles[] = {"NAME",     "ARRAY",      "STATUS", "MACHINE_TYPE",
                                         "HOSTNAME", "PRIVATE_IP", "MESSAGE"};
    put_summary(b, ctx->cluster);
    uint64_t position = 0;
    const struct node *n = cluster_next_node(ctx->cluster, &position);
    if (!n)
        return buf_error(b);
    _cleanup_text_table_ struct text_table t;
    text_table_init(&t, ARRAY_SIZE(titles));
    for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
        text_table_cell(&t, titles[i]);
    const struct array *a = NULL; /* of the node before: most neighbours share it */
    for (; n; n = cluster_next_node(ctx->cluster, &position)) {
        if (!a || a->id != n->array_id)
            a = cluster_array_by_id(ctx->cluster, n->array_id);
        put_node(&t, n, a);
    }
    (void)buf_putc(b, '\n');
    return text_table_write(&t, b);
}
