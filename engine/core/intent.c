/* SPDX-License-Identifier: MIT */
#include "intent.h"

#include "record.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
    enum cyclecloud_call call;
    const char *verb;
    bool deletes;
    bool names_instances;
} kinds[INTENT_KIND_MAX] = {
    [INTENT_ENSURE_GROUP] = {CYCLECLOUD_CALL_ENSURE_GROUP, "create resource group", false, false},
    [INTENT_ENSURE_SECURITY_GROUP] = {CYCLECLOUD_CALL_ENSURE_SECURITY_GROUP,
                                      "create network security group", false, false},
    [INTENT_CREATE_VM] = {CYCLECLOUD_CALL_CREATE_VM, "create VM", false, false},
    [INTENT_DELETE_VM] = {CYCLECLOUD_CALL_DELETE_VM, "delete VM", true, false},
    [INTENT_START_VM] = {CYCLECLOUD_CALL_START_VM, "start VM", false, false},
    [INTENT_DEALLOCATE_VM] = {CYCLECLOUD_CALL_DEALLOCATE_VM, "deallocate VM", false, false},
    [INTENT_CREATE_SET] = {CYCLECLOUD_CALL_CREATE_SET, "create scale set", false, false},
    [INTENT_RESIZE_SET] = {CYCLECLOUD_CALL_RESIZE_SET, "resize scale set", false, false},
    [INTENT_DELETE_SET] = {CYCLECLOUD_CALL_DELETE_SET, "delete scale set", true, false},
    [INTENT_DELETE_INSTANCES] = {CYCLECLOUD_CALL_DELETE_INSTANCES, "delete VMs of scale set", true,
                                 true},
    [INTENT_START_INSTANCES] = {CYCLECLOUD_CALL_START_INSTANCES, "start VMs of scale set", false,
                                true},
    [INTENT_DEALLOCATE_INSTANCES] = {CYCLECLOUD_CALL_DEALLOCATE_INSTANCES,
                                     "deallocate VMs of scale set", false, true},
    [INTENT_DELETE_GROUP] = {CYCLECLOUD_CALL_DELETE_GROUP, "delete resource group", true, false},
    [INTENT_ENSURE_VOLUME_GROUP] = {CYCLECLOUD_CALL_ENSURE_GROUP, "create resource group of volume",
                                    false, false},
    [INTENT_CREATE_VOLUME] = {CYCLECLOUD_CALL_CREATE_DISK, "create disk of volume", false, false},
    [INTENT_GROW_VOLUME] = {CYCLECLOUD_CALL_RESIZE_DISK, "grow disk of volume", false, false},
    [INTENT_DELETE_VOLUME] = {CYCLECLOUD_CALL_DELETE_DISK, "delete disk of volume", true, false},
    [INTENT_DELETE_VOLUME_GROUP] = {CYCLECLOUD_CALL_DELETE_GROUP, "delete resource group of volume",
                                    true, false},
};

#define FIELD(member, type) \
    { #member, type, offsetof(struct intent, member) }

static const struct field intent_fields[] = {
    FIELD(id, FIELD_U64),         FIELD(kind, FIELD_INT),       FIELD(state, FIELD_INT),
    FIELD(cluster_id, FIELD_U64), FIELD(node_id, FIELD_U64),    FIELD(set_id, FIELD_U64),
    FIELD(capacity, FIELD_U32),   FIELD(instances, FIELD_STR),  FIELD(poll_url, FIELD_STR),
    FIELD(attempts, FIELD_U32),   FIELD(created_at, FIELD_U64), FIELD(region, FIELD_STR),
    FIELD(volume_id, FIELD_U64),
};

static const struct record_type record_intent = {'i', intent_fields, ARRAY_SIZE(intent_fields)};

enum cyclecloud_call intent_call(enum intent_kind kind) {
    return kinds[kind].call;
}

const char *intent_verb(enum intent_kind kind) {
    return kinds[kind].verb;
}

bool intent_deletes(enum intent_kind kind) {
    return kinds[kind].deletes;
}

bool intent_names_instances(enum intent_kind kind) {
    return kinds[kind].names_instances;
}

struct intent *intent_new(enum intent_kind kind, uint64_t id, uint64_t cluster_id, usec_t now) {
    struct intent *i = calloc(1, sizeof(*i));
    if (!i)
        return NULL;
    i->id = id;
    i->kind = kind;
    i->cluster_id = cluster_id;
    i->created_at = now;
    i->dirty = true;
    return i;
}

void intent_free(struct intent *i) {
    if (!i)
        return;
    str_unref(i->instances);
    str_unref(i->region);
    str_unref(i->poll_url);
    str_unref(i->etag);
    free(i);
}

int intent_encode(const struct intent *i, struct buf *b) {
    return record_encode(&record_intent, i, b);
}

int intent_decode(const char *text, size_t len, struct intent **ret) {
    struct intent *i = calloc(1, sizeof(*i));
    if (!i)
        return -ENOMEM;
    int r = record_decode(&record_intent, text, len, i, NULL);
    if (r == 0 && (unsigned)i->kind >= INTENT_KIND_MAX)
        r = -EBADMSG;
    if (r < 0) {
        intent_free(i);
        return r;
    }
    i->saved = true;
    if (i->state != INTENT_ACCEPTED)
        i->state = INTENT_UNKNOWN;
    *ret = i;
    return 0;
}
