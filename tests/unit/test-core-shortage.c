/* SPDX-License-Identifier: MIT */
#include "core-fixture.h"

#include "model/snapshot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
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

/* --- quotas ----------------------------------------------------------------------------------- */

#define TEMPLATE(types)                                                            \
    "[cluster hpc]\n[[nodearray execute]]\nCredentials = azure\nRegion = eastus\n" \
    "SubnetId = rg/vnet/subnet\nImageName = almalinux8\nMaxCount = 300\nMachineType = " types "\n"

static void begin_array(struct world *w, const char *text) {
    world_begin(w);
    assert_int_equal(create_cluster(w).code, 0);
    assert_int_equal(set_template(w, text).code, 0);
}

static unsigned calls(struct world *w, enum cyclecloud_call call) {
    return fake_cloud_calls(w->cloud, call);
}

/* The words of the first problem of the cluster. */
static bool notes_say(struct world *w, const char *words) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    bool found = strstr(str_text(c->notes), words) && strstr(str_text(c->plan), words);
    if (!found)
        print_message("plan: %s\nnotes: %s\n", str_text(c->plan), str_text(c->notes));
    return found;
}

static bool plan_says(struct world *w, const char *words) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    bool found = strstr(str_text(c->plan), words);
    if (!found)
        print_message("plan: %s\n", str_text(c->plan));
    return found;
}

/* A request that is too large shrinks to what fits; the rest waits, and is not asked for until
 * there is reason to. */
static void test_quota_shrinks(void **state) {
    (void)state;
    struct world w;
    begin_array(&w, large_template_text);
    assert_int_equal(set_count(&w, COUNT_SET, 20).code, 0);
    expect_ready(&w, 20);
    fake_cloud_quota(w.cloud, 120);
    assert_int_equal(set_count(&w, COUNT_SET, 200).code, 0);
    run_for(&w, 3 * USEC_MIN);
    assert_int_equal(ready_nodes(&w), 60);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_RESIZE_SET), 2);
    assert_true(notes_say(&w, "quota standardFSv2Family in eastus: 120 of 120 cores"));
    assert_true(plan_says(&w, "wait: 140 nodes of execute (quota): quota standardFSv2Family"));
    assert_true(plan_says(&w, "; next attempt at 2023-11-14T22:"));
    run_for(&w, 12 * USEC_MIN);
    assert_true(calls(&w, CYCLECLOUD_CALL_RESIZE_SET) <= 5);
    assert_int_equal(set_count(&w, COUNT_SET, 50).code, 0);
    fake_cloud_quota(w.cloud, 0);
    run_for(&w, 2 * USEC_MIN);
    assert_int_equal(set_count(&w, COUNT_SET, 100).code, 0);
    expect_ready(&w, 100);
    world_end(&w);
}

/* What does not fit goes to the next type of the list, at once. */
static void test_quota_of_first_type(void **state) {
    (void)state;
    struct world w;
    begin_array(&w, TEMPLATE("Standard_F2s_v2, Standard_D4s_v5"));
    run_for(&w, USEC_SEC);
    fake_cloud_quota(w.cloud, 20);
    assert_int_equal(set_count(&w, COUNT_SET, 30).code, 0);
    run_for(&w, 2 * USEC_MIN);
    assert_int_equal(ready_nodes(&w), 30);
    assert_int_equal(fake_cloud_vms(w.cloud), 30);
    world_end(&w);
}

/* The same for a refusal without numbers, and for a standalone node. */
static void test_quota_without_numbers(void **state) {
    (void)state;
    struct world w;
    begin_array(
        &w,
        TEMPLATE("Standard_F2s_v2, Standard_D4s_v5") "[[node login]]\nCredentials = azure\nRegion "
                                                     "= eastus\nSubnetId = rg/v/s\n"
                                                     "ImageName = almalinux8\nMachineType = "
                                                     "Standard_F2s_v2, Standard_D4s_v5\n");
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_SET, 1, FAULT_QUOTA);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_VM, 1, FAULT_QUOTA);
    assert_int_equal(set_count(&w, COUNT_SET, 5).code, 0);
    run_for(&w, 2 * USEC_MIN);
    assert_int_equal(ready_nodes(&w), 6);
    world_end(&w);
}

