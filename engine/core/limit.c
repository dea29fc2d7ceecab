/* SPDX-License-Identifier: MIT */
#include "base/parse.h"
#include "internal.h"

#include <inttypes.h>

/* What stands against more nodes of an array: its definition, its limits, the cloud's quotas. */

static int check_machine_types(struct engine *e, const struct array *a, struct error *err) {
    const struct array_spec *s = a->spec;
    const struct market *m = market_find(e, str_text(s->account), str_text(s->region));
    if (!s->machine_types)
        return err_set(err, -EINVAL, "unknown_machine_type",
                       "MachineType of %s is empty: set it in `parameters`", str_text(a->name));
    for (size_t i = 0; m && m->sizes_known && i < s->machine_types->len; i++) {
        const char *type = str_text(s->machine_types->items[i]);
        const struct snapshot *now = engine_state(e);
        if (snapshot_machine_type(now, m->account, m->region, type))
            continue;
        const char *near = snapshot_machine_type_near(now, m->account, m->region, type);
        return err_set(err, -EINVAL, "unknown_machine_type",
                       "MachineType %s of %s is not known in %s%s%s%s: correct it in `parameters` "
                       "or `template`",
                       type, str_text(a->name), m->region, near ? ": did you mean " : "",
                       near ? near : "", near ? "?" : "");
    }
    return 0;
}

static int check_image(struct engine *e, const struct array *a, struct error *err) {
    const struct array_spec *s = a->spec;
    const char *name = str_len(s->image_id) ? str_text(s->image_id) : str_text(s->image);
    struct image image;
    if (*name && image_resolve(e->options.images, name, &image) == 0)
        return 0;
    const char *near = image_nearest(e->options.images, name);
    return err_set(err, -EINVAL, "unknown_image",
                   "image %s of %s is not known%s%s%s: use a name from the image table, a URN "
                   "publisher:offer:sku:version or a resource id",
                   *name ? name : "(none)", str_text(a->name), near ? ": did you mean " : "",
                   near ? near : "", near ? "?" : "");
}

/* --- how many --------------------------------------------------------------------------------- */

/* `added` more nodes do not fit into `row`. */
struct excess {
    const struct array *array;
    const struct bucket *bucket;
    const struct bound *row;
    int64_t added;
    uint64_t fit; /* what the quotas have room for, whatever the type */
};

static int refuse_count(const struct excess *x, struct error *err) {
    const char *name = str_text(x->array->name);
    uint64_t wanted = x->row->used + (uint64_t)x->added;
    bool written = x->array->max_count_set >= 0;
    return err_set(err, -EDQUOT, "limit_exceeded",
                   "%" PRIu64 " node%s of %s are wanted; its MaxCount is %" PRIu64
                   "%s: ask for fewer, or raise it in arrays/%s/max_count%s",
                   wanted, text_plural(wanted), name, x->row->limit,
                   written ? ", as written to max_count" : "", name,
                   written ? "" : ", `template` or `parameters`");
}

static int refuse_cores(const struct excess *x, struct error *err) {
    uint64_t cores = x->row->used + (uint64_t)x->added * x->row->each;
    return err_set(err, -EDQUOT, "limit_exceeded",
                   "%" PRId64 " more node%s of %s make %" PRIu64
                   " cores; its MaxCoreCount is %" PRIu64 ": ask for %" PRIu64
                   " more at most, or raise MaxCoreCount",
                   x->added, text_plural((uint64_t)x->added), str_text(x->array->name), cores,
                   x->row->limit, bound_room(x->row));
}

static int refuse_cluster_count(const struct excess *x, struct error *err) {
    uint64_t wanted = x->row->used + (uint64_t)x->added;
    return err_set(err, -EDQUOT, "limit_exceeded",
                   "%" PRId64 " more node%s of %s make %" PRIu64
                   " in the cluster; MaxCount of the cluster is %" PRIu64 ": ask for %" PRIu64
                   " more at most, or raise MaxCount in section [cluster] of `template`",
                   x->added, text_plural((uint64_t)x->added), str_text(x->array->name), wanted,
                   x->row->limit, bound_room(x->row));
}

