/* SPDX-License-Identifier: MIT */
#include "bound.h"

#include "base/parse.h"
#include "limits.h"
#include "type_table.h"

/* The names that Azure gives to the quotas that all families share. */
#define QUOTA_REGION "cores"
#define QUOTA_SPOT "lowPriorityCores"

/* --- what is wanted and not yet counted ------------------------------------------------------- */

static bool same_place(const struct array_spec *a, const struct array_spec *b) {
    return str_equal(a->account, str_text(b->account)) &&
           text_equal_fold(str_text(a->region), str_text(b->region));
}

static int add_demand(struct demand *d, const struct bucket *b, uint64_t nodes) {
    const struct array_spec *spec = b->array->spec;
    uint64_t cores = b->type ? nodes * b->type->quota_vcpus : 0;
    if (!spec || !cores)
        return 0;
    for (size_t i = 0; i < d->len; i++) {
        struct demand_row *row = &d->items[i];
        if (row->spec->spot != spec->spot || !same_place(row->spec, spec) ||
            !text_equal_fold(str_text(row->family), str_text(b->type->family)))
            continue;
        row->cores += cores;
        return 0;
    }
    return demand_append(d, (struct demand_row){spec, b->type->family, cores});
}

static int add_table(struct demand *d, const struct bucket_table *t) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < t->buckets.len; i++)
        r = add_demand(d, &t->buckets.items[i], t->buckets.items[i].uncounted);
    return r;
}

int demand_want(struct demand *d, struct bucket_table *t, const struct bucket *b, uint64_t nodes) {
    struct bucket_array *part = bucket_table_part(t, b->array->id);
    part->wanted += (uint32_t)nodes;
    part->wanted_vcpus += nodes * b->vcpus;
    return add_demand(d, b, nodes);
}

int demand_ask(struct demand *d, struct bucket_table *t, const struct bucket *b, uint64_t nodes) {
    t->asked += nodes;
    return demand_want(d, t, b, nodes);
}

int demand_untyped(struct demand *d, const struct bucket_table *t, const struct array *a) {
    const struct bucket_array *part = bucket_table_array(t, a);
    if (part->next_type == BUCKET_NONE)
        return 0;
    uint64_t none = 0;
    for (uint32_t i = 0; a->types && i < a->types->n; i++)
        if (!str_len(a->types->rows[i].machine_type))
            none += a->types->rows[i].unplaced;
    /* unsigned arithmetic wraps to the right result */
    return add_demand(d, &t->buckets.items[part->next_type], -none);
}

int demand_take(struct demand *d, const struct bucket *b, uint64_t nodes) {
    return add_demand(d, b, nodes);
}

static int add_cluster(struct demand *d, const struct bucket_table *like, const struct cluster *c) {
    _cleanup_buckets_ struct bucket_table t = {0};
    int r = bucket_table_make(like->snapshot, c, like->now, &t);
    return r < 0 ? r : add_table(d, &t);
}

int demand_make(const struct bucket_table *table, struct demand *ret) {
    const struct snapshot *s = table->snapshot;
    struct demand d = {0};
    int r = add_table(&d, table);
    for (size_t i = 0; r == 0 && i < s->clusters.len; i++) {
        const struct cluster *c = s->clusters.items[i];
        if (c->id != table->cluster->id)
            r = add_cluster(&d, table, c);
    }
    if (r < 0) {
        demand_done(&d);
        return r;
    }
    *ret = d;
    return 0;
}

/* Of one family, or of all (NULL). */
static uint64_t demand_cores(const struct demand *d, const struct array_spec *spec, bool spot,
                             const struct str *family) {
    uint64_t cores = 0;
    for (size_t i = 0; i < d->len; i++) {
        const struct demand_row *row = &d->items[i];
        if (row->spec->spot == spot && same_place(row->spec, spec) &&
            (!family || text_equal_fold(str_text(row->family), str_text(family))))
            cores += row->cores;
    }
    return cores;
}

/* --- rows ------------------------------------------------------------------------------------- */

static const struct bound unlimited = {.limit = BOUND_UNLIMITED, .each = 1};

static const struct quota *find_quota(const struct snapshot *s, const struct array_spec *spec,
                                      const char *name) {
    const struct catalog *c = s->catalog;
    for (size_t i = 0; c && i < c->n_quotas; i++) {
        const struct quota *q = &c->quotas[i];
        if (text_equal_fold(str_text(q->name), name) &&
            str_equal(q->account, str_text(spec->account)) &&
            text_equal_fold(str_text(q->region), str_text(spec->region)))
            return q;
    }
    return NULL;
}

static struct bound quota_row(const struct bucket_table *t, const struct bucket *b,
                              const char *name, uint64_t demand) {
    const struct quota *q = find_quota(t->snapshot, b->array->spec, name);
    return (struct bound){
        .limit = q ? q->limit : BOUND_UNLIMITED,
        .used = (q ? q->used : 0) + demand,
        .each = b->type && b->type->quota_vcpus ? b->type->quota_vcpus : b->vcpus,
        .quota = q,
    };
}

struct bound bucket_family_quota(const struct bucket_table *t, const struct demand *d,
                                 const struct bucket *b) {
    if (!b->array->spec || !b->type)
        return unlimited;
    const struct str *family = b->type->family;
    return quota_row(t, b, str_text(family), demand_cores(d, b->array->spec, false, family));
}

