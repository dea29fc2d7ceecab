/* SPDX-License-Identifier: MIT */
/* The engine's whole life, cut at every write to the cloud and at every commit. */
#include "core-fixture.h"

#include "base/cleanup.h"
#include "model/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_whole_life(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 5).code, 0);
    expect_ready(&w, 6);
    assert_int_equal(state_of(&w), CLUSTER_STARTED);
    assert_true(fake_cloud_writes(w.cloud) <=
                3); /* group, head, one set created with its capacity */
    assert_int_equal(set_count(&w, COUNT_ADD, 3).code, 0);
    expect_ready(&w, 9);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    expect_off(&w);
    assert_int_equal(fake_cloud_peak(w.cloud), 9);
    assert_int_equal(do_command(&w, on_cluster(&w, COMMAND_REMOVE_CLUSTER)).code, 0);
    assert_int_equal(cluster_id(&w), 0);
    world_end(&w);
}

static struct set first_set(struct world *w, size_t *ret_n) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster(s, cluster_id(w));
    *ret_n = c->sets.len;
    return c->sets.len ? *cluster_set(c, 0) : (struct set){0};
}

/* Nodes wait for a set that is being written to, but not more than it will have room for. */
static void test_more_than_a_busy_set_has_room_for(void **state) {
    (void)state;
    struct world w;
    char text[1024];
    size_t n;
    prepare(&w);
    (void)snprintf(text, sizeof(text), "%sAzure.MaxScalesetSize = 10\n", template_text);
    assert_int_equal(set_template(&w, text).code, 0);
    assert_int_equal(set_count(&w, COUNT_SET, 4).code, 0);
    while (!first_set(&w, &n).intent_id)
        step(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 40).code, 0);
    assert_true(first_set(&w, &n).intent_id != 0);
    assert_int_equal(n, 4); /* six wait for the first, thirty are in new ones */
    expect_ready(&w, 41);
    (void)first_set(&w, &n);
    assert_int_equal(n, 4);
    world_end(&w);
}

static void test_refusals(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(create_cluster(&w).code, -EEXIST);
    struct answer_seen a = set_count(&w, COUNT_SUBTRACT, 1);
    assert_int_equal(a.code, -ERANGE);
    a = set_count(&w, COUNT_SET, 101);
    assert_int_equal(a.code, -EDQUOT);
    assert_non_null(strstr(a.message, "MaxCount is 100"));
    a = set_template(&w, "[cluster hpc]\n[[nodearray x]]\nExtends = nowhere\n");
    assert_int_equal(a.code, -EINVAL);
    assert_non_null(strstr(a.message, "nowhere"));
    assert_int_equal(state_of(&w), CLUSTER_OFF);
    assert_int_equal(set_count(&w, COUNT_SET, 1).code,
                     0); /* the stored template is still in force */
    a = do_command(&w, on_cluster(&w, COMMAND_REMOVE_CLUSTER));
    assert_int_equal(a.code, -EBUSY);
    expect_ready(&w, 2);
    world_end(&w);
}

/* The largest number there is counts as such. */
static void test_huge_numbers(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    _cleanup_free_ char *text = NULL;
    assert_true(asprintf(&text, "%sInitialCount = 9223372036854775807\n", template_text) > 0);
    struct answer_seen a = set_template(&w, text);
    if (a.code)
        print_message("%s\n", a.message);
    assert_int_equal(a.code, 0);
    assert_int_equal(set_target(&w, TARGET_STARTED).code, -EDQUOT);
    assert_int_equal(state_of(&w), CLUSTER_OFF);
    world_end(&w);
}

static void test_lost_vm_is_replaced(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 4).code, 0);
    expect_ready(&w, 5);
    fake_cloud_kill(w.cloud, 3);
    fake_cloud_kill(w.cloud, 0);
    expect_ready(&w, 5);
    world_end(&w);
}

static void test_trace(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    const struct snapshot *s = model_acquire(w.model);
    const char *trace = str_text(s->server.trace);
    assert_non_null(strstr(trace, " create_set account=azure group=cyclecloud-hpc-"));
    assert_non_null(strstr(trace, " capacity=2: pending http="));
    assert_non_null(strstr(trace, " list_prices account=azure: ok http="));
    assert_null(strstr(trace, "token")); /* of the nodes' custom data */
    model_release(s);
    run_for(&w, 40 * USEC_HOUR); /* sweeps and quotas fill it */
    s = model_acquire(w.model);
    assert_in_range(str_len(s->server.trace), LIMIT_TRACE_BYTES / 4, LIMIT_TRACE_BYTES + 4096);
    assert_int_equal(str_text(s->server.trace)[0], '2'); /* whole lines are cut off */
    model_release(s);
    world_end(&w);
}

