/* SPDX-License-Identifier: MIT */
#include "core-fixture.h"

#include "model/snapshot.h"

#include <stdbool.h>
#include <string.h>

/* Machines that cannot be had: how long they are not asked for, and what readers see of it. */

/* The only shortage; false when there is none. Its texts are gone with the snapshot. */
static bool seen_shortage(struct world *w, struct shortage *ret) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct catalog *c = s->catalog;
    assert_non_null(c);
    if (!c->n_shortages)
        return false;
    assert_int_equal(c->n_shortages, 1);
    *ret = c->shortages[0];
    assert_non_null(strstr(str_text(ret->machine_type), "Standard_"));
    return true;
}

static usec_t held_off_for(struct world *w) {
    struct shortage x;
    assert_true(seen_shortage(w, &x));
    assert_true(x.failed_at <= w->now && x.until == x.failed_at + x.delay);
    return x.delay;
}

static void prepare_short(struct world *w, unsigned failures) {
    prepare(w);
    fake_cloud_fault_on(w->cloud, CYCLECLOUD_CALL_CREATE_SET, failures, FAULT_CAPACITY);
    assert_int_equal(set_count(w, COUNT_SET, 3).code, 0);
    run_for(w, USEC_MIN);
    assert_int_equal(held_off_for(w), 5 * USEC_MIN);
}

/* Not asked for in vain: twice as long each time, and all is forgotten once it can be had. */
static void test_grows_and_ends(void **state) {
    (void)state;
    struct world w;
    struct shortage x;
    prepare_short(&w, 3);
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(held_off_for(&w), 10 * USEC_MIN);
    run_for(&w, 10 * USEC_MIN);
    assert_int_equal(held_off_for(&w), 20 * USEC_MIN);
    assert_int_equal(fake_cloud_calls(w.cloud, CYCLECLOUD_CALL_CREATE_SET), 3);
    run_for(&w, 20 * USEC_MIN);
    assert_false(seen_shortage(&w, &x));
    expect_ready(&w, 4);
    world_end(&w);
}

static void test_long_ago(void **state) {
    (void)state;
    struct world w;
    prepare_short(&w, 2);
    assert_int_equal(set_count(&w, COUNT_SET, 0).code, 0);
    run_for(&w, 11 * USEC_MIN);
    assert_int_equal(set_count(&w, COUNT_SET, 3).code, 0);
    run_for(&w, USEC_MIN);
    assert_int_equal(held_off_for(&w), 5 * USEC_MIN); /* and not ten */
    world_end(&w);
}

static void test_retry(void **state) {
    (void)state;
    struct world w;
    struct shortage x;
    prepare_short(&w, 1);
    struct command *c = on_cluster(&w, COMMAND_CONTROL);
    assert_int_equal(command_set_name(c, "retry"), 0);
    assert_int_equal(do_command(&w, c).code, 0);
    run_for(&w, USEC_MIN);
    assert_false(seen_shortage(&w, &x));
    assert_int_equal(ready_nodes(&w), 4);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_and_ends),
        cmocka_unit_test(test_long_ago),
        cmocka_unit_test(test_retry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
