/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_KQL_EXPR_H
#define SIMULATOR_KQL_EXPR_H

/* Tokens and expressions of the query language in kql.h. */

#include "base/error.h"
#include "base/vec.h"
#include "jsonx.h"

enum { KQL_NAME_MAX = 256, KQL_DEPTH_MAX = 64 };

enum kql_token_kind { KQL_END, KQL_NAME, KQL_TEXT, KQL_NUMBER, KQL_SIGN };

/* A cursor over the text with the token it stands on. */
struct kql_reader {
    const char *at;
    enum kql_token_kind kind;
    char token[KQL_NAME_MAX]; /* a text without its quotes */
    unsigned depth;
    struct error *err;
};

struct kql_expr;

/* Starts reading, on the first token. 0 or -EINVAL with words in the reader's `err`. */
int kql_reader_start(struct kql_reader *reader, const char *text, struct error *err);
/* Goes to the next token. 0 or -EINVAL. */
int kql_next(struct kql_reader *reader);
/* Whether the reader stands on this word (any case) or sign. */
bool kql_is(const struct kql_reader *reader, const char *word);
/* Goes past this word or sign. 0, or -EINVAL when something else stands there. */
int kql_expect(struct kql_reader *reader, const char *word);
/* Says what is wrong at the reader's place. Returns -EINVAL. */
int kql_fail(struct kql_reader *reader, const char *wanted);

/* Reads an expression. 0, -ENOMEM or -EINVAL. */
int kql_expr_read(struct kql_reader *reader, struct kql_expr **ret);
void kql_expr_free(struct kql_expr *expr);
/* Its value for a row: a new value, json null when there is none. NULL: out of memory. */
json_t *kql_expr_value(const struct kql_expr *expr, json_t *row);
/* Whether it holds for a row. */
bool kql_expr_true(const struct kql_expr *expr, json_t *row);
/* Order of two values: numbers by size, texts by bytes, null first. */
int kql_compare(json_t *a, json_t *b);

#endif
