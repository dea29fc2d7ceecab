/* SPDX-License-Identifier: MIT */
/* The right side of `key = value`: what a bare text means. */
#include "syntax.h"

#include "base/parse.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *find_byte(struct span s, char c, size_t from) {
    return from < s.len ? memchr(s.text + from, c, s.len - from) : NULL;
}

static struct diagnostic_place place_of(const struct value_context *context, struct span at) {
    struct diagnostic_place place = template_place(context->t, at.line, at.column);
    place.width = (unsigned)at.len;
    return place;
}

static void report(const struct value_context *context, const struct finding *finding,
                   const char *text) {
    diagnostics_add(context->diags, finding, "%s", text);
}

/* Parses an expression. A wrong one is reported and leaves *ret NULL. 0 or -ENOMEM. */
static int parse_expression(struct span s, const struct value_context *context, struct expr **ret) {
    struct expr_error error;
    char text[240];
    int r = expr_parse(s.text, s.len, s.column, &error, ret);
    if (r != -EINVAL)
        return r;
    struct finding finding = {
        context->ui_only ? SEVERITY_WARNING : SEVERITY_ERROR, CODE_INVALID_EXPRESSION,
        template_place(context->t, s.line, error.column), error.hint[0] ? error.hint : NULL};
    if (error.fix) {
        finding.at = template_text_place(context->t, s.line, error.column, error.wrong);
        finding.fix = finding.at.width ? error.fix : NULL;
    }
    (void)snprintf(text, sizeof(text), "%s%s", error.text,
                   context->ui_only ? "; the attribute is ignored" : "");
    report(context, &finding, text);
    return 0;
}

static int append_literal(struct expr *concat, const char *text, size_t len, unsigned column) {
    if (len == 0)
        return 0;
    return expr_append(concat, NULL, expr_literal(value_string_n(text, len), column));
}

/* Length of the name behind a `$`: letters, digits and underscores. */
static size_t name_length(const char *text, size_t len) {
    size_t digits = 0;
    while (digits < len && text[digits] >= '0' && text[digits] <= '9')
        digits++;
    return digits + identifier_length(text + digits, len - digits);
}

/*
 * One substitution at the `$` at `i`. *ret stays NULL if the `$` is a plain character; *ret_len is
 * how much of the text it takes.
 */
static int parse_substitution(struct span s, size_t i, const struct value_context *context,
                              struct expr **ret, size_t *ret_len) {
    const char *p = s.text + i;
    size_t left = s.len - i, name;
    *ret_len = 1;
    if (left > 1 && p[1] == '{') {
        size_t braces = expr_braces(p, left);
        if (braces == 0) {
            /* Escapes before it are gone from `s`: then its columns are not those of the line. */
            bool closable =
                template_text_place(context->t, s.line, s.column + (unsigned)i, "${").width > 0;
            const struct finding finding = {SEVERITY_ERROR,
                                            CODE_UNCLOSED_BRACE,
                                            place_of(context, span_part(s, i, left)),
                                            "close it with }",
                                            closable ? "}" : NULL,
                                            place_of(context, span_part(s, s.len, 0))};
            report(context, &finding, "this ${ is not closed");
            *ret_len = left;
            return 0;
        }
        *ret_len = braces;
        return parse_expression(span_part(s, i + 2, braces - 3), context, ret);
    }
    name = name_length(p + 1, left - 1);
    if (name == 0)
        return 0;
    *ret_len = 1 + name;
    *ret = expr_name(p + 1, name, true, s.column + (unsigned)i);
    if (*ret && p[1] >= '0' && p[1] <= '9') {
        (*ret)->weak = true;
        (*ret)->strict = false;
    }
    return *ret ? 0 : -ENOMEM;
}

/* The text before a substitution, and the substitution (stolen; NULL: it had an error). */
static int append_part(struct expr *concat, struct span before, struct expr *part) {
    _cleanup_expr_ struct expr *owned = part;
    int r = append_literal(concat, before.text, before.len, before.column);
    return r < 0 || !owned ? r : expr_append(concat, NULL, TAKE_PTR(owned));
}

/* The pieces of a text. `concat` gets them all. 0 or -ENOMEM. */
static int parse_pieces(struct span s, const struct value_context *context, struct expr *concat) {
    size_t plain = 0;
    for (size_t i = 0; i < s.len;) {
        struct expr *part = NULL;
        size_t len = 1;
        if (s.text[i] != '$') {
            i++;
            continue;
        }
        int r = parse_substitution(s, i, context, &part, &len);
        if (r < 0)
            return r;
        if (part || len > 1) {
            r = append_part(concat, span_part(s, plain, i - plain), part);
            if (r < 0)
                return r;
            plain = i + len;
        }
        i += len;
    }
    return append_literal(concat, s.text + plain, s.len - plain, s.column);
}

