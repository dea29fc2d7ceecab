/* SPDX-License-Identifier: MIT */
#include "core-fixture.h"

#include <string.h>

/* Alerts come with trouble, last as long as it does, and keep their `since`. */

static struct alert alert(struct world *w, const char *name) {
    const struct snapshot *s = model_acquire(w->model);
    const struct item *i = snapshot_item_named(s, ITEM_ALERT, name);
    struct alert a = i ? *(const struct alert *)i : (struct alert){0};
    model_release(s);
    return a; /* its texts live as long as the next tick */
}

static size_t alerts(struct world *w) {
    const struct snapshot *s = model_acquire(w->model);
    size_t n = s->items[ITEM_ALERT].len;
    model_release(s);
    return n;
}

static bool cluster_shows(struct world *w, const char *words) {
    const struct snapshot *s = model_acquire(w->model);
    bool shows = strstr(str_text(snapshot_cluster(s, cluster_id(w))->alerts), words) != NULL;
    model_release(s);
    return shows;
}

static void in_trouble(struct world *w) {
    prepare(w);
    assert_int_equal(alerts(w), 0);
    fake_cloud_fault_on(w->cloud, CYCLECLOUD_CALL_CREATE_SET, 1, FAULT_QUOTA);
    assert_int_equal(set_count(w, COUNT_SET, 5).code, 0);
    run_for(w, 2 * USEC_MIN);
    assert_int_equal(alerts(w), 1);
}

static void test_opens_and_closes(void **state) {
    (void)state;
    struct world w;
    in_trouble(&w);
    struct alert a = alert(&w, "hpc-execute-quota");
    assert_true(a.item.id != 0);
    assert_true(a.cluster_id == cluster_id(&w) && a.array_id != 0);
    assert_string_equal(str_text(a.kind), "quota");
    assert_int_equal(strncmp(str_text(a.text), "5 nodes: ", 9), 0);
    assert_true(cluster_shows(&w, " execute: quota: 5 nodes: "));
    assert_int_equal(set_count(&w, COUNT_SET, 0).code, 0);
    run_for(&w, USEC_MIN);
    assert_int_equal(alerts(&w), 0);
    assert_false(cluster_shows(&w, "quota"));
    world_end(&w);
}

static void test_since_is_kept(void **state) {
    (void)state;
    struct world w;
    in_trouble(&w);
    struct alert before = alert(&w, "hpc-execute-quota");
    run_for(&w, USEC_MIN);
    restart(&w);
    run_for(&w, 10 * USEC_SEC);
    struct alert after = alert(&w, "hpc-execute-quota");
    assert_true(after.item.id == before.item.id);
    assert_true(after.item.created_at == before.item.created_at);
    assert_true(cluster_shows(&w, "5 nodes: "));
    world_end(&w);
}

static void test_gone_with_the_cluster(void **state) {
    (void)state;
    struct world w;
    in_trouble(&w);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    expect_off(&w);
    assert_int_equal(do_command(&w, on_cluster(&w, COMMAND_REMOVE_CLUSTER)).code, 0);
    assert_int_equal(alerts(&w), 0);
    restart(&w);
    assert_int_equal(alerts(&w), 0);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_and_closes),
        cmocka_unit_test(test_since_is_kept),
        cmocka_unit_test(test_gone_with_the_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
