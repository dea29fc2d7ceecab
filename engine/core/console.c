/* SPDX-License-Identifier: MIT */
#include "console.h"

#include "store/console.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * What VMs wrote to their serial consoles. It is read when somebody asks for it, when an
 * installation failed, and before a VM is given up that did not come up: it is the only witness
 * then, and goes with the VM.
 *
 * The wish is part of the node's record, so it is on disk before the request is sent, and a restart
 * sends it again. What was read goes to the store (store/console.h), not into the snapshot.
 */

#define SPACING (60 * USEC_SEC) /* between two requests for one VM */
#define PATIENCE (2 * USEC_MIN) /* how long a useless VM is kept for the sake of its console */
#define RETRY (10 * USEC_SEC)   /* after "not now" without a time, or without memory */
#define AT_ONCE 4u
#define WAITING_MAX 256u
#define ATTEMPTS_MAX 3u

static size_t find_wish(const struct engine *e, uint64_t node_id) {
    size_t i = 0;
    while (i < e->consoles.len && e->consoles.items[i].node_id != node_id)
        i++;
    return i;
}

static void add_wish(struct engine *e, const struct node *n) {
    struct console_wish wish = {.cluster_id = n->cluster_id, .node_id = n->id};
    if (find_wish(e, n->id) < e->consoles.len)
        return;
    if (console_wish_vec_append(&e->consoles, wish) < 0)
        engine_fail(e, -ENOMEM);
}

static const struct node *node_of(struct engine *e, const struct console_wish *wish) {
    const struct cluster *c = snapshot_cluster(engine_state(e), wish->cluster_id);
    return c ? cluster_node(c, wish->node_id) : NULL;
}

/* The VM of a node can be named: an instance has a number, any other VM the node's own name. */
static bool can_be_named(const struct node *n) {
    return !n->set_id || str_len(n->instance_id);
}

static bool full(const struct engine *e) {
    return e->consoles.len >= WAITING_MAX;
}

static void want(struct engine *e, const struct node *n, bool last) {
    struct node *copy = edit_node(e, n);
    if (!copy)
        return;
    copy->console_wanted = true;
    copy->console_last = copy->console_last || last;
    copy->console_asked_at = engine_now(e);
    add_wish(e, copy);
}

/* It was asked for less than `span` ago. A clock that was set back makes nobody wait for it. */
static bool asked_within(const struct node *n, usec_t now, usec_t span) {
    usec_t at = n->console_asked_at;
    return at && at <= now && now - at < span;
}

int console_ask(struct engine *e, const struct node *n, struct error *err) {
    const char *name = str_text(n->name);
    usec_t now = engine_now(e);
    if (!node_has_vm(n) || !can_be_named(n))
        return err_kind(err, "busy", "node %s is %s and has no VM that could have a console", name,
                        node_status_name(n->status));
    if (n->console_wanted)
        return err_kind(err, "busy",
                        "the console of node %s is being read: its logs say when it is there",
                        name);
    if (asked_within(n, now, SPACING))
        return err_kind(err, "busy",
                        "the console of node %s was asked for just now: ask again in %" PRIu64 " s",
                        name, (n->console_asked_at + SPACING - now + USEC_SEC - 1) / USEC_SEC);
    if (full(e))
        return err_kind(err, "busy", "%u consoles are waiting to be read: ask again in a minute",
                        WAITING_MAX);
    want(e, n, false);
    return 0;
}

bool console_pending(const struct node *n, usec_t now) {
    return n->console_wanted && asked_within(n, now, PATIENCE);
}

/* Asks for the console of a VM that is to be given up; among too many it goes without. */
static bool want_last(struct engine *e, const struct node *n) {
    if (!full(e)) {
        want(e, n, true);
        return true;
    }
    journal_event(e, EVENT_NODE_CHANGED, snapshot_cluster(engine_state(e), n->cluster_id), n,
                  "console not read: %u others are waiting to be read", WAITING_MAX);
    return false;
}

