/* SPDX-License-Identifier: MIT */
#include "credentials.h"
#include "plan-parts.h"
#include "volume.h"

#include "base/parse.h"
#include "console.h"
#include "model/bucket.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SET_WRITE_BURST (100 * USEC_SEC) /* six at once */
#define PLAN_TEXT_MAX ((size_t)1 << 20)

static bool open_intent(const struct plan_input *in, uint64_t cluster_id, enum intent_kind kind) {
    const struct intent_vec *v = &in->engine->intents;
    for (size_t i = 0; i < v->len; i++)
        if (v->items[i]->cluster_id == cluster_id && v->items[i]->kind == kind)
            return true;
    return false;
}

static bool planned(const struct plan *p, enum intent_kind kind) {
    for (size_t i = 0; i < p->actions.len; i++)
        if (p->actions.items[i].kind == kind)
            return true;
    return false;
}

/* --- what stands in the way of any creation --------------------------------------------------- */

enum gate {
    GATE_OPEN,
    GATE_WAIT, /* something is under way */
    GATE_SHUT, /* a person must act; the message says what */
};

/* The group is there, or is being made. */
static enum gate group_gate(struct plan *p, const struct plan_input *in, const struct array_spec *s,
                            const char **ret_message) {
    (void)s;
    (void)ret_message;
    const struct cluster *c = in->cluster;
    if (c->group_ready)
        return GATE_OPEN;
    if (!open_intent(in, c->id, INTENT_ENSURE_GROUP) &&
        !open_intent(in, c->id, INTENT_DELETE_GROUP) && !planned(p, INTENT_ENSURE_GROUP)) {
        plan_act(p, INTENT_ENSURE_GROUP);
        plan_say(p, "create: resource group %s", str_text(c->group));
    }
    return GATE_WAIT;
}

static enum gate subnet_gate(struct plan *p, const struct plan_input *in,
                             const struct array_spec *s, const char **ret_message) {
    (void)p;
    const struct subnet_vec *v = &in->engine->subnets;
    for (size_t i = 0; i < v->len; i++) {
        const struct subnet *x = &v->items[i];
        if (!str_equal(s->account, x->account) || !str_equal(s->subnet, x->name))
            continue;
        if (x->state != FACT_KNOWN)
            return GATE_WAIT;
        *ret_message = x->message;
        return x->bad ? GATE_SHUT : GATE_OPEN;
    }
    return GATE_WAIT;
}

static enum gate machine_types_gate(struct plan *p, const struct plan_input *in,
                                    const struct array_spec *s, const char **ret_message) {
    (void)p;
    (void)ret_message;
    const struct market *m = market_find(in->engine, str_text(s->account), str_text(s->region));
    return m && !m->sizes_known ? GATE_WAIT : GATE_OPEN;
}

/* VMs with a public address get the cluster's own security group unless they name one. */
static enum gate security_group_gate(struct plan *p, const struct plan_input *in,
                                     const struct array_spec *s, const char **ret_message) {
    (void)ret_message;
    uint32_t hash = 0;
    if (!security_group_applies(s))
        return GATE_OPEN;
    const struct security_group *known =
        security_group_find(&in->work->security_groups, str_text(s->region));
    if (security_group_hash(in->cluster, str_text(s->region), &hash) < 0)
        p->error = -ENOMEM;
    if (known && known->hash == hash)
        return GATE_OPEN;
    if (open_intent(in, in->cluster->id, INTENT_ENSURE_SECURITY_GROUP) ||
        planned(p, INTENT_ENSURE_SECURITY_GROUP))
        return GATE_WAIT;
    struct plan_action *action = plan_act(p, INTENT_ENSURE_SECURITY_GROUP);
    if (action) {
        action->region = str_text(s->region);
        action->capacity = hash;
        plan_say(p, "%s: network security group in %s", known ? "update" : "create",
                 action->region);
    }
    return GATE_WAIT;
}

/* What nodes that run have opened follows the template. */
static void plan_security_groups(struct plan *p, const struct plan_input *in) {
    const struct cluster *c = in->cluster;
    for (size_t i = 0; i < c->arrays.len && c->group_ready; i++) {
        const struct array *a = cluster_array(c, i);
        const char *message = NULL;
        if (a->counts.cores && security_group_applies(a->spec) &&
            security_group_find(&in->work->security_groups, str_text(a->spec->region)))
            (void)security_group_gate(p, in, a->spec, &message);
    }
}

