/* SPDX-License-Identifier: MIT */
#include "fake-world.h"

#include "base/cleanup.h"
#include "fake-market.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_cloud *fake_cloud_new(usec_t *now) {
    struct fake_cloud *f = calloc(1, sizeof(*f));
    f->now = now;
    f->vms = calloc(VMS_MAX, sizeof(*f->vms));
    f->console = "booted\n";
    return f;
}

void fake_cloud_disconnect(struct fake_cloud *f) {
    while (f->queue) {
        struct pending *p = f->queue;
        f->queue = p->next;
        free(p);
    }
}

void fake_cloud_free(struct fake_cloud *f) {
    fake_cloud_disconnect(f);
    for (unsigned i = 0; i < f->n_sets; i++)
        free(f->sets[i].custom_data);
    for (unsigned i = 0; i < f->n_owned; i++)
        free(f->owned[i]);
    free(f->vms);
    free(f);
}

static bool is_write(enum cyclecloud_call call) {
    return (call >= CYCLECLOUD_CALL_ENSURE_GROUP && call <= CYCLECLOUD_CALL_DEALLOCATE_VM) ||
           call == CYCLECLOUD_CALL_CREATE_SET || call == CYCLECLOUD_CALL_RESIZE_SET ||
           (call >= CYCLECLOUD_CALL_DELETE_SET && call <= CYCLECLOUD_CALL_DEALLOCATE_INSTANCES) ||
           (call >= CYCLECLOUD_CALL_CREATE_DISK && call <= CYCLECLOUD_CALL_DELETE_DISK);
}

/* The fault of the rule for this kind of request. */
static enum fake_fault take_rule(struct fake_cloud *f, enum cyclecloud_call call) {
    struct rule *rule = &f->rules[call];
    if (!rule->left)
        return FAULT_NONE;
    rule->left--;
    return rule->fault;
}

static const enum cyclecloud_class refusals[] = {
    [FAULT_LOST_REQUEST] = CYCLECLOUD_TRANSPORT,
    [FAULT_CAPACITY] = CYCLECLOUD_CAPACITY,
    [FAULT_QUOTA] = CYCLECLOUD_QUOTA,
    [FAULT_THROTTLED] = CYCLECLOUD_THROTTLED,
    [FAULT_INVALID] = CYCLECLOUD_INVALID,
    [FAULT_AUTH] = CYCLECLOUD_AUTH,
    [FAULT_CONFLICT] = CYCLECLOUD_CONFLICT,
    [FAULT_GONE] = CYCLECLOUD_GONE,
    [FAULT_NOT_ALLOWED] = CYCLECLOUD_CONFLICT,
};

static bool refuses(enum fake_fault fault) {
    return fault == FAULT_LOST_REQUEST || (fault >= FAULT_CAPACITY && fault <= FAULT_GONE) ||
           fault == FAULT_NOT_ALLOWED;
}

/* What becomes of a write, faults included. Returns false when the engine crashes before it counts.
 */
static bool carry_out(struct fake_cloud *f, const struct cyclecloud_request *q, struct pending *p) {
    enum fake_fault fault = take_rule(f, q->call);
    f->writes++;
    if (f->fault_in && --f->fault_in == 0)
        fault = f->fault;
    f->crashed = f->crashed || fault == FAULT_CRASH_BEFORE || fault == FAULT_CRASH_AFTER;
    if (fault == FAULT_CRASH_BEFORE)
        return false;
    unsigned made_from = f->n_vms;
    p->quota.name = "";
    p->code = fault == FAULT_NOT_ALLOWED ? "OperationNotAllowed" : too_much(f, q, &p->quota);
    p->result = refuses(fault) ? refusals[fault] : p->code ? CYCLECLOUD_QUOTA : effect(f, q);
    p->fault = fault;
    for (unsigned i = made_from; fault == FAULT_OPERATION_FAILED && i < f->n_vms; i++)
        f->vms[i].failed = "InternalExecutionError";
    if (fault == FAULT_LOST_REPLY)
        p->result = CYCLECLOUD_TRANSPORT;
    return fault != FAULT_CRASH_AFTER;
}

