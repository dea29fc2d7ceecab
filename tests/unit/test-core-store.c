/* SPDX-License-Identifier: MIT */
/* The engine over a store that is full, comes back, or holds what somebody wrote. */
#include "core-fixture.h"

#include "core/internal.h"
#include "model/limits.h"
#include "store/history.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool health_says(struct world *w, enum health health, const char *part) {
    const struct snapshot *s = model_acquire(w->model);
    bool right = s->server.health == health && strstr(str_text(s->server.health_text), part);
    if (!right)
        print_message("health: %s\n", str_text(s->server.health_text));
    model_release(s);
    return right;
}

/* The whole life, with the disk full for `n` commits from the nth on; the process lives on. What
 * was refused is asked again by the user. Returns false when there was no nth commit. */
static bool life_on_full_disk(unsigned nth, unsigned n) {
    struct world w;
    prepare(&w);
    w.full_from = w.commits + nth;
    w.full_for = n;
    while (set_count(&w, COUNT_SET, 5).code < 0)
        run_for(&w, 10 * USEC_SEC);
    expect_ready(&w, 6);
    while (set_count(&w, COUNT_SET, 2).code < 0)
        run_for(&w, 10 * USEC_SEC);
    expect_ready(&w, 3);
    while (set_target(&w, TARGET_TERMINATED).code < 0)
        run_for(&w, 10 * USEC_SEC);
    expect_off(&w);
    assert_true(fake_cloud_peak(w.cloud) <= 6);
    assert_true(health_says(&w, HEALTH_OK, "ok"));
    bool reached = w.commits >= w.full_from;
    world_end(&w);
    return reached;
}

static void test_full_disk_at_each_commit(void **state) {
    (void)state;
    unsigned nth = 1;
    while (life_on_full_disk(nth, 1 + nth % 4))
        nth++;
    assert_true(nth > 10);
}

/* While nothing can be written the server says so, refuses, and asks nothing of the cloud. */
static void test_full_disk_is_told(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 3).code, 0);
    expect_ready(&w, 4);
    unsigned writes = fake_cloud_writes(w.cloud);
    w.full_from = w.commits + 1;
    w.full_for = 1000000;
    struct answer_seen a = set_count(&w, COUNT_SET, 8);
    assert_int_equal(a.code, -ENOSPC);
    assert_non_null(strstr(a.message, "No space left on device"));
    run_for(&w, 10 * USEC_MIN);
    assert_true(health_says(&w, HEALTH_DEGRADED, "No space left on device"));
    assert_int_equal(ready_nodes(&w), 4);
    assert_int_equal(fake_cloud_writes(w.cloud), writes);
    assert_true(w.commits - w.full_from < 400); /* tried again now and then */
    w.full_for = 0;
    run_for(&w, USEC_MIN);
    assert_true(health_says(&w, HEALTH_OK, "ok"));
    assert_int_equal(set_count(&w, COUNT_SET, 8).code, 0);
    expect_ready(&w, 9);
    world_end(&w);
}

static int make_cluster(struct world *w, uid_t uid, unsigned number) {
    char name[32];
    struct command *c = command_new(COMMAND_CREATE_CLUSTER);
    (void)snprintf(name, sizeof(name), "c%u", number);
    command_set_name(c, name);
    c->caller_uid = uid;
    return do_command(w, c).code;
}

/* No one user takes the clusters from the others, and all together not from root. */
static void test_shares_of_clusters(void **state) {
    (void)state;
    struct world w;
    unsigned n = 0, made = 0;
    world_begin(&w);
    for (; n < LIMIT_CLUSTERS_PER_USER; n++)
        assert_int_equal(make_cluster(&w, 1000, n), 0);
    assert_int_equal(make_cluster(&w, 1000, n), -EDQUOT);
    for (made = n; made < LIMIT_CLUSTERS - LIMIT_CLUSTERS_FOR_ROOT; made++)
        assert_int_equal(make_cluster(&w, 1001, made), 0);
    assert_int_equal(make_cluster(&w, 1002, made), -ENOSPC);
    for (; made < LIMIT_CLUSTERS; made++)
        assert_int_equal(make_cluster(&w, 0, made), 0);
    assert_int_equal(make_cluster(&w, 0, made), -ENOSPC);
    world_end(&w);
}

/* A parked wait. Returns its ticket. */
static uint64_t wait_for(struct world *w, struct answer_seen *a) {
    struct command *c = on_cluster(w, COMMAND_SYNC);
    submit(w, c, a);
    return c->ticket;
}

/* Whoever waits can be killed while nothing can be written: whether the wait began before or after
 * that, and the next one goes on. */
static void test_a_wait_ends_while_the_disk_is_full(void **state) {
    (void)state;
    struct world w;
    struct answer_seen before, after, other;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 3).code, 0);
    uint64_t first = wait_for(&w, &before);
    (void)engine_tick(w.engine);
    w.full_from = w.commits + 1;
    w.full_for = 1000000;
    assert_int_equal(set_count(&w, COUNT_SET, 8).code, -ENOSPC);
    uint64_t second = wait_for(&w, &after);
    (void)wait_for(&w, &other);
    assert_true(engine_tick(w.engine) > w.now);
    assert_false(before.given || after.given);
    engine_cancel(w.engine, first);
    engine_cancel(w.engine, second);
    (void)engine_tick(w.engine);
    assert_true(before.given && before.code == -EINTR);
    assert_true(after.given && after.code == -EINTR);
    assert_false(other.given);
    w.full_for = 0;
    expect_ready(&w, 4);
    assert_true(other.given && other.code == 0);
    world_end(&w);
}