static struct bound family_row(const struct bucket_table *t, const struct demand *d,
                               const struct bucket *b) {
    bool spot = b->array->spec && b->array->spec->spot;
    return spot ? unlimited : bucket_family_quota(t, d, b);
}

static struct bound region_row(const struct bucket_table *t, const struct demand *d,
                               const struct bucket *b) {
    const struct array_spec *spec = b->array->spec;
    if (!spec)
        return unlimited;
    return quota_row(t, b, spec->spot ? QUOTA_SPOT : QUOTA_REGION,
                     demand_cores(d, spec, spec->spot, NULL));
}

/* A limit of the definition; -1 = none. */
static struct bound own_row(int64_t limit, uint64_t used, uint64_t each) {
    return (struct bound){
        .limit = limit < 0 ? BOUND_UNLIMITED : (uint64_t)limit, .used = used, .each = each};
}

static struct bound count_row(const struct bucket_table *t, const struct demand *d,
                              const struct bucket *b) {
    (void)d;
    int64_t max = b->array->is_array ? array_max_count(b->array) : 1;
    return own_row(max, bucket_table_array(t, b->array)->wanted, 1);
}

static struct bound cores_row(const struct bucket_table *t, const struct demand *d,
                              const struct bucket *b) {
    (void)d;
    int64_t max = b->array->spec ? b->array->spec->max_core_count : -1;
    return own_row(max, bucket_table_array(t, b->array)->wanted_vcpus, b->vcpus);
}

static struct bound cluster_count_row(const struct bucket_table *t, const struct demand *d,
                                      const struct bucket *b) {
    (void)d;
    (void)b;
    uint64_t wanted = 0;
    for (size_t i = 0; i < t->arrays.len; i++)
        wanted += t->arrays.items[i].wanted;
    return own_row(t->cluster->max_count, wanted, 1);
}

static struct bound cluster_cores_row(const struct bucket_table *t, const struct demand *d,
                                      const struct bucket *b) {
    (void)d;
    uint64_t wanted = 0;
    for (size_t i = 0; i < t->arrays.len; i++)
        wanted += t->arrays.items[i].wanted_vcpus;
    return own_row(t->cluster->max_core_count, wanted, b->vcpus);
}

static struct bound cluster_row(const struct bucket_table *t, const struct demand *d,
                                const struct bucket *b) {
    (void)d;
    (void)b;
    return (struct bound){
        .limit = LIMIT_NODES_PER_CLUSTER,
        .used = cluster_node_count(t->cluster) + t->asked,
        .each = 1,
    };
}

void bucket_bounds(const struct bucket_table *t, const struct demand *d, const struct bucket *b,
                   struct bounds *ret) {
    static struct bound (*const rows[BOUND_KIND_MAX])(
        const struct bucket_table *t, const struct demand *d, const struct bucket *b) = {
        [BOUND_MAX_COUNT] = count_row,
        [BOUND_MAX_CORE_COUNT] = cores_row,
        [BOUND_CLUSTER_COUNT] = cluster_count_row,
        [BOUND_CLUSTER_CORES] = cluster_cores_row,
        [BOUND_CLUSTER] = cluster_row,
        [BOUND_FAMILY_QUOTA] = family_row,
        [BOUND_REGION_QUOTA] = region_row,
    };
    for (size_t i = 0; i < BOUND_KIND_MAX; i++)
        ret->rows[i] = rows[i](t, d, b);
}

uint64_t bound_max(const struct bound *row) {
    return row->limit == BOUND_UNLIMITED ? BOUND_UNLIMITED : row->limit / row->each;
}

uint64_t bound_room(const struct bound *row) {
    if (row->limit == BOUND_UNLIMITED)
        return BOUND_UNLIMITED;
    return row->limit > row->used ? (row->limit - row->used) / row->each : 0;
}

static uint64_t smallest(const struct bounds *b, uint64_t (*of)(const struct bound *row)) {
    uint64_t least = BOUND_UNLIMITED;
    for (size_t i = 0; i < BOUND_KIND_MAX; i++)
        least = of(&b->rows[i]) < least ? of(&b->rows[i]) : least;
    return least;
}

uint64_t bounds_max(const struct bounds *b) {
    return smallest(b, bound_max);
}

uint64_t bounds_room(const struct bounds *b) {
    return smallest(b, bound_room);
}

uint64_t bounds_quota_room(const struct bounds *b) {
    uint64_t family = bound_room(&b->rows[BOUND_FAMILY_QUOTA]);
    uint64_t region = bound_room(&b->rows[BOUND_REGION_QUOTA]);
    return family < region ? family : region;
}

const char *bounds_binding(const struct bounds *b) {
    static const char *const names[BOUND_KIND_MAX] = {
        [BOUND_MAX_COUNT] = "MaxCount",
        [BOUND_MAX_CORE_COUNT] = "MaxCoreCount",
        [BOUND_CLUSTER_COUNT] = "MaxCount of the cluster",
        [BOUND_CLUSTER_CORES] = "MaxCoreCount of the cluster",
        [BOUND_CLUSTER] = "cluster",
    };
    uint64_t least = bounds_room(b);
    for (size_t i = 0; least != BOUND_UNLIMITED && i < BOUND_KIND_MAX; i++)
        if (bound_room(&b->rows[i]) == least)
            return b->rows[i].quota ? str_text(b->rows[i].quota->name) : names[i];
    return "";
}