/* What comes of a request. Returns false when nobody will hear of it. */
static bool decide(struct fake_cloud *f, const struct cyclecloud_request *q, struct pending *p) {
    p->result = CYCLECLOUD_OK;
    expire(f);
    f->calls[q->call]++;
    if (f->crashed)
        return false;
    if (is_write(q->call))
        return carry_out(f, q, p);
    p->fault = take_rule(f, q->call);
    if (refuses(p->fault))
        p->result = refusals[p->fault];
    return true;
}

/* Operations: one begins with an answer that is pending, and is asked for by its number. */
static void follow_operation(struct fake_cloud *f, const struct cyclecloud_request *q,
                             struct pending *p) {
    unsigned n = 0;
    if (q->call == CYCLECLOUD_CALL_POLL && p->result == CYCLECLOUD_OK) {
        n = (unsigned)strtoul(q->operation_url, NULL, 10);
        p->operation_ended = f->operation_end[n] <= *f->now;
        p->result = !p->operation_ended      ? CYCLECLOUD_PENDING
                    : f->operation_failed[n] ? CYCLECLOUD_TRANSPORT
                                             : CYCLECLOUD_OK;
    } else if (p->result == CYCLECLOUD_PENDING) {
        n = ++f->operations;
        f->operation_end[n] = *f->now + BOOT_TIME;
        f->operation_failed[n] = p->fault == FAULT_OPERATION_FAILED;
    }
    if (n)
        (void)snprintf(p->url, sizeof(p->url), "%u", n);
}

/* Answers come in order of their time. */
static void enqueue(struct fake_cloud *f, struct pending *p) {
    struct pending **at = &f->queue;
    while (*at && (*at)->at <= p->at)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
}

static int submit(void *provider, const struct cyclecloud_request *q, cyclecloud_done done,
                  void *arg) {
    struct fake_cloud *f = provider;
    struct pending *p = calloc(1, sizeof(*p));
    p->done = done;
    p->quota.name = "";
    p->arg = arg;
    p->call = q->call;
    p->at = *f->now + ANSWER_TIME + f->slow[q->call];
    (void)snprintf(p->group, sizeof(p->group), "%s", q->group ? q->group : "");
    (void)snprintf(p->name, sizeof(p->name), "%s", q->name ? q->name : "");
    if (q->instance_ids)
        (void)snprintf(p->instance, sizeof(p->instance), "%s", q->instance_ids[0]);
    if (!decide(f, q, p)) {
        free(p);
        return 0;
    }
    follow_operation(f, q, p);
    enqueue(f, p);
    return 0;
}

static struct cyclecloud_instance shown(const struct fake_cloud *f, const struct vm *v) {
    bool up = v->ready_at <= *f->now;
    const char *made = v->gone_at  ? "Deleting"
                       : v->failed ? "Failed"
                       : up        ? "Succeeded"
                                   : "Creating";
    return (struct cyclecloud_instance){.resource_id = v->shown.resource_id,
                                        .name = v->name,
                                        .vm_id = v->shown.vm_id,
                                        .group = v->group,
                                        .set_name = v->set,
                                        .instance_id = v->id,
                                        .machine_type = v->type,
                                        .region = "eastus",
                                        .zone = "",
                                        .computer_name = v->name,
                                        .provisioning_state = made,
                                        .power_state = v->stopped && v->allocated ? "stopped"
                                                       : v->stopped               ? "deallocated"
                                                       : up                       ? "running"
                                                                                  : "starting",
                                        .error_code = v->failed ? v->failed : "",
                                        .error_message = "",
                                        .placement_group = ""};
}

