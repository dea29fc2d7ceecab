/* SPDX-License-Identifier: MIT */
#include "store-value.h"

#include "base/parse.h"
#include "model/limits.h"
#include "quote.h"
#include "template/template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int store_read_value(const struct written *w, char **ret_copy, char **ret_value,
                     struct error *err) {
    const char *text = w->text, *hint = w->hint;
    size_t len = w->len;
    if (len > LIMIT_VALUE_BYTES)
        return err_kind(err, "value_too_long", "%zu bytes are too many for a value: %s", len, hint);
    if (memchr(text, '\0', len))
        return err_kind(err, "invalid_value", "it holds a NUL byte: %s", hint);
    char *copy = strndup(text, len);
    if (!copy)
        return view_no_memory(err);
    char *value = text_trim(copy);
    if (!*value) {
        free(copy);
        return err_kind(err, "invalid_value", "it is empty: %s", hint);
    }
    *ret_copy = copy;
    *ret_value = value;
    return 0;
}

#define HINT_COUNT "write a whole number such as 10, or ARRAY=NUMBER"
#define HINT_ARRAY_COUNT "write a whole number such as 10, +2 or -2"

static bool names_array(const struct command *c, const char *array) {
    for (size_t i = 0; i < c->n_counts; i++)
        if (c->counts[i].array && strcmp(c->counts[i].array, array) == 0)
            return true;
    return false;
}

/* "+2": the sign and the number. 0, -EINVAL or -ERANGE. */
static int parse_change(const char *digits, enum count_sign *ret_sign, uint64_t *ret_value) {
    bool relative = digits[0] == '+' || digits[0] == '-';
    *ret_sign = relative ? (enum count_sign)digits[0] : COUNT_SET;
    int r = parse_u64(digits + relative, ret_value);
    return r == 0 && *ret_value > LIMIT_NODES_PER_CLUSTER ? -ERANGE : r;
}

/* One piece of a count: [ARRAY=][+|-]NUMBER. `hint` belongs to the file. */
static int add_count(struct command *c, char *piece, const char *hint, struct error *err) {
    struct quote q;
    char *equals = strchr(piece, '=');
    char *digits = equals ? equals + 1 : piece;
    enum count_sign sign = COUNT_SET;
    uint64_t value = 0;
    int r = parse_change(digits, &sign, &value);
    if (r == -EINVAL || equals == piece)
        return err_kind(err, "invalid_value", "\"%s\" is not a number: %s", quote_text(&q, piece),
                        hint);
    if (r < 0)
        return err_kind(err, "limit_exceeded", "%s is too many: a cluster has at most %u nodes",
                        quote_text(&q, digits), LIMIT_NODES_PER_CLUSTER);
    const char *array = equals ? piece : NULL;
    if (equals)
        *equals = '\0';
    if (array && names_array(c, array))
        return err_kind(err, "invalid_value", "array \"%s\" is named twice: name it once",
                        quote_text(&q, array));
    return command_add_count(c, array, sign, (int64_t)value) < 0 ? view_no_memory(err) : 0;
}

/* A number without a name is the whole of a write; names have no place in an array's own file. */
static int check_counts(const struct command *c, struct error *err) {
    for (size_t i = 0; i < c->n_counts; i++) {
        if (c->counts[i].array && c->array_id)
            return err_kind(err, "invalid_value",
                            "this file is one array's own: write a number without a name, or write "
                            "%s=NUMBER to nodes/count",
                            c->counts[i].array);
        if (!c->counts[i].array && c->n_counts > 1)
            return err_kind(err, "invalid_value",
                            "a number without a name stands among others: write one number, or "
                            "ARRAY=NUMBER for each");
    }
    return 0;
}

