/* SPDX-License-Identifier: MIT */
#include "volume.h"

#include "observe.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

/*
 * What the template says about persistent volumes -> their records.
 *
 * A volume belongs to a node and a section by their names. When the template no longer has the
 * node, and another one asks for a section of the same name that no record is for, the volume
 * follows: so a node can be renamed. When several could follow, none does.
 */

/* --- what a definition says ------------------------------------------------------------------- */

int volumes_read(const struct array_spec *s, json_t **ret) {
    const struct str *text = s->volumes;
    *ret = str_len(text) ? json_loadb(str_text(text), str_len(text), 0, NULL) : NULL;
    return str_len(text) && !*ret ? -ENOMEM : 0; /* what is stored is valid */
}

static bool truth(const json_t *v) {
    return json_is_true(v) || (json_is_string(v) && strcasecmp(json_string_value(v), "true") == 0);
}

const char *volume_storage_type(const json_t *value) {
    const char *type = json_string_value(json_object_get(value, "StorageAccountType"));
    if (type)
        return type;
    return truth(json_object_get(value, "SSD")) ? "Premium_LRS" : "Standard_LRS";
}

bool volume_wanted(const char *section, const json_t *value, struct volume_want *ret) {
    json_int_t size = json_integer_value(json_object_get(value, "Size"));
    if (!truth(json_object_get(value, "Persistent")) || size <= 0 || size > UINT32_MAX ||
        strcasecmp(section, "boot") == 0)
        return false;
    *ret = (struct volume_want){section, volume_storage_type(value), (uint32_t)size};
    return true;
}

/* --- whether it may be so --------------------------------------------------------------------- */

static int check_size(const struct volume *v, const char *node, const struct volume_want *want,
                      struct error *err) {
    if (!v || want->size_gb >= v->size_gb || want->size_gb == v->wanted_gb)
        return 0;
    return err_set(err, -EINVAL, "invalid_value",
                   "volume %s of node %s: Size = %u is less than the %u GB of its disk, and a disk "
                   "cannot shrink: write %u or more, or give the volume another name and copy what "
                   "is in it",
                   want->section, node, want->size_gb, v->size_gb, v->size_gb);
}

static int check_node(struct engine *e, const struct cluster *c, const json_t *node, size_t *n_new,
                      struct error *err) {
    const char *name = json_string_value(json_object_get(node, "Name"));
    const char *section;
    json_t *value;
    int r = 0;
    json_object_foreach(json_object_get(node, "Volumes"), section, value) {
        struct volume_want want;
        if (r < 0 || !name || !volume_wanted(section, value, &want))
            continue;
        const struct volume *v = volume_find(engine_state(e), c->id, name, section);
        *n_new += v == NULL;
        r = check_size(v, name, &want, err);
    }
    return r;
}

int volumes_check(struct engine *e, const struct cluster *c, const json_t *definition,
                  struct error *err) {
    const json_t *nodes = json_object_get(definition, "nodes");
    size_t n_new = 0, there = engine_state(e)->items[ITEM_VOLUME].len;
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(nodes); i++)
        r = check_node(e, c, json_array_get(nodes, i), &n_new, err);
    if (r == 0 && n_new && there + n_new > LIMIT_VOLUMES)
        return err_set(err, -ENOSPC, "no_space",
                       "it has %zu new persistent volumes, and there are %zu of at most %u: delete "
                       "some that are not used",
                       n_new, there, LIMIT_VOLUMES);
    return r;
}

/* --- records ---------------------------------------------------------------------------------- */

struct matching {
    struct engine *engine;
    uint64_t cluster_id;
    struct id_vec seen; /* volumes that the template has */
};

static const struct cluster *cluster_of(const struct matching *m) {
    return snapshot_cluster(engine_state(m->engine), m->cluster_id);
}

/* What may be in a file name, and in the name of a resource. */
static void put_name(struct buf *b, const char *text) {
    size_t from = b->len;
    for (const char *p = text; *p && b->len - from < 40; p++) {
        bool fine = isalnum((unsigned char)*p) || *p == '-' || *p == '_' || *p == '.';
        buf_putc(b, !fine || (b->len == from && !isalnum((unsigned char)*p)) ? '-' : *p);
    }
}

