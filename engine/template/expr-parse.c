/* SPDX-License-Identifier: MIT */
/* Recursive descent over the grammar of cluster template expressions (a ClassAd dialect). */
#include "expr-lex.h"
#include "functions.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct parser {
    struct lexer lx;
    unsigned depth;
};

struct op_row {
    const char *text;
    enum operator op;
};

struct level {
    struct op_row ops[12];
};

/* Binary operators from the loosest to the tightest. */
static const struct level levels[] = {
    {{{"||", OP_OR}}},
    {{{"&&", OP_AND}}},
    {{{"|", OP_BIT_OR}}},
    {{{"^", OP_BIT_XOR}}},
    {{{"&", OP_BIT_AND}}},
    {{{"==", OP_EQUAL},
      {"!=", OP_NOT_EQUAL},
      {"===", OP_IS},
      {"!==", OP_ISNT},
      {"=?=", OP_IS},
      {"=!=", OP_ISNT},
      {"is", OP_IS},
      {"isnt", OP_ISNT},
      {"in", OP_IN}}},
    {{{"<", OP_LESS}, {"<=", OP_LESS_EQUAL}, {">", OP_GREATER}, {">=", OP_GREATER_EQUAL}}},
    {{{"<<", OP_SHIFT_LEFT}, {">>", OP_SHIFT_RIGHT}, {">>>", OP_SHIFT_RIGHT_ZERO}}},
    {{{"+", OP_ADD}, {"-", OP_SUBTRACT}}},
    {{{"*", OP_MULTIPLY}, {"/", OP_DIVIDE}, {"%", OP_REMAINDER}}},
};

static const struct op_row unary[] = {
    {"!", OP_NOT},
    {"-", OP_MINUS},
    {"+", OP_PLUS},
    {"~", OP_COMPLEMENT},
};

static int parse_expr(struct parser *p, struct expr **ret);
static int parse_level(struct parser *p, size_t level, struct expr **ret);

/* Names the token for a message. */
static int fail_at_token(struct parser *p, const char *expected) {
    const struct token *t = &p->lx.token;
    if (t->kind == TOKEN_END)
        return lexer_fail(&p->lx, t->column, "expected %s, found the end of the expression",
                          expected);
    return lexer_fail(&p->lx, t->column, "expected %s, found '%.*s'", expected,
                      (int)(t->len < 40 ? t->len : 40), t->text);
}

static int append(struct parser *p, struct expr *e, const char *key, struct expr *arg) {
    int r = expr_append(e, key, arg);
    return r == -E2BIG ? lexer_fail(&p->lx, e->column, "the expression is nested too deeply") : r;
}

static int expect(struct parser *p, const char *mark) {
    char expected[8];
    if (p->lx.token.kind == TOKEN_MARK && token_is(&p->lx.token, mark))
        return lexer_next(&p->lx);
    (void)snprintf(expected, sizeof(expected), "'%s'", mark);
    return fail_at_token(p, expected);
}

/* Expressions separated by commas up to `close`, which is consumed. */
static int parse_items(struct parser *p, struct expr *e, const char *close) {
    while (!token_is(&p->lx.token, close)) {
        struct expr *arg = NULL;
        int r = parse_expr(p, &arg);
        if (r == 0)
            r = append(p, e, NULL, arg);
        if (r == 0 && !token_is(&p->lx.token, close))
            r = expect(p, ",");
        if (r < 0)
            return r;
    }
    return lexer_next(&p->lx);
}

static bool token_is_key(const struct token *t) {
    return t->kind == TOKEN_NAME || t->kind == TOKEN_QUOTED ||
           (t->kind == TOKEN_LITERAL && t->value->type == VALUE_STRING);
}

static int put_key_part(const struct token *t, struct buf *b) {
    if (t->kind == TOKEN_LITERAL)
        return buf_puts(b, t->value->text);
    return buf_append(b, t->text, t->len);
}

/*
 * `a`, `a.b`, 'a b' or "a b". A key that is quoted as a whole is not split at its dots: it gets a
 * leading quote (EXPR_WHOLE_KEY).
 */
static int parse_key(struct parser *p, struct buf *key) {
    bool quoted = p->lx.token.kind != TOKEN_NAME;
    for (;;) {
        if (!token_is_key(&p->lx.token))
            return fail_at_token(p, "a key");
        if (quoted && key->len == 0)
            (void)buf_putc(key, EXPR_WHOLE_KEY);
        int r = put_key_part(&p->lx.token, key);
        if (r == 0)
            r = lexer_next(&p->lx);
        if (r < 0)
            return r == -E2BIG ? lexer_fail(&p->lx, p->lx.token.column, "the key is too long") : r;
        if (quoted || !token_is(&p->lx.token, "."))
            return 0;
        r = lexer_next(&p->lx);
        if (r < 0)
            return r;
        (void)buf_putc(key, '.');
    }
}

