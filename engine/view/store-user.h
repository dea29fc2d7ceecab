/* SPDX-License-Identifier: MIT */
#ifndef VIEW_STORE_USER_H
#define VIEW_STORE_USER_H

/* Inside view only: what is written to the files of a user. As store-value.h. */

#include "tables.h"

int store_user_uid(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                   struct error *err);
int store_user_gid(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                   struct error *err);
int store_user_role(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                    struct error *err);
int store_user_shell(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                     struct error *err);
int store_user_keys(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                    struct error *err);
/* Hashes at once, which takes some 50 ms: the password itself never reaches the engine. */
int store_user_password(const struct view_ctx *ctx, const char *text, size_t len,
                        struct command **ret, struct error *err);
int store_user_disabled(const struct view_ctx *ctx, const char *text, size_t len,
                        struct command **ret, struct error *err);

#endif
