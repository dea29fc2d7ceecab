/* SPDX-License-Identifier: MIT */
/* Diagnostics, and the quick fixes that come with them. */
#include "server.h"

#include <string.h>

/* A part of the text from diagnostic points. One without a line concerns the first. */
static json_t *range_of(const struct document *d, struct diagnostic_point start,
                        struct diagnostic_point end, enum encoding encoding) {
    size_t from = document_at(d, start.line, start.byte), to = document_at(d, end.line, end.byte);
    if (!start.line)
        to = document_line(d, 0).len;
    return document_range(d, from, to > from ? to - from : 0, encoding);
}

json_t *lsp_diagnostic(const struct document *d, const struct diagnostic *item,
                       enum encoding encoding) {
    return json_pack("{s:o, s:i, s:s, s:s, s:s++}", "range",
                     range_of(d, item->start, item->end, encoding), "severity",
                     item->severity == SEVERITY_ERROR ? 1 : 2, "code",
                     diagnostic_kind(item->code)->slug, "source", "cyclecloud-template", "message",
                     item->text, item->hint ? "\n" : "", item->hint ? item->hint : "");
}

json_t *lsp_diagnostics(const struct document *d, enum encoding encoding) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < d->diags.len; i++)
        if (json_array_append_new(list, lsp_diagnostic(d, &d->diags.items[i], encoding)) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* The title of a fix: "write MachineType". */
static json_t *action(const struct query *q, const struct diagnostic *item) {
    const struct document *d = q->document;
    enum encoding encoding = q->server->encoding;
    json_t *edit =
        json_pack("{s:o, s:s}", "range", range_of(d, item->fix.start, item->fix.end, encoding),
                  "newText", item->fix.replacement);
    return json_pack("{s:s+, s:s, s:b, s:[o], s:{s:{s:[o]}}}", "title", "Write ",
                     item->fix.replacement, "kind", "quickfix", "isPreferred", 1, "diagnostics",
                     lsp_diagnostic(d, item, encoding), "edit", "changes", d->uri, edit);
}

/* True if the diagnostic touches the range that the client asks about. */
static bool touches(const struct query *q, const struct diagnostic *item) {
    const json_t *range = json_object_get(q->params, "range");
    const struct document *d = q->document;
    size_t from, to;
    if (!document_offset(d, json_object_get(range, "start"), q->server->encoding, &from) ||
        !document_offset(d, json_object_get(range, "end"), q->server->encoding, &to))
        return false;
    return document_at(d, item->start.line, item->start.byte) <= to &&
           document_at(d, item->end.line, item->end.byte) >= from;
}

json_t *lsp_list_actions(const struct query *q) {
    const struct diagnostics *diags = &q->document->diags;
    json_t *list = json_array();
    for (size_t i = 0; list && i < diags->len; i++) {
        const struct diagnostic *item = &diags->items[i];
        if (!item->fix.replacement || !touches(q, item))
            continue;
        if (json_array_append_new(list, action(q, item)) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
