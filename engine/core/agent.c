/* SPDX-License-Identifier: MIT */
#include "agent-check.h"
#include "console.h"

#include "crypto/crypto.h"
#include "cyclecloud/agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The nodes' two calls (docs/internals/agent-protocol.md). */

#define UNLISTED_RETRY_S 2u
#define TOKEN_BYTES 32
#define TEXT_BYTES 255 /* agent-check.h has a bound for each */
#define NO_MEMORY_RETRY_S 10u
#define UNKNOWN_NODE "this VM is not part of any node and will be deleted"
#define TOO_OFTEN \
    "{\"error\":{\"kind\":\"try_again\",\"message\":\"the node has just registered\"}}"

/* Gives the body, or says that there was no memory for it. */
static void answer_body(struct engine *e, struct command *c, int status, const struct buf *body) {
    bool whole = buf_error(body) == 0;
    answer_agent(e, c, whole ? status : 503, whole ? 0 : NO_MEMORY_RETRY_S,
                 whole ? body->data : "{}");
}

static void refuse(struct engine *e, struct command *c, int status, const char *kind,
                   const char *message) {
    _cleanup_buf_ struct buf b = BUF_INIT(4096);
    buf_printf(&b, "{\"error\":{\"kind\":\"%s\",\"message\":\"", kind);
    buf_put_json(&b, message);
    buf_puts(&b, "\"}}");
    answer_body(e, c, status, &b);
}

static void come_again(struct engine *e, struct command *c) {
    answer_agent(e, c, 202, UNLISTED_RETRY_S, "{\"state\":\"the instance is not listed yet\"}");
}

/* SCOPE.EXPIRY.MAC: the scope, 0 when the token is not ours or has expired. */
static uint64_t bootstrap_scope(struct engine *e, const char *token) {
    const char *mac_text = strrchr(token, '.');
    char *end;
    uint64_t scope = strtoull(token, &end, 10);
    if (!mac_text || *end != '.' || end == mac_text)
        return 0;
    uint64_t expiry = strtoull(end + 1, &end, 10);
    if (end != mac_text || expiry < engine_now(e) / USEC_SEC)
        return 0;
    uint8_t mac[CRYPTO_SHA256_SIZE];
    if (crypto_hmac_sha256(e->server_key, sizeof(e->server_key), token, (size_t)(mac_text - token),
                           mac) < 0)
        return 0;
    _cleanup_buf_ struct buf right = BUF_INIT(128);
    if (crypto_base64url_encode(mac, sizeof(mac), &right) < 0)
        return 0;
    return crypto_equal_text(right.data, mac_text + 1) ? scope : 0;
}

static const char *member_text(const json_t *body, const char *name) {
    const char *text = json_string_value(json_object_get(body, name));
    return text ? text : "";
}

/* What a token's scope names: a set with members, or one VM. */
struct scope {
    const struct cluster *cluster;
    const struct set *set;
    const struct node *node;
};

static bool find_scope(struct engine *e, uint64_t id, struct scope *s) {
    engine_count(e);
    const struct snapshot *now = engine_state(e);
    for (size_t i = 0; i < now->clusters.len; i++) {
        const struct cluster *c = now->clusters.items[i];
        s->cluster = c;
        s->set = cluster_set_by_id(c, id);
        s->node = cluster_node(c, id);
        if (s->set || s->node)
            return true;
    }
    return false;
}

/* The UUID is known to the VM and to Azure alone; the resource id anybody can make up. */
static bool same_vm(const struct node *n, const json_t *body) {
    const char *resource_id = member_text(body, AGENT_RESOURCE_ID);
    return str_len(n->vm_id) &&
           strcasecmp(str_text(n->vm_id), member_text(body, AGENT_VM_ID)) == 0 &&
           (!*resource_id || strcasecmp(str_text(n->resource_id), resource_id) == 0);
}

static const struct node *find_caller(const struct scope *s, const json_t *body) {
    if (s->node)
        return same_vm(s->node, body) ? s->node : NULL;
    uint64_t position = 0;
    const struct node *n;
    while ((n = cluster_next_listed(s->cluster, s->set->id, NODES_MEMBERS, &position)))
        if (str_len(n->instance_id) && same_vm(n, body))
            return n;
    return NULL;
}

