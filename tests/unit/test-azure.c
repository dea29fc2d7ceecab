/* SPDX-License-Identifier: MIT */

/* What is sent and what is understood. */

#include "azure-fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Every call goes to its place */

static const struct {
    enum cyclecloud_call call;
    struct step step;
    enum cyclecloud_class expected;
} places[] = {
    {CYCLECLOUD_CALL_LIST_SIZES,
     {"GET /subscriptions/" SUB
      "/providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter=location%20eq%20'eastus'",
      200, "{\"value\":[]}"},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_LIST_QUOTAS,
     {"GET /subscriptions/" SUB "/providers/Microsoft.Compute/locations/eastus/usages?api-version="
      "2024-03-01",
      200, "{\"value\":[]}"},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_LIST_PRICES,
     {"GET /api/retail/prices?$filter=serviceName%20eq%20'Virtual%20Machines'%20and%20armRegionName"
      "%20eq%20'eastus'%20and%20priceType%20eq%20'Consumption'",
      200, "{\"Items\":[],\"NextPageLink\":null}"},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_GET_SUBNET,
     {"GET /subscriptions/s/subnets/a%20b?api-version=2024-01-01", 200,
      "{\"id\":\"x\",\"properties\":{\"addressPrefix\":\"10.0.0.0/24\"}}"},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_ENSURE_GROUP,
     {"PUT /subscriptions/" SUB "/resourceGroups/rg?api-version=2024-03-01", 201,
      "{\"properties\":{\"provisioningState\":\"Succeeded\"}}"},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_DELETE_GROUP,
     {"DELETE /subscriptions/" SUB "/resourceGroups/rg?api-version=2024-03-01&forceDeletionTypes=",
      202,
      "",
      {"Location: {b}/op"}},
     CYCLECLOUD_PENDING},
    {CYCLECLOUD_CALL_ENSURE_SECURITY_GROUP,
     {"PUT /subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Network/"
      "networkSecurityGroups/s1?api-version=2024-01-01",
      200, "{\"properties\":{\"provisioningState\":\"Succeeded\"}}"},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_CREATE_VM,
     {"PUT " COMPUTE "/virtualMachines/s1?api-version=2024-03-01",
      201,
      "{}",
      {"Azure-AsyncOperation: {b}/op", "Location: {b}/other"}},
     CYCLECLOUD_PENDING},
    {CYCLECLOUD_CALL_DELETE_VM,
     {"DELETE " COMPUTE "/virtualMachines/s1?api-version=2024-03-01&forceDeletion=true", 204, ""},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_START_VM,
     {"POST " COMPUTE "/virtualMachines/s1/start?api-version=2024-03-01",
      202,
      "",
      {"Location: {b}/op"}},
     CYCLECLOUD_PENDING},
    {CYCLECLOUD_CALL_DEALLOCATE_VM,
     {"POST " COMPUTE "/virtualMachines/s1/deallocate?api-version=2024-03-01",
      202,
      "",
      {"Azure-AsyncOperation: {b}/op"}},
     CYCLECLOUD_PENDING},
    {CYCLECLOUD_CALL_GET_VM,
     {"GET " COMPUTE "/virtualMachines/s1?api-version=2024-03-01&$expand=instanceView", 200,
      "{\"name\":\"s1\"}"},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_CREATE_SET,
     {"PUT " SET "?api-version=2024-03-01", 200,
      "{\"properties\":{\"provisioningState\":\"Creating\"}}"},
     CYCLECLOUD_PENDING},
    {CYCLECLOUD_CALL_RESIZE_SET,
     {"PATCH " SET "?api-version=2024-03-01", 200, "{}", {"Azure-AsyncOperation: {b}/op"}},
     CYCLECLOUD_PENDING},
    {CYCLECLOUD_CALL_GET_SET,
     {"GET " SET "?api-version=2024-03-01", 200, "{\"name\":\"s1\",\"sku\":{\"capacity\":3}}"},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_DELETE_SET,
     {"DELETE " SET "?api-version=2024-03-01&forceDeletion=true", 404,
      "{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"none\"}}"},
     CYCLECLOUD_GONE},
    {CYCLECLOUD_CALL_DELETE_INSTANCES,
     {"POST " SET "/delete?api-version=2024-03-01&forceDeletion=true",
      202,
      "",
      {"Azure-AsyncOperation: {b}/op"}},
     CYCLECLOUD_PENDING},
    {CYCLECLOUD_CALL_START_INSTANCES,
     {"POST " SET "/start?api-version=2024-03-01", 202, "", {"Azure-AsyncOperation: {b}/op"}},
     CYCLECLOUD_PENDING},
    {CYCLECLOUD_CALL_DEALLOCATE_INSTANCES,
     {"POST " SET "/deallocate?api-version=2024-03-01", 202, "", {"Azure-AsyncOperation: {b}/op"}},
     CYCLECLOUD_PENDING},
    {CYCLECLOUD_CALL_LIST_VMS,
     {"GET " COMPUTE "/virtualMachines?api-version=2024-03-01", 200, "{\"value\":[]}"},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_LIST_SETS,
     {"GET " COMPUTE "/virtualMachineScaleSets?api-version=2024-03-01", 200, "{\"value\":[]}"},
     CYCLECLOUD_OK},
    {CYCLECLOUD_CALL_LIST_INSTANCES,
     {"GET " SET "/virtualMachines?api-version=2024-03-01&$expand=instanceView", 200,
      "{\"value\":[]}"},
     CYCLECLOUD_OK},
};

