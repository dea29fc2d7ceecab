/* SPDX-License-Identifier: MIT */
/*
 * The canonical layout of a template: indentation by nesting, `key = value`, one blank line at
 * most. Only what carries no meaning changes; every comment stays where it was.
 */
#include "syntax.h"

#include <errno.h>
#include <string.h>

#define INDENT 4

struct printer {
    struct buf *out;
    unsigned ranks[SECTION_RANK_MAX]; /* of the open sections */
    size_t depth;
};

static void put_span(struct printer *p, const char *text, size_t len) {
    (void)buf_append(p->out, text, len);
}

static void put_indent(struct printer *p, size_t depth) {
    (void)buf_printf(p->out, "%*s", depth ? (int)((depth - 1) * INDENT) : 0, "");
}

/* The next line between two items, trimmed; moves *text behind it. */
static struct span next_line(const char **text, const char *end) {
    const char *newline = memchr(*text, '\n', (size_t)(end - *text));
    struct span line = {*text, (size_t)((newline ? newline : end) - *text), 0, 0};
    *text = newline ? newline + 1 : end;
    return span_trim(line);
}

static bool has_blank(const char *text, const char *end) {
    while (text < end)
        if (next_line(&text, end).len == 0)
            return true;
    return false;
}

/*
 * What stands between two items: comments, and blank lines, of which one is kept. Comments belong
 * to what follows, but those that stick to the item before and are apart from the next one.
 */
static void put_gap(struct printer *p, const char *text, const char *end, size_t depth_before) {
    bool blank = false;
    size_t depth = has_blank(text, end) ? depth_before : p->depth;
    while (text < end) {
        struct span line = next_line(&text, end);
        if (line.len == 0) {
            blank = p->out->len > 0;
            depth = p->depth;
            continue;
        }
        if (blank)
            (void)buf_putc(p->out, '\n');
        blank = false;
        put_indent(p, depth);
        put_span(p, line.text, line.len);
        (void)buf_putc(p->out, '\n');
    }
    if (blank)
        (void)buf_putc(p->out, '\n');
}

/* The rest of a line behind what has a meaning: a comment, or text that is ignored. */
static void put_rest(struct printer *p, const char *text, const char *end) {
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    struct span rest =
        span_trim((struct span){text, (size_t)((newline ? newline : end) - text), 0, 0});
    if (rest.len)
        (void)buf_puts(p->out, rest.text[0] == '#' ? "  " : " ");
    put_span(p, rest.text, rest.len);
    (void)buf_putc(p->out, '\n');
}

static void put_brackets(struct printer *p, char bracket, unsigned n) {
    while (n--)
        (void)buf_putc(p->out, bracket);
}

static void open_section(struct printer *p, unsigned rank) {
    while (p->depth && p->ranks[p->depth - 1] >= rank)
        p->depth--;
    p->ranks[p->depth++] = rank;
}

static void put_header(struct printer *p, const struct item *item, const char *end) {
    enum section_type type = section_type_find(item->type, LANGUAGE_TEMPLATE);
    const char *word = section_row(type)->word, *name = item->name.text;
    bool quoted = name > item->whole.text && name[-1] == '"';
    put_indent(p, p->depth);
    put_brackets(p, '[', item->rank);
    (void)buf_puts(p->out, word);
    if (item->name.len || quoted)
        (void)buf_putc(p->out, ' ');
    put_span(p, name - quoted, item->name.len + 2 * (size_t)quoted);
    put_brackets(p, ']', item->rank);
    const char *rest = name + item->name.len + quoted;
    while (rest < end && *rest != ']')
        rest++;
    while (rest < end && *rest == ']')
        rest++;
    put_rest(p, rest, end);
}

static void put_attribute(struct printer *p, const struct item *item, const char *end) {
    const char *text = item->value.text, *rest = text + item->value.len;
    size_t len = item->value.len;
    put_indent(p, p->depth);
    put_span(p, item->key.text, item->key.len);
    (void)buf_puts(p->out, item->expression && !item->triple ? " :=" : " =");
    if (item->triple) {
        text -= 3;
        rest += 3;
        len += 6;
    }
    if (len)
        (void)buf_putc(p->out, ' ');
    put_span(p, text, len);
    put_rest(p, rest, end);
}

static void put_other(struct printer *p, const struct item *item, const char *end) {
    (void)end;
    put_indent(p, p->depth);
    put_span(p, item->whole.text, item->whole.len);
    (void)buf_putc(p->out, '\n');
}

/* The first byte of the line that `at` is on, not before `from`. */
static const char *line_start(const char *from, const char *at) {
    while (at > from && at[-1] != '\n')
        at--;
    return at;
}

static int print_items(struct printer *p, const char *text, size_t len) {
    static void (*const kinds[])(struct printer *, const struct item *, const char *) = {
        [ITEM_HEADER] = put_header,
        [ITEM_ATTRIBUTE] = put_attribute,
        [ITEM_OTHER] = put_other,
        [ITEM_BROKEN_HEADER] = put_other,
    };
    struct reader reader = {.text = text, .len = len, .line = 1};
    for (;;) {
        const char *from = text + reader.pos;
        size_t depth = p->depth;
        struct item item;
        reader_next(&reader, &item);
        if (item.kind == ITEM_HEADER)
            open_section(p, item.rank);
        bool last = item.kind == ITEM_END;
        put_gap(p, from, last ? text + len : line_start(from, item.whole.text), depth);
        if (last)
            return buf_error(p->out);
        kinds[item.kind](p, &item, text + reader.pos);
    }
}

int template_format(const char *text, size_t len, struct diagnostics *diags, struct buf *ret) {
    _cleanup_(template_freep) struct template *t = NULL;
    struct printer p = {.out = ret};
    int r = template_parse(text, len, diags, &t);
    if (r < 0)
        return r;
    r = print_items(&p, t->text, t->len);
    while (r == 0 && ret->len > 1 && ret->data[ret->len - 1] == '\n' &&
           ret->data[ret->len - 2] == '\n')
        buf_truncate(ret, ret->len - 1);
    return r;
}
