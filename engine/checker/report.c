/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

static bool is_listed(const json_t *list, const char *name) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(list, i), "name"));
        if (other && text_equal_fold(other, name))
            return true;
    }
    return false;
}

int report_missing(struct checker *c, const struct definition *d) {
    json_t *missing = definition_missing(d);
    for (size_t i = 0; i < json_array_size(missing); i++) {
        json_t *item = json_array_get(missing, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && !is_listed(c->missing, name) && json_array_append(c->missing, item) < 0)
            return -ENOMEM;
    }
    return 0;
}

void report_parts(const struct checker *c, struct report_part ret[REPORT_PARTS]) {
    const char *parameters = c->request->parameters;
    ret[0] = (struct report_part){&c->diags, c->file};
    ret[1] = (struct report_part){&c->parameter_diags, parameters ? parameters : "parameters"};
}

static size_t count(const struct checker *c, enum severity severity) {
    struct report_part parts[REPORT_PARTS];
    size_t n = 0;
    report_parts(c, parts);
    for (size_t k = 0; k < REPORT_PARTS; k++)
        for (size_t i = 0; i < parts[k].diags->len; i++)
            n += parts[k].diags->items[i].severity == severity;
    return n;
}

static void put_missing(const struct checker *c) {
    for (size_t i = 0; c->checks && i < json_array_size(c->missing); i++) {
        const json_t *item = json_array_get(c->missing, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *label = json_string_value(json_object_get(item, "label"));
        bool same = strcmp(name, label) == 0;
        (void)buf_printf(c->messages, "%s: missing: %s%s%s%s: needed to start\n", c->file, name,
                         same ? "" : " (", same ? "" : label, same ? "" : ")");
    }
}

static int put_words(struct checker *c, enum checker_status status) {
    struct report_part parts[REPORT_PARTS];
    size_t errors = count(c, SEVERITY_ERROR), warnings = count(c, SEVERITY_WARNING);
    report_parts(c, parts);
    for (size_t k = 0; k < REPORT_PARTS; k++)
        (void)diagnostics_format(parts[k].diags, parts[k].file, c->messages);
    put_missing(c);
    if (c->checks && status != CHECKER_FAILED)
        (void)buf_printf(c->output, "%s: %s, %zu error%s, %zu warning%s\n", c->file,
                         status == CHECKER_OK ? "ok" : "refused", errors, errors == 1 ? "" : "s",
                         warnings, warnings == 1 ? "" : "s");
    return buf_error(c->messages) < 0 ? buf_error(c->messages) : buf_error(c->output);
}

static json_t *point_json(struct diagnostic_point p) {
    if (!p.line)
        return json_null();
    return json_pack("{s:i, s:i, s:i, s:i}", "line", (int)p.line, "byte", (int)p.byte, "character",
                     (int)p.character, "utf16", (int)p.utf16);
}

static json_t *fix_json(const struct diagnostic_fix *fix) {
    if (!fix->replacement)
        return json_null();
    return json_pack("{s:o, s:o, s:s}", "start", point_json(fix->start), "end",
                     point_json(fix->end), "replacement", fix->replacement);
}

static json_t *diagnostic_json(const struct diagnostic *d, const char *file) {
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:s, s:s?, s:s?, s:o}", "file", file,
                     "severity", d->severity == SEVERITY_ERROR ? "error" : "warning", "code",
                     diagnostic_kind(d->code)->slug, "line", (int)d->start.line, "column",
                     (int)d->start.byte, "start", point_json(d->start), "end", point_json(d->end),
                     "message", d->text, "hint", d->hint, "source", d->source, "fix",
                     fix_json(&d->fix));
}

static json_t *diagnostics_json(const struct checker *c) {
    struct report_part parts[REPORT_PARTS];
    json_t *list = json_array();
    report_parts(c, parts);
    for (size_t k = 0; list && k < REPORT_PARTS; k++)
        for (size_t i = 0; list && i < parts[k].diags->len; i++) {
            json_t *item = diagnostic_json(&parts[k].diags->items[i], parts[k].file);
            if (json_array_append_new(list, item) < 0) {
                json_decref(list);
                list = NULL;
            }
        }
    return list;
}

static json_t *cluster_names(const struct checker *c) {
    json_t *names = json_array();
    for (size_t i = 0; names && c->template && i < template_cluster_count(c->template); i++)
        (void)json_array_append_new(names, json_string(template_cluster_name(c->template, i)));
    return names;
}

static int add_json(json_t *list, const struct checker *c, enum checker_status status) {
    json_t *all =
        json_pack("{s:s, s:b, s:I, s:I, s:o, s:o, s:O}", "file", c->file, "ok",
                  status == CHECKER_OK, "errors", (json_int_t)count(c, SEVERITY_ERROR), "warnings",
                  (json_int_t)count(c, SEVERITY_WARNING), "clusters", cluster_names(c),
                  "diagnostics", diagnostics_json(c), "missing", c->missing);
    return json_array_append_new(list, all) < 0 ? -ENOMEM : 0;
}

/* What was asked for is in the output, or there is nothing to report about. */
static bool only_words(const struct checker *c, enum checker_status status) {
    return c->request->format == REPORT_TEXT || status == CHECKER_FAILED ||
           (status == CHECKER_OK && !c->checks);
}

int report_add(struct report *report, struct checker *c, enum checker_status status) {
    enum report_format format = c->request->format;
    diagnostics_sort(&c->diags);
    report->failed |= status == CHECKER_FAILED;
    if (only_words(c, status))
        return put_words(c, status);
    if (format == REPORT_GITHUB)
        return report_github(c, c->output);
    if (!report->list && !(report->list = json_array()))
        return -ENOMEM;
    return format == REPORT_JSON ? add_json(report->list, c, status)
                                 : report_sarif_add(report->list, c);
}

static int put_json(const json_t *json, struct buf *output) {
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    int r = text ? buf_printf(output, "%s\n", text) : -ENOMEM;
    free(text);
    return r;
}

int report_finish(struct report *report, const struct checker_request *request,
                  struct buf *output) {
    if (!report->list)
        return 0;
    if (request->format == REPORT_SARIF)
        return report_sarif_put(report->list, report->failed, output);
    return put_json(request->files[1] ? report->list : json_array_get(report->list, 0), output);
}

void report_done(struct report *report) {
    json_decref(report->list);
    *report = (struct report){0};
}
