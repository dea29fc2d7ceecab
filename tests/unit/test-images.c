/* SPDX-License-Identifier: MIT */
#include "core/images.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char small[] = "[offers]\nalma:hpc = linux plan\nms:win = windows\n"
                            "[images]\nalmalinux8 = alma:hpc:8-gen2:latest\n"
                            "cycle.image.win2019 = ms:win:2019:1.2.3\n";

static int setup(void **state) {
    return image_table_parse(small, strlen(small), NULL, (struct image_table **)state);
}

static int teardown(void **state) {
    image_table_free(*state);
    return 0;
}

static void test_alias_gives_parts_and_plan(void **state) {
    struct image i;
    assert_int_equal(image_resolve(*state, "AlmaLinux8", &i), 0);
    assert_string_equal(i.id, "");
    assert_string_equal(i.publisher, "alma");
    assert_string_equal(i.offer, "hpc");
    assert_string_equal(i.sku, "8-gen2");
    assert_string_equal(i.version, "latest");
    assert_string_equal(i.plan_name, "8-gen2");
    assert_string_equal(i.plan_publisher, "alma");
    assert_string_equal(i.plan_product, "hpc");
    assert_int_equal(i.os, IMAGE_OS_LINUX);
    assert_int_equal(image_resolve(*state, "cycle.image.win2019", &i), 0);
    assert_int_equal(i.os, IMAGE_OS_WINDOWS);
    assert_string_equal(i.version, "1.2.3");
    assert_string_equal(i.plan_name, "");
}

static void test_urn(void **state) {
    struct image i;
    assert_int_equal(image_resolve(*state, "ALMA:hpc:9_2:9.2.20", &i), 0);
    assert_string_equal(i.sku, "9_2");
    assert_string_equal(i.plan_name, "9_2");
    assert_int_equal(image_resolve(*state, "OpenLogic:CentOS-HPC:7.6:7.6.2020062900", &i), 0);
    assert_string_equal(i.offer, "CentOS-HPC");
    assert_string_equal(i.plan_name, "");
    static const char *const bad[] = {
        "a:b:c", "a:b:c:d:e", "a::c:d", "a:b:c:", ":b:c:d", "a:b:c:d e", ""};
    for (size_t n = 0; n < ARRAY_SIZE(bad); n++)
        assert_int_equal(image_resolve(*state, bad[n], &i), -ENOENT);
    char longest[4 * IMAGE_PART_SIZE];
    memset(longest, 'a', IMAGE_PART_SIZE);
    memcpy(longest + IMAGE_PART_SIZE, ":b:c:d", sizeof(":b:c:d"));
    assert_int_equal(image_resolve(*state, longest, &i), -ENOENT);
    assert_int_equal(image_resolve(*state, longest + 1, &i), 0);
}

static void test_resource_ids(void **state) {
#define COMPUTE "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/"
    static const struct {
        const char *id;
        int code;
        bool managed;
    } cases[] = {
        {COMPUTE "images/mine", 0, true},
        {"/SUBSCRIPTIONS/s/resourcegroups/g/providers/microsoft.compute/images/mine", 0, true},
        {COMPUTE "galleries/gal/images/def", 0, false},
        {COMPUTE "galleries/gal/images/def/versions/1.0.0", 0, false},
        {"/SharedGalleries/u/Images/i/Versions/latest", 0, false},
        {"/CommunityGalleries/c/Images/i", 0, false},
        {COMPUTE "virtualMachines/vm", -ENOENT, false},
        {COMPUTE "images/", -ENOENT, false},
        {COMPUTE "images/a/b", -ENOENT, false},
        {"/subscriptions/s", -ENOENT, false},
        {"/", -ENOENT, false},
    };
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
        struct image i;
        assert_int_equal(image_resolve(*state, cases[n].id, &i), cases[n].code);
        if (cases[n].code == 0) {
            assert_ptr_equal(i.id, cases[n].id);
            assert_int_equal(i.managed, cases[n].managed);
            assert_string_equal(i.publisher, "");
        }
    }
}

static void test_nearest(void **state) {
    struct image i;
    assert_int_equal(image_resolve(*state, "almalinx8", &i), -ENOENT);
    assert_string_equal(image_nearest(*state, "almalinx8"), "almalinux8");
    assert_string_equal(image_nearest(*state, "cycle.image.win2016"), "cycle.image.win2019");
    assert_null(image_nearest(*state, "something else entirely"));
}

static void test_bad_tables_are_refused_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *expect;
    } cases[] = {
        {"[images]\nx = a:b:c\n", "images.ini:2: the image x is 'a:b:c'"},
        {"[images]\nx = a:b:c:d\nX = a:b:c:d\n", "images.ini:3: the image X is given twice"},
        {"[offers]\na = linux\n", "images.ini:2: the offer 'a'"},
        {"[offers]\na:b = beos\n", "images.ini:2: the offer a:b is 'beos'"},
        {"[plans]\n", "images.ini:1: the section [plans]"},
        {"x = a:b:c:d\n", "images.ini:1: the section []"},
    };
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
        _cleanup_error_ struct error err = ERROR_INIT;
        struct image_table *t = NULL;
        assert_int_equal(image_table_parse(cases[n].text, strlen(cases[n].text), &err, &t),
                         -EINVAL);
        assert_null(t);
        assert_non_null(strstr(err_text(&err), cases[n].expect));
    }
}

/* The table that is shipped has every name that templates in use write. */
static void test_shipped_table(void **state) {
    (void)state;
    _cleanup_(image_table_freep) struct image_table *t = NULL;
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(image_table_load(IMAGES_INI, &err, &t), 0);
    static const char *const names[] = {
        "almalinux8",
        "almalinux9",
        "cycle.image.ubuntu24",
        "cycle.image.ubuntu22",
        "cycle.image.ubuntu20",
        "cycle.image.ubuntu18",
        "cycle.image.ubuntu16",
        "cycle.image.ubuntu14",
        "cycle.image.centos8",
        "cycle.image.centos7",
        "cycle.image.centos6",
        "cycle.image.sles15-hpc",
        "cycle.image.sles12-hpc",
        "cycle.image.almalinux8",
        "cycle.image.win2022",
        "cycle.image.win2019",
        "cycle.image.win2016",
        "cycle.image.win2012",
    };
    for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
        struct image i;
        assert_int_equal(image_resolve(t, names[n], &i), 0);
        assert_int_equal(i.os == IMAGE_OS_WINDOWS, strncmp(names[n], "cycle.image.win", 15) == 0);
        assert_int_equal(*i.plan_name != '\0', strcmp(i.publisher, "almalinux") == 0);
    }
    struct image_table *none = NULL;
    assert_int_equal(image_table_load("/nonexistent/images.ini", &err, &none), -ENOENT);
    assert_non_null(strstr(err_text(&err), "/nonexistent/images.ini"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_alias_gives_parts_and_plan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_urn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resource_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nearest, setup, teardown),
        cmocka_unit_test(test_bad_tables_are_refused_with_their_line),
        cmocka_unit_test(test_shipped_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
