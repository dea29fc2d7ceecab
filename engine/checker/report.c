/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

static const char *parameters_name(const struct checker *c) {
    return c->request->parameters ? c->request->parameters : "parameters";
}

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

static size_t count(const struct checker *c, enum severity severity) {
    const struct diagnostics *const both[] = {&c->diags, &c->parameter_diags};
    size_t n = 0;
    for (size_t k = 0; k < ARRAY_SIZE(both); k++)
        for (size_t i = 0; i < both[k]->len; i++)
            n += both[k]->items[i].severity == severity;
    return n;
}

static int put_words(struct checker *c, enum checker_status status) {
    (void)diagnostics_format(&c->diags, c->request->file, c->messages);
    (void)diagnostics_format(&c->parameter_diags, parameters_name(c), c->messages);
    for (size_t i = 0; c->checks && i < json_array_size(c->missing); i++) {
        const json_t *item = json_array_get(c->missing, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *label = json_string_value(json_object_get(item, "label"));
        bool same = strcmp(name, label) == 0;
        (void)buf_printf(c->messages, "%s: missing: %s%s%s%s: needed to start\n", c->request->file,
                         name, same ? "" : " (", same ? "" : label, same ? "" : ")");
    }
    if (c->checks && status != CHECKER_FAILED)
        (void)buf_printf(c->output, "%s: %s, %zu error%s, %zu warning%s\n", c->request->file,
                         status == CHECKER_OK ? "ok" : "refused", count(c, SEVERITY_ERROR),
                         count(c, SEVERITY_ERROR) == 1 ? "" : "s", count(c, SEVERITY_WARNING),
                         count(c, SEVERITY_WARNING) == 1 ? "" : "s");
    return buf_error(c->messages) < 0 ? buf_error(c->messages) : buf_error(c->output);
}

static int add_diagnostics(json_t *list, const struct diagnostics *diags, const char *file) {
    for (size_t i = 0; i < diags->len; i++) {
        const struct diagnostic *d = &diags->items[i];
        json_t *item = json_pack("{s:s, s:s, s:i, s:i, s:s, s:s?, s:s?}", "file", file, "severity",
                                 d->severity == SEVERITY_ERROR ? "error" : "warning", "line",
                                 (int)d->start.line, "column", (int)d->start.byte, "message",
                                 d->text, "hint", d->hint, "source", d->source);
        if (json_array_append_new(list, item) < 0)
            return -ENOMEM;
    }
    return 0;
}

static json_t *cluster_names(const struct checker *c) {
    json_t *names = json_array();
    for (size_t i = 0; names && c->template && i < template_cluster_count(c->template); i++)
        (void)json_array_append_new(names, json_string(template_cluster_name(c->template, i)));
    return names;
}

static int put_json(struct checker *c, enum checker_status status) {
    json_t *list = json_array();
    int r = list ? add_diagnostics(list, &c->diags, c->request->file) : -ENOMEM;
    if (r == 0)
        r = add_diagnostics(list, &c->parameter_diags, parameters_name(c));
    json_t *all = json_pack("{s:s, s:b, s:I, s:I, s:o, s:o, s:O}", "file", c->request->file, "ok",
                            status == CHECKER_OK, "errors", (json_int_t)count(c, SEVERITY_ERROR),
                            "warnings", (json_int_t)count(c, SEVERITY_WARNING), "clusters",
                            cluster_names(c), "diagnostics", list, "missing", c->missing);
    char *text = all && r == 0 ? json_dumps(all, JSON_INDENT(2)) : NULL;
    r = text ? buf_printf(c->output, "%s\n", text) : -ENOMEM;
    free(text);
    json_decref(all);
    return r;
}

int report(struct checker *c, enum checker_status status) {
    diagnostics_sort(&c->diags);
    bool asked_for = status == CHECKER_OK && !c->checks;
    if (c->request->json && !asked_for && status != CHECKER_FAILED)
        return put_json(c, status);
    return put_words(c, status);
}
