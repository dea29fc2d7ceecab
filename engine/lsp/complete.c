/* SPDX-License-Identifier: MIT */
/* What can be written at a place. */
#include "meanings.h"
#include "server.h"

#include "base/parse.h"
#include "template/functions.h"
#include "template/parameter.h"

#include <stdio.h>
#include <string.h>

/* Kinds of completion items, as the protocol numbers them. */
enum completion_kind {
    COMPLETION_FUNCTION = 3,
    COMPLETION_VARIABLE = 6,
    COMPLETION_PROPERTY = 10,
    COMPLETION_VALUE = 12,
    COMPLETION_KEYWORD = 14,
    COMPLETION_REFERENCE = 18,
};

struct completion {
    const struct query *q;
    json_t *items;
    bool failed; /* out of memory */
};

/* `detail` may be NULL. The item replaces the word that is there. */
static void add(struct completion *c, enum completion_kind type, const char *label,
                const char *detail) {
    const struct query *q = c->q;
    json_t *item =
        json_pack("{s:s, s:i, s:s, s:{s:o, s:s}}", "label", label, "kind", type, "detail",
                  detail ? detail : "", "textEdit", "range",
                  document_range(q->document, cursor_word_offset(q->document, &q->cursor),
                                 q->cursor.word.len, q->server->encoding),
                  "newText", label);
    c->failed |= json_array_append_new(c->items, item) < 0;
}

static enum language language(const struct completion *c) {
    return c->q->document->project ? LANGUAGE_PROJECT : LANGUAGE_TEMPLATE;
}

/* The section that a header of this many brackets would stand in. */
static const struct section *parent_of(const struct section *s, unsigned line, unsigned rank) {
    if (s->line == line && s->parent)
        s = s->parent;
    while (s->parent && s->rank >= rank)
        s = s->parent;
    return s;
}

static void add_sections(struct completion *c) {
    const struct cursor *cursor = &c->q->cursor;
    const struct section *parent = parent_of(cursor->section, cursor->line, cursor->item.rank);
    for (int type = SECTION_CLUSTER; type < SECTION_TYPE_MAX; type++) {
        const struct section_row *row = section_row((enum section_type)type);
        unsigned languages = row->languages ? row->languages : LANGUAGE_TEMPLATE;
        bool fits = parent->type >= 0 && (row->parents & (1u << parent->type));
        if ((languages & language(c)) && fits)
            add(c, COMPLETION_KEYWORD, row->word, section_meaning((enum section_type)type));
    }
}

static void add_attributes(struct completion *c) {
    const struct section *s = c->q->cursor.section;
    if (s->type <= SECTION_FILE)
        return;
    const struct attribute_table *table = attribute_table(s->type);
    for (size_t i = 0; i < table->len; i++) {
        const struct attribute_row *row = &table->rows[i];
        const struct attribute *given = section_attribute(s, row->name);
        if (!given || given == c->q->cursor.attribute)
            add(c, COMPLETION_PROPERTY, row->name, want_word(row->want));
    }
}

static void add_parameters(struct completion *c) {
    const struct template *t = c->q->document->template;
    add(c, COMPLETION_VARIABLE, "ClusterName", "the name of the cluster");
    for (size_t i = 0; i < t->parameters.len; i++) {
        const struct section *p = t->parameters.items[i];
        if (!parameter_info(p).text_only)
            add(c, COMPLETION_VARIABLE, p->name, parameter_label(p));
    }
}

static void add_functions(struct completion *c) {
    const struct function_table *const tables[] = {
        &functions_text, &functions_number, &functions_list, &functions_regex, &functions_lazy};
    for (size_t k = 0; k < ARRAY_SIZE(tables); k++)
        for (size_t i = 0; i < tables[k]->len; i++)
            add(c, COMPLETION_FUNCTION, tables[k]->rows[i].name, "function");
}

static void add_children(struct completion *c, const struct section *s, unsigned types) {
    for (size_t i = 0; s && i < s->children.len; i++) {
        const struct section *child = s->children.items[i];
        if (child->type >= 0 && (types & (1u << child->type)))
            add(c, COMPLETION_REFERENCE, child->name, section_row(child->type)->word);
    }
}

#define NODES (1u << SECTION_NODE | 1u << SECTION_NODEARRAY)

/* Nodes of this cluster, and what is known of others. */
static void add_late_names(struct completion *c) {
    add_children(c, section_cluster(c->q->cursor.section), NODES);
    add_children(c, c->q->document->template->file,
                 1u << SECTION_NODEREF | 1u << SECTION_ENVIRONMENT | 1u << SECTION_ENVIRONMENTREF);
}

static void add_names(struct completion *c) {
    if (c->q->cursor.member)
        return;
    add_parameters(c);
    if (!c->q->cursor.expression)
        return;
    add_functions(c);
    add_late_names(c);
}

static void add_bases(struct completion *c) {
    add_children(c, section_cluster(c->q->cursor.section), NODES);
}

static void add_clusters(struct completion *c) {
    add_children(c, c->q->document->template->file, 1u << SECTION_CLUSTER);
}

static void add_types(struct completion *c) {
    const char *name;
    for (size_t i = 0; (name = parameter_type_name(i)); i++)
        add(c, COMPLETION_VALUE, name, "parameter type");
}

static void add_booleans(struct completion *c) {
    add(c, COMPLETION_VALUE, "true", NULL);
    add(c, COMPLETION_VALUE, "false", NULL);
}

/* A value that is not a name: some attributes have a known set. */
static void add_values(struct completion *c) {
    static const struct {
        const char *key;
        void (*add)(struct completion *c);
    } known[] = {
        {"Extends", add_bases}, {"ParentName", add_clusters}, {"ParameterType", add_types}};
    const struct cursor *cursor = &c->q->cursor;
    char key[256];
    (void)snprintf(key, sizeof(key), "%.*s",
                   (int)(cursor->item.key.len < 255 ? cursor->item.key.len : 255),
                   cursor->item.key.text);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (text_equal_fold(known[i].key, key))
            known[i].add(c);
    const struct attribute_row *row = cursor->section->type > SECTION_FILE
                                          ? attribute_row_find(cursor->section->type, key)
                                          : NULL;
    if (row && row->want == WANT_BOOLEAN)
        add_booleans(c);
}

static void add_nothing(struct completion *c) {
    (void)c;
}

json_t *lsp_complete(const struct query *q) {
    static void (*const places[])(struct completion * c) = {
        [PLACE_OUTSIDE] = add_attributes,  [PLACE_HEADER_TYPE] = add_sections,
        [PLACE_HEADER_NAME] = add_nothing, [PLACE_KEY] = add_attributes,
        [PLACE_TEXT] = add_values,         [PLACE_NAME] = add_names,
    };
    struct completion c = {.q = q, .items = json_array()};
    if (!c.items)
        return NULL;
    places[q->cursor.place](&c);
    if (!c.failed)
        return c.items;
    json_decref(c.items);
    return NULL;
}
