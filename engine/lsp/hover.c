/* SPDX-License-Identifier: MIT */
/* What a word means, and where its value comes from. */
#include "meanings.h"
#include "server.h"

#include "base/parse.h"
#include "template/functions.h"
#include "template/parameter.h"

#include <stdio.h>
#include <string.h>

#define HOVER_BYTES_MAX ((size_t)64 << 10)
#define ORIGINS_SHOWN 8 /* an attribute of the defaults is the value of many nodes */
#define VALUE_BYTES_SHOWN 200

/* The origins of a cluster as it is with its defaults; NULL if it cannot be evaluated. */
static json_t *cluster_origins(const struct template *t, const struct section *cluster) {
    _cleanup_(definition_freep) struct definition *definition = NULL;
    const struct evaluation_input input = {.cluster_name = cluster->name,
                                           .template_cluster = cluster->name};
    json_t *origins = NULL;
    if (template_evaluate(t, &input, NULL, &definition) < 0 ||
        definition_origins(definition, &origins) < 0)
        return NULL;
    return origins;
}

/* A value in one line of code. */
static void put_value(struct buf *b, const json_t *value) {
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;
    size_t len = text ? strlen(text) : 0;
    (void)buf_puts(b, "`");
    for (size_t i = 0; i < len && i < VALUE_BYTES_SHOWN; i++)
        (void)buf_putc(b, text[i] == '`' ? '\'' : text[i]);
    (void)buf_puts(b, len > VALUE_BYTES_SHOWN ? "...`" : "`");
    free(text);
}

static void put_parameters(struct buf *b, const json_t *parameters) {
    const char *name, *separator = " from ";
    json_t *from;
    json_object_foreach((json_t *)parameters, name, from) {
        (void)buf_printf(b, "%s%s (%s)", separator, name, json_string_value(from));
        separator = ", ";
    }
}

/* `nodes.head.Attributes.MachineType`: value, for each value that this line gives. */
static void put_origins(struct buf *b, const json_t *origins, unsigned line) {
    const char *path;
    json_t *row;
    size_t shown = 0;
    json_object_foreach((json_t *)origins, path, row) {
        const json_t *value = json_object_get(row, "value");
        if (json_integer_value(json_object_get(row, "line")) != (json_int_t)line)
            continue;
        if (shown++ == ORIGINS_SHOWN) {
            (void)buf_puts(b, "- ...\n");
            return;
        }
        (void)buf_printf(b, "- %s: ", path);
        put_value(b, value ? value : json_object_get(row, "later"));
        put_parameters(b, json_object_get(row, "parameters"));
        (void)buf_puts(b, value ? "\n" : ", known later\n");
    }
}

/* The clusters that a section has a part in: its own, or those that inherit from it. */
static void put_values(struct buf *b, const struct query *q, unsigned line) {
    const struct template *t = q->document->template;
    for (size_t i = 0; i < t->clusters.len; i++) {
        if (template_cluster_abstract(t, i))
            continue;
        json_t *origins = cluster_origins(t, t->clusters.items[i]);
        put_origins(b, origins, line);
        json_decref(origins);
    }
}

/* What the attribute means, and what this server makes of it. */
static void put_effect(struct buf *b, const struct attribute_row *row) {
    static const char *const effects[] = {
        [EFFECT_DONE] = NULL,
        [EFFECT_SHOWN] = "Has no effect yet",
        [EFFECT_NONE] = "Has no effect",
        [EFFECT_REFUSED] = "Is refused",
    };
    const char *effect = effects[row->effect];
    if (row->doc)
        (void)buf_printf(b, "%s\n\n", row->doc);
    if (effect)
        (void)buf_printf(b, "%s%s%s\n\n", effect, row->note ? ": " : "",
                         row->note ? row->note : "");
}

static void put_attribute(struct buf *b, const struct query *q) {
    const struct cursor *c = &q->cursor;
    char key[256];
    if (!c->section || c->section->type < 0)
        return;
    const struct attribute_row *row =
        attribute_row_find(c->section->type, cursor_word(c, key, sizeof(key)));
    (void)buf_printf(b, "**%s** (%s): %s\n\n", row ? row->name : key,
                     section_row(c->section->type)->word,
                     row ? want_word(row->want) : "not a known attribute; kept as it is");
    if (row)
        put_effect(b, row);
    if (c->attribute)
        put_values(b, q, c->attribute->line);
}

