/* SPDX-License-Identifier: MIT */
#include "throttle.h"

#include "exchange.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A bucket gets `refill` tokens every `period`, up to `cap`. cap 0 = no limit. */
struct rate {
    unsigned refill, cap;
    usec_t period;
};

static const struct {
    const char *name; /* in x-ms-ratelimit-remaining-resource; opaque to clients */
    struct rate resource, subscription;
} policies[POLICY_MAX] = {
    [POLICY_PUT_VM] = {"PutVM", {4, 12, USEC_MIN}, {500, 1500, USEC_MIN}},
    [POLICY_UPDATE_VM] = {"UpdateVM", {4, 12, USEC_MIN}, {500, 1500, USEC_MIN}},
    [POLICY_DELETE_VM] = {"DeleteVM", {4, 12, USEC_MIN}, {500, 1500, USEC_MIN}},
    [POLICY_GET_VM] = {"LowCostGetVM", {12, 36, USEC_MIN}, {8000, 24000, USEC_MIN}},
    [POLICY_LIST_VMS] = {"HighCostGetVM", {0}, {300, 900, USEC_MIN}},
    [POLICY_GET_OPERATION] = {"GetOperation", {15, 45, USEC_MIN}, {5000, 15000, USEC_MIN}},
    [POLICY_PUT_SET] = {"PutVMScaleSet", {4, 12, USEC_MIN}, {125, 375, USEC_MIN}},
    [POLICY_UPDATE_SET] = {"UpdateVMScaleSet", {4, 12, USEC_MIN}, {500, 1500, USEC_MIN}},
    [POLICY_DELETE_SET] = {"DeleteVMScaleSet", {4, 12, USEC_MIN}, {175, 525, USEC_MIN}},
    [POLICY_GET_SET] = {"LowCostGetVMScaleSet", {12, 36, USEC_MIN}, {800, 2400, USEC_MIN}},
    [POLICY_LIST_SETS] = {"HighCostGetVMScaleSet", {0}, {360, 1080, USEC_MIN}},
    [POLICY_UPDATE_SET_VM] = {"UpdateVMScaleSetVM", {4, 12, USEC_MIN}, {500, 1500, USEC_MIN}},
    [POLICY_DELETE_SET_VM] = {"DeleteVMScaleSetVM", {4, 12, USEC_MIN}, {500, 1500, USEC_MIN}},
    [POLICY_GET_SET_VM] = {"GetVMScaleSetVM", {12, 36, USEC_MIN}, {2000, 6000, USEC_MIN}},
    /* Not published; taken for a costly read of the subscription. */
    [POLICY_LIST_SET_VMS] = {"HighCostGetVMScaleSet", {0}, {360, 1080, USEC_MIN}},
    [POLICY_NETWORK_READ] = {NULL, {0}, {10000, 10000, 5 * USEC_MIN}},
    [POLICY_NETWORK_WRITE] = {NULL, {0}, {1000, 1000, 5 * USEC_MIN}},
    [POLICY_GRAPH] = {NULL, {0}, {15, 15, 5 * USEC_SEC}},
};

/* The front door, by kind of request. */
enum door { DOOR_READS, DOOR_DELETES, DOOR_WRITES, DOOR_MAX };
static const struct {
    const char *kind, *header, *global_header;
    struct rate rate;
} doors[DOOR_MAX] = {
    [DOOR_READS] = {"read",
                    "x-ms-ratelimit-remaining-subscription-reads",
                    "x-ms-ratelimit-remaining-subscription-global-reads",
                    {1, 250, USEC_SEC / 25}},
    [DOOR_DELETES] = {"delete",
                      "x-ms-ratelimit-remaining-subscription-deletes",
                      "x-ms-ratelimit-remaining-subscription-global-deletes",
                      {1, 200, USEC_SEC / 10}},
    [DOOR_WRITES] = {"write",
                     "x-ms-ratelimit-remaining-subscription-writes",
                     "x-ms-ratelimit-remaining-subscription-global-writes",
                     {1, 200, USEC_SEC / 10}},
};
enum { GLOBAL_FACTOR = 15, RESOURCE_BUCKETS_MAX = 20000 };

struct bucket {
    unsigned level;
    usec_t since; /* last refill; 0 = never used, full */
};

struct resource_bucket {
    struct list link; /* oldest first */
    struct bucket bucket;
    enum policy policy;
    char key[]; /* "POLICY resource id" */
};

struct throttle {
    struct bucket doors[DOOR_MAX];
    struct bucket subscription[POLICY_MAX];
    struct table resources;
    struct list order;
    struct rate vm_budget;
};

