/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include "model/usage.h"

#include <inttypes.h>

/*
 * The time that machines are paid for: from when the VM runs (node.billed_at) until it is gone or
 * deallocated. Then it is summed up in its cluster, which is durable; while the machine is there,
 * the view adds what has passed.
 */

void usage_begin(struct engine *e, struct node *n) {
    if (!n->billed_at)
        n->billed_at = engine_now(e);
}

void usage_end(struct engine *e, const struct node *n) {
    if (!n->billed_at)
        return;
    const struct cluster *c = snapshot_cluster(engine_state(e), n->cluster_id);
    const struct array *a = cluster_array_by_id(c, n->array_id);
    const struct machine_type *t =
        a && a->spec ? snapshot_machine_type(engine_state(e), str_text(a->spec->account),
                                             str_text(a->spec->region), str_text(n->machine_type))
                     : NULL;
    struct usage_amount amount =
        usage_of(t, n->spot, n->cores, usec_sub(engine_now(e), n->billed_at));
    struct usage_key key = {a ? str_text(a->name) : "", str_text(n->machine_type), n->spot};
    const char *currency = t && machine_type_hour_micro(t, n->spot) ? str_text(t->currency) : "";
    struct cluster *copy = builder_cluster(e->builder, n->cluster_id, DURABLE);
    if (!copy || usage_add(&copy->usage, &key, currency, &amount) < 0)
        engine_fail(e, -ENOMEM);
}

/* --- the record ----------------------------------------------------------------------------------
 */

int usage_encode(const struct usage *u, struct buf *b) {
    (void)buf_putc(b, '[');
    for (size_t i = 0; u && i < u->n; i++) {
        const struct usage_row *row = &u->rows[i];
        (void)buf_printf(b, "%s{\"array\":\"", i ? "," : "");
        (void)buf_put_json(b, str_text(row->array));
        (void)buf_puts(b, "\",\"machine_type\":\"");
        (void)buf_put_json(b, str_text(row->machine_type));
        (void)buf_puts(b, "\",\"currency\":\"");
        (void)buf_put_json(b, str_text(row->currency));
        (void)buf_printf(b,
                         "\",\"spot\":%d,\"node_us\":%" PRIu64 ",\"core_us\":%" PRIu64
                         ",\"cost_micro\":%" PRIu64 ",\"unpriced_us\":%" PRIu64 "}",
                         row->spot, row->amount.node_us, row->amount.core_us,
                         row->amount.cost_micro, row->amount.unpriced_us);
    }
    (void)buf_putc(b, ']');
    return buf_error(b);
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static uint64_t number_of(const json_t *object, const char *name) {
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

int usage_decode(const char *text, size_t len, struct usage **ret) {
    json_t *root = json_loadb(text, len, 0, NULL);
    int r = json_is_array(root) ? 0 : -EBADMSG;
    for (size_t i = 0; r == 0 && i < json_array_size(root); i++) {
        const json_t *row = json_array_get(root, i);
        struct usage_key key = {text_of(row, "array"), text_of(row, "machine_type"),
                                number_of(row, "spot") != 0};
        struct usage_amount amount = {number_of(row, "node_us"), number_of(row, "core_us"),
                                      number_of(row, "cost_micro"), number_of(row, "unpriced_us")};
        r = usage_add(ret, &key, text_of(row, "currency"), &amount);
    }
    json_decref(root);
    return r;
}
