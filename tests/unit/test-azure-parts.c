/* SPDX-License-Identifier: MIT */
#include "azure/arena.h"
#include "azure/fault.h"
#include "azure/items.h"
#include "azure/results.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Errors */

static const struct error_case {
    const char *body;
    int status;
    enum cyclecloud_class expected;
    const char *code;
} error_cases[] = {
    {"{\"error\":{\"code\":\"AllocationFailed\",\"message\":\"m\"}}", 409, CYCLECLOUD_CAPACITY,
     "AllocationFailed"},
    {"{\"status\":\"Failed\",\"error\":{\"code\":\"ZonalAllocationFailed\",\"message\":\"m\"}}", 0,
     CYCLECLOUD_CAPACITY, "ZonalAllocationFailed"},
    {"{\"error\":{\"code\":\"OverConstrainedAllocationRequest\",\"message\":\"m\"}}", 0,
     CYCLECLOUD_CAPACITY, "OverConstrainedAllocationRequest"},
    {"{\"error\":{\"code\":\"SkuNotAvailable\",\"message\":\"m\"}}", 400, CYCLECLOUD_CAPACITY,
     "SkuNotAvailable"},
    /* The status tells throttling from quota, with and without the outer "error". */
    {"{\"error\":{\"code\":\"OperationNotAllowed\",\"message\":\"m\",\"details\":[{\"code\":"
     "\"TooManyRequests\",\"target\":\"PutVMScaleSet\",\"message\":\"{}\"}]}}",
     429, CYCLECLOUD_THROTTLED, "TooManyRequests"},
    {"{\"code\":\"OperationNotAllowed\",\"message\":\"m\",\"details\":[{\"code\":"
     "\"TooManyRequests\"}]}",
     429, CYCLECLOUD_THROTTLED, "TooManyRequests"},
    {"{\"error\":{\"code\":\"SubscriptionRequestsThrottled\",\"message\":\"m\"}}", 429,
     CYCLECLOUD_THROTTLED, "SubscriptionRequestsThrottled"},
    {"{\"error\":{\"code\":\"Other\",\"message\":\"exceeding approved X Cores quota\"}}", 429,
     CYCLECLOUD_THROTTLED, "Other"},
    {"{\"error\":{\"code\":\"OperationNotAllowed\",\"message\":\"Operation could not be completed "
     "as it results in exceeding approved standardHBv3Family Cores quota.\"}}",
     409, CYCLECLOUD_QUOTA, "OperationNotAllowed"},
    {"{\"error\":{\"code\":\"OperationNotAllowed\",\"message\":\"the VM is being deleted\"}}", 409,
     CYCLECLOUD_CONFLICT, "OperationNotAllowed"},
    {"{\"error\":{\"code\":\"SubnetIsFull\",\"message\":\"m\"}}", 400, CYCLECLOUD_QUOTA,
     "SubnetIsFull"},
    {"{\"error\":{\"code\":\"Conflict\",\"message\":\"m\"}}", 409, CYCLECLOUD_CONFLICT, "Conflict"},
    {"{\"error\":{\"code\":\"OperationPreempted\",\"message\":\"m\"}}", 0, CYCLECLOUD_CONFLICT,
     "OperationPreempted"},
    {"{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"m\"}}", 404, CYCLECLOUD_GONE,
     "ResourceNotFound"},
    {"{\"error\":{\"code\":\"InvalidParameter\",\"message\":\"m\"}}", 400, CYCLECLOUD_INVALID,
     "InvalidParameter"},
    {"{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"m\"}}", 403, CYCLECLOUD_AUTH,
     "AuthorizationFailed"},
    {"{\"error\":{\"code\":\"RequestDisallowedByPolicy\",\"message\":\"m\"}}", 403,
     CYCLECLOUD_INVALID, "RequestDisallowedByPolicy"},
    {"{\"error\":{\"code\":\"InternalServerError\",\"message\":\"m\"}}", 500, CYCLECLOUD_TRANSPORT,
     "InternalServerError"},
    /* The true code may be nested, or in a text; the innermost known one decides. */
    {"{\"error\":{\"code\":\"DeploymentFailed\",\"message\":\"m\",\"details\":[{\"code\":"
     "\"Conflict\",\"message\":\"m\",\"details\":[{\"code\":\"SkuNotAvailable\",\"message\":"
     "\"inner\"}]}]}}",
     409, CYCLECLOUD_CAPACITY, "SkuNotAvailable"},
    {"{\"error\":{\"code\":\"BadRequest\",\"message\":\"failed: Code=\\\"AllocationFailed\\\" "
     "Message=\\\"x\\\"\"}}",
     400, CYCLECLOUD_CAPACITY, "AllocationFailed"},
    {"{\"error\":{\"code\":\"X\",\"message\":\"m\",\"innererror\":{\"code\":\"AllocationFailed\"}}"
     "}",
     409, CYCLECLOUD_CAPACITY, "AllocationFailed"},
    /* Unknown codes and bodies: the status decides. */
    {"{\"error\":{\"code\":\"Novelty\",\"message\":\"m\"}}", 400, CYCLECLOUD_INVALID, "Novelty"},
    {"{\"error\":{\"code\":\"Novelty\",\"message\":\"m\"}}", 409, CYCLECLOUD_CONFLICT, "Novelty"},
    {"{\"error\":{\"code\":\"Novelty\",\"message\":\"m\"}}", 0, CYCLECLOUD_TRANSPORT, "Novelty"},
    {"{\"error\":\"text\"}", 401, CYCLECLOUD_AUTH, ""},
    {"[]", 404, CYCLECLOUD_GONE, ""},
    {NULL, 502, CYCLECLOUD_TRANSPORT, ""},
    {NULL, 412, CYCLECLOUD_CONFLICT, ""},
    {NULL, 429, CYCLECLOUD_THROTTLED, ""},
};