static void every_call_goes_to_its_place(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        struct cyclecloud_request q = request(places[i].call);
        struct outcome o = {0};
        run(f, &q, &places[i].step, 1, &o);
        if (o.class != places[i].expected)
            print_error("call %d: %s %s\n", places[i].call, o.code, o.message);
        assert_int_equal(o.class, places[i].expected);
        assert_int_equal(o.status, places[i].step.status);
        assert_true((*o.url != '\0') == (o.class == CYCLECLOUD_PENDING));
        assert_string_equal(f->ids[0], "request-1");
        bool open = places[i].call == CYCLECLOUD_CALL_LIST_PRICES;
        /* one token serves all; it goes to no other service */
        assert_string_equal(f->seen[0], open ? "" : "Bearer token-0");
    }
}

static void what_is_missing_is_refused_at_once(void **state) {
    struct fixture *f = *state;
    struct outcome o = {0};
    for (int call = 0; call <= CYCLECLOUD_CALL_MAX; call++) {
        struct cyclecloud_request q = {.call = (enum cyclecloud_call)call, .account = "main"};
        assert_int_equal(f->provider.ops->submit(f->provider.self, &q, on_done, &o), -EINVAL);
    }
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_GET_SET);
    q.account = "other";
    assert_int_equal(f->provider.ops->submit(f->provider.self, &q, on_done, &o), -EINVAL);
    q = request(CYCLECLOUD_CALL_POLL);
    q.operation_url = "https://example.com/steal-the-token";
    assert_int_equal(f->provider.ops->submit(f->provider.self, &q, on_done, &o), -EINVAL);
    assert_int_equal(web_count(f->web), 0);
    assert_int_equal(azure_active(f->azure), 0);
}

/* Operations */

