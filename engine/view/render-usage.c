/* SPDX-License-Identifier: MIT */
#include "render.h"

#include "base/vec.h"
#include "model/usage.h"
#include "show.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/*
 * usage: the machines that are gone, as the cluster keeps them, and those that are there now, up to
 * this moment. Both in one list by array, machine type and spot.
 */

struct line {
    struct usage_key key; /* borrowed from the snapshot */
    const char *currency;
    struct usage_amount amount;
    uint64_t nodes; /* there now */
};

DEFINE_VEC(line_vec, struct line);

static bool same_key(const struct usage_key *a, const struct usage_key *b) {
    return a->spot == b->spot && strcmp(a->array, b->array) == 0 &&
           strcmp(a->machine_type, b->machine_type) == 0;
}

/* NULL: no memory. */
static struct line *line_of(struct line_vec *v, const struct usage_key *key) {
    for (size_t i = 0; i < v->len; i++)
        if (same_key(&v->items[i].key, key))
            return &v->items[i];
    if (line_vec_append(v, (struct line){.key = *key, .currency = ""}) < 0)
        return NULL;
    return &v->items[v->len - 1];
}

static int add_gone(const struct usage *u, struct line_vec *v) {
    for (size_t i = 0; u && i < u->n; i++) {
        const struct usage_row *row = &u->rows[i];
        struct usage_key key = {str_text(row->array), str_text(row->machine_type), row->spot};
        struct line *l = line_of(v, &key);
        if (!l)
            return -ENOMEM;
        usage_amount_add(&l->amount, &row->amount);
        l->currency = str_text(row->currency);
    }
    return 0;
}

static const struct machine_type *type_of(const struct view_ctx *ctx, const struct array *a,
                                          const char *name) {
    const struct array_spec *s = a ? a->spec : NULL;
    return s ? snapshot_machine_type(ctx->snapshot, str_text(s->account), str_text(s->region), name)
             : NULL;
}

/* The time is summed up first: looking up a price is slow. */
static int add_present(const struct view_ctx *ctx, usec_t now, struct line_vec *v) {
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(ctx->cluster, &position));) {
        if (!n->billed_at)
            continue;
        const struct array *a = cluster_array_by_id(ctx->cluster, n->array_id);
        struct usage_key key = {a ? str_text(a->name) : "", str_text(n->machine_type), n->spot};
        struct line *l = line_of(v, &key);
        if (!l)
            return -ENOMEM;
        struct usage_amount more = usage_of(NULL, n->spot, n->cores, usec_sub(now, n->billed_at));
        usage_amount_add(&l->amount, &more);
        l->nodes++;
    }
    return 0;
}

static int add_prices(const struct view_ctx *ctx, const struct line_vec *present,
                      struct line_vec *v) {
    for (size_t i = 0; i < present->len; i++) {
        const struct line *p = &present->items[i];
        const struct array *a = cluster_array_named(ctx->cluster, p->key.array);
        const struct machine_type *t = type_of(ctx, a, p->key.machine_type);
        struct line *l = line_of(v, &p->key);
        if (!l)
            return -ENOMEM;
        struct usage_amount more = usage_of(t, p->key.spot, 0, p->amount.node_us);
        more.core_us = p->amount.core_us;
        usage_amount_add(&l->amount, &more);
        l->nodes += p->nodes;
        if (machine_type_hour_micro(t, p->key.spot))
            l->currency = str_text(t->currency);
    }
    return 0;
}

static double hours(uint64_t us) {
    return (double)us / (double)USEC_HOUR;
}

static void put_amount(const struct line *l, struct buf *b) {
    (void)buf_printf(b,
                     "\"nodes\": %" PRIu64 ", \"node_hours\": %.4f, \"core_hours\": %.4f, "
                     "\"cost_micro\": %" PRIu64 ", \"currency\": \"",
                     l->nodes, hours(l->amount.node_us), hours(l->amount.core_us),
                     l->amount.cost_micro);
    (void)show_json(b, l->currency);
    (void)buf_printf(b, "\", \"unpriced_node_hours\": %.4f}", hours(l->amount.unpriced_us));
}

static void put_line(const struct line *l, struct buf *b) {
    (void)buf_puts(b, "    {\"array\": \"");
    (void)show_json(b, l->key.array);
    (void)buf_puts(b, "\", \"machine_type\": \"");
    (void)show_json(b, l->key.machine_type);
    (void)buf_printf(b, "\", \"spot\": %s, ", l->key.spot ? "true" : "false");
    put_amount(l, b);
}

static void put_all(const struct view_ctx *ctx, usec_t now, const struct line_vec *v,
                    struct buf *b) {
    struct line total = {.currency = ""};
    for (size_t i = 0; i < v->len; i++) {
        usage_amount_add(&total.amount, &v->items[i].amount);
        total.nodes += v->items[i].nodes;
        if (*v->items[i].currency)
            total.currency = v->items[i].currency;
    }
    (void)buf_puts(b, "{\n  \"from\": \"");
    (void)time_format(b, ctx->cluster->created_at);
    (void)buf_puts(b, "\",\n  \"to\": \"");
    (void)time_format(b, now);
    (void)buf_puts(b, "\",\n  \"total\": {");
    put_amount(&total, b);
    (void)buf_puts(b, ",\n  \"breakdown\": [");
    for (size_t i = 0; i < v->len; i++) {
        (void)buf_puts(b, i ? ",\n" : "\n");
        put_line(&v->items[i], b);
    }
    (void)buf_puts(b, v->len ? "\n  ]\n}\n" : "]\n}\n");
}

int render_usage(const struct view_ctx *ctx, struct buf *b) {
    struct line_vec lines = {0}, present = {0};
    usec_t now = clock_wall(ctx->gateway->clock);
    int r = add_gone(ctx->cluster->usage, &lines);
    if (r == 0)
        r = add_present(ctx, now, &present);
    if (r == 0)
        r = add_prices(ctx, &present, &lines);
    if (r == 0)
        put_all(ctx, now, &lines, b);
    line_vec_done(&lines);
    line_vec_done(&present);
    return r < 0 ? r : buf_error(b);
}
