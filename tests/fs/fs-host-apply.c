/* SPDX-License-Identifier: MIT */
#include "fs-host.h"

#include "model/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

DEFINE_VEC(id_list, uint64_t);

static uint64_t new_id(struct host *h) {
    return h->next_id++;
}

static usec_t now(void) {
    return clock_wall(&clock_real);
}

static int no_cluster(struct error *err) {
    return err_kind(err, "not_found", "there is no such cluster");
}

static struct cluster *cluster_of(struct builder *b, const struct command *c) {
    return builder_cluster(b, c->cluster_id, DURABLE);
}

/* The only array of a cluster. */
static const struct array *array_of(const struct builder *b, uint64_t cluster_id) {
    const struct cluster *cl = snapshot_cluster(builder_snapshot(b), cluster_id);
    return cl && cl->arrays.len ? cluster_array(cl, 0) : NULL;
}

static int create_cluster(struct host *h, struct builder *b, const struct command *c,
                          struct error *err) {
    if (snapshot_cluster_named(builder_snapshot(b), c->name))
        return err_kind(err, "exists", "a cluster of this name exists");
    uint64_t id = h->made_id = new_id(h);
    struct cluster *cl = builder_add_cluster(b, id, c->name);
    if (!cl)
        return -ENOMEM;
    cl->uid = c->uid;
    cl->gid = c->gid;
    cl->mode = c->mode;
    cl->created_at = cl->changed_at = now();
    struct array *a = builder_add_array(b, id, new_id(h), "execute");
    if (!a)
        return -ENOMEM;
    a->is_array = true;
    a->max_count_set = 100000;
    return 0;
}

static int add_nodes(struct host *h, struct builder *b, uint64_t cluster_id, int64_t n) {
    const struct array *a = array_of(b, cluster_id);
    const struct cluster *cl = snapshot_cluster(builder_snapshot(b), cluster_id);
    uint32_t number = a->next_number ? a->next_number : 1;
    for (int64_t i = 0; i < n; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%.40s-%u", str_text(cl->name), number++);
        struct node *node = builder_add_node(b, cluster_id, new_id(h), name);
        if (!node)
            return -ENOMEM;
        node->array_id = a->id;
        node->target = TARGET_STARTED;
        node->status = NODE_ACQUIRING;
        node->phase = PHASE_ALLOCATE;
        node->elastic = true;
        node->created_at = node->status_at = now();
    }
    struct array *writable = builder_array(b, cluster_id, a->id, DURABLE);
    if (!writable)
        return -ENOMEM;
    writable->next_number = number;
    return 0;
}

static int drop_nodes(struct builder *b, uint64_t cluster_id, int64_t n) {
    const struct cluster *cl = snapshot_cluster(builder_snapshot(b), cluster_id);
    int64_t keep = (int64_t)cluster_node_count(cl) - n;
    uint64_t position = 0;
    _cleanup_(id_list_done) struct id_list gone = {0};
    for (const struct node *node; (node = cluster_next_node(cl, &position));)
        if (keep-- <= 0 && id_list_append(&gone, node->id) < 0)
            return -ENOMEM;
    int r = 0;
    for (size_t i = 0; i < gone.len && r == 0; i++)
        r = builder_remove_node(b, cluster_id, gone.items[i]);
    return r;
}

static int set_count(struct host *h, struct builder *b, const struct command *c,
                     struct error *err) {
    struct cluster *cl = cluster_of(b, c);
    if (!cl || c->n_counts != 1)
        return no_cluster(err);
    int64_t have = (int64_t)cluster_node_count(cl);
    int64_t want = c->counts[0].value;
    if (c->counts[0].sign != COUNT_SET)
        want = c->counts[0].sign == COUNT_ADD ? have + want : have - want;
    if (want < 0)
        return err_kind(err, "out_of_range", "the count would be %lld", (long long)want);
    if (want > 50000)
        return err_kind(err, "quota_exceeded", "%lld nodes are over the quota of 50000",
                        (long long)want);
    cl->state = CLUSTER_STARTED;
    cl->nodes_at = cl->state_at = now();
    h->converged = false;
    return want > have ? add_nodes(h, b, c->cluster_id, want - have)
                       : drop_nodes(b, c->cluster_id, have - want);
}

/* What the pretended engine takes for a mistake. */
static bool text_is_bad(const struct command *c) {
    return memmem(c->text, c->len, "nonsense", 8) || memchr(c->text, '\0', c->len);
}

