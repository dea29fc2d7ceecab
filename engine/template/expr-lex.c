/* SPDX-License-Identifier: MIT */
#include "expr-lex.h"

#include "reader.h"

#include "base/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int lexer_fail(struct lexer *lx, unsigned column, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(lx->error->text, sizeof(lx->error->text), fmt, args);
    va_end(args);
    lx->error->column = column;
    return -EINVAL;
}

void lexer_done(struct lexer *lx) {
    value_unref(lx->token.value);
    lx->token.value = NULL;
}

bool token_is(const struct token *t, const char *text) {
    if (t->kind != TOKEN_MARK && t->kind != TOKEN_NAME)
        return false;
    return strlen(text) == t->len && strncasecmp(t->text, text, t->len) == 0;
}

/* Takes the next `len` bytes as a token. */
static int take(struct lexer *lx, enum token_kind kind, size_t len) {
    lx->token.kind = kind;
    lx->token.text = lx->text + lx->pos;
    lx->token.len = len;
    lx->pos += len;
    return 0;
}

static int take_value(struct lexer *lx, size_t len, struct value *value) {
    lx->token.value = value;
    (void)take(lx, TOKEN_LITERAL, len);
    return value ? 0 : -ENOMEM;
}

/* "text" with the escapes \" \\ \n \t \r; any other backslash stays. */
static int lex_string(struct lexer *lx) {
    static const char from[] = "nrt\"\\", to[] = "\n\r\t\"\\";
    _cleanup_buf_ struct buf b = BUF_INIT(VALUE_TEXT_MAX);
    size_t i = lx->pos + 1;
    for (; i < lx->len && lx->text[i] != '"'; i++) {
        const char *escape = NULL;
        if (lx->text[i] == '\\' && i + 1 < lx->len)
            escape = strchr(from, lx->text[i + 1]);
        (void)buf_putc(&b, escape ? to[escape - from] : lx->text[i]);
        i += escape != NULL;
    }
    if (i >= lx->len)
        return lexer_fail(lx, lx->token.column, "this quote is not closed");
    if (buf_error(&b) < 0)
        return buf_error(&b) == -ENOMEM
                   ? -ENOMEM
                   : lexer_fail(lx, lx->token.column, "the text is longer than 1 MiB");
    return take_value(lx, i + 1 - lx->pos, value_string(b.data));
}

static int lex_quoted_name(struct lexer *lx) {
    const char *start = lx->text + lx->pos + 1;
    const char *end = memchr(start, '\'', lx->len - lx->pos - 1);
    if (!end)
        return lexer_fail(lx, lx->token.column, "this quote is not closed");
    lx->pos++;
    (void)take(lx, TOKEN_QUOTED, (size_t)(end - start));
    lx->pos++;
    return 0;
}

static int lex_time(struct lexer *lx) {
    const char *start = lx->text + lx->pos + 1;
    const char *end = memchr(start, '`', lx->len - lx->pos - 1);
    char text[24];
    int64_t seconds;
    size_t n = end ? (size_t)(end - start) : 0;
    if (n == 0 || n >= sizeof(text))
        return lexer_fail(lx, lx->token.column, "a time is written `10m`, with s, m, h or d");
    memcpy(text, start, n);
    text[n] = '\0';
    if (value_parse_time(text, &seconds) < 0)
        return lexer_fail(lx, lx->token.column, "`%s` is not a time, write `10m` with s, m, h or d",
                          text);
    return take_value(lx, n + 2, value_time(seconds));
}

static size_t span_digits(const char *p, size_t len) {
    size_t n = 0;
    while (n < len && p[n] >= '0' && p[n] <= '9')
        n++;
    return n;
}

static size_t number_length(const char *p, size_t len, bool *ret_is_real) {
    size_t n = span_digits(p, len);
    *ret_is_real = false;
    if (n + 1 < len && p[n] == '.' && span_digits(p + n + 1, 1)) {
        n += 1 + span_digits(p + n + 1, len - n - 1);
        *ret_is_real = true;
    }
    if (n < len && (p[n] | 0x20) == 'e') {
        size_t sign = n + 1 < len && (p[n + 1] == '+' || p[n + 1] == '-');
        size_t digits = n + 1 + sign < len ? span_digits(p + n + 1 + sign, len - n - 1 - sign) : 0;
        if (digits) {
            n += 1 + sign + digits;
            *ret_is_real = true;
        }
    }
    return n;
}

static int lex_number(struct lexer *lx) {
    bool is_real;
    char text[64];
    int64_t i;
    size_t n = number_length(lx->text + lx->pos, lx->len - lx->pos, &is_real);
    if (n >= sizeof(text))
        return lexer_fail(lx, lx->token.column, "this number is too long");
    memcpy(text, lx->text + lx->pos, n);
    text[n] = '\0';
    if (!is_real && parse_i64(text, &i) < 0)
        return lexer_fail(lx, lx->token.column, "%s is too large for a whole number", text);
    _cleanup_value_ struct value *v = is_real ? value_real(strtod(text, NULL)) : value_integer(i);
    if (!v || (v->type != VALUE_ERROR && value_set_source(v, text, n) < 0))
        return -ENOMEM;
    return take_value(lx, n, TAKE_PTR(v));
}

static int lex_mark(struct lexer *lx) {
    static const char *const marks[] = {
        "=?=", "=!=", "===", "!==", ">>>", "==", "!=", "<=", ">=", "&&", "||", "<<", ">>",
        "<",   ">",   "+",   "-",   "*",   "/",  "%",  "!",  "~",  "&",  "|",  "^",  "?",
        ":",   ".",   ",",   ";",   "=",   "(",  ")",  "[",  "]",  "{",  "}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        size_t n = strlen(marks[i]);
        if (n <= lx->len - lx->pos && memcmp(lx->text + lx->pos, marks[i], n) == 0)
            return take(lx, TOKEN_MARK, n);
    }
    unsigned char c = (unsigned char)lx->text[lx->pos];
    if (c >= 0x80)
        return lexer_fail(lx, lx->token.column, "this character has no meaning in an expression");
    return lexer_fail(lx, lx->token.column, "'%c' has no meaning in an expression", c);
}

/* A name, `$Name`, or a mark. */
static int lex_word(struct lexer *lx) {
    const char *p = lx->text + lx->pos;
    size_t left = lx->len - lx->pos;
    size_t n = *p == '$' ? identifier_length(p + 1, left - 1) : 0;
    if (n > 0) {
        lx->pos++;
        return take(lx, TOKEN_NAME, n);
    }
    n = identifier_length(p, left);
    return n > 0 ? take(lx, TOKEN_NAME, n) : lex_mark(lx);
}

static bool starts_number(const char *p, size_t left) {
    return span_digits(p, 1) || (left > 1 && *p == '.' && span_digits(p + 1, 1));
}

int lexer_next(struct lexer *lx) {
    static int (*const quotes[])(struct lexer *) = {
        ['"'] = lex_string, ['\''] = lex_quoted_name, ['`'] = lex_time};
    lexer_done(lx);
    lx->pos += blanks_length(lx->text + lx->pos, lx->len - lx->pos);
    lx->token.column = lx->column + (unsigned)lx->pos;
    if (lx->pos >= lx->len)
        return take(lx, TOKEN_END, 0);
    const char *p = lx->text + lx->pos;
    unsigned char c = (unsigned char)*p;
    if (c < ARRAY_SIZE(quotes) && quotes[c])
        return quotes[c](lx);
    return starts_number(p, lx->len - lx->pos) ? lex_number(lx) : lex_word(lx);
}
