/* SPDX-License-Identifier: MIT */
#include "cursor.h"

#include "base/parse.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PARENTS_MAX 16 /* clusters that inherit from each other */

static unsigned line_of(const struct document *d, size_t offset) {
    unsigned line = 1;
    for (size_t i = 0; i < offset; i++)
        line += d->text[i] == '\n';
    return line;
}

/* The item that the offset is in. */
static struct item find_item(const struct document *d, size_t offset) {
    struct reader r = {.text = d->text, .len = d->len, .line = 1};
    struct item item;
    for (;;) {
        reader_next(&r, &item);
        size_t start = (size_t)(item.whole.text - d->text);
        if (item.kind == ITEM_END || start > offset)
            return (struct item){.kind = ITEM_END};
        bool last = r.pos == d->len && d->len && d->text[d->len - 1] != '\n';
        if (offset < r.pos || last)
            return item;
    }
}

/* The section whose header is the last one up to the line. Sections nest SECTION_RANK_MAX deep. */
static const struct section *section_at(const struct section *top, unsigned line) {
    const struct section *best = top;
    for (size_t i = 0; i < top->children.len; i++) {
        const struct section *child = top->children.items[i];
        if (child->line > line)
            continue;
        const struct section *inner = section_at(child, line);
        if (inner->line >= best->line)
            best = inner;
    }
    return best;
}

static bool is_name(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_key(char c) {
    return is_name(c) || c == '.' || c == '-';
}

static struct span word_around(const struct document *d, size_t offset, bool (*belongs)(char)) {
    size_t start = offset, end = offset;
    while (start > 0 && belongs(d->text[start - 1]))
        start--;
    while (end < d->len && belongs(d->text[end]))
        end++;
    return (struct span){d->text + start, end - start, 0, 1};
}

/* True if the offset is between `${` and its `}`, both on the line. */
static bool in_braces(const struct document *d, size_t offset) {
    struct span line = document_line(d, offset);
    const char *at = d->text + offset;
    const char *open = NULL;
    for (const char *p = line.text; p + 1 < at; p++)
        if (p[0] == '$' && p[1] == '{')
            open = p;
    return open && open + 2 <= at && !memchr(open, '}', (size_t)(at - open));
}

static void look_at_value(const struct document *d, struct cursor *c) {
    c->word = word_around(d, c->offset, is_name);
    char before = c->word.text > d->text ? c->word.text[-1] : '\0';
    c->expression = (c->item.expression && !c->item.triple) || in_braces(d, c->offset);
    c->member = before == '.';
    c->place = c->expression || before == '$' ? PLACE_NAME : PLACE_TEXT;
    if (c->place == PLACE_TEXT)
        c->word = word_around(d, c->offset, is_key);
}

static void look_at_header(const struct document *d, struct cursor *c) {
    const char *at = d->text + c->offset;
    const struct span *name = &c->item.name;
    c->word = word_around(d, c->offset, is_key);
    bool on_name = c->item.kind == ITEM_HEADER && name->len && at >= name->text;
    bool behind_type = c->item.type.len && at > c->item.type.text + c->item.type.len;
    c->place = on_name || behind_type ? PLACE_HEADER_NAME : PLACE_HEADER_TYPE;
}

static void look_at_attribute(const struct document *d, struct cursor *c) {
    const char *at = d->text + c->offset;
    if (at > c->item.key.text + c->item.key.len) {
        look_at_value(d, c);
        return;
    }
    c->word = word_around(d, c->offset, is_key);
    c->place = PLACE_KEY;
}

static void look_at_item(const struct document *d, struct cursor *c) {
    c->word = word_around(d, c->offset, is_key);
    c->place = PLACE_KEY; /* a line that is only begun */
    if (c->item.kind == ITEM_HEADER || c->item.kind == ITEM_BROKEN_HEADER)
        look_at_header(d, c);
    else if (c->item.kind == ITEM_ATTRIBUTE)
        look_at_attribute(d, c);
    else if (c->item.kind == ITEM_END)
        c->place = PLACE_OUTSIDE;
}

bool cursor_find(const struct document *d, size_t offset, struct cursor *ret) {
    if (!d->template)
        return false;
    *ret = (struct cursor){.offset = offset, .line = line_of(d, offset)};
    ret->item = find_item(d, offset);
    ret->section = section_at(d->template->file, ret->line);
    unsigned line = ret->item.kind == ITEM_ATTRIBUTE ? ret->item.key.line : ret->line;
    for (size_t i = 0; i < ret->section->attributes.len; i++)
        if (ret->section->attributes.items[i]->line == line)
            ret->attribute = ret->section->attributes.items[i];
    look_at_item(d, ret);
    return true;
}

size_t cursor_word_offset(const struct document *d, const struct cursor *c) {
    return (size_t)(c->word.text - d->text);
}

const char *cursor_word(const struct cursor *c, char *buf, size_t size) {
    (void)snprintf(buf, size, "%.*s", (int)(c->word.len < size ? c->word.len : size - 1),
                   c->word.text);
    return buf;
}

const struct section *section_cluster(const struct section *s) {
    while (s && s->type != SECTION_CLUSTER)
        s = s->parent;
    return s;
}

static bool is_node(const struct section *s) {
    return s->type == SECTION_NODE || s->type == SECTION_NODEARRAY;
}

const struct section *cluster_find_node(const struct template *t, const struct section *cluster,
                                        const char *name) {
    for (int depth = 0; cluster && depth < PARENTS_MAX; depth++) {
        for (size_t i = cluster->children.len; i-- > 0;) {
            const struct section *s = cluster->children.items[i];
            if (is_node(s) && text_equal_fold(s->name, name))
                return s;
        }
        const char *parent = section_text(cluster, "ParentName");
        cluster = parent ? template_cluster(t, parent) : NULL;
    }
    return NULL;
}