static void put_text_of(struct buf *b, const struct section *p, const char *key) {
    const char *text = section_text(p, key);
    if (text)
        (void)buf_printf(b, "%s\n\n", text);
}

/* The row of a parameter in the origins of the first cluster that can be evaluated. */
static void put_parameter_value(struct buf *b, const struct query *q, const struct section *p) {
    const struct template *t = q->document->template;
    for (size_t i = 0; i < t->clusters.len; i++) {
        json_t *origins = cluster_origins(t, t->clusters.items[i]);
        char path[300];
        (void)snprintf(path, sizeof(path), "parameters.%.256s", p->name);
        const json_t *row = json_object_get(origins, path);
        if (row) {
            (void)buf_puts(b, "Value: ");
            put_value(b, json_object_get(row, "value"));
            (void)buf_printf(b, " (%s)\n", json_string_value(json_object_get(row, "from")));
        }
        json_decref(origins);
        if (row)
            return;
    }
}

static void put_parameter(struct buf *b, const struct query *q, const struct section *p) {
    struct parameter_info info = parameter_info(p);
    (void)buf_printf(b, "**%s**: parameter, %s%s\n\n", p->name, *info.type ? info.type : "no type",
                     info.secret ? ", secret" : "");
    if (strcmp(parameter_label(p), p->name) != 0)
        (void)buf_printf(b, "%s\n\n", parameter_label(p));
    put_text_of(b, p, "Description");
    put_parameter_value(b, q, p);
}

static void put_function(struct buf *b, const struct function *f) {
    (void)buf_printf(b, "**%s**: function of %u", f->name, f->min_args);
    if (f->max_args >= ARGS_MANY)
        (void)buf_puts(b, " or more arguments\n");
    else if (f->max_args > f->min_args)
        (void)buf_printf(b, " to %u arguments\n", f->max_args);
    else
        (void)buf_printf(b, " argument%s\n", f->max_args == 1 ? "" : "s");
}

static void put_name(struct buf *b, const struct query *q) {
    const struct cursor *c = &q->cursor;
    char name[256];
    const struct section *p =
        template_parameter(q->document->template, cursor_word(c, name, sizeof(name)));
    if (c->member)
        return;
    if (p) {
        put_parameter(b, q, p);
        return;
    }
    const struct function *f = c->expression ? function_find(name, strlen(name)) : NULL;
    const struct section *node =
        cluster_find_node(q->document->template, section_cluster(c->section), name);
    if (f)
        put_function(b, f);
    else if (text_equal_fold(name, "ClusterName"))
        (void)buf_puts(b, "**ClusterName**: the name of the cluster\n");
    else if (node)
        (void)buf_printf(b, "**%s**: %s of this cluster, on line %u\n", node->name,
                         section_row(node->type)->word, node->line);
}

static void put_section(struct buf *b, const struct query *q) {
    const struct section *s = q->cursor.section;
    if (s->type > SECTION_FILE && s->line == q->cursor.line)
        (void)buf_printf(b, "**%s**: %s\n", section_row(s->type)->word, section_meaning(s->type));
}

static void put_nothing(struct buf *b, const struct query *q) {
    (void)b;
    (void)q;
}

json_t *lsp_hover(const struct query *q) {
    static void (*const places[])(struct buf * b, const struct query *q) = {
        [PLACE_OUTSIDE] = put_nothing,     [PLACE_HEADER_TYPE] = put_section,
        [PLACE_HEADER_NAME] = put_section, [PLACE_KEY] = put_attribute,
        [PLACE_TEXT] = put_nothing,        [PLACE_NAME] = put_name,
    };
    _cleanup_buf_ struct buf b = BUF_INIT(HOVER_BYTES_MAX);
    const struct cursor *c = &q->cursor;
    if (c->word.len)
        places[c->place](&b, q);
    if (buf_error(&b) == -ENOMEM)
        return NULL;
    if (!b.len)
        return json_null();
    return json_pack("{s:{s:s, s:s}, s:o}", "contents", "kind", "markdown", "value", b.data,
                     "range",
                     document_range(q->document, cursor_word_offset(q->document, c), c->word.len,
                                    q->server->encoding));
}