struct throttle *throttle_new(unsigned vm_budget) {
    struct throttle *throttle = calloc(1, sizeof(*throttle));
    if (!throttle)
        return NULL;
    list_init(&throttle->order);
    throttle->vm_budget = (struct rate){vm_budget, vm_budget, 5 * USEC_MIN};
    return throttle;
}

static void resource_bucket_free(struct throttle *throttle, struct resource_bucket *bucket) {
    table_remove(&throttle->resources, bucket->key);
    list_del(&bucket->link);
    free(bucket);
}

void throttle_free(struct throttle *throttle) {
    if (!throttle)
        return;
    list_for_each_safe(link, next, &throttle->order)
        resource_bucket_free(throttle, list_entry(link, struct resource_bucket, link));
    table_done(&throttle->resources);
    free(throttle);
}

static void refill(struct bucket *bucket, const struct rate *rate, usec_t now) {
    if (!bucket->since) {
        bucket->level = rate->cap;
        bucket->since = now;
        return;
    }
    usec_t periods = usec_sub(now, bucket->since) / rate->period;
    bucket->since += periods * rate->period;
    usec_t level = bucket->level + periods * rate->refill;
    bucket->level = level > rate->cap ? rate->cap : (unsigned)level;
}

/* Seconds until `count` tokens are there; 0 = they are. */
static unsigned seconds_to_wait(struct bucket *bucket, const struct rate *rate, unsigned count,
                                usec_t now) {
    refill(bucket, rate, now);
    if (!rate->cap || bucket->level >= count)
        return 0;
    unsigned missing = (count > rate->cap ? rate->cap : count) - bucket->level;
    usec_t periods = (missing + rate->refill - 1) / rate->refill;
    usec_t at = bucket->since + periods * rate->period;
    return (unsigned)(usec_sub(at, now) / USEC_SEC) + 1;
}

static void take(struct bucket *bucket, unsigned count) {
    bucket->level -= count < bucket->level ? count : bucket->level;
}

static struct bucket *bucket_of(struct throttle *throttle, enum policy policy, const char *id) {
    char key[512];
    int len = snprintf(key, sizeof(key), "%d %s", (int)policy, id);
    if (len < 0 || (size_t)len >= sizeof(key))
        return NULL;
    struct resource_bucket *bucket = table_get(&throttle->resources, key);
    if (bucket)
        return &bucket->bucket;
    if (throttle->resources.len >= RESOURCE_BUCKETS_MAX)
        resource_bucket_free(throttle,
                             list_entry(throttle->order.next, struct resource_bucket, link));
    bucket = calloc(1, sizeof(*bucket) + (size_t)len + 1);
    if (!bucket)
        return NULL;
    memcpy(bucket->key, key, (size_t)len + 1);
    bucket->policy = policy;
    list_init(&bucket->link);
    if (table_put(&throttle->resources, bucket->key, bucket) < 0) {
        free(bucket);
        return NULL;
    }
    list_add_tail(&throttle->order, &bucket->link);
    return &bucket->bucket;
}

static enum door door_of(const char *method) {
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return DOOR_READS;
    return strcmp(method, "DELETE") == 0 ? DOOR_DELETES : DOOR_WRITES;
}

static bool refuse_at_door(struct exchange *ex, enum door door, unsigned wait_s) {
    reply_error(ex, 429, "SubscriptionRequestsThrottled",
                "Number of '%s' requests for subscription '" SUBSCRIPTION_ID
                "' actor '85e5d083-0000-0000-0000-000000000000' exceeded. Please try again after "
                "'%u' seconds.",
                doors[door].kind, wait_s);
    reply_header(ex, "Retry-After", "%u", wait_s);
    return false;
}

static bool refuse_compute(struct exchange *ex, const char *name, const struct rate *rate,
                           unsigned wait_s) {
    usec_t now = clock_wall(&clock_real);
    _cleanup_buf_ struct buf start = BUF_INIT(TIME_TEXT_MAX);
    _cleanup_buf_ struct buf end = BUF_INIT(TIME_TEXT_MAX);
    (void)time_format(&start, now);
    (void)time_format(&end, now + wait_s * USEC_SEC);
    json_t *detail =
        json_format("{\"operationGroup\":\"%s\",\"startTime\":\"%s\",\"endTime\":\"%s\","
                    "\"allowedRequestCount\":%u,\"measuredRequestCount\":%u}",
                    name, start.data, end.data, rate->cap, rate->cap + 1);
    reply_json(ex, 429,
               json_pack("{s:{s:s,s:s,s:[{s:s,s:s,s:o}]}}", "error", "code", "OperationNotAllowed",
                         "message",
                         "The server rejected the request because too many requests have been "
                         "received for this subscription.",
                         "details", "code", "TooManyRequests", "target", name, "message", detail));
    reply_header(ex, "Retry-After", "%u", wait_s);
    reply_header(ex, "x-ms-ratelimit-remaining-resource", "Microsoft.Compute/%s;0", name);
    return false;
}