static enum gate array_gate(struct plan *p, const struct plan_input *in, const struct array *a,
                            const char **ret_message) {
    static enum gate (*const gates[])(struct plan * p, const struct plan_input *in,
                                      const struct array_spec *s, const char **ret_message) = {
        group_gate, subnet_gate, machine_types_gate, security_group_gate};
    enum gate gate = GATE_OPEN;
    for (size_t i = 0; gate == GATE_OPEN && i < ARRAY_SIZE(gates); i++)
        gate = gates[i](p, in, a->spec, ret_message);
    return gate;
}

/* VMs that a scale set of this definition may hold. */
static uint32_t set_limit(const struct plan_input *in, const struct array_spec *s) {
    struct image image;
    const char *name = str_len(s->image_id) ? str_text(s->image_id) : str_text(s->image);
    if (s->single_placement_group || str_len(s->placement_group))
        return placement_group_size(s);
    bool own_image =
        image_resolve(in->engine->options.images, name, &image) == 0 && image.id && image.managed;
    uint32_t limit = own_image ? LIMIT_SET_SIZE_CUSTOM_IMAGE : LIMIT_SET_SIZE;
    return s->max_set_size > 0 && s->max_set_size < limit ? (uint32_t)s->max_set_size : limit;
}

/* --- pending members of arrays ---------------------------------------------------------------- */

/* A listing is wanted first, or a deletion: what a set can take will be known soon. */
static bool set_unsettled(const struct plan_input *in, const struct set *s) {
    const struct set_work *w = plan_set_work(in, s);
    return w && (w->stale || w->listing || w->list_at <= in->now || str_len(w->surplus));
}

/* The set was written too often of late. */
static bool written_enough(struct plan *p, const struct plan_input *in, const struct set *s) {
    if (s->write_at <= in->now + SET_WRITE_BURST)
        return false;
    plan_again(p, s->write_at - SET_WRITE_BURST);
    return true;
}

static bool may_grow(struct plan *p, const struct plan_input *in, const struct set *s) {
    return s->state == SET_ACTIVE && !s->intent_id && s->capacity < s->limit &&
           !set_unsettled(in, s) && !written_enough(p, in, s);
}

static bool set_busy_soon(const struct plan_input *in, const struct set *s) {
    return s->state != SET_DELETING &&
           (s->intent_id || s->write_at > in->now + SET_WRITE_BURST || set_unsettled(in, s));
}

struct fitting {
    const struct array *array;
    const char *machine_type;
    char hash[17];
};

/* New members are made of what the set was made of: its token must last, and its server be where
   this one is. */
static bool can_call_home(const struct plan_input *in, const struct set *s) {
    bool lasts = s->created_at + BOOTSTRAP_LIFETIME > in->now + BOOTSTRAP_MARGIN;
    return lasts &&
           (!str_len(s->server) || str_equal(s->server, in->engine->options.site.server_url));
}

static bool set_fits(const struct plan_input *in, const struct set *s, const struct fitting *f) {
    return s->array_id == f->array->id && str_equal(s->machine_type, f->machine_type) &&
           str_equal(s->spec_hash, f->hash) && can_call_home(in, s);
}

static bool already_planned(const struct plan *p, uint64_t set_id) {
    for (size_t i = 0; i < p->actions.len; i++)
        if (p->actions.items[i].set_id == set_id)
            return true;
    return false;
}

/* Puts up to `room` of the pending nodes into an action. Returns how many. */
static size_t take_nodes(struct plan *p, struct plan_action *a, const struct id_vec *pending,
                         size_t from, size_t room) {
    size_t n = pending->len - from < room ? pending->len - from : room;
    for (size_t i = 0; i < n; i++)
        if (id_vec_append(&a->nodes, pending->items[from + i]) < 0)
            p->error = -ENOMEM;
    return n;
}

/* The first pending nodes join sets of their make that have room. Returns how many joined;
 * *ret_soon: for how many more sets will have room when their writes under way have ended. */
