/* SPDX-License-Identifier: MIT */
#include "bucket.h"

#include "base/parse.h"
#include "limits.h"
#include "node_list.h"
#include "type_table.h"

#include <string.h>

void bucket_table_done(struct bucket_table *t) {
    bucket_vec_done(&t->buckets);
    bucket_array_vec_done(&t->arrays);
    bucket_member_vec_done(&t->members);
    bucket_group_vec_done(&t->groups);
}

usec_t bucket_held_until(const struct bucket *b, usec_t now) {
    return b->shortage && b->shortage->until > now ? b->shortage->until : 0;
}

uint32_t placement_group_size(const struct array_spec *spec) {
    bool smaller = spec->max_set_size > 0 && spec->max_set_size < LIMIT_SET_SIZE_PLACEMENT_GROUP;
    return smaller ? (uint32_t)spec->max_set_size : LIMIT_SET_SIZE_PLACEMENT_GROUP;
}

/* --- the buckets that the definition names ---------------------------------------------------- */

static const char *account_of(const struct array *a) {
    return a->spec ? str_text(a->spec->account) : "";
}

static const char *region_of(const struct array *a) {
    return a->spec ? str_text(a->spec->region) : "";
}

static uint32_t find_bucket(const struct bucket_table *t, const struct bucket_array *part,
                            const char *machine_type) {
    for (uint32_t i = part->first; i != BUCKET_NONE; i = t->buckets.items[i].next)
        if (text_equal_fold(t->buckets.items[i].machine_type, machine_type))
            return i;
    return BUCKET_NONE;
}

static const struct shortage *shortage_now(const struct bucket_table *t, const struct array *a,
                                           const char *machine_type) {
    const struct shortage *x =
        a->spec ? snapshot_shortage(t->snapshot, a->spec, machine_type) : NULL;
    return x && !shortage_forgotten(x, t->now) ? x : NULL;
}

/* The cloud sells this type to this account here, in the way that the definition asks for. */
static bool is_offered(const struct machine_type *type, const struct array_spec *spec) {
    return type && !type->restricted && (type->spot || !spec->spot);
}

/* The array's bucket of this type, a new one if need be; BUCKET_NONE: no memory. */
static uint32_t take_bucket(struct bucket_table *t, struct bucket_array *part,
                            const char *machine_type, bool listed) {
    uint32_t at = find_bucket(t, part, machine_type);
    if (at != BUCKET_NONE)
        return at;
    const struct array *a = part->array;
    const struct machine_type *type =
        snapshot_machine_type(t->snapshot, account_of(a), region_of(a), machine_type);
    struct bucket made = {
        .array = a,
        .machine_type = type ? str_text(type->name) : machine_type,
        .type = type,
        .shortage = shortage_now(t, a, machine_type),
        .listed = listed,
        .valid = listed && !a->gone && is_offered(type, a->spec),
        .vcpus = type && type->vcpus ? type->vcpus : 1,
        .first = BUCKET_NONE,
        .last = BUCKET_NONE,
        .next = BUCKET_NONE,
    };
    at = (uint32_t)t->buckets.len;
    if (bucket_vec_append(&t->buckets, made) < 0)
        return BUCKET_NONE;
    if (part->last == BUCKET_NONE)
        part->first = at;
    else
        t->buckets.items[part->last].next = at;
    part->last = at;
    return at;
}

/* What the engine would take for a node now: the first of the list that can be had. */
static uint32_t next_type(const struct bucket_table *t, const struct bucket_array *part) {
    for (uint32_t i = part->first; i != BUCKET_NONE; i = t->buckets.items[i].next) {
        const struct bucket *b = &t->buckets.items[i];
        if (b->type && !bucket_held_until(b, t->now))
            return i;
    }
    return part->first;
}

static usec_t quotas_read_at(const struct snapshot *s, const struct array *a) {
    const struct catalog *c = s->catalog;
    for (size_t i = 0; c && i < c->n_quotas; i++)
        if (str_equal(c->quotas[i].account, account_of(a)) &&
            text_equal_fold(str_text(c->quotas[i].region), region_of(a)))
            return c->quotas[i].read_at;
    return 0;
}

static int add_array(struct bucket_table *t, const struct array *a) {
    struct bucket_array part = {.array = a,
                                .first = BUCKET_NONE,
                                .last = BUCKET_NONE,
                                .quotas_read_at = quotas_read_at(t->snapshot, a)};
    const struct str_list *types = a->spec ? a->spec->machine_types : NULL;
    for (size_t i = 0; types && i < types->len; i++)
        if (take_bucket(t, &part, str_text(types->items[i]), true) == BUCKET_NONE)
            return -ENOMEM;
    part.next_type = next_type(t, &part);
    return bucket_array_vec_append(&t->arrays, part);
}

/* --- how many nodes there are ----------------------------------------------------------------- */

static void count_type(struct bucket_array *part, struct bucket *b, const struct type_count *n) {
    if (!b->type && n->cores)
        b->vcpus = n->cores; /* the cloud no longer says, the nodes' records do */
    b->wanted += n->wanted;
    b->active += n->active;
    b->uncounted += n->unplaced;
    part->wanted += n->wanted;
    part->wanted_vcpus += (uint64_t)n->wanted * b->vcpus;
    part->present += n->present;
    part->present_vcpus += (uint64_t)n->present * b->vcpus;
}

/* The bucket of this type; nodes without one are in that which would be tried now. *ret is
   BUCKET_NONE when there is none. 0 or -ENOMEM. */