int store_count(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                struct error *err) {
    const char *hint = ctx->array ? HINT_ARRAY_COUNT : HINT_COUNT;
    _cleanup_free_ char *copy = NULL;
    char *value = NULL;
    int r = store_read_value(&(struct written){text, len, hint}, &copy, &value, err);
    if (r < 0)
        return r;
    _cleanup_(command_freep) struct command *c = view_command_new(ctx, COMMAND_SET_COUNT);
    if (!c)
        return view_no_memory(err);
    char *rest = NULL;
    for (char *p = strtok_r(value, " \t\r\n", &rest); p; p = strtok_r(NULL, " \t\r\n", &rest)) {
        r = c->n_counts < LIMIT_ARRAYS_PER_CLUSTER
                ? add_count(c, p, hint, err)
                : err_kind(err, "invalid_value", "more than %u arrays are named",
                           LIMIT_ARRAYS_PER_CLUSTER);
        if (r < 0)
            return r;
    }
    r = check_counts(c, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(c);
    return 0;
}

#define HINT_MAX_COUNT \
    "write a whole number such as 10, max (no limit) or default (what the template says)"

/* The number for what was written; -1 is the template's own limit. */
static int parse_max_count(const struct array *a, const char *value, int64_t *ret,
                           struct error *err) {
    struct quote q;
    uint64_t number = 0;
    bool unlimited = !a->spec || a->spec->max_count < 0;
    if (strcasecmp(value, "default") == 0 || (strcasecmp(value, "max") == 0 && unlimited)) {
        *ret = -1;
        return 0;
    }
    if (strcasecmp(value, "max") == 0) {
        *ret = LIMIT_NODES_PER_CLUSTER;
        return 0;
    }
    int r = parse_u64(value, &number);
    if (r == -EINVAL)
        return err_kind(err, "invalid_value", "\"%s\" is not a number: " HINT_MAX_COUNT,
                        quote_text(&q, value));
    if (r < 0 || number > LIMIT_NODES_PER_CLUSTER)
        return err_kind(err, "limit_exceeded", "%s is too many: a cluster has at most %u nodes",
                        quote_text(&q, value), LIMIT_NODES_PER_CLUSTER);
    *ret = (int64_t)number;
    return 0;
}

int store_max_count(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                    struct error *err) {
    _cleanup_free_ char *copy = NULL;
    char *value = NULL;
    int64_t number = 0;
    int r = store_read_value(&(struct written){text, len, HINT_MAX_COUNT}, &copy, &value, err);
    if (r == 0)
        r = parse_max_count(ctx->array, value, &number, err);
    if (r < 0)
        return r;
    struct command *c = view_command_new(ctx, COMMAND_SET_MAX_COUNT);
    if (!c)
        return view_no_memory(err);
    c->number = number;
    *ret = c;
    return 0;
}

static int store_state(const struct view_ctx *ctx, const char *text, size_t len,
                       struct command **ret, struct error *err) {
    const char *hint =
        ctx->node ? "write started, terminated or deallocated" : "write started or terminated";
    _cleanup_free_ char *copy = NULL;
    char *value = NULL;
    enum target target = TARGET_TERMINATED;
    struct quote q;
    int r = store_read_value(&(struct written){text, len, hint}, &copy, &value, err);
    if (r < 0)
        return r;
    if (target_parse(value, &target) < 0)
        return err_kind(err, "invalid_value", "\"%s\" is no state to ask for: %s",
                        quote_text(&q, value), hint);
    if (target == TARGET_DEALLOCATED && !ctx->node)
        return err_kind(err, "invalid_value", "only a node can be deallocated: %s", hint);
    struct command *c = view_command_new(ctx, COMMAND_SET_TARGET);
    if (!c)
        return view_no_memory(err);
    c->target = target;
    *ret = c;
    return 0;
}

int store_cluster_state(const struct view_ctx *ctx, const char *text, size_t len,
                        struct command **ret, struct error *err) {
    return store_state(ctx, text, len, ret, err);
}

int store_node_state(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                     struct error *err) {
    return store_state(ctx, text, len, ret, err);
}

int store_read_flag(const char *text, size_t len, struct error *err, bool *ret) {
    static const char hint[] = "write true or false";
    _cleanup_free_ char *copy = NULL;
    char *value = NULL;
    struct quote q;
    int r = store_read_value(&(struct written){text, len, hint}, &copy, &value, err);
    if (r < 0)
        return r;
    if (parse_bool(value, ret) < 0)
        return err_kind(err, "invalid_value", "\"%s\" is neither true nor false: %s",
                        quote_text(&q, value), hint);
    return 0;
}

int store_keepalive(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                    struct error *err) {
    bool flag = false;
    int r = store_read_flag(text, len, err, &flag);
    if (r < 0)
        return r;
    struct command *c = view_command_new(ctx, COMMAND_SET_KEEPALIVE);
    if (!c)
        return view_no_memory(err);
    c->flag = flag;
    *ret = c;
    return 0;
}

/* `w->hint` says what to write for a document without contents. */
static int store_document(const struct view_ctx *ctx, enum command_type type,
                          const struct written *w, struct command **ret, struct error *err) {
    if (w->len == 0)
        return err_kind(err, "invalid_value", "it is empty, and what was stored stays: %s",
                        w->hint);
    if (w->len > LIMIT_DOCUMENT_BYTES)
        return err_kind(err, "too_large", "it has %zu bytes, and at most %zu are taken: shorten it",
                        w->len, LIMIT_DOCUMENT_BYTES);
    _cleanup_(command_freep) struct command *c = view_command_new(ctx, type);
    if (!c || command_set_text(c, w->text, w->len) < 0)
        return view_no_memory(err);
    *ret = TAKE_PTR(c);
    return 0;
}

int store_template(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                   struct error *err) {
    return store_document(
        ctx, COMMAND_SET_TEMPLATE,
        &(struct written){text, len, "write a template, which begins with [cluster NAME]"}, ret,
        err);
}

#define HINT_PARAMETERS "write {} to give none"

/* True when there is nothing but blanks and comments, as in a file that lost its contents. */
static bool gives_nothing(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\r\n", text[i]) && text[i])
            continue;
        if (text[i] != '#' && text[i] != '!')
            return false;
        const char *end = memchr(text + i, '\n', len - i);
        i = end ? (size_t)(end - text) : len;
    }
    return true;
}

