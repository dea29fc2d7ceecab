/* SPDX-License-Identifier: MIT */
#include "internal.h"

static const char *const sources[] = {
    [SOURCE_ENGINE] = "engine",
    [SOURCE_MOUNT] = "mount",
    [SOURCE_AGENT] = "agent",
};

void actor_set(struct engine *e, const struct command *c) {
    e->actor = c ? (struct actor){c->source, c->caller_uid} : (struct actor){0};
}

/* The user of users/ with this uid; "root"; else "uid 1000": the system's own list may lie on a
   server far away, and the engine waits for nothing. */
static void put_person(const struct snapshot *s, uid_t uid, struct buf *b) {
    const struct object_list *l = s ? &s->items[ITEM_USER] : NULL;
    for (size_t i = 0; l && i < l->len; i++) {
        const struct user *u = l->items[i];
        if (u->uid == uid) {
            buf_put_json(b, str_text(u->item.name));
            return;
        }
    }
    if (uid == 0)
        buf_puts(b, "root");
    else
        buf_printf(b, "uid %u", (unsigned)uid);
}

void actor_put_json(const struct engine *e, const struct snapshot *s, const struct node *n,
                    struct buf *b) {
    const struct actor *a = &e->actor;
    buf_printf(b, "{\"source\":\"%s\"", sources[a->source]);
    if (a->source == SOURCE_MOUNT)
        buf_printf(b, ",\"uid\":%u", (unsigned)a->uid);
    buf_puts(b, ",\"name\":\"");
    if (a->source == SOURCE_MOUNT)
        put_person(s, a->uid, b);
    else if (a->source == SOURCE_AGENT && n)
        buf_put_json(b, str_text(n->name));
    else
        buf_puts(b, a->source == SOURCE_AGENT ? "node" : "server");
    buf_puts(b, "\"}");
}

void actor_put_words(const struct engine *e, const struct snapshot *s, struct buf *b) {
    if (e->actor.source != SOURCE_MOUNT)
        return;
    buf_puts(b, " (by ");
    put_person(s, e->actor.uid, b);
    buf_putc(b, ')');
}
