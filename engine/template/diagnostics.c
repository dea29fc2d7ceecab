/* SPDX-License-Identifier: MIT */
#include "diagnostics.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_LINE_MAX 400

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
    return strndup(p, len);
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
}

void diagnostics_add(struct diagnostics *diags, enum severity severity,
                     const struct diagnostic_place *place, const char *hint, const char *fmt, ...) {
    if (!diags)
        return;
    diags->errors += severity == SEVERITY_ERROR;
    if (diags->len >= DIAGNOSTICS_MAX) {
        diags->dropped++;
        return;
    }
    struct diagnostic item = {.severity = severity, .line = place->line, .column = place->column};
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&item.text, fmt, args) < 0)
        item.text = NULL;
    va_end(args);
    item.source = copy_line(place);
    if (hint)
        item.hint = strdup(hint);
    if (!item.text || (hint && !item.hint) || append(diags, item) < 0) {
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
    if (!item->column || item->column - 1 < start || item->column - 1 > len)
        return;
    (void)buf_puts(b, "    ");
    for (size_t i = start; i + 1 < item->column; i++)
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
        if (item->line)
            (void)buf_printf(b, ":%u", item->line);
        if (item->line && item->column)
            (void)buf_printf(b, ":%u", item->column);
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
        if (diags->items[i].line == place->line && diags->items[i].column == place->column)
            return true;
    return false;
}

void diagnostics_drop_warnings(struct diagnostics *diags, const struct diagnostic_place *place) {
    size_t n = 0;
    for (size_t i = 0; diags && i < diags->len; i++) {
        struct diagnostic *item = &diags->items[i];
        if (item->severity == SEVERITY_WARNING && item->line == place->line &&
            item->column == place->column)
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
        if (other->severity == item->severity && other->line == item->line &&
            other->column == item->column && strcmp(other->text, item->text) == 0)
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
        struct diagnostic_place place = {.line = item->line, .column = item->column};
        if (item->severity == SEVERITY_ERROR && item->column)
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
        for (; at > 0 && diags->items[at - 1].line > item.line; at--)
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
