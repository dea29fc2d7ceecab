/* SPDX-License-Identifier: MIT */
#include "volume.h"

#include "outcome.h"

#include <string.h>
#include <strings.h>

/* What becomes of a volume when a request about it has ended. */

/* --- success ---------------------------------------------------------------------------------- */

static struct volume *target_of(struct engine *e, const struct intent *i) {
    return volume_by_id(engine_state(e), i->volume_id) ? edit_volume(e, i->volume_id) : NULL;
}

static void announce(struct engine *e, const struct intent *i, const struct volume *v,
                     const char *what) {
    journal_event(e, EVENT_CLUSTER_CHANGED, snapshot_cluster(engine_state(e), i->cluster_id), NULL,
                  "volume %s: %s (%s)", volume_name(v), what, str_text(v->resource_id));
}

void volume_group_ensured(struct engine *e, struct intent *i) {
    struct volume *v = target_of(e, i);
    if (v)
        v->group_ready = true;
}

void volume_created(struct engine *e, struct intent *i) {
    struct volume *v = target_of(e, i);
    if (!v)
        return;
    v->state = v->state == VOLUME_PLANNED ? VOLUME_READY : v->state;
    v->size_gb = i->capacity;
    announce(e, i, v, "created");
}

void volume_grown(struct engine *e, struct intent *i) {
    struct volume *v = target_of(e, i);
    if (!v)
        return;
    v->size_gb = i->capacity;
    announce(e, i, v, "grown");
}

void volume_deleted(struct engine *e, struct intent *i) {
    struct volume *v = target_of(e, i);
    if (!v)
        return;
    v->state = VOLUME_GONE;
    announce(e, i, v, "deleted");
}

void volume_group_deleted(struct engine *e, struct intent *i) {
    uint64_t cluster_id = i->cluster_id;
    if (!volume_by_id(engine_state(e), i->volume_id))
        return;
    if (builder_remove_item(e->builder, ITEM_VOLUME, i->volume_id) < 0)
        engine_fail(e, -ENOMEM);
    volumes_match(e, cluster_id); /* the template may still have it: planned anew */
}

/* --- the rest --------------------------------------------------------------------------------- */

/* Words for people; nothing is written when they are the same. */
static void set_message(struct engine *e, const struct intent *i, const char *text) {
    const struct volume *v = volume_by_id(engine_state(e), i->volume_id);
    struct volume *copy = v && !str_equal(v->message, text) ? edit_volume(e, i->volume_id) : NULL;
    if (copy)
        edit_text_cut(e, &copy->message, text, LIMIT_VALUE_BYTES);
}

/* It is not asked again before a person has changed something, or a while has passed. */
static void hold_volume(struct engine *e, struct intent *i,
                        const struct cyclecloud_result *result) {
    bool passes = result->result == CYCLECLOUD_QUOTA || result->result == CYCLECLOUD_CAPACITY;
    struct volume *v = target_of(e, i);
    if (v) {
        v->hold = passes ? HOLD_QUOTA : HOLD_INVALID;
        v->not_before = passes ? engine_now(e) + RETRY_QUOTA : USEC_NEVER;
    }
    outcome_announce_failure(e, i, result);
    intents_close(e, i);
}

/* The group went behind our back before the disk was made: both are made again. */
static void group_lost(struct engine *e, struct intent *i) {
    struct volume *v = target_of(e, i);
    if (v)
        v->group_ready = false;
    intents_close(e, i);
}

bool volume_is_missing(const struct intent *i, const struct cyclecloud_result *result) {
    return i->kind == INTENT_CREATE_VM && i->state != INTENT_ACCEPTED &&
           result->result == CYCLECLOUD_GONE &&
           strcasestr(result->message, "/providers/Microsoft.Compute/disks/");
}

/* How a result is taken for a volume; false: as for all other intents. */
static bool is_refused(const struct intent *i, enum cyclecloud_class class) {
    static const bool refusals[CYCLECLOUD_CLASS_MAX] = {
        [CYCLECLOUD_QUOTA] = true,
        [CYCLECLOUD_CAPACITY] = true,
        [CYCLECLOUD_INVALID] = true,
    };
    if (intent_deletes(i->kind))
        return false;
    return refusals[class] || (class == CYCLECLOUD_GONE && i->state != INTENT_ACCEPTED);
}

static bool is_fine(const struct intent *i, enum cyclecloud_class class) {
    return class == CYCLECLOUD_OK || class == CYCLECLOUD_PENDING ||
           (class == CYCLECLOUD_GONE && intent_deletes(i->kind));
}

bool volume_outcome(struct engine *e, struct intent *i, const struct cyclecloud_result *result) {
    set_message(e, i, is_fine(i, result->result) ? "" : result->message);
    if (!is_refused(i, result->result))
        return false;
    if (result->result == CYCLECLOUD_GONE && i->kind == INTENT_CREATE_VOLUME)
        group_lost(e, i);
    else
        hold_volume(e, i, result);
    return true;
}
