/* SPDX-License-Identifier: MIT */
#include "azure/azure.h"

#include "net/http.h"
#include "web.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SUB "11111111-2222-3333-4444-555555555555"
#define COMPUTE "/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute"
#define SET COMPUTE "/virtualMachineScaleSets/s1"

/* One exchange that is expected, and its answer. "{b}" in texts is the server's own address. */
struct step {
    const char *line; /* what "METHOD URL" begins with */
    int status;
    const char *body;
    const char *headers[4]; /* "Name: value" */
};

struct fixture {
    struct web *web;
    struct http *http;
    struct azure *azure;
    struct cyclecloud_provider provider;
    const struct step *steps;
    size_t n_steps;
    size_t done; /* steps used up */
    size_t tokens;
    char seen[16][128]; /* Authorization of each step */
    char ids[16][64];   /* x-ms-client-request-id */
    char unexpected[1100];
};

static char *filled(const struct fixture *f, const char *text) {
    struct buf b = BUF_INIT(1024 * 1024);
    for (; *text; text++) {
        if (strncmp(text, "{b}", 3) == 0) {
            (void)buf_puts(&b, web_url(f->web));
            text += 2;
        } else {
            (void)buf_putc(&b, *text);
        }
    }
    return buf_take(&b);
}

static void give_token(struct fixture *f, struct web_reply *r) {
    static char body[128];
    (void)snprintf(body, sizeof(body), "{\"access_token\":\"token-%zu\",\"expires_in\":3599}",
                   f->tokens++);
    r->body = body;
}

static void add_headers(const struct fixture *f, const struct step *step, struct web_reply *r) {
    for (size_t i = 0; i < ARRAY_SIZE(step->headers) && step->headers[i]; i++) {
        static char names[4][64];
        const char *colon = strstr(step->headers[i], ": ");
        (void)snprintf(names[i], sizeof(names[i]), "%.*s", (int)(colon - step->headers[i]),
                       step->headers[i]);
        _cleanup_free_ char *value = filled(f, colon + 2);
        web_reply_header(r, names[i], "%s", value);
    }
}

static void answer(void *arg, const struct web_request *q, struct web_reply *r) {
    struct fixture *f = arg;
    static char body[64 * 1024];
    if (strstr(q->url, "/oauth2/v2.0/token")) {
        give_token(f, r);
        return;
    }
    const struct step *step = f->done < f->n_steps ? &f->steps[f->done] : NULL;
    char line[1024];
    (void)snprintf(line, sizeof(line), "%s %s", q->method, q->url);
    if (!step || strncmp(line, step->line, strlen(step->line)) != 0) {
        (void)snprintf(f->unexpected, sizeof(f->unexpected), "step %zu: %s", f->done, line);
        r->status = 418;
        return;
    }
    const char *authorization = web_header(q, "Authorization");
    const char *id = web_header(q, "x-ms-client-request-id");
    (void)snprintf(f->seen[f->done], sizeof(f->seen[0]), "%s", authorization ? authorization : "");
    (void)snprintf(f->ids[f->done], sizeof(f->ids[0]), "%s", id ? id : "");
    _cleanup_free_ char *text = filled(f, step->body ? step->body : "");
    (void)snprintf(body, sizeof(body), "%s", text);
    r->status = step->status;
    r->body = body;
    add_headers(f, step, r);
    f->done++;
}

static struct azure_account account_of(const struct fixture *f) {
    return (struct azure_account){.name = "main",
                                  .subscription = SUB,
                                  .tenant = "tenant",
                                  .client_id = "app",
                                  .client_secret = "secret",
                                  .region = "eastus",
                                  .resource_manager = web_url(f->web),
                                  .authority = web_url(f->web)};
}

static int start(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->web = web_new(answer, f);
    struct http_options options = {.clock = &clock_real};
    assert_int_equal(http_new(&options, &f->http), 0);
    assert_int_equal(azure_new(f->http, &clock_real, &random_system, &f->azure), 0);
    struct azure_account account = account_of(f);
    assert_int_equal(azure_set_accounts(f->azure, &account, 1, NULL), 0);
    f->provider = azure_provider(f->azure);
    *state = f;
    return 0;
}

static int stop(void **state) {
    struct fixture *f = *state;
    azure_free(f->azure);
    http_free(f->http);
    web_free(f->web);
    free(f);
    return 0;
}

