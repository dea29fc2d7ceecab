/* SPDX-License-Identifier: MIT */
#ifndef CORE_INTENT_H
#define CORE_INTENT_H

/*
 * An intent: one change of the cloud, written down before it is asked for. It is absolute (names,
 * capacities and identifiers, never differences), so that asking twice means the same as asking
 * once, and it stays in the store until its outcome is known and recorded in the same commit.
 *
 * States: OPEN is to be sent at `next_at`; SENT has a request under way; ACCEPTED is carried out by
 * the cloud, which is asked at `poll_url`; UNKNOWN was open when the engine stopped: nothing is
 * done until the cloud has been listed, then it is settled or sent again.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "cyclecloud/provider.h"

enum intent_kind {
    INTENT_ENSURE_GROUP,
    INTENT_ENSURE_SECURITY_GROUP,
    INTENT_CREATE_VM,
    INTENT_DELETE_VM,
    INTENT_START_VM,
    INTENT_DEALLOCATE_VM,
    INTENT_CREATE_SET,
    INTENT_RESIZE_SET,
    INTENT_DELETE_SET,
    INTENT_DELETE_INSTANCES,
    INTENT_START_INSTANCES,
    INTENT_DEALLOCATE_INSTANCES,
    INTENT_DELETE_GROUP,
    INTENT_ENSURE_VOLUME_GROUP,
    INTENT_CREATE_VOLUME,
    INTENT_GROW_VOLUME,
    INTENT_DELETE_VOLUME,
    INTENT_DELETE_VOLUME_GROUP,
    INTENT_KIND_MAX,
};

enum intent_state {
    INTENT_OPEN,
    INTENT_SENT,
    INTENT_ACCEPTED,
    INTENT_UNKNOWN,
};

struct intent {
    uint64_t id;
    enum intent_kind kind;
    enum intent_state state;
    uint64_t cluster_id;
    uint64_t node_id; /* VMs */
    uint64_t set_id;  /* sets and instances */
    uint64_t volume_id;
    uint32_t capacity;  /* of a set, in VMs; of a volume, in GiB; of a security group: the hash of
                           its openings */
    struct str *region; /* of a security group */
    struct str *instances; /* instance ids, separated by spaces */
    struct str *poll_url;
    struct str *etag; /* RESIZE_SET: of the set before it; read for each try, not kept */
    uint32_t attempts;
    usec_t created_at, next_at; /* wall time */
    bool saved, dirty;
};

DEFINE_VEC(intent_vec, struct intent *);

/* The call that carries a kind out, and its name in the log ("create scale set"). */
enum cyclecloud_call intent_call(enum intent_kind kind);
const char *intent_verb(enum intent_kind kind);
/* True for those that only take away. */
bool intent_deletes(enum intent_kind kind);
/* True for those that name members of a set by id. The cloud refuses the whole request when one of
   them is gone, so such a one is never repeated: it is worked out anew from a fresh listing. */
bool intent_names_instances(enum intent_kind kind);

struct intent *intent_new(enum intent_kind kind, uint64_t id, uint64_t cluster_id, usec_t now);
void intent_free(struct intent *i);

/* The record of an intent. 0, -E2BIG, -ENOMEM; decoding also -EBADMSG. A decoded one that the cloud
   has not accepted is UNKNOWN. */
int intent_encode(const struct intent *i, struct buf *b);
int intent_decode(const char *text, size_t len, struct intent **ret);

#endif
