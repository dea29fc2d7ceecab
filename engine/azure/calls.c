/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include "body.h"
#include "maker.h"
#include "net/http.h"

#include <string.h>

/* Refill a minute and size of the bucket: "Throttling limits" of Azure Compute. */
const struct policy_row policy_rows[POLICY_MAX] = {
    [POLICY_NONE] = {.name = ""},
    [POLICY_PUT_VM] = {"PutVM", 4, 12, 500, 1500},
    [POLICY_UPDATE_VM] = {"UpdateVM", 4, 12, 500, 1500},
    [POLICY_DELETE_VM] = {"DeleteVM", 4, 12, 500, 1500},
    [POLICY_GET_VM] = {"LowCostGetVM", 12, 36, 8000, 24000},
    [POLICY_LIST_VMS] = {"HighCostGetVM", 0, 0, 300, 900},
    [POLICY_GET_OPERATION] = {"GetOperation", 15, 45, 5000, 15000},
    [POLICY_PUT_SET] = {"PutVMScaleSet", 4, 12, 125, 375},
    [POLICY_UPDATE_SET] = {"UpdateVMScaleSet", 4, 12, 500, 1500},
    [POLICY_DELETE_SET] = {"DeleteVMScaleSet", 4, 12, 175, 525},
    [POLICY_GET_SET] = {"LowCostGetVMScaleSet", 12, 36, 800, 2400},
    [POLICY_LIST_SETS] = {"HighCostGetVMScaleSet", 0, 0, 360, 1080},
    [POLICY_UPDATE_INSTANCES] = {"UpdateVMScaleSetVM", 4, 12, 500, 1500},
    [POLICY_DELETE_INSTANCES] = {"DeleteVMScaleSetVM", 4, 12, 500, 1500},
    [POLICY_LIST_INSTANCES] = {"ListVMScaleSetVMs", 0, 0, 2000, 6000},
    [POLICY_GRAPH] = {"ResourceGraph", 0, 0, 180, 15},
    [POLICY_READ_CONSOLE] = {"RetrieveBootDiagnosticsData", 0, 0, 500, 1500},
};

enum {
    NEED_REGION = 1 << 0,
    NEED_GROUP = 1 << 1,
    NEED_NAME = 1 << 2,
    NEED_MACHINE = 1 << 3, /* spec with all that makes a VM */
    NEED_TYPE = 1 << 4,    /* spec.machine_type */
    NEED_SUBNET = 1 << 5,
    NEED_IDS = 1 << 6,
    NEED_URL = 1 << 7,
    NEED_TAG = 1 << 8,
    NEED_ENDPOINTS = 1 << 9, /* those that are given are whole */
    NEED_DISK = 1 << 10,     /* disk.size_gb */
};

#define GROUP "/subscriptions/{s}/resourceGroups/{g}"
#define COMPUTE GROUP "/providers/Microsoft.Compute"
#define VM COMPUTE "/virtualMachines/{n}"
#define SET COMPUTE "/virtualMachineScaleSets/{n}"
#define DISK COMPUTE "/disks/{n}"
#define V_DISK "api-version=2023-10-02"
#define V_COMPUTE "api-version=2024-03-01"
/* The addresses that it answers are as good as a password, and used at once. */
#define V_CONSOLE V_COMPUTE "&sasUriExpirationTimeInMinutes=5"

