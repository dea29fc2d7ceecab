/* SPDX-License-Identifier: MIT */
#include "core-fixture.h"

#include "model/snapshot.h"
#include "model/usage.h"

/* The wall clock is set, forward and back, while the server runs and while it does not. */

#define HOUR ((int64_t)USEC_HOUR)
#define YEARS ((int64_t)(20 * 365 * USEC_DAY))

/* Ticks tell when they want to be called again in engine time; the fixture's steps are of at most
   five seconds, so a clock that was set changes little. */
static void settle(struct world *w, unsigned nodes) {
    run_for(w, 3 * USEC_MIN);
    if (ready_nodes(w) != nodes)
        print_state(w);
    assert_int_equal(ready_nodes(w), nodes);
    assert_int_equal(fake_cloud_vms(w->cloud), nodes);
}

/* Scaling goes on whatever the clock does. */
static void test_set_back(void **state) {
    (void)state;
    static const int64_t jumps[] = {HOUR, -HOUR, -20 * 24 * HOUR, 20 * 24 * HOUR};
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    settle(&w, 3);
    for (size_t i = 0; i < ARRAY_SIZE(jumps); i++) {
        w.wall_offset += jumps[i];
        assert_int_equal(set_count(&w, COUNT_SET, 4 + (int64_t)i).code, 0);
        settle(&w, 5 + (unsigned)i);
    }
    world_end(&w);
}

/* The same while requests are on their way and nodes boot. */
static void test_set_back_meanwhile(void **state) {
    (void)state;
    for (unsigned steps = 1; steps < 60; steps += 3) {
        struct world w;
        prepare(&w);
        assert_int_equal(set_count(&w, COUNT_SET, 3).code, 0);
        for (unsigned i = 0; i < steps; i++)
            step(&w);
        w.wall_offset -= HOUR;
        settle(&w, 4);
        assert_int_equal(fake_cloud_peak(w.cloud), 4);
        world_end(&w);
    }
}

/* VMs that boot are not given up because a clock, or the one before, was wrong. */
static void restart_with(int64_t jump) {
    struct world w;
    prepare(&w);
    w.silent = true;
    assert_int_equal(set_count(&w, COUNT_SET, 3).code, 0);
    run_for(&w, USEC_MIN);
    unsigned writes = fake_cloud_writes(w.cloud);
    w.wall_offset += jump;
    restart(&w);
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(fake_cloud_writes(w.cloud), writes);
    w.silent = false;
    settle(&w, 4);
    assert_int_equal(set_count(&w, COUNT_SET, 6).code, 0);
    settle(&w, 7);
    world_end(&w);
}

static void test_restart(void **state) {
    (void)state;
    restart_with(40 * (int64_t)USEC_MIN);
    restart_with(-HOUR);
    restart_with(20 * 24 * HOUR);
    restart_with(-YEARS);
}

/* Twenty years forth and back are not paid for. */
static void test_usage(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    settle(&w, 3);
    w.wall_offset += YEARS;
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    settle(&w, 2);
    w.wall_offset -= YEARS;
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(set_count(&w, COUNT_SET, 0).code, 0);
    settle(&w, 1);
    const struct snapshot *s = model_acquire(w.model);
    const struct usage *u = snapshot_cluster_named(s, "hpc")->usage;
    assert_non_null(u);
    assert_int_equal(u->n, 1);
    assert_in_range(u->rows[0].amount.node_us, 15 * USEC_MIN, 40 * USEC_MIN);
    model_release(s);
    world_end(&w);
}

/* Setting it is an event, once. */
static void test_told(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    run_for(&w, USEC_MIN);
    unsigned commits = w.commits;
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(w.commits, commits);
    w.wall_offset -= HOUR;
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(w.commits, commits + 1);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_back), cmocka_unit_test(test_set_back_meanwhile),
        cmocka_unit_test(test_restart),  cmocka_unit_test(test_usage),
        cmocka_unit_test(test_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
