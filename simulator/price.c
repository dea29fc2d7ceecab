/* SPDX-License-Identifier: MIT */
#include "base/parse.h"
#include "options.h"
#include "route.h"

#include <inttypes.h>
#include <string.h>

/*
 * The public list of retail prices, page by page. As in Azure's own, each size is there several
 * times: with Linux, with Windows, as Spot, as Low Priority; a client must tell them apart.
 */

#define PAGE_ITEMS 100
#define REGION_MAX 32

struct product {
    const char *product_tail, *meter_tail;
    double factor; /* of the price with Linux */
};

/* Simulated: Azure's own ratios differ from size to size. */
static const struct product products[] = {
    {"", "", 1.0},
    {" Windows", "", 1.8},
    {"", " Spot", SPOT_PRICE_SHARE},
    {"", " Low Priority", 0.2},
};

static json_t *item_json(const struct size *size, const struct product *p, const char *region) {
    const char *name = size->name + strcspn(size->name, "_");
    name += *name == '_';
    json_t *meter = json_format("%s%s", name, p->meter_tail);
    return json_pack("{s:s,s:f,s:f,s:s,s:O,s:o,s:o,s:s,s:s,s:s,s:s}", "currencyCode", "USD",
                     "retailPrice", size->usd_per_hour * p->factor, "unitPrice",
                     size->usd_per_hour * p->factor, "armRegionName", region, "meterName", meter,
                     "skuName", meter, "productName",
                     json_format("Virtual Machines %s Series%s", name, p->product_tail),
                     "serviceName", "Virtual Machines", "unitOfMeasure", "1 Hour", "type",
                     "Consumption", "armSkuName", size->name);
}

/* The quoted value behind `name eq` in the filter. False: there is none. */
static bool filter_value(const char *filter, const char *name, char value[REGION_MAX]) {
    const char *at = filter ? strstr(filter, name) : NULL;
    at = at ? strchr(at, '\'') : NULL;
    size_t len = at ? strcspn(at + 1, "'") : 0;
    if (!len || len >= REGION_MAX)
        return false;
    memcpy(value, at + 1, len);
    value[len] = '\0';
    return true;
}

static size_t skip_of(struct exchange *ex) {
    const char *text = exchange_query(ex, "$skip");
    uint64_t skip = 0;
    return text && parse_u64(text, &skip) == 0 && skip < SIZE_MAX ? (size_t)skip : 0;
}

/* What the filter may compare; all but the size and the region are the same in every row. */
static const char *const filter_names[] = {"armRegionName", "armSkuName", "serviceName",
                                           "priceType", "currencyCode"};

/* Whether each "NAME eq 'VALUE'" of the filter is known. */
static bool filter_known(const char *filter) {
    for (const char *at = filter; (at = strstr(at, " eq ")); at++) {
        const char *begin = at;
        bool known = false;
        while (begin > filter && (begin[-1] != ' ' && begin[-1] != '('))
            begin--;
        for (size_t i = 0; i < ARRAY_SIZE(filter_names); i++)
            known = known || (strlen(filter_names[i]) == (size_t)(at - begin) &&
                              strncasecmp(begin, filter_names[i], (size_t)(at - begin)) == 0);
        if (!known)
            return false;
    }
    return !filter || (!strstr(filter, " or ") && !strchr(filter, '('));
}

static json_t *page_json(struct exchange *ex, const char *region, size_t skip, size_t *ret_total) {
    char only[REGION_MAX];
    bool one = filter_value(exchange_query(ex, "$filter"), "armSkuName", only);
    const struct catalogue *catalogue = ex->world->catalogue;
    json_t *items = json_array();
    size_t n = 0;
    for (size_t i = 0; i < catalogue_len(catalogue); i++) {
        const struct size *size = catalogue_at(catalogue, i);
        if (one && strcasecmp(size->name, only) != 0)
            continue;
        for (size_t k = 0; size->usd_per_hour > 0 && k < ARRAY_SIZE(products); k++, n++)
            if (n >= skip && n < skip + PAGE_ITEMS)
                (void)json_array_append_new(items, item_json(size, &products[k], region));
    }
    *ret_total = n;
    return items;
}

static void handle_prices(struct exchange *ex) {
    char region[REGION_MAX];
    size_t total = 0, skip = skip_of(ex);
    if (!filter_value(exchange_query(ex, "$filter"), "armRegionName", region)) {
        reply_error(ex, 400, "BadRequest",
                    "This simulator wants armRegionName eq '...' in the $filter.");
        return;
    }
    if (!filter_known(exchange_query(ex, "$filter"))) {
        reply_error_at(ex, 501, "NotImplemented", "$filter",
                       "This simulator's $filter has NAME eq 'VALUE' with armRegionName, "
                       "armSkuName, serviceName, priceType and currencyCode, joined by and.");
        return;
    }
    json_t *items = region_index(region) < 0 ? json_array() : page_json(ex, region, skip, &total);
    json_t *next = json_null();
    if (skip + PAGE_ITEMS < total)
        next = json_format("%s/api/retail/prices?$filter=armRegionName%%20eq%%20'%s'&$skip=%zu",
                           ex->world->base_url, region, skip + PAGE_ITEMS);
    reply_json(ex, 200,
               json_pack("{s:s,s:s,s:s,s:o,s:o,s:I}", "BillingCurrency", "USD", "CustomerEntityId",
                         "Default", "CustomerEntityType", "Retail", "Items", items, "NextPageLink",
                         next, "Count", (json_int_t)json_array_size(items)));
}

const struct route price_routes[] = {
    {"GET", "api/retail/prices", handle_prices, "list-prices", POLICY_NONE, false},
    {NULL, NULL, NULL, NULL, POLICY_NONE, false},
};
