/* SPDX-License-Identifier: MIT */
#include "diagnostics.h"

#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_LINE_MAX 400
#define SOURCE_KEPT_MAX ((size_t)16 << 10) /* of a line: a text may be one of megabytes */

/* A copy of the line the place points to, without its end; NULL if there is none or no memory. */
static char *copy_line(const struct diagnostic_place *place) {
    const char *p = place->text, *end = p ? p + place->len : NULL;
    if (!p || !place->line)
        return NULL;
    for (unsigned line = 1; line < place->line; line++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        if (!newline)
            return NULL;
        p = newline + 1;
    }
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    size_t len = (size_t)((newline ? newline : end) - p);
    while (len && (p[len - 1] == '\r' || p[len - 1] == ' '))
        len--;
    return strndup(p, len < SOURCE_KEPT_MAX ? len : SOURCE_KEPT_MAX);
}

static int append(struct diagnostics *diags, struct diagnostic item) {
    if (diags->len == diags->cap) {
        size_t cap = diags->cap ? diags->cap * 2 : 8;
        struct diagnostic *items = reallocarray(diags->items, cap, sizeof(*items));
        if (!items)
            return -ENOMEM;
        diags->items = items;
        diags->cap = cap;
    }
    diags->items[diags->len++] = item;
    return 0;
}

static void release(struct diagnostic *item) {
    free(item->text);
    free(item->hint);
    free(item->source);
    free(item->fix.replacement);
}

/* The point at a byte column (from 1) of a line, at its end at most. */
static struct diagnostic_point point_at(const char *source, unsigned line, size_t column) {
    struct diagnostic_point point = {.line = line, .byte = 1, .character = 1, .utf16 = 1};
    size_t len = source ? strlen(source) : 0;
    if (!source || !column)
        return (struct diagnostic_point){line, (unsigned)column, (unsigned)column,
                                         (unsigned)column};
    for (size_t i = 0; i < len && i + 1 < column;) {
        size_t bytes = utf8_length(source + i, len - i);
        bytes = bytes ? bytes : 1;
        i += bytes;
        point.byte += (unsigned)bytes;
        point.character++;
        point.utf16 += bytes == 4 ? 2 : 1; /* beyond the first plane: a surrogate pair */
    }
    unsigned beyond = column > point.byte ? (unsigned)column - point.byte : 0; /* blanks */
    point.byte += beyond;
    point.character += beyond;
    point.utf16 += beyond;
    return point;
}

static bool is_word(unsigned char c) {
    return isalnum(c) || c == '_' || c == '.' || c == '-' || c >= 0x80;
}

/* Bytes of the word at `p`: a name, `$Name`, a header to its last bracket, or one character. */
static size_t word_length(const char *p) {
    size_t n = *p == '$';
    if (*p == '[') {
        const char *close = strrchr(p, ']');
        return close ? (size_t)(close + 1 - p) : strlen(p);
    }
    while (is_word((unsigned char)p[n]))
        n++;
    return n ? n : *p != '\0';
}

static size_t end_column(const char *source, const struct diagnostic_place *at) {
    size_t len = source ? strlen(source) : 0, start = at->column ? at->column - 1 : 0;
    if (!source || start >= len)
        return at->column;
    if (!at->column)
        return len + 1;
    return at->column + (at->width ? at->width : word_length(source + start));
}

/* 0 or -ENOMEM. */
static int set_fix(struct diagnostic *item, const struct finding *f) {
    const struct diagnostic_place *at = &f->fix_at;
    if (!f->fix)
        return 0;
    item->fix.start = at->line ? point_at(item->source, at->line, at->column) : item->start;
    item->fix.end = at->line ? point_at(item->source, at->line, at->column + at->width) : item->end;
    item->fix.replacement = strdup(f->fix);
    return item->fix.replacement ? 0 : -ENOMEM;
}

/* Everything but the text. 0 or -ENOMEM. */
static int describe(struct diagnostic *item, const struct finding *f) {
    const struct diagnostic_place *at = &f->at;
    item->severity = f->severity;
    item->code = f->code;
    item->source = copy_line(at);
    item->start = point_at(item->source, at->line, at->column);
    item->end =
        at->line ? point_at(item->source, at->line, end_column(item->source, at)) : item->start;
    if (f->hint && !(item->hint = strdup(f->hint)))
        return -ENOMEM;
    return set_fix(item, f);
}

void diagnostics_add(struct diagnostics *diags, const struct finding *finding, const char *fmt,
                     ...) {
    if (!diags)
        return;
    diags->errors += finding->severity == SEVERITY_ERROR;
    if (diags->len >= DIAGNOSTICS_MAX) {
        diags->dropped++;
        return;
    }
    struct diagnostic item = {0};
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&item.text, fmt, args) < 0)
        item.text = NULL;
    va_end(args);
    if (!item.text || describe(&item, finding) < 0 || append(diags, item) < 0) {
        release(&item);
        diags->out_of_memory = true;
    }
}

