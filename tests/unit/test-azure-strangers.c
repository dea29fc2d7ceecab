/* SPDX-License-Identifier: MIT */

/* Answers that the Resource Manager would not give: of a portal, a proxy, or one who means ill. */

#include "azure-fixture.h"

#include "azure/results.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define VM COMPUTE "/virtualMachines/s1"
#define PORTAL "<html><body>Please sign in</body></html>"

/* 200 with a page, nothing, or something else is no success: what is there must be looked at. */
static void a_portal_does_no_work(void **state) {
    struct fixture *f = *state;
    static const struct {
        enum cyclecloud_call call;
        struct step step;
        enum cyclecloud_class class;
    } rows[] = {
        {CYCLECLOUD_CALL_CREATE_VM, {"PUT " VM, 200, PORTAL}, CYCLECLOUD_TRANSPORT},
        {CYCLECLOUD_CALL_CREATE_VM, {"PUT " VM, 200, ""}, CYCLECLOUD_TRANSPORT},
        {CYCLECLOUD_CALL_CREATE_VM, {"PUT " VM, 201, "{}"}, CYCLECLOUD_TRANSPORT},
        {CYCLECLOUD_CALL_CREATE_VM, {"PUT " VM, 200, "[1,2"}, CYCLECLOUD_TRANSPORT},
        {CYCLECLOUD_CALL_CREATE_VM, {"PUT " VM, 202, PORTAL}, CYCLECLOUD_TRANSPORT},
        {CYCLECLOUD_CALL_CREATE_VM, {"PUT " VM, 200, "{\"id\":\"x\"}"}, CYCLECLOUD_OK},
        {CYCLECLOUD_CALL_RESIZE_SET, {"PATCH " SET, 200, PORTAL}, CYCLECLOUD_TRANSPORT},
        {CYCLECLOUD_CALL_RESIZE_SET, {"PATCH " SET, 200, ""}, CYCLECLOUD_TRANSPORT},
        {CYCLECLOUD_CALL_DELETE_VM, {"DELETE " VM, 200, PORTAL}, CYCLECLOUD_TRANSPORT},
        {CYCLECLOUD_CALL_DELETE_VM, {"DELETE " VM, 204, ""}, CYCLECLOUD_OK},
        {CYCLECLOUD_CALL_DELETE_VM, {"DELETE " VM, 200, ""}, CYCLECLOUD_OK},
        {CYCLECLOUD_CALL_DEALLOCATE_VM, {"POST " VM, 200, PORTAL}, CYCLECLOUD_TRANSPORT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cyclecloud_request q = request(rows[i].call);
        struct outcome o = {0};
        run(f, &q, &rows[i].step, 1, &o);
        assert_int_equal(o.class, rows[i].class);
        if (o.class != CYCLECLOUD_OK)
            assert_string_equal(o.code, "BadAnswer");
    }
}

/* Nor does it end an operation. */
static void a_portal_ends_no_operation(void **state) {
    struct fixture *f = *state;
    static const struct step put[] = {
        {"PUT " VM, 201, "{\"id\":\"x\",\"properties\":{\"provisioningState\":\"Creating\"}}"}};
    static const struct step pages[] = {{"GET " VM, 200, PORTAL}, {"GET " VM, 200, "{}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_VM);
    struct outcome o = {0};
    RUN(f, &q, put, &o);
    assert_int_equal(o.class, CYCLECLOUD_PENDING);
    char url[sizeof(o.url)];
    (void)snprintf(url, sizeof(url), "%s", o.url);
    for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
        q = request(CYCLECLOUD_CALL_POLL);
        q.operation_url = url;
        run(f, &q, &pages[i], 1, &o);
        assert_int_equal(o.class, CYCLECLOUD_TRANSPORT);
        assert_string_equal(o.code, "BadAnswer");
    }
}

/* A pause of 3 million million years is an hour, and a person's wish ends it. */
static void a_pause_has_an_end(void **state) {
    struct fixture *f = *state;
    static const struct step put[] = {{"PUT " SET,
                                       429,
                                       "{\"error\":{\"code\":\"TooManyRequests\"}}",
                                       {"Retry-After: 99999999999999999999"}}};
    static const struct step again[] = {{"PUT " SET, 200, "{\"id\":\"x\"}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET);
    struct outcome o = {0};
    RUN(f, &q, put, &o);
    assert_int_equal(o.class, CYCLECLOUD_THROTTLED);
    assert_int_equal(o.retry_after, USEC_HOUR);
    run(f, &q, NULL, 0, &o);
    assert_string_equal(o.code, "ClientThrottled");
    f->provider.ops->hurry(f->provider.self);
    RUN(f, &q, again, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
}

/* The cloud's words are shown in logs and on terminals: they are one line, and only text. */
static void foreign_words_are_one_line(void **state) {
    struct fixture *f = *state;
    static const struct step put[] = {
        {"PUT " VM, 400,
         "{\"error\":{\"code\":\"Bad\\nCode\",\"message\":\"no\\n2026-11-30T00:00:00.000Z error: "
         "FORGED\\u001b[2J\\u202e\"}}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_VM);
    struct outcome o = {0};
    RUN(f, &q, put, &o);
    assert_null(strpbrk(o.message, "\n\x1b"));
    assert_null(strpbrk(o.code, "\n\x1b"));
    assert_null(strstr(o.message, "\xe2\x80\xae"));
    assert_non_null(strstr(o.message, "no 2026-11-30"));
}

/* An endless list of large items ends by its bytes, long before its number of items. */
static void a_list_is_bounded_by_its_bytes(void **state) {
    (void)state;
    struct results r = {.region = "eastus"};
    size_t len = 1000000, n = 0;
    char *name = malloc(len + 1);
    assert_non_null(name);
    memset(name, 'x', len);
    name[len] = '\0';
    json_t *item = json_pack("{s:s}", "name", name);
    for (; results_check_size(&r) == 0 && n < 1000; n++)
        assert_int_equal(results_add_set(&r, item), 0);
    assert_in_range(n, RESULTS_BYTES_MAX / len - 20, RESULTS_BYTES_MAX / len + 2);
    json_decref(item);
    free(name);
    results_clear(&r);
    assert_int_equal(results_check_size(&r), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, azure_start, azure_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_portal_does_no_work),
        TEST(a_portal_ends_no_operation),
        TEST(a_pause_has_an_end),
        TEST(foreign_words_are_one_line),
        cmocka_unit_test(a_list_is_bounded_by_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
