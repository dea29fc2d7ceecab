/* SPDX-License-Identifier: MIT */
#include "inherit.h"

#include "nearest.h"

#include "base/parse.h"
#include "model/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PARENTS_MAX 16u
#define LAYERS_MAX 1000u
#define EXTENDS_DEPTH_MAX 50u

struct owner node_owner(const struct node_def *node) {
    return (struct owner){node->is_array ? "nodearray" : "node", node->name};
}

const struct node_def *nodes_find(const struct node_def_list *nodes, const char *name) {
    for (size_t i = 0; i < nodes->len; i++)
        if (text_equal_fold(nodes->items[i].name, name))
            return &nodes->items[i];
    return NULL;
}

void nodes_done(struct node_def_list *nodes) {
    for (size_t i = 0; i < nodes->len; i++)
        section_list_done(&nodes->items[i].sections);
    node_def_list_done(nodes);
}

static void report_section(struct scope *s, const struct section *at, struct finding finding,
                           const char *text) {
    finding.severity = SEVERITY_ERROR;
    finding.at = template_place(s->t, at->line, at->column);
    diagnostics_add(s->diags, &finding, "%s", text);
}

int cluster_layers(struct scope *s, const struct section *cluster, struct section_list *ret) {
    for (unsigned n = 0; cluster; n++) {
        if (n == PARENTS_MAX) {
            report_section(s, cluster, (struct finding){.code = CODE_INHERITANCE_CYCLE},
                           "ParentName goes in a circle");
            return 0;
        }
        int r = section_list_insert(ret, 0, (struct section *)cluster);
        if (r < 0)
            return r;
        const char *parent = section_text(cluster, "ParentName");
        const struct section *next = parent && *parent ? template_cluster(s->t, parent) : NULL;
        cluster = next;
    }
    return 0;
}

static int add_node(struct scope *s, struct section *section, struct node_def_list *nodes) {
    struct node_def *node = (struct node_def *)nodes_find(nodes, section->name);
    if (!node) {
        struct node_def fresh = {.name = section->name};
        int r = node_def_list_append(nodes, fresh);
        if (r == 0)
            r = section_list_append(&s->nodes, section);
        if (r == 0)
            r = name_map_add(&s->late, section->name, nodes->len);
        if (r < 0)
            return r;
        node = &nodes->items[nodes->len - 1];
        if (nodes->len == LIMIT_ARRAYS_PER_CLUSTER + 1) {
            report_section(s, section,
                           (struct finding){.code = CODE_TOO_MANY_NODES,
                                            .hint = "put the rest into another cluster"},
                           "a cluster has 200 nodes and nodearrays at most");
        }
        if (!name_valid(section->name) && section->name[0])
            report_section(s, section,
                           (struct finding){.code = CODE_INVALID_NAME,
                                            .hint = "a letter or digit, then letters, digits, - "
                                                    "and _, 63 at most"},
                           "this name cannot be the name of a node");
    }
    node->is_array = section->type == SECTION_NODEARRAY;
    return section_list_append(&node->sections, section);
}

int nodes_collect(struct scope *s, const struct section *cluster, struct node_def_list *ret) {
    struct section_list layers = {0};
    int r = cluster_layers(s, cluster, &layers);
    for (size_t l = 0; r == 0 && l < layers.len; l++)
        for (size_t i = 0; r == 0 && i < layers.items[l]->children.len; i++) {
            struct section *child = layers.items[l]->children.items[i];
            bool is_node = child->type == SECTION_NODE || child->type == SECTION_NODEARRAY;
            if (is_node && ret->len <= LIMIT_ARRAYS_PER_CLUSTER)
                r = add_node(s, child, ret);
        }
    section_list_done(&layers);
    return r;
}

/* The last attribute of this key among the node's own sections. */
static const struct attribute *own_attribute(const struct node_def *node, const char *key) {
    for (size_t i = node->sections.len; i-- > 0;) {
        const struct attribute *a = section_attribute(node->sections.items[i], key);
        if (a)
            return a;
    }
    return NULL;
}

