/* SPDX-License-Identifier: MIT */
#ifndef MODEL_COMMAND_H
#define MODEL_COMMAND_H

/*
 * A request to the engine, made by a file write, an HTTP request or a program. The sender parses
 * its text into a command (view's store functions; pure), the engine alone applies it and answers.
 *
 * A command belongs to its maker until it is submitted (view/gateway.h), then to the engine, which
 * calls `reply` exactly once, on the engine thread, after the commit, and frees it. The callback
 * must not block; it may not call the engine.
 */

#include "base/error.h"
#include "base/list.h"
#include "object.h"

enum command_type {
    COMMAND_CREATE_CLUSTER,  /* name, uid, gid, mode */
    COMMAND_REMOVE_CLUSTER,  /* cluster_id */
    COMMAND_RENAME_CLUSTER,  /* cluster_id, name */
    COMMAND_SET_ACCESS,      /* cluster_id, uid/gid/mode where `set_*` */
    COMMAND_SET_TEMPLATE,    /* cluster_id, text */
    COMMAND_SET_PARAMETERS,  /* cluster_id, text */
    COMMAND_SET_COUNT,       /* cluster_id, [array_id], counts */
    COMMAND_SET_MAX_COUNT,   /* cluster_id, array_id, number (-1: the template's) */
    COMMAND_SET_TARGET,      /* cluster_id, [node_id], target */
    COMMAND_CONTROL,         /* cluster_id, [array_id or node_id], name = the verb */
    COMMAND_SET_KEEPALIVE,   /* cluster_id, node_id, flag */
    COMMAND_CREATE_NODE,     /* cluster_id, name */
    COMMAND_REMOVE_NODE,     /* cluster_id, node_id */
    COMMAND_SYNC,            /* cluster_id, [array_id or node_id]: answered on convergence */
    COMMAND_REFUSED,         /* a refusal made outside the engine, to be recorded: cluster_id or 0,
                                name = the file, text = the words */
    COMMAND_UNCHANGED,       /* a write of what is in force: cluster_id, name = the file; what was
                                refused before is forgotten */
    COMMAND_AGENT_REGISTER,  /* name = token, text = JSON body; reply.text = JSON answer */
    COMMAND_AGENT_STATUS,    /* name = token, text = JSON body; reply.text = JSON answer */
    COMMAND_LIBRARY_CHANGED, /* name = the path that changed */
    COMMAND_CREATE_USER,     /* name */
    COMMAND_REMOVE_USER,     /* item_id */
    COMMAND_SET_USER,        /* item_id, name = the field, text or number or flag */
    COMMAND_SET_CONFIG,      /* text */
    COMMAND_SET_ACCOUNT,     /* item_id, text; name = the file, for refusals */
    COMMAND_TYPE_MAX,
};

struct reply {
    int code;            /* 0 or a negative errno */
    const char *kind;    /* of the error, "" when fine */
    const char *message; /* the error's words, "" when fine; borrowed */
    uint64_t object_id;  /* what was created */
    int http_status;     /* agents: 200, 202, 401, 404 */
    unsigned retry_after_s;
    const char *text; /* agents: JSON body; borrowed, "" when none */
};

enum count_sign {
    COUNT_SET = '=',
    COUNT_ADD = '+',
    COUNT_SUBTRACT = '-',
};

/* One piece of a write to a count: "10", "+2", "hpc=10", "htc=-1". */
struct count_change {
    char *array; /* NULL: the only array, or the one the file belongs to */
    enum count_sign sign;
    int64_t value;
};

/* Where a command comes from. */
enum command_source {
    SOURCE_ENGINE, /* the server's own */
    SOURCE_MOUNT,
    SOURCE_AGENT, /* a node */
};

struct command {
    enum command_type type;
    enum command_source source;
    uid_t caller_uid; /* who asked: owns what is created, and gets last_error */
    gid_t caller_gid;
    uint64_t cluster_id, array_id, node_id;
    uint64_t item_id; /* a user, account, orphan */
    char *name;
    char *text; /* `len` bytes and a NUL */
    size_t len;
    struct count_change *counts;
    size_t n_counts;
    int64_t number;
    enum target target;
    bool flag;
    bool set_uid, set_gid, set_mode;
    uid_t uid;
    gid_t gid;
    mode_t mode;
    void (*reply)(void *arg, const struct reply *reply); /* may be NULL */
    void *arg;
    uint64_t ticket;  /* given by submit; names the command for cancel */
    struct list link; /* the engine's */
};

/* A zeroed command of this type, or NULL when memory ran out. */
struct command *command_new(enum command_type type);
void command_free(struct command *c);
DEFINE_CLEANUP(struct command, command_free);

/* Sets name or text to a copy. 0 or -ENOMEM. */
int command_set_name(struct command *c, const char *name);
int command_set_text(struct command *c, const char *text, size_t len);
/* Appends a change; `array` is copied, may be NULL. 0 or -ENOMEM. */
int command_add_count(struct command *c, const char *array, enum count_sign sign, int64_t value);

#endif
