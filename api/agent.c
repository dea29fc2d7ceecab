/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <errno.h>

#define QUEUE_FULL_RETRY_AFTER_S 5

/* The engine's reply; on its thread, once. */
static void on_reply(void *arg, const struct reply *reply) {
    struct call *call = arg;
    struct answer answer;
    answer_from_reply(reply, &answer);
    call_answer(call, &answer);
    call_unref(call);
}

static struct command *make_command(const struct request *r) {
    _cleanup_(command_freep) struct command *c = command_new((enum command_type)r->route->value);
    if (!c || command_set_name(c, request_token(r->connection)) < 0 ||
        command_set_text(c, r->body.data, r->body.len) < 0)
        return NULL;
    c->source = SOURCE_AGENT;
    return TAKE_PTR(c);
}

/* The queue is full: answers in the engine's place. */
static void refuse(struct call *call) {
    struct answer full = {.status = MHD_HTTP_TOO_MANY_REQUESTS,
                          .retry_after_s = QUEUE_FULL_RETRY_AFTER_S};
    call_answer(call, &full);
    call_unref(call);
}

enum MHD_Result agent_run(struct request *r) {
    const struct gateway *g = r->service->gateway;
    _cleanup_(command_freep) struct command *c = make_command(r);
    struct call *call = c ? call_new(r->service->waits) : NULL;
    if (!call)
        return answer_status(r->connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    r->call = call;
    c->reply = on_reply;
    c->arg = call;
    /* suspended first: the reply may come before submit returns */
    if (call_suspend(call, r->connection) < 0) {
        call->answer.status = MHD_HTTP_SERVICE_UNAVAILABLE;
        call_unref(call);
        return answer_send(r->connection, &call->answer, NULL);
    }
    peer_hold(r->service->waits, r->peer);
    uint64_t ticket;
    if (g->submit(g->engine, c, &ticket) < 0) {
        refuse(call);
        return MHD_YES;
    }
    (void)TAKE_PTR(c);
    call_submitted(call, ticket);
    return MHD_YES;
}
