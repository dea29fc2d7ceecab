/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>

/* The catalog of the snapshot is shared by its readers: a change makes a new one of the old rows
 * and those that take their place. */

/* What takes the place of what; the rest stays as it was. */
struct replacement {
    const struct market *market;
    const struct cyclecloud_result *types, *quotas; /* of `market`; NULL: as they were */
    usec_t read_at;                                 /* of the quotas */
    quota_change change;                            /* for each quota as it was; NULL: none */
    const void *change_arg;
    const struct shortage *shortages; /* all of them */
    size_t n_shortages;
    bool with_shortages; /* false: as they were */
    bool with_prices;    /* of `market`, into the types as they were */
};

static bool same_place(const struct str *account, const struct str *region,
                       const struct market *m) {
    return str_equal(account, m->account) && str_equal(region, m->region);
}

static int compare_types(const void *a, const void *b) {
    const struct machine_type *y = b;
    return machine_type_order(a, str_text(y->account), str_text(y->region), str_text(y->name));
}

static void copy_type(struct machine_type *to, const struct machine_type *from) {
    *to = *from;
    (void)str_ref(to->name);
    (void)str_ref(to->family);
    (void)str_ref(to->account);
    (void)str_ref(to->region);
    (void)str_ref(to->currency);
}

static bool read_type(struct machine_type *to, const struct cyclecloud_size *s,
                      const struct market *m) {
    *to = (struct machine_type){
        .name = str_new_c(s->name),
        .family = str_new_c(s->family),
        .account = str_new_c(m->account),
        .region = str_new_c(m->region),
        .vcpus = s->vcpus,
        .quota_vcpus = s->quota_vcpus,
        .vcpus_per_core = s->vcpus_per_core,
        .gpus = s->gpus,
        .memory_mb = s->memory_mb,
        .rdma = s->rdma,
        .spot = s->spot,
        .accelerated_networking = s->accelerated_networking,
        .ephemeral_os_disk = s->ephemeral_os_disk,
        .restricted = s->restricted,
    };
    prices_apply(m, to);
    return to->name && to->family && to->account && to->region;
}

static void copy_quota(struct quota *to, const struct quota *from) {
    *to = *from;
    (void)str_ref(to->name);
    (void)str_ref(to->label);
    (void)str_ref(to->account);
    (void)str_ref(to->region);
}

static const struct quota *old_quota(const struct catalog *old, const struct cyclecloud_quota *q,
                                     const struct market *m) {
    for (size_t i = 0; old && i < old->n_quotas; i++)
        if (same_place(old->quotas[i].account, old->quotas[i].region, m) &&
            str_equal(old->quotas[i].name, q->name))
            return &old->quotas[i];
    return NULL;
}

/* The cloud's usage lags behind its refusals: for a while the numbers of a refusal count. */
static void keep_refusal(struct quota *to, const struct quota *old) {
    if (!old || old->refused_until <= to->read_at || old->limit != to->limit)
        return;
    to->refused_until = old->refused_until;
    to->used = old->used > to->used ? old->used : to->used;
}

static bool read_quota(struct quota *to, const struct cyclecloud_quota *q,
                       const struct catalog *old, const struct replacement *by) {
    *to = (struct quota){
        .name = str_new_c(q->name),
        .label = str_new_c(q->label),
        .account = str_new_c(by->market->account),
        .region = str_new_c(by->market->region),
        .used = q->used,
        .limit = q->limit,
        .read_at = by->read_at,
    };
    keep_refusal(to, old_quota(old, q, by->market));
    return to->name && to->label && to->account && to->region;
}

static void copy_shortage(struct shortage *to, const struct shortage *from) {
    *to = *from;
    (void)str_ref(to->account);
    (void)str_ref(to->region);
    (void)str_ref(to->machine_type);
    (void)str_ref(to->message);
}

static void put_prices(struct catalog *c, const struct market *m) {
    for (size_t i = 0; i < c->n_types; i++)
        if (same_place(c->types[i].account, c->types[i].region, m))
            prices_apply(m, &c->types[i]);
}