static void an_operation_is_followed_to_its_end(void **state) {
    struct fixture *f = *state;
    static const struct step create[] = {
        {"PUT " SET,
         201,
         "{\"properties\":{\"provisioningState\":\"Creating\"}}",
         {"Azure-AsyncOperation: {b}/operations/1?api-version=x", "Location: {b}/l",
          "Retry-After: 11", "x-ms-request-id: arm-1"}}};
    static const struct step running[] = {{"GET /operations/1?api-version=x",
                                           200,
                                           "{\"status\":\"InProgress\"}",
                                           {"Retry-After: 5"}}};
    static const struct step good[] = {
        {"GET /operations/1?api-version=x", 200, "{\"status\":\"succeeded\"}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET);
    struct outcome o = {0};
    RUN(f, &q, create, &o);
    assert_int_equal(o.class, CYCLECLOUD_PENDING);
    assert_int_equal(o.retry_after, 11 * USEC_SEC);
    assert_string_equal(o.request_id, "arm-1");
    char first[512];
    (void)snprintf(first, sizeof(first), "%s", o.url);
    assert_non_null(strstr(first, "/operations/1?api-version=x"));
    q = request(CYCLECLOUD_CALL_POLL);
    q.operation_url = first;
    RUN(f, &q, running, &o);
    assert_int_equal(o.class, CYCLECLOUD_PENDING);
    assert_int_equal(o.retry_after, 5 * USEC_SEC);
    assert_string_equal(o.url, first);
    RUN(f, &q, good, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    assert_string_equal(o.url, "");
}

static void poll_url(struct fixture *f, const char *path, const struct step *step,
                     struct outcome *o) {
    char url[512];
    (void)snprintf(url, sizeof(url), "%s%s", web_url(f->web), path);
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_POLL);
    q.operation_url = url;
    run(f, &q, step, 1, o);
}

static void an_operation_that_fails_is_classed_by_its_error(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *body;
        enum cyclecloud_class expected;
        const char *code;
    } rows[] = {
        {"{\"status\":\"Failed\",\"error\":{\"code\":\"AllocationFailed\",\"message\":\"m\"}}",
         CYCLECLOUD_CAPACITY, "AllocationFailed"},
        {"{\"status\":\"Failed\",\"error\":{\"code\":\"OperationNotAllowed\",\"message\":"
         "\"exceeding approved standardHBv3Family Cores quota. Current Limit: 10, Current Usage: "
         "8, Additional Required: 8\"}}",
         CYCLECLOUD_QUOTA, "OperationNotAllowed"},
        {"{\"status\":\"Canceled\"}", CYCLECLOUD_CONFLICT, "OperationPreempted"},
        {"{\"status\":\"Failed\"}", CYCLECLOUD_TRANSPORT, ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct step step = {"GET /op", 200, rows[i].body};
        struct outcome o = {0};
        poll_url(f, "/op", &step, &o);
        assert_int_equal(o.class, rows[i].expected);
        assert_string_equal(o.code, rows[i].code);
        assert_true(o.operation_ended);
        if (o.class == CYCLECLOUD_QUOTA) {
            assert_string_equal(o.quota, "standardHBv3Family");
            assert_int_equal(o.limit, 10);
        }
    }
}

static void a_location_is_followed_by_its_status(void **state) {
    struct fixture *f = *state;
    struct step running = {"GET /op", 202, "", {"Location: {b}/op2", "Retry-After: 3"}};
    struct outcome o = {0};
    poll_url(f, "/op", &running, &o);
    assert_int_equal(o.class, CYCLECLOUD_PENDING);
    assert_non_null(strstr(o.url, "/op2"));
    struct step done = {"GET /op2", 204, ""};
    poll_url(f, "/op2", &done, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    struct step resource = {"GET /op2", 200, "{\"properties\":{\"provisioningState\":\"x\"}}"};
    poll_url(f, "/op2", &resource, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    struct step gone = {"GET /op2", 404, "{\"error\":{\"code\":\"NotFound\",\"message\":\"\"}}"};
    poll_url(f, "/op2", &gone, &o);
    assert_int_equal(o.class, CYCLECLOUD_GONE);
    assert_false(o.operation_ended); /* the question failed: what came of it is not known */
}

/* A write that names no operation: the resource itself says how far it is. */
/* 412: an earlier request has made it. What is there is followed, and a listing says the rest. */
static void a_create_follows_what_is_there(void **state) {
    struct fixture *f = *state;
    struct outcome o = {0};
    static const struct step put[] = {
        {"PUT " SET, 412, "{\"error\":{\"code\":\"PreconditionFailed\",\"message\":\"m\"}}"}};
    static const struct step get[] = {
        {"GET " SET, 200, "{\"properties\":{\"provisioningState\":\"Creating\"}}"},
        {"GET " SET, 200, "{\"properties\":{\"provisioningState\":\"Failed\"}}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET);
    RUN(f, &q, put, &o);
    assert_int_equal(o.class, CYCLECLOUD_PENDING);
    for (size_t i = 0; i < ARRAY_SIZE(get); i++) {
        char url[512];
        (void)snprintf(url, sizeof(url), "%s", o.url);
        q = request(CYCLECLOUD_CALL_POLL);
        q.operation_url = url;
        run(f, &q, &get[i], 1, &o);
        assert_int_equal(o.class, i ? CYCLECLOUD_OK : CYCLECLOUD_PENDING);
    }
}

static void a_resource_can_be_its_own_operation(void **state) {
    struct fixture *f = *state;
    static const struct step create[] = {
        {"PUT " SET, 201, "{\"properties\":{\"provisioningState\":\"Updating\"}}"}};
    static const struct step running[] = {
        {"GET " SET "?api-version=2024-03-01", 200,
         "{\"properties\":{\"provisioningState\":\"Updating\"}}"}};
    static const struct step bad[] = {
        {"GET " SET, 200, "{\"properties\":{\"provisioningState\":\"Failed\"}}"}};
    static const struct step good[] = {
        {"GET " SET, 200, "{\"properties\":{\"provisioningState\":\"Succeeded\"}}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET);
    struct outcome o = {0};
    RUN(f, &q, create, &o);
    assert_int_equal(o.class, CYCLECLOUD_PENDING);
    char url[512];
    (void)snprintf(url, sizeof(url), "%s", o.url);
    q = request(CYCLECLOUD_CALL_POLL);
    q.operation_url = url;
    RUN(f, &q, running, &o);
    assert_int_equal(o.class, CYCLECLOUD_PENDING);
    RUN(f, &q, bad, &o);
    assert_int_equal(o.class, CYCLECLOUD_TRANSPORT);
    RUN(f, &q, good, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
}

/* Lists */

static void check_pages(const struct cyclecloud_result *r) {
    assert_int_equal(r->n_instances, 3);
    for (size_t i = 0; i < 3; i++) {
        char id[2] = {(char)('0' + i), '\0'};
        assert_string_equal(r->instances[i].instance_id, id);
    }
    assert_string_equal(r->instances[0].power_state, "running");
}

static void pages_are_followed(void **state) {
    struct fixture *f = *state;
    static const struct step steps[] = {
        {"GET " SET "/virtualMachines?api-version", 200,
         "{\"value\":[{\"instanceId\":\"0\",\"properties\":{\"instanceView\":{\"statuses\":[{"
         "\"code\":\"PowerState/running\"}]}}},{\"instanceId\":\"1\"}],"
         "\"nextLink\":\"{b}/next?%24skiptoken=1\"}"},
        {"GET /next?%24skiptoken=1", 200, "{\"value\":[],\"nextLink\":\"{b}/next?2\"}"},
        {"GET /next?2", 200, "{\"nextLink\":null,\"value\":[{\"instanceId\":\"2\"}]}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_LIST_INSTANCES);
    struct outcome o = {.check = check_pages};
    RUN(f, &q, steps, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
}

static void check_broken(const struct cyclecloud_result *r) {
    assert_int_equal(r->n_instances, 2);
    assert_string_equal(r->instances[1].instance_id, "1");
}

/* The first answer to page two breaks off in the middle: nothing of it is counted twice. */
static void a_page_that_fails_is_read_again(void **state) {
    struct fixture *f = *state;
    static const struct step steps[] = {
        {"GET " SET, 200, "{\"value\":[{\"instanceId\":\"0\"}],\"nextLink\":\"{b}/next\"}"},
        {"GET /next", 503, "{\"error\":{\"code\":\"ServiceUnavailable\",\"message\":\"\"}}"},
        {"GET /next", 200, "{\"value\":[{\"instanceId\":\"1\"},{\"instanceId\":\"9\"},oops"},
        {"GET /next", 200, "{\"value\":[{\"instanceId\":\"1\"}]}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_LIST_INSTANCES);
    struct outcome o = {.check = check_broken};
    RUN(f, &q, steps, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
}

static void a_token_does_not_follow_a_foreign_link(void **state) {
    struct fixture *f = *state;
    static const struct step steps[] = {
        {"GET " SET, 200, "{\"value\":[],\"nextLink\":\"https://example.com/steal\"}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_LIST_INSTANCES);
    struct outcome o = {0};
    RUN(f, &q, steps, &o);
    assert_int_equal(o.class, CYCLECLOUD_TRANSPORT);
    assert_string_equal(o.code, "BadAnswer");
}

static void check_sweep(const struct cyclecloud_result *r) {
    assert_int_equal(r->n_instances, 3);
    assert_string_equal(r->instances[0].set_name, "");
    assert_string_equal(r->instances[0].power_state, "running");
    assert_string_equal(r->instances[0].machine_type, "Standard_D2");
    assert_int_equal(r->instances[0].n_tags, 1);
    assert_string_equal(r->instances[1].set_name, "flex");
    assert_string_equal(r->instances[2].set_name, "ib");
    assert_string_equal(r->instances[2].instance_id, "4");
    assert_string_equal(r->instances[2].group, "rg");
}

#define GRAPH "POST /providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"
#define ID "/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute/"

static void a_sweep_reads_both_tables_page_by_page(void **state) {
    struct fixture *f = *state;
    static const struct step steps[] = {
        {GRAPH, 200,
         "{\"totalRecords\":2,\"count\":1,\"resultTruncated\":\"false\",\"$skipToken\":\"page 2\","
         "\"data\":[{\"id\":\"" ID "virtualMachines/v\",\"name\":\"v\",\"tags\":{\"ClusterId\":"
         "\"c1\"},\"vmId\":\"u\",\"size\":\"Standard_D2\",\"state\":\"PowerState/running\",\"ss\":"
         "null}]}"},
        {GRAPH, 200,
         "{\"data\":[{\"id\":\"" ID "virtualMachines/w\",\"ss\":\"" ID
         "virtualMachineScaleSets/flex\"}]}"},
        {GRAPH, 200,
         "{\"data\":[{\"id\":\"" ID "virtualMachineScaleSets/ib/virtualMachines/4\"}]}"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_SWEEP);
    struct outcome o = {.check = check_sweep};
    RUN(f, &q, steps, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    _cleanup_free_ char *one = web_body(f->web, 1), *two = web_body(f->web, 2),
                        *three = web_body(f->web, 3);
    assert_non_null(strstr(one, "\"query\":\"Resources | where"));
    assert_non_null(strstr(one, "tags['ClusterId'] == 'c1'"));
    assert_null(strstr(one, "skipToken"));
    assert_non_null(strstr(two, "\"$skipToken\":\"page 2\""));
    assert_non_null(strstr(three, "\"query\":\"ComputeResources | where"));
    assert_null(strstr(three, "skipToken"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, azure_start, azure_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_call_goes_to_its_place),
        TEST(what_is_missing_is_refused_at_once),
        TEST(an_operation_is_followed_to_its_end),
        TEST(an_operation_that_fails_is_classed_by_its_error),
        TEST(a_location_is_followed_by_its_status),
        TEST(a_create_follows_what_is_there),
        TEST(a_resource_can_be_its_own_operation),
        TEST(pages_are_followed),
        TEST(a_page_that_fails_is_read_again),
        TEST(a_token_does_not_follow_a_foreign_link),
        TEST(a_sweep_reads_both_tables_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