struct outcome {
    unsigned calls;
    enum cyclecloud_class class;
    int status;
    char code[64], message[512], url[512], request_id[64], quota[64];
    uint64_t retry_after, limit;
    void (*check)(const struct cyclecloud_result *r);
};

static void on_done(void *arg, const struct cyclecloud_result *r) {
    struct outcome *o = arg;
    o->calls++;
    o->class = r->result;
    o->status = r->http_status;
    o->retry_after = r->retry_after_us;
    o->limit = r->quota.limit;
    (void)snprintf(o->code, sizeof(o->code), "%s", r->code);
    (void)snprintf(o->message, sizeof(o->message), "%s", r->message);
    (void)snprintf(o->url, sizeof(o->url), "%s", r->operation_url);
    (void)snprintf(o->request_id, sizeof(o->request_id), "%s", r->request_id);
    (void)snprintf(o->quota, sizeof(o->quota), "%s", r->quota.name);
    if (o->check)
        o->check(r);
}

static const struct cyclecloud_vm_spec machine = {.machine_type = "Standard_HB120rs_v3",
                                                  .image_id = "/image",
                                                  .subnet_id = "/subscriptions/s/subnets/a b",
                                                  .computer_name = "c-",
                                                  .admin_username = "admin",
                                                  .ssh_public_key = "ssh-ed25519 A"};
static const char *const ids[] = {"0", "7", NULL};

/* A request with everything that any call may need. */
static struct cyclecloud_request request(enum cyclecloud_call call) {
    return (struct cyclecloud_request){.call = call,
                                       .account = "main",
                                       .region = "eastus",
                                       .group = "rg",
                                       .name = "s1",
                                       .capacity = 3,
                                       .spec = &machine,
                                       .instance_ids = ids,
                                       .operation_url = "",
                                       .tag_name = "ClusterId",
                                       .tag_value = "c1",
                                       .client_request_id = "request-1"};
}

static void finish(struct fixture *f, struct outcome *o) {
    usec_t end = clock_monotonic(&clock_real) + 30 * USEC_SEC;
    while (o->calls == 0 && clock_monotonic(&clock_real) < end)
        assert_int_equal(http_wait(f->http, NULL, 0, 100 * USEC_MS), 0);
    if (*f->unexpected)
        print_error("unexpected %s\n", f->unexpected);
    assert_string_equal(f->unexpected, "");
    assert_int_equal(o->calls, 1);
    assert_int_equal(f->done, f->n_steps);
    assert_int_equal(azure_active(f->azure), 0);
}

/* Sends `q` and waits; the exchanges must be exactly `steps`. */
static void run(struct fixture *f, const struct cyclecloud_request *q, const struct step *steps,
                size_t n, struct outcome *o) {
    f->steps = steps;
    f->n_steps = n;
    f->done = 0;
    o->calls = 0;
    assert_int_equal(f->provider.ops->submit(f->provider.self, q, on_done, o), 0);
    assert_int_equal(o->calls, 0); /* never from inside submit */
    finish(f, o);
}

#define RUN(f, q, steps, o) run(f, q, steps, ARRAY_SIZE(steps), o)

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
        assert_string_equal(f->seen[0], "Bearer token-0"); /* one token serves all */
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
}

/* A write that names no operation: the resource itself says how far it is. */
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
         "{}",
         {"x-ms-ratelimit-remaining-resource: "
          "Microsoft.Compute/VmssQueuedVMOperations;0,Microsoft.Compute/PutVMScaleSet;0"}}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_CREATE_SET);
    struct outcome o = {0};
    RUN(f, &q, put, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    q.name = "s2";
    /* Nothing is left, and the refill is 125 a minute: half a second. */
    static const struct step late[] = {{"PUT " COMPUTE "/virtualMachineScaleSets/s2", 200, "{}"}};
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

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_call_goes_to_its_place),
        TEST(what_is_missing_is_refused_at_once),
        TEST(an_operation_is_followed_to_its_end),
        TEST(an_operation_that_fails_is_classed_by_its_error),
        TEST(a_location_is_followed_by_its_status),
        TEST(a_resource_can_be_its_own_operation),
        TEST(pages_are_followed),
        TEST(a_page_that_fails_is_read_again),
        TEST(a_token_does_not_follow_a_foreign_link),
        TEST(a_sweep_reads_both_tables_page_by_page),
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
