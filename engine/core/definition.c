/* SPDX-License-Identifier: MIT */
#include "kept.h"

#include "secrets.h"
#include "template/template.h"
#include "volume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What one evaluation needs and leaves. */
struct evaluation {
    struct engine *engine;
    uint64_t cluster_id;
    struct template *template;
    struct definition *definition;
    json_t *stored, *given;     /* the parameters, and what is under their seals (secrets.h) */
    struct definition *settled; /* with the addresses of heads, NULL: the same */
    struct diagnostics diags;
    struct id_vec order; /* array ids in template order */
};

static void evaluation_done(struct evaluation *ev) {
    definition_free(ev->definition);
    template_free(ev->template);
    json_decref(ev->stored);
    json_decref(ev->given);
    definition_free(ev->settled);
    diagnostics_done(&ev->diags);
    id_vec_done(&ev->order);
}

static int put_json(struct engine *e, struct str **slot, const json_t *value, size_t flags) {
    char *text = value ? json_dumps(value, flags | JSON_ENCODE_ANY) : strdup("");
    if (!text)
        return -ENOMEM;
    edit_text(e, slot, text);
    free(text);
    return e->failed;
}

static int refuse(struct evaluation *ev, const char *file, struct error *err) {
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    diagnostics_format(&ev->diags, file, &text);
    while (text.len && text.data[text.len - 1] == '\n')
        buf_truncate(&text, text.len - 1);
    return err_set(err, -EINVAL, "invalid_template", "%s",
                   text.len ? text.data : "it cannot be evaluated");
}

/* The parser has found errors: evaluation may find more, so that all can be mended at once. */
static int refuse_unparsed(struct evaluation *ev, const struct cluster *c, struct error *err) {
    _cleanup_diagnostics_ struct diagnostics more = DIAGNOSTICS_INIT;
    const struct evaluation_input input = {.cluster_name = str_text(c->name),
                                           .parameters = ev->given};
    if (template_find_errors(str_text(c->template.text), str_len(c->template.text), &input,
                             &more) == 0)
        diagnostics_merge(&ev->diags, &more);
    diagnostics_sort(&ev->diags);
    return refuse(ev, "template", err);
}

static int open_parameters(struct evaluation *ev, const struct cluster *c, struct error *err) {
    if (!str_len(c->parameters.text))
        return 0;
    ev->stored = json_loadb(str_text(c->parameters.text), str_len(c->parameters.text), 0, NULL);
    if (!ev->stored)
        return err_set(err, -EBADMSG, "store",
                       "the stored parameters are damaged: write them again");
    ev->given = secrets_open(ev->stored);
    return ev->given ? 0 : err_kind(err, "no_memory", "the parameters could not be read");
}

/* Zones, machine types and the like are in words, names and files that everybody reads. */
static int refuse_shown_secret(const struct evaluation *ev, struct error *err) {
    const char *path, *node;
    if (!secrets_shown(ev->definition, &path, &node))
        return 0;
    const char *point = strchr(path, '.');
    return err_set(err, -EINVAL, "invalid_template",
                   "%s of %s comes from a secret parameter, and everybody would see it: take "
                   "another parameter, or, if its type was Password before, write its value anew",
                   point ? point + 1 : path, node ? node : "a node");
}

/* What is evaluated may be put in force. */
static int check_definition(struct evaluation *ev, const struct cluster *c, struct error *err) {
    const json_t *all = definition_json(ev->definition);
    size_t n = json_array_size(json_object_get(all, "nodes")) +
               json_array_size(json_object_get(all, "nodearrays"));
    if (n > LIMIT_ARRAYS_PER_CLUSTER)
        return err_set(err, -ENOSPC, "no_space",
                       "it has %zu nodes and nodearrays; a cluster has at most %u", n,
                       LIMIT_ARRAYS_PER_CLUSTER);
    int r = refuse_shown_secret(ev, err);
    return r < 0 ? r : volumes_check(ev->engine, c, all, err);
}

