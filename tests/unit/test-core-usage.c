/* SPDX-License-Identifier: MIT */
#include "core-fixture.h"

#include "model/limits.h"
#include "model/usage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What machines have used: counted while they run, kept when they go, and after a crash. */

static struct usage_amount used(struct world *w, const char *array) {
    const struct snapshot *s = model_acquire(w->model);
    const struct usage *u = snapshot_cluster(s, cluster_id(w))->usage;
    struct usage_amount amount = {0};
    for (size_t i = 0; u && i < u->n; i++)
        if (str_equal(u->rows[i].array, array))
            usage_amount_add(&amount, &u->rows[i].amount);
    model_release(s);
    return amount;
}

static usec_t billed_at(struct world *w, const char *node) {
    const struct snapshot *s = model_acquire(w->model);
    const struct node *n = cluster_node_named(snapshot_cluster(s, cluster_id(w)), node);
    usec_t at = n ? n->billed_at : 0;
    model_release(s);
    return at;
}

static void test_counted_when_machines_go(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    usec_t begun = w.now;
    assert_int_equal(set_count(&w, COUNT_SET, 3).code, 0);
    expect_ready(&w, 4);
    assert_true(billed_at(&w, "head") > begun && billed_at(&w, "head") < w.now);
    assert_int_equal(used(&w, "execute").node_us, 0); /* they are still there */
    run_for(&w, USEC_HOUR);
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    expect_ready(&w, 2);
    struct usage_amount two = used(&w, "execute");
    assert_in_range(two.node_us, 2 * USEC_HOUR, 4 * USEC_HOUR);
    assert_int_equal(two.core_us, 2 * two.node_us); /* Standard_F2s_v2 */
    assert_int_equal(two.unpriced_us, 0);
    double cost = 85000.0 * (double)two.node_us / (double)USEC_HOUR;
    assert_in_range(two.cost_micro, (uint64_t)cost - 2, (uint64_t)cost + 2);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    expect_off(&w);
    assert_true(used(&w, "execute").node_us > two.node_us);
    assert_true(used(&w, "head").node_us >= USEC_HOUR);
    assert_int_equal(billed_at(&w, "head"), 0);
    world_end(&w);
}

static void test_survives_a_crash(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    assert_int_equal(set_count(&w, COUNT_SET, 0).code, 0);
    expect_ready(&w, 1);
    struct usage_amount before = used(&w, "execute");
    usec_t head = billed_at(&w, "head");
    assert_true(before.node_us > 0 && head > 0);
    restart(&w);
    struct usage_amount after = used(&w, "execute");
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(billed_at(&w, "head"), head);
    world_end(&w);
}

static void test_goes_with_its_cluster(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    expect_ready(&w, 2);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    expect_off(&w);
    unsigned char key[9] = {'g'};
    uint64_t id = cluster_id(&w);
    for (int i = 0; i < 8; i++)
        key[1 + i] = (unsigned char)(id >> (56 - 8 * i));
    struct buf b = BUF_INIT(1 << 20);
    assert_int_equal(store_get(w.store, key, sizeof(key), &b), 0);
    assert_non_null(strstr(b.data, "\"array\":\"execute\""));
    assert_int_equal(do_command(&w, on_cluster(&w, COMMAND_REMOVE_CLUSTER)).code, 0);
    assert_int_equal(store_get(w.store, key, sizeof(key), &b), -ENOENT);
    buf_done(&b);
    world_end(&w);
}

static void test_rows_are_bounded(void **state) {
    (void)state;
    struct usage *u = NULL;
    struct usage_amount hour = {.node_us = USEC_HOUR};
    for (unsigned i = 0; i < 2 * LIMIT_USAGE_ROWS; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "a%u", i);
        assert_int_equal(usage_add(&u, &(struct usage_key){name, "t", false}, "USD", &hour), 0);
    }
    assert_int_equal(u->n, LIMIT_USAGE_ROWS);
    uint64_t all = 0;
    for (size_t i = 0; i < u->n; i++)
        all += u->rows[i].amount.node_us;
    assert_true(all == 2 * LIMIT_USAGE_ROWS * USEC_HOUR); /* nothing is lost */
    assert_string_equal(str_text(u->rows[u->n - 1].array), "");
    usage_unref(u);
}

static void test_shared_lists_are_copied(void **state) {
    (void)state;
    struct usage *mine = NULL;
    struct usage_amount hour = {.node_us = USEC_HOUR};
    struct usage_key key = {"a", "t", false}, spot = {"a", "t", true};
    assert_int_equal(usage_add(&mine, &key, "", &hour), 0);
    struct usage *other = usage_ref(mine);
    assert_int_equal(usage_add(&mine, &key, "USD", &hour), 0);
    assert_int_equal(usage_add(&mine, &spot, "USD", &hour), 0);
    assert_ptr_not_equal(mine, other);
    assert_int_equal(other->n, 1);
    assert_true(other->rows[0].amount.node_us == USEC_HOUR);
    assert_string_equal(str_text(other->rows[0].currency), "");
    assert_int_equal(mine->n, 2);
    assert_true(mine->rows[0].amount.node_us == 2 * USEC_HOUR);
    usage_unref(other);
    usage_unref(mine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted_when_machines_go), cmocka_unit_test(test_survives_a_crash),
        cmocka_unit_test(test_goes_with_its_cluster),    cmocka_unit_test(test_rows_are_bounded),
        cmocka_unit_test(test_shared_lists_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
