/* SPDX-License-Identifier: MIT */
#include "bucket-fixture.h"

/* How many nodes a bucket may have, and how many more now. */

/* execute-1 is in the cloud's count; execute-2 has no VM yet: 120 cores on top. */
static void test_quotas(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    static const struct {
        const char *key;
        int64_t value;
    } expected[] = {
        {"activeCount", 2},
        {"maxCount", 10}, /* of the family; the array allows 100 */
        {"availableCount", 8},
        {"quotaCount", 10},
        {"quotaCoreCount", 1200},
        {"consumedCoreCount", 240},
        {"familyQuotaCount", 10},
        {"familyQuotaCoreCount", 1200},
        {"familyConsumedCoreCount", 240},
        {"regionalQuotaCount", 20},
        {"regionalQuotaCoreCount", 2400},
        {"regionalConsumedCoreCount", 360},
    };
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        check_number(f, V3, expected[i].key, expected[i].value);
    struct catalog *c = make_catalog();
    c->quotas[1].limit = 400; /* the region's: one node more */
    use_catalog(f, c);
    check_number(f, V3, "availableCount", 0);
    check_number(f, V3, "maxCount", 3);
    check_number(f, V3, "quotaCoreCount", 400);
}

/* A quota that is older than the nodes knows none of them. */
static void test_old_quota(void **state) {
    struct fixture *f = *state;
    struct catalog *c = make_catalog();
    c->quotas[0].read_at = FIXTURE_TIME - USEC_SEC;
    use_catalog(f, c);
    check_number(f, V3, "consumedCoreCount", 360);
    check_number(f, V3, "availableCount", 7);
}

/* What another cluster wants is gone too. */
static void test_other_cluster(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    struct cluster *c = builder_add_cluster(b, 500, "other");
    assert_non_null(c);
    c->nodes_at = FIXTURE_TIME;
    struct array *a = builder_add_array(b, 500, 501, "execute");
    assert_non_null(a);
    a->is_array = true;
    a->spec = array_spec_ref(edit_execute(b)->spec);
    struct node *n = builder_add_node(b, 500, 502, "execute-1");
    assert_non_null(n);
    n->array_id = 501;
    n->target = TARGET_STARTED;
    n->status = NODE_ACQUIRING;
    fixture_publish(f, b);
    check_number(f, V3, "consumedCoreCount", 360);
    check_number(f, V3, "availableCount", 7);
    b = fixture_begin(f);
    n = builder_node(b, 500, 502, DURABLE);
    assert_non_null(n);
    n->status = NODE_READY;
    n->created_at = FIXTURE_TIME;
    set_text(&n->resource_id, "/subscriptions/s/other");
    fixture_publish(f, b);
    check_number(f, V3, "consumedCoreCount", 240);
}

static void test_more_used_than_allowed(void **state) {
    struct fixture *f = *state;
    struct catalog *c = make_catalog();
    c->quotas[0].used = 5000;
    c->quotas[1].used = 5000;
    use_catalog(f, c);
    check_number(f, V3, "availableCount", 0);
    check_number(f, V3, "consumedCoreCount", 1200); /* clients assert that it is not more */
    check_number(f, V3, "regionalConsumedCoreCount", 2400);
}

static void test_unknown_quotas(void **state) {
    struct fixture *f = *state;
    struct catalog *c = make_catalog();
    for (size_t i = 0; i < c->n_quotas; i++)
        set_text(&c->quotas[i].region, "eastus");
    use_catalog(f, c);
    check_number(f, V3, "maxCount", 100);
    check_number(f, V3, "availableCount", 98);
    check_number(f, V3, "quotaCoreCount", 1000000000);
    check_status(f);
}