static int parse_record(struct parser *p, struct expr *e) {
    while (!token_is(&p->lx.token, "]")) {
        _cleanup_buf_ struct buf key = BUF_INIT(1024);
        struct expr *arg = NULL;
        int r = parse_key(p, &key);
        if (r == 0)
            r = expect(p, "=");
        if (r == 0)
            r = parse_expr(p, &arg);
        if (r == 0)
            r = append(p, e, key.data, arg);
        if (r == 0 && token_is(&p->lx.token, ","))
            r = lexer_next(&p->lx);
        else if (r == 0 && !token_is(&p->lx.token, "]"))
            r = expect(p, ";");
        if (r < 0)
            return r;
    }
    return lexer_next(&p->lx);
}

static int check_arity(struct parser *p, const struct expr *call) {
    const struct function *f = call->function;
    if (call->len >= f->min_args && call->len <= f->max_args)
        return 0;
    if (f->max_args == ARGS_MANY)
        return lexer_fail(&p->lx, call->column, "%s needs at least %u argument%s, found %zu",
                          f->name, f->min_args, f->min_args == 1 ? "" : "s", call->len);
    if (f->min_args == f->max_args)
        return lexer_fail(&p->lx, call->column, "%s needs %u argument%s, found %zu", f->name,
                          f->min_args, f->min_args == 1 ? "" : "s", call->len);
    return lexer_fail(&p->lx, call->column, "%s needs %u to %u arguments, found %zu", f->name,
                      f->min_args, f->max_args, call->len);
}

static void suggest_function(struct expr_error *error, const char *wrong, const char *near) {
    int n = snprintf(error->wrong, sizeof(error->wrong), "%s", wrong);
    (void)snprintf(error->hint, sizeof(error->hint), "did you mean %s?", near);
    error->fix = n > 0 && (size_t)n < sizeof(error->wrong) ? near : NULL;
}

/* The token after the name is '('. */
static int parse_call(struct parser *p, struct expr *name, struct expr **ret) {
    _cleanup_expr_ struct expr *e = name;
    e->kind = EXPR_CALL;
    e->function = function_find(e->name, strlen(e->name));
    if (!e->function) {
        const char *near = function_suggest(e->name);
        if (near)
            suggest_function(p->lx.error, e->name, near);
        return lexer_fail(&p->lx, e->column, "there is no function %.60s", e->name);
    }
    int r = lexer_next(&p->lx);
    if (r == 0)
        r = parse_items(p, e, ")");
    if (r == 0)
        r = check_arity(p, e);
    if (r == 0)
        *ret = TAKE_PTR(e);
    return r;
}

