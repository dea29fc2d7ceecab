/* SPDX-License-Identifier: MIT */
/* Where things are defined, and what is in a document. */
#include "server.h"

#include "base/parse.h"

#include <string.h>

static json_t *location(const struct query *q, unsigned line, unsigned column) {
    const struct document *d = q->document;
    size_t at = document_at(d, line, column);
    struct span s = document_line(d, at);
    size_t end = (size_t)(s.text - d->text) + s.len;
    return json_pack("{s:s, s:o}", "uri", d->uri, "range",
                     document_range(d, at, end - at, q->server->encoding));
}

static json_t *section_location(const struct query *q, const struct section *s) {
    return s ? location(q, s->line, s->column) : json_null();
}

static const struct section *global_named(const struct template *t, const char *name) {
    const struct section_list *const lists[] = {&t->noderefs, &t->environments};
    for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
        for (size_t i = 0; i < lists[l]->len; i++)
            if (text_equal_fold(lists[l]->items[i]->name, name))
                return lists[l]->items[i];
    return NULL;
}

/* A parameter, a node, a noderef or an environment. */
static json_t *find_name(const struct query *q) {
    const struct template *t = q->document->template;
    char name[256];
    const struct section *s = template_parameter(t, cursor_word(&q->cursor, name, sizeof(name)));
    if (q->cursor.member)
        return json_null();
    if (!s)
        s = cluster_find_node(t, section_cluster(q->cursor.section), name);
    return section_location(q, s ? s : global_named(t, name));
}

/* `Extends = base` and `ParentName = Base`. */
static json_t *find_value(const struct query *q) {
    const struct cursor *c = &q->cursor;
    char name[256];
    (void)cursor_word(c, name, sizeof(name));
    if (span_equal(c->item.key, "Extends"))
        return section_location(
            q, cluster_find_node(q->document->template, section_cluster(c->section), name));
    if (span_equal(c->item.key, "ParentName"))
        return section_location(q, template_cluster(q->document->template, name));
    return json_null();
}

/* What a node starts from: the first that it extends, else the defaults. */
static const struct section *base_of(const struct template *t, const struct section *node) {
    const struct section *cluster = section_cluster(node);
    const char *extends = section_text(node, "Extends");
    const struct section *base = extends ? cluster_find_node(t, cluster, extends) : NULL;
    if (!base)
        base = cluster_find_node(t, cluster, "defaults");
    return base == node ? NULL : base;
}

/* An attribute that overrides one: that one. */
static json_t *find_overridden(const struct query *q) {
    const struct cursor *c = &q->cursor;
    const struct section *base = c->section;
    bool is_node = base->type == SECTION_NODE || base->type == SECTION_NODEARRAY;
    for (int depth = 0; is_node && c->attribute && depth < 16; depth++) {
        base = base_of(q->document->template, base);
        const struct attribute *a = base ? section_attribute(base, c->attribute->key) : NULL;
        if (a)
            return location(q, a->line, a->column);
        if (!base)
            break;
    }
    return json_null();
}

/* The header of a node: what it starts from; of a cluster: its parent. */
static json_t *find_base(const struct query *q) {
    const struct template *t = q->document->template;
    const struct section *s = q->cursor.section;
    if (s->type == SECTION_NODE || s->type == SECTION_NODEARRAY)
        return section_location(q, base_of(t, s));
    const char *parent = s->type == SECTION_CLUSTER ? section_text(s, "ParentName") : NULL;
    return section_location(q, parent ? template_cluster(t, parent) : NULL);
}

static json_t *find_nothing(const struct query *q) {
    (void)q;
    return json_null();
}

json_t *lsp_find_definition(const struct query *q) {
    static json_t *(*const places[])(const struct query *q) = {
        [PLACE_OUTSIDE] = find_nothing,  [PLACE_HEADER_TYPE] = find_base,
        [PLACE_HEADER_NAME] = find_base, [PLACE_KEY] = find_overridden,
        [PLACE_TEXT] = find_value,       [PLACE_NAME] = find_name,
    };
    return places[q->cursor.place](q);
}

/* --- symbols ---------------------------------------------------------------------------------- */

/* Kinds of symbols, as the protocol numbers them. */
static int symbol_kind(enum section_type type) {
    static const int kinds[SECTION_TYPE_MAX] = {
        [SECTION_CLUSTER] = 2,    /* module */
        [SECTION_NODE] = 5,       /* class */
        [SECTION_NODEARRAY] = 18, /* array */
        [SECTION_PARAMETERS] = 3, /* namespace */
        [SECTION_PARAMETER] = 13, /* variable */
    };
    return type > SECTION_FILE && kinds[type] ? kinds[type] : 19; /* object */
}

/* The byte where a section ends: the start of the next header of its rank or less, or the end. */
static size_t section_end(const struct query *q, const struct section *s) {
    const struct section_list *siblings = &s->parent->children;
    for (size_t i = 0; i + 1 < siblings->len; i++)
        if (siblings->items[i] == s && siblings->items[i + 1]->line > s->line)
            return document_at(q->document, siblings->items[i + 1]->line, 1);
    return s->parent->parent ? section_end(q, s->parent) : q->document->len;
}

static json_t *symbols_of(const struct query *q, const struct section *parent);

/* Sections nest SECTION_RANK_MAX deep at most. */
static json_t *symbol(const struct query *q, const struct section *s) {
    const struct document *d = q->document;
    enum encoding encoding = q->server->encoding;
    size_t start = document_at(d, s->line, s->column), end = section_end(q, s);
    struct span line = document_line(d, start);
    size_t header = (size_t)(line.text - d->text) + line.len - start;
    const char *word = s->type > SECTION_FILE ? section_row(s->type)->word : "section";
    return json_pack(
        "{s:s, s:s, s:i, s:o, s:o, s:o}", "name", *s->name ? s->name : word, "detail", word, "kind",
        symbol_kind(s->type), "range",
        document_range(d, start, end > start + header ? end - start : header, encoding),
        "selectionRange", document_range(d, start, header, encoding), "children", symbols_of(q, s));
}

static json_t *symbols_of(const struct query *q, const struct section *parent) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < parent->children.len; i++)
        if (json_array_append_new(list, symbol(q, parent->children.items[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *lsp_list_symbols(const struct query *q) {
    const struct template *t = q->document->template;
    return t ? symbols_of(q, t->file) : json_array();
}

/* --- formatting ------------------------------------------------------------------------------- */

json_t *lsp_format(const struct query *q) {
    const struct document *d = q->document;
    _cleanup_buf_ struct buf b = BUF_INIT(d->len * 64 + 4096);
    int r = d->project ? -EINVAL : template_format(d->text, d->len, NULL, &b);
    if (r == -ENOMEM)
        return NULL;
    if (r < 0 || strcmp(b.data, d->text) == 0)
        return json_array();
    return json_pack("[{s:o, s:s}]", "range", document_range(d, 0, d->len, q->server->encoding),
                     "newText", b.data);
}