static void every_error_has_its_class(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(error_cases); i++) {
        const struct error_case *c = &error_cases[i];
        json_t *root = c->body ? json_loads(c->body, 0, NULL) : NULL;
        struct arena arena = {0};
        struct fault f;
        assert_true(!c->body || root);
        assert_int_equal(fault_read(root, c->status, &arena, &f), 0);
        if (f.result != c->expected)
            print_error("case %zu\n", i);
        assert_int_equal(f.result, c->expected);
        assert_string_equal(f.code, c->code);
        json_decref(root);
        arena_done(&arena);
    }
}

static void quotas_are_read_from_the_text(void **state) {
    (void)state;
    static const char numbers[] = "Additional details - Deployment Model: Resource Manager, "
                                  "Location: eastus, Current Limit: 10, Current Usage: 8, "
                                  "Additional Required: 120, (Minimum) New Limit Required: 128.";
    static const struct {
        const char *subject, *name;
    } rows[] = {{"standardHBv3Family Cores", "standardHBv3Family"},
                {"standardHBv3Family Family Cores", "standardHBv3Family"},
                {"Total Regional Cores", "cores"},
                {"LowPriorityCores", "lowPriorityCores"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena arena = {0};
        struct cyclecloud_quota_error q;
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "Operation could not be completed as it results in exceeding approved %s "
                       "quota. %s",
                       rows[i].subject, numbers);
        assert_true(fault_quota(text, &arena, &q));
        assert_string_equal(q.name, rows[i].name);
        assert_int_equal(q.limit, 10);
        assert_int_equal(q.used, 8);
        assert_int_equal(q.required, 120);
        arena_done(&arena);
    }
    struct arena arena = {0};
    struct cyclecloud_quota_error q;
    assert_true(fault_quota("exceeding approved x Cores quota. No numbers.", &arena, &q));
    assert_string_equal(q.name, "");
    assert_false(fault_quota("exceeding approved", &arena, &q));
    assert_false(fault_quota("quota exceeding approved", &arena, &q));
    arena_done(&arena);
}

/* Long lists */

struct seen {
    size_t n;
    char text[256];
    int refuse;
};

static int on_item(void *arg, const json_t *item) {
    struct seen *s = arg;
    char *dump = json_dumps(item, JSON_COMPACT | JSON_ENCODE_ANY);
    size_t len = strlen(s->text);
    (void)snprintf(s->text + len, sizeof(s->text) - len, "%s;", dump);
    free(dump);
    s->n++;
    return s->refuse;
}

static int feed(const char *text, size_t cut, struct seen *seen, json_t **ret) {
    struct items it;
    items_init(&it, "value", on_item, seen);
    int r = items_feed(&it, text, cut);
    if (r == 0)
        r = items_feed(&it, text + cut, strlen(text) - cut);
    if (r == 0)
        r = items_finish(&it, ret);
    items_done(&it);
    return r;
}

