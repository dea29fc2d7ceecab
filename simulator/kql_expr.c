/* SPDX-License-Identifier: MIT */
#include "kql_expr.h"

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

DEFINE_VEC(expr_vec, struct kql_expr *);

/* One operator, function, path or literal with its arguments. */
struct kql_expr {
    json_t *(*evaluate)(const struct kql_expr *expr, json_t *row);
    int (*test)(json_t *a, json_t *b); /* comparisons */
    bool negated;
    json_t *literal;
    struct expr_vec path; /* steps of a member path, as literals */
    struct expr_vec arguments;
};

/* ---- tokens ---- */

static int read_text(struct kql_reader *reader) {
    char quote = *reader->at++;
    size_t len = 0;
    while (*reader->at && *reader->at != quote) {
        if (*reader->at == '\\' && reader->at[1])
            reader->at++;
        if (len == KQL_NAME_MAX - 1)
            return kql_fail(reader, "a text of at most 255 characters");
        reader->token[len++] = *reader->at++;
    }
    if (!*reader->at)
        return kql_fail(reader, "a closing quote");
    reader->at++;
    reader->token[len] = '\0';
    reader->kind = KQL_TEXT;
    return 0;
}

static bool name_character(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static void take(struct kql_reader *reader, size_t len) {
    size_t keep = len < KQL_NAME_MAX - 1 ? len : KQL_NAME_MAX - 1;
    memcpy(reader->token, reader->at, keep);
    reader->token[keep] = '\0';
    reader->at += len;
}

static size_t word_length(const char *at) {
    size_t len = 0;
    while (name_character(at[len]))
        len++;
    /* "in~" and the like belong together; so does "-" inside neither. */
    if (len == 2 && strncasecmp(at, "in", 2) == 0 && at[2] == '~')
        len++;
    return len;
}

static size_t sign_length(const char *at) {
    static const char *const pairs[] = {"==", "!=", "=~", "!~", "<=", ">=", "<>"};
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        if (strncmp(at, pairs[i], 2) == 0)
            return 2;
    return 1;
}

int kql_next(struct kql_reader *reader) {
    while (isspace((unsigned char)*reader->at))
        reader->at++;
    if (strncmp(reader->at, "//", 2) == 0) {
        reader->at += strcspn(reader->at, "\n");
        return kql_next(reader);
    }
    char c = *reader->at;
    reader->token[0] = '\0';
    reader->kind = KQL_END;
    if (!c)
        return 0;
    if (c == '\'' || c == '"')
        return read_text(reader);
    if (isdigit((unsigned char)c)) {
        reader->kind = KQL_NUMBER;
        take(reader, strspn(reader->at, "0123456789."));
    } else if (name_character(c)) {
        reader->kind = KQL_NAME;
        take(reader, word_length(reader->at));
    } else if (c == '!' && isalpha((unsigned char)reader->at[1])) {
        reader->kind = KQL_NAME; /* "!contains" */
        take(reader, 1 + word_length(reader->at + 1));
    } else {
        reader->kind = KQL_SIGN;
        take(reader, sign_length(reader->at));
    }
    return 0;
}

int kql_reader_start(struct kql_reader *reader, const char *text, struct error *err) {
    *reader = (struct kql_reader){.at = text, .err = err};
    return kql_next(reader);
}

bool kql_is(const struct kql_reader *reader, const char *word) {
    return (reader->kind == KQL_NAME || reader->kind == KQL_SIGN) &&
           strcasecmp(reader->token, word) == 0;
}

int kql_fail(struct kql_reader *reader, const char *wanted) {
    return err_set(reader->err, -EINVAL, "invalid_value", "query: %s is expected at \"%s%.40s\"",
                   wanted, reader->token, reader->at);
}

int kql_expect(struct kql_reader *reader, const char *word) {
    return kql_is(reader, word) ? kql_next(reader) : kql_fail(reader, word);
}

/* ---- values ---- */

static const char *text_of(json_t *value) {
    return json_is_string(value) ? json_string_value(value) : "";
}

static bool truth_of(json_t *value) {
    return json_is_true(value);
}

static json_t *evaluate_literal(const struct kql_expr *expr, json_t *row) {
    (void)row;
    return json_incref(expr->literal);
}

static json_t *member(json_t *object, const char *name) {
    json_t *value = json_object_get(object, name);
    const char *key;
    json_t *other;
    if (value || !json_is_object(object))
        return value;
    json_object_foreach(object, key, other) {
        if (strcasecmp(key, name) == 0)
            return other;
    }
    return NULL;
}

static json_t *evaluate_path(const struct kql_expr *expr, json_t *row) {
    json_t *value = row;
    for (size_t i = 0; value && i < expr->path.len; i++) {
        json_t *step = expr->path.items[i]->literal;
        value = json_is_integer(step) ? json_array_get(value, (size_t)json_integer_value(step))
                                      : member(value, json_string_value(step));
    }
    return value ? json_incref(value) : json_null();
}

static json_t *evaluate_and(const struct kql_expr *expr, json_t *row) {
    bool holds = true;
    for (size_t i = 0; holds && i < expr->arguments.len; i++)
        holds = kql_expr_true(expr->arguments.items[i], row);
    return json_boolean(holds);
}

static json_t *evaluate_or(const struct kql_expr *expr, json_t *row) {
    bool holds = false;
    for (size_t i = 0; !holds && i < expr->arguments.len; i++)
        holds = kql_expr_true(expr->arguments.items[i], row);
    return json_boolean(holds);
}

static json_t *evaluate_not(const struct kql_expr *expr, json_t *row) {
    return json_boolean(!kql_expr_true(expr->arguments.items[0], row));
}

/* The first argument against each of the others: one that holds is enough. */
static json_t *evaluate_test(const struct kql_expr *expr, json_t *row) {
    json_t *left = kql_expr_value(expr->arguments.items[0], row);
    bool holds = false;
    for (size_t i = 1; !holds && i < expr->arguments.len; i++) {
        json_t *right = kql_expr_value(expr->arguments.items[i], row);
        holds = expr->test(left, right) != 0;
        json_decref(right);
    }
    json_decref(left);
    return json_boolean(holds != expr->negated);
}

static json_t *first_text(const struct kql_expr *expr, json_t *row, int (*change)(int c)) {
    json_t *value = kql_expr_value(expr->arguments.items[0], row);
    if (json_is_null(value) || (json_is_string(value) && !change))
        return value;
    _cleanup_free_ char *text = json_is_string(value) ? strdup(json_string_value(value))
                                                      : json_dumps(value, JSON_ENCODE_ANY);
    json_decref(value);
    for (char *c = text; change && c && *c; c++)
        *c = (char)change((unsigned char)*c);
    return text ? json_string(text) : NULL;
}

static json_t *evaluate_tostring(const struct kql_expr *expr, json_t *row) {
    return first_text(expr, row, NULL);
}

static json_t *evaluate_tolower(const struct kql_expr *expr, json_t *row) {
    return first_text(expr, row, tolower);
}

static json_t *evaluate_toupper(const struct kql_expr *expr, json_t *row) {
    return first_text(expr, row, toupper);
}

static bool empty(const struct kql_expr *expr, json_t *row) {
    json_t *value = kql_expr_value(expr->arguments.items[0], row);
    bool result = json_is_null(value) || (json_is_string(value) && !*json_string_value(value));
    json_decref(value);
    return result;
}

static json_t *evaluate_isempty(const struct kql_expr *expr, json_t *row) {
    return json_boolean(empty(expr, row));
}

static json_t *evaluate_isnotempty(const struct kql_expr *expr, json_t *row) {
    return json_boolean(!empty(expr, row));
}

json_t *kql_expr_value(const struct kql_expr *expr, json_t *row) {
    return expr->evaluate(expr, row);
}

bool kql_expr_true(const struct kql_expr *expr, json_t *row) {
    json_t *value = kql_expr_value(expr, row);
    bool holds = truth_of(value);
    json_decref(value);
    return holds;
}

int kql_compare(json_t *a, json_t *b) {
    if (json_is_number(a) && json_is_number(b)) {
        double x = json_number_value(a), y = json_number_value(b);
        return (x > y) - (x < y);
    }
    return strcmp(text_of(a), text_of(b));
}

static int test_equal(json_t *a, json_t *b) {
    if (json_is_number(a) && json_is_number(b))
        return kql_compare(a, b) == 0;
    return json_equal(a, b);
}

static int test_equal_fold(json_t *a, json_t *b) {
    return json_is_string(a) && strcasecmp(text_of(a), text_of(b)) == 0;
}

static int test_less(json_t *a, json_t *b) {
    return kql_compare(a, b) < 0;
}

static int test_greater(json_t *a, json_t *b) {
    return kql_compare(a, b) > 0;
}

static int test_contains(json_t *a, json_t *b) {
    return strcasestr(text_of(a), text_of(b)) != NULL;
}

static int test_has(json_t *a, json_t *b) {
    const char *term = text_of(b);
    size_t len = strlen(term);
    const char *text = text_of(a);
    for (const char *at = text; (at = strcasestr(at, term)) && len; at++) {
        bool starts = at == text || !isalnum((unsigned char)at[-1]);
        if (starts && !isalnum((unsigned char)at[len]))
            return 1;
    }
    return 0;
}

static int test_startswith(json_t *a, json_t *b) {
    return strncasecmp(text_of(a), text_of(b), strlen(text_of(b))) == 0;
}

static int test_endswith(json_t *a, json_t *b) {
    size_t len = strlen(text_of(a)), tail = strlen(text_of(b));
    return len >= tail && strcasecmp(text_of(a) + len - tail, text_of(b)) == 0;
}

/* ---- reading ---- */

static const struct comparison {
    const char *word;
    int (*test)(json_t *a, json_t *b);
    bool negated, list;
} comparisons[] = {
    {"==", test_equal, false, false},
    {"!=", test_equal, true, false},
    {"<>", test_equal, true, false},
    {"=~", test_equal_fold, false, false},
    {"!~", test_equal_fold, true, false},
    {"<", test_less, false, false},
    {">", test_greater, false, false},
    {">=", test_less, true, false},
    {"<=", test_greater, true, false},
    {"has", test_has, false, false},
    {"!has", test_has, true, false},
    {"contains", test_contains, false, false},
    {"!contains", test_contains, true, false},
    {"startswith", test_startswith, false, false},
    {"!startswith", test_startswith, true, false},
    {"endswith", test_endswith, false, false},
    {"!endswith", test_endswith, true, false},
    {"in", test_equal, false, true},
    {"!in", test_equal, true, true},
    {"in~", test_equal_fold, false, true},
    {"!in~", test_equal_fold, true, true},
};

static const struct {
    const char *word;
    json_t *(*evaluate)(const struct kql_expr *expr, json_t *row);
} functions[] = {
    {"tostring", evaluate_tostring},    {"tolower", evaluate_tolower},
    {"toupper", evaluate_toupper},      {"isempty", evaluate_isempty},
    {"isnull", evaluate_isempty},       {"isnotempty", evaluate_isnotempty},
    {"isnotnull", evaluate_isnotempty}, {"not", evaluate_not},
};

void kql_expr_free(struct kql_expr *expr) {
    if (!expr)
        return;
    for (size_t i = 0; i < expr->path.len; i++)
        kql_expr_free(expr->path.items[i]);
    for (size_t i = 0; i < expr->arguments.len; i++)
        kql_expr_free(expr->arguments.items[i]);
    expr_vec_done(&expr->path);
    expr_vec_done(&expr->arguments);
    json_decref(expr->literal);
    free(expr);
}
DEFINE_CLEANUP(struct kql_expr, kql_expr_free);

static struct kql_expr *expr_new(json_t *(*evaluate)(const struct kql_expr *, json_t *)) {
    struct kql_expr *expr = calloc(1, sizeof(*expr));
    if (expr)
        expr->evaluate = evaluate;
    return expr;
}

/* Appends `argument`, which is stolen, also on failure. */
static int append(struct expr_vec *list, struct kql_expr *argument) {
    int r = argument ? expr_vec_append(list, argument) : -ENOMEM;
    if (r < 0)
        kql_expr_free(argument);
    return r;
}

static struct kql_expr *literal_new(json_t *value) {
    struct kql_expr *expr = value ? expr_new(evaluate_literal) : NULL;
    if (expr)
        expr->literal = value;
    else
        json_decref(value);
    return expr;
}

static int read_arguments(struct kql_reader *reader, struct kql_expr *expr) {
    int r = kql_expect(reader, "(");
    while (r == 0) {
        struct kql_expr *argument = NULL;
        r = kql_expr_read(reader, &argument);
        if (r == 0)
            r = append(&expr->arguments, argument);
        if (r < 0 || !kql_is(reader, ","))
            break;
        r = kql_next(reader);
    }
    return r < 0 ? r : kql_expect(reader, ")");
}

static int read_step(struct kql_reader *reader, struct kql_expr *expr) {
    json_t *step =
        reader->kind == KQL_NUMBER ? json_integer(atoi(reader->token)) : json_string(reader->token);
    int r = append(&expr->path, literal_new(step));
    return r < 0 ? r : kql_next(reader);
}

/* name ( .name | [ 'name' ] | [ number ] )* */
static int read_path(struct kql_reader *reader, struct kql_expr *expr) {
    int r = read_step(reader, expr);
    while (r == 0 && (kql_is(reader, ".") || kql_is(reader, "["))) {
        bool bracket = kql_is(reader, "[");
        r = kql_next(reader);
        if (r == 0 && reader->kind != KQL_NAME && (!bracket || reader->kind == KQL_SIGN))
            r = kql_fail(reader, "a member name");
        if (r == 0)
            r = read_step(reader, expr);
        if (r == 0 && bracket)
            r = kql_expect(reader, "]");
    }
    return r;
}

static int read_function(struct kql_reader *reader, struct kql_expr **ret) {
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        if (!kql_is(reader, functions[i].word))
            continue;
        _cleanup_(kql_expr_freep) struct kql_expr *expr = expr_new(functions[i].evaluate);
        int r = expr ? kql_next(reader) : -ENOMEM;
        if (r == 0)
            r = read_arguments(reader, expr);
        if (r < 0)
            return r;
        *ret = TAKE_PTR(expr);
        return 0;
    }
    return -ENOENT;
}