/* Prices are read beside the machine types and end in their rows, whichever came first. */
static void test_prices(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    const struct snapshot *s = model_acquire(w.model);
    const struct machine_type *t = snapshot_machine_type(s, "azure", "eastus", "standard_f2s_V2");
    assert_non_null(t);
    assert_string_equal(str_text(t->currency), "USD");
    assert_int_equal(machine_type_hour_micro(t, false), 85000);
    assert_int_equal(machine_type_hour_micro(t, true), 17000);
    t = snapshot_machine_type(s, "azure", "eastus", "Standard_D4s_v5");
    assert_int_equal(machine_type_hour_micro(t, false), 192000);
    assert_int_equal(machine_type_hour_micro(t, true), 0); /* not in the list */
    assert_int_equal(machine_type_hour_micro(NULL, false), 0);
    model_release(s);
    world_end(&w);
}

static void test_sync(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    struct answer_seen waiting;
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    submit(&w, on_cluster(&w, COMMAND_SYNC), &waiting);
    (void)engine_tick(w.engine);
    assert_false(waiting.given);
    expect_ready(&w, 3);
    assert_true(waiting.given);
    assert_int_equal(waiting.code, 0);
    world_end(&w);
}

static void scale(struct world *w) {
    if (set_count(w, COUNT_SET, 5).code == 0)
        return;
    assert_int_equal(set_count(w, COUNT_SET, 5).code, 0);
}

/* The whole life with one fault at the n-th write. Returns false when there was no n-th write. */
static bool life_with_fault(unsigned nth, enum fake_fault fault) {
    struct world w;
    prepare(&w);
    fake_cloud_fault(w.cloud, nth, fault);
    scale(&w);
    expect_ready(&w, 6);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    expect_off(&w);
    bool happened = fake_cloud_writes(w.cloud) >= nth;
    world_end(&w);
    return happened;
}

static void every_write(enum fake_fault fault) {
    unsigned nth = 1;
    while (life_with_fault(nth, fault))
        nth++;
    assert_true(nth > 5); /* group, head, set, deletions, group */
}

static void test_crash_before_each_write(void **state) {
    (void)state;
    every_write(FAULT_CRASH_BEFORE);
}

static void test_crash_after_each_write(void **state) {
    (void)state;
    every_write(FAULT_CRASH_AFTER);
}

static void test_lost_requests_and_replies(void **state) {
    (void)state;
    every_write(FAULT_LOST_REQUEST);
    every_write(FAULT_LOST_REPLY);
    every_write(FAULT_THROTTLED);
}

static void test_capacity_comes_back(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    fake_cloud_fault(w.cloud, 2, FAULT_CAPACITY);
    scale(&w);
    expect_ready(&w, 6);
    world_end(&w);
}

/* Cut at the n-th commit: the disk says no, and the process dies. */
static void test_crash_at_each_commit(void **state) {
    (void)state;
    for (unsigned nth = 1;; nth++) {
        struct world w;
        prepare(&w);
        unsigned before = w.commits;
        w.fail_commit = before + nth;
        struct answer_seen a = set_count(&w, COUNT_SET, 5);
        if (a.code < 0)
            assert_int_equal(set_count(&w, COUNT_SET, 5).code, 0);
        expect_ready(&w, 6);
        a = set_target(&w, TARGET_TERMINATED);
        if (a.code < 0)
            assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
        expect_off(&w);
        bool reached = w.commits >= before + nth;
        world_end(&w);
        if (!reached)
            break;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_life),
        cmocka_unit_test(test_more_than_a_busy_set_has_room_for),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_huge_numbers),
        cmocka_unit_test(test_lost_vm_is_replaced),
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_crash_before_each_write),
        cmocka_unit_test(test_crash_after_each_write),
        cmocka_unit_test(test_lost_requests_and_replies),
        cmocka_unit_test(test_capacity_comes_back),
        cmocka_unit_test(test_crash_at_each_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