/* The literal that a word is, or NULL with *ret_found false. */
static struct value *word_literal(const struct token *t, bool *ret_found) {
    static const struct {
        const char *word;
        enum value_type type;
        bool boolean;
    } words[] = {
        {"true", VALUE_BOOLEAN, true},         {"false", VALUE_BOOLEAN, false},
        {"undefined", VALUE_UNDEFINED, false}, {"null", VALUE_UNDEFINED, false},
        {"error", VALUE_ERROR, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        *ret_found = token_is(t, words[i].word);
        if (*ret_found && words[i].type == VALUE_BOOLEAN)
            return value_boolean(words[i].boolean);
        if (*ret_found)
            return words[i].type == VALUE_ERROR ? value_error("error") : value_undefined();
    }
    return NULL;
}

static int parse_name(struct parser *p, struct expr **ret) {
    struct token t = p->lx.token;
    bool found = false;
    t.value = NULL;
    int r = lexer_next(&p->lx);
    if (r < 0)
        return r;
    bool call = t.kind == TOKEN_NAME && token_is(&p->lx.token, "(");
    struct value *literal = t.kind == TOKEN_NAME && !call ? word_literal(&t, &found) : NULL;
    struct expr *e =
        found ? expr_literal(literal, t.column) : expr_name(t.text, t.len, false, t.column);
    if (!e)
        return -ENOMEM;
    if (call)
        return parse_call(p, e, ret);
    *ret = e;
    return 0;
}

static int parse_literal(struct parser *p, struct expr **ret) {
    struct expr *e = expr_literal(value_ref(p->lx.token.value), p->lx.token.column);
    if (!e)
        return -ENOMEM;
    int r = lexer_next(&p->lx);
    if (r < 0) {
        expr_free(e);
        return r;
    }
    *ret = e;
    return 0;
}

static int parse_brackets(struct parser *p, struct expr **ret) {
    bool record = token_is(&p->lx.token, "[");
    _cleanup_expr_ struct expr *e = expr_new(record ? EXPR_RECORD : EXPR_LIST, p->lx.token.column);
    int r = e ? lexer_next(&p->lx) : -ENOMEM;
    if (r == 0)
        r = record ? parse_record(p, e) : parse_items(p, e, "}");
    if (r == 0)
        *ret = TAKE_PTR(e);
    return r;
}

static int parse_primary(struct parser *p, struct expr **ret) {
    const struct token *t = &p->lx.token;
    if (t->kind == TOKEN_LITERAL)
        return parse_literal(p, ret);
    if (t->kind == TOKEN_NAME || t->kind == TOKEN_QUOTED)
        return parse_name(p, ret);
    if (token_is(t, "[") || token_is(t, "{"))
        return parse_brackets(p, ret);
    if (!token_is(t, "("))
        return fail_at_token(p, "a value");
    _cleanup_expr_ struct expr *e = NULL;
    int r = lexer_next(&p->lx);
    if (r == 0)
        r = parse_expr(p, &e);
    if (r == 0)
        r = expect(p, ")");
    if (r == 0)
        *ret = TAKE_PTR(e);
    return r;
}

/* The part behind `.`: a new node that holds `base` (stolen). */
static int parse_member(struct parser *p, struct expr *base, struct expr **ret) {
    _cleanup_expr_ struct expr *e = expr_new(EXPR_MEMBER, base->column);
    if (!e) {
        expr_free(base);
        return -ENOMEM;
    }
    int r = append(p, e, NULL, base);
    if (r == 0)
        r = lexer_next(&p->lx);
    if (r == 0 && p->lx.token.kind != TOKEN_NAME && p->lx.token.kind != TOKEN_QUOTED)
        r = fail_at_token(p, "a name after '.'");
    if (r < 0)
        return r;
    e->name = strndup(p->lx.token.text, p->lx.token.len);
    r = e->name ? lexer_next(&p->lx) : -ENOMEM;
    if (r == 0)
        *ret = TAKE_PTR(e);
    return r;
}

/* resources['a/b']: a quoted name alone in brackets is the key itself, not a name to look up. */
static int parse_subscript(struct parser *p, struct expr **ret) {
    const struct lexer *lx = &p->lx;
    size_t next = lx->pos;
    while (next < lx->len && (lx->text[next] == ' ' || lx->text[next] == '\t'))
        next++;
    if (lx->token.kind != TOKEN_QUOTED || next >= lx->len || lx->text[next] != ']')
        return parse_expr(p, ret);
    _cleanup_expr_ struct expr *key =
        expr_literal(value_string_n(lx->token.text, lx->token.len), lx->token.column);
    int r = key ? lexer_next(&p->lx) : -ENOMEM;
    if (r == 0)
        *ret = TAKE_PTR(key);
    return r;
}

static int parse_index(struct parser *p, struct expr *base, struct expr **ret) {
    _cleanup_expr_ struct expr *e = expr_new(EXPR_INDEX, base->column);
    struct expr *index = NULL;
    if (!e) {
        expr_free(base);
        return -ENOMEM;
    }
    int r = append(p, e, NULL, base);
    if (r == 0)
        r = lexer_next(&p->lx);
    if (r == 0)
        r = parse_subscript(p, &index);
    if (r == 0)
        r = append(p, e, NULL, index);
    if (r == 0)
        r = expect(p, "]");
    if (r == 0)
        *ret = TAKE_PTR(e);
    return r;
}

static int parse_postfix(struct parser *p, struct expr **ret) {
    struct expr *e = NULL;
    int r = parse_primary(p, &e);
    while (r == 0) {
        struct expr *next = NULL;
        if (token_is(&p->lx.token, "."))
            r = parse_member(p, e, &next);
        else if (token_is(&p->lx.token, "["))
            r = parse_index(p, e, &next);
        else
            break;
        e = next;
    }
    if (r == 0)
        *ret = e;
    return r;
}

static int parse_unary(struct parser *p, struct expr **ret) {
    struct expr *arg = NULL;
    size_t i = 0;
    while (i < ARRAY_SIZE(unary) && !token_is(&p->lx.token, unary[i].text))
        i++;
    if (i == ARRAY_SIZE(unary))
        return parse_postfix(p, ret);
    if (p->depth >= EXPR_DEPTH_MAX)
        return lexer_fail(&p->lx, p->lx.token.column, "the expression is nested too deeply");
    _cleanup_expr_ struct expr *e = expr_new(EXPR_UNARY, p->lx.token.column);
    if (!e)
        return -ENOMEM;
    e->op = unary[i].op;
    p->depth++;
    int r = lexer_next(&p->lx);
    if (r == 0)
        r = parse_unary(p, &arg);
    if (r == 0)
        r = append(p, e, NULL, arg);
    p->depth--;
    if (r == 0)
        *ret = TAKE_PTR(e);
    return r;
}

static const struct op_row *find_operator(const struct token *t, size_t level) {
    const struct op_row *row = levels[level].ops;
    for (; row < levels[level].ops + ARRAY_SIZE(levels[level].ops) && row->text; row++)
        if (token_is(t, row->text))
            return row;
    return NULL;
}

static int parse_level(struct parser *p, size_t level, struct expr **ret) {
    _cleanup_expr_ struct expr *left = NULL;
    const struct op_row *row;
    if (level == ARRAY_SIZE(levels))
        return parse_unary(p, ret);
    int r = parse_level(p, level + 1, &left);
    while (r == 0 && (row = find_operator(&p->lx.token, level))) {
        _cleanup_expr_ struct expr *e = expr_new(EXPR_BINARY, p->lx.token.column);
        struct expr *right = NULL;
        if (!e)
            return -ENOMEM;
        e->op = row->op;
        r = append(p, e, NULL, TAKE_PTR(left));
        if (r == 0)
            r = lexer_next(&p->lx);
        if (r == 0)
            r = parse_level(p, level + 1, &right);
        if (r == 0)
            r = append(p, e, NULL, right);
        left = TAKE_PTR(e);
    }
    if (r == 0)
        *ret = TAKE_PTR(left);
    return r;
}

/* After `cond ?`: `a : b`, or `: b` for the default operator. */
static int parse_choice(struct parser *p, struct expr *e) {
    struct expr *arg = NULL;
    int r = 0;
    if (token_is(&p->lx.token, ":")) {
        e->kind = EXPR_BINARY;
        e->op = OP_DEFAULT;
    } else {
        r = parse_expr(p, &arg);
        if (r == 0)
            r = append(p, e, NULL, arg);
    }
    arg = NULL;
    if (r == 0)
        r = expect(p, ":");
    if (r == 0)
        r = parse_expr(p, &arg);
    return r == 0 ? append(p, e, NULL, arg) : r;
}

static int parse_conditional(struct parser *p, struct expr **ret) {
    _cleanup_expr_ struct expr *first = NULL;
    int r = parse_level(p, 0, &first);
    if (r == 0 && token_is(&p->lx.token, "?")) {
        _cleanup_expr_ struct expr *e = expr_new(EXPR_CONDITIONAL, p->lx.token.column);
        r = e ? append(p, e, NULL, TAKE_PTR(first)) : -ENOMEM;
        if (r == 0)
            r = lexer_next(&p->lx);
        if (r == 0)
            r = parse_choice(p, e);
        first = TAKE_PTR(e);
    }
    if (r == 0)
        *ret = TAKE_PTR(first);
    return r;
}

static int parse_expr(struct parser *p, struct expr **ret) {
    if (p->depth >= EXPR_DEPTH_MAX)
        return lexer_fail(&p->lx, p->lx.token.column, "the expression is nested too deeply");
    p->depth++;
    int r = parse_conditional(p, ret);
    p->depth--;
    return r;
}

/* There is more after the expression. */
static int fail_at_end(struct parser *p) {
    static const struct {
        const char *mark, *hint;
    } hints[] = {{"=", "write == to compare"}, {",", "a list is written {a, b}"}};
    for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
        if (token_is(&p->lx.token, hints[i].mark))
            (void)snprintf(p->lx.error->hint, sizeof(p->lx.error->hint), "%s", hints[i].hint);
    return fail_at_token(p, "an operator or the end");
}

int expr_parse(const char *text, size_t len, unsigned column, struct expr_error *error,
               struct expr **ret) {
    _cleanup_expr_ struct expr *e = NULL;
    struct parser p = {
        .lx = {.text = text, .len = len, .column = column, .error = error},
    };
    *error = (struct expr_error){0};
    int r = lexer_next(&p.lx);
    if (r == 0)
        r = parse_expr(&p, &e);
    if (r == 0 && p.lx.token.kind != TOKEN_END)
        r = fail_at_end(&p);
    lexer_done(&p.lx);
    if (r == 0)
        *ret = TAKE_PTR(e);
    return r;
}