static int refuse_cluster_cores(const struct excess *x, struct error *err) {
    uint64_t cores = x->row->used + (uint64_t)x->added * x->row->each;
    return err_set(err, -EDQUOT, "limit_exceeded",
                   "%" PRId64 " more node%s of %s make %" PRIu64
                   " cores in the cluster; MaxCoreCount of the cluster is %" PRIu64
                   ": ask for %" PRIu64
                   " more at most, or raise MaxCoreCount in section [cluster] of `template`",
                   x->added, text_plural((uint64_t)x->added), str_text(x->array->name), cores,
                   x->row->limit, bound_room(x->row));
}

static int refuse_cluster(const struct excess *x, struct error *err) {
    return err_set(err, -EDQUOT, "limit_exceeded",
                   "a cluster holds at most %" PRIu64 " nodes; it has %" PRIu64 ": ask for %" PRIu64
                   " more at most, or make another cluster",
                   x->row->limit, x->row->used, bound_room(x->row));
}

/* With several machine types it is no quota's fault alone. */
static int refuse_types(const struct excess *x, struct error *err) {
    const struct array_spec *s = x->array->spec;
    _cleanup_buf_ struct buf types = BUF_INIT(LIMIT_VALUE_BYTES);
    for (size_t i = 0; i < s->machine_types->len; i++)
        (void)buf_printf(&types, "%s%s", i ? ", " : "", str_text(s->machine_types->items[i]));
    return err_set(err, -EDQUOT, "quota_exceeded",
                   "%" PRId64
                   " more node%s of %s are wanted; for its machine types (%s) the quotas "
                   "of account %s in %s have room for %" PRIu64
                   " more: ask for that many at most, or ask Azure for higher quotas",
                   x->added, text_plural((uint64_t)x->added), str_text(x->array->name), types.data,
                   str_text(s->account), str_text(s->region), x->fit);
}

static int refuse_quota(const struct excess *x, struct error *err) {
    const struct quota *q = x->row->quota;
    if (x->array->spec->machine_types->len > 1)
        return refuse_types(x, err);
    return err_set(
        err, -EDQUOT, "quota_exceeded",
        "%" PRId64 " more node%s of %s (%s) need %" PRIu64
        " cores; the quota %s of account %s in %s is %" PRIu64 ", of which %" PRIu64
        " are used or asked for: at most %" PRIu64 " more fit; ask Azure for a higher quota",
        x->added, text_plural((uint64_t)x->added), str_text(x->array->name),
        x->bucket->machine_type, (uint64_t)x->added * x->row->each, str_text(q->name),
        str_text(q->account), str_text(q->region), x->row->limit, x->row->used, bound_room(x->row));
}

/* Refuses by the first of these rows that has no room. */
static int check_rows(struct excess *x, const struct bounds *bounds, enum bound_kind from,
                      enum bound_kind end, struct error *err) {
    static int (*const refuse[BOUND_KIND_MAX])(const struct excess *x, struct error *err) = {
        [BOUND_MAX_COUNT] = refuse_count,
        [BOUND_MAX_CORE_COUNT] = refuse_cores,
        [BOUND_CLUSTER_COUNT] = refuse_cluster_count,
        [BOUND_CLUSTER_CORES] = refuse_cluster_cores,
        [BOUND_CLUSTER] = refuse_cluster,
        [BOUND_FAMILY_QUOTA] = refuse_quota,
        [BOUND_REGION_QUOTA] = refuse_quota,
    };
    for (enum bound_kind i = from; i < end; i++) {
        x->row = &bounds->rows[i];
        if (bound_room(x->row) < (uint64_t)x->added)
            return refuse[i](x, err);
    }
    return 0;
}

