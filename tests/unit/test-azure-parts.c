/* SPDX-License-Identifier: MIT */
#include "azure/arena.h"
#include "azure/body.h"
#include "azure/fault.h"
#include "azure/items.h"
#include "azure/results.h"

#include "base/cleanup.h"
#include "crypto/crypto.h"

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
        "\"3.5\"},{\"name\":\"RdmaEnabled\",\"value\":\"True\"},{\"name\":\"GPUs\",\"value\":\"8\"}"
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

/* Bodies */

static const char *at(const json_t *v, const char *path) {
    char copy[256];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    char *save = NULL;
    for (char *p = strtok_r(copy, "/", &save); p && v; p = strtok_r(NULL, "/", &save))
        v = json_is_array(v) ? json_array_get(v, (size_t)atoi(p)) : json_object_get(v, p);
    static char text[4][512];
    static unsigned turn;
    char *slot = text[turn++ % 4];
    char *dump = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
    (void)snprintf(slot, sizeof(text[0]), "%s", dump ? dump : "-");
    free(dump);
    return slot;
}

static const char *const zones[] = {"1", NULL};
static const char *const identities[] = {"/id/1", NULL};
static const struct cyclecloud_tag tags[] = {{"ClusterId", "c1"}, {"empty", NULL}};
static const struct cyclecloud_disk disks[] = {
    {.lun = 0, .size_gb = 64, .storage_type = "Premium_LRS"},
    {.lun = 3, .size_gb = 128, .storage_type = "StandardSSD_LRS", .caching = "None", .keep = true}};

static struct cyclecloud_vm_spec full_spec(void) {
    return (struct cyclecloud_vm_spec){.region = "eastus",
                                       .machine_type = "Standard_D4s_v5",
                                       .image_publisher = "p",
                                       .image_offer = "o",
                                       .image_sku = "s",
                                       .plan_name = "plan",
                                       .plan_publisher = "pp",
                                       .plan_product = "pr",
                                       .subnet_id = "/subnet",
                                       .security_group_id = "/nsg",
                                       .computer_name = "host",
                                       .admin_username = "admin",
                                       .ssh_public_key = "ssh-ed25519 A",
                                       .custom_data = "#cloud-config\n",
                                       .user_data = "u",
                                       .proximity_placement_group_id = "/ppg",
                                       .security_type = "TrustedLaunch",
                                       .public_dns_label = "label",
                                       .zones = zones,
                                       .identity_ids = identities,
                                       .tags = tags,
                                       .n_tags = 2,
                                       .disks = disks,
                                       .n_disks = 2,
                                       .os_disk_gb = 100,
                                       .os_disk_type = "Premium_LRS",
                                       .terminate_notice_s = 301,
                                       .max_price = -1,
                                       .accelerated_networking = true,
                                       .public_ip = true,
                                       .ip_forwarding = true,
                                       .encryption_at_host = true,
                                       .secure_boot = true,
                                       .vtpm = true};
}

struct expectation {
    const char *path, *value;
};

static void expect_all(const json_t *body, const struct expectation *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *got = at(body, rows[i].path);
        if (strcmp(got, rows[i].value) != 0)
            print_error("%s\n", rows[i].path);
        assert_string_equal(got, rows[i].value);
    }
}

#define NIC "properties/networkProfile/networkInterfaceConfigurations/0/properties/"
#define PIP NIC "ipConfigurations/0/properties/publicIPAddressConfiguration/"

