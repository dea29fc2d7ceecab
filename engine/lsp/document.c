/* SPDX-License-Identifier: MIT */
#include "document.h"

#include "base/parse.h"
#include "base/utf8.h"
#include "model/limits.h"
#include "template/parser.h"
#include "template/project.h"

#include <errno.h>
#include <string.h>

#define BOM "\xef\xbb\xbf"

static bool is_project(const char *uri) {
    const char *slash = strrchr(uri, '/');
    return strcmp(slash ? slash + 1 : uri, "project.ini") == 0;
}

struct document *document_new(const char *uri, const char *text, size_t len) {
    _cleanup_(document_freep) struct document *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->uri = strdup(uri);
    d->project = is_project(uri);
    return d->uri && document_set_text(d, text, len) == 0 ? TAKE_PTR(d) : NULL;
}

void document_free(struct document *d) {
    if (!d)
        return;
    template_free(d->template);
    diagnostics_done(&d->diags);
    free(d->uri);
    free(d->text);
    free(d);
}

int document_set_text(struct document *d, const char *text, size_t len) {
    if (len >= 3 && memcmp(text, BOM, 3) == 0) {
        text += 3;
        len -= 3;
    }
    char *copy = strndup(text, len);
    if (!copy)
        return -ENOMEM;
    free(d->text);
    d->text = copy;
    d->len = strlen(copy);
    return 0;
}

static size_t line_start(const struct document *d, json_int_t line) {
    size_t at = 0;
    for (; line > 0 && at < d->len; line--) {
        const char *newline = memchr(d->text + at, '\n', d->len - at);
        at = newline ? (size_t)(newline + 1 - d->text) : d->len;
    }
    return at;
}

/* The line that starts at a byte; empty at the end of the text. */
static struct span line_from(const struct document *d, size_t start) {
    return (struct span){d->text + start, strcspn(d->text + start, "\r\n"), 0, 1};
}

struct span document_line(const struct document *d, size_t offset) {
    const char *before = offset ? memrchr(d->text, '\n', offset) : NULL;
    return line_from(d, before ? (size_t)(before + 1 - d->text) : 0);
}

/* Code units of the character of `bytes` bytes. */
static json_int_t units(size_t bytes, enum encoding encoding) {
    return encoding == ENCODING_UTF8 ? (json_int_t)bytes : bytes == 4 ? 2 : 1;
}

bool document_offset(const struct document *d, const json_t *position, enum encoding encoding,
                     size_t *ret) {
    const json_t *line = json_object_get(position, "line");
    const json_t *character = json_object_get(position, "character");
    if (!json_is_integer(line) || !json_is_integer(character))
        return false;
    size_t at = line_start(d, json_integer_value(line));
    struct span s = line_from(d, at);
    json_int_t left = json_integer_value(character);
    for (size_t i = 0; i < s.len && left > 0;) {
        size_t bytes = utf8_length(s.text + i, s.len - i);
        bytes = bytes ? bytes : 1;
        left -= units(bytes, encoding);
        if (left < 0)
            break; /* within a character: before it */
        i += bytes;
        at += bytes;
    }
    *ret = at;
    return true;
}

json_t *document_position(const struct document *d, size_t offset, enum encoding encoding) {
    json_int_t line = 0, character = 0;
    size_t start = 0;
    offset = offset < d->len ? offset : d->len;
    for (const char *p; (p = memchr(d->text + start, '\n', offset - start));) {
        line++;
        start = (size_t)(p + 1 - d->text);
    }
    while (start < offset) {
        size_t bytes = utf8_length(d->text + start, d->len - start);
        bytes = bytes ? bytes : 1;
        character += units(bytes, encoding);
        start += bytes;
    }
    return json_pack("{s:I, s:I}", "line", line, "character", character);
}

json_t *document_range(const struct document *d, size_t offset, size_t len,
                       enum encoding encoding) {
    return json_pack("{s:o, s:o}", "start", document_position(d, offset, encoding), "end",
                     document_position(d, offset + len, encoding));
}

size_t document_at(const struct document *d, unsigned line, unsigned column) {
    size_t start = line_start(d, line ? line - 1 : 0);
    struct span s = line_from(d, start);
    size_t offset = column ? column - 1 : 0;
    return start + (offset < s.len ? offset : s.len);
}

int document_change(struct document *d, const json_t *change, enum encoding encoding) {
    const json_t *range = json_object_get(change, "range"), *text = json_object_get(change, "text");
    size_t from = 0, to = d->len, len = json_string_length(text);
    if (!json_is_string(text))
        return -EINVAL;
    if (json_is_object(range) &&
        (!document_offset(d, json_object_get(range, "start"), encoding, &from) ||
         !document_offset(d, json_object_get(range, "end"), encoding, &to) || to < from))
        return -EINVAL;
    if (d->len - (to - from) + len > LIMIT_DOCUMENT_BYTES)
        return -E2BIG;
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    (void)buf_append(&b, d->text, from);
    (void)buf_append(&b, json_string_value(text), len);
    (void)buf_append(&b, d->text + to, d->len - to);
    return buf_error(&b) < 0 ? buf_error(&b) : document_set_text(d, b.data, b.len);
}

/* Evaluates one [cluster] with its defaults, as `check` does. 0 or -ENOMEM. */
static int evaluate(struct document *d, const char *cluster) {
    _cleanup_diagnostics_ struct diagnostics found = DIAGNOSTICS_INIT;
    _cleanup_(definition_freep) struct definition *definition = NULL;
    const struct evaluation_input input = {.cluster_name = cluster, .template_cluster = cluster};
    int r = template_evaluate(d->template, &input, &found, &definition);
    diagnostics_merge(&d->diags, &found);
    return r == -ENOMEM ? r : 0;
}

static int analyze_template(struct document *d) {
    int r = parser_read(d->text, d->len, LANGUAGE_TEMPLATE, &d->diags, &d->template);
    for (size_t i = 0; r == 0 && i < template_cluster_count(d->template); i++)
        if (!template_cluster_abstract(d->template, i))
            r = evaluate(d, template_cluster_name(d->template, i));
    return r;
}

static int analyze_project(struct document *d) {
    _cleanup_diagnostics_ struct diagnostics again = DIAGNOSTICS_INIT;
    json_t *project = NULL;
    int r = project_parse(d->text, d->len, &d->diags, &project);
    json_decref(project);
    if (r == 0 || r == -EINVAL)
        r = parser_read(d->text, d->len, LANGUAGE_PROJECT, &again, &d->template);
    return r;
}

int document_analyze(struct document *d) {
    diagnostics_done(&d->diags);
    template_free(d->template);
    d->template = NULL;
    static const struct finding too_large = {SEVERITY_ERROR, CODE_FILE_TOO_LARGE};
    int r = d->project ? analyze_project(d) : analyze_template(d);
    if (r == -E2BIG)
        diagnostics_add(&d->diags, &too_large, "it is longer than 4 MiB");
    diagnostics_sort(&d->diags);
    return r == -ENOMEM ? r : 0;
}
