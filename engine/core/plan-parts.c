/* SPDX-License-Identifier: MIT */
#include "plan-parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_done(struct plan *p) {
    for (size_t i = 0; i < p->actions.len; i++) {
        id_vec_done(&p->actions.items[i].nodes);
        buf_done(&p->actions.items[i].instances);
    }
    for (size_t i = 0; i < p->waits.len; i++)
        free(p->waits.items[i].message);
    plan_action_vec_done(&p->actions);
    plan_wait_vec_done(&p->waits);
    id_vec_done(&p->gone);
    buf_done(&p->text);
}

void plan_say(struct plan *p, const char *fmt, ...) {
    char *line = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&line, fmt, args) < 0)
        line = NULL;
    va_end(args);
    if (!line)
        return;
    buf_puts(&p->text, line);
    buf_putc(&p->text, '\n');
    free(line);
}

void plan_again(struct plan *p, usec_t at) {
    if (at < p->again_at)
        p->again_at = at;
}

struct plan_action *plan_act(struct plan *p, enum intent_kind kind) {
    struct plan_action a = {.kind = kind, .instances = BUF_INIT(LIMIT_DOCUMENT_BYTES)};
    if (plan_action_vec_append(&p->actions, a) < 0) {
        p->error = -ENOMEM;
        return NULL;
    }
    return &p->actions.items[p->actions.len - 1];
}

void plan_wait_for(struct plan *p, const struct node *n, const struct plan_reason *why) {
    if (why->not_before)
        plan_again(p, why->not_before);
    if (n->hold == why->hold && n->not_before == why->not_before &&
        str_equal(n->message, why->message))
        return;
    struct plan_wait w = {n->id, why->hold, why->not_before, strdup(why->message)};
    if (!w.message || plan_wait_vec_append(&p->waits, w) < 0) {
        free(w.message);
        p->error = -ENOMEM;
    }
}

const struct set_work *plan_set_work(const struct plan_input *in, const struct set *s) {
    for (size_t i = 0; i < in->work->sets.len; i++)
        if (in->work->sets.items[i].set_id == s->id)
            return &in->work->sets.items[i];
    return NULL;
}

bool plan_superseded(const struct plan_input *in, uint64_t intent_id) {
    const struct intent_vec *v = &in->engine->intents;
    for (size_t i = 0; i < v->len; i++)
        if (v->items[i]->id == intent_id)
            return !intent_deletes(v->items[i]->kind) &&
                   (v->items[i]->state == INTENT_ACCEPTED || v->items[i]->state == INTENT_OPEN);
    return false;
}
