/* SPDX-License-Identifier: MIT */
#include "plan-parts.h"

#include <stdlib.h>

/* What members of a set need: the ids of those to be deleted, started and stopped. */
struct set_sum {
    struct buf delete, start, stop;
    size_t n_delete, n_start, n_stop;
};

static void put_id(struct buf *b, size_t *n, const char *id) {
    buf_printf(b, "%s%s", *n ? " " : "", id);
    (*n)++;
}

/* Of a node that leaves or switches. */
static void sum_member(struct set_sum *sum, const struct node *n) {
    const char *id = str_text(n->instance_id);
    if (!*id)
        return;
    if (n->target == TARGET_TERMINATED)
        put_id(&sum->delete, &sum->n_delete, id);
    else if (n->target == TARGET_DEALLOCATED)
        put_id(&sum->stop, &sum->n_stop, id);
    else
        put_id(&sum->start, &sum->n_start, id);
}

/* The position of a set, SIZE_MAX for none. Members of one set mostly come in a row. */
static size_t position_of(const struct cluster *c, uint64_t set_id, size_t last) {
    if (last < c->sets.len && cluster_set(c, last)->id == set_id)
        return last;
    for (size_t i = 0; i < c->sets.len; i++)
        if (cluster_set(c, i)->id == set_id)
            return i;
    return SIZE_MAX;
}

static void sum_list(const struct cluster *c, uint64_t array_id, enum node_list list,
                     struct set_sum *sums) {
    uint64_t position = 0;
    size_t set = SIZE_MAX;
    for (const struct node *n; (n = cluster_next_listed(c, array_id, list, &position));) {
        set = n->set_id ? position_of(c, n->set_id, set) : SIZE_MAX;
        if (set != SIZE_MAX)
            sum_member(&sums[set], n);
    }
}

/* What the members of each set need, by its position; together for all sets, for a large cluster
   has a hundred of them. New; NULL: no memory. */
static struct set_sum *sum_sets(const struct cluster *c) {
    struct set_sum *sums = calloc(c->sets.len + 1, sizeof(*sums));
    if (!sums)
        return NULL;
    for (size_t i = 0; i < c->sets.len; i++) {
        sums[i].delete = BUF_INIT(LIMIT_DOCUMENT_BYTES);
        sums[i].start = BUF_INIT(LIMIT_DOCUMENT_BYTES);
        sums[i].stop = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    }
    for (size_t i = 0; i < c->arrays.len; i++) {
        sum_list(c, cluster_array(c, i)->id, NODES_LEAVING, sums);
        sum_list(c, cluster_array(c, i)->id, NODES_SWITCHING, sums);
    }
    return sums;
}

static void sums_free(struct set_sum *sums, size_t n) {
    for (size_t i = 0; i < n; i++) {
        buf_done(&sums[i].delete);
        buf_done(&sums[i].start);
        buf_done(&sums[i].stop);
    }
    free(sums);
}

static void act_on_members(struct plan *p, enum intent_kind kind, const struct set *s,
                           const struct buf *ids, size_t n) {
    struct plan_action *a = plan_act(p, kind);
    if (!a)
        return;
    a->set_id = s->id;
    a->array_id = s->array_id;
    a->capacity = (uint32_t)n;
    if (buf_error(ids) < 0 || buf_append(&a->instances, ids->data, ids->len) < 0)
        p->error = -ENOMEM; /* never less than all: none named can mean every one */
    plan_say(p, "%s %s: %zu", intent_verb(kind), str_text(s->name), n);
}

static void plan_set_members(struct plan *p, const struct plan_input *in, const struct set *s,
                             struct set_sum *sum) {
    const struct set_work *w = plan_set_work(in, s);
    const char *surplus = w ? str_text(w->surplus) : "";
    if (*surplus) {
        buf_printf(&sum->delete, "%s%s", sum->n_delete ? " " : "", surplus);
        sum->n_delete++;
        for (const char *q = surplus; *q; q++)
            sum->n_delete += *q == ' ';
    }
    if (sum->n_delete) {
        act_on_members(p, INTENT_DELETE_INSTANCES, s, &sum->delete, sum->n_delete);
    } else if (sum->n_stop) {
        act_on_members(p, INTENT_DEALLOCATE_INSTANCES, s, &sum->stop, sum->n_stop);
    } else if (sum->n_start) {
        act_on_members(p, INTENT_START_INSTANCES, s, &sum->start, sum->n_start);
    }
}

static void delete_set(struct plan *p, const struct set *s) {
    struct plan_action *a = plan_act(p, INTENT_DELETE_SET);
    if (a)
        a->set_id = s->id;
    plan_say(p, "delete scale set %s", str_text(s->name));
}

/* Members are named by id only when they are known, and not right after a refusal. */
static bool may_change_members(struct plan *p, const struct plan_input *in, const struct set *s) {
    const struct set_work *w = plan_set_work(in, s);
    if (w && w->quiet_until > in->now)
        plan_again(p, w->quiet_until);
    return !w || (!w->stale && w->quiet_until <= in->now);
}

/* A deletion takes running VMs along: nodes are looked at, too, before none is believed to be
   wanted. */
static bool is_wanted(const struct cluster *c, const struct set *s) {
    if (s->wanted)
        return true;
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_listed(c, s->id, NODES_MEMBERS, &position));)
        if (n->target != TARGET_TERMINATED)
            return true;
    return false;
}

static void plan_set(struct plan *p, const struct plan_input *in, const struct set *s,
                     struct set_sum *sum) {
    if (s->intent_id && (s->wanted || !plan_superseded(in, s->intent_id)))
        return; /* left alone */
    if (s->state != SET_DELETING && !is_wanted(in->cluster, s))
        delete_set(p, s);
    else if (may_change_members(p, in, s))
        plan_set_members(p, in, s, sum);
}

void plan_sets(struct plan *p, const struct plan_input *in) {
    const struct cluster *c = in->cluster;
    struct set_sum *sums = c->sets.len ? sum_sets(c) : NULL;
    if (c->sets.len && !sums)
        p->error = -ENOMEM;
    for (size_t i = 0; sums && i < c->sets.len; i++)
        plan_set(p, in, cluster_set(c, i), &sums[i]);
    sums_free(sums, sums ? c->sets.len : 0);
}
