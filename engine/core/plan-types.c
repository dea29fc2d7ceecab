/* SPDX-License-Identifier: MIT */
/*
 * Which machine types the pending nodes of an array get: those of its list in order, each as far as
 * the quotas that are known have room. A type that the cloud was short of lately is passed over.
 * What fits nowhere goes to the first type all the same, for the cloud knows its quotas better;
 * once it has refused for want of one, the rest waits.
 */
#include "plan-parts.h"

#include <inttypes.h>
#include <stdio.h>

/* What the quotas say, with nodes that have no type yet taken out. */
struct room {
    struct bucket_table table;
    struct demand demand;
};

static void room_close(struct room *r) {
    bucket_table_done(&r->table);
    demand_done(&r->demand);
}

/* 0 or -ENOMEM; room_close in both cases. */
static int room_open(const struct plan_input *in, const struct array *a, struct room *ret) {
    int r = bucket_table_make(in->snapshot, in->cluster, in->now, &ret->table);
    if (r == 0)
        r = demand_make(&ret->table, &ret->demand);
    return r < 0 ? r : demand_untyped(&ret->demand, &ret->table, a);
}

static size_t room_for(const struct room *room, const struct bucket *b, size_t wanted) {
    struct bounds bounds;
    bucket_bounds(&room->table, &room->demand, b, &bounds);
    uint64_t fit = bounds_quota_room(&bounds);
    return fit < wanted ? (size_t)fit : wanted;
}

static void say_why(struct plan_no_type *why, enum hold hold, usec_t until) {
    bool first = why->hold == HOLD_INVALID;
    why->until = first || until < why->until ? until : why->until;
    why->hold = hold;
}

/* Why nothing of this type can be had now. */
static void note_why(struct plan_no_type *why, const struct bucket *b, usec_t held_until) {
    const char *region = str_text(b->array->spec->region);
    if (!b->type && why->hold == HOLD_INVALID)
        (void)snprintf(why->message, sizeof(why->message), "MachineType %s is not known in %s",
                       b->machine_type, region);
    if (!b->type)
        return;
    say_why(why, b->shortage->hold, held_until);
    if (str_len(b->shortage->message))
        (void)snprintf(why->message, sizeof(why->message), "%s", str_text(b->shortage->message));
    else
        (void)snprintf(why->message, sizeof(why->message), "no capacity for %s in %s now",
                       b->machine_type, region);
}

/* The quota that has no room for another node of this type, and by which the cloud refused one;
   NULL: the cloud may be asked. */
static const struct bound *refusing_quota(const struct room *room, const struct bounds *bounds) {
    for (enum bound_kind i = BOUND_FAMILY_QUOTA; i < BOUND_KIND_MAX; i++) {
        const struct bound *row = &bounds->rows[i];
        if (row->quota && row->quota->refused_until > room->table.now && !bound_room(row))
            return row;
    }
    return NULL;
}

/* True when the cloud has refused this type for want of a quota: then *why says so. */
static bool is_refused(const struct room *room, const struct bucket *b, struct plan_no_type *why) {
    struct bounds bounds;
    bucket_bounds(&room->table, &room->demand, b, &bounds);
    const struct bound *row = refusing_quota(room, &bounds);
    if (!row)
        return false;
    say_why(why, HOLD_QUOTA, row->quota->refused_until);
    (void)snprintf(why->message, sizeof(why->message),
                   "quota %s in %s: %" PRIu64 " of %" PRIu64
                   " cores are used or asked for, a node of %s needs %" PRIu64,
                   str_text(row->quota->name), str_text(row->quota->region), row->used, row->limit,
                   b->machine_type, row->each);
    return true;
}

/* A type that has a share gets a larger one. */
static int add_share(struct plan_shares *shares, const struct bucket *b, size_t nodes) {
    for (size_t i = 0; i < shares->len; i++) {
        if (shares->items[i].machine_type != b->machine_type)
            continue;
        shares->items[i].nodes += nodes;
        return 0;
    }
    return nodes ? plan_shares_append(shares, (struct plan_share){b->machine_type, nodes}) : 0;
}

/* As much as the quotas have room for goes to this type. */
static int take_share(struct room *room, const struct bucket *b, size_t *left,
                      struct plan_shares *shares) {
    size_t fit = room_for(room, b, *left);
    *left -= fit;
    int r = add_share(shares, b, fit);
    return r < 0 ? r : demand_take(&room->demand, b, fit);
}

static int share_all(struct room *room, const struct bucket_array *part, size_t left,
                     struct plan_shares *shares, struct plan_no_type *why) {
    const struct bucket *first = NULL;
    int r = 0;
    for (uint32_t i = part->first; r == 0 && i != BUCKET_NONE;
         i = room->table.buckets.items[i].next) {
        const struct bucket *b = &room->table.buckets.items[i];
        usec_t held_until = bucket_held_until(b, room->table.now);
        if (!b->listed)
            continue;
        if (!b->type || held_until) {
            note_why(why, b, held_until);
            continue;
        }
        r = take_share(room, b, &left, shares);
        if (!first && !is_refused(room, b, why))
            first = b;
    }
    return r < 0 || !first ? r : add_share(shares, first, left);
}

int plan_share_types(const struct plan_input *in, const struct array *a, size_t n,
                     struct plan_shares *ret, struct plan_no_type *ret_why) {
    _cleanup_(room_close) struct room room = {0};
    *ret_why = (struct plan_no_type){.hold = HOLD_INVALID};
    (void)snprintf(ret_why->message, sizeof(ret_why->message), "MachineType of %s is empty",
                   str_text(a->name));
    int r = room_open(in, a, &room);
    return r < 0 ? r : share_all(&room, bucket_table_array(&room.table, a), n, ret, ret_why);
}
