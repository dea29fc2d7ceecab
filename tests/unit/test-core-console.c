/* SPDX-License-Identifier: MIT */
#include "console-fixture.h"

#include <errno.h>
#include <string.h>

/* Consoles that somebody asks for. */

static void refused(struct world *w, uint64_t node_id, int code, const char *words) {
    struct answer_seen a = ask(w, node_id);
    if (a.code != code || !strstr(a.message, words))
        print_message("%d: %s\n", a.code, a.message);
    assert_int_equal(a.code, code);
    assert_non_null(strstr(a.message, words));
}

/* --- a person asks -----------------------------------------------------------------------------*/

static void test_asked(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 2);
    for (unsigned i = 0; i < 3; i++) { /* the head, and members of a set */
        uint64_t id = node_at(&w, i).id;
        assert_int_equal(ask(&w, id).code, 0);
        assert_true(node_at(&w, i).console_wanted);
        assert_true(console_is(&w, id, ""));
        run_for(&w, 5 * USEC_SEC);
        assert_true(console_is(&w, id, "booted\n"));
        struct node n = node_at(&w, i);
        assert_false(n.console_wanted);
        assert_int_equal(n.console_bytes, 7);
        assert_true(n.console_at > n.status_at);
        assert_int_equal(lines_with(&w, id, "console read: 7 bytes"), 1);
    }
    assert_int_equal(reads(&w), 3);
    assert_int_equal(fake_cloud_calls(w.cloud, CYCLECLOUD_CALL_READ_CONSOLE), 1);
    world_end(&w);
}

/* It is no wish for another state: who waits for one waits for nothing more. */
static void test_asking_changes_no_wish(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1);
    const struct snapshot *s = model_acquire(w.model);
    uint64_t before = snapshot_cluster_named(s, "hpc")->generation;
    model_release(s);
    assert_int_equal(ask(&w, node_at(&w, 1).id).code, 0);
    s = model_acquire(w.model);
    assert_int_equal(snapshot_cluster_named(s, "hpc")->generation, before);
    model_release(s);
    world_end(&w);
}

static void test_refusals(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    uint64_t head = node_named(&w, "head").id;
    refused(&w, head, -EBUSY, "has no VM that could have a console");
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    expect_ready(&w, 2);
    uint64_t id = node_at(&w, 1).id;
    assert_int_equal(ask(&w, id).code, 0);
    refused(&w, id, -EBUSY, "is being read: its logs say when it is there");
    run_for(&w, 5 * USEC_SEC);
    refused(&w, id, -EBUSY, "was asked for just now: ask again in 5");
    run_for(&w, 56 * USEC_SEC);
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, 5 * USEC_SEC);
    assert_int_equal(reads(&w), 2);
    refused(&w, 424242, -ENOENT, "the node is gone");
    world_end(&w);
}

static void test_not_too_many(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 100).code, 0);
    expect_ready(&w, 101);
    unsigned before = 0, most = 0;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(ask(&w, node_at(&w, i).id).code, 0);
    /* one round of answers takes a tenth of a second */
    for (usec_t end = w.now + 5 * USEC_SEC; w.now < end; w.now += USEC_SEC / 20) {
        (void)engine_tick(w.engine);
        unsigned now = reads(&w);
        most = now - before > most ? now - before : most;
        if (fake_cloud_deliver(w.cloud) > 0)
            before = now;
    }
    assert_int_equal(reads(&w), 20);
    assert_true(most <= 4);
    world_end(&w);
}

static void test_the_queue_has_an_end(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    struct answer_seen a = set_template(&w, large_template_text);
    assert_int_equal(a.code, 0);
    assert_int_equal(set_count(&w, COUNT_SET, 260).code, 0);
    run_for(&w, 20 * USEC_MIN);
    int code = 0;
    unsigned accepted = 0;
    while (code == 0 && accepted < 259) {
        a = ask(&w, node_at(&w, accepted).id);
        code = a.code;
        accepted += code == 0;
    }
    assert_int_equal(code, -EBUSY);
    assert_non_null(strstr(a.message, "256 consoles are waiting to be read"));
    run_for(&w, USEC_MIN);
    assert_int_equal(reads(&w), accepted);
    assert_int_equal(ask(&w, node_at(&w, accepted).id).code, 0);
    world_end(&w);
}

/* What is there already is not written again, and does not change its time. */
static void test_the_same_again(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1);
    uint64_t id = node_at(&w, 1).id;
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, USEC_MIN);
    usec_t at = node_at(&w, 1).console_at;
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, USEC_MIN);
    assert_int_equal(node_at(&w, 1).console_at, at);
    assert_int_equal(lines_with(&w, id, "console read"), 2);
    fake_cloud_say(w.cloud, "boote!\n"); /* as long, and another one */
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, USEC_MIN);
    assert_true(node_at(&w, 1).console_at > at);
    assert_true(console_is(&w, id, "boote!\n"));
    fake_cloud_say(w.cloud, "");
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, USEC_MIN);
    assert_int_equal(node_at(&w, 1).console_bytes, 0);
    assert_true(console_is(&w, id, ""));
    world_end(&w);
}

/* --- what goes wrong ---------------------------------------------------------------------------*/

static void test_failures_are_told(void **state) {
    (void)state;
    static const enum fake_fault faults[] = {FAULT_LOST_REQUEST, FAULT_INVALID, FAULT_CONFLICT,
                                             FAULT_GONE};
    struct world w;
    begin_with(&w, 1);
    uint64_t id = node_at(&w, 1).id;
    for (unsigned i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE, 1, faults[i]);
        assert_int_equal(ask(&w, id).code, 0);
        run_for(&w, USEC_MIN);
        assert_int_equal(lines_with(&w, id, "console not read: Fault: as the test wanted"), i + 1);
        assert_false(node_at(&w, 1).console_wanted);
    }
    /* a service of its own: what it does says nothing about the cloud */
    const struct snapshot *s = model_acquire(w.model);
    assert_int_equal(s->server.health, HEALTH_OK);
    model_release(s);
    assert_int_equal(reads(&w), 4);
    world_end(&w);
}