static void a_machine_is_described_whole(void **state) {
    (void)state;
    struct cyclecloud_vm_spec spec = full_spec();
    struct cyclecloud_request q = {
        .call = CYCLECLOUD_CALL_CREATE_VM, .group = "g", .name = "n1", .spec = &spec};
    json_t *body = NULL;
    assert_int_equal(body_vm(&q, &body), 0);
    static const struct expectation rows[] = {
        {"location", "\"eastus\""},
        {"tags", "{\"ClusterId\":\"c1\",\"empty\":\"\"}"},
        {"zones", "[\"1\"]"},
        {"identity", "{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"/id/1\":{}}}"},
        {"plan", "{\"name\":\"plan\",\"product\":\"pr\",\"publisher\":\"pp\"}"},
        {"properties/hardwareProfile/vmSize", "\"Standard_D4s_v5\""},
        {"properties/storageProfile/imageReference",
         "{\"offer\":\"o\",\"publisher\":\"p\",\"sku\":\"s\",\"version\":\"latest\"}"},
        {"properties/storageProfile/osDisk",
         "{\"caching\":\"ReadWrite\",\"createOption\":\"FromImage\",\"deleteOption\":\"Delete\","
         "\"diskSizeGB\":100,\"managedDisk\":{\"storageAccountType\":\"Premium_LRS\"}}"},
        {"properties/storageProfile/dataDisks/0",
         "{\"caching\":\"ReadOnly\",\"createOption\":\"Empty\",\"deleteOption\":\"Delete\","
         "\"diskSizeGB\":64,\"lun\":0,\"managedDisk\":{\"storageAccountType\":\"Premium_LRS\"}}"},
        {"properties/storageProfile/dataDisks/1/deleteOption", "\"Detach\""},
        {"properties/storageProfile/dataDisks/1/caching", "\"None\""},
        {"properties/osProfile/computerName", "\"host\""},
        {"properties/osProfile/customData", "\"I2Nsb3VkLWNvbmZpZwo=\""},
        {"properties/osProfile/linuxConfiguration/ssh/publicKeys/0",
         "{\"keyData\":\"ssh-ed25519 A\",\"path\":\"/home/admin/.ssh/authorized_keys\"}"},
        {"properties/userData", "\"dQ==\""},
        {"properties/networkProfile/networkApiVersion", "\"2020-11-01\""},
        {NIC "deleteOption", "\"Delete\""},
        {NIC "enableAcceleratedNetworking", "true"},
        {NIC "enableIPForwarding", "true"},
        {NIC "networkSecurityGroup", "{\"id\":\"/nsg\"}"},
        {NIC "ipConfigurations/0/properties/subnet", "{\"id\":\"/subnet\"}"},
        {PIP "properties/deleteOption", "\"Delete\""},
        {PIP "properties/dnsSettings/domainNameLabel", "\"label\""},
        {PIP "sku/name", "\"Standard\""},
        {"properties/securityProfile",
         "{\"encryptionAtHost\":true,\"securityType\":\"TrustedLaunch\",\"uefiSettings\":{"
         "\"secureBootEnabled\":true,\"vTpmEnabled\":true}}"},
        {"properties/priority", "\"Regular\""},
        {"properties/evictionPolicy", "-"},
        {"properties/billingProfile", "-"},
        {"properties/proximityPlacementGroup", "{\"id\":\"/ppg\"}"},
        {"properties/scheduledEventsProfile/terminateNotificationProfile/notBeforeTimeout",
         "\"PT6M\""},
        {"sku", "-"},
    };
    expect_all(body, rows, ARRAY_SIZE(rows));
    json_decref(body);
}

static void a_set_is_described_whole(void **state) {
    (void)state;
    struct cyclecloud_vm_spec spec = full_spec();
    spec.spot = true;
    spec.ephemeral_os_disk = true;
    spec.single_placement_group = true;
    spec.image_id = "/image";
    spec.plan_name = NULL;
    spec.zones = NULL;
    struct cyclecloud_request q = {.call = CYCLECLOUD_CALL_CREATE_SET,
                                   .group = "g",
                                   .name = "s1",
                                   .spec = &spec,
                                   .capacity = 100};
    json_t *body = NULL;
    assert_int_equal(body_set(&q, &body), 0);
#define PROFILE "properties/virtualMachineProfile/"
    static const struct expectation rows[] = {
        {"sku", "{\"capacity\":100,\"name\":\"Standard_D4s_v5\",\"tier\":\"Standard\"}"},
        {"zones", "-"},
        {"plan", "-"},
        {"properties/orchestrationMode", "\"Uniform\""},
        {"properties/singlePlacementGroup", "true"},
        {"properties/overprovision", "false"},
        {"properties/upgradePolicy/mode", "\"Manual\""},
        {"properties/proximityPlacementGroup", "{\"id\":\"/ppg\"}"},
        {PROFILE "priority", "\"Spot\""},
        {PROFILE "evictionPolicy", "\"Delete\""},
        {PROFILE "billingProfile", "{\"maxPrice\":-1}"},
        {PROFILE "scheduledEventsProfile", "-"}, /* not with spot */
        {PROFILE "storageProfile/imageReference", "{\"id\":\"/image\"}"},
        {PROFILE "storageProfile/osDisk",
         "{\"caching\":\"ReadOnly\",\"createOption\":\"FromImage\",\"diffDiskSettings\":{"
         "\"option\":\"Local\"},\"diskSizeGB\":100}"},
        {PROFILE "storageProfile/dataDisks/1/deleteOption", "-"},
        {PROFILE "osProfile/computerNamePrefix", "\"host\""},
        {PROFILE "osProfile/computerName", "-"},
        {PROFILE "networkProfile/networkApiVersion", "-"},
        {PROFILE "userData", "\"dQ==\""},
        {PROFILE "hardwareProfile", "-"},
    };
    expect_all(body, rows, ARRAY_SIZE(rows));
    json_decref(body);
    spec.max_price = 0.25;
    assert_int_equal(body_set(&q, &body), 0);
    assert_string_equal(at(body, PROFILE "billingProfile/maxPrice"), "0.25");
    json_decref(body);
}