/* The caret stands under the column; tabs before it are repeated so that it does in a terminal. */
static void put_source(struct buf *b, const struct diagnostic *item) {
    const char *source = item->source;
    size_t len = strlen(source), start = strspn(source, " \t");
    if (len - start > SOURCE_LINE_MAX)
        len = start + SOURCE_LINE_MAX;
    while (len > start && ((unsigned char)source[len] & 0xc0) == 0x80)
        len--;
    (void)buf_puts(b, "    ");
    (void)buf_append(b, source + start, len - start);
    (void)buf_puts(b, "\n");
    if (!item->start.byte || item->start.byte - 1 < start || item->start.byte - 1 > len)
        return;
    (void)buf_puts(b, "    ");
    for (size_t i = start; i + 1 < item->start.byte; i++)
        if (((unsigned char)source[i] & 0xc0) != 0x80)
            (void)buf_putc(b, source[i] == '\t' ? '\t' : ' ');
    (void)buf_puts(b, "^\n");
}

int diagnostics_format(const struct diagnostics *diags, const char *filename, struct buf *b) {
    static const char *const words[] = {
        [SEVERITY_ERROR] = "error",
        [SEVERITY_WARNING] = "warning",
    };
    for (size_t i = 0; i < diags->len; i++) {
        const struct diagnostic *item = &diags->items[i];
        (void)buf_puts(b, filename);
        if (item->start.line)
            (void)buf_printf(b, ":%u", item->start.line);
        if (item->start.line && item->start.byte)
            (void)buf_printf(b, ":%u", item->start.byte);
        (void)buf_printf(b, ": %s: %s\n", words[item->severity], item->text);
        if (item->source && item->source[0])
            put_source(b, item);
        if (item->hint)
            (void)buf_printf(b, "    hint: %s\n", item->hint);
    }
    if (diags->dropped)
        (void)buf_printf(b, "%s: %zu more messages are not shown\n", filename, diags->dropped);
    return buf_error(b);
}

bool diagnostics_has(const struct diagnostics *diags, const struct diagnostic_place *place) {
    for (size_t i = 0; diags && i < diags->len; i++)
        if (diags->items[i].start.line == place->line &&
            diags->items[i].start.byte == place->column)
            return true;
    return false;
}

void diagnostics_drop_warnings(struct diagnostics *diags, const struct diagnostic_place *place) {
    size_t n = 0;
    for (size_t i = 0; diags && i < diags->len; i++) {
        struct diagnostic *item = &diags->items[i];
        if (item->severity == SEVERITY_WARNING && item->start.line == place->line &&
            item->start.byte == place->column)
            release(item);
        else
            diags->items[n++] = *item;
    }
    if (diags)
        diags->len = n;
}

static bool holds(const struct diagnostics *diags, const struct diagnostic *item) {
    for (size_t i = 0; i < diags->len; i++) {
        const struct diagnostic *other = &diags->items[i];
        if (other->severity == item->severity && other->start.line == item->start.line &&
            other->start.byte == item->start.byte && strcmp(other->text, item->text) == 0)
            return true;
    }
    return false;
}

void diagnostics_merge(struct diagnostics *to, struct diagnostics *from) {
    to->out_of_memory |= from->out_of_memory;
    to->dropped += from->dropped;
    to->errors += from->errors;
    for (size_t i = 0; i < from->len; i++) {
        struct diagnostic *item = &from->items[i];
        bool known = holds(to, item);
        to->errors -= known && item->severity == SEVERITY_ERROR;
        struct diagnostic_place place = {.line = item->start.line, .column = item->start.byte};
        if (item->severity == SEVERITY_ERROR && item->start.byte)
            diagnostics_drop_warnings(to, &place);
        if (!known && to->len < DIAGNOSTICS_MAX && append(to, *item) == 0)
            continue;
        to->dropped += !known;
        release(item);
    }
    from->len = 0;
    from->errors = from->dropped = 0;
}

void diagnostics_sort(struct diagnostics *diags) {
    for (size_t i = 1; i < diags->len; i++) {
        struct diagnostic item = diags->items[i];
        size_t at = i;
        for (; at > 0 && diags->items[at - 1].start.line > item.start.line; at--)
            diags->items[at] = diags->items[at - 1];
        diags->items[at] = item;
    }
}

void diagnostics_done(struct diagnostics *diags) {
    for (size_t i = 0; i < diags->len; i++)
        release(&diags->items[i]);
    free(diags->items);
    *diags = DIAGNOSTICS_INIT;
}
