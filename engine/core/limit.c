/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* What stands against more nodes of an array: its definition, its limits, the cloud's quotas. */

static const struct machine_type *first_type(struct engine *e, const struct array_spec *s) {
    if (!s->machine_types)
        return NULL;
    return snapshot_machine_type(engine_state(e), str_text(s->account), str_text(s->region),
                                 str_text(s->machine_types->items[0]));
}

static int check_machine_types(struct engine *e, const struct array *a, struct error *err) {
    const struct array_spec *s = a->spec;
    const struct market *m = market_find(e, str_text(s->account), str_text(s->region));
    if (!s->machine_types)
        return err_set(err, -EINVAL, "no_machine_type",
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

static int check_max_core_count(const struct array *a, const struct machine_type *t, int64_t wanted,
                                struct error *err) {
    int64_t limit = a->spec->max_core_count;
    if (limit < 0 || !t || wanted * t->vcpus <= limit)
        return 0;
    return err_set(err, -EDQUOT, "limit_exceeded",
                   "%" PRId64 " nodes of %s are %" PRId64 " cores; its MaxCoreCount is %" PRId64
                   ": ask for %" PRId64 " at most or raise MaxCoreCount",
                   wanted, str_text(a->name), wanted * t->vcpus, limit, limit / t->vcpus);
}

static const struct quota *find_quota(struct engine *e, const struct array_spec *s,
                                      const char *name) {
    const struct catalog *c = engine_state(e)->catalog;
    for (size_t i = 0; c && i < c->n_quotas; i++)
        if (strcasecmp(str_text(c->quotas[i].name), name) == 0 &&
            str_equal(c->quotas[i].account, str_text(s->account)) &&
            str_equal(c->quotas[i].region, str_text(s->region)))
            return &c->quotas[i];
    return NULL;
}

/* Nodes of both draw on the same quotas. */
static bool same_market(const struct array_spec *a, const struct array_spec *b) {
    return a->spot == b->spot && str_equal(a->account, str_text(b->account)) &&
           str_equal(a->region, str_text(b->region));
}

/* Cores of `family` (NULL: any) that a node wants and that the cloud's own usage, read at
 * `read_at`, does not contain yet. */
static uint64_t uncounted_of(struct engine *e, const struct node *n, const struct array_spec *s,
                             const struct str *family, usec_t read_at) {
    if (n->target != TARGET_STARTED || (str_len(n->resource_id) && n->created_at < read_at))
        return 0;
    const struct machine_type *t = first_type(e, s);
    return t && (!family || str_equal(t->family, str_text(family))) ? t->quota_vcpus : 0;
}

/* Cores of nodes of this kind that are wanted but not yet counted by the cloud's own usage. */
static uint64_t uncounted_cores(struct engine *e, const struct array_spec *s,
                                const struct str *family) {
    const struct snapshot *now = engine_state(e);
    const struct quota *q = find_quota(e, s, "cores");
    uint64_t cores = 0;
    for (size_t i = 0; i < now->clusters.len; i++) {
        const struct cluster *c = now->clusters.items[i];
        uint64_t position = 0;
        for (const struct node *n; (n = cluster_next_node(c, &position));) {
            const struct array *a = cluster_array_by_id(c, n->array_id);
            if (a && a->spec && same_market(a->spec, s))
                cores += uncounted_of(e, n, a->spec, family, q ? q->read_at : 0);
        }
    }
    return cores;
}

static int check_quota(struct engine *e, const struct array *a, const struct machine_type *t,
                       int64_t added, struct error *err) {
    const struct array_spec *s = a->spec;
    const struct {
        const char *name;
        const struct str *family; /* NULL: all families count */
    } rows[] = {
        {s->spot ? "lowPriorityCores" : str_text(t->family), s->spot ? NULL : t->family},
        {s->spot ? "" : "cores", NULL},
    };
    uint64_t more = (uint64_t)added * t->quota_vcpus;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct quota *q = find_quota(e, s, rows[i].name);
        if (!q)
            continue;
        uint64_t used = q->used + uncounted_cores(e, s, rows[i].family);
        if (used + more <= q->limit)
            continue;
        uint64_t left =
            q->limit > used ? (q->limit - used) / (t->quota_vcpus ? t->quota_vcpus : 1) : 0;
        return err_set(err, -EDQUOT, "quota_exceeded",
                       "%" PRId64 " more nodes of %s (%s) need %" PRIu64
                       " cores; the quota %s of account %s in %s is "
                       "%" PRIu64 ", of which %" PRIu64 " are used or asked for: at most %" PRIu64
                       " more fit; ask Azure for a higher quota",
                       added, str_text(a->name), str_text(t->name), more, rows[i].name,
                       str_text(s->account), str_text(s->region), q->limit, used, left);
    }
    return 0;
}

int limit_check_array(struct engine *e, const struct cluster *c, const struct array *a,
                      int64_t added, struct error *err) {
    if (!a->spec)
        return err_set(err, -EINVAL, "no_definition",
                       "%s has no definition: write `template` again", str_text(a->name));
    int r = check_machine_types(e, a, err);
    if (r == 0)
        r = check_image(e, a, err);
    if (r < 0 || added <= 0)
        return r;
    int64_t wanted = (int64_t)a->counts.wanted + added, max = array_max_count(a);
    if (max >= 0 && wanted > max)
        return err_set(err, -EDQUOT, "limit_exceeded",
                       "%" PRId64 " nodes of %s are wanted; its MaxCount is %" PRId64
                       ": ask for fewer, or raise it in `parameters` or in arrays/%s/max_count",
                       wanted, str_text(a->name), max, str_text(a->name));
    const struct machine_type *t = first_type(e, a->spec);
    r = check_max_core_count(a, t, wanted, err);
    if (r == 0 && cluster_node_count(c) + (uint64_t)added > LIMIT_NODES_PER_CLUSTER)
        return err_set(err, -EDQUOT, "limit_exceeded", "a cluster holds at most %u nodes",
                       LIMIT_NODES_PER_CLUSTER);
    return r == 0 && t ? check_quota(e, a, t, added, err) : r;
}