bool console_comes_first(struct engine *e, const struct node *n) {
    usec_t now = engine_now(e);
    if (n->console_wanted && !n->console_last) {
        struct node *copy = edit_node(e, n);
        if (copy)
            copy->console_last = true;
        return console_pending(n, now);
    }
    bool known = n->console_last || asked_within(n, now, SPACING);
    return !known && can_be_named(n) ? want_last(e, n) : console_pending(n, now);
}

/* --- requests ----------------------------------------------------------------------------------
 */

/* The listing that shows what is to become of a VM was read before its console: again. */
static void go_on(struct engine *e, const struct node *n) {
    struct work *w = engine_work(e, n->cluster_id);
    if (n->set_id)
        observe_set_soon(e, n->cluster_id, n->set_id, 0);
    else if (w)
        w->list_at = engine_now(e);
    engine_dirty(e, n->cluster_id);
}

/* The wish is over; `why` it came to nothing, or NULL. */
static void end_wish(struct engine *e, const struct node *n, const char *why) {
    const struct cluster *c = snapshot_cluster(engine_state(e), n->cluster_id);
    if (why)
        journal_event(e, EVENT_NODE_CHANGED, c, n, "console not read: %s", why);
    struct node *copy = n->console_wanted ? edit_node(e, n) : NULL;
    if (!copy)
        return;
    copy->console_wanted = false;
    if (copy->console_last)
        go_on(e, copy);
}

static bool is_known(struct engine *e, const struct node *n,
                     const struct cyclecloud_result *result) {
    _cleanup_buf_ struct buf old = BUF_INIT(STORE_VALUE_MAX);
    return n->console_bytes == result->console_len &&
           console_read(e->options.store, n->id, &old) == 0 && old.len == result->console_len &&
           (old.len == 0 || memcmp(old.data, result->console, old.len) == 0);
}

static void keep(struct engine *e, const struct node *n, const struct cyclecloud_result *result) {
    struct console_text text = {n->id, BUF_INIT(CYCLECLOUD_CONSOLE_MAX)};
    int r = result->console_len ? buf_append(&text.text, result->console, result->console_len) : 0;
    if (r == 0)
        r = console_text_vec_append(&e->console_texts, text);
    struct node *copy = r == 0 ? edit_node(e, n) : NULL;
    if (r < 0) {
        buf_done(&text.text);
        engine_fail(e, -ENOMEM);
    }
    if (!copy)
        return;
    copy->console_at = engine_now(e);
    copy->console_bytes = (uint32_t)result->console_len;
}

/* The words are the cloud's; a missing permission has a name that a person wants to know. */
static void refused(struct engine *e, const struct node *n,
                    const struct cyclecloud_result *result) {
    static const char hint[] = " (the role of the account must allow retrieveBootDiagnosticsData)";
    _cleanup_buf_ struct buf why = BUF_INIT(LIMIT_VALUE_BYTES);
    (void)buf_printf(&why, "%s%s%s%s", result->code, *result->code ? ": " : "", result->message,
                     result->result == CYCLECLOUD_AUTH ? hint : "");
    end_wish(e, n, why.len ? why.data : "the cloud gave no reason");
}

static bool comes_again(struct engine *e, struct console_wish *wish,
                        const struct cyclecloud_result *result) {
    if (result->result != CYCLECLOUD_THROTTLED || ++wish->attempts >= ATTEMPTS_MAX)
        return false;
    wish->asked = false;
    wish->at = engine_now(e) + (result->retry_after_us ? result->retry_after_us : RETRY);
    return true;
}