static bool refuse_service(struct exchange *ex, enum policy policy, unsigned wait_s) {
    bool graph = policy == POLICY_GRAPH;
    reply_error(ex, 429, graph ? "RateLimiting" : "TooManyRequests",
                "Too many requests. Please try again after '%u' seconds.", wait_s);
    reply_header(ex, "Retry-After", "%u", wait_s);
    if (graph) {
        reply_header(ex, "x-ms-user-quota-remaining", "0");
        reply_header(ex, "x-ms-user-quota-resets-after", "00:00:%02u", wait_s);
    }
    return false;
}

static bool admit_door(struct throttle *throttle, struct exchange *ex, usec_t now) {
    enum door door = door_of(ex->method);
    struct bucket *bucket = &throttle->doors[door];
    unsigned wait_s = seconds_to_wait(bucket, &doors[door].rate, 1, now);
    if (wait_s)
        return refuse_at_door(ex, door, wait_s);
    take(bucket, 1);
    reply_header(ex, doors[door].header, "%u", bucket->level);
    reply_header(ex, doors[door].global_header, "%u",
                 (GLOBAL_FACTOR - 1) * doors[door].rate.cap + bucket->level);
    return true;
}

static void report_compute(struct exchange *ex, const char *name, const struct bucket *subscription,
                           const struct bucket *resource) {
    if (resource)
        reply_header(ex, "x-ms-ratelimit-remaining-resource",
                     "Microsoft.Compute/%s;%u,Microsoft.Compute/%sResource;%u", name,
                     subscription->level, name, resource->level);
    else
        reply_header(ex, "x-ms-ratelimit-remaining-resource", "Microsoft.Compute/%s;%u", name,
                     subscription->level);
    reply_header(ex, "x-ms-request-charge", "1");
}

static void report_graph(struct exchange *ex, const struct bucket *subscription) {
    reply_header(ex, "x-ms-user-quota-remaining", "%u", subscription->level);
    reply_header(ex, "x-ms-user-quota-resets-after", "00:00:05");
}

/* Behind the front door: the service's own buckets, first the subscription's, then the resource's.
 * Nothing is taken from either unless both have one. */
static bool admit_service(struct throttle *throttle, struct exchange *ex, enum policy policy,
                          const char *resource_id, usec_t now) {
    const char *name = policies[policy].name;
    const struct rate *rate = &policies[policy].subscription;
    struct bucket *bucket = &throttle->subscription[policy];
    unsigned wait_s = rate->cap ? seconds_to_wait(bucket, rate, 1, now) : 0;
    if (wait_s)
        return name ? refuse_compute(ex, name, rate, wait_s) : refuse_service(ex, policy, wait_s);
    const struct rate *own = &policies[policy].resource;
    struct bucket *resource =
        own->cap && resource_id ? bucket_of(throttle, policy, resource_id) : NULL;
    wait_s = resource ? seconds_to_wait(resource, own, 1, now) : 0;
    if (wait_s)
        return refuse_compute(ex, name, own, wait_s);
    take(bucket, rate->cap ? 1 : 0);
    if (resource)
        take(resource, 1);
    if (name)
        report_compute(ex, name, bucket, resource);
    return true;
}

bool throttle_admit(struct throttle *throttle, struct exchange *ex, enum policy policy,
                    const char *resource_id) {
    if (!throttle)
        return true;
    usec_t now = clock_monotonic(&clock_real);
    if (policy == POLICY_GRAPH) { /* it does not pass the front door */
        bool admitted = admit_service(throttle, ex, policy, resource_id, now);
        if (admitted)
            report_graph(ex, &throttle->subscription[policy]);
        return admitted;
    }
    return admit_door(throttle, ex, now) && admit_service(throttle, ex, policy, resource_id, now);
}

bool throttle_admit_vms(struct throttle *throttle, struct exchange *ex, unsigned count) {
    if (!throttle || !throttle->vm_budget.cap || !count)
        return true;
    static const char name[] = "VMScaleSetBatchedVMRequests5Min";
    struct bucket *bucket = &throttle->subscription[POLICY_VM_BUDGET];
    unsigned need = count > throttle->vm_budget.cap ? throttle->vm_budget.cap : count;
    unsigned wait_s =
        seconds_to_wait(bucket, &throttle->vm_budget, need, clock_monotonic(&clock_real));
    if (wait_s) {
        reply_reset(ex);
        return refuse_compute(ex, name, &throttle->vm_budget, wait_s);
    }
    take(bucket, need);
    reply_header(ex, "x-ms-ratelimit-remaining-resource", "Microsoft.Compute/%s;%u", name,
                 bucket->level);
    return true;
}
