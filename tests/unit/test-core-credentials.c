/* SPDX-License-Identifier: MIT */
/* The cloud refuses the credentials from the start: who waits is told, and all goes on when it is
   mended. */
#include "core-fixture.h"

#include <errno.h>
#include <string.h>

#define FOR_EVER 1000000u

static void refuse_all(struct world *w, unsigned times) {
    for (int call = 0; call < CYCLECLOUD_CALL_MAX; call++)
        fake_cloud_fault_on(w->cloud, (enum cyclecloud_call)call, times, FAULT_AUTH);
}

static bool shows(struct world *w, size_t member, const char *text) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster(s, cluster_id(w));
    const struct str *shown = *(struct str *const *)(const void *)((const char *)c + member);
    return strstr(str_text(shown), text) != NULL;
}

static void wrong_credentials_are_told_where_one_looks(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    refuse_all(&w, FOR_EVER);
    restart(&w);
    struct answer_seen waiting = {0};
    submit(&w, on_cluster(&w, COMMAND_SYNC), &waiting);
    run_for(&w, USEC_MIN);
    assert_true(waiting.given);
    assert_int_equal(waiting.code, -EIO);
    assert_non_null(strstr(waiting.message, "refuses the credentials"));
    assert_true(shows(&w, offsetof(struct cluster, plan), "refuses the credentials of account "));
    assert_true(shows(&w, offsetof(struct cluster, notes), "problem: account "));
    assert_true(shows(&w, offsetof(struct cluster, alerts), "credentials"));
    refuse_all(&w, 0);
    engine_config_changed(w.engine);
    expect_ready(&w, 3);
    assert_false(shows(&w, offsetof(struct cluster, plan), "credentials"));
    assert_false(shows(&w, offsetof(struct cluster, notes), "problem: "));
    assert_false(shows(&w, offsetof(struct cluster, alerts), "credentials"));
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_credentials_are_told_where_one_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