int node_is_abstract(struct scope *s, const struct node_def *node) {
    const struct attribute *a = own_attribute(node, "Abstract");
    if (text_equal_fold(node->name, "defaults"))
        return 1;
    if (!a)
        return 0;
    _cleanup_value_ struct value *v = scope_attribute(s, a, WANT_BOOLEAN, node_owner(node), NULL);
    return v ? value_truth(v) == TRUTH_TRUE : -ENOMEM;
}

struct walk {
    struct scope *s;
    const struct node_def_list *nodes;
    const struct node_def *path[EXTENDS_DEPTH_MAX];
    size_t depth;
    struct section_list *layers;
};

static int visit(struct walk *w, const struct node_def *node);

static void report_extends(struct walk *w, const struct attribute *a, struct finding finding,
                           const char *problem, const char *name) {
    const struct node_def *node = w->path[w->depth - 1];
    finding.severity = SEVERITY_ERROR;
    finding.at = template_value_place(w->s->t, a);
    for (size_t i = 0; i < w->s->reported.len; i++)
        if (w->s->reported.items[i] == a)
            return;
    if (attribute_list_append(&w->s->reported, (struct attribute *)a) < 0 && w->s->diags)
        w->s->diags->out_of_memory = true;
    diagnostics_add(w->s->diags, &finding, "%s %s extends %.100s, %s",
                    node->is_array ? "nodearray" : "node", node->name, name, problem);
}

static void report_unknown(struct walk *w, const struct attribute *a, const char *name) {
    struct nearest nearest = nearest_init(name);
    char hint[128];
    for (size_t i = 0; i < w->nodes->len; i++)
        nearest_try(&nearest, w->nodes->items[i].name);
    if (nearest.best)
        (void)snprintf(hint, sizeof(hint), "did you mean %.80s?", nearest.best);
    struct finding finding = {.code = CODE_UNKNOWN_BASE, .hint = nearest.best ? hint : NULL};
    if (nearest.best && a->source_len == strlen(name) &&
        memcmp(a->source, name, a->source_len) == 0)
        finding.fix = nearest.best;
    report_extends(w, a, finding, "but there is no node of that name", name);
}

static int visit_base(struct walk *w, const struct attribute *a, const char *name) {
    const struct node_def *base = nodes_find(w->nodes, name);
    if (!base) {
        report_unknown(w, a, name);
        return 0;
    }
    for (size_t i = 0; i < w->depth; i++)
        if (w->path[i] == base) {
            report_extends(w, a, (struct finding){.code = CODE_INHERITANCE_CYCLE},
                           "which extends it in turn", name);
            return 0;
        }
    if (w->depth == EXTENDS_DEPTH_MAX || w->layers->len > LAYERS_MAX) {
        report_extends(w, a, (struct finding){.code = CODE_INHERITANCE_TOO_DEEP},
                       "which is too much inheritance", name);
        return 0;
    }
    return visit(w, base);
}

static int visit(struct walk *w, const struct node_def *node) {
    const struct attribute *a = own_attribute(node, "Extends");
    int r = 0;
    w->path[w->depth++] = node;
    if (!eval_spend(&w->s->ev, node->sections.len))
        a = NULL; /* what it extends does not matter any more */
    if (a) {
        _cleanup_value_ struct value *names =
            scope_attribute(w->s, a, WANT_LIST, node_owner(node), NULL);
        if (!names)
            return -ENOMEM;
        for (size_t i = 0; r == 0 && names->type == VALUE_LIST && i < names->len; i++) {
            const struct value *name = names->items[i];
            if (name->type == VALUE_STRING && *name->text)
                r = visit_base(w, a, name->text);
        }
    }
    w->depth--;
    for (size_t i = 0; r == 0 && i < node->sections.len; i++)
        r = section_list_append(w->layers, node->sections.items[i]);
    return r;
}

int node_layers(struct scope *s, const struct node_def_list *nodes, const struct node_def *node,
                struct section_list *ret) {
    const struct node_def *defaults = nodes_find(nodes, "defaults");
    struct walk w = {.s = s, .nodes = nodes, .layers = ret};
    int r = defaults && defaults != node ? visit(&w, defaults) : 0;
    return r < 0 ? r : visit(&w, node);
}
