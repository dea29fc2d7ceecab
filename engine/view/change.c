/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "base/parse.h"
#include "model/limits.h"
#include "quote.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* Words at the root that are files already or may become some. */
static const char *const reserved[] = {
    "README", "status",  "events", "logs",     "logs.1",    "metrics",  "last_error",
    "error",  "control", "alerts", "usage",    "templates", "projects", "users",
    "groups", "system",  "nodes",  "clusters", "jobs",      "accounts", "api",
};

bool view_name_reserved(const char *name) {
    size_t len = strlen(name);
    if (len == 0 || name[0] == '.' || name[len - 1] == '~')
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
        if (strcmp(reserved[i], name) == 0)
            return true;
    return false;
}

static int check_name(const char *name, struct error *err) {
    if (strlen(name) > NAME_MAX)
        return err_kind(err, "name_too_long",
                        "the name has %zu characters: use at most %u letters, digits, _ and -",
                        strlen(name), LIMIT_NAME_BYTES);
    struct quote q;
    if (!name_valid(name))
        return err_kind(err, "invalid_name",
                        "\"%s\" is not a name: use at most %u letters, digits, _ and -, beginning "
                        "with a letter or digit",
                        quote_text(&q, name), LIMIT_NAME_BYTES);
    return 0;
}

static int check_cluster_name(const struct snapshot *s, const char *name, struct error *err) {
    struct quote q;
    if (strlen(name) <= NAME_MAX && view_name_reserved(name))
        return err_kind(err, "invalid_name", "the name \"%s\" is reserved: choose another",
                        quote_text(&q, name));
    int r = check_name(name, err);
    if (r < 0)
        return r;
    if (snapshot_cluster_named(s, name))
        return err_kind(err, "exists", "a cluster \"%s\" exists already: choose another name",
                        name);
    return 0;
}

static int check_node_name(const struct cluster *c, const char *name, struct error *err) {
    int r = check_name(name, err);
    if (r < 0)
        return r;
    if (strcmp(name, "count") == 0)
        return err_kind(err, "exists", "nodes/count is a file: choose another name for the node");
    if (cluster_node_named(c, name))
        return err_kind(err, "exists", "a node \"%s\" exists already: choose another name", name);
    return 0;
}

int view_no_memory(struct error *err) {
    return err_kind(err, "no_memory", "the server has no memory left: try again later");
}

struct command *view_command_new(const struct view_ctx *ctx, enum command_type type) {
    struct command *c = command_new(type);
    if (!c)
        return NULL;
    c->caller_uid = ctx->uid;
    c->caller_gid = ctx->gid;
    c->cluster_id = ctx->cluster ? ctx->cluster->id : 0;
    c->node_id = ctx->node ? ctx->node->id : 0;
    c->item_id = ctx->item ? ctx->item->id : 0;
    c->array_id = ctx->array && !ctx->node ? ctx->array->id : 0;
    return c;
}

static int make_named(const struct view_ctx *ctx, enum command_type type, const char *name,
                      struct command **ret, struct error *err) {
    _cleanup_(command_freep) struct command *c = view_command_new(ctx, type);
    if (!c || command_set_name(c, name) < 0)
        return view_no_memory(err);
    *ret = TAKE_PTR(c);
    return 0;
}

static int make_cluster(const struct view_ctx *ctx, const struct view_new *what,
                        struct command **ret, struct error *err) {
    int r = check_cluster_name(ctx->snapshot, what->name, err);
    if (r < 0)
        return r;
    struct command *c = NULL;
    r = make_named(ctx, COMMAND_CREATE_CLUSTER, what->name, &c, err);
    if (r < 0)
        return r;
    c->uid = ctx->uid;
    c->gid = ctx->gid;
    c->mode = what->mode & 0755;
    *ret = c;
    return 0;
}

/* Names of accounts that every system has. */
static const char *const system_users[] = {"root", "daemon", "bin", "sys", "nobody", "cyclecloud"};

/* As useradd(8) takes them: small letters, digits, _ and -. */
static bool user_name_valid(const char *name) {
    static const char first[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char later[] = "abcdefghijklmnopqrstuvwxyz_0123456789-";
    size_t len = strlen(name);
    return len > 0 && len <= LIMIT_USER_NAME_BYTES && strchr(first, name[0]) &&
           strspn(name, later) == len;
}

static int make_user(const struct view_ctx *ctx, const char *name, struct command **ret,
                     struct error *err) {
    struct quote q;
    if (!user_name_valid(name))
        return err_kind(err, "invalid_name",
                        "\"%s\" is not a user's name: use at most %u small letters, digits, _ and "
                        "-, beginning with a letter or _",
                        quote_text(&q, name), LIMIT_USER_NAME_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(system_users); i++)
        if (strcmp(system_users[i], name) == 0)
            return err_kind(err, "invalid_name",
                            "%s is an account of the system itself: choose another name", name);
    if (snapshot_item_named(ctx->snapshot, ITEM_USER, name))
        return err_kind(err, "exists", "a user %s exists: choose another name", name);
    return make_named(ctx, COMMAND_CREATE_USER, name, ret, err);
}

int view_mkdir(const struct view_ctx *ctx, const struct view_ref *dir, const struct view_new *what,
               struct command **ret, struct error *err) {
    if (dir->entry->row == ROW_ROOT)
        return make_cluster(ctx, what, ret, err);
    if (dir->entry->row == ROW_USERS)
        return make_user(ctx, what->name, ret, err);
    if (dir->entry->row != ROW_NODES)
        return err_kind(err, "not_permitted",
                        "no directory can be made here: mkdir makes clusters at the top, nodes in "
                        "nodes/ and users in users/");
    int r = check_node_name(ctx->cluster, what->name, err);
    return r < 0 ? r : make_named(ctx, COMMAND_CREATE_NODE, what->name, ret, err);
}

static const struct {
    const struct view_entry *self;
    enum command_type command;
} removals[] = {
    {&view_cluster_self, COMMAND_REMOVE_CLUSTER},
    {&view_node_self, COMMAND_REMOVE_NODE},
    {&view_user_self, COMMAND_REMOVE_USER},
};

int view_rmdir(const struct view_ctx *ctx, const struct view_ref *ref, struct command **ret,
               struct error *err) {
    if (!ref->entry->dir || ref->link)
        return err_set(err, -ENOTDIR, "invalid_value", "it is not a directory");
    for (size_t i = 0; i < ARRAY_SIZE(removals); i++) {
        if (removals[i].self != ref->entry)
            continue;
        struct command *c = view_command_new(ctx, removals[i].command);
        if (!c)
            return view_no_memory(err);
        *ret = c;
        return 0;
    }
    return err_kind(err, "not_permitted",
                    "this directory belongs to its parent: rmdir removes clusters, nodes and "
                    "users");
}

int view_rename(const struct view_ctx *ctx, const struct view_ref *ref, const char *new_name,
                struct command **ret, struct error *err) {
    if (ref->entry != &view_cluster_self)
        return err_kind(err, "not_permitted", "only clusters can be renamed");
    int r = check_cluster_name(ctx->snapshot, new_name, err);
    return r < 0 ? r : make_named(ctx, COMMAND_RENAME_CLUSTER, new_name, ret, err);
}
