/* SPDX-License-Identifier: MIT */
#include "credentials.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define OUTCOME_BYTES ((size_t)64 << 10) /* of a refusal, where it is kept to be read */

struct answer *answer_new(struct command *command) {
    struct answer *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    list_init(&a->link);
    a->command = command;
    return a;
}

void answer_free(struct answer *a) {
    if (!a)
        return;
    list_del(&a->link);
    command_free(a->command);
    free(a->kind);
    free(a->message);
    free(a->text);
    free(a);
}

static void reply_to(struct command *c, const struct reply *reply) {
    if (c->reply)
        c->reply(c->arg, reply);
}

static void give(struct answer *a) {
    struct reply reply = {
        .code = a->code,
        .kind = a->kind ? a->kind : "",
        .message = a->message ? a->message : "",
        .object_id = a->object_id,
        .http_status = a->http_status,
        .retry_after_s = a->retry_after_s,
        .text = a->text ? a->text : "",
    };
    reply_to(a->command, &reply);
    answer_free(a);
}

/* An answer for which there is no memory is given at once, and says so. */
static struct answer *answer_or_refuse(struct command *c) {
    struct answer *a = answer_new(c);
    if (a)
        return a;
    reply_to(c, &(struct reply){.code = -ENOMEM,
                                .kind = "no_memory",
                                .message = "the server has no memory left: try again later",
                                .text = "",
                                .http_status = 503,
                                .retry_after_s = 10});
    command_free(c);
    return NULL;
}

void answer_ok(struct engine *e, struct command *c, uint64_t object_id) {
    struct answer *a = answer_or_refuse(c);
    if (!a)
        return;
    a->object_id = object_id;
    list_add_tail(&e->answers, &a->link);
}

void answer_error(struct engine *e, struct command *c, const struct error *err) {
    struct answer *a = answer_or_refuse(c);
    if (!a)
        return;
    a->code = err->code ? err->code : -EIO;
    a->kind = strdup(err->kind ? err->kind : "internal");
    a->message = strdup(err_text(err));
    list_add_tail(&e->answers, &a->link);
}

void answer_agent(struct engine *e, struct command *c, int status, unsigned retry_after_s,
                  const char *text) {
    struct answer *a = answer_or_refuse(c);
    if (!a)
        return;
    a->http_status = status;
    a->retry_after_s = retry_after_s;
    a->text = strdup(text);
    if (!a->text) {
        a->http_status = 503;
        a->retry_after_s = 10;
    }
    list_add_tail(&e->answers, &a->link);
}

void answer_park(struct engine *e, struct command *c) {
    const struct cluster *cluster = snapshot_cluster(engine_state(e), c->cluster_id);
    struct answer *a = answer_or_refuse(c);
    if (!a)
        return;
    /* the wish in force at the call */
    a->object_id = cluster ? (uint64_t)cluster->target : 0;
    list_add_tail(&e->parked, &a->link);
}

/* Gives every answer of the tick; `code` < 0 replaces what was to be a success. */
void answer_give_all(struct engine *e, int code, const char *message) {
    struct list taken;
    list_init(&taken);
    list_for_each_safe(link, next, &e->answers) {
        list_del(link);
        list_add_tail(&taken, link);
    }
    list_for_each_safe(link, next, &taken) {
        struct answer *a = list_entry(link, struct answer, link);
        if (code < 0 && a->code == 0) {
            a->code = code;
            a->http_status = a->http_status ? 503 : 0;
            a->retry_after_s = 5;
            free(a->kind);
            free(a->message);
            a->kind = strdup("store");
            a->message = strdup(message);
        }
        give(a);
    }
}

static void finish(struct answer *a, int code, const char *kind, const char *message) {
    a->code = code;
    a->object_id = 0;
    a->kind = strdup(kind);
    a->message = strdup(message);
    give(a);
}

enum progress {
    PROGRESS_GOING,
    PROGRESS_REACHED,
    PROGRESS_STUCK, /* a person must act */
};

static enum progress node_progress(const struct node *n) {
    if (n->hold >= HOLD_PERSON || n->status == NODE_FAILED)
        return PROGRESS_STUCK;
    return n->status == target_status(n->target) ? PROGRESS_REACHED : PROGRESS_GOING;
}

/* The nodes of an array together. One that is on its way ends the search, so the lists that may
   have such come first. */
static enum progress array_progress(const struct cluster *c, uint64_t array_id) {
    static const enum node_list lists[] = {NODES_UNPLACED, NODES_PLACED, NODES_UNREADY,
                                           NODES_LEAVING,  NODES_FAILED, NODES_READY};
    enum progress all = PROGRESS_REACHED;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        uint64_t position = 0;
        const struct node *n;
        while ((n = cluster_next_listed(c, array_id, lists[i], &position))) {
            enum progress p = node_progress(n);
            if (p == PROGRESS_GOING)
                return p;
            all = p == PROGRESS_STUCK ? p : all;
        }
    }
    return all;
}

/* The nodes of a cluster, or of one array of it, together. */
static enum progress nodes_progress(const struct cluster *c, uint64_t array_id) {
    if (array_id)
        return array_progress(c, array_id);
    enum progress all = PROGRESS_REACHED;
    for (size_t i = 0; i < c->arrays.len && !cluster_settled(c); i++) {
        enum progress p = array_progress(c, cluster_array(c, i)->id);
        if (p == PROGRESS_GOING)
            return p;
        all = p == PROGRESS_STUCK ? p : all;
    }
    return all;
}

