/* SPDX-License-Identifier: MIT */
#include "bucket-fixture.h"

#include <stdio.h>

/* Which buckets there are, and what each says of its nodes and machines. */

static void test_every_field(void **state) {
    struct fixture *f = *state;
    check_status(f);
    use_catalog(f, make_catalog());
    check_status(f);
    json_t *bucket = read_bucket(f, "execute", V3);
    check_bucket(bucket);
    assert_null(json_object_get(bucket, "activeNodes"));
    json_decref(bucket);
}

static void test_machine(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    json_t *bucket = read_bucket(f, "execute", V3);
    const json_t *machine = json_object_get(bucket, "virtualMachine");
    assert_int_equal(number_at(machine, "vcpuCount"), 60);
    assert_int_equal(number_at(machine, "pcpuCount"), 30);
    assert_int_equal(number_at(machine, "gpuCount"), 1);
    assert_int_equal(number_at(machine, "vcpuQuotaCount"), 120);
    assert_true(json_number_value(json_object_get(machine, "memory")) == 3.5);
    assert_true(json_is_true(json_object_get(machine, "infiniband")));
    json_decref(bucket);
}

static void test_validity(void **state) {
    struct fixture *f = *state;
    check_validity(f, V3, "");
    check_validity(f, V2, "NotActivated"); /* not in the fixture's catalog */
    struct catalog *c = make_catalog();
    c->types[1].restricted = true;
    use_catalog(f, c);
    check_validity(f, V3, "NotActivated");
    check_validity(f, V2, "");
    use_catalog(f, catalog_new(0, 0, 0)); /* as before the first reading */
    check_validity(f, V3, "NotActivated");
    check_status(f);
}

static void test_old_type(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    add_node(b, 300, "Standard_Old", NODE_READY)->cores = 44;
    (void)add_node(b, 301, "standard_OLD", NODE_READY);
    (void)add_node(b, 302, "STANDARD_HB120RS_V3", NODE_READY);
    fixture_publish(f, b);
    check_validity(f, "Standard_Old", "DisabledMachineType");
    check_number(f, "Standard_Old", "activeCount", 2);
    check_number(f, "Standard_Old", "activeCoreCount", 88);
    check_number(f, V3, "activeCount", 3);
    check_status(f);
    b = fixture_begin(f);
    edit_execute(b)->gone = true;
    fixture_publish(f, b);
    check_validity(f, V3, "DisabledMachineType");
    check_status(f);
}

static void test_bucket_id(void **state) {
    struct fixture *f = *state;
    json_t *before = read_bucket(f, "execute", V3), *other = read_bucket(f, "execute", V2);
    assert_string_not_equal(text_at(before, "bucketId"), text_at(other, "bucketId"));
    use_catalog(f, catalog_new(0, 0, 0));
    json_t *after = read_bucket(f, "execute", V3);
    assert_string_equal(text_at(before, "bucketId"), text_at(after, "bucketId"));
    json_decref(before);
    json_decref(other);
    json_decref(after);
}

static void test_placement_groups(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    set_text(&add_node(b, 300, V3, NODE_READY)->placement_group, "pg1");
    set_text(&add_node(b, 301, V3, NODE_READY)->placement_group, "pg0");
    set_text(&add_node(b, 302, V2, NODE_READY)->placement_group, "pg0");
    set_text(&add_node(b, 303, V3, NODE_OFF)->placement_group, "pg0");
    fixture_publish(f, b);
    json_t *bucket = read_bucket(f, "execute", V3);
    char *groups = json_dumps(json_object_get(bucket, "placementGroups"), JSON_COMPACT);
    assert_string_equal(groups, "[{\"name\":\"pg0\",\"activeCount\":2,\"activeCoreCount\":120},"
                                "{\"name\":\"pg1\",\"activeCount\":1,\"activeCoreCount\":60}]");
    free(groups);
    assert_int_equal(number_at(bucket, "maxPlacementGroupSize"), 100);
    assert_int_equal(number_at(bucket, "maxPlacementGroupCoreSize"), 6000);
    json_decref(bucket);
    b = fixture_begin(f);
    edit_spec(b)->max_set_size = 20;
    fixture_publish(f, b);
    check_number(f, V3, "maxPlacementGroupSize", 20);
    b = fixture_begin(f);
    edit_spec(b)->max_set_size = 1; /* lowered below what there is */
    fixture_publish(f, b);
    check_number(f, V3, "maxPlacementGroupSize", 2);
}

static void test_head(void **state) {
    struct fixture *f = *state;
    json_t *bucket = read_bucket(f, "scheduler", "Standard_F2s_v2");
    assert_int_equal(number_at(bucket, "activeCount"), 1);
    assert_int_equal(number_at(json_object_get(bucket, "virtualMachine"), "vcpuCount"), 2);
    json_decref(bucket);
}

static void test_many(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    for (unsigned i = 0; i < 10000; i++) {
        struct node *n = add_node(b, 1000 + i, i % 3 ? V3 : V2, NODE_READY);
        set_text(&n->placement_group, i % 2 ? "pg0" : "pg1");
    }
    fixture_publish(f, b);
    const char *status = fixture_read(f, "/hpc/status.json");
    assert_non_null(strstr(status, "pg1"));
    check_number(f, V2, "activeCount", 3334);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_every_field), TEST(test_machine),   TEST(test_validity),
        TEST(test_old_type),    TEST(test_bucket_id), TEST(test_placement_groups),
        TEST(test_head),        TEST(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
