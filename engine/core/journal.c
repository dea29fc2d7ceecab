/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include "base/plain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define JOURNAL_TICK_BYTES ((size_t)1 << 30) /* far beyond what 100,000 nodes have in a tick */
#define MESSAGE_MAX (LIMIT_VALUE_BYTES * 2)
#define LINE_MAX_BYTES ((size_t)256 << 10) /* a message and the names of what it is about */

/* CycleCloud's Event Grid names; "" where it has none. */
static const char *const type_names[EVENT_TYPE_MAX] = {
    [EVENT_CLUSTER_CREATED] = "ClusterCreated",
    [EVENT_CLUSTER_STARTED] = "ClusterStarted",
    [EVENT_CLUSTER_TERMINATED] = "ClusterTerminated",
    [EVENT_CLUSTER_DELETED] = "ClusterDeleted",
    [EVENT_CLUSTER_SIZE_INCREASED] = "ClusterSizeIncreased",
    [EVENT_CLUSTER_CHANGED] = "ClusterChanged",
    [EVENT_NODE_ADDED] = "NodeAdded",
    [EVENT_NODE_CREATED] = "NodeCreated",
    [EVENT_NODE_STARTED] = "NodeStarted",
    [EVENT_NODE_DEALLOCATED] = "NodeDeallocated",
    [EVENT_NODE_TERMINATED] = "NodeTerminated",
    [EVENT_NODE_CHANGED] = "NodeChanged",
    [EVENT_SERVER] = "Server",
};

static uint64_t place_key(enum history_stream stream, uint64_t owner) {
    return owner * HISTORY_STREAM_MAX + stream;
}

/* What this tick has for a stream so far; NULL: nothing. */
static struct buf *find_text(struct engine *e, enum history_stream stream, uint64_t owner) {
    const uint64_t *place = id_map_get(&e->journal_places, place_key(stream, owner));
    return place ? &e->journal.items[*place].text : NULL;
}

static struct buf *entry_text(struct engine *e, enum history_stream stream, uint64_t owner) {
    struct buf *found = find_text(e, stream, owner);
    if (found)
        return found;
    struct journal_entry entry = {stream, owner, BUF_INIT(JOURNAL_TICK_BYTES)};
    if (journal_vec_append(&e->journal, entry) < 0 ||
        id_map_set(&e->journal_places, place_key(stream, owner), e->journal.len - 1) < 0) {
        engine_fail(e, -ENOMEM);
        return NULL;
    }
    return &e->journal.items[e->journal.len - 1].text;
}

static void append(struct engine *e, enum history_stream stream, uint64_t owner,
                   const struct buf *line) {
    struct buf *text = entry_text(e, stream, owner);
    if (text && buf_append(text, line->data, line->len) < 0)
        engine_fail(e, -ENOMEM);
}

static void format_log(struct engine *e, struct buf *b, const struct cluster *c,
                       const struct node *n, const char *message) {
    time_format(b, engine_now(e));
    if (c)
        buf_printf(b, " %s", str_text(c->name));
    if (n)
        buf_printf(b, "%s%s", c ? "/" : " ", str_text(n->name));
    buf_puts(b, ": ");
    buf_puts(b, message);
    actor_put_words(e, engine_state(e), b);
    buf_putc(b, '\n');
}

static void put_member(struct buf *b, const char *name, const char *value) {
    buf_printf(b, ",\"%s\":\"", name);
    buf_put_json(b, value);
    buf_putc(b, '"');
}

struct event {
    enum event_type type;
    const struct cluster *cluster; /* NULL: of the server */
    const struct node *node;       /* NULL: of the cluster */
    const char *message;
};

static void format_event(struct engine *e, struct buf *b, const struct event *event) {
    const struct cluster *c = event->cluster;
    const struct node *n = event->node;
    usec_t now = engine_now(e);
    buf_printf(b, "{\"specversion\":\"1.0\",\"id\":\"%s-%" PRIu64 "\",\"source\":\"/sites/%s\"",
               e->server_id, engine_take_id(e), e->server_id);
    buf_printf(b, ",\"type\":\"Microsoft.CycleCloud.%s\",\"subject\":\"/sites/%s",
               type_names[event->type], e->server_id);
    if (c)
        buf_printf(b, "/clusters/%s", str_text(c->name));
    if (n)
        buf_printf(b, "/nodes/%s", str_text(n->name));
    buf_puts(b, "\",\"time\":\"");
    time_format(b, now);
    buf_puts(b, "\",\"datacontenttype\":\"application/json\",\"data\":{\"status\":\"Succeeded\"");
    put_member(b, "message", event->message);
    buf_puts(b, ",\"actor\":");
    actor_put_json(e, engine_state(e), n, b);
    if (c)
        put_member(b, "clusterName", str_text(c->name));
    if (n) {
        put_member(b, "nodeName", str_text(n->name));
        buf_printf(b, ",\"nodeId\":\"%" PRIu64 "\"", n->id);
        put_member(b, "vmSize", str_text(n->machine_type));
        put_member(b, "nodeStatus", node_status_name(n->status));
        buf_printf(b, ",\"cores\":%u,\"retryCount\":%u", n->cores, n->retries);
    }
    buf_puts(b, "}}\n");
}

void journal_event(struct engine *e, enum event_type type, const struct cluster *c,
                   const struct node *n, const char *fmt, ...) {
    char *message = NULL;
    va_list args;
    va_start(args, fmt);
    int r = vasprintf(&message, fmt, args);
    va_end(args);
    if (r < 0) {
        engine_fail(e, -ENOMEM);
        return;
    }
    _cleanup_buf_ struct buf plain = BUF_INIT(MESSAGE_MAX);
    _cleanup_buf_ struct buf line = BUF_INIT(LINE_MAX_BYTES);
    _cleanup_buf_ struct buf event = BUF_INIT(LINE_MAX_BYTES);
    plain_put(&plain, message, MESSAGE_MAX);
    free(message);
    format_log(e, &line, c, n, plain.data);
    format_event(e, &event, &(struct event){type, c, n, plain.data});
    if (buf_error(&plain) < 0 || buf_error(&line) < 0 || buf_error(&event) < 0) {
        engine_fail(e, -ENOMEM);
        return;
    }
    uint64_t owners[] = {0, c ? c->id : 0, n ? n->id : 0};
    for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
        if (i > 0 && !owners[i])
            continue;
        append(e, HISTORY_LOGS, owners[i], &line);
        append(e, HISTORY_EVENTS, owners[i], &event);
    }
}

void journal_forget(struct engine *e, uint64_t owner) {
    for (int stream = 0; stream < HISTORY_STREAM_MAX; stream++) {
        struct buf *text = find_text(e, (enum history_stream)stream, owner);
        if (text)
            buf_clear(text);
    }
    for (size_t i = e->journal_sizes.len; i-- > 0;)
        if (e->journal_sizes.items[i].owner == owner)
            journal_size_vec_remove(&e->journal_sizes, i);
    if (id_vec_append(&e->forgotten, owner) < 0)
        engine_fail(e, -ENOMEM);
}

void journal_drop(struct engine *e) {
    for (size_t i = 0; i < e->journal.len; i++)
        buf_done(&e->journal.items[i].text);
    journal_vec_done(&e->journal);
    id_map_done(&e->journal_places);
    e->forgotten.len = 0;
}