static int set_template(struct host *h, struct builder *b, const struct command *c,
                        struct error *err) {
    (void)h;
    struct cluster *cl = cluster_of(b, c);
    if (!cl)
        return no_cluster(err);
    bool bad = text_is_bad(c);
    struct document *d = bad ? &cl->rejected_template : &cl->template;
    str_unref(d->text);
    d->text = str_new(c->text, c->len);
    d->changed_at = now();
    if (bad)
        return err_kind(err, "invalid_template", "template:2:1: found \"nonsense\": remove it");
    str_unref(cl->rejected_template.text);
    cl->rejected_template.text = NULL;
    return 0;
}

static int set_parameters(struct host *h, struct builder *b, const struct command *c,
                          struct error *err) {
    (void)h;
    struct cluster *cl = cluster_of(b, c);
    if (!cl)
        return no_cluster(err);
    if (text_is_bad(c))
        return err_kind(err, "invalid_parameter", "parameters:1:1: found \"nonsense\": remove it");
    str_unref(cl->parameters_public);
    cl->parameters_public = str_new(c->text, c->len);
    cl->parameters.changed_at = now();
    return 0;
}

static int set_target(struct host *h, struct builder *b, const struct command *c,
                      struct error *err) {
    struct cluster *cl = cluster_of(b, c);
    if (!cl)
        return no_cluster(err);
    h->converged = false;
    if (c->node_id) {
        struct node *n = builder_node(b, c->cluster_id, c->node_id, DURABLE);
        n->target = c->target;
        n->status = c->target == TARGET_STARTED ? NODE_READY : NODE_OFF;
        n->status_at = now();
        return 0;
    }
    cl->state = c->target == TARGET_STARTED ? CLUSTER_STARTED : CLUSTER_OFF;
    cl->state_at = now();
    return 0;
}

static int set_access(struct host *h, struct builder *b, const struct command *c,
                      struct error *err) {
    (void)h;
    struct cluster *cl = cluster_of(b, c);
    if (!cl)
        return no_cluster(err);
    if (c->set_mode)
        cl->mode = c->mode;
    if (c->set_uid)
        cl->uid = c->uid;
    if (c->set_gid)
        cl->gid = c->gid;
    return 0;
}

static int remove_cluster(struct host *h, struct builder *b, const struct command *c,
                          struct error *err) {
    (void)h;
    const struct cluster *cl = snapshot_cluster(builder_snapshot(b), c->cluster_id);
    if (cl && cluster_node_count(cl))
        return err_kind(err, "busy", "the cluster has nodes: write terminated to state");
    return builder_remove_cluster(b, c->cluster_id);
}

static int rename_cluster(struct host *h, struct builder *b, const struct command *c,
                          struct error *err) {
    (void)h;
    (void)err;
    return builder_rename_cluster(b, c->cluster_id, c->name);
}

static int create_node(struct host *h, struct builder *b, const struct command *c,
                       struct error *err) {
    const struct cluster *cl = snapshot_cluster(builder_snapshot(b), c->cluster_id);
    if (!cl)
        return no_cluster(err);
    if (cluster_node_named(cl, c->name))
        return err_kind(err, "exists", "a node of this name exists");
    h->made_id = new_id(h);
    struct node *n = builder_add_node(b, c->cluster_id, h->made_id, c->name);
    const struct array *a = array_of(b, c->cluster_id);
    if (!n || !a)
        return -ENOMEM;
    n->array_id = a->id;
    n->target = TARGET_STARTED;
    n->created_at = n->status_at = now();
    return 0;
}

static int remove_node(struct host *h, struct builder *b, const struct command *c,
                       struct error *err) {
    (void)h;
    (void)err;
    return builder_remove_node(b, c->cluster_id, c->node_id);
}

static int set_keepalive(struct host *h, struct builder *b, const struct command *c,
                         struct error *err) {
    (void)h;
    struct node *n = builder_node(b, c->cluster_id, c->node_id, DURABLE);
    if (!n)
        return no_cluster(err);
    n->keepalive = c->flag;
    return 0;
}

static int unchanged(struct host *h, struct builder *b, const struct command *c,
                     struct error *err) {
    (void)h;
    return cluster_of(b, c) ? 0 : no_cluster(err);
}

/* The recorded refusal comes back as the answer. */
static int refused(struct host *h, struct builder *b, const struct command *c, struct error *err) {
    (void)h;
    (void)b;
    return err_set(err, -EINVAL, "invalid_value", "%s", c->text);
}

