/* SPDX-License-Identifier: MIT */
#include "base/parse.h"
#include "internal.h"

#include <strings.h>

/* Requests that the cloud refused because a quota, or a subnet, has no room for them. */

static bool is_spot_quota(const char *name) {
    return strcasecmp(name, "lowPriorityCores") == 0;
}

static const struct machine_type *type_of(struct engine *e, const struct quota_refusal *r) {
    const struct array_spec *s = r->array->spec;
    return snapshot_machine_type(engine_state(e), str_text(s->account), str_text(s->region),
                                 r->machine_type);
}

/* The plan looks at this quota when it shares out nodes of this type. */
static bool plan_minds(const struct quota_refusal *r, const struct machine_type *t) {
    const char *name = r->result->quota.name;
    if (r->array->spec->spot)
        return is_spot_quota(name);
    return strcasecmp(name, "cores") == 0 || text_equal_fold(name, str_text(t->family));
}

static bool is_meant(const struct quota *q, const struct quota_refusal *r) {
    const struct array_spec *s = r->array->spec;
    return text_equal_fold(str_text(q->name), r->result->quota.name) &&
           str_equal(q->account, str_text(s->account)) &&
           text_equal_fold(str_text(q->region), str_text(s->region));
}

/* The refusal has numbers that explain it, for a quota that is known. */
static bool is_explained(struct engine *e, const struct quota_refusal *r) {
    const struct cyclecloud_quota_error *said = &r->result->quota;
    const struct machine_type *t = type_of(e, r);
    const struct catalog *c = engine_state(e)->catalog;
    if (!*said->name || !t || !t->quota_vcpus || !plan_minds(r, t))
        return false;
    uint64_t free = said->limit > said->used ? said->limit - said->used : 0;
    bool known = false;
    for (size_t i = 0; c && !known && i < c->n_quotas; i++)
        known = is_meant(&c->quotas[i], r);
    return known && free / t->quota_vcpus < r->nodes;
}

struct learnt {
    const struct quota_refusal *refusal;
    usec_t now;
};

static void learn(struct quota *q, const void *arg) {
    const struct learnt *x = arg;
    if (!is_meant(q, x->refusal))
        return;
    q->limit = x->refusal->result->quota.limit;
    q->used = x->refusal->result->quota.used;
    q->refused_until = x->now + RETRY_QUOTA;
}

void quota_refused(struct engine *e, const struct quota_refusal *r) {
    if (!engine_state(e) || !r->nodes)
        return;
    e->quotas_learnt = true;
    if (strcasecmp(r->result->code, "SubnetIsFull") == 0)
        subnet_full(e, r->array->spec, r->nodes);
    else if (is_explained(e, r))
        catalog_change_quotas(e, learn, &(struct learnt){r, engine_now(e)});
    else
        shortage_add_quota(e, r->array, r->machine_type, r->result->message);
}

static void forget(struct quota *q, const void *unused) {
    (void)unused;
    q->refused_until = 0;
}

void quota_lift(struct engine *e) {
    const struct catalog *c = engine_state(e) ? engine_state(e)->catalog : NULL;
    bool any = false;
    e->quotas_learnt = true;
    for (size_t i = 0; c && i < c->n_quotas; i++)
        any = any || c->quotas[i].refused_until;
    if (any)
        catalog_change_quotas(e, forget, NULL);
    for (size_t i = 0; i < e->subnets.len; i++)
        e->subnets.items[i].full_until = 0;
}