static void list_instances(struct fake_cloud *f, const struct pending *p,
                           struct cyclecloud_result *r, struct cyclecloud_instance *out) {
    for (unsigned i = 0; i < f->n_vms; i++) {
        const struct vm *v = &f->vms[i];
        bool member =
            p->call == CYCLECLOUD_CALL_LIST_INSTANCES ? strcmp(v->set, p->name) == 0 : !*v->set;
        bool here = p->call == CYCLECLOUD_CALL_SWEEP || (member && strcmp(v->group, p->group) == 0);
        if (v->alive && here)
            out[r->n_instances++] = shown(f, v);
    }
    r->instances = out;
}

/* The lies of a listing of VMs. `out` has room for twice as many. */
static void distort(const struct pending *p, struct cyclecloud_result *r,
                    struct cyclecloud_instance *out) {
    size_t n = r->n_instances;
    if (p->fault == FAULT_MISSING && n) {
        memmove(out, out + 1, (n - 1) * sizeof(*out));
        r->n_instances--;
    }
    if (p->fault == FAULT_DUPLICATE) {
        memcpy(out + n, out, n * sizeof(*out));
        r->n_instances *= 2;
    }
}

static void list_sets(struct fake_cloud *f, const struct pending *p, struct cyclecloud_result *r,
                      struct cyclecloud_set *out) {
    bool one = p->call == CYCLECLOUD_CALL_GET_SET;
    for (unsigned i = 0; i < f->n_sets; i++)
        if (f->sets[i].alive && strcmp(f->sets[i].group, p->group) == 0 &&
            (!one || strcmp(f->sets[i].name, p->name) == 0))
            out[r->n_sets++] = (struct cyclecloud_set){.resource_id = "",
                                                       .name = f->sets[i].name,
                                                       .machine_type = f->sets[i].type,
                                                       .provisioning_state = "Succeeded",
                                                       .etag = f->sets[i].etag,
                                                       .capacity = set_size(f, &f->sets[i])};
    r->sets = out;
}

/* A group, and for its members a set, must be there to be listed; a VM to have a console. */
static bool is_missing(struct fake_cloud *f, const struct pending *p) {
    bool members = p->call == CYCLECLOUD_CALL_LIST_INSTANCES || p->call == CYCLECLOUD_CALL_GET_SET;
    bool in_group =
        members || p->call == CYCLECLOUD_CALL_LIST_VMS || p->call == CYCLECLOUD_CALL_LIST_SETS;
    if (p->call == CYCLECLOUD_CALL_READ_CONSOLE || p->call == CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE)
        return !has_console(f, p);
    return in_group && (!has_group(f, p->group) || (members && !find_set(f, p->group, p->name)));
}

/* What a read finds. `instances` and `sets` have room for all there are. */
static void fill_result(struct fake_cloud *f, const struct pending *p, struct cyclecloud_result *r,
                        struct cyclecloud_instance *instances, struct cyclecloud_set *sets) {
    static struct cyclecloud_subnet subnet = {"id", "10.0.0.0/12", 1048571};
    subnet.usable_addresses = f->addresses ? f->addresses : 1048571;
    switch (p->call) {
    case CYCLECLOUD_CALL_LIST_VMS:
    case CYCLECLOUD_CALL_LIST_INSTANCES:
    case CYCLECLOUD_CALL_SWEEP:
        list_instances(f, p, r, instances);
        distort(p, r, instances);
        break;
    case CYCLECLOUD_CALL_GET_SET:
    case CYCLECLOUD_CALL_LIST_SETS:
        list_sets(f, p, r, sets);
        if (p->fault == FAULT_MISSING && r->n_sets)
            r->sets++, r->n_sets--;
        break;
    case CYCLECLOUD_CALL_GET_SUBNET:
        r->subnet = &subnet;
        break;
    case CYCLECLOUD_CALL_LIST_SIZES:
        r->sizes = sizes;
        r->n_sizes = ARRAY_SIZE(sizes);
        break;
    case CYCLECLOUD_CALL_LIST_PRICES:
        r->prices = prices;
        r->n_prices = ARRAY_SIZE(prices);
        break;
    case CYCLECLOUD_CALL_READ_CONSOLE:
    case CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE:
        r->console = f->console;
        r->console_len = strlen(f->console);
        break;
    case CYCLECLOUD_CALL_LIST_QUOTAS:
        quotas[ARRAY_SIZE(quotas) - 1].limit = f->quota ? f->quota : 10000;
        quotas[ARRAY_SIZE(quotas) - 1].used = cores_used(f);
        r->quotas = quotas;
        r->n_quotas = ARRAY_SIZE(quotas);
        break;
    default:
        break;
    }
}