int text_parse(struct span s, const struct value_context *context, struct expr **ret) {
    if (context->no_substitution || !find_byte(s, '$', 0)) {
        *ret = expr_literal(value_string_n(s.text, s.len), s.column);
        return *ret ? 0 : -ENOMEM;
    }
    _cleanup_expr_ struct expr *concat = expr_new(EXPR_CONCAT, s.column);
    int r = concat ? parse_pieces(s, context, concat) : -ENOMEM;
    if (r < 0)
        return r == -E2BIG ? 0 : r;
    *ret = TAKE_PTR(concat);
    return 0;
}

/* `$Name` or `${expr}` alone keep the type of their value. */
static bool whole_substitution(struct span s) {
    if (s.len < 2 || s.text[0] != '$')
        return false;
    size_t n =
        s.text[1] == '{' ? expr_braces(s.text, s.len) : 1 + name_length(s.text + 1, s.len - 1);
    return n == s.len && n > 1;
}

/* "text" that is the whole value. */
static bool whole_quoted(struct span s, char quote) {
    if (s.len < 2 || s.text[0] != quote)
        return false;
    for (size_t i = 1; i < s.len; i++) {
        if (quote == '"' && s.text[i] == '\\')
            i++;
        else if (s.text[i] == quote)
            return i + 1 == s.len;
    }
    return false;
}

/* Takes the quotes and the escapes \" and \\ off. */
static int parse_double_quoted(struct span s, const struct value_context *context,
                               struct expr **ret) {
    _cleanup_free_ char *text = malloc(s.len);
    size_t n = 0;
    if (!text)
        return -ENOMEM;
    for (size_t i = 1; i + 1 < s.len; i++) {
        if (s.text[i] == '\\' && (s.text[i + 1] == '"' || s.text[i + 1] == '\\') && i + 2 < s.len)
            i++;
        text[n++] = s.text[i];
    }
    return text_parse((struct span){text, n, s.line, s.column + 1}, context, ret);
}

static bool is_boolean(const char *text) {
    return text_equal_fold(text, "true") || text_equal_fold(text, "false");
}

/* `10m`: the seconds in it. */
static bool is_time(const char *text, size_t len, int64_t *ret_seconds) {
    char inside[64];
    if (len < 3 || len >= sizeof(inside) || text[0] != '`' || text[len - 1] != '`')
        return false;
    memcpy(inside, text + 1, len - 2);
    inside[len - 2] = '\0';
    return value_parse_time(inside, ret_seconds) == 0;
}

static bool is_decimal(const char *text, size_t len, double *ret) {
    char *end;
    size_t digits = strspn(text + (text[0] == '-' || text[0] == '+'), "0123456789");
    if (digits == 0 || strspn(text, "+-.0123456789") != len || !strchr(text, '.'))
        return false;
    *ret = strtod(text, &end);
    return isfinite(*ret) && *end == '\0';
}

/* A number remembers how it was written. */
static struct value *with_source(struct value *v, const char *text, size_t len) {
    _cleanup_value_ struct value *number = v;
    return number && value_set_source(number, text, len) == 0 ? TAKE_PTR(number) : NULL;
}

/* A number, a boolean or a time; *ret stays NULL if the text is none of them. 0 or -ENOMEM. */
static int parse_scalar(struct span s, struct value **ret) {
    char text[64];
    int64_t integer;
    double real;
    if (s.len == 0 || s.len >= sizeof(text))
        return 0;
    memcpy(text, s.text, s.len);
    text[s.len] = '\0';
    if (is_boolean(text))
        *ret = value_boolean(text_equal_fold(text, "true"));
    else if (is_time(text, s.len, &integer))
        *ret = value_time(integer);
    else if (parse_i64(text, &integer) == 0)
        *ret = with_source(value_integer(integer), text, s.len);
    else if (is_decimal(text, s.len, &real))
        *ret = with_source(value_real(real), text, s.len);
    else
        return 0;
    return *ret ? 0 : -ENOMEM;
}

/* Everything but lists and expressions. */
static int parse_single(struct span s, const struct value_context *context, struct expr **ret) {
    struct value *v = NULL;
    if (whole_quoted(s, '"'))
        return parse_double_quoted(s, context, ret);
    if (whole_quoted(s, '\'')) {
        *ret = expr_literal(value_string_n(s.text + 1, s.len - 2), s.column);
        return *ret ? 0 : -ENOMEM;
    }
    int r = parse_scalar(s, &v);
    if (r < 0)
        return r;
    if (v) {
        *ret = expr_literal(v, s.column);
        return *ret ? 0 : -ENOMEM;
    }
    if (context->no_substitution || !whole_substitution(s))
        return text_parse(s, context, ret);
    size_t len;
    return parse_substitution(s, 0, context, ret, &len);
}