int store_parameters(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                     struct error *err) {
    int r = check_parameters(text, len, err);
    if (r == 0 && len && gives_nothing(text, len))
        return err_kind(err, "invalid_value",
                        "it gives no value, and those stored stay: " HINT_PARAMETERS);
    return r < 0 ? r
                 : store_document(ctx, COMMAND_SET_PARAMETERS,
                                  &(struct written){text, len, HINT_PARAMETERS}, ret, err);
}

#define HINT_CONFIG "write key = value lines, or a comment to leave all at its default"

static int check_config(const char *text, size_t len, struct error *err) {
    if (len > LIMIT_CONFIG_BYTES)
        return err_kind(err, "too_large", "it has %zu bytes: at most %zu are taken", len,
                        LIMIT_CONFIG_BYTES);
    if (memchr(text, '\0', len))
        return err_kind(err, "invalid_config", "it holds a NUL byte: write key = value lines");
    return 0;
}

int store_config(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                 struct error *err) {
    int r = check_config(text, len, err);
    return r < 0 ? r
                 : store_document(ctx, COMMAND_SET_CONFIG,
                                  &(struct written){text, len, HINT_CONFIG}, ret, err);
}

int store_account(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                  struct error *err) {
    _cleanup_(command_freep) struct command *c = NULL;
    _cleanup_free_ char *name = NULL;
    int r = check_config(text, len, err);
    if (r == 0)
        r = store_document(ctx, COMMAND_SET_ACCOUNT, &(struct written){text, len, HINT_CONFIG}, &c,
                           err);
    if (r < 0)
        return r;
    if (asprintf(&name, "system/accounts/%s", str_text(ctx->item->name)) < 0) {
        name = NULL;
        return view_no_memory(err);
    }
    if (command_set_name(c, name) < 0)
        return view_no_memory(err);
    *ret = TAKE_PTR(c);
    return 0;
}

int check_template(const char *text, size_t len, struct error *err) {
    return template_check_prefix(text, len, err);
}

int check_parameters(const char *text, size_t len, struct error *err) {
    const char *nul = memchr(text, '\0', len);
    if (!nul)
        return 0;
    return err_kind(err, "invalid_parameter", "byte %zu is NUL: write JSON or Name = value lines",
                    (size_t)(nul - text) + 1);
}