static size_t grow_sets(struct plan *p, const struct plan_input *in, const struct fitting *f,
                        const struct id_vec *pending, size_t *ret_soon) {
    const struct cluster *c = in->cluster;
    size_t done = 0;
    *ret_soon = 0;
    for (size_t i = 0; i < c->sets.len && done < pending->len; i++) {
        const struct set *s = cluster_set(c, i);
        if (!set_fits(in, s, f) || already_planned(p, s->id))
            continue;
        if (!may_grow(p, in, s)) {
            *ret_soon +=
                set_busy_soon(in, s) && s->capacity < s->limit ? s->limit - s->capacity : 0;
            continue;
        }
        struct plan_action *a = plan_act(p, INTENT_RESIZE_SET);
        if (!a)
            break;
        size_t n = take_nodes(p, a, pending, done, s->limit - s->capacity);
        a->set_id = s->id;
        a->array_id = f->array->id;
        a->capacity = s->capacity + (uint32_t)n;
        done += n;
        plan_say(p, "create: %zu VM%s %s for %s: scale set %s grows to %u", n, text_plural(n),
                 f->machine_type, str_text(f->array->name), str_text(s->name), a->capacity);
    }
    return done;
}

/* The pending nodes from `done` on get new sets, none larger than the limit of their make. */
static void make_sets(struct plan *p, const struct plan_input *in, const struct fitting *f,
                      const struct id_vec *pending, size_t done) {
    uint32_t limit = set_limit(in, f->array->spec);
    while (done < pending->len) {
        struct plan_action *a = plan_act(p, INTENT_CREATE_SET);
        if (!a)
            return;
        size_t n = take_nodes(p, a, pending, done, limit);
        a->array_id = f->array->id;
        a->machine_type = f->machine_type;
        a->limit = limit;
        a->capacity = (uint32_t)n;
        done += n;
        plan_say(p, "create: %zu VM%s %s for %s: a new scale set", n, text_plural(n),
                 f->machine_type, str_text(f->array->name));
    }
}

static void place_pending(struct plan *p, const struct plan_input *in, const struct fitting *f,
                          const struct id_vec *pending) {
    size_t soon;
    size_t done = grow_sets(p, in, f, pending, &soon);
    size_t left = pending->len - done, waiting = left < soon ? left : soon;
    if (p->error < 0)
        return;
    if (waiting)
        plan_say(p, "wait: %zu node%s of %s for the end of the write on a scale set that they join",
                 waiting, text_plural(waiting), str_text(f->array->name));
    make_sets(p, in, f, pending, done + waiting);
}

static void wait_all(struct plan *p, const struct plan_input *in, const struct id_vec *pending,
                     const struct plan_reason *why) {
    for (size_t i = 0; i < pending->len; i++)
        plan_wait_for(p, cluster_node(in->cluster, pending->items[i]), why);
}

static void collect_pending(struct plan *p, const struct plan_input *in, const struct array *a,
                            struct id_vec *pending) {
    uint64_t position = 0;
    const struct node *n;
    while ((n = cluster_next_listed(in->cluster, a->id, NODES_UNPLACED, &position))) {
        if (!plan_is_pending(n))
            continue;
        if (!plan_is_due(in, n)) {
            plan_again(p, n->not_before);
            continue;
        }
        if (id_vec_append(pending, n->id) < 0)
            p->error = -ENOMEM;
    }
}

/* Pending nodes of this array can be placed now, by what all of them need. */
static bool admit(struct plan *p, const struct plan_input *in, const struct array *a,
                  const struct id_vec *pending) {
    const char *message = NULL;
    enum gate gate = array_gate(p, in, a, &message);
    if (gate == GATE_SHUT) {
        _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_VALUE_BYTES);
        buf_printf(&text, "SubnetId %s: %s", str_text(a->spec->subnet),
                   message ? message : "cannot be used");
        const struct plan_reason why = {HOLD_INVALID, 0, text.data};
        wait_all(p, in, pending, &why);
        plan_say_wait(p, a, pending->len, &why);
    }
    if (gate == GATE_OPEN && !a->is_array && !plan_volumes_ready(p, in, a, pending->items[0]))
        return false;
    if (gate == GATE_WAIT)
        plan_say(p,
                 "wait: %zu node%s of %s until resource group, subnet and machine types are known",
                 pending->len, text_plural(pending->len), str_text(a->name));
    return gate == GATE_OPEN;
}