static enum progress sync_progress(const struct cluster *c, const struct command *command) {
    if (command->node_id) {
        const struct node *n = cluster_node(c, command->node_id);
        return n ? node_progress(n) : PROGRESS_REACHED;
    }
    if (c->target == TARGET_TERMINATED && c->state == CLUSTER_TERMINATING)
        return PROGRESS_GOING;
    return nodes_progress(c, command->array_id);
}

static void sync_check(struct engine *e, struct answer *a) {
    const struct command *command = a->command;
    const struct cluster *c = snapshot_cluster(engine_state(e), command->cluster_id);
    if (!c || (a->object_id == TARGET_STARTED && c->target == TARGET_TERMINATED)) {
        finish(a, -ECANCELED, "canceled", "the cluster was terminated while sync waited for it");
        return;
    }
    a->object_id = (uint64_t)c->target;
    const struct work *w = engine_work(e, c->id);
    if (w && !w->listed && credentials_refused(e, c)) {
        finish(a, -EIO, "blocked",
               "the cloud refuses the credentials of the cluster's account, nothing can be done: "
               "`error` has its words; correct them in system/accounts");
        return;
    }
    switch (sync_progress(c, command)) {
    case PROGRESS_GOING:
        return;
    case PROGRESS_REACHED:
        finish(a, 0, "", "");
        return;
    case PROGRESS_STUCK:
        finish(a, -EIO, "blocked",
               "nothing will change until a person acts: the file `error` of the cluster says "
               "which nodes "
               "wait and why");
        return;
    }
}

/* A wait that the engine has not come to park yet, because the store cannot be written. */
static void interrupt_queued(struct engine *e, uint64_t ticket) {
    struct command *c = queue_take_ticket(e, ticket);
    if (!c)
        return;
    reply_to(c, &(struct reply){
                    .code = -EINTR, .kind = "interrupted", .message = "interrupted", .text = ""});
    command_free(c);
}

void answer_cancelled(struct engine *e) {
    uint64_t ticket;
    while (queue_cancelled(e, &ticket)) {
        list_for_each_safe(link, next, &e->parked) {
            struct answer *a = list_entry(link, struct answer, link);
            if (a->command->ticket == ticket)
                finish(a, -EINTR, "interrupted", "interrupted");
        }
        interrupt_queued(e, ticket);
    }
}

void answer_parked(struct engine *e, bool all) {
    answer_cancelled(e);
    list_for_each_safe(link, next, &e->parked) {
        struct answer *a = list_entry(link, struct answer, link);
        if (all)
            finish(a, -ECANCELED, "canceled", "the server is stopping");
        else
            sync_check(e, a);
    }
}

static const char *const files[COMMAND_TYPE_MAX] = {
    [COMMAND_CREATE_CLUSTER] = "mkdir",    [COMMAND_REMOVE_CLUSTER] = "rmdir",
    [COMMAND_RENAME_CLUSTER] = "mv",       [COMMAND_SET_ACCESS] = "chmod",
    [COMMAND_SET_TEMPLATE] = "template",   [COMMAND_SET_PARAMETERS] = "parameters",
    [COMMAND_SET_COUNT] = "nodes/count",   [COMMAND_SET_MAX_COUNT] = "max_count",
    [COMMAND_SET_TARGET] = "state",        [COMMAND_CONTROL] = "control",
    [COMMAND_SET_KEEPALIVE] = "keepalive", [COMMAND_CREATE_NODE] = "nodes",
    [COMMAND_REMOVE_NODE] = "nodes",       [COMMAND_CREATE_USER] = "mkdir",
    [COMMAND_REMOVE_USER] = "rmdir",       [COMMAND_SET_CONFIG] = "system/config",
};

static const char *command_file(const struct command *c) {
    if (c->type == COMMAND_REFUSED || c->type == COMMAND_SET_USER || c->type == COMMAND_SET_ACCOUNT)
        return c->name ? c->name : "";
    return files[c->type] ? files[c->type] : "";
}

/* Replaces the words for this reader; the oldest of too many goes. */
static void record_last_error(struct engine *e, uid_t uid, const char *text) {
    struct snapshot *root = builder_root(e->builder);
    if (!root)
        return;
    size_t at = 0;
    while (at < root->n_last_errors && root->last_errors[at].uid != uid)
        at++;
    if (at == root->n_last_errors) {
        if (at >= LIMIT_LAST_ERRORS) {
            at = 0;
            for (size_t i = 1; i < root->n_last_errors; i++)
                if (root->last_errors[i].at < root->last_errors[at].at)
                    at = i;
        } else {
            root->n_last_errors++;
        }
    }
    root->last_errors[at].uid = uid;
    root->last_errors[at].at = engine_now(e);
    edit_text_cut(e, &root->last_errors[at].text, text, OUTCOME_BYTES);
}

void answer_record(struct engine *e, const struct command *c, const struct error *err) {
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    if (err)
        buf_printf(&text, "refused: %s: %s", command_file(c), err_text(err));
    else
        buf_puts(&text, "ok");
    if (err)
        record_last_error(e, c->caller_uid, text.data);
    if (!snapshot_cluster(engine_state(e), c->cluster_id))
        return;
    struct cluster *cluster = edit_cluster_quietly(e, c->cluster_id, err ? VOLATILE : DURABLE);
    if (cluster)
        edit_text_cut(e, &cluster->outcome, text.data, OUTCOME_BYTES);
}
