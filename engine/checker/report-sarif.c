/* SPDX-License-Identifier: MIT */
/* SARIF 2.1.0, the format of static analysers: a log with one run, its rules and results. */
#include "report.h"

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define SARIF_SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

/* A path as a URI, relative if the path is. New text, NULL: out of memory. */
static char *path_uri(const char *path) {
    _cleanup_buf_ struct buf b = BUF_INIT(CHECKER_OUTPUT_MAX);
    (void)buf_puts(&b, *path == '/' ? "file://" : "");
    for (const char *p = path; *p; p++) {
        if (isalnum((unsigned char)*p) || strchr("-._~/", *p))
            (void)buf_putc(&b, *p);
        else
            (void)buf_printf(&b, "%%%02X", (unsigned)(unsigned char)*p);
    }
    return buf_error(&b) < 0 ? NULL : buf_take(&b);
}

/* {"uri": ...}; NULL: out of memory. */
static json_t *artifact(const char *file) {
    _cleanup_free_ char *uri = path_uri(file);
    return uri ? json_pack("{s:s}", "uri", uri) : NULL;
}

/* Columns count characters, as the run says; the end is behind the last one. */
static json_t *region(struct diagnostic_point start, struct diagnostic_point end) {
    if (!start.byte)
        return json_pack("{s:i}", "startLine", (int)start.line);
    return json_pack("{s:i, s:i, s:i, s:i}", "startLine", (int)start.line, "startColumn",
                     (int)start.character, "endLine", (int)end.line, "endColumn",
                     (int)end.character);
}

static json_t *locations(const struct diagnostic *d, const char *file) {
    json_t *physical = json_pack("{s:o}", "artifactLocation", artifact(file));
    if (physical && d->start.line &&
        json_object_set_new(physical, "region", region(d->start, d->end)) < 0) {
        json_decref(physical);
        physical = NULL;
    }
    return json_pack("[{s:o}]", "physicalLocation", physical);
}

static json_t *fixes(const struct diagnostic *d, const char *file) {
    return json_pack("[{s:{s:s}, s:[{s:o, s:[{s:o, s:{s:s}}]}]}]", "description", "text",
                     d->hint ? d->hint : d->text, "artifactChanges", "artifactLocation",
                     artifact(file), "replacements", "deletedRegion",
                     region(d->fix.start, d->fix.end), "insertedContent", "text",
                     d->fix.replacement);
}

/* A new result with its message; `hint` may be NULL. NULL: out of memory. */
static json_t *result(enum diagnostic_code code, const char *level, const char *text,
                      const char *hint) {
    return json_pack("{s:s, s:i, s:s, s:{s:s++}}", "ruleId", diagnostic_kind(code)->slug,
                     "ruleIndex", (int)code, "level", level, "message", "text", text,
                     hint ? "\nhint: " : "", hint ? hint : "");
}

static int add_diagnostic(json_t *results, const struct diagnostic *d, const char *file) {
    json_t *item =
        result(d->code, d->severity == SEVERITY_ERROR ? "error" : "warning", d->text, d->hint);
    int r = item ? json_object_set_new(item, "locations", locations(d, file)) : -1;
    if (r == 0 && d->fix.replacement)
        r = json_object_set_new(item, "fixes", fixes(d, file));
    if (r == 0)
        return json_array_append_new(results, item) < 0 ? -ENOMEM : 0;
    json_decref(item);
    return -ENOMEM;
}

static int add_missing(json_t *results, const struct checker *c, const json_t *missing) {
    const struct diagnostic whole = {.code = CODE_MISSING_VALUE};
    const char *name = json_string_value(json_object_get(missing, "name"));
    json_t *item = result(CODE_MISSING_VALUE, "note", name, "it is needed to start");
    if (!item || json_object_set_new(item, "locations", locations(&whole, c->file)) < 0) {
        json_decref(item);
        return -ENOMEM;
    }
    return json_array_append_new(results, item) < 0 ? -ENOMEM : 0;
}

int report_sarif_add(json_t *results, const struct checker *c) {
    struct report_part parts[REPORT_PARTS];
    int r = 0;
    report_parts(c, parts);
    for (size_t k = 0; k < REPORT_PARTS; k++)
        for (size_t i = 0; r == 0 && i < parts[k].diags->len; i++)
            r = add_diagnostic(results, &parts[k].diags->items[i], parts[k].file);
    for (size_t i = 0; r == 0 && i < json_array_size(c->missing); i++)
        r = add_missing(results, c, json_array_get(c->missing, i));
    return r;
}

static json_t *rules(void) {
    json_t *list = json_array();
    for (int i = 0; list && i < DIAGNOSTIC_CODES; i++) {
        const struct diagnostic_kind *kind = diagnostic_kind((enum diagnostic_code)i);
        json_t *rule =
            json_pack("{s:s, s:{s:s}}", "id", kind->slug, "shortDescription", "text", kind->text);
        if (json_array_append_new(list, rule) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int report_sarif_put(json_t *results, bool failed, struct buf *output) {
    json_t *log = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:[{s:b}], s:s, s:O}]}",
                            "$schema", SARIF_SCHEMA, "version", "2.1.0", "runs", "tool", "driver",
                            "name", "cyclecloud-template", "version", CYCLECLOUDFS_VERSION, "rules",
                            rules(), "invocations", "executionSuccessful", !failed, "columnKind",
                            "unicodeCodePoints", "results", results);
    char *text = log ? json_dumps(log, JSON_INDENT(2)) : NULL;
    int r = text ? buf_printf(output, "%s\n", text) : -ENOMEM;
    free(text);
    json_decref(log);
    return r;
}