static void a_list_is_read_wherever_it_is_cut(void **state) {
    (void)state;
    static const char text[] = "{ \"a\" : {\"value\":[1]}, \"value\" : [ {\"x\":\"],}\\\"\"} , "
                               "[1,{}],7,\"s\\\\\", null ] ,\r\n\"nextLink\":\"value\"}";
    for (size_t cut = 0; cut < sizeof(text); cut++) {
        struct seen seen = {0};
        json_t *rest = NULL;
        assert_int_equal(feed(text, cut, &seen, &rest), 0);
        assert_int_equal(seen.n, 5);
        assert_string_equal(seen.text, "{\"x\":\"],}\\\"\"};[1,{}];7;\"s\\\\\";null;");
        assert_string_equal(json_string_value(json_object_get(rest, "nextLink")), "value");
        assert_int_equal(json_array_size(json_object_get(rest, "value")), 0);
        json_decref(rest);
    }
}

static void what_is_no_list_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",    "[]",     "{\"value\":[",   "{\"value\":[{]}", "{\"value\":[tru]}", "{\"value\":[]",
        "{}}", "<html>", "{\"value\":[]}{"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct seen seen = {0};
        json_t *rest = NULL;
        assert_int_equal(feed(bad[i], 0, &seen, &rest), -EBADMSG);
    }
    struct seen seen = {.refuse = -E2BIG};
    json_t *rest = NULL;
    assert_int_equal(feed("{\"value\":[1,2]}", 3, &seen, &rest), -E2BIG);
    assert_int_equal(seen.n, 1);
}

static void an_item_has_a_bound(void **state) {
    (void)state;
    struct seen seen = {0};
    struct items it;
    items_init(&it, "value", on_item, &seen);
    _cleanup_free_ char *filler = malloc(ITEM_MAX + 1);
    assert_non_null(filler);
    memset(filler, 'x', ITEM_MAX + 1);
    assert_int_equal(items_feed(&it, "{\"value\":[\"", 11), 0);
    assert_int_equal(items_feed(&it, filler, ITEM_MAX + 1), -E2BIG);
    items_done(&it);
}

static int on_size(void *arg, const json_t *item) {
    return results_add_size(arg, item);
}

/* A catalogue as large as the unfiltered one, in the memory of one item. */
static void a_huge_list_needs_little_memory(void **state) {
    (void)state;
    static const char item[] =
        "{\"resourceType\":\"virtualMachines\",\"name\":\"Standard_D2_v%d\",\"family\":\"f\","
        "\"locations\":[\"%s\"],\"locationInfo\":[],\"capabilities\":[{\"name\":\"vCPUs\","
        "\"value\":\"2\"}],\"restrictions\":[]},";
    struct results results = {.region = "eastus"};
    struct items it;
    items_init(&it, "value", on_size, &results);
    assert_int_equal(items_feed(&it, "{\"value\":[", 10), 0);
    size_t fed = 0;
    for (int i = 0; i < 100000; i++) {
        char text[512];
        int n = snprintf(text, sizeof(text), item, i, i % 1000 == 0 ? "East US" : "westus");
        assert_int_equal(items_feed(&it, text, (size_t)n), 0);
        assert_true(it.item.cap + it.rest.cap < 4096);
        fed += (size_t)n;
    }
    assert_true(fed > 15 * 1000 * 1000);
    assert_int_equal(results.sizes.len, 100);
    items_done(&it);
    results_clear(&results);
}

/* Items */

static json_t *load(const char *text) {
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    return root;
}

static void a_size_is_understood(void **state) {
    (void)state;
    json_t *sku = load(
        "{\"resourceType\":\"virtualMachines\",\"name\":\"Standard_HB120-16rs_v3\",\"family\":"
        "\"standardHBv3Family\",\"locations\":[\"eastus\"],\"locationInfo\":[{\"location\":"
        "\"eastus\",\"zones\":[\"1\",\"2\",\"3\"]}],\"capabilities\":[{\"name\":\"vCPUs\",\"value\""
        ":\"120\"},{\"name\":\"vCPUsAvailable\",\"value\":\"16\"},{\"name\":\"MemoryGB\",\"value\":"
        "\"3.5\"},{\"name\":\"vCPUsPerCore\",\"value\":\"1\"},{\"name\":\"RdmaEnabled\",\"value\":"
        "\"True\"},{\"name\":\"GPUs\",\"value\":\"8\"}"
        ",{\"name\":\"LowPriorityCapable\",\"value\":\"False\"},{\"name\":\"MaxNetworkInterfaces\","
        "\"value\":\"8\"}],\"restrictions\":[{\"type\":\"Zone\",\"values\":[\"eastus\"],"
        "\"restrictionInfo\":{\"locations\":[\"eastus\"],\"zones\":[\"2\"]},\"reasonCode\":"
        "\"NotAvailableForSubscription\"},{\"type\":\"Location\",\"values\":[\"eastus\"],"
        "\"reasonCode\":\"QuotaId\"}]}");
    struct results r = {.region = "East US"};
    assert_int_equal(results_add_size(&r, sku), 0);
    const struct cyclecloud_size *s = r.sizes.items;
    assert_string_equal(s->name, "Standard_HB120-16rs_v3");
    assert_int_equal(s->vcpus, 16);
    assert_int_equal(s->quota_vcpus, 120);
    assert_int_equal(s->vcpus_per_core, 1);
    assert_int_equal(s->memory_mb, 3584);
    assert_int_equal(s->gpus, 8);
    assert_int_equal(s->max_nics, 8);
    assert_true(s->rdma && !s->spot && !s->premium_disk);
    assert_true(s->restricted);
    assert_string_equal(s->restriction_reason, "QuotaId");
    assert_string_equal(s->zones[0], "1");
    assert_string_equal(s->zones[1], "3");
    assert_null(s->zones[2]);
    json_object_set_new(sku, "resourceType", json_string("disks"));
    assert_int_equal(results_add_size(&r, sku), 0);
    assert_int_equal(r.sizes.len, 1);
    json_decref(sku);
    results_clear(&r);
}

