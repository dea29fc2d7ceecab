/* SPDX-License-Identifier: MIT */
/*
 * What a template says with another node's address in it (`${filer.instance.PrivateIp}`) is known
 * once that node, a head of this cluster or of another, has called home.
 */
#include "internal.h"

#include <string.h>
#include <strings.h>

#define LATE_PER_TICK (500 * USEC_MS)

/* The head of this name with a VM that has called home, or NULL. */
static const struct node *find_head(const struct cluster *c, const char *name) {
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_listed(c, c->id, NODES_HEADS, &position));) {
        const struct array *a = cluster_array_by_id(c, n->array_id);
        if (a && strcasecmp(str_text(a->name), name) == 0 && str_len(n->private_ip))
            return n;
    }
    return NULL;
}

/* As templates ask for it: NAME.instance.PrivateIp. */
static int put_head(json_t *known, const char *name, const struct node *n) {
    json_t *head = json_pack("{s:{s:s, s:s, s:s, s:s}}", "instance", "PrivateIp",
                             str_text(n->private_ip), "PublicIp", str_text(n->public_ip),
                             "Hostname", str_text(n->hostname), "Name", str_text(n->name));
    return json_object_set_new(known, name, head) < 0 ? -ENOMEM : 0;
}

static int put_own(const struct cluster *c, json_t *known) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->arrays.len; i++) {
        const char *name = str_text(cluster_array(c, i)->name);
        const struct node *n = find_head(c, name);
        r = n ? put_head(known, name, n) : 0;
    }
    return r;
}

/* [noderef filer]: a head of this or another cluster under a name of one's own. */
static int put_noderefs(struct engine *e, const json_t *noderefs, json_t *known) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(noderefs); i++) {
        const json_t *ref = json_array_get(noderefs, i);
        const char *name = json_string_value(json_object_get(ref, "Name"));
        const char *node = json_string_value(json_object_get(ref, "Node"));
        const char *source = json_string_value(json_object_get(ref, "SourceClusterName"));
        const struct cluster *c = source ? snapshot_cluster_named(engine_state(e), source) : NULL;
        const struct node *n = c && node ? find_head(c, node) : NULL;
        r = n && name ? put_head(known, name, n) : 0;
    }
    return r;
}

int late_known(struct engine *e, uint64_t cluster_id, const json_t *definition, json_t **ret) {
    engine_count(e);
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    json_t *known = json_object();
    int r = c && known ? put_own(c, known) : -ENOMEM;
    if (r == 0)
        r = put_noderefs(e, json_object_get(definition, "noderefs"), known);
    if (r == 0)
        *ret = known;
    else
        json_decref(known);
    return r;
}

static bool has_late(const json_t *nodes) {
    for (size_t i = 0; i < json_array_size(nodes); i++)
        if (json_object_size(json_object_get(json_array_get(nodes, i), "LateBound")))
            return true;
    return false;
}

bool late_waits(const json_t *definition) {
    return has_late(json_object_get(definition, "nodes")) ||
           has_late(json_object_get(definition, "nodearrays"));
}

void late_note(struct work *w, const json_t *definition) {
    bool others = json_array_size(json_object_get(definition, "noderefs")) > 0;
    w->late = !late_waits(definition) ? LATE_NONE : others ? LATE_OTHERS : LATE_OWN;
}

void late_address_known(struct engine *e, const struct node *n) {
    if (!n->fixed)
        return;
    for (size_t i = 0; i < e->works.len; i++) {
        struct work *w = e->works.items[i];
        if (w->late == LATE_OTHERS || (w->late == LATE_OWN && w->cluster_id == n->cluster_id)) {
            w->late_due = true;
            engine_dirty(e, w->cluster_id);
        }
    }
}

void late_not_evaluated(struct engine *e, uint64_t id, const char *why) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    struct work *w = engine_work(e, id);
    struct cluster *c = edit_cluster_quietly(e, id, VOLATILE);
    if (!w || !c)
        return;
    (void)buf_printf(&b, "error: the stored template is not evaluated, so nothing is started: %s\n",
                     why);
    edit_text(e, &w->warnings, b.data);
    edit_text(e, &c->notes, b.data);
}

void late_evaluate(struct engine *e, struct work *w) {
    _cleanup_error_ struct error err = ERROR_INIT;
    usec_t began = clock_monotonic(e->options.clock);
    if (!w->late_due)
        return;
    if (e->late_spent > LATE_PER_TICK) { /* other writes are not kept waiting: the next tick */
        w->dirty = true;
        return;
    }
    w->late_due = false;
    if (definition_apply(e, w->cluster_id, &err) < 0) {
        const struct cluster *c = snapshot_cluster(engine_state(e), w->cluster_id);
        log_warning("stored definition does not evaluate cluster=%llu why=\"%s\"",
                    (unsigned long long)w->cluster_id, err_text(&err));
        if (c && !str_len(c->definition)) /* else the one of before is in force */
            late_not_evaluated(e, w->cluster_id, err_text(&err));
    }
    e->late_spent += usec_sub(clock_monotonic(e->options.clock), began);
}
