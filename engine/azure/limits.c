/* SPDX-License-Identifier: MIT */
#include "limits.h"

#include "maker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The front door, per identity and subscription. */
static const struct door {
    const char *method, *kind, *header;
    struct rate_limit rate;
} doors[] = {
    {"GET", "reads", "x-ms-ratelimit-remaining-subscription-reads", {250, 25}},
    {"DELETE", "deletes", "x-ms-ratelimit-remaining-subscription-deletes", {200, 10}},
    {"", "writes", "x-ms-ratelimit-remaining-subscription-writes", {200, 10}},
};

/* Not published; what answers have shown. Corrected downwards by VMScaleSetBatchedVMRequests5Min.
 */
static const struct rate_limit batch_rate = {3750, 12.5};
static const char batch_name[] = "VMScaleSetBatchedVMRequests5Min";

static const struct door *door_of(const char *method) {
    size_t i = 0;
    while (*doors[i].method && strcmp(doors[i].method, method) != 0)
        i++;
    return &doors[i];
}

static void set_key(struct limit *l, int *error, struct rate_limit rate, char *key) {
    if (!key)
        *error = -ENOMEM;
    l->key = key;
    l->rate = rate;
}

static char *join(const char *const parts[4]) {
    char *key = NULL;
    if (asprintf(&key, "%s %s %s %s", parts[0], parts[1], parts[2], parts[3]) < 0)
        return NULL;
    return key;
}

static void init_service(struct limits *l, int *error, const struct call_row *row,
                         const char *const scope[3]) {
    const struct policy_row *p = &policy_rows[row->policy];
    const char *region = scope[1], *resource = scope[2];
    set_key(&l->limits[LIMIT_SERVICE], error,
            (struct rate_limit){p->capacity, p->refill_per_min / 60},
            join((const char *const[]){"service", scope[0], region, p->name}));
    if (p->resource_capacity > 0 && *resource)
        set_key(&l->limits[LIMIT_RESOURCE], error,
                (struct rate_limit){p->resource_capacity, p->resource_refill_per_min / 60},
                join((const char *const[]){"resource", scope[0], resource, p->name}));
    if (row->policy == POLICY_PUT_SET || row->policy == POLICY_UPDATE_SET)
        set_key(&l->limits[LIMIT_BATCH], error, batch_rate,
                join((const char *const[]){"batch", scope[0], region, batch_name}));
}

int limits_init(struct limits *l, const struct call_row *row, const struct account *account,
                const struct cyclecloud_request *q) {
    const char *method = row->method;
    const struct door *door = door_of(method);
    int error = 0;
    *l = (struct limits){.method = method};
    if (row->policy == POLICY_GRAPH) {
        const struct policy_row *p = &policy_rows[POLICY_GRAPH];
        set_key(&l->limits[LIMIT_SERVICE], &error,
                (struct rate_limit){p->capacity, p->refill_per_min / 60},
                join((const char *const[]){"graph", account->name, "", ""}));
        return error;
    }
    set_key(&l->limits[LIMIT_DOOR], &error, door->rate,
            join((const char *const[]){"door", account->subscription, account->name, door->kind}));
    const char *region = maker_region(q);
    _cleanup_free_ char *resource = NULL;
    if (maker_given(q->group) && maker_given(q->name) &&
        asprintf(&resource, "%s/%s", q->group, q->name) < 0) {
        resource = NULL;
        return -ENOMEM;
    }
    if (row->policy != POLICY_NONE)
        init_service(l, &error, row,
                     (const char *const[]){account->subscription,
                                           maker_given(region) ? region : account->region,
                                           resource ? resource : ""});
    return error;
}

void limits_done(struct limits *l) {
    for (size_t i = 0; i < LIMIT_KIND_MAX; i++)
        free(l->limits[i].key);
    *l = (struct limits){0};
}

usec_t limits_take(struct limits *l, struct rates *rates, usec_t now) {
    usec_t longest = 0;
    for (size_t i = 0; i < LIMIT_KIND_MAX; i++) {
        struct limit *one = &l->limits[i];
        usec_t wait = 0;
        if (!one->key || rates_take(rates, one->key, &one->rate, now, &wait) < 0)
            continue;
        one->taken = true;
        if (wait > longest)
            longest = wait;
    }
    return longest;
}

void limits_give_back(struct limits *l, struct rates *rates) {
    for (size_t i = 0; i < LIMIT_KIND_MAX; i++) {
        if (l->limits[i].taken)
            rates_give_back(rates, l->limits[i].key);
        l->limits[i].taken = false;
    }
}

static void lower(struct limits *l, struct rates *rates, enum limit_kind kind, double remaining,
                  usec_t now) {
    if (l->limits[kind].key)
        rates_remaining(rates, l->limits[kind].key, remaining, now);
}

static bool name_is(const char *name, size_t len, const char *end, bool whole) {
    size_t n = strlen(end);
    return len >= n && (!whole || len == n) && strncasecmp(name + len - n, end, n) == 0;
}

/* "Microsoft.Compute/PutVMScaleSet;374,Microsoft.Compute/PutVMScaleSetResource;11". The names are
   not published and change: only their ends are looked at. */
static void learn_policies(struct limits *l, struct rates *rates, const char *list, usec_t now) {
    while (*list) {
        size_t len = strcspn(list, ",");
        const char *semicolon = memchr(list, ';', len);
        const char *slash = memchr(list, '/', len);
        const char *name = slash ? slash + 1 : list;
        char *end = NULL;
        double remaining = semicolon ? strtod(semicolon + 1, &end) : -1;
        if (semicolon && end != semicolon + 1 && remaining >= 0 && name <= semicolon) {
            size_t n = (size_t)(semicolon - name);
            if (name_is(name, n, batch_name, true))
                lower(l, rates, LIMIT_BATCH, remaining, now);
            else if (name_is(name, n, "Resource", false))
                lower(l, rates, LIMIT_RESOURCE, remaining, now);
            else if (!name_is(name, n, "VmssQueuedVMOperations", true))
                lower(l, rates, LIMIT_SERVICE, remaining, now);
        }
        list += len + (list[len] == ',');
        list += strspn(list, " ");
    }
}

void limits_learn(struct limits *l, struct rates *rates, const struct http_response *response,
                  usec_t now) {
    const char *door = http_response_header(response, door_of(l->method)->header);
    const char *graph = http_response_header(response, "x-ms-user-quota-remaining");
    if (door)
        lower(l, rates, LIMIT_DOOR, strtod(door, NULL), now);
    if (graph)
        lower(l, rates, LIMIT_SERVICE, strtod(graph, NULL), now);
    for (size_t i = 0; i < response->n_headers; i++)
        if (strcasecmp(response->headers[i].name, "x-ms-ratelimit-remaining-resource") == 0)
            learn_policies(l, rates, response->headers[i].value, now);
}

void limits_refused(struct limits *l, struct rates *rates, bool front_door, usec_t pause,
                    usec_t now) {
    const struct limit *one = &l->limits[front_door ? LIMIT_DOOR : LIMIT_SERVICE];
    if (!one->key)
        one = &l->limits[LIMIT_DOOR];
    if (one->key)
        rates_refused(rates, one->key, pause, now);
}