/* What waits is in the plan, whatever it waits for. */
static void test_plan_names_what_waits(void **state) {
    (void)state;
    static const struct {
        enum fake_fault fault;
        const char *words;
    } rows[] = {{FAULT_CAPACITY, "wait: 1 node of execute (capacity): no capacity for"},
                {FAULT_THROTTLED, "wait: 1 node of execute (throttled): the cloud limits"},
                {FAULT_INVALID, "wait: 1 node of execute (invalid): as the test wanted; correct"},
                {FAULT_QUOTA, "wait: 1 node of execute (quota): as the test wanted; next"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world w;
        begin_array(&w, large_template_text);
        fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_SET, 1000, rows[i].fault);
        assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
        run_for(&w, 3 * USEC_MIN);
        assert_true(plan_says(&w, rows[i].words));
        world_end(&w);
    }
}

/* The limits of section [cluster] bind like those of an array, standalone nodes included. */
static void test_limits_of_the_cluster(void **state) {
    (void)state;
    static const struct {
        const char *limit, *words;
        int64_t most;
    } rows[] = {{"MaxCount = 4", "MaxCount of the cluster is 4: ask for 3 more", 3},
                {"MaxCoreCount = 10", "MaxCoreCount of the cluster is 10: ask for 3 more", 3}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world w;
        char text[1024];
        (void)snprintf(text, sizeof(text), "[cluster hpc]\n%s\n%s", rows[i].limit,
                       strchr(template_text, '\n') + 1);
        begin_array(&w, text);
        run_for(&w, USEC_SEC);
        struct answer_seen a = set_count(&w, COUNT_SET, rows[i].most + 1);
        assert_int_equal(a.code, -EDQUOT);
        if (!strstr(a.message, rows[i].words))
            print_message("%s\n", a.message);
        assert_non_null(strstr(a.message, rows[i].words));
        assert_int_equal(set_count(&w, COUNT_SET, rows[i].most).code, 0);
        expect_ready(&w, (unsigned)rows[i].most + 1);
        assert_int_equal(set_count(&w, COUNT_ADD, 1).code, -EDQUOT);
        world_end(&w);
    }
}

/* A standalone node is counted once, also before its cluster is started. */
static void test_counted_once(void **state) {
    (void)state;
    struct world w;
    char text[1024];
    (void)snprintf(text, sizeof(text), "%s", template_text);
    char *at = strstr(text, "MaxCount = 100");
    assert_non_null(at);
    (void)snprintf(at, sizeof(text) - (size_t)(at - text), "MaxCount = 200000\n");
    begin_array(&w, text);
    run_for(&w, USEC_SEC);
    struct answer_seen a = set_count(&w, COUNT_SET, 100000);
    assert_int_equal(a.code, -EDQUOT);
    if (!strstr(a.message, "it has 1:"))
        print_message("%s\n", a.message);
    assert_non_null(strstr(a.message, "it has 1:"));
    world_end(&w);
}

static void test_subnet_full(void **state) {
    (void)state;
    struct world w;
    begin_array(&w, large_template_text);
    fake_cloud_subnet(w.cloud, 11);
    assert_int_equal(set_count(&w, COUNT_SET, 20).code, 0);
    run_for(&w, 3 * USEC_MIN);
    assert_int_equal(ready_nodes(&w), 11);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_CREATE_SET), 2);
    assert_true(notes_say(&w, "SubnetId rg/vnet/subnet is full"));
    fake_cloud_subnet(w.cloud, 0);
    expect_ready(&w, 20);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_and_ends),
        cmocka_unit_test(test_long_ago),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_quota_shrinks),
        cmocka_unit_test(test_quota_of_first_type),
        cmocka_unit_test(test_quota_without_numbers),
        cmocka_unit_test(test_limits_of_the_cluster),
        cmocka_unit_test(test_counted_once),
        cmocka_unit_test(test_subnet_full),
        cmocka_unit_test(test_plan_names_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