static void create_vms(struct plan *p, const struct fitting *f, const struct id_vec *pending) {
    for (size_t i = 0; i < pending->len; i++) {
        struct plan_action *action = plan_act(p, INTENT_CREATE_VM);
        if (!action)
            return;
        action->node_id = pending->items[i];
        action->machine_type = f->machine_type;
        plan_say(p, "create: VM %s for %s", f->machine_type, str_text(f->array->name));
    }
}

/* The pending nodes in order, each part to the type that it was given. */
static void place_shares(struct plan *p, const struct plan_input *in, const struct array *a,
                         const struct id_vec *pending, const struct plan_shares *shares) {
    struct fitting f = {.array = a};
    size_t from = 0;
    spec_hash(a->spec, f.hash);
    for (size_t i = 0; i < shares->len && p->error == 0; i++) {
        const struct plan_share *share = &shares->items[i];
        const struct id_vec part = {.items = pending->items + from, .len = share->nodes};
        f.machine_type = share->machine_type;
        if (a->is_array)
            place_pending(p, in, &f, &part);
        else
            create_vms(p, &f, &part);
        from += share->nodes;
    }
}

/* Those from the `from`-th on wait. */
static void wait_rest(struct plan *p, const struct plan_input *in, const struct array *a,
                      const struct id_vec *pending, size_t from, const struct plan_reason *why) {
    struct id_vec rest = {.items = pending->items + from, .len = pending->len - from};
    if (!rest.len)
        return;
    wait_all(p, in, &rest, why);
    plan_say_wait(p, a, rest.len, why);
}

/* How many of `n` more nodes the subnet of the array has addresses for; *why is why not all. */
static size_t subnet_room(const struct plan_input *in, const struct array *a, size_t n,
                          struct plan_no_type *why) {
    const struct subnet *s =
        subnet_find(in->engine, str_text(a->spec->account), str_text(a->spec->subnet));
    if (!s || s->full_until <= in->now || s->room >= n)
        return n;
    why->hold = HOLD_QUOTA;
    why->until = s->full_until;
    (void)snprintf(why->message, sizeof(why->message),
                   "SubnetId %s is full: it has %" PRIu64 " addresses in all", s->name, s->usable);
    return (size_t)s->room;
}

static size_t share_sum(const struct plan_shares *shares) {
    size_t n = 0;
    for (size_t i = 0; i < shares->len; i++)
        n += shares->items[i].nodes;
    return n;
}

/* Nodes of what is no longer in the template: they are not made again. */
static void hold_gone(struct plan *p, const struct plan_input *in, const struct array *a,
                      const struct id_vec *pending) {
    const char *kind = a->is_array ? "nodearray" : "node";
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_VALUE_BYTES);
    buf_printf(&text,
               "%s %s is no longer in the template, so a VM is not made again: terminate the node, "
               "or write a template that has the %s",
               kind, str_text(a->name), kind);
    wait_rest(p, in, a, pending, 0, &(struct plan_reason){HOLD_INVALID, 0, text.data});
}

static void plan_array(struct plan *p, const struct plan_input *in, const struct array *a) {
    _cleanup_(id_vec_done) struct id_vec pending = {0};
    _cleanup_(plan_shares_done) struct plan_shares shares = {0};
    struct plan_no_type why = {0};
    collect_pending(p, in, a, &pending);
    if (pending.len && (a->gone || !a->spec)) {
        hold_gone(p, in, a, &pending);
        return;
    }
    if (!pending.len || !admit(p, in, a, &pending))
        return;
    struct plan_no_type full = {0};
    size_t fit = subnet_room(in, a, pending.len, &full);
    if (fit && plan_share_types(in, a, fit, &shares, &why) < 0)
        p->error = -ENOMEM;
    if (p->error < 0)
        return;
    size_t placed = share_sum(&shares);
    place_shares(p, in, a, &pending, &shares);
    const struct plan_no_type *rest = placed < fit ? &why : &full;
    wait_rest(p, in, a, &pending, placed,
              &(struct plan_reason){rest->hold, rest->until, rest->message});
}

