/* SPDX-License-Identifier: MIT */
#include "credentials.h"

#include <stdlib.h>
#include <string.h>

/* A request under way. Its engine may have thrown away what it was asked for (epoch). */
struct call {
    struct list link; /* engine.calls */
    struct engine *engine;
    call_done done;
    uint64_t epoch, cluster_id, object_id;
    usec_t began;
    char *account, *request; /* the latter in words, for the trace; NULL: no memory for it */
    bool aside;              /* says nothing about the cloud's health */
};

static void call_free(struct call *call) {
    list_del(&call->link);
    free(call->account);
    free(call->request);
    free(call);
}

/* What each answer says about the cloud as a whole. */
static void note_health(struct engine *e, const char *account,
                        const struct cyclecloud_result *result) {
    if (result->result == CYCLECLOUD_TRANSPORT) {
        if (!e->unreachable_since)
            e->unreachable_since = engine_now(e);
        free(e->unreachable_text);
        e->unreachable_text = strdup(result->message);
        return;
    }
    e->unreachable_since = 0;
    e->reachable_at = engine_now(e);
    credentials_note(e, account, result);
}

static void count_request(struct engine *e, const struct cyclecloud_result *result) {
    struct snapshot *root = builder_root(e->builder);
    if (!root)
        return;
    root->server.cloud_requests++;
    if (result->result > CYCLECLOUD_PENDING && result->result != CYCLECLOUD_GONE)
        root->server.cloud_errors++;
}

static void completed(void *arg, const struct cyclecloud_result *result) {
    struct call *call = arg;
    struct engine *e = call->engine;
    if (call->epoch == e->epoch && !engine_state(e)) {
        engine_fail(e, -ENOMEM); /* what it said is lost: everything is learnt again */
    } else if (call->epoch == e->epoch) {
        if (!call->aside)
            note_health(e, call->account ? call->account : "", result);
        count_request(e, result);
        trace_add(e, call->request ? call->request : "?", call->began, result);
        call->done(e, result, call->cluster_id, call->object_id, call->began);
    }
    call_free(call);
}

void calls_shift(struct engine *e, int64_t by) {
    list_for_each_safe(link, next, &e->calls) {
        list_entry(link, struct call, link)->began += (usec_t)by;
    }
}

void call_free_all(struct engine *e) {
    list_for_each_safe(link, next, &e->calls) {
        call_free(list_entry(link, struct call, link));
    }
}

static bool account_used(struct engine *e, const char *account) {
    const struct snapshot *s = engine_state(e);
    const char *by_default = e->options.site.default_account;
    bool used = by_default && strcmp(by_default, account) == 0;
    for (size_t i = 0; s && !used && i < s->clusters.len; i++)
        used = str_equal(((const struct cluster *)s->clusters.items[i])->account, account);
    return used;
}

/* Prices and consoles come from other services. A sweep of an account that nothing uses is for
   orphans alone: whether it works says nothing about the work at hand. */
static bool is_aside(struct engine *e, const struct cyclecloud_request *q) {
    return q->call == CYCLECLOUD_CALL_LIST_PRICES || q->call == CYCLECLOUD_CALL_READ_CONSOLE ||
           q->call == CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE ||
           (q->call == CYCLECLOUD_CALL_SWEEP && !account_used(e, q->account));
}

int call_submit(struct engine *e, const struct cyclecloud_request *request, call_done done,
                uint64_t cluster_id, uint64_t object_id) {
    struct call *call = malloc(sizeof(*call));
    if (!call)
        return -ENOMEM;
    *call = (struct call){.engine = e,
                          .done = done,
                          .epoch = e->epoch,
                          .cluster_id = cluster_id,
                          .object_id = object_id,
                          .began = engine_now(e),
                          .aside = is_aside(e, request)};
    _cleanup_buf_ struct buf words = BUF_INIT(LIMIT_VALUE_BYTES);
    trace_describe(request, &words);
    call->request = buf_take(&words);
    call->account = strdup(request->account ? request->account : "");
    list_init(&call->link);
    list_add_tail(&e->calls, &call->link);
    const struct cyclecloud_provider *p = &e->options.provider;
    int r = p->ops->submit(p->self, request, completed, call);
    if (r < 0)
        call_free(call);
    return r;
}