/* A cluster that is off starts with what is asked for, and its heads with it. */
static int ask_heads(struct limits *l, const struct cluster *c) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < l->table.arrays.len; i++) {
        const struct bucket_array *part = &l->table.arrays.items[i];
        bool comes = !part->array->is_array && !part->array->gone && !part->wanted;
        if (comes && c->target != TARGET_STARTED && part->first != BUCKET_NONE)
            r = demand_want(&l->demand, &l->table, &l->table.buckets.items[part->first], 1);
    }
    return r;
}

int limits_open(struct engine *e, const struct cluster *c, struct limits *ret, struct error *err) {
    struct limits l = {.engine = e};
    engine_count(e);
    int r = e->failed ? e->failed : bucket_table_make(engine_state(e), c, engine_now(e), &l.table);
    if (r == 0)
        r = demand_make(&l.table, &l.demand);
    if (r == 0)
        r = ask_heads(&l, c);
    if (r < 0) {
        limits_close(&l);
        return err_set(err, r, "no_memory", "the server has no memory left: try again later");
    }
    *ret = l;
    return 0;
}

void limits_close(struct limits *l) {
    bucket_table_done(&l->table);
    demand_done(&l->demand);
}

/* Asks for nodes of the array's types in their order, whether the cloud is short of one or not:
 that passes, and until then the plan (plan-types.c) gives its share to the others. *ret_fit of them
 fit. 0 or -ENOMEM. */
static int share_out(struct limits *l, const struct bucket_array *part, uint64_t nodes,
                     uint64_t *ret_fit) {
    uint64_t left = nodes;
    int r = 0;
    for (uint32_t i = part->first; r == 0 && left && i != BUCKET_NONE;) {
        const struct bucket *b = &l->table.buckets.items[i];
        struct bounds bounds;
        bucket_bounds(&l->table, &l->demand, b, &bounds);
        uint64_t room = b->listed ? bounds_quota_room(&bounds) : 0;
        uint64_t taken = room < left ? room : left;
        r = demand_ask(&l->demand, &l->table, b, taken);
        left -= taken;
        i = b->next;
    }
    *ret_fit = nodes - left;
    return r;
}

/* The array's own limits go by the first type of the list; one that is not known yet counts as one
   core. */
static int check_room(struct limits *l, const struct array *a, int64_t added, struct error *err) {
    const struct bucket_array *part = bucket_table_array(&l->table, a);
    struct excess x = {a, &l->table.buckets.items[part->first], NULL, added, 0};
    struct bounds bounds;
    bucket_bounds(&l->table, &l->demand, x.bucket, &bounds);
    int r = check_rows(&x, &bounds, 0, BOUND_FAMILY_QUOTA, err);
    if (r < 0)
        return r;
    if (share_out(l, part, (uint64_t)added, &x.fit) < 0)
        return err_set(err, -ENOMEM, "no_memory", "the server has no memory left: try again later");
    return x.fit == (uint64_t)added
               ? 0
               : check_rows(&x, &bounds, BOUND_FAMILY_QUOTA, BOUND_KIND_MAX, err);
}

int limits_check(struct limits *l, const struct array *a, int64_t added, struct error *err) {
    if (!a->spec)
        return err_set(err, -EINVAL, "invalid_template",
                       "%s has no definition: write `template` again", str_text(a->name));
    int r = check_machine_types(l->engine, a, err);
    if (r == 0)
        r = check_image(l->engine, a, err);
    return r < 0 || added <= 0 ? r : check_room(l, a, added, err);
}

int limit_check_array(struct engine *e, const struct cluster *c, const struct array *a,
                      int64_t added, struct error *err) {
    _cleanup_(limits_close) struct limits l = {0};
    int r = limits_open(e, c, &l, err);
    return r < 0 ? r : limits_check(&l, a, added, err);
}