static void test_throttling(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1);
    uint64_t id = node_at(&w, 1).id;
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE, 2, FAULT_THROTTLED);
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, 5 * USEC_SEC);
    assert_int_equal(reads(&w), 1);
    run_for(&w, USEC_MIN);
    assert_int_equal(reads(&w), 3);
    assert_true(console_is(&w, id, "booted\n"));
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE, 100, FAULT_THROTTLED);
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(reads(&w), 6);
    assert_int_equal(lines_with(&w, id, "console not read"), 1);
    world_end(&w);
}

/* The VM goes while its console waits to be read. */
static void test_the_vm_goes(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1);
    uint64_t id = node_at(&w, 1).id;
    fake_cloud_kill(w.cloud, 1);
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, USEC_MIN);
    assert_int_equal(lines_with(&w, id, "console not read"), 1);
    expect_ready(&w, 2);
    world_end(&w);
}

/* It has another VM when the answer about the first one comes: who asked for the second gets that.
 */
static void test_a_late_answer(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1);
    uint64_t id = node_at(&w, 1).id;
    fake_cloud_slow(w.cloud, CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE, 30 * USEC_MIN);
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, USEC_SEC);
    fake_cloud_kill(w.cloud, strstr(fake_cloud_vm(w.cloud, 0)->resource_id, "/-/") ? 1 : 0);
    run_for(&w, 20 * USEC_MIN);
    assert_int_equal(ready_nodes(&w), 2);
    fake_cloud_slow(w.cloud, CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE, 0);
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(reads(&w), 1); /* one at a time */
    run_for(&w, 10 * USEC_MIN);
    assert_int_equal(reads(&w), 2);
    assert_int_equal(lines_with(&w, id, "console read"), 1);
    assert_false(node_at(&w, 1).console_wanted);
    world_end(&w);
}

/* A clock that was set back makes nobody wait until it has come to where it was. */
static void test_a_clock_that_goes_back(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1);
    uint64_t id = node_at(&w, 1).id;
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, 5 * USEC_SEC);
    w.now -= 3 * USEC_HOUR;
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, 5 * USEC_SEC);
    assert_int_equal(reads(&w), 2);
    world_end(&w);
}

/* Nothing of a node is left in the store when it has gone, whatever is on its way. */
static void test_removed_with_the_node(void **state) {
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct world w;
        begin_with(&w, 2);
        uint64_t id = node_at(&w, 1).id;
        assert_int_equal(ask(&w, id).code, 0);
        run_for(&w, late ? 0 : 5 * USEC_SEC);
        struct command *c = on_cluster(&w, COMMAND_REMOVE_NODE);
        c->node_id = id;
        assert_int_equal(do_command(&w, c).code, 0);
        run_for(&w, 20 * USEC_MIN);
        assert_int_equal(node_at(&w, 2).id, 0);
        assert_true(console_is(&w, id, ""));
        world_end(&w);
    }
}

static void test_removed_with_the_cluster(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1);
    uint64_t id = node_named(&w, "head").id;
    assert_int_equal(ask(&w, id).code, 0);
    run_for(&w, 5 * USEC_SEC);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    expect_off(&w);
    assert_true(console_is(&w, id, "booted\n")); /* the record of a head stays */
    assert_int_equal(do_command(&w, on_cluster(&w, COMMAND_REMOVE_CLUSTER)).code, 0);
    assert_true(console_is(&w, id, ""));
    world_end(&w);
}

/* --- restarts and a full disk ------------------------------------------------------------------*/

static void test_a_wish_outlives_the_process(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1);
    uint64_t id = node_at(&w, 1).id;
    assert_int_equal(ask(&w, id).code, 0);
    assert_int_equal(reads(&w), 0);
    restart(&w);
    run_for(&w, USEC_MIN);
    assert_int_equal(reads(&w), 1);
    assert_true(console_is(&w, id, "booted\n"));
    restart(&w);
    struct node n = node_at(&w, 1);
    assert_int_equal(n.console_bytes, 7);
    assert_true(n.console_at > 0);
    run_for(&w, USEC_MIN);
    assert_int_equal(reads(&w), 1);
    world_end(&w);
}

/* What cannot be saved is asked for again. */
static void test_full_disk(void **state) {
    (void)state;
    for (unsigned nth = 1; nth <= 4; nth++) {
        struct world w;
        begin_with(&w, 1);
        uint64_t id = node_at(&w, 1).id;
        w.full_from = w.commits + nth;
        w.full_for = 3;
        while (ask(&w, id).code != 0)
            run_for(&w, 10 * USEC_SEC);
        run_for(&w, 2 * USEC_MIN);
        assert_true(console_is(&w, id, "booted\n"));
        assert_false(node_at(&w, 1).console_wanted);
        world_end(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_asking_changes_no_wish),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_not_too_many),
        cmocka_unit_test(test_the_queue_has_an_end),
        cmocka_unit_test(test_the_same_again),
        cmocka_unit_test(test_failures_are_told),
        cmocka_unit_test(test_throttling),
        cmocka_unit_test(test_the_vm_goes),
        cmocka_unit_test(test_a_late_answer),
        cmocka_unit_test(test_a_clock_that_goes_back),
        cmocka_unit_test(test_removed_with_the_node),
        cmocka_unit_test(test_removed_with_the_cluster),
        cmocka_unit_test(test_a_wish_outlives_the_process),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
