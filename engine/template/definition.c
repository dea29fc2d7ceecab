/* SPDX-License-Identifier: MIT */
/* A whole cluster: template and parameters -> definition. */
#include "entries.h"
#include "node.h"
#include "parameter.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

#define GLOBAL_WORK 32u   /* to make a noderef or an environment, of EVAL_WORK_MAX */
#define GLOBAL_BYTES 400u /* of one without its attributes, of LIMIT_DEFINITION_BYTES */

struct definition {
    struct template *t;
    const struct section *cluster; /* borrowed from t */
    char *cluster_name;
    json_t *parameters; /* as given */
    json_t *json, *public_json, *missing;
};

/* Of several [cluster] sections: the one asked for, that of the cluster's own name, the first. */
static const struct section *pick_cluster(const struct template *t,
                                          const struct evaluation_input *input) {
    if (input->template_cluster)
        return template_cluster(t, input->template_cluster);
    const struct section *own = template_cluster(t, input->cluster_name);
    for (size_t i = 0; !own && i < t->clusters.len; i++)
        if (!template_cluster_abstract(t, i))
            own = t->clusters.items[i];
    return own ? own : t->clusters.items[0];
}

static struct owner cluster_owner(const struct section *cluster) {
    return (struct owner){"cluster", cluster->name};
}

/* The attributes of the cluster itself, those of its parents first. */
static struct value *evaluate_cluster(struct scope *s, const struct section *cluster) {
    static const char *const skip[] = {"Abstract", "ParentName", NULL};
    const struct entry_rules rules = {
        .type = SECTION_CLUSTER, .owner = cluster_owner(cluster), .skip = skip};
    _cleanup_entries_ struct entry_list entries = {0};
    struct section_list layers = {0};
    int r = cluster_layers(s, cluster, &layers);
    for (size_t i = 0; r == 0 && i < layers.len; i++)
        r = entries_add(s, &entries, layers.items[i], "");
    section_list_done(&layers);
    if (r < 0)
        return NULL;
    entries_settle(&entries, NULL);
    _cleanup_value_ struct value *record = entries_evaluate(s, &entries, &rules);
    if (!record || value_record_set(record, "Name", value_ref(s->cluster_name)) < 0 ||
        value_record_set(record, "Template", value_string(cluster->name)) < 0)
        return NULL;
    return TAKE_PTR(record);
}

static int add_nodes(struct scope *s, const struct node_def_list *nodes, struct value *definition,
                     struct value *missing) {
    struct value *singles = value_list_new(), *arrays = value_list_new();
    int r = value_record_set(definition, "nodes", singles);
    int r2 = value_record_set(definition, "nodearrays", arrays);
    if (r < 0 || r2 < 0)
        return r < 0 ? r : r2;
    for (size_t i = 0; i < nodes->len && s->ev.limit == EVAL_WITHIN; i++) {
        const struct node_def *node = &nodes->items[i];
        int abstract = node_is_abstract(s, node);
        if (abstract < 0)
            return abstract;
        if (abstract)
            continue;
        struct value *record = node_evaluate(s, nodes, node, missing);
        r = value_list_append(node->is_array ? arrays : singles, record);
        if (r < 0)
            return r;
    }
    return 0;
}

static struct value *evaluate_noderef(struct scope *s, const struct section *ref) {
    const struct entry_rules rules = {.type = SECTION_NODEREF, .owner = {"noderef", ref->name}};
    _cleanup_value_ struct value *own = section_evaluate(s, ref, &rules);
    _cleanup_value_ struct value *record = value_record_new();
    if (!own || !record)
        return NULL;
    struct value *name = value_record_get(own, "Name");
    struct value *source = value_record_get(own, "SourceClusterName");
    if (value_record_set(record, "Name", value_string(ref->name)) < 0 ||
        value_record_set(record, "Node", name ? value_ref(name) : value_string(ref->name)) < 0 ||
        value_record_set(record, "SourceClusterName",
                         value_ref(source ? source : s->cluster_name)) < 0)
        return NULL;
    return TAKE_PTR(record);
}

static struct value *evaluate_environment(struct scope *s, const struct section *environment) {
    const struct entry_rules rules = {.type = SECTION_ENVIRONMENT,
                                      .owner = {"environment", environment->name}};
    _cleanup_value_ struct value *record = section_evaluate(s, environment, &rules);
    if (!record)
        return NULL;
    if (!value_record_get(record, "Name") &&
        value_record_set(record, "Name", value_string(environment->name)) < 0)
        return NULL;
    return TAKE_PTR(record);
}

static int add_globals(struct scope *s, const struct section_list *sections, const char *member,
                       struct value *(*evaluate)(struct scope *, const struct section *),
                       struct value *definition) {
    _cleanup_value_ struct value *list = value_list_new();
    for (size_t i = 0; list && i < sections->len; i++) {
        if (!eval_spend(&s->ev, GLOBAL_WORK) || !eval_keep(&s->ev, GLOBAL_BYTES))
            break;
        int r = value_list_append(list, evaluate(s, sections->items[i]));
        if (r < 0)
            return r;
    }
    return value_record_set(definition, member, TAKE_PTR(list));
}

