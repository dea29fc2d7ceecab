/* SPDX-License-Identifier: MIT */
/* Whether new members of a scale set can call home, and who is turned away. */
#include "core-fixture.h"

#include "model/snapshot.h"

static unsigned calls(struct world *w, enum cyclecloud_call call) {
    return fake_cloud_calls(w->cloud, call);
}

static void begin_with(struct world *w, int64_t count) {
    prepare(w);
    assert_int_equal(set_count(w, COUNT_SET, count).code, 0);
    expect_ready(w, (unsigned)count + 1);
}

/* A set whose members could not call home any more grows no more: new nodes get a new set. */
static void test_old_set(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 2);
    assert_int_equal(set_count(&w, COUNT_SET, 3).code, 0);
    expect_ready(&w, 4);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_CREATE_SET), 1);
    w.now += 31 * USEC_DAY;
    assert_int_equal(set_count(&w, COUNT_SET, 4).code, 0);
    expect_ready(&w, 5);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_CREATE_SET), 2);
    w.server_url = "http://10.0.0.9:1";
    restart(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 5).code, 0);
    expect_ready(&w, 6);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_CREATE_SET), 3);
    world_end(&w);
}

static bool has_alert(struct world *w, const char *kind) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    for (size_t i = 0; i < s->items[ITEM_ALERT].len; i++)
        if (str_equal(((const struct alert *)s->items[ITEM_ALERT].items[i])->kind, kind))
            return true;
    return false;
}

/* A machine that is turned away leaves a trace. */
static void test_refused_registration(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1);
    assert_false(has_alert(&w, "registrations"));
    struct command *c = command_new(COMMAND_AGENT_REGISTER);
    command_set_name(c, "1.9999999999.nonsense");
    command_set_text(c, "{}", 2);
    assert_int_equal(do_command(&w, c).http, 401);
    run_for(&w, USEC_MIN);
    assert_true(has_alert(&w, "registrations"));
    run_for(&w, 20 * USEC_MIN);
    assert_false(has_alert(&w, "registrations"));
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_set),
        cmocka_unit_test(test_refused_registration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