/* Appends the rows of other markets as they were, then those that were read. False: no memory. */
static bool put_types(struct catalog *c, const struct catalog *old, const struct replacement *by) {
    const struct cyclecloud_result *read = by->types;
    bool ok = true;
    for (size_t i = 0; old && i < old->n_types; i++)
        if (!read || !same_place(old->types[i].account, old->types[i].region, by->market))
            copy_type(&c->types[c->n_types++], &old->types[i]);
    for (size_t i = 0; ok && read && i < read->n_sizes; i++)
        ok = read_type(&c->types[c->n_types++], &read->sizes[i], by->market);
    if (by->with_prices)
        put_prices(c, by->market);
    if (ok && c->n_types)
        qsort(c->types, c->n_types, sizeof(*c->types), compare_types);
    return ok;
}

static bool put_quotas(struct catalog *c, const struct catalog *old, const struct replacement *by) {
    const struct cyclecloud_result *read = by->quotas;
    bool ok = true;
    for (size_t i = 0; old && i < old->n_quotas; i++)
        if (!read || !same_place(old->quotas[i].account, old->quotas[i].region, by->market))
            copy_quota(&c->quotas[c->n_quotas++], &old->quotas[i]);
    for (size_t i = 0; by->change && i < c->n_quotas; i++)
        by->change(&c->quotas[i], by->change_arg);
    for (size_t i = 0; ok && read && i < read->n_quotas; i++)
        ok = read_quota(&c->quotas[c->n_quotas++], &read->quotas[i], old, by);
    return ok;
}

static void put_shortages(struct catalog *c, const struct catalog *old,
                          const struct replacement *by) {
    const struct shortage *rows = by->with_shortages ? by->shortages : old ? old->shortages : NULL;
    size_t n = by->with_shortages ? by->n_shortages : old ? old->n_shortages : 0;
    for (size_t i = 0; i < n; i++)
        copy_shortage(&c->shortages[c->n_shortages++], &rows[i]);
}

/* NULL: no memory. */
static struct catalog *merge(const struct catalog *old, const struct replacement *by) {
    size_t n_types = (old ? old->n_types : 0) + (by->types ? by->types->n_sizes : 0);
    size_t n_quotas = (old ? old->n_quotas : 0) + (by->quotas ? by->quotas->n_quotas : 0);
    size_t n_shortages = (old ? old->n_shortages : 0) + by->n_shortages;
    struct catalog *c = catalog_new(n_types, n_quotas, n_shortages);
    if (!c)
        return NULL;
    c->n_types = c->n_quotas = c->n_shortages = 0; /* rows in use so far */
    put_shortages(c, old, by);
    if (put_types(c, old, by) && put_quotas(c, old, by))
        return c;
    catalog_free(c);
    return NULL;
}

static void replace(struct engine *e, const struct replacement *by) {
    const struct snapshot *now = engine_state(e);
    struct catalog *c = now ? merge(now->catalog, by) : NULL;
    if (!c || builder_set_catalog(e->builder, c) < 0) {
        catalog_free(c);
        engine_fail(e, -ENOMEM);
    }
}

void catalog_replace_types(struct engine *e, const struct market *m,
                           const struct cyclecloud_result *result) {
    replace(e, &(struct replacement){.market = m, .types = result});
}

void catalog_replace_quotas(struct engine *e, const struct market *m,
                            const struct cyclecloud_result *result, usec_t read_at) {
    replace(e, &(struct replacement){.market = m, .quotas = result, .read_at = read_at});
}

void catalog_replace_prices(struct engine *e, const struct market *m) {
    replace(e, &(struct replacement){.market = m, .with_prices = true});
}

void catalog_replace_shortages(struct engine *e, const struct shortage *rows, size_t n) {
    replace(e, &(struct replacement){.shortages = rows, .n_shortages = n, .with_shortages = true});
}

void catalog_change_quotas(struct engine *e, quota_change change, const void *arg) {
    replace(e, &(struct replacement){.change = change, .change_arg = arg});
}
