/* SPDX-License-Identifier: MIT */
/* Parameter files: a JSON object, or `Name = value` lines. */
#include "eval.h"
#include "syntax.h"

#include "clean.h"

#include "model/limits.h"

#include <errno.h>
#include <string.h>

static int parse_json(const char *text, size_t len, struct error *err, json_t **ret) {
    json_error_t error;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        char *quoted = strstr(error.text, " near "); /* may be a secret, and others read this */
        if (quoted)
            *quoted = '\0';
        return err_set(err, -EINVAL, "invalid_parameter", "line %d, column %d: %s", error.line,
                       error.column, error.text);
    }
    if (!json_is_object(json)) {
        json_decref(json);
        return err_set(err, -EINVAL, "invalid_parameter",
                       "line 1: parameters are a JSON object, or lines Name = value");
    }
    *ret = json;
    return 0;
}

/* Values stand for themselves: a `$` is a plain character, and there are no names. */
static struct value *no_names(void *arg, const struct expr *name) {
    (void)arg;
    return value_error("%s: the values of parameters cannot use names", name->name);
}

static struct value *line_value(const struct item *item, const struct value_context *context) {
    struct attribute *a = calloc(1, sizeof(*a));
    struct eval ev = {.lookup = no_names};
    struct value *v = NULL;
    if (!a || attribute_parse_value(a, item, context) < 0) {
        attribute_free(a);
        return NULL;
    }
    /* A list of plain pieces is kept as its text: who wants a list cuts it at the commas. */
    if (a->expr)
        v = eval_expr(&ev, a->text ? a->text : a->expr);
    else
        v = value_error("the value cannot be understood");
    attribute_free(a);
    return v;
}

static int refuse(const struct item *item, struct error *err, const char *text) {
    return err_set(err, -EINVAL, "invalid_parameter", "line %u, column %u: %s", item->whole.line,
                   item->whole.column, text);
}

static int add_line(const struct item *item, const struct value_context *context, json_t *object,
                    struct error *err) {
    if (item->kind != ITEM_ATTRIBUTE || item->key.len == 0)
        return item->semicolon ? 0 : refuse(item, err, "expected Name = value, or a JSON object");
    if (item->unclosed)
        return refuse(item, err, "the triple quotes are not closed");
    _cleanup_value_ struct value *v = line_value(item, context);
    _cleanup_free_ char *name = strndup(item->key.text, item->key.len);
    if (!v || !name)
        return -ENOMEM;
    if (context->diags->errors || v->type == VALUE_ERROR) /* whose words may quote a secret */
        return refuse(item, err,
                      "the value cannot be understood: write it as it is, without `:=`, names and "
                      "functions");
    return json_object_set_new(object, name, value_to_json(v, false)) < 0 ? -ENOMEM : 0;
}

static int parse_lines(const char *text, size_t len, struct error *err, json_t *object) {
    _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
    const struct template t = {.text = (char *)text, .len = len};
    const struct value_context context = {.t = &t, .diags = &diags, .no_substitution = true};
    struct reader reader = {.text = text, .len = len, .line = 1};
    for (;;) {
        struct item item;
        reader_next(&reader, &item);
        if (item.kind == ITEM_END)
            return 0;
        int r = add_line(&item, &context, object, err);
        if (r < 0)
            return r;
    }
}

int parameters_parse(const char *text, size_t len, struct error *err, json_t **ret) {
    size_t clean_len, nul;
    if (len > LIMIT_DOCUMENT_BYTES)
        return err_set(err, -E2BIG, "too_large", "parameters are longer than %zu bytes",
                       LIMIT_DOCUMENT_BYTES);
    _cleanup_free_ char *clean = text_clean(text, len, &clean_len, &nul);
    if (!clean)
        return err_set(err, -ENOMEM, "no_memory", "out of memory");
    if (nul < len)
        return err_set(err, -EINVAL, "invalid_parameter", "there is a NUL byte in the text");
    size_t start = strspn(clean, " \t\r\n");
    if (clean[start] == '{' || (clean[start] == '[' && !strchr(clean, '=')))
        return parse_json(clean, clean_len, err, ret);
    json_t *object = json_object();
    int r = object ? parse_lines(clean, clean_len, err, object) : -ENOMEM;
    if (r < 0) {
        json_decref(object);
        return r == -ENOMEM ? err_set(err, r, "no_memory", "out of memory") : r;
    }
    *ret = object;
    return 0;
}