static int read_literal(struct kql_reader *reader, struct kql_expr **ret) {
    json_t *value = reader->kind == KQL_TEXT     ? json_string(reader->token)
                    : reader->kind == KQL_NUMBER ? json_real(strtod(reader->token, NULL))
                                                 : json_boolean(kql_is(reader, "true"));
    *ret = literal_new(value);
    return *ret ? kql_next(reader) : -ENOMEM;
}

static int read_primary(struct kql_reader *reader, struct kql_expr **ret) {
    if (reader->kind == KQL_TEXT || reader->kind == KQL_NUMBER || kql_is(reader, "true") ||
        kql_is(reader, "false"))
        return read_literal(reader, ret);
    if (kql_is(reader, "(")) {
        int r = kql_next(reader);
        if (r == 0)
            r = kql_expr_read(reader, ret);
        return r < 0 ? r : kql_expect(reader, ")");
    }
    if (reader->kind != KQL_NAME)
        return kql_fail(reader, "an expression");
    int r = read_function(reader, ret);
    if (r != -ENOENT)
        return r;
    _cleanup_(kql_expr_freep) struct kql_expr *expr = expr_new(evaluate_path);
    r = expr ? read_path(reader, expr) : -ENOMEM;
    if (r == 0)
        *ret = TAKE_PTR(expr);
    return r;
}

