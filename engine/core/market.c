/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/*
 * What is read from the cloud beside the clusters' own machines: machine types and quotas of a
 * region, the subnets that templates name, and the sweep over all our machines.
 */

#define SIZES_PERIOD (6 * USEC_HOUR)
#define QUOTAS_PERIOD (60 * USEC_SEC)
#define PRICES_PERIOD (24 * USEC_HOUR)
#define PRICES_RETRY (10 * USEC_MIN) /* nothing waits for them */
#define SUBNET_PERIOD (10 * USEC_MIN)
#define SWEEP_PERIOD (45 * USEC_SEC)
#define FACT_RETRY (5 * USEC_SEC)

static struct market *find(const struct engine *e, const char *account, const char *region) {
    for (size_t i = 0; i < e->markets.len; i++) {
        struct market *m = e->markets.items[i];
        if (strcmp(m->account, account) == 0 && strcmp(m->region, region) == 0)
            return m;
    }
    return NULL;
}

const struct market *market_find(const struct engine *e, const char *account, const char *region) {
    return find(e, account, region);
}

static void market_free(struct market *m) {
    if (!m)
        return;
    prices_free(m);
    free(m->account);
    free(m->region);
    free(m);
}

void market_want(struct engine *e, const char *account, const char *region) {
    if (!*account || !*region || find(e, account, region))
        return;
    struct market *m = calloc(1, sizeof(*m));
    if (m) {
        m->account = strdup(account);
        m->region = strdup(region);
    }
    if (!m || !m->account || !m->region || market_vec_append(&e->markets, m) < 0) {
        market_free(m);
        engine_fail(e, -ENOMEM);
    }
}

static void every_cluster_dirty(struct engine *e) {
    const struct snapshot *s = engine_state(e);
    for (size_t i = 0; i < s->clusters.len; i++)
        engine_dirty(e, ((const struct cluster *)s->clusters.items[i])->id);
}

static void sizes_read(struct engine *e, const struct cyclecloud_result *result, uint64_t index,
                       uint64_t unused, usec_t began) {
    (void)unused;
    (void)began;
    struct market *m = e->markets.items[index];
    m->sizes = FACT_WANTED;
    if (result->result != CYCLECLOUD_OK) {
        m->sizes_at =
            engine_now(e) + (result->retry_after_us ? result->retry_after_us : FACT_RETRY);
        return;
    }
    m->sizes_at = engine_now(e) + SIZES_PERIOD;
    m->sizes_known = true;
    catalog_replace_types(e, m, result);
    every_cluster_dirty(e);
}

static void prices_read(struct engine *e, const struct cyclecloud_result *result, uint64_t index,
                        uint64_t unused, usec_t began) {
    (void)unused;
    (void)began;
    struct market *m = e->markets.items[index];
    m->prices = FACT_WANTED;
    m->prices_at = engine_now(e) + PRICES_RETRY;
    if (result->result != CYCLECLOUD_OK)
        return;
    m->prices_at = engine_now(e) + PRICES_PERIOD;
    if (prices_take(m, result) < 0)
        engine_fail(e, -ENOMEM);
    else
        catalog_replace_prices(e, m);
}

static void quotas_read(struct engine *e, const struct cyclecloud_result *result, uint64_t index,
                        uint64_t unused, usec_t began) {
    (void)unused;
    struct market *m = e->markets.items[index];
    m->quotas = FACT_WANTED;
    if (result->result != CYCLECLOUD_OK) {
        m->quotas_at =
            engine_now(e) + (result->retry_after_us ? result->retry_after_us : FACT_RETRY);
        return;
    }
    m->quotas_at = engine_now(e) + QUOTAS_PERIOD;
    catalog_replace_quotas(e, m, result, began);
}

