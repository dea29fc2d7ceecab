/* SPDX-License-Identifier: MIT */
/*
 * Which machine types the pending nodes of an array get: those of its list in order, each as far as
 * the quotas that are known have room. A type that the cloud was short of lately is passed over.
 * What fits nowhere goes to the first type all the same: the cloud knows its quotas better, and
 * says what to do.
 */
#include "plan-parts.h"

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

/* Why nothing of this type can be had now. */
static void note_why(struct plan_no_type *why, const struct bucket *b, usec_t held_until) {
    const char *region = str_text(b->array->spec->region);
    if (b->type) {
        why->until = why->hold == HOLD_INVALID || held_until < why->until ? held_until : why->until;
        why->hold = HOLD_CAPACITY;
        (void)snprintf(why->message, sizeof(why->message), "no capacity for %s in %s now",
                       b->machine_type, region);
    } else if (why->hold == HOLD_INVALID) {
        (void)snprintf(why->message, sizeof(why->message), "MachineType %s is not known in %s",
                       b->machine_type, region);
    }
}

/* The first share is that of the first type that has one, and may grow. */
static int add_share(struct plan_shares *shares, const struct bucket *b, size_t nodes) {
    if (shares->len && shares->items[0].machine_type == b->machine_type) {
        shares->items[0].nodes += nodes;
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
        first = first ? first : b;
        r = take_share(room, b, &left, shares);
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