static int evaluate(struct evaluation *ev, const struct cluster *c, struct error *err) {
    int r = open_parameters(ev, c, err);
    if (r < 0)
        return r;
    r = template_parse(str_text(c->template.text), str_len(c->template.text), &ev->diags,
                       &ev->template);
    if (r == -EINVAL)
        return refuse_unparsed(ev, c, err);
    if (r < 0)
        return err_set(err, r, "no_memory", "the template could not be read");
    if (ev->given) {
        secrets_mark(ev->stored, ev->template);
        r = template_check_parameters(ev->template, ev->given, &ev->diags);
        if (r == -EINVAL)
            return refuse(ev, "parameters", err);
    }
    const struct evaluation_input input = {.cluster_name = str_text(c->name),
                                           .parameters = ev->given};
    r = template_evaluate(ev->template, &input, &ev->diags, &ev->definition);
    if (r == -EINVAL)
        return refuse(ev, "template", err);
    if (r == -ENOENT)
        return err_set(err, -EINVAL, "invalid_template",
                       "it has no [cluster] section: a template begins with one");
    if (r < 0)
        return err_set(err, r, "no_memory", "the template could not be evaluated");
    return check_definition(ev, c, err);
}

static const json_t *find_named(const json_t *list, const char *name) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *is = json_string_value(json_object_get(item, "Name"));
        if (is && strcmp(is, name) == 0)
            return item;
    }
    return NULL;
}

/* The array of this name, made if it is new. */
static struct array *take_array(struct evaluation *ev, const char *name) {
    struct engine *e = ev->engine;
    const struct cluster *c = snapshot_cluster(engine_state(e), ev->cluster_id);
    const struct array *a = cluster_array_named(c, name);
    if (a)
        return builder_array(e->builder, ev->cluster_id, a->id, DURABLE);
    struct array *made = builder_add_array(e->builder, ev->cluster_id, engine_take_id(e), name);
    if (made) {
        made->max_count_set = -1;
        made->next_number = 1;
    }
    return made;
}

/* One node or nodearray of the template. */
struct section {
    const json_t *node;   /* with the addresses that are known */
    const json_t *before; /* the same without */
    const json_t *shown;  /* secrets masked */
};

static int fill_array(struct evaluation *ev, struct array *a, const struct section *s,
                      struct error *err) {
    const json_t *node = s->node, *shown = s->shown;
    struct array_spec *spec = array_spec_new();
    int r = spec ? spec_read(node, ev->engine, spec, err) : -ENOMEM;
    if (r < 0) {
        array_spec_unref(spec);
        return r;
    }
    array_spec_unref(a->spec);
    a->spec = spec;
    struct engine *e = ev->engine;
    r = put_json(e, &a->attributes, json_object_get(shown, "Attributes"), JSON_INDENT(2));
    if (r == 0)
        r = put_json(e, &a->configuration, json_object_get(shown, "Configuration"), JSON_INDENT(2));
    if (r == 0)
        r = put_json(e, &a->definition, node, JSON_COMPACT);
    if (r == 0)
        r = edition_key(s->before, &a->key);
    return r < 0 ? r : edition_follow(a);
}

/* A [[node]] has one record, which stays when its VM goes. */
static int ensure_head(struct evaluation *ev, uint64_t array_id, const char *name) {
    struct engine *e = ev->engine;
    const struct cluster *c = snapshot_cluster(engine_state(e), ev->cluster_id);
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));)
        if (n->array_id == array_id)
            return 0;
    const struct array *a = cluster_array_by_id(c, array_id);
    bool taken = strcmp(name, "count") == 0 || cluster_node_named(c, name);
    _cleanup_buf_ struct buf other = BUF_INIT(LIMIT_NAME_BYTES + 8);
    int r = buf_printf(&other, "%s%s", name, taken ? "-1" : "");
    bool started = c->target == TARGET_STARTED;
    struct node *n = r == 0 ? edit_add_node(e, c, a, other.data) : NULL;
    if (!n)
        return -ENOMEM;
    n->fixed = true;
    n->keepalive = a->spec->keepalive;
    n->target = started ? TARGET_STARTED : TARGET_TERMINATED;
    n->status = started ? NODE_ACQUIRING : NODE_OFF;
    n->phase = started ? PHASE_VALIDATE : PHASE_NONE;
    return 0;
}

/*
 * The definition with the addresses that are known by now, if it waits for any. One that cannot be
 * evaluated with them stays as it is without, and that is told. 0 or -ENOMEM.
 */