/* --- VMs of their own ------------------------------------------------------------------------- */

/* What the VM of a node of its own needs now; INTENT_KIND_MAX: nothing. */
static enum intent_kind head_action(const struct node *n, usec_t now) {
    bool useless = str_equal(n->resource_id, NODE_VM_FAILED) && !console_pending(n, now);
    switch (n->target) {
    case TARGET_TERMINATED:
        return n->status == NODE_TERMINATING ? INTENT_DELETE_VM : INTENT_KIND_MAX;
    case TARGET_DEALLOCATED:
        return n->status == NODE_DEALLOCATING ? INTENT_DEALLOCATE_VM : INTENT_KIND_MAX;
    case TARGET_STARTED:
        if (useless)
            return INTENT_DELETE_VM;
        return n->status == NODE_DEALLOCATED && n->not_before <= now ? INTENT_START_VM
                                                                     : INTENT_KIND_MAX;
    case TARGET_MAX:
        break;
    }
    return INTENT_KIND_MAX;
}

static void plan_head(struct plan *p, const struct plan_input *in, const struct node *n) {
    enum intent_kind kind = head_action(n, in->now);
    if (n->status == NODE_DEALLOCATED && n->not_before > in->now)
        plan_again(p, n->not_before);
    bool ends = kind == INTENT_DELETE_VM && n->target == TARGET_TERMINATED;
    if (kind == INTENT_KIND_MAX || (n->intent_id && (!ends || !plan_superseded(in, n->intent_id))))
        return;
    struct plan_action *a = plan_act(p, kind);
    if (a)
        a->node_id = n->id;
    plan_say(p, "%s: %s", intent_verb(kind), str_text(n->name));
}

static void plan_heads(struct plan *p, const struct plan_input *in) {
    const struct cluster *c = in->cluster;
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_listed(c, c->id, NODES_HEADS, &position));)
        plan_head(p, in, n);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void plan_group_end(struct plan *p, const struct plan_input *in) {
    const struct cluster *c = in->cluster;
    bool under_way =
        open_intent(in, c->id, INTENT_DELETE_GROUP) || open_intent(in, c->id, INTENT_ENSURE_GROUP);
    if (c->target != TARGET_TERMINATED || !c->group_ready || under_way || c->sets.len ||
        !cluster_nodes_off(c))
        return;
    plan_act(p, INTENT_DELETE_GROUP);
    plan_say(p, "delete: resource group %s", str_text(c->group));
}

/* A create under way needs its group again when somebody took that away. */
static void plan_group_again(struct plan *p, const struct plan_input *in) {
    const struct cluster *c = in->cluster;
    if (c->target == TARGET_STARTED &&
        (open_intent(in, c->id, INTENT_CREATE_SET) || open_intent(in, c->id, INTENT_CREATE_VM)))
        (void)group_gate(p, in, NULL, NULL);
}

void plan_make(const struct plan_input *in, struct plan *ret) {
    *ret = (struct plan){.text = BUF_INIT(PLAN_TEXT_MAX), .again_at = USEC_NEVER};
    const struct cluster *c = in->cluster;
    const char *refused = in->work->listed ? NULL : credentials_refused(in->engine, c);
    if (refused) {
        plan_say(ret,
                 "wait: the cloud refuses the credentials of account %s: correct them in "
                 "system/accounts/%s: %s",
                 str_text(c->account), str_text(c->account), refused);
        return;
    }
    if (!in->work->listed) {
        plan_say(ret, "wait: the cloud is being listed; nothing is done before");
        return;
    }
    plan_sets(ret, in);
    plan_heads(ret, in);
    plan_group_again(ret, in);
    if (c->target == TARGET_STARTED)
        plan_security_groups(ret, in);
    if (c->target == TARGET_STARTED)
        for (size_t i = 0; i < c->arrays.len; i++)
            plan_array(ret, in, cluster_array(c, i));
    plan_group_end(ret, in);
    for (size_t i = 0; i < c->arrays.len; i++)
        plan_say_held(ret, in, cluster_array(c, i));
    plan_volumes(ret, in);
    if (!ret->text.len)
        plan_say(ret, "nothing to do");
    plan_kept(ret, in);
}
