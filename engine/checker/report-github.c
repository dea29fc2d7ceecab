/* SPDX-License-Identifier: MIT */
/* Workflow commands of GitHub Actions: ::error file=a.txt,line=3,col=1::what is wrong */
#include "report.h"

#include "base/parse.h"

#include <string.h>

/* Text with the characters of `special` (and %) as %XX. */
static void put_escaped(struct buf *b, const char *text, const char *special) {
    for (const char *p = text; *p; p++) {
        if (*p == '%' || strchr(special, *p))
            (void)buf_printf(b, "%%%02X", (unsigned)(unsigned char)*p);
        else
            (void)buf_putc(b, *p);
    }
}

static void put_message(struct buf *b, const char *text) {
    put_escaped(b, text, "\r\n");
}

static void put_property(struct buf *b, const char *name, const char *text) {
    (void)buf_puts(b, name);
    put_escaped(b, text, "\r\n:,");
}

static void put_diagnostic(struct buf *b, const char *file, const struct diagnostic *d) {
    (void)buf_puts(b, d->severity == SEVERITY_ERROR ? "::error " : "::warning ");
    put_property(b, "file=", file);
    if (d->start.line)
        (void)buf_printf(b, ",line=%u,endLine=%u", d->start.line, d->end.line);
    if (d->start.line && d->start.byte)
        (void)buf_printf(b, ",col=%u,endColumn=%u", d->start.character, d->end.character);
    put_property(b, ",title=", diagnostic_kind(d->code)->slug);
    (void)buf_puts(b, "::");
    put_message(b, d->text);
    if (d->hint) {
        put_message(b, "\nhint: ");
        put_message(b, d->hint);
    }
    (void)buf_puts(b, "\n");
}

static void put_missing(struct buf *b, const struct checker *c) {
    for (size_t i = 0; i < json_array_size(c->missing); i++) {
        const json_t *item = json_array_get(c->missing, i);
        put_property(b, "::notice file=", c->file);
        put_property(b, ",title=", diagnostic_kind(CODE_MISSING_VALUE)->slug);
        (void)buf_puts(b, "::missing: ");
        put_message(b, json_string_value(json_object_get(item, "name")));
        (void)buf_puts(b, ": needed to start\n");
    }
}

int report_github(const struct checker *c, struct buf *output) {
    struct report_part parts[REPORT_PARTS];
    report_parts(c, parts);
    for (size_t k = 0; k < REPORT_PARTS; k++)
        for (size_t i = 0; i < parts[k].diags->len; i++)
            put_diagnostic(output, parts[k].file, &parts[k].diags->items[i]);
    put_missing(output, c);
    return buf_error(output);
}