static int settle(struct evaluation *ev) {
    _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
    const json_t *definition = definition_json(ev->definition);
    json_t *known = NULL;
    int r = late_known(ev->engine, ev->cluster_id, definition, &known);
    if (r == 0 && late_waits(definition) && json_object_size(known))
        r = definition_settle(ev->definition, known, &diags, &ev->settled);
    json_decref(known);
    for (size_t i = 0; r == -EINVAL && i < diags.len; i++)
        if (diags.items[i].severity == SEVERITY_ERROR)
            diags.items[i].severity = SEVERITY_WARNING;
    if (r == -EINVAL) {
        diags.errors = 0;
        diagnostics_merge(&ev->diags, &diags);
    }
    return r == -EINVAL ? 0 : r;
}

/*
 * What nothing may refuse any more once the build is changed: a refusal must leave it as it was, or
 * the writes of everybody else would go with it.
 */
static int check_nodes(struct evaluation *ev, const char *list, struct error *err) {
    const struct definition *d = ev->settled ? ev->settled : ev->definition;
    const json_t *nodes = json_object_get(definition_json(d), list);
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(nodes); i++) {
        struct array_spec *spec = array_spec_new();
        r = spec ? spec_read(json_array_get(nodes, i), ev->engine, spec, err) : -ENOMEM;
        array_spec_unref(spec);
    }
    return r;
}

/* Nodes of another kind have this name still: what is new comes when they are gone. */
static bool is_taken(struct evaluation *ev, const char *name, bool is_array) {
    struct engine *e = ev->engine;
    const struct cluster *c = snapshot_cluster(engine_state(e), ev->cluster_id);
    const struct array *a = cluster_array_named(c, name);
    if (!a || a->is_array == is_array)
        return false;
    uint64_t id = a->id;
    if (!gone_is_over(e, ev->cluster_id, id))
        return true;
    if (builder_remove_array(e->builder, ev->cluster_id, id) < 0)
        engine_fail(e, -ENOMEM);
    return false;
}

static int take_nodes(struct evaluation *ev, const char *list, bool is_array, struct error *err) {
    const struct definition *d = ev->settled ? ev->settled : ev->definition;
    const json_t *nodes = json_object_get(definition_json(d), list);
    const json_t *shown = json_object_get(definition_public_json(d), list);
    const json_t *before = json_object_get(definition_json(ev->definition), list);
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        const char *name = json_string_value(json_object_get(node, "Name"));
        if (!name || is_taken(ev, name, is_array))
            continue;
        const struct section s = {node, find_named(before, name), find_named(shown, name)};
        struct array *a = take_array(ev, name);
        if (!a)
            return -ENOMEM;
        uint64_t id = a->id;
        a->is_array = is_array;
        a->gone = a->replaced = false;
        int r = fill_array(ev, a, &s, err);
        if (r == 0)
            r = id_vec_append(&ev->order, id);
        if (r == 0 && !is_array)
            r = ensure_head(ev, id, name);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool in_order(const struct evaluation *ev, uint64_t id) {
    for (size_t i = 0; i < ev->order.len; i++)
        if (ev->order.items[i] == id)
            return true;
    return false;
}

/* Whether the template has something of this name, of whatever kind. */
static bool is_defined(const struct evaluation *ev, const struct str *name) {
    const json_t *all = definition_json(ev->definition);
    return find_named(json_object_get(all, "nodes"), str_text(name)) ||
           find_named(json_object_get(all, "nodearrays"), str_text(name));
}

/* Arrays that the template no longer has: forgotten, or kept until their last node is gone. */
static int drop_others(struct evaluation *ev) {
    struct engine *e = ev->engine;
    const struct cluster *c = snapshot_cluster(engine_state(e), ev->cluster_id);
    struct id_vec others = {0};
    int r = 0;
    for (size_t i = 0; i < c->arrays.len && r == 0; i++)
        if (!in_order(ev, cluster_array(c, i)->id))
            r = id_vec_append(&others, cluster_array(c, i)->id);
    for (size_t i = 0; i < others.len && r == 0; i++) {
        if (gone_is_over(e, ev->cluster_id, others.items[i])) {
            r = builder_remove_array(e->builder, ev->cluster_id, others.items[i]);
            continue;
        }
        struct array *a = builder_array(e->builder, ev->cluster_id, others.items[i], DURABLE);
        if (a)
            a->gone = true;
        if (a)
            a->replaced = is_defined(ev, a->name);
        r = a ? id_vec_append(&ev->order, a->id) : -ENOMEM;
    }
    id_vec_done(&others);
    return r < 0 ? r
                 : builder_order_arrays(e->builder, ev->cluster_id, ev->order.items, ev->order.len);
}

static void put_problem(struct buf *b, const struct diagnostic *d) {
    buf_puts(b, "warning: ");
    if (d->start.line)
        buf_printf(b, "template:%u:%u: ", d->start.line, d->start.byte);
    for (const char *p = d->text ? d->text : ""; *p; p++)
        buf_putc(b, *p == '\n' ? ' ' : *p);
    if (d->hint)
        buf_printf(b, "; %s", d->hint);
    buf_putc(b, '\n');
}

/* A machine type that Azure does not have is a warning here and an error when it is wanted. */
static void warn_machine_types(struct engine *e, const struct cluster *c, struct buf *b) {
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        const struct array_spec *s = a->spec;
        const struct market *m =
            s ? market_find(e, str_text(s->account), str_text(s->region)) : NULL;
        for (size_t j = 0; m && m->sizes_known && s->machine_types && j < s->machine_types->len;
             j++) {
            const char *type = str_text(s->machine_types->items[j]);
            if (snapshot_machine_type(engine_state(e), m->account, m->region, type))
                continue;
            const char *near =
                snapshot_machine_type_near(engine_state(e), m->account, m->region, type);
            buf_printf(b, "warning: MachineType %s of %s is not known in %s%s%s%s\n", type,
                       str_text(a->name), m->region, near ? ": did you mean " : "",
                       near ? near : "", near ? "?" : "");
        }
    }
}

