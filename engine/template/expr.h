/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_EXPR_H
#define TEMPLATE_EXPR_H

/*
 * Expressions as trees. Everything on the right of `=` becomes one: a plain value is a literal,
 * `a, b` a list, `x-$Name` a concatenation. A tree never changes once it is parsed.
 */

#include "value.h"

/* Bounds the recursion of whoever walks a tree. */
#define EXPR_DEPTH_MAX 200u

enum expr_kind {
    EXPR_LITERAL,
    EXPR_NAME,
    EXPR_CONCAT, /* of text and substitutions; always a text */
    EXPR_LIST,
    EXPR_RECORD,
    EXPR_UNARY,
    EXPR_BINARY,
    EXPR_CONDITIONAL, /* args: condition, then, else */
    EXPR_MEMBER,      /* args[0] . name */
    EXPR_INDEX,       /* args[0] [ args[1] ] */
    EXPR_CALL,
};

enum operator{
    OP_OR,
    OP_AND,
    OP_BIT_OR,
    OP_BIT_XOR,
    OP_BIT_AND,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_IS,
    OP_ISNT,
    OP_IN,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_SHIFT_LEFT,
    OP_SHIFT_RIGHT,
    OP_SHIFT_RIGHT_ZERO,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_REMAINDER,
    OP_NOT,
    OP_MINUS,
    OP_PLUS,
    OP_COMPLEMENT,
    OP_DEFAULT, /* a ?: b */
};

struct function;

struct expr {
    enum expr_kind kind;
    enum operator op;
    bool strict; /* `$Name` outside `${}`: an unknown name is an error */
    bool weak;   /* `$4Name`: a plain text unless a parameter of that name is declared or given */
    unsigned column;
    unsigned depth;
    struct value *literal;
    char *name;
    const struct function *function;
    struct expr **args;
    char **keys; /* of a record: paths, or EXPR_WHOLE_KEY and a key that is not split */
    size_t len, cap;
};

#define EXPR_WHOLE_KEY '"'

struct expr *expr_new(enum expr_kind kind, unsigned column);
/* Steals `value`; NULL if it is NULL. */
struct expr *expr_literal(struct value *value, unsigned column);
struct expr *expr_name(const char *name, size_t len, bool strict, unsigned column);
/* Steals `arg`, also on failure. `key` (copied) is for records. 0, -ENOMEM, -E2BIG (too deep). */
int expr_append(struct expr *e, const char *key, struct expr *arg);
void expr_free(struct expr *e);
DEFINE_CLEANUP(struct expr, expr_free);
#define _cleanup_expr_ _cleanup_(expr_freep)

/* Where an expression is wrong, and how. */
struct expr_error {
    unsigned column;
    char text[160];
    char hint[80];
    char wrong[64];  /* the name at `column` that should be another one, "" = none */
    const char *fix; /* that other one, NULL = none is known */
};

/*
 * Parses `text` (len bytes, one line). `column` is that of its first byte. Returns 0, -EINVAL
 * (`error` is filled), or -ENOMEM. *ret is new.
 */
int expr_parse(const char *text, size_t len, unsigned column, struct expr_error *error,
               struct expr **ret);

/* Length of the `${...}` that `text` starts with, braces and all; 0 if it is not closed. */
size_t expr_braces(const char *text, size_t len);

/* Calls `visit` for each name in the tree until it returns non-zero, and returns that. */
int expr_visit_names(const struct expr *e, int (*visit)(void *arg, const struct expr *name),
                     void *arg);

/* Length of the identifier [A-Za-z_][A-Za-z0-9_]* that `text` starts with, 0 if none. */
size_t identifier_length(const char *text, size_t len);

#endif