/* VOLUME, or NODE-VOLUME when the cluster has another of that name. */
static struct volume *add_volume(struct matching *m, const char *node, const char *section) {
    struct engine *e = m->engine;
    uint64_t id = engine_take_id(e);
    _cleanup_buf_ struct buf name = BUF_INIT(LIMIT_VALUE_BYTES);
    buf_printf(&name, "%" PRIu64 "/", m->cluster_id);
    size_t own = name.len;
    put_name(&name, section);
    if (!buf_error(&name) && snapshot_item_named(engine_state(e), ITEM_VOLUME, name.data)) {
        buf_truncate(&name, own);
        put_name(&name, node);
        buf_putc(&name, '-');
        put_name(&name, section);
    }
    if (!buf_error(&name) && snapshot_item_named(engine_state(e), ITEM_VOLUME, name.data))
        buf_printf(&name, "-%" PRIu64, id);
    struct volume *v =
        buf_error(&name) ? NULL : builder_add_item(e->builder, ITEM_VOLUME, id, name.data);
    if (!v) {
        engine_fail(e, -ENOMEM);
        return NULL;
    }
    v->cluster_id = m->cluster_id;
    edit_text(e, &v->node, node);
    edit_text(e, &v->section, section);
    return v;
}

static bool template_has(const struct cluster *c, const char *node) {
    const struct array *a = cluster_array_named(c, node);
    return a && !a->is_array && !a->gone;
}

/* The one volume of this section whose node the template no longer has. */
static const struct volume *follower(const struct matching *m, const char *section) {
    const struct volume *found = NULL;
    size_t position = 0;
    for (const struct volume *v;
         (v = volume_next(engine_state(m->engine), m->cluster_id, &position));) {
        if (!str_equal(v->section, section) || template_has(cluster_of(m), str_text(v->node)) ||
            v->state > VOLUME_READY || ids_contain(&m->seen, v->item.id))
            continue;
        if (found)
            return NULL;
        found = v;
    }
    return found;
}

static void follow(struct matching *m, const struct volume *v, const char *node) {
    struct volume *copy = edit_volume(m->engine, v->item.id);
    if (!copy)
        return;
    journal_event(m->engine, EVENT_CLUSTER_CHANGED, cluster_of(m), NULL,
                  "volume %s of node %s is now of node %s", volume_name(copy), str_text(copy->node),
                  node);
    edit_text(m->engine, &copy->node, node);
}

static void want_volume(struct matching *m, uint64_t id, const struct volume_want *want) {
    const struct volume *v = volume_by_id(engine_state(m->engine), id);
    if (id_vec_append(&m->seen, id) < 0)
        engine_fail(m->engine, -ENOMEM);
    if (!v || (v->wanted && v->wanted_gb == want->size_gb))
        return;
    struct volume *copy = edit_volume(m->engine, id);
    if (!copy)
        return;
    copy->wanted = true;
    copy->wanted_gb = want->size_gb;
}

static void match_section(struct matching *m, const char *node, const struct volume_want *want) {
    const struct snapshot *s = engine_state(m->engine);
    const struct volume *v = volume_find(s, m->cluster_id, node, want->section);
    const struct volume *moved = v ? NULL : follower(m, want->section);
    if (moved)
        follow(m, moved, node);
    if (!v)
        v = moved ? moved : add_volume(m, node, want->section);
    if (v)
        want_volume(m, v->item.id, want);
}

static void match_array(struct matching *m, const struct array *a) {
    json_t *volumes = NULL;
    if (volumes_read(a->spec, &volumes) < 0)
        engine_fail(m->engine, -ENOMEM);
    const char *section;
    json_t *value;
    json_object_foreach(volumes, section, value) {
        struct volume_want want;
        if (volume_wanted(section, value, &want) && !m->engine->failed)
            match_section(m, str_text(a->name), &want);
    }
    json_decref(volumes);
}

/* One without anything in the cloud is forgotten when the template no longer has it. */
static void unwant(struct matching *m, const struct volume *v) {
    struct engine *e = m->engine;
    bool nothing = v->state == VOLUME_PLANNED && !str_len(v->group) && !v->intent_id;
    if (nothing && builder_remove_item(e->builder, ITEM_VOLUME, v->item.id) < 0)
        engine_fail(e, -ENOMEM);
    struct volume *copy = !nothing && v->wanted ? edit_volume(e, v->item.id) : NULL;
    if (copy)
        copy->wanted = false;
}

void volumes_match(struct engine *e, uint64_t cluster_id) {
    struct matching m = {.engine = e, .cluster_id = cluster_id};
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    for (size_t i = 0; c && i < c->arrays.len && !e->failed; i++) {
        const struct array *a = cluster_array(c, i);
        if (!a->is_array && !a->gone && a->spec)
            match_array(&m, a);
    }
    struct id_vec others = {0};
    size_t position = 0;
    for (const struct volume *v; (v = volume_next(engine_state(e), cluster_id, &position));)
        if (!ids_contain(&m.seen, v->item.id) && id_vec_append(&others, v->item.id) < 0)
            engine_fail(e, -ENOMEM);
    for (size_t i = 0; i < others.len && !e->failed; i++)
        unwant(&m, volume_by_id(engine_state(e), others.items[i]));
    id_vec_done(&others);
    id_vec_done(&m.seen);
}