static void an_instance_is_understood(void **state) {
    (void)state;
    json_t *item =
        load("{\"id\":\"/subscriptions/s/resourcegroups/RG/providers/Microsoft.Compute/"
             "virtualMachineScaleSets/ib/virtualMachines/12\",\"name\":\"ib_12\",\"instanceId\":"
             "\"12\",\"location\":\"eastus\",\"zones\":[\"2\"],\"tags\":{\"a\":\"b\",\"c\":\"\"},"
             "\"sku\":{\"name\":\"Standard_HB\"},\"properties\":{\"vmId\":\"u\","
             "\"provisioningState\":\"Failed\",\"osProfile\":{\"computerName\":\"ib-00000c\"},"
             "\"instanceView\":{\"placementGroupId\":\"p\",\"statuses\":[{\"code\":"
             "\"ProvisioningState/failed/AllocationFailed\",\"message\":\"none left\"},{\"code\":"
             "\"PowerState/running\"}]}}}");
    struct results r = {0};
    assert_int_equal(results_add_instance(&r, item), 0);
    const struct cyclecloud_instance *v = r.instances.items;
    assert_string_equal(v->group, "RG");
    assert_string_equal(v->set_name, "ib");
    assert_string_equal(v->instance_id, "12");
    assert_string_equal(v->machine_type, "Standard_HB");
    assert_string_equal(v->zone, "2");
    assert_string_equal(v->computer_name, "ib-00000c");
    assert_string_equal(v->power_state, "running");
    assert_string_equal(v->error_code, "AllocationFailed");
    assert_string_equal(v->error_message, "none left");
    assert_string_equal(v->placement_group, "p");
    assert_int_equal(v->n_tags, 2);
    assert_string_equal(v->tags[0].name, "a");
    assert_string_equal(v->tags[0].value, "b");
    json_decref(item);
    results_clear(&r);
}

static void members_of_sets_are_told_from_lone_machines(void **state) {
    (void)state;
    json_t *vm = load("{\"id\":\"/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/"
                      "virtualMachines/v\",\"name\":\"v\",\"properties\":{\"hardwareProfile\":{"
                      "\"vmSize\":\"S\"},\"virtualMachineScaleSet\":{\"id\":\"/subscriptions/s/"
                      "resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/flex\""
                      "}}}");
    struct results r = {0};
    assert_int_equal(results_add_lone_vm(&r, vm), 0);
    assert_int_equal(r.instances.len, 0);
    assert_int_equal(results_add_vm(&r, vm), 0);
    assert_string_equal(r.instances.items[0].set_name, "flex");
    assert_string_equal(r.instances.items[0].instance_id, "v");
    json_object_del(json_object_get(vm, "properties"), "virtualMachineScaleSet");
    assert_int_equal(results_add_lone_vm(&r, vm), 0);
    assert_string_equal(r.instances.items[1].set_name, "");
    assert_string_equal(r.instances.items[1].instance_id, "");
    assert_string_equal(r.instances.items[1].machine_type, "S");
    assert_string_equal(r.instances.items[1].power_state, "");
    json_decref(vm);
    results_clear(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_class),
        cmocka_unit_test(quotas_are_read_from_the_text),
        cmocka_unit_test(a_list_is_read_wherever_it_is_cut),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(an_item_has_a_bound),
        cmocka_unit_test(a_huge_list_needs_little_memory),
        cmocka_unit_test(a_size_is_understood),
        cmocka_unit_test(an_instance_is_understood),
        cmocka_unit_test(members_of_sets_are_told_from_lone_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
