/* SPDX-License-Identifier: MIT */
#include "credentials.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* What follows from the rest: the state of a cluster, its notes, the health of the server. */

#define PROBLEMS_MAX 20

struct problem {
    uint64_t array_id;
    const char *message, *kind;
    size_t nodes;
};

struct survey {
    struct problem problems[PROBLEMS_MAX];
    size_t n_problems;
    bool left;    /* something of it may be in the cloud */
    bool settled; /* every node is where it is wanted */
    bool head_failed, head_waits;
};

static void note_problem(struct survey *s, const struct node *n) {
    const char *kind = n->hold != HOLD_NONE       ? hold_name(n->hold)
                       : n->status == NODE_FAILED ? "failed"
                                                  : NULL;
    if (!kind)
        return;
    for (size_t i = 0; i < s->n_problems; i++) {
        struct problem *p = &s->problems[i];
        if (p->array_id == n->array_id && strcmp(p->message, str_text(n->message)) == 0) {
            p->nodes++;
            return;
        }
    }
    if (s->n_problems < PROBLEMS_MAX)
        s->problems[s->n_problems++] = (struct problem){n->array_id, str_text(n->message), kind, 1};
}

static void survey_head(struct survey *s, const struct node *n) {
    if (n->target != TARGET_STARTED)
        return;
    bool held = n->hold >= HOLD_PERSON && n->status != NODE_READY;
    s->head_failed = s->head_failed || n->status == NODE_FAILED || held;
    s->head_waits = s->head_waits || n->status != NODE_READY;
}

static void survey_lists(const struct cluster *c, struct survey *s) {
    const struct node *n;
    for (size_t i = 0; i < c->arrays.len; i++)
        for (uint64_t at = 0;
             (n = cluster_next_listed(c, cluster_array(c, i)->id, NODES_TROUBLED, &at));)
            note_problem(s, n);
    for (uint64_t at = 0; (n = cluster_next_listed(c, c->id, NODES_HEADS, &at));)
        survey_head(s, n);
}

static void survey_cluster(const struct cluster *c, struct survey *s) {
    *s = (struct survey){
        .settled = cluster_settled(c),
        .left = c->sets.len > 0 || c->group_ready || !cluster_nodes_off(c),
    };
    survey_lists(c, s);
}

/* Before the first listing there may be no node that waits for them. */
static void survey_credentials(const struct engine *e, const struct work *w,
                               const struct cluster *c, struct survey *s) {
    const char *refused = w->listed ? NULL : credentials_refused(e, c);
    if (refused && s->n_problems < PROBLEMS_MAX)
        s->problems[s->n_problems++] = (struct problem){0, refused, hold_name(HOLD_CREDENTIALS), 0};
}

static void write_notes(struct engine *e, const struct work *w, const struct survey *s,
                        struct cluster *c) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    buf_puts(&b, str_text(w->warnings));
    for (size_t i = 0; i < s->n_problems; i++) {
        const struct problem *p = &s->problems[i];
        const struct array *a = cluster_array_by_id(c, p->array_id);
        if (p->nodes)
            buf_printf(&b, "problem: %s: %zu node%s: %s: ", a ? str_text(a->name) : "", p->nodes,
                       p->nodes == 1 ? "" : "s", p->kind);
        else
            buf_printf(&b, "problem: account %s: %s: ", str_text(c->account), p->kind);
        for (const char *q = p->message; *q; q++)
            buf_putc(&b, *q == '\n' ? ' ' : *q);
        buf_putc(&b, '\n');
    }
    if (!str_equal(c->notes, b.data))
        edit_text(e, &c->notes, b.data);
}

/* Trouble that passes by itself, and of which the whole cloud's health tells. */
static bool is_passing(const char *kind) {
    return strcmp(kind, hold_name(HOLD_THROTTLED)) == 0 ||
           strcmp(kind, hold_name(HOLD_UNREACHABLE)) == 0;
}

/* Problems of one kind in one array are one alert, with the words of the first. */
static size_t collect_alerts(const struct survey *s, struct alert_now now[PROBLEMS_MAX]) {
    size_t n = 0;
    for (size_t i = 0; i < s->n_problems; i++) {
        const struct problem *p = &s->problems[i];
        size_t at = 0;
        if (is_passing(p->kind))
            continue;
        while (at < n && (now[at].array_id != p->array_id || strcmp(now[at].kind, p->kind) != 0))
            at++;
        if (at == n)
            now[n++] = (struct alert_now){p->array_id, p->kind, p->message, 0};
        now[at].nodes += p->nodes;
    }
    return n;
}

static void write_alerts(struct engine *e, uint64_t cluster_id, const struct survey *s) {
    struct alert_now now[PROBLEMS_MAX];
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    alerts_update(e, cluster_id, now, collect_alerts(s, now));
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    if (alerts_put(e, c, &b) < 0 || str_equal(c->alerts, b.data))
        return;
    struct cluster *copy = builder_cluster(e->builder, cluster_id, VOLATILE);
    if (copy)
        edit_text(e, &copy->alerts, b.data);
    else
        engine_fail(e, -ENOMEM);
}

