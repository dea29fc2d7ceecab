/* SPDX-License-Identifier: MIT */
#include "object-box.h"

#include "array-spec.h"
#include "edition.h"
#include "type_table.h"
#include "usage.h"

#include <string.h>

/* Where the counted texts of an object are. */
struct text_table {
    const size_t *offsets;
    size_t n;
};

static const size_t node_texts[] = {
    offsetof(struct node, name),
    offsetof(struct node, machine_type),
    offsetof(struct node, resource_id),
    offsetof(struct node, instance_id),
    offsetof(struct node, vm_id),
    offsetof(struct node, hostname),
    offsetof(struct node, private_ip),
    offsetof(struct node, public_ip),
    offsetof(struct node, zone),
    offsetof(struct node, placement_group),
    offsetof(struct node, message),
    offsetof(struct node, token_hash),
    offsetof(struct node_box, counted.machine_type),
};

static const size_t array_texts[] = {
    offsetof(struct array, name),          offsetof(struct array, attributes),
    offsetof(struct array, configuration), offsetof(struct array, definition),
    offsetof(struct array, key),
};

static const size_t set_texts[] = {
    offsetof(struct set, name),      offsetof(struct set, machine_type),
    offsetof(struct set, zone),      offsetof(struct set, placement_group),
    offsetof(struct set, spec_hash), offsetof(struct set, server),
};

static const size_t cluster_texts[] = {
    offsetof(struct cluster, name),
    offsetof(struct cluster, template.text),
    offsetof(struct cluster, parameters.text),
    offsetof(struct cluster, rejected_template.text),
    offsetof(struct cluster, rejected_parameters.text),
    offsetof(struct cluster, parameters_public),
    offsetof(struct cluster, schema),
    offsetof(struct cluster, definition),
    offsetof(struct cluster, origins),
    offsetof(struct cluster, baseline),
    offsetof(struct cluster, changes),
    offsetof(struct cluster, plan),
    offsetof(struct cluster, outcome),
    offsetof(struct cluster, notes),
    offsetof(struct cluster, alerts),
    offsetof(struct cluster, group),
    offsetof(struct cluster, account),
    offsetof(struct cluster, region),
};

static const size_t user_texts[] = {
    offsetof(struct user, item.name),     offsetof(struct user, role),
    offsetof(struct user, shell),         offsetof(struct user, authorized_keys),
    offsetof(struct user, password_hash),
};

static const size_t account_texts[] = {
    offsetof(struct account, item.name),
    offsetof(struct account, text),
};

static const size_t orphan_texts[] = {
    offsetof(struct orphan, item.name),    offsetof(struct orphan, resource_id),
    offsetof(struct orphan, account),      offsetof(struct orphan, region),
    offsetof(struct orphan, group),        offsetof(struct orphan, vm_name),
    offsetof(struct orphan, set_name),     offsetof(struct orphan, instance_id),
    offsetof(struct orphan, machine_type), offsetof(struct orphan, zone),
    offsetof(struct orphan, cluster_id),   offsetof(struct orphan, message),
};

static const size_t alert_texts[] = {
    offsetof(struct alert, item.name),
    offsetof(struct alert, kind),
    offsetof(struct alert, text),
};

static const size_t volume_texts[] = {
    offsetof(struct volume, item.name),   offsetof(struct volume, node),
    offsetof(struct volume, section),     offsetof(struct volume, account),
    offsetof(struct volume, region),      offsetof(struct volume, zone),
    offsetof(struct volume, group),       offsetof(struct volume, disk),
    offsetof(struct volume, resource_id), offsetof(struct volume, storage_type),
    offsetof(struct volume, message),
};

static const struct text_table text_tables[BOX_KIND_MAX] = {
    [BOX_NODE] = {node_texts, ARRAY_SIZE(node_texts)},
    [BOX_ARRAY] = {array_texts, ARRAY_SIZE(array_texts)},
    [BOX_SET] = {set_texts, ARRAY_SIZE(set_texts)},
    [BOX_CLUSTER] = {cluster_texts, ARRAY_SIZE(cluster_texts)},
    [BOX_USER] = {user_texts, ARRAY_SIZE(user_texts)},
    [BOX_ACCOUNT] = {account_texts, ARRAY_SIZE(account_texts)},
    [BOX_ORPHAN] = {orphan_texts, ARRAY_SIZE(orphan_texts)},
    [BOX_ALERT] = {alert_texts, ARRAY_SIZE(alert_texts)},
    [BOX_VOLUME] = {volume_texts, ARRAY_SIZE(volume_texts)},
};

static struct str **text_at(void *object, size_t offset) {
    return (struct str **)(void *)((char *)object + offset);
}

static void texts_ref(enum box_kind kind, void *object) {
    const struct text_table *t = &text_tables[kind];
    for (size_t i = 0; i < t->n; i++)
        (void)str_ref(*text_at(object, t->offsets[i]));
}

static void texts_unref(enum box_kind kind, void *object) {
    const struct text_table *t = &text_tables[kind];
    for (size_t i = 0; i < t->n; i++)
        str_unref(*text_at(object, t->offsets[i]));
}

void node_box_copy(struct node_box *to, const struct node_box *from) {
    *to = *from;
    to->owner = NULL;
    to->change = 0;
    to->recount = to->removed = false;
    texts_ref(BOX_NODE, to);
}

void array_box_copy(struct array_box *to, const struct array_box *from) {
    *to = *from;
    to->change = 0;
    texts_ref(BOX_ARRAY, to);
    (void)array_spec_ref(to->array.spec);
    (void)edition_list_ref(to->array.editions);
}

void set_box_copy(struct set_box *to, const struct set_box *from) {
    *to = *from;
    to->change = 0;
    texts_ref(BOX_SET, to);
}

void cluster_box_copy(struct cluster_box *to, const struct cluster_box *from) {
    *to = *from;
    to->change = 0;
    texts_ref(BOX_CLUSTER, to);
    (void)usage_ref(to->cluster.usage);
}

void item_box_copy(enum box_kind kind, struct item *to, const struct item *from, size_t size) {
    memcpy(to, from, size);
    texts_ref(kind, to);
}

void box_free(enum box_kind kind, void *box) {
    if (!box)
        return;
    texts_unref(kind, box);
    if (kind == BOX_ARRAY) {
        array_spec_unref(((struct array_box *)box)->array.spec);
        edition_list_unref(((struct array_box *)box)->array.editions);
    }
    if (kind == BOX_TYPES)
        type_table_done(box);
    if (kind == BOX_CLUSTER)
        usage_unref(((struct cluster_box *)box)->cluster.usage);
    free(box);
}
