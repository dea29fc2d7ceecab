/* SPDX-License-Identifier: MIT */

/* Repetitions, limits, tokens and accounts. */

#include "azure-fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Repetitions */

static void reads_are_repeated_and_writes_are_not(void **state) {
    struct fixture *f = *state;
    static const struct step get[] = {
        {"GET " SET, 500, "{\"error\":{\"code\":\"InternalServerError\",\"message\":\"\"}}"},
        {"GET " SET, 429, "{}", {"Retry-After: 1"}},
        {"GET " SET, 0, ""},
        {"GET " SET, 200, "{\"name\":\"s1\"}"}};
    static const struct step gets[] = {
        {"GET " SET, 503, ""}, {"GET " SET, 503, ""}, {"GET " SET, 503, ""}, {"GET " SET, 503, ""}};
    static const struct step put[] = {{"PUT " SET, 503, ""}};
    static const struct step lost[] = {{"PUT " SET, 0, ""}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_GET_SET);
    struct outcome o = {0};
    RUN(f, &q, get, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    RUN(f, &q, gets, &o);
    assert_int_equal(o.class, CYCLECLOUD_TRANSPORT);
    assert_int_equal(o.status, 503);
    q = request(CYCLECLOUD_CALL_CREATE_SET);
    RUN(f, &q, put, &o);
    assert_int_equal(o.class, CYCLECLOUD_TRANSPORT);
    RUN(f, &q, lost, &o);
    assert_int_equal(o.class, CYCLECLOUD_TRANSPORT);
    assert_int_equal(o.status, 0);
    assert_string_not_equal(o.message, "");
}

static void a_refused_token_is_replaced_once(void **state) {
    struct fixture *f = *state;
    static const char refusal[] =
        "{\"error\":{\"code\":\"ExpiredAuthenticationToken\",\"message\":\"old\"}}";
    static const struct step once[] = {
        {"PUT " SET, 401, refusal},
        {"PUT " SET, 200, "{\"properties\":{\"provisioningState\":\"Succeeded\"}}"}};
    static const struct step twice[] = {{"PUT " SET, 401, refusal}, {"PUT " SET, 401, refusal}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET);
    struct outcome o = {0};
    RUN(f, &q, once, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    assert_string_equal(f->seen[0], "Bearer token-0");
    assert_string_equal(f->seen[1], "Bearer token-1");
    RUN(f, &q, twice, &o);
    assert_int_equal(o.class, CYCLECLOUD_AUTH);
    assert_string_equal(o.code, "ExpiredAuthenticationToken");
}

static void throttling_is_told_with_its_end(void **state) {
    struct fixture *f = *state;
    static const struct step put[] = {
        {"PUT " SET,
         429,
         "{\"error\":{\"code\":\"OperationNotAllowed\",\"message\":\"too many\",\"details\":[{"
         "\"code\":\"TooManyRequests\",\"target\":\"PutVMScaleSet\",\"message\":\"{}\"}]}}",
         {"Retry-After: 45"}}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET);
    struct outcome o = {0};
    RUN(f, &q, put, &o);
    assert_int_equal(o.class, CYCLECLOUD_THROTTLED);
    assert_int_equal(o.retry_after, 45 * USEC_SEC);
    assert_string_equal(o.message, "too many");
    /* The next one of that kind is not even sent: the bucket is closed. */
    run(f, &q, NULL, 0, &o);
    assert_int_equal(o.class, CYCLECLOUD_THROTTLED);
    assert_string_equal(o.code, "ClientThrottled");
    assert_in_range(o.retry_after, 40 * USEC_SEC, 46 * USEC_SEC);
    /* Others are. */
    static const struct step get[] = {{"GET " SET, 200, "{\"name\":\"s1\"}"}};
    q = request(CYCLECLOUD_CALL_GET_SET);
    RUN(f, &q, get, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
}

static void the_headers_slow_the_client_down(void **state) {
    struct fixture *f = *state;
    static const struct step put[] = {
        {"PUT " SET,
         200,
         "{\"id\":\"s1\"}",
         {"x-ms-ratelimit-remaining-resource: "
          "Microsoft.Compute/VmssQueuedVMOperations;0,Microsoft.Compute/PutVMScaleSet;0"}}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET);
    struct outcome o = {0};
    RUN(f, &q, put, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    q.name = "s2";
    /* Nothing is left, and the refill is 125 a minute: half a second. */
    static const struct step late[] = {
        {"PUT " COMPUTE "/virtualMachineScaleSets/s2", 200, "{\"id\":\"s2\"}"}};
    usec_t begin = clock_monotonic(&clock_real);
    RUN(f, &q, late, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    assert_true(clock_monotonic(&clock_real) - begin > 400 * USEC_MS);
}

/* One waits for its limit, one for a token, one for an answer: freeing them leaks nothing. */
static void what_is_under_way_can_be_dropped(void **state) {
    struct fixture *f = *state;
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_RESIZE_SET);
    struct outcome o = {0};
    for (int i = 0; i < 13; i++)
        assert_int_equal(f->provider.ops->submit(f->provider.self, &q, on_done, &o), 0);
    assert_int_equal(http_dispatch(f->http), 0);
    assert_int_equal(http_dispatch(f->http), 0);
    assert_int_equal(azure_active(f->azure), 13);
    assert_int_equal(o.calls, 0);
}

/* Accounts */

static void accounts_are_checked(void **state) {
    struct fixture *f = *state;
    struct azure_account good = account_of(f);
    static const struct {
        const char *words;
        struct azure_account change;
    } rows[] = {
        {"subscription must be a UUID", {.subscription = "abc"}},
        {"more than one way", {.managed_identity = true}},
        {"must be an https address", {.resource_manager = "http://example.com"}},
        {"must be an https address", {.authority = "http://10.0.0.1"}},
        {"must be an https address", {.imds = "http://10.0.0.1"}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct azure_account bad = good;
        const struct azure_account *c = &rows[i].change;
        bad.subscription = c->subscription ? c->subscription : bad.subscription;
        bad.resource_manager = c->resource_manager ? c->resource_manager : bad.resource_manager;
        bad.authority = c->authority ? c->authority : bad.authority;
        bad.imds = c->imds;
        bad.managed_identity = c->managed_identity;
        _cleanup_error_ struct error err = ERROR_INIT;
        assert_int_equal(azure_set_accounts(f->azure, &bad, 1, &err), -EINVAL);
        assert_string_equal(err.kind, "invalid_config");
        assert_non_null(strstr(err_text(&err), "account main"));
        assert_non_null(strstr(err_text(&err), rows[i].words));
    }
    struct azure_account two[] = {good, good};
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(azure_set_accounts(f->azure, two, 2, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "twice"));
    assert_true(f->provider.ops->has_account(f->provider.self, "main")); /* nothing changed */
}

static void unchanged_accounts_keep_their_tokens(void **state) {
    struct fixture *f = *state;
    static const struct step get[] = {{"GET " SET, 200, "{\"name\":\"s1\"}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_GET_SET);
    struct outcome o = {0};
    RUN(f, &q, get, &o);
    struct azure_account account = account_of(f);
    account.region = "westus";
    assert_int_equal(azure_set_accounts(f->azure, &account, 1, NULL), 0);
    assert_string_equal(f->provider.ops->account_region(f->provider.self, "main"), "westus");
    RUN(f, &q, get, &o);
    assert_string_equal(f->seen[0], "Bearer token-0");
    account.client_secret = "changed";
    assert_int_equal(azure_set_accounts(f->azure, &account, 1, NULL), 0);
    RUN(f, &q, get, &o);
    assert_string_equal(f->seen[0], "Bearer token-1");
}

/* The account goes while its request is under way: the request still ends. */
static void a_request_outlives_its_account(void **state) {
    struct fixture *f = *state;
    static const struct step get[] = {{"GET " SET, 200, "{\"name\":\"s1\"}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_GET_SET);
    struct outcome o = {0};
    f->steps = get;
    f->n_steps = 1;
    assert_int_equal(f->provider.ops->submit(f->provider.self, &q, on_done, &o), 0);
    assert_int_equal(http_dispatch(f->http), 0);
    assert_int_equal(azure_set_accounts(f->azure, NULL, 0, NULL), 0);
    finish(f, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    assert_false(f->provider.ops->has_account(f->provider.self, "main"));
}

static void subnets_have_full_names(void **state) {
    struct fixture *f = *state;
    _cleanup_free_ char *id = f->provider.ops->subnet_id(f->provider.self, "main", "rg/vnet/sub");
    assert_string_equal(id, "/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Network/"
                            "virtualNetworks/vnet/subnets/sub");
    _cleanup_free_ char *full = f->provider.ops->subnet_id(f->provider.self, "main", id);
    assert_string_equal(full, id);
    static const char *const bad[] = {"", "rg", "rg/vnet", "rg/vnet/sub/more", "rg//sub", "a/b/"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_null(f->provider.ops->subnet_id(f->provider.self, "main", bad[i]));
    assert_null(f->provider.ops->subnet_id(f->provider.self, "none", "rg/vnet/sub"));
    assert_string_equal(f->provider.ops->account_region(f->provider.self, "none"), "");
}

static void check_subnet(const struct cyclecloud_result *r) {
    assert_int_equal(r->subnet->usable_addresses, 251);
    assert_string_equal(r->subnet->address_prefix, "10.1.0.0/24");
}

static void a_subnet_has_room(void **state) {
    struct fixture *f = *state;
    static const struct step steps[] = {
        {"GET /subscriptions/s/subnets/a%20b", 200,
         "{\"id\":\"x\",\"properties\":{\"addressPrefixes\":[\"10.1.0.0/24\"]}}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_GET_SUBNET);
    struct outcome o = {.check = check_subnet};
    RUN(f, &q, steps, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, azure_start, azure_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_are_repeated_and_writes_are_not),
        TEST(a_refused_token_is_replaced_once),
        TEST(throttling_is_told_with_its_end),
        TEST(the_headers_slow_the_client_down),
        TEST(what_is_under_way_can_be_dropped),
        TEST(accounts_are_checked),
        TEST(unchanged_accounts_keep_their_tokens),
        TEST(a_request_outlives_its_account),
        TEST(subnets_have_full_names),
        TEST(a_subnet_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
