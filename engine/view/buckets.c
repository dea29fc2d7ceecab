/* SPDX-License-Identifier: MIT */
#include "buckets.h"

#include "members.h"
#include "model/limits.h"
#include "show.h"

/*
 * Every number is there whatever is known, and none is in the way of the arithmetic that clients
 * do with it: unknown limits are large, what is consumed is never more than the quota, a node has
 * one vCPU at least.
 */

int buckets_make(const struct view_ctx *ctx, struct buckets *ret) {
    struct buckets x = {0};
    int r =
        bucket_table_make(ctx->snapshot, ctx->cluster, clock_wall(ctx->gateway->clock), &x.table);
    if (r == 0)
        r = bucket_table_add_members(&x.table);
    if (r == 0)
        r = demand_make(&x.table, &x.demand);
    if (r < 0) {
        buckets_done(&x);
        return r;
    }
    *ret = x;
    return 0;
}

void buckets_done(struct buckets *x) {
    bucket_table_done(&x->table);
    demand_done(&x->demand);
}

static int64_t at_most(uint64_t value, int64_t limit) {
    return value < (uint64_t)limit ? (int64_t)value : limit;
}

/* What a quota says, in nodes and in cores. */
struct quota_report {
    int64_t cores, nodes, consumed;
};

static struct quota_report report_quota(uint64_t limit, uint64_t used, uint64_t each) {
    int64_t cores = at_most(limit, NO_CORE_LIMIT);
    return (struct quota_report){
        .cores = cores, .nodes = cores / (int64_t)each, .consumed = at_most(used, cores)};
}

/* The wanted nodes of a bucket that wait, and why the first of them does. */
struct held {
    int64_t nodes;
    const struct node *first;
    bool short_of; /* some wait because no more can be had now */
};

static struct held held_of(const struct bucket_table *t, const struct bucket *b) {
    struct held held = {0};
    for (uint32_t i = b->first; i != BUCKET_NONE; i = t->members.items[i].next) {
        const struct node *n = t->members.items[i].node;
        if (n->target != TARGET_STARTED || n->hold == HOLD_NONE)
            continue;
        held.nodes++;
        held.first = held.first ? held.first : n;
        held.short_of = held.short_of || ((n->hold == HOLD_QUOTA || n->hold == HOLD_CAPACITY) &&
                                          n->not_before > t->now);
    }
    return held;
}

/* The number of a bucket, as clients know them. */
struct report {
    struct held held;
    const char *limited_by;
    int64_t max, active, available, group_size;
    struct quota_report quota, family, region;
};

/* The largest of its placement groups. */
static int64_t largest_group(const struct bucket_table *t, const struct bucket *b) {
    uint32_t most = 0;
    for (size_t i = 0; i < t->groups.len; i++)
        if (&t->buckets.items[t->groups.items[i].bucket] == b && t->groups.items[i].active > most)
            most = t->groups.items[i].active;
    return most;
}

static int64_t group_size(const struct bucket_table *t, const struct bucket *b) {
    int64_t most = largest_group(t, b);
    int64_t size =
        b->array->spec ? placement_group_size(b->array->spec) : LIMIT_SET_SIZE_PLACEMENT_GROUP;
    return most > size ? most : size;
}

static void report_quotas(const struct buckets *x, const struct bucket *b, const struct bounds *all,
                          struct report *r) {
    const struct bound *bought = &all->rows[BOUND_FAMILY_QUOTA];
    const struct bound *region = &all->rows[BOUND_REGION_QUOTA];
    struct bound family = bucket_family_quota(&x->table, &x->demand, b);
    bool spot = b->array->spec && b->array->spec->spot;
    uint64_t limit = bought->limit < region->limit ? bought->limit : region->limit;
    r->quota = report_quota(limit, spot ? region->used : family.used, region->each);
    r->family = report_quota(family.limit, family.used, family.each);
    r->region = report_quota(region->limit, region->used, region->each);
}

static struct report report_of(const struct buckets *x, const struct bucket *b) {
    struct bounds all;
    bucket_bounds(&x->table, &x->demand, b, &all);
    struct held held = held_of(&x->table, b);
    bool free = b->valid && !bucket_held_until(b, x->table.now) && !held.short_of;
    struct report r = {
        .held = held,
        .limited_by = free ? bounds_binding(&all) : "",
        .max = b->valid ? at_most(bounds_max(&all), NO_CORE_LIMIT) : 0,
        .active = b->active,
        .available = free ? at_most(bounds_room(&all), NO_CORE_LIMIT) : 0,
        .group_size = group_size(&x->table, b),
    };
    report_quotas(x, b, &all, &r);
    return r;
}

static const char *invalid_reason(const struct bucket *b) {
    if (b->valid)
        return "";
    return b->listed && !b->array->gone ? "NotActivated" : "DisabledMachineType";
}

static double seconds_since_shortage(const struct bucket *b, usec_t now) {
    if (!b->shortage)
        return -1;
    usec_t at = b->shortage->failed_at;
    return now > at ? (double)(now - at) / USEC_SEC : 0;
}

