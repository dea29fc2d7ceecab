/* SPDX-License-Identifier: MIT */
#include "send.h"

/*
 * A scale set is resized in two steps: it is read, and its size is written on the condition that it
 * has not changed since (its etag). So a request that arrives late, of this engine or of one before
 * it, changes nothing.
 */

/* The capacity that is asked for was worked out from a listing. A set that is larger by now has
 * members that the plan did not see, and a smaller capacity would delete some, wanted ones too.
 * When a listing since then has not shown them, they are only in the set's books. */
static bool would_shrink(const struct intent *i, const struct set_work *sw,
                         const struct cyclecloud_set *now) {
    return now->capacity > i->capacity && !(*now->etag && sw && str_equal(sw->etag, now->etag));
}

static void conflict(struct engine *e, const struct intent *i, usec_t began) {
    const struct cyclecloud_result result = {
        .result = CYCLECLOUD_CONFLICT,
        .code = "Conflict",
        .message = "the scale set is larger than the last listing showed",
        .request_id = "",
        .operation_url = "",
        .quota.name = "",
    };
    outcome_of_intent(e, &result, i->cluster_id, i->id, began);
}

static void write_size(struct engine *e, struct intent *i, const struct cyclecloud_set *now) {
    _cleanup_error_ struct error err = ERROR_INIT;
    edit_text(e, &i->etag, now->etag);
    if (request_send(e, i, outcome_of_intent, &err) == 0)
        return;
    log_warning("request not sent, trying again what=\"%s\" why=\"%s\"", intent_verb(i->kind),
                err_text(&err));
    i->state = INTENT_OPEN;
    i->next_at = engine_now(e) + 10 * USEC_SEC;
}

static void looked(struct engine *e, const struct cyclecloud_result *result, uint64_t cluster_id,
                   uint64_t intent_id, usec_t began) {
    struct intent *i = intents_find(e, intent_id);
    if (!i || i->state == INTENT_ACCEPTED)
        return;
    if (result->result != CYCLECLOUD_OK || result->n_sets != 1) {
        outcome_of_intent(e, result, cluster_id, intent_id, began);
        return;
    }
    const struct cyclecloud_set *now = &result->sets[0];
    struct work *w = engine_work(e, cluster_id);
    struct set_work *sw = w ? work_set(w, i->set_id) : NULL;
    if (!would_shrink(i, sw, now)) {
        write_size(e, i, now);
        return;
    }
    if (sw)
        edit_text(e, &sw->etag, now->etag);
    conflict(e, i, began);
}

int resize_look(struct engine *e, const struct intent *i, struct error *err) {
    return request_look(e, i, looked, err);
}
