/* SPDX-License-Identifier: MIT */
#include "results.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void results_clear(struct results *r) {
    const char *region = r->region;
    size_vec_done(&r->sizes);
    quota_vec_done(&r->quotas);
    instance_vec_done(&r->instances);
    set_vec_done(&r->sets);
    price_vec_done(&r->prices);
    arena_done(&r->arena);
    if (r->console_url)
        crypto_wipe(r->console_url, strlen(r->console_url));
    free(r->console_url);
    *r = (struct results){.region = region};
}

struct results_mark results_mark(const struct results *r) {
    return (struct results_mark){.n_sizes = r->sizes.len,
                                 .n_quotas = r->quotas.len,
                                 .n_instances = r->instances.len,
                                 .n_sets = r->sets.len,
                                 .n_prices = r->prices.len};
}

void results_rewind(struct results *r, const struct results_mark *mark) {
    r->sizes.len = mark->n_sizes;
    r->quotas.len = mark->n_quotas;
    r->instances.len = mark->n_instances;
    r->sets.len = mark->n_sets;
    r->prices.len = mark->n_prices;
}

int results_check_size(const struct results *r) {
    return r->arena.bytes > RESULTS_BYTES_MAX ? -E2BIG : 0;
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* "East US" and "eastus" are the same region. */
static bool same_region(const char *a, const char *b) {
    for (;; a++, b++) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if (strncasecmp(a, b, 1) != 0)
            return false;
        if (!*a)
            return true;
    }
}

static bool has_region(const json_t *names, const char *region) {
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && same_region(name, region))
            return true;
    }
    return false;
}

static const char *capability(const json_t *sku, const char *name) {
    const json_t *list = json_object_get(sku, "capabilities");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (strcasecmp(text_of(one, "name"), name) == 0)
            return text_of(one, "value");
    }
    return "";
}

static uint64_t capability_u64(const json_t *sku, const char *name) {
    uint64_t value;
    return parse_u64(capability(sku, name), &value) < 0 ? 0 : value;
}

static uint32_t capability_u32(const json_t *sku, const char *name) {
    uint64_t value = capability_u64(sku, name);
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static bool capability_bool(const json_t *sku, const char *name) {
    return strcasecmp(capability(sku, name), "True") == 0;
}

static bool zone_restricted(const json_t *sku, const char *zone) {
    const json_t *list = json_object_get(sku, "restrictions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *zones = json_object_get(json_object_get(one, "restrictionInfo"), "zones");
        for (size_t k = 0; k < json_array_size(zones); k++) {
            const char *name = json_string_value(json_array_get(zones, k));
            if (strcasecmp(text_of(one, "type"), "Zone") == 0 && name && strcmp(name, zone) == 0)
                return true;
        }
    }
    return false;
}

static const json_t *zones_of(const struct results *r, const json_t *sku) {
    const json_t *list = json_object_get(sku, "locationInfo");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (same_region(text_of(one, "location"), r->region))
            return json_object_get(one, "zones");
    }
    return NULL;
}

static int read_zones(struct results *r, const json_t *sku, struct cyclecloud_size *size) {
    const json_t *list = zones_of(r, sku);
    size_t n = 0;
    const char **zones = arena_alloc(&r->arena, (json_array_size(list) + 1) * sizeof(*zones));
    if (!zones)
        return -ENOMEM;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name || zone_restricted(sku, name))
            continue;
        zones[n] = arena_shared(&r->arena, name);
        if (!zones[n++])
            return -ENOMEM;
    }
    size->zones = zones;
    return 0;
}

static void read_restrictions(struct results *r, const json_t *sku, struct cyclecloud_size *size) {
    const json_t *list = json_object_get(sku, "restrictions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (strcasecmp(text_of(one, "type"), "Location") != 0 ||
            !has_region(json_object_get(one, "values"), r->region))
            continue;
        size->restricted = true;
        size->restriction_reason = arena_shared(&r->arena, text_of(one, "reasonCode"));
    }
}

/* "456" or "3.5" gigabytes. */
static uint64_t memory_mb(const json_t *sku) {
    double gb = strtod(capability(sku, "MemoryGB"), NULL);
    return gb > 0 && gb < 1e9 ? (uint64_t)(gb * 1024 + 0.5) : 0;
}

int results_add_size(struct results *r, const json_t *sku) {
    if (strcasecmp(text_of(sku, "resourceType"), "virtualMachines") != 0 ||
        !has_region(json_object_get(sku, "locations"), r->region))
        return 0;
    struct cyclecloud_size size = {
        .name = arena_text(&r->arena, text_of(sku, "name")),
        .family = arena_shared(&r->arena, text_of(sku, "family")),
        .quota_vcpus = capability_u32(sku, "vCPUs"),
        .vcpus = capability_u32(sku, "vCPUsAvailable"),
        .vcpus_per_core = capability_u32(sku, "vCPUsPerCore"),
        .gpus = capability_u32(sku, "GPUs"),
        .memory_mb = memory_mb(sku),
        .max_nics = capability_u32(sku, "MaxNetworkInterfaces"),
        .rdma = capability_bool(sku, "RdmaEnabled"),
        .spot = capability_bool(sku, "LowPriorityCapable"),
        .accelerated_networking = capability_bool(sku, "AcceleratedNetworkingEnabled"),
        .ephemeral_os_disk = capability_bool(sku, "EphemeralOSDiskSupported"),
        .premium_disk = capability_bool(sku, "PremiumIO"),
        .restriction_reason = "",
    };
    if (size.vcpus == 0)
        size.vcpus = size.quota_vcpus;
    read_restrictions(r, sku, &size);
    if (!size.name || !size.family || !size.restriction_reason)
        return -ENOMEM;
    int e = read_zones(r, sku, &size);
    if (e < 0)
        return e;
    return r->sizes.len < RESULTS_MAX ? size_vec_append(&r->sizes, size) : -E2BIG;
}