static void warn_replaced(const struct cluster *c, struct buf *b) {
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        if (a->gone && a->replaced)
            buf_printf(b,
                       "warning: %s %s is not made yet: nodes of the %s of this name are still "
                       "there; terminate them\n",
                       a->is_array ? "node" : "nodearray", str_text(a->name),
                       a->is_array ? "nodearray" : "node");
    }
}

static int write_notes(struct evaluation *ev, struct cluster *c) {
    struct engine *e = ev->engine;
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    for (size_t i = 0; i < ev->diags.len; i++)
        put_problem(&b, &ev->diags.items[i]);
    warn_machine_types(e, c, &b);
    warn_replaced(c, &b);
    const json_t *missing = definition_missing(ev->definition);
    c->missing = json_array_size(missing) > 0;
    for (size_t i = 0; i < json_array_size(missing); i++) {
        const json_t *m = json_array_get(missing, i);
        buf_printf(&b, "missing: %s (%s): needed to start\n",
                   json_string_value(json_object_get(m, "name")),
                   json_string_value(json_object_get(m, "label")));
    }
    struct work *w = engine_work(e, c->id);
    if (!w)
        return -ENOMEM;
    late_note(w, definition_json(ev->definition));
    edit_text(e, &w->warnings, b.data);
    edit_text(e, &c->notes, b.data);
    return e->failed;
}

/* What this template makes a secret stays one, whatever the next one says. */
static int seal_parameters(struct evaluation *ev, struct cluster *c) {
    int r = ev->stored ? secrets_seal(ev->stored, ev->template) : 0;
    return r > 0 ? put_json(ev->engine, &c->parameters.text, ev->stored, JSON_COMPACT) : r;
}

#define ORIGINS_TOO_LARGE                                                                     \
    "{\n  \"error\": \"where the values of this definition come from takes too much work to " \
    "tell\"\n}\n"

static int write_origins(struct evaluation *ev, struct cluster *c) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    json_t *origins = NULL;
    int r = definition_origins(ev->definition, &origins);
    if (r == 0)
        r = origins_put(origins, &b);
    json_decref(origins);
    if (r == -ENOMEM)
        return r;
    edit_text(ev->engine, &c->origins, r == 0 ? b.data : ORIGINS_TOO_LARGE);
    return ev->engine->failed;
}

/*
 * Nodes that run keep the definition they were started with. The first change of a cluster that is
 * not off keeps it as the baseline; `changes` is what is different now.
 */
#define CHANGES_MAX_BYTES ((size_t)1 << 20)
#define CHANGES_TOO_MANY "more than can be listed: compare definition with a copy of before\n"