static int (*const appliers[COMMAND_TYPE_MAX])(struct host *h, struct builder *b,
                                               const struct command *c, struct error *err) = {
    [COMMAND_CREATE_CLUSTER] = create_cluster, [COMMAND_REMOVE_CLUSTER] = remove_cluster,
    [COMMAND_RENAME_CLUSTER] = rename_cluster, [COMMAND_SET_ACCESS] = set_access,
    [COMMAND_SET_TEMPLATE] = set_template,     [COMMAND_SET_PARAMETERS] = set_parameters,
    [COMMAND_SET_COUNT] = set_count,           [COMMAND_SET_TARGET] = set_target,
    [COMMAND_SET_KEEPALIVE] = set_keepalive,   [COMMAND_CREATE_NODE] = create_node,
    [COMMAND_REMOVE_NODE] = remove_node,       [COMMAND_REFUSED] = refused,
    [COMMAND_UNCHANGED] = unchanged,
};

int apply_command(struct host *h, struct builder *b, const struct command *c, struct error *err) {
    if (!appliers[c->type])
        return err_kind(err, "state", "the test's engine does not know this command");
    return appliers[c->type](h, b, c, err);
}

/* Lines from standard input */

static const struct cluster *named(const struct builder *b, const char *name) {
    return name ? snapshot_cluster_named(builder_snapshot(b), name) : NULL;
}

static int append_history(struct host *h, enum history_stream stream, uint64_t owner,
                          const char *text, size_t len) {
    unsigned char key[HISTORY_KEY_SIZE];
    uint64_t size = 0;
    int r = history_size(h->store, &(struct history){stream, 0, owner}, &size);
    if (r < 0)
        return r;
    history_key(&(struct history){stream, 0, owner}, size, key);
    struct store_op op = {key, sizeof(key), text, len};
    return store_commit(h->store, &(struct store_change){.ops = &op, .n_ops = 1}, NULL);
}

static int line_log(struct host *h, struct builder *b, char *rest) {
    const struct cluster *cl = named(b, strsep(&rest, " "));
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_VALUE_BYTES);
    if (!cl || !rest || buf_printf(&text, "%s\n", rest) < 0)
        return -EINVAL;
    if (!builder_cluster(b, cl->id, VOLATILE))
        return -ENOMEM;
    return append_history(h, HISTORY_LOGS, cl->id, text.data, text.len);
}

struct first_record {
    bool found;
    unsigned char key[HISTORY_KEY_SIZE];
};

static int keep_key(void *arg, const void *key, size_t key_len, const void *value,
                    size_t value_len) {
    (void)value;
    (void)value_len;
    struct first_record *first = arg;
    first->found = key_len == sizeof(first->key);
    memcpy(first->key, key, first->found ? key_len : 0);
    return 1;
}

/* The log begins anew, as when it has become too long. */
static int line_cut(struct host *h, struct builder *b, char *rest) {
    const struct cluster *cl = named(b, strsep(&rest, " "));
    unsigned char prefix[HISTORY_KEY_SIZE];
    if (!cl || !builder_cluster(b, cl->id, VOLATILE))
        return -EINVAL;
    history_key(&(struct history){HISTORY_LOGS, 0, cl->id}, 0, prefix);
    const struct store_range range = {.prefix = prefix, .prefix_len = sizeof(prefix) - 8};
    for (struct first_record first = {.found = true}; first.found;) {
        first.found = false;
        int r = store_scan(h->store, &range, keep_key, &first);
        struct store_op op = {.key = first.key, .key_len = sizeof(first.key)};
        if (r >= 0 && first.found)
            r = store_commit(h->store, &(struct store_change){.ops = &op, .n_ops = 1}, NULL);
        if (r < 0)
            return r;
    }
    return 0;
}

static int line_status(struct host *h, struct builder *b, char *rest) {
    (void)h;
    const struct cluster *cl = named(b, strsep(&rest, " "));
    const struct node *n = cl ? cluster_node_named(cl, strsep(&rest, " ")) : NULL;
    int status = rest ? node_status_parse(rest) : -1;
    struct node *w = n && status >= 0 ? builder_node(b, cl->id, n->id, DURABLE) : NULL;
    if (!w)
        return -EINVAL;
    w->status = (enum node_status)status;
    w->status_at = now();
    return 0;
}