static uint64_t count_of(const json_t *object, const char *name) {
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

int results_add_quota(struct results *r, const json_t *item) {
    const json_t *name = json_object_get(item, "name");
    struct cyclecloud_quota quota = {
        .name = arena_text(&r->arena, text_of(name, "value")),
        .label = arena_text(&r->arena, text_of(name, "localizedValue")),
        .used = count_of(item, "currentValue"),
        .limit = count_of(item, "limit"),
    };
    if (!quota.name || !quota.label)
        return -ENOMEM;
    return r->quotas.len < RESULTS_MAX ? quota_vec_append(&r->quotas, quota) : -E2BIG;
}

static bool ends_with(const char *text, const char *tail) {
    size_t len = strlen(text), tail_len = strlen(tail);
    return len >= tail_len && strcasecmp(text + len - tail_len, tail) == 0;
}

/* The list has rows for Windows, for Low Priority (of Azure Batch), for dedicated hosts and for
   Cloud Services too, told apart by the ends of these names. */
static bool is_linux_vm(const json_t *item) {
    const char *product = text_of(item, "productName"), *meter = text_of(item, "meterName");
    return *text_of(item, "armSkuName") &&
           strcasecmp(text_of(item, "unitOfMeasure"), "1 Hour") == 0 &&
           strcasecmp(text_of(item, "type"), "Consumption") == 0 &&
           !ends_with(product, " Windows") && !ends_with(product, "CloudServices") &&
           !ends_with(product, " Dedicated Host") && !ends_with(meter, " Low Priority");
}

int results_add_price(struct results *r, const json_t *item) {
    double price = json_number_value(json_object_get(item, "retailPrice"));
    if (!is_linux_vm(item) || !(price > 0 && price < 1e6))
        return 0;
    struct cyclecloud_price p = {
        .name = arena_text(&r->arena, text_of(item, "armSkuName")),
        .currency = arena_shared(&r->arena, text_of(item, "currencyCode")),
        .hour_micro = (uint64_t)(price * 1e6 + 0.5),
        .spot = ends_with(text_of(item, "meterName"), " Spot"),
    };
    if (!p.name || !p.currency)
        return -ENOMEM;
    return r->prices.len < RESULTS_MAX ? price_vec_append(&r->prices, p) : -E2BIG;
}

int results_read_tags(struct arena *arena, const json_t *item, const struct cyclecloud_tag **ret,
                      size_t *ret_n) {
    json_t *tags = json_object_get(item, "tags");
    size_t n = 0, size = json_object_size(tags);
    struct cyclecloud_tag *list = arena_alloc(arena, (size + 1) * sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (void *at = json_object_iter(tags); at; at = json_object_iter_next(tags, at)) {
        list[n].name = arena_shared(arena, json_object_iter_key(at));
        list[n].value = arena_shared(arena, json_string_value(json_object_iter_value(at)));
        if (!list[n].name || !list[n].value)
            return -ENOMEM;
        n++;
    }
    *ret = list;
    *ret_n = n;
    return 0;
}

int results_add_set(struct results *r, const json_t *item) {
    const json_t *sku = json_object_get(item, "sku");
    const json_t *properties = json_object_get(item, "properties");
    uint64_t capacity = count_of(sku, "capacity");
    struct cyclecloud_set set = {
        .resource_id = arena_text(&r->arena, text_of(item, "id")),
        .name = arena_text(&r->arena, text_of(item, "name")),
        .machine_type = arena_shared(&r->arena, text_of(sku, "name")),
        .provisioning_state = arena_shared(&r->arena, text_of(properties, "provisioningState")),
        .etag = arena_text(&r->arena, text_of(item, "etag")),
        .capacity = capacity > UINT32_MAX ? UINT32_MAX : (uint32_t)capacity,
    };
    if (!set.resource_id || !set.name || !set.machine_type || !set.provisioning_state ||
        !set.etag || results_read_tags(&r->arena, item, &set.tags, &set.n_tags) < 0)
        return -ENOMEM;
    return r->sets.len < RESULTS_MAX ? set_vec_append(&r->sets, set) : -E2BIG;
}

static uint64_t usable_addresses(const char *prefix) {
    const char *slash = strchr(prefix, '/');
    uint64_t bits;
    if (!slash || parse_u64(slash + 1, &bits) < 0 || bits > 29)
        return 0;
    return ((uint64_t)1 << (32 - bits)) - 5; /* Azure keeps five of each subnet for itself */
}

int results_add_subnet(struct results *r, const json_t *item) {
    const json_t *properties = json_object_get(item, "properties");
    const char *prefix = text_of(properties, "addressPrefix");
    const json_t *several = json_object_get(properties, "addressPrefixes");
    if (!*prefix && json_is_string(json_array_get(several, 0)))
        prefix = json_string_value(json_array_get(several, 0));
    r->subnet = (struct cyclecloud_subnet){
        .id = arena_text(&r->arena, text_of(item, "id")),
        .address_prefix = arena_text(&r->arena, prefix),
        .usable_addresses = usable_addresses(prefix),
    };
    r->has_subnet = r->subnet.id && r->subnet.address_prefix;
    return r->has_subnet ? 0 : -ENOMEM;
}

int results_add_console(struct results *r, const json_t *item) {
    const char *url = text_of(item, "serialConsoleLogBlobUri");
    if (!*url)
        return -EBADMSG;
    free(r->console_url);
    r->console_url = strdup(url);
    return r->console_url ? 0 : -ENOMEM;
}
