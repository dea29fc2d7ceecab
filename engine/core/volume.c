/* SPDX-License-Identifier: MIT */
#include "volume.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

const struct volume *volume_by_id(const struct snapshot *s, uint64_t id) {
    return (const struct volume *)snapshot_item(s, ITEM_VOLUME, id);
}

const struct volume *volume_next(const struct snapshot *s, uint64_t cluster_id, size_t *position) {
    while (*position < s->items[ITEM_VOLUME].len) {
        const struct volume *v = s->items[ITEM_VOLUME].items[(*position)++];
        if (v->cluster_id == cluster_id)
            return v;
    }
    return NULL;
}

const struct volume *volume_find(const struct snapshot *s, uint64_t cluster_id, const char *node,
                                 const char *section) {
    size_t position = 0;
    for (const struct volume *v; (v = volume_next(s, cluster_id, &position));)
        if (str_equal(v->node, node) && str_equal(v->section, section))
            return v;
    return NULL;
}

struct volume *edit_volume(struct engine *e, uint64_t id) {
    struct volume *v = builder_item(e->builder, ITEM_VOLUME, id, DURABLE);
    if (!v)
        engine_fail(e, -ENOMEM);
    return v;
}

/* --- actions of the plan ---------------------------------------------------------------------- */

/* The zone of the node's other volumes, which cannot be elsewhere; else the first that the template
   names; "" for none. */
static const char *zone_for(struct engine *e, const struct volume *v, const struct array *a) {
    size_t position = 0;
    for (const struct volume *w; (w = volume_next(engine_state(e), v->cluster_id, &position));)
        if (w != v && str_len(w->group) && str_equal(w->node, str_text(v->node)))
            return str_text(w->zone);
    const struct str_list *zones = a->spec->zones;
    return zones && zones->len ? str_text(zones->items[0]) : "";
}

/* "/subscriptions/ID" of the account, from the id of the node's subnet. */
static int put_subscription(struct engine *e, const struct array_spec *s, struct buf *b) {
    const struct cyclecloud_provider *p = &e->options.provider;
    char *subnet = p->ops->subnet_id(p->self, str_text(s->account), str_text(s->subnet));
    const char *end = subnet ? strstr(subnet, "/resourceGroups/") : NULL;
    if (end)
        buf_append(b, subnet, (size_t)(end - subnet));
    free(subnet);
    return end ? buf_error(b) : -ENOMEM;
}

static void set_storage_type(struct engine *e, struct volume *v, const struct array *a) {
    json_t *volumes = NULL;
    if (volumes_read(a->spec, &volumes) < 0)
        engine_fail(e, -ENOMEM);
    edit_text(e, &v->storage_type,
              volume_storage_type(json_object_get(volumes, str_text(v->section))));
    json_decref(volumes);
}