static const struct call_row rows[CYCLECLOUD_CALL_MAX] = {
    [CYCLECLOUD_CALL_LIST_SIZES] = {"GET",
                                    "/subscriptions/{s}/providers/Microsoft.Compute/skus"
                                    "?api-version=2021-07-01&$filter=location%20eq%20'{r}'"
                                    "&includeExtendedLocations=false",
                                    NEED_REGION, POLICY_NONE, true, "value", results_add_size,
                                    NULL},
    [CYCLECLOUD_CALL_LIST_QUOTAS] = {"GET",
                                     "/subscriptions/{s}/providers/Microsoft.Compute/locations/{r}"
                                     "/usages?" V_COMPUTE,
                                     NEED_REGION, POLICY_NONE, true, "value", results_add_quota,
                                     NULL},
    [CYCLECLOUD_CALL_GET_SUBNET] = {"GET", "{u}?api-version=2024-01-01", NEED_SUBNET, POLICY_NONE,
                                    true, NULL, results_add_subnet, NULL},
    [CYCLECLOUD_CALL_ENSURE_GROUP] = {"PUT", GROUP "?api-version=2024-03-01",
                                      NEED_GROUP | NEED_REGION, POLICY_NONE, false, NULL, NULL,
                                      body_group},
    [CYCLECLOUD_CALL_DELETE_GROUP] = {"DELETE",
                                      GROUP "?api-version=2024-03-01&forceDeletionTypes="
                                            "Microsoft.Compute/virtualMachines,"
                                            "Microsoft.Compute/virtualMachineScaleSets",
                                      NEED_GROUP, POLICY_NONE, false, NULL, NULL, NULL},
    [CYCLECLOUD_CALL_ENSURE_SECURITY_GROUP] =
        {"PUT",
         GROUP "/providers/Microsoft.Network/networkSecurityGroups/{n}?api-version=2024-01-01",
         NEED_GROUP | NEED_NAME | NEED_REGION | NEED_ENDPOINTS, POLICY_NONE, false, NULL, NULL,
         body_security_group},
    [CYCLECLOUD_CALL_CREATE_VM] = {"PUT", VM "?" V_COMPUTE,
                                   NEED_GROUP | NEED_NAME | NEED_REGION | NEED_MACHINE,
                                   POLICY_PUT_VM, false, NULL, NULL, body_vm, .creates = true},
    [CYCLECLOUD_CALL_DELETE_VM] = {"DELETE", VM "?" V_COMPUTE "&forceDeletion=true",
                                   NEED_GROUP | NEED_NAME, POLICY_DELETE_VM, false, NULL, NULL,
                                   NULL},
    [CYCLECLOUD_CALL_START_VM] = {"POST", VM "/start?" V_COMPUTE, NEED_GROUP | NEED_NAME,
                                  POLICY_UPDATE_VM, false, NULL, NULL, NULL},
    [CYCLECLOUD_CALL_DEALLOCATE_VM] = {"POST", VM "/deallocate?" V_COMPUTE, NEED_GROUP | NEED_NAME,
                                       POLICY_DELETE_VM, false, NULL, NULL, NULL},
    [CYCLECLOUD_CALL_GET_VM] = {"GET", VM "?" V_COMPUTE "&$expand=instanceView",
                                NEED_GROUP | NEED_NAME, POLICY_GET_VM, true, NULL, results_add_vm,
                                NULL},
    [CYCLECLOUD_CALL_CREATE_SET] = {"PUT", SET "?" V_COMPUTE,
                                    NEED_GROUP | NEED_NAME | NEED_REGION | NEED_MACHINE,
                                    POLICY_PUT_SET, false, NULL, NULL, body_set, .creates = true},
    [CYCLECLOUD_CALL_RESIZE_SET] = {"PATCH", SET "?" V_COMPUTE, NEED_GROUP | NEED_NAME | NEED_TYPE,
                                    POLICY_UPDATE_SET, false, NULL, NULL, body_resize},
    [CYCLECLOUD_CALL_GET_SET] = {"GET", SET "?" V_COMPUTE, NEED_GROUP | NEED_NAME, POLICY_GET_SET,
                                 true, NULL, results_add_set, NULL},
    [CYCLECLOUD_CALL_DELETE_SET] = {"DELETE", SET "?" V_COMPUTE "&forceDeletion=true",
                                    NEED_GROUP | NEED_NAME, POLICY_DELETE_SET, false, NULL, NULL,
                                    NULL},
    [CYCLECLOUD_CALL_DELETE_INSTANCES] = {"POST", SET "/delete?" V_COMPUTE "&forceDeletion=true",
                                          NEED_GROUP | NEED_NAME | NEED_IDS,
                                          POLICY_DELETE_INSTANCES, false, NULL, NULL,
                                          body_instance_ids},
    [CYCLECLOUD_CALL_START_INSTANCES] = {"POST", SET "/start?" V_COMPUTE,
                                         NEED_GROUP | NEED_NAME | NEED_IDS, POLICY_UPDATE_SET,
                                         false, NULL, NULL, body_instance_ids},
    [CYCLECLOUD_CALL_DEALLOCATE_INSTANCES] = {"POST", SET "/deallocate?" V_COMPUTE,
                                              NEED_GROUP | NEED_NAME | NEED_IDS, POLICY_DELETE_SET,
                                              false, NULL, NULL, body_instance_ids},
    [CYCLECLOUD_CALL_LIST_VMS] = {"GET",
                                  COMPUTE "/virtualMachines?" V_COMPUTE "&$expand=instanceView",
                                  NEED_GROUP, POLICY_LIST_VMS, true, "value", results_add_lone_vm,
                                  NULL},
    [CYCLECLOUD_CALL_LIST_SETS] = {"GET", COMPUTE "/virtualMachineScaleSets?" V_COMPUTE, NEED_GROUP,
                                   POLICY_LIST_SETS, true, "value", results_add_set, NULL},
    [CYCLECLOUD_CALL_LIST_INSTANCES] = {"GET",
                                        SET "/virtualMachines?" V_COMPUTE "&$expand=instanceView",
                                        NEED_GROUP | NEED_NAME, POLICY_LIST_INSTANCES, true,
                                        "value", results_add_instance, NULL},
    [CYCLECLOUD_CALL_SWEEP] =
        {"POST", "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01", NEED_TAG,
         POLICY_GRAPH, true, "data", results_add_row, NULL},
    [CYCLECLOUD_CALL_LIST_PRICES] = {"GET",
                                     "/api/retail/prices?$filter=serviceName%20eq%20'Virtual%20"
                                     "Machines'%20and%20armRegionName%20eq%20'{r}'%20and%20"
                                     "priceType%20eq%20'Consumption'",
                                     NEED_REGION, POLICY_NONE, true, "Items", results_add_price,
                                     NULL, true},
    [CYCLECLOUD_CALL_READ_CONSOLE] = {"POST", VM "/retrieveBootDiagnosticsData?" V_CONSOLE,
                                      NEED_GROUP | NEED_NAME, POLICY_READ_CONSOLE, true, NULL,
                                      results_add_console, NULL},
    [CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE] =
        {"POST", SET "/virtualMachines/{i}/retrieveBootDiagnosticsData?" V_CONSOLE,
         NEED_GROUP | NEED_NAME | NEED_IDS, POLICY_READ_CONSOLE, true, NULL, results_add_console,
         NULL},
    [CYCLECLOUD_CALL_CREATE_DISK] = {"PUT", DISK "?" V_DISK,
                                     NEED_GROUP | NEED_NAME | NEED_REGION | NEED_DISK, POLICY_NONE,
                                     false, NULL, NULL, body_disk},
    [CYCLECLOUD_CALL_RESIZE_DISK] = {"PATCH", DISK "?" V_DISK, NEED_GROUP | NEED_NAME | NEED_DISK,
                                     POLICY_NONE, false, NULL, NULL, body_disk_size},
    [CYCLECLOUD_CALL_DELETE_DISK] = {"DELETE", DISK "?" V_DISK, NEED_GROUP | NEED_NAME, POLICY_NONE,
                                     false, NULL, NULL, NULL},
    [CYCLECLOUD_CALL_POLL] = {"GET", "", NEED_URL, POLICY_GET_OPERATION, true, NULL, NULL, NULL},
};

