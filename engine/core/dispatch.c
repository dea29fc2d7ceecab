/* SPDX-License-Identifier: MIT */
#include "internal.h"

/* Commands that answer for themselves stand apart (agents, sync, refusals). */
static const command_apply appliers[COMMAND_TYPE_MAX] = {
    [COMMAND_CREATE_CLUSTER] = apply_create_cluster,
    [COMMAND_REMOVE_CLUSTER] = apply_remove_cluster,
    [COMMAND_RENAME_CLUSTER] = apply_rename_cluster,
    [COMMAND_SET_ACCESS] = apply_set_access,
    [COMMAND_SET_TEMPLATE] = apply_set_template,
    [COMMAND_SET_PARAMETERS] = apply_set_parameters,
    [COMMAND_UNCHANGED] = apply_unchanged,
    [COMMAND_SET_COUNT] = apply_set_count,
    [COMMAND_SET_MAX_COUNT] = apply_set_max_count,
    [COMMAND_SET_TARGET] = apply_set_target,
    [COMMAND_CONTROL] = apply_control,
    [COMMAND_SET_KEEPALIVE] = apply_set_keepalive,
    [COMMAND_CREATE_NODE] = apply_create_node,
    [COMMAND_REMOVE_NODE] = apply_remove_node,
    [COMMAND_SET_CONFIG] = apply_set_config,
    [COMMAND_SET_ACCOUNT] = apply_set_account,
    [COMMAND_CREATE_USER] = apply_create_user,
    [COMMAND_REMOVE_USER] = apply_remove_user,
    [COMMAND_SET_USER] = apply_set_user,
    [COMMAND_LIBRARY_CHANGED] = apply_library_changed,
};

static void record_refusal(struct engine *e, struct command *c) {
    _cleanup_error_ struct error err = ERROR_INIT;
    err_set(&err, -EINVAL, "invalid_value", "%s", c->text ? c->text : "");
    answer_record(e, c, &err);
    answer_ok(e, c, 0);
}

static void apply_one(struct engine *e, struct command *c) {
    _cleanup_error_ struct error err = ERROR_INIT;
    uint64_t id = 0;
    int r = appliers[c->type](e, c, &err, &id);
    if (r == -ENOMEM)
        engine_fail(e, r); /* it may be half done: the build goes */
    if (r < 0 && !err.code)
        err_wrap(&err, r, "the server could not do it");
    if (id && c->type == COMMAND_CREATE_CLUSTER)
        c->cluster_id = id;
    answer_record(e, c, r < 0 ? &err : NULL);
    if (r < 0)
        answer_error(e, c, &err);
    else
        answer_ok(e, c, id);
}

void command_dispatch(struct engine *e, struct command *c) {
    struct snapshot *root = builder_root(e->builder);
    if (root)
        root->server.commands++;
    switch (c->type) {
    case COMMAND_SYNC:
        answer_park(e, c);
        return;
    case COMMAND_REFUSED:
        record_refusal(e, c);
        return;
    case COMMAND_AGENT_REGISTER:
        apply_agent_register(e, c);
        return;
    case COMMAND_AGENT_STATUS:
        apply_agent_status(e, c);
        return;
    default:
        apply_one(e, c);
    }
}
