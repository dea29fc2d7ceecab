/* SPDX-License-Identifier: MIT */
#include "store-value.h"

#include "base/parse.h"
#include "model/limits.h"
#include "quote.h"
#include "tables.h"

#include <errno.h>
#include <string.h>

/*
 * The verbs of `control`. Reading gives those that the state allows, each on a comment line: what
 * was read is no command, so a copy or an editor may write it back. Writing takes any of the
 * object's verbs, for the engine knows a newer state and answers EBUSY with a reason where it must.
 */
struct verb {
    const char *name;
    enum view_object object;
    bool (*allowed)(const struct view_ctx *ctx);
    const char *doc; /* what it does, for the reader of `control` */
};

static bool has_failed_node(const struct view_ctx *ctx) {
    const struct counts *counts = ctx->array ? &ctx->array->counts : &ctx->cluster->counts;
    const struct counts *heads = ctx->array ? counts : &ctx->cluster->head_counts;
    return counts->by_status[NODE_FAILED] || heads->by_status[NODE_FAILED] || counts->held ||
           heads->held;
}

static bool cluster_can_start(const struct view_ctx *ctx) {
    const struct cluster *c = ctx->cluster;
    return str_len(c->template.text) > 0 && !c->missing && c->target != TARGET_STARTED;
}

static bool cluster_can_terminate(const struct view_ctx *ctx) {
    return ctx->cluster->state != CLUSTER_OFF && ctx->cluster->target != TARGET_TERMINATED;
}

static bool array_can_terminate(const struct view_ctx *ctx) {
    return ctx->array->counts.wanted > 0;
}

static bool node_can_start(const struct view_ctx *ctx) {
    enum node_status s = ctx->node->status;
    return s == NODE_OFF || s == NODE_TERMINATED || s == NODE_DEALLOCATED || s == NODE_FAILED;
}

static bool node_has_machine(const struct view_ctx *ctx) {
    enum node_status s = ctx->node->status;
    return s == NODE_PREPARING || s == NODE_READY || s == NODE_FAILED;
}

static bool node_can_end(const struct view_ctx *ctx) {
    enum node_status s = ctx->node->status;
    return s != NODE_OFF && s != NODE_TERMINATING && s != NODE_TERMINATED;
}

static bool node_can_deallocate(const struct view_ctx *ctx) {
    return node_has_machine(ctx) && !ctx->node->keepalive;
}

static bool node_can_terminate(const struct view_ctx *ctx) {
    return node_can_end(ctx) && !ctx->node->keepalive;
}

static bool node_can_remove(const struct view_ctx *ctx) {
    return ctx->node->status != NODE_TERMINATING && !ctx->node->keepalive;
}

static bool node_can_retry(const struct view_ctx *ctx) {
    return ctx->node->status == NODE_FAILED || ctx->node->hold != HOLD_NONE;
}

static bool node_can_tell(const struct view_ctx *ctx) {
    return node_has_vm(ctx->node);
}

static bool orphan_can_terminate(const struct view_ctx *ctx) {
    return ((const struct orphan *)ctx->item)->wish != ORPHAN_TERMINATED;
}

static bool volume_can_delete(const struct view_ctx *ctx) {
    const struct volume *v = view_volume(ctx);
    bool in_use = v->wanted && ctx->cluster->target == TARGET_STARTED;
    return v->state <= VOLUME_READY && str_len(v->group) && !v->node_id && !v->intent_id && !in_use;
}

static const struct verb verbs[] = {
    {"start", VIEW_OF_CLUSTER, cluster_can_start,
     "starts the standalone nodes, and the initial nodes of each array"},
    {"terminate", VIEW_OF_CLUSTER, cluster_can_terminate,
     "terminates all nodes and deletes what they use in the cloud"},
    {"retry", VIEW_OF_CLUSTER, has_failed_node, "tries failed and held nodes again now"},
    {"terminate", VIEW_OF_ARRAY, array_can_terminate,
     "terminates all nodes of this array that have no keepalive"},
    {"retry", VIEW_OF_ARRAY, has_failed_node,
     "tries failed and held nodes of this array again now"},
    {"start", VIEW_OF_NODE, node_can_start, "starts the node"},
    {"deallocate", VIEW_OF_NODE, node_can_deallocate, "stops the VM and keeps its disks"},
    {"shutdown", VIEW_OF_NODE, node_can_terminate,
     "deallocates or terminates the node, as ShutdownPolicy says"},
    {"terminate", VIEW_OF_NODE, node_can_terminate, "deletes the VM"},
    {"remove", VIEW_OF_NODE, node_can_remove, "deletes the VM and forgets the node"},
    {"retry", VIEW_OF_NODE, node_can_retry, "tries the node again now"},
    {"console", VIEW_OF_NODE, node_can_tell, "fetches the serial console into the file `console`"},
    {"terminate", VIEW_OF_ORPHAN, orphan_can_terminate, "deletes the VM"},
    {"delete", VIEW_OF_VOLUME, volume_can_delete,
     "deletes the disk: all data on it is lost for ever"},
};

static enum view_object innermost(const struct view_ctx *ctx) {
    if (ctx->item)
        return ctx->cluster ? VIEW_OF_VOLUME : VIEW_OF_ORPHAN;
    if (ctx->node)
        return VIEW_OF_NODE;
    return ctx->array ? VIEW_OF_ARRAY : VIEW_OF_CLUSTER;
}

int show_control(const struct view_ctx *ctx, struct buf *b) {
    enum view_object object = innermost(ctx);
    size_t before = b->len;
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        if (verbs[i].object == object && verbs[i].allowed(ctx))
            (void)buf_printf(b, "# %-11s %s\n", verbs[i].name, verbs[i].doc);
    return b->len > before ? buf_error(b) : buf_puts(b, "# no verb is allowed now\n");
}

static const struct verb *find_verb(enum view_object object, const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        if (verbs[i].object == object && text_equal_fold(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

static int refuse_verb(enum view_object object, const char *text, struct error *err) {
    _cleanup_buf_ struct buf all = BUF_INIT(LIMIT_VALUE_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        if (verbs[i].object == object)
            (void)buf_printf(&all, "%s%s", all.len ? ", " : "", verbs[i].name);
    struct quote q;
    return err_kind(err, "invalid_value", "unknown verb \"%s\": write one of %s",
                    quote_text(&q, text), all.data);
}

/* Takes the comment lines out of a text. */
static void drop_comments(char *text) {
    char *to = text;
    for (char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        len += line[len] == '\n';
        if (line[strspn(line, " \t\r")] != '#') {
            memmove(to, line, len);
            to += len;
        }
        line += len;
    }
    *to = '\0';
}

int store_control(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                  struct error *err) {
    enum view_object object = innermost(ctx);
    _cleanup_free_ char *copy = NULL;
    char *value = NULL;
    int r = store_read_value(&(struct written){text, len, "write a verb such as terminate"}, &copy,
                             &value, err);
    if (r < 0)
        return r;
    drop_comments(value);
    value = text_trim(value);
    if (!*value) {
        *ret = NULL;
        return 0;
    }
    const struct verb *verb = find_verb(object, value);
    if (!verb)
        return refuse_verb(object, value, err);
    _cleanup_(command_freep) struct command *c = view_command_new(ctx, COMMAND_CONTROL);
    if (!c || command_set_name(c, verb->name) < 0)
        return view_no_memory(err);
    *ret = TAKE_PTR(c);
    return 0;
}