static enum cluster_state derive_state(struct engine *e, const struct cluster *c,
                                       const struct survey *s) {
    if (c->target == TARGET_TERMINATED) {
        bool left = s->left || intents_any(e, c->id);
        return left && c->state != CLUSTER_OFF ? CLUSTER_TERMINATING : CLUSTER_OFF;
    }
    if (s->head_failed)
        return CLUSTER_FAILED;
    return s->head_waits || !c->group_ready ? CLUSTER_STARTING : CLUSTER_STARTED;
}

static void announce_state(struct engine *e, const struct cluster *c) {
    enum event_type type = c->state == CLUSTER_OFF       ? EVENT_CLUSTER_TERMINATED
                           : c->state == CLUSTER_STARTED ? EVENT_CLUSTER_STARTED
                                                         : EVENT_CLUSTER_CHANGED;
    journal_event(e, type, c, NULL, "cluster %s", cluster_state_file(c->state));
}

/* Nothing is left of a cluster that is off: no group, and no node with an older definition. */
static void forget_run(struct engine *e, struct cluster *c) {
    edit_text(e, &c->group, "");
    edit_text(e, &c->baseline, "");
    edit_text(e, &c->changes, "");
}

void state_cluster(struct engine *e, struct work *w) {
    const struct cluster *c = snapshot_cluster(engine_state(e), w->cluster_id);
    if (!c)
        return;
    struct survey s;
    survey_cluster(c, &s);
    survey_credentials(e, w, c, &s);
    write_alerts(e, c->id, &s);
    c = snapshot_cluster(engine_state(e), w->cluster_id);
    enum cluster_state state = derive_state(e, c, &s);
    bool reached = s.settled && c->observed_generation != c->generation;
    bool changed = state != c->state || reached;
    struct cluster *copy = builder_cluster(e->builder, c->id, changed ? DURABLE : VOLATILE);
    if (!copy) {
        engine_fail(e, -ENOMEM);
        return;
    }
    write_notes(e, w, &s, copy);
    if (reached)
        copy->observed_generation = copy->generation;
    if (state == copy->state)
        return;
    copy->state = state;
    copy->state_at = engine_now(e);
    if (state == CLUSTER_OFF)
        forget_run(e, copy);
    announce_state(e, copy);
}

/* --- the server ------------------------------------------------------------------------------- */

static void put_line(struct buf *b, const char *what, const char *why) {
    buf_printf(b, "%s: ", what);
    for (const char *p = why; *p; p++)
        buf_putc(b, *p == '\n' ? ' ' : *p);
    buf_putc(b, '\n');
}

/* The text of `health`: "ok" or "degraded", then a line for each reason. Returns if degraded. */
static bool put_health(const struct engine *e, struct buf *b) {
    bool degraded = e->unreachable_since || e->auth_text || e->store_text;
    buf_puts(b, degraded ? "degraded\n" : "ok\n");
    if (e->unreachable_since) {
        put_line(b, "cloud", e->unreachable_text ? e->unreachable_text : "no answer");
        buf_puts(b, "cloud_unreachable_since: ");
        time_format(b, e->unreachable_since);
        buf_puts(b, "\n");
    }
    if (e->auth_text)
        put_line(b, "credentials", e->auth_text);
    if (e->store_text)
        put_line(b, "store", e->store_text);
    return degraded;
}

static bool calls_are_refused(const struct engine *e) {
    const struct refused_calls *r = &e->refused_calls;
    return r->n && engine_now(e) <= r->last_at + REFUSED_CALLS_SPAN;
}

/* The store's own trouble is no alert: there is nowhere to keep it. */
static void alert_server(struct engine *e) {
    struct alert_now now[4];
    size_t n = 0, orphans = engine_state(e)->items[ITEM_ORPHAN].len;
    _cleanup_buf_ struct buf words = BUF_INIT(LIMIT_VALUE_BYTES);
    if (e->store_text)
        return;
    (void)buf_printf(&words, "VMs that belong to no node, and cost money: %zu: see system/orphans",
                     orphans);
    if (orphans)
        now[n++] = (struct alert_now){0, "orphans", words.data, 0};
    if (e->unreachable_since)
        now[n++] = (struct alert_now){0, "cloud",
                                      e->unreachable_text ? e->unreachable_text : "no answer", 0};
    if (e->auth_text)
        now[n++] = (struct alert_now){0, "credentials", e->auth_text, 0};
    if (calls_are_refused(e))
        now[n++] = (struct alert_now){0, "registrations",
                                      "machines call home with a token that is not this server's, "
                                      "or has expired: their nodes never become Ready",
                                      0};
    alerts_update(e, 0, now, n);
}

void state_server(struct engine *e) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    bool degraded = put_health(e, &b);
    alert_server(e);
    const struct server *now = &engine_state(e)->server;
    enum health health = degraded ? HEALTH_DEGRADED : HEALTH_OK;
    if (now->health == health && str_equal(now->health_text, b.data))
        return;
    bool turned = now->health != health;
    struct snapshot *root = builder_root(e->builder);
    if (!root) {
        engine_fail(e, -ENOMEM);
        return;
    }
    root->server.health = health;
    edit_text(e, &root->server.health_text, b.data);
    if (turned)
        journal_event(e, EVENT_SERVER, NULL, NULL, "health: %s", degraded ? b.data : "ok");
}