static void put_numbers(struct buf *b, const struct report *r, int64_t vcpus) {
    const struct {
        const char *key;
        int64_t value;
    } rows[] = {
        {"maxCount", r->max},
        {"maxCoreCount", r->max * vcpus},
        {"activeCount", r->active},
        {"activeCoreCount", r->active * vcpus},
        {"availableCount", r->available},
        {"availableCoreCount", r->available * vcpus},
        {"quotaCount", r->quota.nodes},
        {"quotaCoreCount", r->quota.cores},
        {"consumedCoreCount", r->quota.consumed},
        {"familyQuotaCount", r->family.nodes},
        {"familyQuotaCoreCount", r->family.cores},
        {"familyConsumedCoreCount", r->family.consumed},
        {"regionalQuotaCount", r->region.nodes},
        {"regionalQuotaCoreCount", r->region.cores},
        {"regionalConsumedCoreCount", r->region.consumed},
        {"maxPlacementGroupSize", r->group_size},
        {"heldCount", r->held.nodes},
        {"maxPlacementGroupCoreSize", r->group_size * vcpus},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        member_number(b, rows[i].key, rows[i].value);
}

/* What is in the way of more: a limit by name, or what holds nodes that are wanted already. */
static void put_held(struct buf *b, const struct report *r) {
    const struct node *n = r->held.first;
    bool timed = n && n->not_before && n->not_before != USEC_NEVER;
    member_text(b, "limitedBy", r->limited_by);
    member_text(b, "heldReason", n ? hold_name(n->hold) : "");
    member_text(b, "heldMessage", n ? str_text(n->message) : "");
    member_real(b, "heldUntil", timed ? (double)n->not_before / USEC_SEC : -1);
}

static void put_machine(struct buf *b, const struct bucket *bucket) {
    static const struct machine_type unknown;
    const struct machine_type *t = bucket->type ? bucket->type : &unknown;
    uint32_t cores = t->vcpus_per_core ? bucket->vcpus / t->vcpus_per_core : bucket->vcpus;
    member_key(b, "virtualMachine");
    (void)buf_putc(b, '{');
    member_number(b, "vcpuCount", bucket->vcpus);
    member_number(b, "pcpuCount", cores ? cores : 1);
    member_number(b, "gpuCount", t->gpus);
    member_key(b, "memory");
    (void)buf_printf(b, "%.10g,", (double)t->memory_mb / 1024);
    member_bool(b, "infiniband", t->rdma);
    if (bucket->type)
        member_number(b, "vcpuQuotaCount", t->quota_vcpus);
    (void)members_end(b);
    (void)buf_putc(b, ',');
}

static void put_groups(struct buf *b, const struct bucket_table *t, const struct bucket *bucket) {
    const char *separator = "";
    member_key(b, "placementGroups");
    (void)buf_putc(b, '[');
    for (size_t i = 0; i < t->groups.len; i++) {
        const struct bucket_group *g = &t->groups.items[i];
        if (&t->buckets.items[g->bucket] != bucket)
            continue;
        (void)buf_puts(b, separator);
        (void)buf_putc(b, '{');
        member_text(b, "name", str_text(g->name));
        member_number(b, "activeCount", g->active);
        member_number(b, "activeCoreCount", (int64_t)g->active * bucket->vcpus);
        (void)members_end(b);
        separator = ",";
    }
    (void)buf_puts(b, "],");
}

static void put_names(struct buf *b, const struct bucket_table *t, const struct bucket *bucket) {
    const char *separator = "";
    member_key(b, "activeNodes");
    (void)buf_putc(b, '[');
    for (uint32_t i = bucket->first; i != BUCKET_NONE; i = t->members.items[i].next) {
        const struct node *n = t->members.items[i].node;
        if (!node_status_has_vm(n->status))
            continue;
        (void)buf_puts(b, separator);
        (void)buf_putc(b, '"');
        (void)show_json(b, str_text(n->name));
        (void)buf_putc(b, '"');
        separator = ",";
    }
    (void)buf_puts(b, "],");
}

/* The same as long as the cluster lives: array ids are never used twice, and the cloud's spelling
   of a type may become known only later. */
static void put_id(struct buf *b, const struct bucket *bucket) {
    _cleanup_buf_ struct buf id = BUF_INIT(LIMIT_VALUE_BYTES);
    (void)buf_printf(&id, "%llu-", (unsigned long long)bucket->array->id);
    for (const char *p = bucket->machine_type; *p; p++)
        (void)buf_putc(&id, *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p);
    member_text(b, "bucketId", id.data);
}

static int put_bucket(const struct buckets *x, const struct bucket *bucket, bool names,
                      struct buf *b) {
    struct report r = report_of(x, bucket);
    (void)buf_putc(b, '{');
    put_id(b, bucket);
    member_key(b, "definition");
    (void)buf_putc(b, '{');
    member_text(b, "machineType", bucket->machine_type);
    (void)members_end(b);
    (void)buf_putc(b, ',');
    member_bool(b, "valid", bucket->valid);
    member_text(b, "invalidReason", invalid_reason(bucket));
    put_numbers(b, &r, bucket->vcpus);
    put_held(b, &r);
    member_real(b, "lastCapacityFailure", seconds_since_shortage(bucket, x->table.now));
    put_groups(b, &x->table, bucket);
    if (names)
        put_names(b, &x->table, bucket);
    put_machine(b, bucket);
    return members_end(b);
}

int buckets_put(const struct buckets *x, const struct array *a, bool names, const char *separator,
                struct buf *b) {
    const struct bucket_array *part = bucket_table_array(&x->table, a);
    const char *before = "";
    for (uint32_t i = part->first; i != BUCKET_NONE; i = x->table.buckets.items[i].next) {
        (void)buf_puts(b, before);
        int r = put_bucket(x, &x->table.buckets.items[i], names, b);
        if (r < 0)
            return r;
        before = separator;
    }
    return buf_error(b);
}

int render_buckets(const struct view_ctx *ctx, struct buf *b) {
    _cleanup_(buckets_done) struct buckets x = {0};
    int r = buckets_make(ctx, &x);
    if (r < 0)
        return r;
    (void)buf_putc(b, '[');
    r = buckets_put(&x, ctx->array, false, ",\n ", b);
    return r < 0 ? r : buf_puts(b, "]\n");
}