static void answer(struct fake_cloud *f, struct pending *p) {
    struct cyclecloud_result r = {
        .result = p->result, .code = "", .message = "", .request_id = "", .operation_url = p->url};
    struct cyclecloud_instance *instances = calloc(2 * (size_t)f->n_vms + 1, sizeof(*instances));
    struct cyclecloud_set *sets = calloc(SETS_MAX, sizeof(*sets));
    if (p->result > CYCLECLOUD_PENDING) {
        r.code = p->code ? p->code : "Fault";
        r.quota = p->quota;
        r.message = "as the test wanted";
        r.operation_ended = p->operation_ended;
    } else if (is_missing(f, p)) {
        r.result = CYCLECLOUD_GONE;
    } else {
        fill_result(f, p, &r, instances, sets);
    }
    p->done(p->arg, &r);
    free(instances);
    free(sets);
}

unsigned fake_cloud_deliver(struct fake_cloud *f) {
    unsigned n = 0;
    while (f->queue && f->queue->at <= *f->now) {
        struct pending *p = f->queue;
        f->queue = p->next;
        answer(f, p);
        free(p);
        n++;
    }
    return n;
}

usec_t fake_cloud_next(const struct fake_cloud *f) {
    return f->queue ? f->queue->at : USEC_NEVER;
}

static bool has_account(void *provider, const char *account) {
    (void)provider;
    return strcmp(account, "azure") == 0;
}

static const char *account_region(void *provider, const char *account) {
    return has_account(provider, account) ? "eastus" : "";
}

static char *subnet_id(void *provider, const char *account, const char *subnet) {
    (void)provider;
    (void)account;
    char *id = NULL;
    return asprintf(&id, "/subscriptions/s/resourceGroups/%s", subnet) < 0 ? NULL : id;
}

static const struct cyclecloud_provider_ops ops = {.struct_size = sizeof(ops),
                                                   .name = "fake",
                                                   .submit = submit,
                                                   .has_account = has_account,
                                                   .account_region = account_region,
                                                   .subnet_id = subnet_id};

struct cyclecloud_provider fake_cloud_provider(struct fake_cloud *f) {
    return (struct cyclecloud_provider){&ops, f};
}

void fake_cloud_fault(struct fake_cloud *f, unsigned nth, enum fake_fault fault) {
    f->fault_in = nth;
    f->fault = fault;
}

void fake_cloud_fault_on(struct fake_cloud *f, enum cyclecloud_call call, unsigned count,
                         enum fake_fault fault) {
    f->rules[call] = (struct rule){fault, count};
}

void fake_cloud_quota(struct fake_cloud *f, unsigned cores) {
    f->quota = cores;
}

void fake_cloud_subnet(struct fake_cloud *f, unsigned addresses) {
    f->addresses = addresses;
}

void fake_cloud_slow(struct fake_cloud *f, enum cyclecloud_call call, usec_t time) {
    f->slow[call] = time;
}

unsigned fake_cloud_calls(const struct fake_cloud *f, enum cyclecloud_call call) {
    return f->calls[call];
}

bool fake_cloud_crashed(struct fake_cloud *f) {
    bool crashed = f->crashed;
    f->crashed = false;
    return crashed;
}

unsigned fake_cloud_peak(const struct fake_cloud *f) {
    return f->peak;
}

unsigned fake_cloud_groups(const struct fake_cloud *f) {
    unsigned n = 0;
    for (unsigned i = 0; i < f->n_groups; i++)
        n += f->groups[i][0] != '\0';
    return n;
}

unsigned fake_cloud_writes(const struct fake_cloud *f) {
    return f->writes;
}