/* Bytes that are no UTF-8 in a refused write do not make the store unreadable. */
static void test_any_bytes_survive_a_restart(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    static const char words[] = "\"\xff\xc3\" is no count";
    struct command *c = on_cluster(&w, COMMAND_REFUSED);
    command_set_name(c, "count");
    command_set_text(c, words, strlen(words));
    (void)do_command(&w, c);
    expect_ready(&w, 3);
    restart(&w);
    expect_ready(&w, 3);
    world_end(&w);
}

/* A refusal of any length does not make records that are too long to be saved. */
static void test_long_words_can_be_saved(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    static char words[3 << 20];
    memset(words, 'x', sizeof(words) - 1);
    struct command *c = on_cluster(&w, COMMAND_REFUSED);
    command_set_text(c, words, sizeof(words) - 1);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    (void)do_command(&w, c);
    expect_ready(&w, 3);
    restart(&w);
    expect_ready(&w, 3);
    world_end(&w);
}

static uint64_t length_of(struct world *w, enum history_stream stream, unsigned generation) {
    uint64_t size = 0;
    assert_int_equal(history_size(w->store, &(struct history){stream, generation, 0}, &size), 0);
    return size;
}

/* Logs and events do not grow for ever: at the limit they become the old ones, and nothing of the
 * last whole length is lost. */
static void test_history_is_cut(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    w.history_bytes = 2000;
    restart(&w);
    bool cut = false;
    for (int i = 0; i < 30; i++) {
        uint64_t before = length_of(&w, HISTORY_LOGS, 0);
        assert_int_equal(set_count(&w, COUNT_SET, i % 3).code, 0);
        run_for(&w, USEC_MIN);
        if (i % 7 == 6)
            restart(&w);
        uint64_t after = length_of(&w, HISTORY_LOGS, 0);
        assert_true(after <= 2000);
        assert_true(after >= before || length_of(&w, HISTORY_LOGS, 1) >= before);
        cut = cut || after < before;
    }
    assert_true(cut);
    _cleanup_buf_ struct buf old = BUF_INIT(10000), now = BUF_INIT(10000);
    assert_int_equal(history_read(w.store, &(struct history){HISTORY_LOGS, 1, 0}, 0, 10000, &old),
                     0);
    assert_int_equal(history_read(w.store, &(struct history){HISTORY_LOGS, 0, 0}, 0, 10000, &now),
                     0);
    assert_int_equal(old.len, length_of(&w, HISTORY_LOGS, 1));
    assert_int_equal(now.len, length_of(&w, HISTORY_LOGS, 0));
    assert_int_equal(old.data[old.len - 1], '\n');
    assert_int_equal(strncmp(old.data, "20", 2), 0); /* each begins with a line */
    assert_int_equal(strncmp(now.data, "20", 2), 0);
    assert_true(length_of(&w, HISTORY_EVENTS, 1) > 0);
    world_end(&w);
}

/* A record of a stream of history: its length, and how many lines end in it. */
static int look_at_record(void *arg, const void *key, size_t key_len, const void *value,
                          size_t len) {
    (void)key;
    (void)key_len;
    size_t *lines = arg;
    const char *text = value;
    assert_in_range(len, 1, HISTORY_RECORD_BYTES);
    assert_int_equal(text[len - 1], '\n');
    for (size_t i = 0; i < len; i++)
        *lines += text[i] == '\n';
    return 0;
}

/* What 100,000 nodes have to tell in one tick: nothing is left out, and no record is huge. */
static void test_a_flood_of_events_is_kept(void **state) {
    (void)state;
    enum { FLOOD = 40000, PER_TICK = 20000 };
    struct world w;
    char message[300];
    memset(message, 'x', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    prepare(&w);
    size_t before = 0, after = 0;
    const char stream[] = {'h', HISTORY_EVENTS, 0};
    const struct store_range range = {.prefix = stream, .prefix_len = sizeof(stream)};
    assert_int_equal(store_scan(w.store, &range, look_at_record, &before), 0);
    for (int i = 0; i < FLOOD; i++) {
        journal_event(w.engine, EVENT_SERVER, NULL, NULL, "%s", message);
        if (i % PER_TICK == PER_TICK - 1)
            (void)engine_tick(w.engine);
    }
    assert_int_equal(store_scan(w.store, &range, look_at_record, &after), 0);
    assert_int_equal(after, before + FLOOD);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_disk_at_each_commit),
        cmocka_unit_test(test_full_disk_is_told),
        cmocka_unit_test(test_shares_of_clusters),
        cmocka_unit_test(test_a_wait_ends_while_the_disk_is_full),
        cmocka_unit_test(test_any_bytes_survive_a_restart),
        cmocka_unit_test(test_long_words_can_be_saved),
        cmocka_unit_test(test_history_is_cut),
        cmocka_unit_test(test_a_flood_of_events_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