static const struct comparison *find_comparison(const struct kql_reader *reader) {
    for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++)
        if (kql_is(reader, comparisons[i].word))
            return &comparisons[i];
    return NULL;
}

static int read_comparison(struct kql_reader *reader, struct kql_expr **ret) {
    _cleanup_(kql_expr_freep) struct kql_expr *left = NULL;
    int r = read_primary(reader, &left);
    const struct comparison *comparison = r == 0 ? find_comparison(reader) : NULL;
    if (!comparison) {
        *ret = TAKE_PTR(left);
        return r;
    }
    _cleanup_(kql_expr_freep) struct kql_expr *expr = expr_new(evaluate_test);
    if (!expr)
        return -ENOMEM;
    expr->test = comparison->test;
    expr->negated = comparison->negated;
    r = append(&expr->arguments, TAKE_PTR(left));
    if (r == 0)
        r = kql_next(reader);
    struct kql_expr *right = NULL;
    if (r == 0 && comparison->list)
        r = read_arguments(reader, expr);
    else if (r == 0 && (r = read_primary(reader, &right)) == 0)
        r = append(&expr->arguments, right);
    if (r == 0)
        *ret = TAKE_PTR(expr);
    return r;
}

/* Operands of one level with a word between them. */
static int read_chain(struct kql_reader *reader, const char *word,
                      int (*read)(struct kql_reader *, struct kql_expr **), struct kql_expr **ret) {
    _cleanup_(kql_expr_freep) struct kql_expr *first = NULL;
    int r = read(reader, &first);
    if (r < 0 || !kql_is(reader, word)) {
        *ret = TAKE_PTR(first);
        return r;
    }
    _cleanup_(kql_expr_freep) struct kql_expr *chain =
        expr_new(strcmp(word, "or") == 0 ? evaluate_or : evaluate_and);
    if (!chain)
        return -ENOMEM;
    r = append(&chain->arguments, TAKE_PTR(first));
    while (r == 0 && kql_is(reader, word)) {
        struct kql_expr *next = NULL;
        r = kql_next(reader);
        if (r == 0)
            r = read(reader, &next);
        if (r == 0)
            r = append(&chain->arguments, next);
    }
    if (r == 0)
        *ret = TAKE_PTR(chain);
    return r;
}

static int read_and(struct kql_reader *reader, struct kql_expr **ret) {
    return read_chain(reader, "and", read_comparison, ret);
}

int kql_expr_read(struct kql_reader *reader, struct kql_expr **ret) {
    if (reader->depth++ == KQL_DEPTH_MAX)
        return kql_fail(reader, "less nesting");
    int r = read_chain(reader, "or", read_and, ret);
    reader->depth--;
    return r;
}
