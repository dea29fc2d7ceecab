/* SPDX-License-Identifier: MIT */
/* The sections of the form, and what is in each, in the order in which it is shown. */
#include "constant.h"
#include "notice.h"
#include "schema.h"

#include "base/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct placed {
    const struct section *section;
    double order; /* of those without an Order nothing */
    bool ordered;
    size_t place; /* in the text */
};

DEFINE_VEC(placed_vec, struct placed);

/* By Order; what has none comes after what has one; then by place. */
static int compare_placed(const void *x, const void *y) {
    const struct placed *a = x, *b = y;
    if (a->ordered != b->ordered)
        return a->ordered ? -1 : 1;
    if (a->ordered && a->order < b->order)
        return -1;
    if (a->ordered && a->order > b->order)
        return 1;
    return (a->place > b->place) - (a->place < b->place);
}

static struct placed place(const struct section *s, size_t i) {
    struct placed placed = {.section = s, .place = i};
    const struct value *order = section_literal(s, "Order");
    bool is_real = false;
    int64_t integer = 0;
    if (!order || !value_to_number(order, &is_real, &integer, &placed.order))
        return placed;
    placed.ordered = true;
    if (!is_real)
        placed.order = (double)integer;
    return placed;
}

/* The children of one type in the order of the form. 0 or -ENOMEM. */
static int sorted_children(const struct section *s, enum section_type type,
                           struct placed_vec *ret) {
    for (size_t i = 0; i < s->children.len; i++)
        if (s->children.items[i]->type == type &&
            placed_vec_append(ret, place(s->children.items[i], i)) < 0)
            return -ENOMEM;
    if (ret->len)
        qsort(ret->items, ret->len, sizeof(*ret->items), compare_placed);
    return 0;
}

/* The text of a notice as a tree, or the expression that gives it. */
static json_t *notice(const struct section *p) {
    const struct attribute *a = section_attribute(p, "Config.Template");
    const struct expr *e = a && a->text ? a->text : a ? a->expr : NULL;
    if (!e)
        return notice_parse("", 0);
    if (!expr_is_constant(e))
        return json_pack("{s:s%}", "expr", a->source, a->source_len);
    _cleanup_value_ struct value *v = expr_constant(e);
    _cleanup_value_ struct value *text = v ? value_to_string(v) : NULL;
    if (!text)
        return NULL;
    bool shown = v->type != VALUE_ERROR && text->type == VALUE_STRING;
    return shown ? notice_parse(text->text, strlen(text->text)) : notice_parse("", 0);
}

static int put_notice(json_t *elements, const struct section *p) {
    json_t *item = json_pack("{s:s, s:o}", "name", p->name, "notice", notice(p));
    if (!item || schema_put_conditions(item, "conditions", p) < 0) {
        json_decref(item);
        return -ENOMEM;
    }
    return json_array_append_new(elements, item);
}

static int put_parameter(json_t *elements, const struct section *p, json_t *properties) {
    json_t *property = json_object_get(properties, p->name);
    json_int_t rank = (json_int_t)json_array_size(elements);
    if (!property)
        return 0;
    if (json_object_set_new(property, "x-order", json_integer(rank)) < 0)
        return -ENOMEM;
    return json_array_append_new(elements, json_pack("{s:s}", "parameter", p->name));
}

/* The parameters and notices right below a section; NULL: out of memory. */
static json_t *elements_of(const struct section *s, const struct template *t, json_t *properties) {
    struct placed_vec children = {0};
    json_t *elements = json_array();
    int r = elements ? sorted_children(s, SECTION_PARAMETER, &children) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < children.len; i++) {
        const struct section *p = children.items[i].section;
        if (template_parameter(t, p->name) != p)
            continue; /* another declaration of it counts */
        r = parameter_info(p).text_only ? put_notice(elements, p)
                                        : put_parameter(elements, p, properties);
    }
    placed_vec_done(&children);
    if (r == 0)
        return elements;
    json_decref(elements);
    return NULL;
}

/* Label, description and order of a section. */
static int put_texts(json_t *item, const struct section *s) {
    static const char *const texts[][2] = {{"Label", "label"}, {"Description", "description"}};
    const struct value *order = section_literal(s, "Order");
    int r = order ? json_object_set_new(item, "order", value_to_json(order, false)) : 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++) {
        const char *text = section_text(s, texts[i][0]);
        if (text)
            r = json_object_set_new(item, texts[i][1], json_string(text));
    }
    return r;
}

/* `s` may be the file: for parameters that are in no section. */
static int put_section(json_t *list, const struct section *s, const struct template *t,
                       json_t *properties) {
    json_t *elements = elements_of(s, t, properties);
    if (elements && s->type == SECTION_FILE && json_array_size(elements) == 0) {
        json_decref(elements);
        return 0;
    }
    json_t *item = json_pack("{s:o, s:o}", "path", schema_path(s, true), "x-elements", elements);
    int r = item ? 0 : -ENOMEM;
    if (r == 0 && s->type == SECTION_PARAMETERS)
        r = put_texts(item, s);
    if (r == 0 && s->type == SECTION_PARAMETERS)
        r = schema_put_conditions(item, "conditions", s);
    if (r == 0)
        return json_array_append_new(list, item);
    json_decref(item);
    return r;
}

/* A section and those in it. Sections nest SECTION_RANK_MAX deep at most. */
static int put_tree(json_t *list, const struct section *s, const struct template *t,
                    json_t *properties) {
    struct placed_vec children = {0};
    int r = put_section(list, s, t, properties);
    if (r == 0)
        r = sorted_children(s, SECTION_PARAMETERS, &children);
    for (size_t i = 0; r == 0 && i < children.len; i++)
        r = put_tree(list, children.items[i].section, t, properties);
    placed_vec_done(&children);
    return r;
}

int schema_put_sections(json_t *list, const struct template *t, json_t *properties) {
    return put_tree(list, t->file, t, properties);
}