static int line_state(struct host *h, struct builder *b, char *rest) {
    (void)h;
    const struct cluster *cl = named(b, strsep(&rest, " "));
    int state = rest ? cluster_state_parse(rest) : -1;
    struct cluster *w = cl && state >= 0 ? builder_cluster(b, cl->id, DURABLE) : NULL;
    if (!w)
        return -EINVAL;
    w->state = (enum cluster_state)state;
    w->state_at = now();
    return 0;
}

static int line_remove(struct host *h, struct builder *b, char *rest) {
    (void)h;
    const struct cluster *cl = named(b, strsep(&rest, " "));
    const struct node *n = cl && rest ? cluster_node_named(cl, rest) : NULL;
    return n ? builder_remove_node(b, cl->id, n->id) : -EINVAL;
}

static int line_add(struct host *h, struct builder *b, char *rest) {
    const struct cluster *cl = named(b, strsep(&rest, " "));
    return cl && rest ? add_nodes(h, b, cl->id, atoi(rest)) : -EINVAL;
}

/* drop CLUSTER N: the last N nodes go. */
static int line_drop(struct host *h, struct builder *b, char *rest) {
    (void)h;
    const struct cluster *cl = named(b, strsep(&rest, " "));
    return cl && rest ? drop_nodes(b, cl->id, atoi(rest)) : -EINVAL;
}

static int line_converge(struct host *h, struct builder *b, char *rest) {
    (void)b;
    (void)rest;
    h->converged = true;
    return 0;
}

/* storm CLUSTER N: N nodes get a new status, one after the other. */
static int line_storm(struct host *h, struct builder *b, char *rest) {
    (void)h;
    const struct cluster *cl = named(b, strsep(&rest, " "));
    int n = rest ? atoi(rest) : 0;
    uint64_t position = 0;
    for (const struct node *node; cl && n-- > 0 && (node = cluster_next_node(cl, &position));) {
        struct node *w = builder_node(b, cl->id, node->id, DURABLE);
        if (!w)
            return -ENOMEM;
        w->status = w->status == NODE_READY ? NODE_PREPARING : NODE_READY;
        w->status_at = now();
    }
    return cl ? 0 : -EINVAL;
}

/* A word and some more of varying length, both by the generation. */
static int turn(struct node *n, unsigned generation) {
    static const char filler[] = "-abcdefghijklmnopqrstuvwxyz0123456789";
    char text[64];
    (void)snprintf(text, sizeof(text), "g%u%.*s", generation,
                   (int)(generation * 11 % sizeof(filler)), filler);
    n->status = (enum node_status)(generation % NODE_STATUS_MAX);
    n->status_at = now();
    return str_set(&n->hostname, text);
}

/* turn CLUSTER FROM N GENERATION: N nodes, from the one with this number on, get a new status and
   host name, all in one publication. */
static int line_turn(struct host *h, struct builder *b, char *rest) {
    (void)h;
    const struct cluster *cl = named(b, strsep(&rest, " "));
    unsigned from, n, generation;
    if (!cl || !rest || sscanf(rest, "%u %u %u", &from, &n, &generation) != 3)
        return -EINVAL;
    uint64_t position = 0;
    int r = 0;
    for (const struct node *node; n && r == 0 && (node = cluster_next_node(cl, &position));) {
        if (from > 0) {
            from--;
            continue;
        }
        struct node *w = builder_node(b, cl->id, node->id, DURABLE);
        r = w ? turn(w, generation) : -ENOMEM;
        n--;
    }
    return r;
}

/* stall, go: threads that serve the kernel stand still where they give a command. */
static int line_stall(struct host *h, struct builder *b, char *rest) {
    (void)b;
    (void)rest;
    host_stall(h, true);
    return 0;
}

static int line_go(struct host *h, struct builder *b, char *rest) {
    (void)b;
    (void)rest;
    host_stall(h, false);
    return 0;
}

static const struct {
    const char *word;
    int (*apply)(struct host *h, struct builder *b, char *rest);
} lines[] = {
    {"log", line_log},       {"status", line_status},     {"state", line_state},
    {"remove", line_remove}, {"converge", line_converge}, {"storm", line_storm},
    {"add", line_add},       {"drop", line_drop},         {"turn", line_turn},
    {"cut", line_cut},       {"stall", line_stall},       {"go", line_go},
};

int apply_line(struct host *h, struct builder *b, char *text) {
    char *rest = text;
    const char *word = strsep(&rest, " ");
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        if (strcmp(lines[i].word, word) == 0)
            return lines[i].apply(h, b, rest);
    return -EINVAL;
}