static void answered(struct engine *e, const struct cyclecloud_result *result, uint64_t cluster_id,
                     uint64_t node_id, usec_t began) {
    (void)cluster_id;
    size_t at = find_wish(e, node_id);
    const struct node *n = at < e->consoles.len ? node_of(e, &e->consoles.items[at]) : NULL;
    if (n && comes_again(e, &e->consoles.items[at], result))
        return;
    if (at < e->consoles.len)
        console_wish_vec_remove(&e->consoles, at);
    if (!n)
        return; /* it was removed meanwhile */
    if (n->console_wanted && n->console_asked_at > began) {
        add_wish(e, n); /* what came is of a VM that it had before */
        return;
    }
    if (result->result != CYCLECLOUD_OK) {
        refused(e, n, result);
        return;
    }
    if (!is_known(e, n, result))
        keep(e, n, result);
    const struct cluster *c = snapshot_cluster(engine_state(e), n->cluster_id);
    n = cluster_node(c, node_id);
    journal_event(e, EVENT_NODE_CHANGED, c, n, "console read: %zu bytes", result->console_len);
    end_wish(e, n, NULL);
}

static int send(struct engine *e, const struct node *n) {
    const struct cluster *c = snapshot_cluster(engine_state(e), n->cluster_id);
    const struct set *s = n->set_id ? cluster_set_by_id(c, n->set_id) : NULL;
    const char *ids[] = {str_text(n->instance_id), NULL};
    _cleanup_free_ char *name = s ? strdup(str_text(s->name)) : request_vm_name(n);
    if (!name)
        return -ENOMEM;
    struct cyclecloud_request q = {
        .call = s ? CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE : CYCLECLOUD_CALL_READ_CONSOLE,
        .account = str_text(c->account),
        .region = str_text(c->region),
        .group = str_text(c->group),
        .name = name,
        .instance_ids = s ? ids : NULL,
    };
    return call_submit(e, &q, answered, n->cluster_id, n->id);
}

/* Sends a request, or ends what cannot be sent. True when the wish is still there. */
static bool send_wish(struct engine *e, size_t at) {
    struct console_wish *wish = &e->consoles.items[at];
    const struct node *n = node_of(e, wish);
    bool there = n && can_be_named(n) && n->console_wanted;
    int r = there ? send(e, n) : 0;
    if (there && (r == 0 || r == -ENOMEM)) {
        wish->asked = r == 0;
        wish->at = engine_now(e) + RETRY;
        return true;
    }
    console_wish_vec_remove(&e->consoles, at);
    if (n)
        end_wish(e, n, there ? "the request cannot be sent" : "the VM is gone");
    return false;
}

void consoles_due(struct engine *e) {
    usec_t now = engine_now(e);
    unsigned asked = 0;
    for (size_t i = 0; i < e->consoles.len; i++)
        asked += e->consoles.items[i].asked;
    for (size_t i = 0; i < e->consoles.len && asked < AT_ONCE;) {
        const struct console_wish *wish = &e->consoles.items[i];
        bool due = !wish->asked && wish->at <= now;
        if (due && !send_wish(e, i))
            continue; /* it is gone, and the next one is in its place */
        asked += due && e->consoles.items[i].asked;
        i++;
    }
}

usec_t consoles_next(const struct engine *e) {
    usec_t next = USEC_NEVER;
    unsigned asked = 0;
    for (size_t i = 0; i < e->consoles.len; i++) {
        const struct console_wish *wish = &e->consoles.items[i];
        asked += wish->asked;
        if (!wish->asked && wish->at < next)
            next = wish->at;
    }
    return asked < AT_ONCE ? next : USEC_NEVER;
}

void consoles_learn(struct engine *e, const struct cluster *c) {
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));)
        if (n->console_wanted)
            add_wish(e, n);
}

void consoles_saved(struct engine *e) {
    for (size_t i = 0; i < e->console_texts.len; i++)
        buf_done(&e->console_texts.items[i].text);
    e->console_texts.len = 0;
}

void consoles_free(struct engine *e) {
    consoles_saved(e);
    console_text_vec_done(&e->console_texts);
    console_wish_vec_done(&e->consoles);
}