/* Where the disk will be. Names hold the volume's id, so that none is ever used twice. */
static void place(struct engine *e, const struct cluster *c, const struct array *a,
                  struct volume *v) {
    _cleanup_buf_ struct buf group = BUF_INIT(128), disk = BUF_INIT(128);
    _cleanup_buf_ struct buf id = BUF_INIT(LIMIT_VALUE_BYTES);
    buf_printf(&group, "cyclecloud-%.40s-volume-%" PRIu64 "-%.6s", str_text(c->name), v->item.id,
               e->server_id);
    buf_printf(&disk, "%.48s-%" PRIu64, volume_name(v), v->item.id);
    if (put_subscription(e, a->spec, &id) < 0 || buf_error(&group) || buf_error(&disk) ||
        buf_printf(&id, "/resourceGroups/%s/providers/Microsoft.Compute/disks/%s", group.data,
                   disk.data) < 0) {
        engine_fail(e, -ENOMEM);
        return;
    }
    const struct {
        struct str **slot;
        const char *text;
    } texts[] = {
        {&v->zone, zone_for(e, v, a)},
        {&v->account, str_text(a->spec->account)},
        {&v->region, str_text(a->spec->region)},
        {&v->group, group.data},
        {&v->disk, disk.data},
        {&v->resource_id, id.data},
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        edit_text(e, texts[i].slot, texts[i].text);
    set_storage_type(e, v, a);
}

void volume_act(struct engine *e, uint64_t cluster_id, const struct plan_action *action) {
    struct volume *v = edit_volume(e, action->volume_id);
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    const struct node *n = action->node_id ? cluster_node(c, action->node_id) : NULL;
    const struct array *a = n ? cluster_array_by_id(c, n->array_id) : NULL;
    if (v && a && a->spec && !str_len(v->group))
        place(e, c, a, v);
    struct intent *i = v && !e->failed ? intents_add(e, action->kind, cluster_id) : NULL;
    if (!i)
        return;
    i->volume_id = v->item.id;
    i->capacity = action->capacity;
    v->intent_id = i->id;
    journal_event(e, EVENT_CLUSTER_CHANGED, c, NULL, "%s %s", intent_verb(action->kind),
                  volume_name(v));
}

/* --- VMs come and go -------------------------------------------------------------------------- */

void volumes_attach(struct engine *e, const struct array *a, const struct node *n) {
    json_t *volumes = NULL;
    if (a->is_array)
        return;
    if (volumes_read(a->spec, &volumes) < 0)
        engine_fail(e, -ENOMEM);
    const char *section;
    json_t *value;
    json_object_foreach(volumes, section, value) {
        struct volume_want want;
        const struct volume *v =
            volume_wanted(section, value, &want)
                ? volume_find(engine_state(e), n->cluster_id, str_text(a->name), section)
                : NULL;
        struct volume *copy = v ? edit_volume(e, v->item.id) : NULL;
        if (copy)
            copy->node_id = n->id;
    }
    json_decref(volumes);
}

void volumes_release(struct engine *e, uint64_t cluster_id, uint64_t node_id) {
    size_t position = 0;
    for (const struct volume *v; (v = volume_next(engine_state(e), cluster_id, &position));) {
        struct volume *copy = v->node_id == node_id ? edit_volume(e, v->item.id) : NULL;
        if (copy)
            copy->node_id = 0;
    }
}

void volumes_retry(struct engine *e, uint64_t cluster_id) {
    size_t position = 0;
    for (const struct volume *v; (v = volume_next(engine_state(e), cluster_id, &position));) {
        struct volume *copy = v->hold != HOLD_NONE ? edit_volume(e, v->item.id) : NULL;
        if (!copy)
            continue;
        copy->hold = HOLD_NONE;
        copy->not_before = 0;
    }
}

/* --- commands --------------------------------------------------------------------------------- */

void volumes_forget(struct engine *e, uint64_t cluster_id) {
    for (size_t position = 0;;) {
        const struct volume *v = volume_next(engine_state(e), cluster_id, &position);
        if (!v)
            return;
        if (builder_remove_item(e->builder, ITEM_VOLUME, v->item.id) < 0)
            engine_fail(e, -ENOMEM);
        position--;
    }
}

int volumes_refuse_removal(struct engine *e, const struct cluster *c, struct error *err) {
    _cleanup_buf_ struct buf names = BUF_INIT(LIMIT_VALUE_BYTES);
    size_t position = 0;
    for (const struct volume *v; (v = volume_next(engine_state(e), c->id, &position));)
        if (str_len(v->group))
            buf_printf(&names, "%s%s (%u GB%s)", names.len ? ", " : "", volume_name(v), v->size_gb,
                       v->state > VOLUME_READY ? ", being deleted" : "");
    if (!names.len)
        return 0;
    return err_set(err, -EBUSY, "busy",
                   "cluster %s has volumes, which removing it does not delete: %s: copy what is "
                   "needed, then write `delete` to %s/volumes/NAME/control of each, which destroys "
                   "its data, and remove the cluster when they are gone",
                   str_text(c->name), names.data, str_text(c->name));
}

static int refuse_attached(const struct cluster *c, const struct volume *v, struct error *err) {
    const struct node *n = cluster_node(c, v->node_id);
    return err_set(err, -EBUSY, "busy",
                   "volume %s is attached to the VM of node %s: terminate that node first",
                   volume_name(v), n ? str_text(n->name) : "");
}

/* 0, or why the volume cannot be deleted now. */
static int check_delete(const struct cluster *c, const struct volume *v, struct error *err) {
    if (v->node_id)
        return refuse_attached(c, v, err);
    if (v->wanted && c->target == TARGET_STARTED)
        return err_set(err, -EBUSY, "busy",
                       "cluster %s is started and its node %s has volume %s: terminate the "
                       "cluster, or remove [[[volume %s]]] from its template first",
                       str_text(c->name), str_text(v->node), volume_name(v), str_text(v->section));
    if (v->intent_id)
        return err_set(err, -EBUSY, "busy", "volume %s is being made or grows: try again later",
                       volume_name(v));
    if (!str_len(v->group))
        return err_set(err, -EINVAL, "invalid_value",
                       "volume %s has no disk yet: there is nothing to delete", volume_name(v));
    return 0;
}

int volume_control(struct engine *e, const struct command *c, struct error *err) {
    const struct volume *v = volume_by_id(engine_state(e), c->item_id);
    const struct cluster *cluster = v ? snapshot_cluster(engine_state(e), v->cluster_id) : NULL;
    if (!cluster)
        return err_kind(err, "not_found", "the volume is gone");
    if (strcasecmp(c->name, "delete") != 0)
        return err_kind(err, "invalid_value", "unknown action of a volume: write delete");
    if (v->state > VOLUME_READY)
        return 0;
    int r = check_delete(cluster, v, err);
    struct volume *copy = r == 0 ? edit_volume(e, c->item_id) : NULL;
    if (!copy)
        return r < 0 ? r : -ENOMEM;
    copy->state = VOLUME_DELETING;
    copy->hold = HOLD_NONE;
    edit_text(e, &copy->message, "");
    journal_event(e, EVENT_CLUSTER_CHANGED, cluster, NULL,
                  "volume %s: to be deleted with its data, says uid %u", volume_name(copy),
                  (unsigned)c->caller_uid);
    engine_dirty(e, v->cluster_id);
    return 0;
}
