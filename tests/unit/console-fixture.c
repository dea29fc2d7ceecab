/* SPDX-License-Identifier: MIT */
#include "console-fixture.h"

#include "store/console.h"
#include "store/history.h"

#include <string.h>

unsigned reads(const struct world *w) {
    return fake_cloud_calls(w->cloud, CYCLECLOUD_CALL_READ_CONSOLE) +
           fake_cloud_calls(w->cloud, CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE);
}

struct node node_at(struct world *w, unsigned at) {
    const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    uint64_t position = 0;
    const struct node *n = cluster_next_node(c, &position);
    while (n && at--)
        n = cluster_next_node(c, &position);
    struct node copy = n ? *n : (struct node){0};
    model_release(s);
    return copy;
}

struct node node_named(struct world *w, const char *name) {
    const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    const struct node *n = c ? cluster_node_named(c, name) : NULL;
    struct node copy = n ? *n : (struct node){0};
    model_release(s);
    return copy;
}

bool console_is(struct world *w, uint64_t node_id, const char *text) {
    struct buf b = BUF_INIT(1 << 20);
    assert_int_equal(console_read(w->store, node_id, &b), 0);
    bool same = strcmp(b.data, text) == 0;
    if (!same)
        print_message("console: %s\n", b.data);
    buf_done(&b);
    return same;
}

unsigned lines_with(struct world *w, uint64_t node_id, const char *part) {
    struct buf b = BUF_INIT(1 << 20);
    const struct history h = {HISTORY_LOGS, 0, node_id};
    assert_int_equal(history_read(w->store, &h, 0, 1 << 20, &b), 0);
    unsigned n = 0;
    for (const char *at = b.data; (at = strstr(at, part)); at++)
        n++;
    buf_done(&b);
    return n;
}

struct answer_seen control(struct world *w, uint64_t node_id, const char *verb) {
    struct command *c = on_cluster(w, COMMAND_CONTROL);
    c->node_id = node_id;
    command_set_name(c, verb);
    return do_command(w, c);
}

struct answer_seen ask(struct world *w, uint64_t node_id) {
    return control(w, node_id, "console");
}

void begin_with(struct world *w, int64_t nodes) {
    prepare(w);
    assert_int_equal(set_count(w, COUNT_SET, nodes).code, 0);
    expect_ready(w, (unsigned)nodes + 1);
}