static int bucket_of_type(struct bucket_table *t, struct bucket_array *part,
                          const struct str *machine_type, uint32_t *ret) {
    *ret = part->next_type;
    if (!str_len(machine_type))
        return 0;
    *ret = take_bucket(t, part, str_text(machine_type), false);
    return *ret == BUCKET_NONE ? -ENOMEM : 0;
}

/* Those with a VM that is younger than the cloud's usage. */
static void count_younger(struct bucket_table *t, const struct bucket_array *part) {
    uint64_t position = UINT64_MAX;
    const struct node *n;
    while ((n = cluster_previous_listed(t->cluster, part->array->id, NODES_WITH_VM, &position)) &&
           n->created_at >= part->quotas_read_at) {
        uint32_t at = str_len(n->machine_type) ? find_bucket(t, part, str_text(n->machine_type))
                                               : part->next_type;
        if (at != BUCKET_NONE)
            t->buckets.items[at].uncounted++;
    }
}

static int count_array(struct bucket_table *t, struct bucket_array *part) {
    const struct type_table *types = part->array->types;
    for (uint32_t i = 0; types && i < types->n; i++) {
        const struct type_count *row = &types->rows[i];
        uint32_t at = BUCKET_NONE;
        int r = row->nodes ? bucket_of_type(t, part, row->machine_type, &at) : 0;
        if (r < 0)
            return r;
        if (at != BUCKET_NONE)
            count_type(part, &t->buckets.items[at], row);
    }
    count_younger(t, part);
    return 0;
}

int bucket_table_make(const struct snapshot *s, const struct cluster *c, usec_t now,
                      struct bucket_table *ret) {
    struct bucket_table t = {.snapshot = s, .cluster = c, .now = now};
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->arrays.len; i++) {
        r = add_array(&t, cluster_array(c, i));
        if (r == 0)
            r = count_array(&t, &t.arrays.items[i]);
    }
    if (r < 0) {
        bucket_table_done(&t);
        return r;
    }
    *ret = t;
    return 0;
}

struct bucket_array *bucket_table_part(struct bucket_table *t, uint64_t array_id) {
    for (size_t i = 0; i < t->arrays.len; i++)
        if (t->arrays.items[i].array->id == array_id)
            return &t->arrays.items[i];
    return NULL;
}

const struct bucket_array *bucket_table_array(const struct bucket_table *t,
                                              const struct array *array) {
    return bucket_table_part((struct bucket_table *)(uintptr_t)t, array->id);
}

/* --- which nodes they are --------------------------------------------------------------------- */

/* Where the last node was: the next one is mostly of the same array, type and group. */
struct last_place {
    struct bucket_array *part;
    const struct str *machine_type, *group_name;
    uint32_t bucket, group;
};

/* The bucket of a node; *ret is BUCKET_NONE when it has none. 0 or -ENOMEM. */
static int bucket_of(struct bucket_table *t, struct last_place *last, const struct node *n,
                     uint32_t *ret) {
    bool same_array = last->part && last->part->array->id == n->array_id;
    if (!same_array)
        *last =
            (struct last_place){.part = bucket_table_part(t, n->array_id), .bucket = BUCKET_NONE};
    int r = 0;
    if (last->part && (!same_array || last->machine_type != n->machine_type))
        r = bucket_of_type(t, last->part, n->machine_type, &last->bucket);
    last->machine_type = n->machine_type;
    *ret = last->bucket;
    return r;
}

static void add_member(struct bucket_table *t, const struct node *n, uint32_t bucket) {
    uint32_t at = (uint32_t)t->members.len;
    t->members.items[t->members.len++] = (struct bucket_member){n, bucket, BUCKET_NONE};
    if (bucket == BUCKET_NONE)
        return;
    struct bucket *b = &t->buckets.items[bucket];
    if (b->last == BUCKET_NONE)
        b->first = at;
    else
        t->members.items[b->last].next = at;
    b->last = at;
}

static int add_to_group(struct bucket_table *t, struct last_place *last, const struct node *n,
                        uint32_t bucket) {
    struct bucket_group *groups = t->groups.items;
    bool same = last->group_name == n->placement_group && last->group < t->groups.len &&
                groups[last->group].bucket == bucket;
    if (!same) {
        last->group_name = n->placement_group;
        for (last->group = 0; last->group < t->groups.len; last->group++)
            if (groups[last->group].bucket == bucket &&
                str_equal(groups[last->group].name, str_text(n->placement_group)))
                break;
    }
    if (last->group == t->groups.len &&
        bucket_group_vec_append(&t->groups, (struct bucket_group){n->placement_group, bucket, 0}) <
            0)
        return -ENOMEM;
    t->groups.items[last->group].active++;
    return 0;
}

static int add_node(struct bucket_table *t, struct last_place *last, const struct node *n) {
    uint32_t bucket;
    int r = bucket_of(t, last, n, &bucket);
    if (r < 0)
        return r;
    add_member(t, n, bucket);
    bool grouped =
        bucket != BUCKET_NONE && str_len(n->placement_group) && node_status_has_vm(n->status);
    return grouped ? add_to_group(t, last, n, bucket) : 0;
}

int bucket_table_add_members(struct bucket_table *t) {
    int r = bucket_member_vec_reserve(&t->members, cluster_node_count(t->cluster));
    struct last_place last = {0};
    uint64_t position = 0;
    for (const struct node *n; r == 0 && (n = cluster_next_node(t->cluster, &position));)
        r = add_node(t, &last, n);
    return r;
}
