/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_EXPR_LEX_H
#define TEMPLATE_EXPR_LEX_H

/* The words of an expression, one at a time. Used by the parser of expressions alone. */

#include "expr.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,    /* text: identifier, also of `$Name` */
    TOKEN_QUOTED,  /* text: inside of '...' */
    TOKEN_LITERAL, /* value */
    TOKEN_MARK,    /* text: an operator or a bracket, longest match */
};

struct token {
    enum token_kind kind;
    const char *text; /* into the source, not terminated */
    size_t len;
    struct value *value;
    unsigned column;
};

struct lexer {
    const char *text;
    size_t len, pos;
    unsigned column; /* of text[0] */
    struct token token;
    struct expr_error *error;
};

/* Moves on to the next token. 0, -EINVAL (error filled) or -ENOMEM. */
int lexer_next(struct lexer *lx);
void lexer_done(struct lexer *lx);

/* Fills the error of `lx` and returns -EINVAL. */
int lexer_fail(struct lexer *lx, unsigned column, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* True if the token is this mark, or this word in any case. */
bool token_is(const struct token *t, const char *text);

#endif
