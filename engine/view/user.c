/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "show.h"
#include "store-user.h"

static int show_uid(const struct view_ctx *ctx, struct buf *b) {
    return show_number(b, view_user(ctx)->uid);
}

static int show_gid(const struct view_ctx *ctx, struct buf *b) {
    return show_number(b, view_user(ctx)->gid);
}

static int show_role(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(view_user(ctx)->role));
}

static int show_shell(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, str_text(view_user(ctx)->shell));
}

static int show_keys(const struct view_ctx *ctx, struct buf *b) {
    return show_text(b, view_user(ctx)->authorized_keys, "");
}

static int show_disabled(const struct view_ctx *ctx, struct buf *b) {
    return show_line(b, view_user(ctx)->disabled ? "true" : "false");
}

static const struct view_entry entries[] = {
    {.name = "uid",
     .row = ROW_USER_UID,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_uid,
     .store = store_user_uid,
     .doc = "number of the user on the nodes; no two users have the same"},
    {.name = "gid",
     .row = ROW_USER_GID,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_gid,
     .store = store_user_gid,
     .doc = "number of the user's group on the nodes"},
    {.name = "role",
     .row = ROW_USER_ROLE,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_role,
     .store = store_user_role,
     .doc = "user or admin"},
    {.name = "shell",
     .row = ROW_USER_SHELL,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_shell,
     .store = store_user_shell,
     .doc = "login shell, an absolute path"},
    {.name = "authorized_keys",
     .row = ROW_USER_KEYS,
     .kind = VIEW_DOC,
     .mode = 0644,
     .show = show_keys,
     .store = store_user_keys,
     .doc = "public SSH keys, as in ~/.ssh/authorized_keys; checked when the writer closes"},
    {.name = "password",
     .row = ROW_USER_PASSWORD,
     .kind = VIEW_ATTR,
     .mode = 0200,
     .store = store_user_password,
     .doc = "write one, or `!` for none; only a yescrypt hash is kept, and nobody can read it"},
    {.name = "disabled",
     .row = ROW_USER_DISABLED,
     .kind = VIEW_ATTR,
     .mode = 0644,
     .show = show_disabled,
     .store = store_user_disabled,
     .doc = "true or false; a disabled user cannot log in"},
};

static const struct view_dir user_dir = {
    .entries = entries,
    .n_entries = ARRAY_SIZE(entries),
};

const struct view_entry view_user_self = {
    .name = "USER",
    .row = ROW_USER,
    .kind = VIEW_DIR,
    .mode = 0755,
    .dir = &user_dir,
    .doc = "one user",
};

const struct view_dir view_users_dir = {
    .lists = VIEW_OF_USER,
};