struct subnet *subnet_find(const struct engine *e, const char *account, const char *name) {
    for (size_t i = 0; i < e->subnets.len; i++) {
        struct subnet *s = &e->subnets.items[i];
        if (strcmp(s->account, account) == 0 && strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

/* VMs of ours that have an address of this subnet. */
static uint64_t subnet_nodes(struct engine *e, const struct subnet *s) {
    const struct snapshot *now = engine_state(e);
    uint64_t nodes = 0;
    for (size_t i = 0; now && i < now->clusters.len; i++) {
        const struct cluster *c = now->clusters.items[i];
        for (size_t k = 0; k < c->arrays.len; k++) {
            const struct array *a = cluster_array(c, k);
            uint64_t position = 0;
            if (!a->spec || !str_equal(a->spec->account, s->account) ||
                !str_equal(a->spec->subnet, s->name))
                continue;
            while (cluster_next_listed(c, a->id, NODES_WITH_VM, &position))
                nodes++;
        }
    }
    return nodes;
}

/* The first refusal counts what is ours; when that is still too much, others have addresses, too,
   and half of what was asked for is tried. */
void subnet_full(struct engine *e, const struct array_spec *spec, size_t nodes) {
    struct subnet *s = subnet_find(e, str_text(spec->account), str_text(spec->subnet));
    usec_t now = engine_now(e);
    if (!s || !nodes)
        return;
    uint64_t ours = s->full_until <= now ? subnet_nodes(e, s) : 0;
    uint64_t free = s->usable > ours ? s->usable - ours : 0;
    bool counts = s->full_until <= now && free < nodes;
    s->room = counts ? free : nodes / 2;
    s->full_until = now + RETRY_QUOTA;
}

struct subnet *subnet_want(struct engine *e, const char *account, const char *name) {
    struct subnet *known = subnet_find(e, account, name);
    if (known)
        return known;
    struct subnet s = {.account = strdup(account), .name = strdup(name)};
    if (!s.account || !s.name || subnet_vec_append(&e->subnets, s) < 0) {
        free(s.account);
        free(s.name);
        engine_fail(e, -ENOMEM);
        return NULL;
    }
    struct subnet *made = &e->subnets.items[e->subnets.len - 1];
    const struct cyclecloud_provider *p = &e->options.provider;
    made->id = p->ops->subnet_id(p->self, account, name);
    if (!made->id) {
        made->state = FACT_KNOWN;
        made->at = USEC_NEVER;
        made->bad = true;
        made->message = strdup("SubnetId must be written as RESOURCE-GROUP/NETWORK/SUBNET");
    }
    return made;
}

static void subnet_read(struct engine *e, const struct cyclecloud_result *result, uint64_t index,
                        uint64_t unused, usec_t began) {
    (void)unused;
    (void)began;
    struct subnet *s = &e->subnets.items[index];
    bool refused = result->result == CYCLECLOUD_GONE || result->result == CYCLECLOUD_INVALID;
    usec_t now = engine_now(e);
    if (result->result == CYCLECLOUD_OK && result->subnet) {
        s->state = FACT_KNOWN;
        s->bad = false;
        s->usable = result->subnet->usable_addresses;
        s->at = now + SUBNET_PERIOD;
    } else {
        s->state = refused ? FACT_KNOWN : FACT_WANTED;
        s->bad = refused;
        s->at = now + (result->retry_after_us ? result->retry_after_us : FACT_RETRY);
    }
    free(s->message);
    s->message = s->bad ? strdup(result->message) : NULL;
    every_cluster_dirty(e);
}

void sweep_want(struct engine *e, const char *account) {
    for (size_t i = 0; i < e->sweeps.len; i++)
        if (strcmp(e->sweeps.items[i]->account, account) == 0)
            return;
    struct sweep *s = calloc(1, sizeof(*s));
    if (s) {
        s->account = strdup(account);
        s->at = engine_now(e) + SWEEP_PERIOD;
    }
    if (!s || !s->account || sweep_vec_append(&e->sweeps, s) < 0) {
        if (s)
            free(s->account);
        free(s);
        engine_fail(e, -ENOMEM);
    }
}

void facts_want(struct engine *e, const struct cluster *c) {
    sweep_want(e, str_text(c->account));
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array_spec *s = cluster_array(c, i)->spec;
        if (s && str_len(s->subnet))
            (void)subnet_want(e, str_text(s->account), str_text(s->subnet));
    }
}

static void swept(struct engine *e, const struct cyclecloud_result *result, uint64_t index,
                  uint64_t unused, usec_t began) {
    (void)unused;
    (void)began;
    struct sweep *s = e->sweeps.items[index];
    s->asked = false;
    s->at = engine_now(e) + SWEEP_PERIOD;
    if (result->result == CYCLECLOUD_OK)
        observe_sweep(e, result, s->account);
    if (result->result == CYCLECLOUD_OK)
        orphans_swept(e, result, s->account);
}

static bool ask(struct engine *e, const struct cyclecloud_request *request, call_done done,
                uint64_t index) {
    return call_submit(e, request, done, index, 0) == 0;
}

static void markets_due(struct engine *e, usec_t now) {
    for (size_t i = 0; i < e->markets.len; i++) {
        struct market *m = e->markets.items[i];
        struct cyclecloud_request request = {.account = m->account, .region = m->region};
        request.call = CYCLECLOUD_CALL_LIST_SIZES;
        if (m->sizes == FACT_WANTED && m->sizes_at <= now) {
            m->sizes = ask(e, &request, sizes_read, i) ? FACT_ASKED : FACT_WANTED;
            m->sizes_at = now + FACT_RETRY;
        }
        request.call = CYCLECLOUD_CALL_LIST_QUOTAS;
        if (m->quotas == FACT_WANTED && m->quotas_at <= now) {
            m->quotas = ask(e, &request, quotas_read, i) ? FACT_ASKED : FACT_WANTED;
            m->quotas_at = now + FACT_RETRY;
        }
        request.call = CYCLECLOUD_CALL_LIST_PRICES;
        if (m->prices == FACT_WANTED && m->prices_at <= now) {
            m->prices = ask(e, &request, prices_read, i) ? FACT_ASKED : FACT_WANTED;
            m->prices_at = now + PRICES_RETRY;
        }
    }
}

void market_due(struct engine *e) {
    usec_t now = engine_now(e);
    markets_due(e, now);
    for (size_t i = 0; i < e->subnets.len; i++) {
        struct subnet *s = &e->subnets.items[i];
        struct cyclecloud_vm_spec spec = {.subnet_id = s->id};
        struct cyclecloud_request request = {
            .call = CYCLECLOUD_CALL_GET_SUBNET, .account = s->account, .spec = &spec};
        if (s->state == FACT_ASKED || s->at > now)
            continue;
        if (ask(e, &request, subnet_read, i))
            s->state = s->state == FACT_KNOWN ? FACT_KNOWN : FACT_ASKED;
        s->at = now + SUBNET_PERIOD;
    }
    for (size_t i = 0; i < e->sweeps.len; i++) {
        struct sweep *s = e->sweeps.items[i];
        struct cyclecloud_request request = {.call = CYCLECLOUD_CALL_SWEEP,
                                             .account = s->account,
                                             .tag_name = "CycleCloudServer",
                                             .tag_value = e->server_id};
        if (s->asked || s->at > now)
            continue;
        s->asked = ask(e, &request, swept, i);
        s->at = now + SWEEP_PERIOD;
    }
}

static void earlier(usec_t *next, usec_t at) {
    if (at < *next)
        *next = at;
}

usec_t market_next(const struct engine *e) {
    usec_t next = USEC_NEVER;
    for (size_t i = 0; i < e->markets.len; i++) {
        const struct market *m = e->markets.items[i];
        if (m->sizes == FACT_WANTED)
            earlier(&next, m->sizes_at);
        if (m->quotas == FACT_WANTED)
            earlier(&next, m->quotas_at);
        if (m->prices == FACT_WANTED)
            earlier(&next, m->prices_at);
    }
    for (size_t i = 0; i < e->subnets.len; i++)
        if (e->subnets.items[i].state != FACT_ASKED)
            earlier(&next, e->subnets.items[i].at);
    for (size_t i = 0; i < e->sweeps.len; i++)
        if (!e->sweeps.items[i]->asked)
            earlier(&next, e->sweeps.items[i]->at);
    return next;
}

static void subnets_free(struct engine *e) {
    for (size_t i = 0; i < e->subnets.len; i++) {
        struct subnet *s = &e->subnets.items[i];
        free(s->account);
        free(s->name);
        free(s->id);
        free(s->message);
    }
    subnet_vec_done(&e->subnets);
}

void market_refresh(struct engine *e) {
    for (size_t i = 0; i < e->sweeps.len; i++)
        e->sweeps.items[i]->at = 0;
    for (size_t i = 0; i < e->markets.len; i++)
        e->markets.items[i]->sizes_at = e->markets.items[i]->quotas_at = 0;
    for (size_t i = 0; i < e->subnets.len; i++)
        if (e->subnets.items[i].id)
            e->subnets.items[i].at = 0;
}

void market_free_all(struct engine *e) {
    for (size_t i = 0; i < e->markets.len; i++)
        market_free(e->markets.items[i]);
    market_vec_done(&e->markets);
    subnets_free(e);
    for (size_t i = 0; i < e->sweeps.len; i++) {
        free(e->sweeps.items[i]->account);
        free(e->sweeps.items[i]);
    }
    sweep_vec_done(&e->sweeps);
}