static void test_array_limits(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    edit_execute(b)->max_count_set = 5;
    fixture_publish(f, b);
    check_number(f, V3, "maxCount", 5);
    check_number(f, V3, "availableCount", 3);
    b = fixture_begin(f);
    edit_spec(b)->max_core_count = 250; /* 60 a node */
    fixture_publish(f, b);
    check_number(f, V3, "maxCount", 4);
    check_number(f, V3, "availableCount", 2);
    b = fixture_begin(f);
    edit_execute(b)->max_count_set = 1; /* less than there are */
    fixture_publish(f, b);
    check_number(f, V3, "availableCount", 0);
    check_status(f);
}

/* Nodes on their way out make room in the array, but not in the quota while their VM is there. */
static void test_terminating(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    edit_execute(b)->max_count_set = 3;
    (void)add_node(b, 300, V3, NODE_TERMINATING);
    (void)add_node(b, 301, V3, NODE_TERMINATING);
    (void)add_node(b, 302, V3, NODE_OFF);
    fixture_publish(f, b);
    check_number(f, V3, "activeCount", 4);
    check_number(f, V3, "availableCount", 1);
    check_status(f);
}

static void test_deallocated(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    edit_execute(b)->max_count_set = 5;
    add_node(b, 300, V3, NODE_DEALLOCATED)->target = TARGET_DEALLOCATED;
    fixture_publish(f, b);
    check_number(f, V3, "activeCount", 2);
    check_number(f, V3, "availableCount", 2); /* it may be started again: it has its place */
    check_status(f);
}

static void test_spot(void **state) {
    struct fixture *f = *state;
    struct builder *b = fixture_begin(f);
    edit_spec(b)->spot = true;
    assert_int_equal(builder_set_catalog(b, make_catalog()), 0);
    fixture_publish(f, b);
    check_number(f, V3, "maxCount", 3);
    check_number(f, V3, "quotaCoreCount", 360);
    check_number(f, V3, "regionalQuotaCoreCount", 360);
    check_number(f, V3, "consumedCoreCount", 120); /* execute-2 */
    check_number(f, V3, "availableCount", 2);
    check_number(f, V3, "familyQuotaCoreCount", 1200); /* what on-demand nodes could have */
    check_number(f, V3, "familyConsumedCoreCount", 120);
    struct catalog *c = make_catalog();
    c->types[1].spot = false;
    use_catalog(f, c);
    check_validity(f, V3, "NotActivated");
}

static void test_shortage(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    assert_true(since_shortage(f, V3) == -1);
    struct catalog *c = make_catalog();
    put_shortage(c, USEC_MIN, 5 * USEC_MIN); /* held off */
    use_catalog(f, c);
    check_number(f, V3, "availableCount", 0);
    check_number(f, V3, "maxCount", 10); /* schedulers plan with this one */
    check_validity(f, V3, "");
    assert_true(since_shortage(f, V3) == 60);
    assert_true(since_shortage(f, V2) == -1);
    check_number(f, V2, "activeCount", 1); /* what has no VM yet would be tried with the next */
    check_status(f);
    c = make_catalog();
    put_shortage(c, 7 * USEC_MIN, 5 * USEC_MIN); /* over */
    use_catalog(f, c);
    check_number(f, V3, "availableCount", 8);
    assert_true(since_shortage(f, V3) == 420);
    c = make_catalog();
    put_shortage(c, 10 * USEC_MIN, 5 * USEC_MIN); /* forgotten */
    use_catalog(f, c);
    assert_true(since_shortage(f, V3) == -1);
    c = make_catalog();
    put_shortage(c, USEC_MIN, 5 * USEC_MIN);
    c->shortages[0].spot = true; /* of spot machines only */
    use_catalog(f, c);
    assert_true(since_shortage(f, V3) == -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_quotas),         TEST(test_old_quota),
        TEST(test_other_cluster),  TEST(test_more_used_than_allowed),
        TEST(test_unknown_quotas), TEST(test_array_limits),
        TEST(test_terminating),    TEST(test_deallocated),
        TEST(test_spot),           TEST(test_shortage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
