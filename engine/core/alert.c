/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <inttypes.h>
#include <string.h>

/*
 * Alerts: what needs a person, while it lasts. They follow from the state and are worked out again
 * with it; kept are only those that last, so that `since` outlives a restart. One stands for a kind
 * of trouble of one array, or of the server.
 */

/* What one alert says. */
static int put_text(struct buf *b, const struct alert_now *now) {
    if (now->nodes)
        (void)buf_printf(b, "%zu node%s: ", now->nodes, now->nodes == 1 ? "" : "s");
    for (const char *p = now->message; *p; p++)
        (void)buf_putc(b, *p == '\n' ? ' ' : *p);
    return buf_error(b);
}

static const struct alert *alert_at(struct engine *e, size_t i) {
    return engine_state(e)->items[ITEM_ALERT].items[i];
}

static bool same_trouble(const struct alert *a, uint64_t cluster_id, const struct alert_now *now) {
    return a->cluster_id == cluster_id && a->array_id == now->array_id &&
           str_equal(a->kind, now->kind);
}

static const struct alert *find_open(struct engine *e, uint64_t cluster_id,
                                     const struct alert_now *now) {
    for (size_t i = 0; i < engine_state(e)->items[ITEM_ALERT].len; i++)
        if (same_trouble(alert_at(e, i), cluster_id, now))
            return alert_at(e, i);
    return NULL;
}

static bool lasts(const struct alert *a, const struct alert_now *now, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (same_trouble(a, a->cluster_id, &now[i]))
            return true;
    return false;
}

static void close_alert(struct engine *e, const struct alert *a) {
    const struct cluster *c = snapshot_cluster(engine_state(e), a->cluster_id);
    journal_event(e, c ? EVENT_CLUSTER_CHANGED : EVENT_SERVER, c, NULL, "alert over: %s: %s",
                  str_text(a->kind), str_text(a->text));
    if (builder_remove_item(e->builder, ITEM_ALERT, a->item.id) < 0)
        engine_fail(e, -ENOMEM);
}

/* CLUSTER-ARRAY-KIND, or with the alert's number where that is taken. */
static int put_name(struct engine *e, uint64_t cluster_id, const struct alert_now *now, uint64_t id,
                    struct buf *b) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    const struct array *a = c ? cluster_array_by_id(c, now->array_id) : NULL;
    (void)buf_puts(b, c ? str_text(c->name) : "server");
    if (a)
        (void)buf_printf(b, "-%s", str_text(a->name));
    (void)buf_printf(b, "-%s", now->kind);
    if (snapshot_item_named(engine_state(e), ITEM_ALERT, b->data))
        (void)buf_printf(b, "-%" PRIu64, id);
    return buf_error(b);
}

static void open_alert(struct engine *e, uint64_t cluster_id, const struct alert_now *now,
                       const char *text) {
    if (engine_state(e)->items[ITEM_ALERT].len >= LIMIT_ALERTS)
        return;
    _cleanup_buf_ struct buf name = BUF_INIT(LIMIT_VALUE_BYTES);
    uint64_t id = engine_take_id(e);
    struct alert *a = put_name(e, cluster_id, now, id, &name) < 0
                          ? NULL
                          : builder_add_item(e->builder, ITEM_ALERT, id, name.data);
    if (!a) {
        engine_fail(e, -ENOMEM);
        return;
    }
    a->cluster_id = cluster_id;
    a->array_id = now->array_id;
    edit_text(e, &a->kind, now->kind);
    edit_text(e, &a->text, text);
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    journal_event(e, c ? EVENT_CLUSTER_CHANGED : EVENT_SERVER, c, NULL, "alert: %s: %s", now->kind,
                  text);
}

static void keep_alert(struct engine *e, uint64_t cluster_id, const struct alert_now *now) {
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    if (put_text(&text, now) < 0) {
        engine_fail(e, -ENOMEM);
        return;
    }
    const struct alert *known = find_open(e, cluster_id, now);
    if (!known) {
        open_alert(e, cluster_id, now, text.data);
        return;
    }
    if (str_equal(known->text, text.data))
        return;
    struct alert *a = builder_item(e->builder, ITEM_ALERT, known->item.id, VOLATILE);
    if (a)
        edit_text(e, &a->text, text.data);
    else
        engine_fail(e, -ENOMEM);
}

void alerts_update(struct engine *e, uint64_t cluster_id, const struct alert_now *now, size_t n) {
    for (size_t i = engine_state(e)->items[ITEM_ALERT].len; i-- > 0;) {
        const struct alert *a = alert_at(e, i);
        if (a->cluster_id == cluster_id && !lasts(a, now, n))
            close_alert(e, a);
    }
    for (size_t i = 0; i < n; i++)
        keep_alert(e, cluster_id, &now[i]);
}

int alerts_put(struct engine *e, const struct cluster *c, struct buf *b) {
    for (size_t i = 0; i < engine_state(e)->items[ITEM_ALERT].len; i++) {
        const struct alert *a = alert_at(e, i);
        if (a->cluster_id != c->id)
            continue;
        const struct array *array = cluster_array_by_id(c, a->array_id);
        (void)time_format(b, a->item.created_at);
        (void)buf_printf(b, " %s%s%s: %s\n", array ? str_text(array->name) : "", array ? ": " : "",
                         str_text(a->kind), str_text(a->text));
    }
    return buf_error(b);
}