static int write_changes(struct evaluation *ev, struct cluster *c) {
    struct engine *e = ev->engine;
    _cleanup_buf_ struct buf b = BUF_INIT(CHANGES_MAX_BYTES);
    if (c->state != CLUSTER_OFF && !str_len(c->baseline))
        str_assign(&c->baseline, c->definition);
    if (!str_len(c->baseline))
        return 0;
    json_t *before = json_loadb(str_text(c->baseline), str_len(c->baseline), 0, NULL);
    int r = before ? definition_diff(before, definition_public_json(ev->definition), &b) : 0;
    json_decref(before);
    if (r == -ENOMEM)
        return r;
    if (!b.len)
        edit_text(e, &c->baseline, "");
    edit_text(e, &c->changes, r == 0 ? b.data : CHANGES_TOO_MANY);
    return e->failed;
}

static int write_texts(struct evaluation *ev, struct cluster *c) {
    struct engine *e = ev->engine;
    json_t *schema = template_schema(ev->template);
    json_t *shown = secrets_mask(ev->stored, ev->template);
    int r = schema && shown ? seal_parameters(ev, c) : -ENOMEM;
    if (r == 0)
        r = put_json(e, &c->schema, schema, JSON_INDENT(2));
    if (r == 0)
        r = write_changes(ev, c);
    if (r == 0)
        r = write_origins(ev, c);
    if (r == 0)
        r = put_json(e, &c->definition, definition_public_json(ev->definition), JSON_INDENT(2));
    if (r == 0)
        r = put_json(e, &c->parameters_public, shown, JSON_INDENT(2));
    json_decref(schema);
    json_decref(shown);
    return r < 0 ? r : write_notes(ev, c);
}

/* A number of section [cluster]; -1 = none. */
static int64_t cluster_limit(const struct evaluation *ev, const char *name) {
    const json_t *cluster = json_object_get(definition_json(ev->definition), "cluster");
    const json_t *value = json_object_get(cluster, name);
    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
                                                                    : -1;
}

static void take_limits(const struct evaluation *ev, struct cluster *c) {
    c->max_count = cluster_limit(ev, "MaxCount");
    c->max_core_count = cluster_limit(ev, "MaxCoreCount");
}

/* The account and region of a cluster are those of its first node. */
static void take_place(struct engine *e, struct cluster *c) {
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array_spec *s = cluster_array(c, i)->spec;
        if (cluster_array(c, i)->gone || !s)
            continue;
        if (!c->group_ready && (i == 0 || !str_len(c->account))) {
            str_assign(&c->account, s->account);
            str_assign(&c->region, s->region);
        }
        if (str_len(s->account) && str_len(s->region))
            market_want(e, str_text(s->account), str_text(s->region));
    }
}

/* All are looked at before the first changes. */
static int take_all_nodes(struct evaluation *ev, struct error *err) {
    int r = check_nodes(ev, "nodes", err);
    if (r == 0)
        r = check_nodes(ev, "nodearrays", err);
    if (r == 0)
        r = take_nodes(ev, "nodes", false, err);
    if (r == 0)
        r = take_nodes(ev, "nodearrays", true, err);
    return r == 0 ? drop_others(ev) : r;
}

int definition_apply(struct engine *e, uint64_t cluster_id, struct error *err) {
    struct cluster *c = edit_cluster(e, cluster_id);
    if (!c)
        return -ENOMEM;
    if (!str_len(c->template.text))
        return 0;
    struct evaluation ev = {.engine = e, .cluster_id = cluster_id};
    int r = evaluate(&ev, c, err);
    bool evaluated = r == 0;
    if (r == 0)
        r = settle(&ev);
    if (r == 0)
        r = take_all_nodes(&ev, err);
    if (r == 0) {
        take_place(e, c);
        take_limits(&ev, c);
        volumes_match(e, cluster_id);
        r = write_texts(&ev, c);
    }
    if (r == 0 && str_len(c->group)) /* a subnet that is new is asked about */
        facts_want(e, c);
    if (r == -ENOMEM && evaluated)
        engine_fail(e, r); /* half done: the build goes */
    evaluation_done(&ev);
    engine_dirty(e, cluster_id);
    return r;
}
