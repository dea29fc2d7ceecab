/* SPDX-License-Identifier: MIT */
#ifndef CORE_MARKET_H
#define CORE_MARKET_H

/* What the engine knows of what the clouds have to give, beside the catalog of the snapshot: which
 * machine types, quotas, prices and subnets are read when, and what was refused of late. */

#include "cyclecloud/provider.h"
#include "model/snapshot.h"

struct engine;

enum fact_state {
    FACT_WANTED, /* to be asked at `at` */
    FACT_ASKED,
    FACT_KNOWN,
};

/* A subnet that a template names. */
struct subnet {
    char *account, *name, *id;
    enum fact_state state;
    usec_t at;
    bool bad;
    uint64_t usable;
    char *message;     /* why it is bad */
    usec_t full_until; /* the cloud had no more addresses in it: not asked for more than `room` */
    uint64_t room;     /* addresses that are thought to be free while it is full */
};

DEFINE_VEC(subnet_vec, struct subnet);

/* What a kind of machine costs. */
struct price {
    char *name;
    uint64_t hour_micro, spot_hour_micro;
};

DEFINE_VEC(price_vec, struct price);

/* The machine types, quotas and prices of an account in a region. */
struct market {
    char *account, *region;
    enum fact_state sizes, quotas, prices;
    bool sizes_known;                      /* read at least once */
    usec_t sizes_at, quotas_at, prices_at; /* when to read next */
    struct price_vec price_list;           /* by name */
    char *currency;                        /* of the prices */
};

DEFINE_VEC(market_vec, struct market *);

struct sweep {
    char *account;
    bool asked;
    usec_t at;
};

DEFINE_VEC(sweep_vec, struct sweep *);

/* market.c: machine types, quotas, subnets, sweeps */
void market_want(struct engine *e, const char *account, const char *region);
const struct market *market_find(const struct engine *e, const char *account, const char *region);
struct subnet *subnet_want(struct engine *e, const char *account, const char *name);
/* The cloud has no addresses left for so many more nodes. */
void subnet_full(struct engine *e, const struct array_spec *spec, size_t nodes);
/* NULL: not known yet. */
struct subnet *subnet_find(const struct engine *e, const char *account, const char *name);
/* What planning needs to know for a cluster: its arrays' subnets, and which VMs its account has. */
void facts_want(struct engine *e, const struct cluster *c);
/* Machines with our tag are looked for in this account. */
void sweep_want(struct engine *e, const char *account);
void market_due(struct engine *e);
usec_t market_next(const struct engine *e);
void market_refresh(struct engine *e);
void market_free_all(struct engine *e);

/* catalog.c: the catalog of the snapshot with some of its rows replaced; when memory runs out the
 * build is failed. Shortages are copied: the rows' texts are borrowed. */
void catalog_replace_types(struct engine *e, const struct market *m,
                           const struct cyclecloud_result *result);
void catalog_replace_quotas(struct engine *e, const struct market *m,
                            const struct cyclecloud_result *result, usec_t read_at);
/* Writes the prices of `m` into its machine types. */
void catalog_replace_prices(struct engine *e, const struct market *m);
void catalog_replace_shortages(struct engine *e, const struct shortage *rows, size_t n);
/* Calls `change` with a copy of each quota, which becomes the one that is known; numbers and times
 * may be written. */
typedef void (*quota_change)(struct quota *q, const void *arg);
void catalog_change_quotas(struct engine *e, quota_change change, const void *arg);

/* quota.c */
/* The cloud refused so many nodes of this array and type for want of a quota. What fits into it is
 * asked for at once, of this type or the next ones; the rest waits RETRY_QUOTA. */
struct quota_refusal {
    const struct array *array;
    const char *machine_type;
    const struct cyclecloud_result *result;
    size_t nodes;
};
void quota_refused(struct engine *e, const struct quota_refusal *r);
/* What was refused may be asked for again: a person says so, or something was deleted. */
void quota_lift(struct engine *e);

/* price.c */
/* Takes over a price list. 0 or -ENOMEM. */
int prices_take(struct market *m, const struct cyclecloud_result *result);
/* Writes what is known of its price into a machine type of this market. */
void prices_apply(const struct market *m, struct machine_type *t);
void prices_free(struct market *m);

/* shortage.c */
void shortage_add(struct engine *e, const struct array *a, const char *machine_type);
/* The cloud says, without numbers, that a quota has no room for this type; `message`: its words. */
void shortage_add_quota(struct engine *e, const struct array *a, const char *machine_type,
                        const char *message);
void shortage_clear(struct engine *e, const struct array *a, const char *machine_type);
void shortage_lift(struct engine *e);
/* The clock was set. */
void shortage_shift(struct engine *e, int64_t by);

#endif