const struct call_row *call_find(enum cyclecloud_call call) {
    return (unsigned)call < CYCLECLOUD_CALL_MAX ? &rows[call] : NULL;
}

static bool image_given(const struct cyclecloud_vm_spec *s) {
    return maker_given(s->image_id) || (maker_given(s->image_publisher) &&
                                        maker_given(s->image_offer) && maker_given(s->image_sku));
}

static bool tags_whole(const struct cyclecloud_vm_spec *s) {
    for (size_t i = 0; i < s->n_tags; i++)
        if (!maker_given(s->tags[i].name))
            return false;
    return true;
}

static bool machine_whole(const struct cyclecloud_vm_spec *s) {
    return s && maker_given(s->machine_type) && maker_given(s->subnet_id) &&
           maker_given(s->computer_name) && maker_given(s->admin_username) && image_given(s);
}

static bool endpoints_whole(const struct cyclecloud_request *q) {
    for (size_t i = 0; i < q->n_endpoints; i++)
        if (!maker_given(q->endpoints[i].name) || !maker_given(q->endpoints[i].protocol))
            return false;
    return true;
}

bool call_complete(const struct call_row *row, const struct cyclecloud_request *q) {
    const struct cyclecloud_vm_spec *s = q->spec;
    const struct {
        unsigned need;
        bool there;
    } checks[] = {
        {NEED_REGION, maker_given(maker_region(q))},
        {NEED_GROUP, maker_given(q->group)},
        {NEED_NAME, maker_given(q->name)},
        {NEED_MACHINE, machine_whole(s)},
        {NEED_TYPE, s && maker_given(s->machine_type)},
        {NEED_SUBNET, s && maker_given(s->subnet_id) && *s->subnet_id == '/'},
        {NEED_IDS, q->instance_ids && *q->instance_ids},
        {NEED_URL, maker_given(q->operation_url)},
        {NEED_TAG, maker_given(q->tag_name) && q->tag_value},
        {NEED_ENDPOINTS, endpoints_whole(q)},
        {NEED_DISK, q->disk && q->disk->size_gb},
    };
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
        if ((row->needs & checks[i].need) && !checks[i].there)
            return false;
    return !s || tags_whole(s);
}

