/* SPDX-License-Identifier: MIT */
#ifndef VIEW_STORE_VALUE_H
#define VIEW_STORE_VALUE_H

/*
 * Inside view only: how the text written to a file becomes a command. Each gives a new command in
 * *ret, or a refusal: -EINVAL, -ERANGE, -E2BIG, -EFBIG, -EDQUOT or -ENOMEM with words in `err`. The
 * words do not name the file: who records a refusal (COMMAND_REFUSED) puts "refused: FILE: " before
 * them. Pure; any thread.
 */

#include "tables.h"

/* What was written to a value file, and the words that say what could be. */
struct written {
    const char *text;
    size_t len;
    const char *hint;
};

/* The value as a C string without blanks around it. The caller frees *ret_copy; *ret_value points
   into it. 0, -E2BIG, -EINVAL (empty, a NUL byte) or -ENOMEM. */
int store_read_value(const struct written *w, char **ret_copy, char **ret_value, struct error *err);
/* true or false, in the words that people use for them. 0, -E2BIG, -EINVAL or -ENOMEM. */
int store_read_flag(const char *text, size_t len, struct error *err, bool *ret);

/* "10", "+2", "hpc=10 htc=+1": nodes/count and arrays/A/count. */
int store_count(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                struct error *err);
/* A number, `max` (no limit) or `default` (what the template says). */
int store_max_count(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                    struct error *err);
/* started, terminated; of a node also deallocated. */
int store_cluster_state(const struct view_ctx *ctx, const char *text, size_t len,
                        struct command **ret, struct error *err);
int store_node_state(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                     struct error *err);
/* One of the verbs of the kind of object; no command for comments alone. */
int store_control(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                  struct error *err);
int store_keepalive(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                    struct error *err);
/* Whole documents. */
int store_template(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                   struct error *err);
int store_parameters(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                     struct error *err);

/* system/config and system/accounts/NAME. */
int store_config(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                 struct error *err);
int store_account(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                  struct error *err);

/* What no later text can repair; DOC rows' `check`. */
int check_template(const char *text, size_t len, struct error *err);
int check_parameters(const char *text, size_t len, struct error *err);

/* `control` reads the verbs that the state allows now, each on a comment line with what it does. */
int show_control(const struct view_ctx *ctx, struct buf *b);

#endif