/*
 * The index of the next comma outside "...", '...' and ${...}, or s.len. *open_braces is false
 * before the first of a text; as in the reader no braces protect behind those that are not closed.
 */
static size_t next_comma(struct span s, size_t from, bool *open_braces) {
    for (size_t i = from; i < s.len; i++) {
        const char *close = NULL;
        if (s.text[i] == ',')
            return i;
        if (s.text[i] == '$' && i + 1 < s.len && s.text[i + 1] == '{' && !*open_braces) {
            size_t braces = expr_braces(s.text + i, s.len - i);
            *open_braces = braces == 0;
            i += braces ? braces - 1 : 0;
        } else if (s.text[i] == '"' || (s.text[i] == '\'' && i == from)) {
            close = find_byte(s, s.text[i], i + 1);
            if (close)
                i = (size_t)(close - s.text);
        }
    }
    return s.len;
}

static int parse_list(struct span s, const struct value_context *context, struct expr **ret) {
    _cleanup_expr_ struct expr *list = expr_new(EXPR_LIST, s.column);
    if (!list)
        return -ENOMEM;
    bool open_braces = false;
    for (size_t from = 0; from <= s.len;) {
        size_t comma = next_comma(s, from, &open_braces);
        struct span piece = span_trim(span_part(s, from, comma - from));
        struct expr *item = NULL;
        from = comma + 1;
        if (piece.len == 0)
            continue;
        int r = parse_single(piece, context, &item);
        if (r == 0 && item)
            r = expr_append(list, NULL, item);
        if (r < 0 && r != -E2BIG)
            return r;
    }
    *ret = TAKE_PTR(list);
    return 0;
}

static int literal(struct attribute *a, struct value *v) {
    a->expr = expr_literal(v, a->value_column);
    return a->expr ? 0 : -ENOMEM;
}

/* `:=` without a value, or with one in triple quotes, which is a text. */
static int parse_assigned(struct attribute *a, const struct item *item,
                          const struct value_context *context) {
    if (item->value.len == 0) {
        const struct finding finding = {SEVERITY_WARNING, CODE_EMPTY_EXPRESSION,
                                        place_of(context, item->value)};
        report(context, &finding, "there is no expression here; the attribute is undefined");
        return literal(a, value_undefined());
    }
    return parse_expression(item->value, context, &a->expr);
}

/* A value that starts with the quote is closed at its end; elsewhere the place is not known. */
static void report_open_quote(struct span s, const struct value_context *context) {
    const struct finding finding = {SEVERITY_WARNING, CODE_UNCLOSED_QUOTE, place_of(context, s),
                                    .fix = *s.text == '"' ? "\"" : NULL,
                                    .fix_at = place_of(context, span_part(s, s.len, 0))};
    report(context, &finding, "a \" is not closed on this line; the text is taken as it is");
}

/* The fix makes `:=` of the `=`. */
static void report_undefined(const struct item *item, const struct value_context *context) {
    const char *behind = item->key.text + item->key.len;
    const char *equals = memchr(behind, '=', (size_t)(item->value.text - behind));
    size_t offset = equals ? (size_t)(equals - item->key.text) : item->key.len;
    const struct finding finding = {SEVERITY_WARNING,
                                    CODE_UNDEFINED_TEXT,
                                    place_of(context, item->value),
                                    "write := undefined",
                                    ":",
                                    place_of(context, span_part(item->key, offset, 0))};
    report(context, &finding, "taken as undefined, not as the text \"undefined\"");
}

int attribute_parse_value(struct attribute *a, const struct item *item,
                          const struct value_context *context) {
    struct span s = item->value;
    struct value_context quiet = *context;
    bool open_braces = false;
    quiet.diags = NULL;
    if (item->triple)
        return literal(a, value_string_n(s.text, s.len));
    if (item->expression)
        return parse_assigned(a, item, context);
    if (item->open_quote)
        report_open_quote(s, context);
    if (span_equal(s, "undefined")) {
        report_undefined(item, context);
        return literal(a, value_undefined());
    }
    if (whole_quoted(s, '"') || whole_quoted(s, '\'') || next_comma(s, 0, &open_braces) == s.len)
        return parse_single(s, context, &a->expr);
    int r = parse_list(s, context, &a->expr);
    return r < 0 ? r : text_parse(s, &quiet, &a->text);
}