/* True when the last listing showed the instance and no node wanted it. */
static bool is_surplus(struct engine *e, const struct scope *s, const char *resource_id) {
    struct work *w = s->set ? engine_work(e, s->cluster->id) : NULL;
    struct set_work *sw = w ? work_set(w, s->set->id) : NULL;
    const char *slash = strrchr(resource_id, '/');
    if (!sw || !slash || !slash[1])
        return false;
    size_t len = strlen(slash + 1);
    for (const char *p = str_text(sw->surplus); *p;) {
        size_t n = strcspn(p, " ");
        if (n == len && strncmp(p, slash + 1, n) == 0)
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

/* The node's own token: "ID.RANDOM"; only its hash is kept. */
static int make_token(struct engine *e, struct node *n, struct buf *token) {
    unsigned char noise[TOKEN_BYTES];
    char hash[CRYPTO_SHA256_HEX_SIZE];
    e->options.random->fill(e->options.random->arg, noise, sizeof(noise));
    buf_printf(token, "%" PRIu64 ".", n->id);
    int r = crypto_base64url_encode(noise, sizeof(noise), token);
    if (r == 0)
        r = crypto_sha256_hex(token->data, token->len, hash);
    if (r == 0)
        edit_text(e, &n->token_hash, hash);
    crypto_wipe(noise, sizeof(noise));
    return r;
}

/* Takes over what the node says of itself; true when something of it is new. */
static bool take_names(struct engine *e, struct node *n, const json_t *body) {
    const json_t *addresses = json_object_get(body, AGENT_ADDRESSES);
    const struct {
        struct str **slot;
        const char *text;
    } texts[] = {
        {&n->hostname, member_text(body, AGENT_HOST_NAME)},
        {&n->private_ip, member_text(addresses, AGENT_ADDRESS_PRIVATE)},
        {&n->public_ip, member_text(addresses, AGENT_ADDRESS_PUBLIC)},
    };
    bool news = !str_len(n->token_hash);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        news = news || !str_equal(*texts[i].slot, texts[i].text);
        edit_text_cut(e, texts[i].slot, texts[i].text, TEXT_BYTES);
    }
    return news;
}

static void answer_welcome(struct engine *e, struct command *c, const struct node *n,
                           const char *token) {
    const struct cluster *cluster = snapshot_cluster(engine_state(e), n->cluster_id);
    _cleanup_buf_ struct buf b = BUF_INIT(4096);
    buf_printf(&b, "{\"" AGENT_NODE_ID "\":\"%" PRIu64 "\",\"node\":\"", n->id);
    buf_put_json(&b, str_text(n->name));
    buf_puts(&b, "\",\"cluster\":\"");
    buf_put_json(&b, str_text(cluster->name));
    buf_printf(&b, "\",\"token\":\"%s\",\"interval_s\":%u}", token, AGENT_INTERVAL_S);
    answer_body(e, c, 200, &b);
}

/* On its way to Ready. One that calls from a VM that was stopped runs again, whatever a listing
   will say. */
static bool is_coming(const struct node *n) {
    return n->target == TARGET_STARTED &&
           (n->status == NODE_PREPARING || n->status == NODE_ACQUIRING ||
            n->status == NODE_DEALLOCATED);
}

static void welcome(struct engine *e, struct command *c, const struct node *n, const json_t *body) {
    usec_t wait = callers_register(e, n->id);
    if (wait) {
        answer_agent(e, c, 429, (unsigned)(wait / USEC_SEC) + 1, TOO_OFTEN);
        return;
    }
    struct node *copy = edit_node(e, n);
    _cleanup_buf_ struct buf token = BUF_INIT(256);
    bool news = copy && take_names(e, copy, body);
    if (!copy || make_token(e, copy, &token) < 0) {
        refuse(e, c, 503, "no_memory", "the server has no memory left");
        return;
    }
    late_address_known(e, copy);
    copy->last_seen = engine_now(e);
    if (is_coming(copy))
        edit_node_status(e, copy, NODE_PREPARING, PHASE_AWAIT_INSTALL);
    if (news && callers_may_tell(e, copy))
        journal_event(e, EVENT_NODE_CHANGED, snapshot_cluster(engine_state(e), copy->cluster_id),
                      copy, "registered: %s %s", str_text(copy->hostname),
                      str_text(copy->private_ip));
    answer_welcome(e, c, copy, token.data);
}

/* A node that is ready has a token: who asks with the scale set's is a machine that lost it, or
   another one. */
static void refuse_second(struct engine *e, struct command *c, const struct node *n) {
    if (callers_may_tell(e, n))
        journal_event(e, EVENT_NODE_CHANGED, snapshot_cluster(engine_state(e), n->cluster_id), n,
                      "a second registration was refused: the node is ready, and its token was not "
                      "given; if its machine has lost it, write retry to the node's control");
    refuse(e, c, 409, "registered",
           "this node is registered already: register with the node's own token");
}

/* Asks for a listing that will show the machine. */
static void look_soon(struct engine *e, const struct scope *s) {
    struct work *w = engine_work(e, s->cluster->id);
    if (s->set)
        observe_set_soon(e, s->cluster->id, s->set->id, USEC_SEC / 2);
    else if (w && w->list_at > engine_now(e) + USEC_SEC)
        w->list_at = engine_now(e) + USEC_SEC / 2;
}

static void register_within(struct engine *e, struct command *c, const struct scope *s,
                            const json_t *body) {
    const struct node *n = find_caller(s, body);
    if (n && n->status == NODE_READY && str_len(n->token_hash)) {
        refuse_second(e, c, n);
    } else if (n) {
        welcome(e, c, n, body);
    } else if (is_surplus(e, s, member_text(body, AGENT_RESOURCE_ID))) {
        refuse(e, c, 404, "unknown_node", UNKNOWN_NODE);
    } else {
        look_soon(e, s);
        come_again(e, c);
    }
}

/* The body of a caller whose token is known to be good. NULL: it was refused. */
static json_t *read_body(struct engine *e, struct command *c,
                         int (*check)(const json_t *body, struct error *err)) {
    _cleanup_error_ struct error err = ERROR_INIT;
    json_t *body = json_loadb(c->text ? c->text : "", c->len, 0, NULL);
    if (json_is_object(body) && check(body, &err) == 0)
        return body;
    bool object = json_is_object(body);
    json_decref(body);
    refuse(e, c, 400, object ? "invalid_value" : "invalid_json",
           object ? err_text(&err) : "the body must be a JSON object");
    return NULL;
}

static const struct node *token_owner(struct engine *e, const char *token) {
    const struct node *n = snapshot_node(engine_state(e), strtoull(token, NULL, 10), NULL);
    char hash[CRYPTO_SHA256_HEX_SIZE];
    if (!n || !str_len(n->token_hash) || crypto_sha256_hex(token, strlen(token), hash) < 0)
        return NULL;
    return crypto_equal_text(hash, str_text(n->token_hash)) ? n : NULL;
}

/* The node's own token: it has lost nothing, and says anew who it is. */
static void register_again(struct engine *e, struct command *c, const struct node *n) {
    json_t *body = read_body(e, c, agent_check_register);
    if (!body)
        return;
    if (same_vm(n, body))
        welcome(e, c, n, body);
    else
        refuse(e, c, 409, "other_vm", "the token is of a node that has another VM");
    json_decref(body);
}

/* What the machine said is not repeated: nobody knows who it is. */
static void note_refused(struct engine *e) {
    struct refused_calls *r = &e->refused_calls;
    usec_t now = engine_now(e);
    if (!r->n || now > r->last_at + REFUSED_CALLS_SPAN)
        log_warning("a machine called home with a token that is not this server's, or has expired");
    r->n++;
    r->last_at = now;
}

void apply_agent_register(struct engine *e, struct command *c) {
    const char *token = c->name ? c->name : "";
    const struct node *owner = token_owner(e, token);
    uint64_t id = owner ? 0 : bootstrap_scope(e, token);
    struct scope s = {0};
    if (owner) {
        register_again(e, c, owner);
        return;
    }
    if (!id)
        note_refused(e);
    if (!id || !find_scope(e, id, &s)) {
        refuse(e, c, id ? 404 : 401, id ? "unknown_node" : "bad_token",
               id ? UNKNOWN_NODE : "the bootstrap token is not this server's, or has expired");
        return;
    }
    json_t *body = read_body(e, c, agent_check_register);
    if (body)
        register_within(e, c, &s, body);
    json_decref(body);
}

static double number_of(const json_t *object, const char *name) {
    return json_number_value(json_object_get(object, name));
}

static void take_metrics(struct node *n, const json_t *body) {
    const json_t *m = json_object_get(body, AGENT_METRICS);
    if (!json_is_object(m))
        return;
    double total = number_of(m, AGENT_MEMORY_TOTAL);
    n->metrics.cpu = (float)number_of(m, AGENT_CPU);
    n->metrics.memory = total > 0 ? (float)(number_of(m, AGENT_MEMORY_USED) / total) : 0;
    n->metrics.load = (float)number_of(m, AGENT_LOAD);
}

static void node_ready(struct engine *e, struct node *n, const json_t *body) {
    (void)body;
    node_is_ready(e, n);
}

static void node_failed(struct engine *e, struct node *n, const json_t *body) {
    _cleanup_buf_ struct buf message = BUF_INIT(LIMIT_VALUE_BYTES);
    if (agent_message(body, &message) < 0) {
        engine_fail(e, -ENOMEM);
        return;
    }
    edit_node_status(e, n, NODE_FAILED, PHASE_AWAIT_INSTALL);
    edit_node_hold(e, n, HOLD_RETRIES, 0, message.len ? message.data : "the installation failed");
    journal_event(e, EVENT_NODE_CHANGED, snapshot_cluster(engine_state(e), n->cluster_id), n,
                  "failed: %s", message.data);
    (void)console_comes_first(e, n); /* it may tell more than the message */
}

enum report {
    REPORT_ALIVE,
    REPORT_READY,
    REPORT_FAILED,
};

/* An end of the installation counts for a node that is on its way; all else is a sign of life. */
static enum report report_of(const struct node *n, const json_t *body) {
    if (!is_coming(n))
        return REPORT_ALIVE;
    const char *state = member_text(body, AGENT_STATE), *phase = member_text(body, AGENT_PHASE);
    if (strcmp(state, AGENT_STATE_FAILED) == 0)
        return REPORT_FAILED;
    bool last = strcmp(phase, node_phase_name(PHASE_AWAIT_INSTALL)) == 0;
    return last && strcmp(state, AGENT_STATE_COMPLETED) == 0 ? REPORT_READY : REPORT_ALIVE;
}

static void take_status(struct engine *e, const struct node *n, const json_t *body) {
    static const struct {
        enum durability durability;
        void (*take)(struct engine *e, struct node *n, const json_t *body);
    } reports[] = {
        [REPORT_ALIVE] = {VOLATILE, NULL},
        [REPORT_READY] = {DURABLE, node_ready},
        [REPORT_FAILED] = {DURABLE, node_failed},
    };
    enum report report = report_of(n, body);
    struct node *copy = builder_node(e->builder, n->cluster_id, n->id, reports[report].durability);
    if (!copy) {
        engine_fail(e, -ENOMEM);
        return;
    }
    copy->last_seen = engine_now(e);
    if (copy->status == NODE_READY && copy->hold == HOLD_NONE && str_len(copy->message))
        edit_text(e, &copy->message, ""); /* it was silent for a while */
    take_metrics(copy, body);
    if (reports[report].take) {
        reports[report].take(e, copy, body);
        engine_dirty(e, copy->cluster_id);
    }
}

void apply_agent_status(struct engine *e, struct command *c) {
    const struct node *n = token_owner(e, c->name ? c->name : "");
    if (!n) {
        refuse(e, c, 401, "bad_token", "the token is not a node's: register again");
        return;
    }
    json_t *body = read_body(e, c, agent_check_status);
    if (!body)
        return;
    take_status(e, n, body);
    json_decref(body);
    _cleanup_buf_ struct buf b = BUF_INIT(256);
    buf_printf(&b, "{\"interval_s\":%u,\"work\":[]}", AGENT_INTERVAL_S);
    answer_body(e, c, 200, &b);
}
