/* SPDX-License-Identifier: MIT */
/* Requests that cannot be sent. */
#include "core-fixture.h"
#include "store/history.h"

#include "base/buf.h"

#include <errno.h>
#include <string.h>

/* After a change of resource_manager the addresses of operations lie outside of it. */
static unsigned foreign_polls;
static int (*submit_to_fake)(void *provider, const struct cyclecloud_request *request,
                             cyclecloud_done done, void *arg);

static int refuse_polls(void *provider, const struct cyclecloud_request *q, cyclecloud_done done,
                        void *arg) {
    if (q->call == CYCLECLOUD_CALL_POLL && foreign_polls) {
        foreign_polls--;
        return -EINVAL;
    }
    return submit_to_fake(provider, q, done, arg);
}

static bool log_says(struct world *w, const char *words) {
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    const struct history h = {HISTORY_LOGS, 0, cluster_id(w)};
    assert_int_equal(history_read(w->store, &h, 0, 1 << 20, &b), 0);
    return strstr(b.data, words) != NULL;
}

static void test_operations_of_another_resource_manager(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    struct cyclecloud_provider fake = fake_cloud_provider(w.cloud);
    struct cyclecloud_provider_ops ops = *fake.ops;
    submit_to_fake = ops.submit;
    ops.submit = refuse_polls;
    w.provider = (struct cyclecloud_provider){&ops, fake.self};
    restart(&w);
    foreign_polls = 2; /* of the head and of the set */
    assert_int_equal(set_count(&w, COUNT_SET, 3).code, 0);
    expect_ready(&w, 4);
    assert_int_equal(fake_cloud_peak(w.cloud), 4);
    assert_true(log_says(&w, "its progress cannot be asked for"));
    foreign_polls = 1; /* of a deletion by ids */
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    expect_ready(&w, 2);
    assert_int_equal(foreign_polls, 0);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    expect_off(&w);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations_of_another_resource_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