/* A resource id, its segments encoded. */
static void put_id(struct buf *b, const char *id) {
    while (*id) {
        char segment[256];
        size_t n = strcspn(id, "/");
        if (n >= sizeof(segment)) {
            b->error = -E2BIG;
            return;
        }
        memcpy(segment, id, n);
        segment[n] = '\0';
        (void)http_url_escape(b, segment);
        id += n;
        if (*id == '/') {
            (void)buf_putc(b, '/');
            id++;
        }
    }
}

static const char *value_of(char letter, const struct account *account,
                            const struct cyclecloud_request *q) {
    const struct {
        char letter;
        const char *value;
    } values[] = {
        {'s', account->subscription},
        {'g', q->group},
        {'n', q->name},
        {'r', maker_region(q)},
        {'i', q->instance_ids ? q->instance_ids[0] : ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        if (values[i].letter == letter)
            return values[i].value;
    return "";
}

const char *call_base(const struct call_row *row, const struct account *account) {
    return row->retail ? account->prices : account->resource_manager;
}

int call_url(const struct call_row *row, const struct account *account,
             const struct cyclecloud_request *q, struct buf *b) {
    if (row->needs & NEED_URL)
        return buf_puts(b, q->operation_url);
    (void)buf_puts(b, call_base(row, account));
    for (const char *p = row->path; *p; p++) {
        bool variable = p[0] == '{' && p[1] && p[2] == '}';
        if (!variable) {
            (void)buf_putc(b, *p);
            continue;
        }
        if (p[1] == 'u')
            put_id(b, q->spec->subnet_id);
        else
            (void)http_url_escape(b, value_of(p[1], account, q));
        p += 2;
    }
    return buf_error(b);
}