static void the_same_wish_makes_the_same_body(void **state) {
    (void)state;
    struct cyclecloud_vm_spec spec = full_spec();
    struct cyclecloud_request q = {.group = "g", .name = "s1", .spec = &spec, .capacity = 7};
    json_t *a = NULL, *b = NULL;
    assert_int_equal(body_set(&q, &a), 0);
    assert_int_equal(body_set(&q, &b), 0);
    char *ta = json_dumps(a, JSON_COMPACT), *tb = json_dumps(b, JSON_COMPACT);
    assert_string_equal(ta, tb);
    free(ta);
    free(tb);
    json_decref(a);
    json_decref(b);
}

static void too_much_custom_data_is_refused(void **state) {
    (void)state;
    struct cyclecloud_vm_spec spec = full_spec();
    struct cyclecloud_request q = {.group = "g", .name = "n", .spec = &spec};
    _cleanup_free_ char *data = malloc(200001);
    assert_non_null(data);
    memset(data, 'x', 200000);
    data[200000] = '\0';
    spec.custom_data = data;
    json_t *body = NULL;
    assert_int_equal(body_vm(&q, &body), -E2BIG);
    assert_null(body);
}

static void a_query_cannot_be_broken_out_of(void **state) {
    (void)state;
    struct body_sweep_page page = {.table = BODY_SWEEP_INSTANCES,
                                   .subscription = "sub",
                                   .tag_name = "a'b",
                                   .tag_value = "x\\' or 1==1",
                                   .skip_token = "t"};
    json_t *body = NULL;
    assert_int_equal(body_sweep(&page, &body), 0);
    const char *query = json_string_value(json_object_get(body, "query"));
    assert_non_null(strstr(query, "tags['a\\'b'] == 'x\\\\\\' or 1==1' |"));
    assert_int_equal(strncmp(query, "ComputeResources | where ", 25), 0);
    assert_string_equal(at(body, "options/$skipToken"), "\"t\"");
    assert_string_equal(at(body, "options/$top"), "1000");
    json_decref(body);
}

static void openings_become_rules(void **state) {
    (void)state;
    static const struct cyclecloud_endpoint endpoints[] = {{"ssh", "Tcp", 22}, {"dns", "Udp", 53}};
    struct cyclecloud_request q = {
        .region = "eastus", .name = "nsg", .endpoints = endpoints, .n_endpoints = 2};
    json_t *body = NULL;
    assert_int_equal(body_security_group(&q, &body), 0);
    static const struct expectation rows[] = {
        {"location", "\"eastus\""},
        {"properties/securityRules/0/name", "\"ssh\""},
        {"properties/securityRules/0/properties/destinationPortRange", "\"22\""},
        {"properties/securityRules/0/properties/priority", "1000"},
        {"properties/securityRules/1/properties/protocol", "\"Udp\""},
        {"properties/securityRules/1/properties/priority", "1010"},
    };
    expect_all(body, rows, ARRAY_SIZE(rows));
    json_decref(body);
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
        cmocka_unit_test(a_machine_is_described_whole),
        cmocka_unit_test(a_set_is_described_whole),
        cmocka_unit_test(the_same_wish_makes_the_same_body),
        cmocka_unit_test(too_much_custom_data_is_refused),
        cmocka_unit_test(a_query_cannot_be_broken_out_of),
        cmocka_unit_test(openings_become_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