/* Required parameters without a value; a field that is not shown is not asked for. */
static int add_missing_parameters(struct scope *s, struct value *missing) {
    static const char *const unless[] = {"Excluded", "Hidden", "Disabled"};
    for (size_t i = 0; i < s->t->parameters.len; i++) {
        const struct section *p = s->t->parameters.items[i];
        int holds = scope_condition(s, p, "Required");
        const struct value *v = holds > 0 ? scope_parameter(s, p) : NULL;
        if (holds < 0 || (holds > 0 && !v))
            return -ENOMEM;
        bool needed = v && value_is_empty(v);
        for (size_t k = 0; needed && k < ARRAY_SIZE(unless); k++) {
            holds = scope_condition(s, p, unless[k]);
            if (holds < 0)
                return holds;
            needed = !holds;
        }
        int r = needed ? missing_add(missing, p->name, parameter_label(p)) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int evaluate_all(struct scope *s, const struct section *cluster, struct value *definition,
                        struct value *missing) {
    struct node_def_list nodes = {0};
    int r = nodes_collect(s, cluster, &nodes);
    if (r == 0)
        r = value_record_set(definition, "cluster", evaluate_cluster(s, cluster));
    if (r == 0)
        r = value_record_set(definition, "parameters", scope_parameters(s));
    if (r == 0)
        r = add_missing_parameters(s, missing);
    if (r == 0)
        r = add_nodes(s, &nodes, definition, missing);
    if (r == 0)
        r = add_globals(s, &s->t->noderefs, "noderefs", evaluate_noderef, definition);
    if (r == 0)
        r = add_globals(s, &s->t->environments, "environments", evaluate_environment, definition);
    for (size_t i = 0; r == 0 && i < s->undeclared.len; i++)
        r = missing_add(missing, s->undeclared.names[i], s->undeclared.names[i]);
    nodes_done(&nodes);
    return r;
}

/* How it is shown and stored may be larger than what it holds, by escapes and indentation. */
static int make_json(struct definition *d, struct scope *s, const struct value *definition) {
    d->json = value_to_json(definition, false);
    d->public_json = value_to_json(definition, true);
    if (!d->json || !d->public_json)
        return -ENOMEM;
    s->ev.kept = 0;
    (void)eval_keep(&s->ev, json_dumpb(d->json, NULL, 0, JSON_INDENT(2)));
    s->ev.kept = 0;
    (void)eval_keep(&s->ev, json_dumpb(d->public_json, NULL, 0, JSON_INDENT(2)));
    return 0;
}

static int fill(struct definition *d, struct scope *s) {
    _cleanup_value_ struct value *definition = value_record_new();
    _cleanup_value_ struct value *missing = value_record_new();
    int r = definition && missing ? evaluate_all(s, d->cluster, definition, missing) : -ENOMEM;
    if (r == 0 && s->ev.limit == EVAL_WITHIN)
        r = make_json(d, s, definition);
    scope_report_limit(s);
    if (r < 0 || s->ev.limit != EVAL_WITHIN)
        return r;
    d->missing = json_array();
    for (size_t i = 0; r == 0 && i < missing->len; i++)
        r = json_array_append_new(d->missing, value_to_json(missing->items[i], false));
    return r == 0 && d->missing ? 0 : -ENOMEM;
}

void definition_free(struct definition *d) {
    if (!d)
        return;
    json_decref(d->json);
    json_decref(d->public_json);
    json_decref(d->missing);
    json_decref(d->parameters);
    free(d->cluster_name);
    template_free(d->t);
    free(d);
}

static int make(const struct template *t, const struct evaluation_input *input,
                struct definition **ret) {
    _cleanup_(definition_freep) struct definition *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->t = template_ref((struct template *)t);
    d->cluster = pick_cluster(t, input);
    d->cluster_name = strdup(input->cluster_name);
    d->parameters = input->parameters ? json_deep_copy(input->parameters) : json_object();
    if (!d->cluster_name || !d->parameters)
        return -ENOMEM;
    *ret = TAKE_PTR(d);
    return 0;
}

static void report_no_cluster(const struct template *t, const char *name,
                              struct diagnostics *diags) {
    _cleanup_buf_ struct buf hint = BUF_INIT(400);
    for (size_t i = 0; i < t->clusters.len; i++)
        (void)buf_printf(&hint, "%s%s",
                         i ? ", " : "its clusters are: ", t->clusters.items[i]->name);
    const struct finding finding = {SEVERITY_ERROR, CODE_UNKNOWN_CLUSTER, .hint = hint.data};
    diagnostics_add(diags, &finding, "the template has no cluster named \"%s\"", name);
}

/* The values given are over the limits of a value before anything is evaluated. */
static int report_too_large(const struct template *t, struct diagnostics *diags) {
    const struct finding finding = {SEVERITY_ERROR, CODE_DEFINITION_TOO_LARGE,
                                    template_place(t, 0, 0), "give fewer or shorter values"};
    diagnostics_add(diags, &finding,
                    "the values of the parameters are too large: all together they may hold %u "
                    "names and %zu MiB",
                    VALUE_ITEMS_MAX, VALUE_SIZE_MAX >> 20);
    return 0;
}

/* Fills a definition that was just made, with what is known of other nodes. 0, -EINVAL (something
   is an error, in `diags`) or -ENOMEM. */
static int work_out(struct definition *d, const json_t *known, struct diagnostics *diags) {
    struct scope s;
    size_t errors = diags->errors;
    int r = scope_init(&s, d->t, d->cluster_name, d->parameters, known);
    s.diags = diags;
    if (r == 0)
        r = fill(d, &s);
    if (r == -E2BIG || r == -ELOOP)
        r = report_too_large(d->t, diags);
    scope_done(&s);
    if (r < 0 || diags->out_of_memory)
        return r < 0 ? r : -ENOMEM;
    return diags->errors > errors ? -EINVAL : 0;
}

int template_evaluate(const struct template *t, const struct evaluation_input *input,
                      struct diagnostics *diags, struct definition **ret) {
    _cleanup_(definition_freep) struct definition *d = NULL;
    _cleanup_diagnostics_ struct diagnostics own = DIAGNOSTICS_INIT;
    if (!diags)
        diags = &own;
    int r = make(t, input, &d);
    if (r < 0)
        return r;
    if (!d->cluster) {
        report_no_cluster(t, input->template_cluster, diags);
        return -ENOENT;
    }
    r = work_out(d, NULL, diags);
    if (r == 0)
        *ret = TAKE_PTR(d);
    return r;
}

json_t *definition_json(const struct definition *d) {
    return d->json;
}

json_t *definition_public_json(const struct definition *d) {
    return d->public_json;
}

json_t *definition_missing(const struct definition *d) {
    return d->missing;
}

int definition_origins(const struct definition *d, json_t **ret) {
    _cleanup_value_ struct value *definition = value_record_new();
    _cleanup_value_ struct value *missing = value_record_new();
    struct scope s;
    int r = scope_init(&s, d->t, d->cluster_name, d->parameters, NULL);
    s.origins = json_object();
    if (r == 0)
        r = definition && missing && s.origins ? evaluate_all(&s, d->cluster, definition, missing)
                                               : -ENOMEM;
    if (r == 0 && s.ev.limit != EVAL_WITHIN)
        r = -E2BIG;
    if (r == 0)
        *ret = s.origins;
    else
        json_decref(s.origins);
    scope_done(&s);
    return r;
}

int definition_settle(const struct definition *d, const json_t *known, struct diagnostics *diags,
                      struct definition **ret) {
    _cleanup_(definition_freep) struct definition *settled = NULL;
    _cleanup_diagnostics_ struct diagnostics own = DIAGNOSTICS_INIT;
    const struct evaluation_input input = {
        .cluster_name = d->cluster_name,
        .template_cluster = d->cluster->name,
        .parameters = d->parameters,
    };
    if (!diags)
        diags = &own;
    int r = make(d->t, &input, &settled);
    if (r < 0)
        return r;
    r = work_out(settled, known, diags);
    if (r == 0)
        *ret = TAKE_PTR(settled);
    return r;
}

/* The first error of a list as `err`. */
static int first_error(const struct diagnostics *diags, const char *name, struct error *err) {
    for (size_t i = 0; i < diags->len; i++)
        if (diags->items[i].severity == SEVERITY_ERROR)
            return err_set(err, -EINVAL, "invalid_template", "template line %u: %s",
                           diags->items[i].start.line, diags->items[i].text);
    return err_set(err, -EINVAL, "invalid_template", "%s cannot be evaluated", name);
}

static int evaluate_one(struct scope *s, const struct section *cluster, const char *name,
                        struct value **ret) {
    struct node_def_list nodes = {0};
    int r = nodes_collect(s, cluster, &nodes);
    const struct node_def *node = r == 0 ? nodes_find(&nodes, name) : NULL;
    if (r == 0 && node)
        r = node_is_abstract(s, node);
    if (r == 0 && node) {
        *ret = node_evaluate(s, &nodes, node, NULL);
        r = *ret ? 0 : -ENOMEM;
        scope_report_limit(s);
    } else if (r >= 0) {
        r = -ENOENT;
    }
    nodes_done(&nodes);
    return r;
}

int definition_node_json(const struct definition *d, const struct node_input *input,
                         struct error *err, json_t **ret) {
    _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
    _cleanup_value_ struct value *record = NULL;
    struct scope s;
    int r = scope_init(&s, d->t, d->cluster_name, d->parameters, input->known);
    s.diags = &diags;
    if (r == 0)
        r = evaluate_one(&s, d->cluster, input->name, &record);
    scope_done(&s);
    if (r == -ENOENT)
        return err_set(err, r, "not_found", "there is no node %s in the template", input->name);
    if (r == 0 && diags.errors)
        return first_error(&diags, input->name, err);
    json_t *json = r == 0 && !diags.out_of_memory ? value_to_json(record, input->masked) : NULL;
    if (!json)
        return err_set(err, -ENOMEM, "no_memory", "out of memory");
    *ret = json;
    return 0;
}
