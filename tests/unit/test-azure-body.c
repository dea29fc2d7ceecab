/* SPDX-License-Identifier: MIT */
#include "azure/body.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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
    {.lun = 3, .size_gb = 128, .storage_type = "StandardSSD_LRS", .caching = "None"},
    {.lun = 4, .size_gb = 128, .resource_id = "/disk"}};

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
                                       .n_disks = 3,
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
         "{\"caching\":\"None\",\"createOption\":\"Empty\",\"deleteOption\":\"Delete\","
         "\"diskSizeGB\":64,\"lun\":0,\"managedDisk\":{\"storageAccountType\":\"Premium_LRS\"}}"},
        {"properties/storageProfile/dataDisks/1/deleteOption", "\"Delete\""},
        {"properties/storageProfile/dataDisks/1/caching", "\"None\""},
        {"properties/storageProfile/dataDisks/2",
         "{\"createOption\":\"Attach\",\"deleteOption\":\"Detach\",\"lun\":4,\"managedDisk\":{"
         "\"id\":\"/disk\"}}"},
        {"properties/osProfile/computerName", "\"host\""},
        {"properties/osProfile/customData", "\"I2Nsb3VkLWNvbmZpZwo=\""},
        {"properties/osProfile/linuxConfiguration/ssh/publicKeys/0",
         "{\"keyData\":\"ssh-ed25519 A\",\"path\":\"/home/admin/.ssh/authorized_keys\"}"},
        {"properties/userData", "\"dQ==\""},
        {"properties/diagnosticsProfile", "{\"bootDiagnostics\":{\"enabled\":true}}"},
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
        {PROFILE "diagnosticsProfile", "{\"bootDiagnostics\":{\"enabled\":true}}"},
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
        cmocka_unit_test(a_machine_is_described_whole),
        cmocka_unit_test(a_set_is_described_whole),
        cmocka_unit_test(the_same_wish_makes_the_same_body),
        cmocka_unit_test(too_much_custom_data_is_refused),
        cmocka_unit_test(a_query_cannot_be_broken_out_of),
        cmocka_unit_test(openings_become_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
