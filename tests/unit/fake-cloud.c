/* SPDX-License-Identifier: MIT */
#include "fake-cloud.h"

#include "base/cleanup.h"
#include "fake-market.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOOT_TIME (20 * USEC_SEC)
#define ANSWER_TIME (USEC_SEC / 10)
#define VMS_MAX 4000u
#define SETS_MAX 64u

struct vm {
    struct fake_vm shown;
    char group[64], set[64], name[64], id[16], type[64];
    usec_t ready_at, gone_at; /* gone_at: 0 = it stays */
    bool alive, stopped;
};

struct set {
    char group[64], name[64], type[64];
    char *custom_data;
    bool alive;
    unsigned next_id;
};

struct pending {
    struct pending *next;
    cyclecloud_done done;
    void *arg;
    usec_t at;
    enum cyclecloud_call call;
    enum cyclecloud_class result;
    enum fake_fault fault; /* of a listing */
    char group[64], name[64], url[32];
};

struct rule {
    enum fake_fault fault;
    unsigned left;
};

struct fake_cloud {
    usec_t *now;
    struct rule rules[CYCLECLOUD_CALL_MAX];
    unsigned calls[CYCLECLOUD_CALL_MAX];
    struct vm *vms;
    struct set sets[SETS_MAX];
    char *owned[VMS_MAX];
    char groups[16][64];
    unsigned n_vms, n_sets, n_owned, n_groups, peak, writes, fault_in, operations;
    enum fake_fault fault;
    bool crashed;
    usec_t operation_end[4096];
    struct pending *queue;
};

struct fake_cloud *fake_cloud_new(usec_t *now) {
    struct fake_cloud *f = calloc(1, sizeof(*f));
    f->now = now;
    f->vms = calloc(VMS_MAX, sizeof(*f->vms));
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

static bool has_group(const struct fake_cloud *f, const char *name) {
    for (unsigned i = 0; i < f->n_groups; i++)
        if (strcmp(f->groups[i], name) == 0)
            return true;
    return false;
}

static struct set *find_set(struct fake_cloud *f, const char *group, const char *name) {
    for (unsigned i = 0; i < f->n_sets; i++)
        if (f->sets[i].alive && strcmp(f->sets[i].name, name) == 0 &&
            strcmp(f->sets[i].group, group) == 0)
            return &f->sets[i];
    return NULL;
}

static void expire(struct fake_cloud *f) {
    for (unsigned i = 0; i < f->n_vms; i++)
        if (f->vms[i].gone_at && f->vms[i].gone_at <= *f->now)
            f->vms[i].alive = false;
}

unsigned fake_cloud_vms(const struct fake_cloud *f) {
    unsigned n = 0;
    for (unsigned i = 0; i < f->n_vms; i++)
        n += f->vms[i].alive;
    return n;
}

static void add_vm(struct fake_cloud *f, const char *group, const char *set, const char *name,
                   const char *id, const char *type, const char *custom_data) {
    struct vm *v = &f->vms[f->n_vms++];
    *v = (struct vm){.alive = true, .ready_at = *f->now + BOOT_TIME};
    (void)snprintf(v->group, sizeof(v->group), "%s", group);
    (void)snprintf(v->set, sizeof(v->set), "%s", set);
    (void)snprintf(v->name, sizeof(v->name), "%s", name);
    (void)snprintf(v->id, sizeof(v->id), "%s", id);
    (void)snprintf(v->type, sizeof(v->type), "%s", type);
    (void)snprintf(v->shown.resource_id, sizeof(v->shown.resource_id),
                   "/fake/%s/%s/virtualMachines/%s", group, *set ? set : "-", *set ? id : name);
    (void)snprintf(v->shown.vm_id, sizeof(v->shown.vm_id), "vm-%u", f->n_vms);
    v->shown.custom_data = custom_data;
    unsigned now = fake_cloud_vms(f);
    if (now > f->peak)
        f->peak = now;
}

static unsigned set_size(const struct fake_cloud *f, const struct set *s) {
    unsigned n = 0;
    for (unsigned i = 0; i < f->n_vms; i++)
        n += f->vms[i].alive && !f->vms[i].gone_at && strcmp(f->vms[i].set, s->name) == 0 &&
             strcmp(f->vms[i].group, s->group) == 0;
    return n;
}

static void fill_set(struct fake_cloud *f, struct set *s, unsigned capacity) {
    while (set_size(f, s) < capacity) {
        char id[16], name[96];
        (void)snprintf(id, sizeof(id), "%u", s->next_id++);
        (void)snprintf(name, sizeof(name), "%s_%s", s->name, id);
        add_vm(f, s->group, s->name, name, id, s->type, s->custom_data);
    }
}

static void delete_where(struct fake_cloud *f, const char *group, const char *set,
                         const char *name) {
    for (unsigned i = 0; i < f->n_vms; i++) {
        struct vm *v = &f->vms[i];
        if (strcmp(v->group, group) == 0 && (!set || strcmp(v->set, set) == 0) &&
            (!name || strcmp(v->name, name) == 0))
            v->alive = false;
    }
}

static bool is_write(enum cyclecloud_call call) {
    return (call >= CYCLECLOUD_CALL_ENSURE_GROUP && call <= CYCLECLOUD_CALL_DEALLOCATE_VM) ||
           call == CYCLECLOUD_CALL_CREATE_SET || call == CYCLECLOUD_CALL_RESIZE_SET ||
           (call >= CYCLECLOUD_CALL_DELETE_SET && call <= CYCLECLOUD_CALL_DEALLOCATE_INSTANCES);
}

static enum cyclecloud_class create_set(struct fake_cloud *f, const struct cyclecloud_request *q) {
    struct set *s = find_set(f, q->group, q->name);
    if (!s) {
        s = &f->sets[f->n_sets++];
        *s = (struct set){.alive = true, .custom_data = strdup(q->spec->custom_data)};
        (void)snprintf(s->group, sizeof(s->group), "%s", q->group);
        (void)snprintf(s->name, sizeof(s->name), "%s", q->name);
        (void)snprintf(s->type, sizeof(s->type), "%s", q->spec->machine_type);
    }
    fill_set(f, s, q->capacity);
    return CYCLECLOUD_PENDING;
}

static enum cyclecloud_class create_vm(struct fake_cloud *f, const struct cyclecloud_request *q) {
    for (unsigned i = 0; i < f->n_vms; i++)
        if (f->vms[i].alive && strcmp(f->vms[i].name, q->name) == 0 &&
            strcmp(f->vms[i].group, q->group) == 0)
            return CYCLECLOUD_PENDING;
    f->owned[f->n_owned] = strdup(q->spec->custom_data);
    add_vm(f, q->group, "", q->name, "", q->spec->machine_type, f->owned[f->n_owned++]);
    return CYCLECLOUD_PENDING;
}

static struct vm *find_member(struct fake_cloud *f, const struct set *s, const char *id) {
    for (unsigned i = 0; i < f->n_vms; i++)
        if (f->vms[i].alive && strcmp(f->vms[i].set, s->name) == 0 &&
            strcmp(f->vms[i].group, s->group) == 0 && strcmp(f->vms[i].id, id) == 0)
            return &f->vms[i];
    return NULL;
}

/* As Azure: an id that is not there makes the whole request invalid. */
static enum cyclecloud_class change_members(struct fake_cloud *f, const struct set *s,
                                            const struct cyclecloud_request *q) {
    for (size_t i = 0; q->instance_ids[i]; i++)
        if (!find_member(f, s, q->instance_ids[i]))
            return CYCLECLOUD_INVALID;
    for (size_t i = 0; q->instance_ids[i]; i++) {
        struct vm *v = find_member(f, s, q->instance_ids[i]);
        v->alive = q->call != CYCLECLOUD_CALL_DELETE_INSTANCES;
        v->stopped = q->call == CYCLECLOUD_CALL_DEALLOCATE_INSTANCES;
    }
    return CYCLECLOUD_PENDING;
}

static enum cyclecloud_class power_vm(struct fake_cloud *f, const struct cyclecloud_request *q) {
    for (unsigned i = 0; i < f->n_vms; i++) {
        struct vm *v = &f->vms[i];
        if (!v->alive || strcmp(v->name, q->name) != 0 || strcmp(v->group, q->group) != 0)
            continue;
        v->stopped = q->call == CYCLECLOUD_CALL_DEALLOCATE_VM;
        return CYCLECLOUD_PENDING;
    }
    return CYCLECLOUD_GONE;
}

static enum cyclecloud_class change_set(struct fake_cloud *f, const struct cyclecloud_request *q) {
    struct set *s = find_set(f, q->group, q->name);
    if (!s)
        return CYCLECLOUD_GONE;
    if (q->call == CYCLECLOUD_CALL_RESIZE_SET)
        fill_set(f, s, q->capacity);
    if (q->call == CYCLECLOUD_CALL_DELETE_INSTANCES || q->call == CYCLECLOUD_CALL_START_INSTANCES ||
        q->call == CYCLECLOUD_CALL_DEALLOCATE_INSTANCES)
        return change_members(f, s, q);
    if (q->call == CYCLECLOUD_CALL_DELETE_SET) {
        delete_where(f, q->group, q->name, NULL);
        s->alive = false;
    }
    return CYCLECLOUD_PENDING;
}

static enum cyclecloud_class delete_group(struct fake_cloud *f, const char *group) {
    delete_where(f, group, NULL, NULL);
    for (unsigned i = 0; i < f->n_sets; i++)
        if (strcmp(f->sets[i].group, group) == 0)
            f->sets[i].alive = false;
    for (unsigned i = 0; i < f->n_groups; i++)
        if (strcmp(f->groups[i], group) == 0)
            f->groups[i][0] = '\0';
    return CYCLECLOUD_PENDING;
}

static enum cyclecloud_class ensure_group(struct fake_cloud *f, const char *group) {
    if (!has_group(f, group))
        (void)snprintf(f->groups[f->n_groups++], sizeof(f->groups[0]), "%s", group);
    return CYCLECLOUD_OK;
}

static enum cyclecloud_class effect(struct fake_cloud *f, const struct cyclecloud_request *q) {
    if (q->call == CYCLECLOUD_CALL_ENSURE_GROUP)
        return ensure_group(f, q->group);
    if (!has_group(f, q->group))
        return CYCLECLOUD_GONE;
    switch (q->call) {
    case CYCLECLOUD_CALL_DELETE_GROUP:
        return delete_group(f, q->group);
    case CYCLECLOUD_CALL_CREATE_VM:
        return create_vm(f, q);
    case CYCLECLOUD_CALL_DELETE_VM:
        delete_where(f, q->group, "", q->name);
        return CYCLECLOUD_PENDING;
    case CYCLECLOUD_CALL_START_VM:
    case CYCLECLOUD_CALL_DEALLOCATE_VM:
        return power_vm(f, q);
    case CYCLECLOUD_CALL_CREATE_SET:
        return create_set(f, q);
    case CYCLECLOUD_CALL_RESIZE_SET:
    case CYCLECLOUD_CALL_DELETE_SET:
    case CYCLECLOUD_CALL_DELETE_INSTANCES:
    case CYCLECLOUD_CALL_START_INSTANCES:
    case CYCLECLOUD_CALL_DEALLOCATE_INSTANCES:
        return change_set(f, q);
    default:
        return CYCLECLOUD_OK;
    }
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
    [FAULT_CONFLICT] = CYCLECLOUD_CONFLICT,
    [FAULT_GONE] = CYCLECLOUD_GONE,
};

static bool refuses(enum fake_fault fault) {
    return fault == FAULT_LOST_REQUEST || (fault >= FAULT_CAPACITY && fault <= FAULT_GONE);
}

/* What becomes of a write, faults included. Returns false when the engine crashes before it counts.
 */
static bool carry_out(struct fake_cloud *f, const struct cyclecloud_request *q,
                      enum cyclecloud_class *ret) {
    enum fake_fault fault = take_rule(f, q->call);
    f->writes++;
    if (f->fault_in && --f->fault_in == 0)
        fault = f->fault;
    f->crashed = f->crashed || fault == FAULT_CRASH_BEFORE || fault == FAULT_CRASH_AFTER;
    if (fault == FAULT_CRASH_BEFORE)
        return false;
    *ret = refuses(fault) ? refusals[fault] : effect(f, q);
    if (fault == FAULT_LOST_REPLY)
        *ret = CYCLECLOUD_TRANSPORT;
    return fault != FAULT_CRASH_AFTER;
}

static int submit(void *provider, const struct cyclecloud_request *q, cyclecloud_done done,
                  void *arg) {
    struct fake_cloud *f = provider;
    struct pending *p = calloc(1, sizeof(*p));
    p->done = done;
    p->arg = arg;
    p->call = q->call;
    p->at = *f->now + ANSWER_TIME;
    (void)snprintf(p->group, sizeof(p->group), "%s", q->group ? q->group : "");
    (void)snprintf(p->name, sizeof(p->name), "%s", q->name ? q->name : "");
    p->result = CYCLECLOUD_OK;
    expire(f);
    f->calls[q->call]++;
    if (!is_write(q->call))
        p->fault = take_rule(f, q->call);
    if (refuses(p->fault))
        p->result = refusals[p->fault];
    if (f->crashed || (is_write(q->call) && !carry_out(f, q, &p->result))) {
        free(p); /* nobody is there any more to hear the answer */
        return 0;
    }
    if (q->call == CYCLECLOUD_CALL_POLL && p->result == CYCLECLOUD_OK) {
        unsigned n = (unsigned)strtoul(q->operation_url, NULL, 10);
        p->result = f->operation_end[n] <= *f->now ? CYCLECLOUD_OK : CYCLECLOUD_PENDING;
        (void)snprintf(p->url, sizeof(p->url), "%u", n);
    } else if (p->result == CYCLECLOUD_PENDING) {
        f->operation_end[++f->operations] = *f->now + BOOT_TIME;
        (void)snprintf(p->url, sizeof(p->url), "%u", f->operations);
    }
    struct pending **at = &f->queue;
    while (*at && (*at)->at <= p->at)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
    return 0;
}

static void list_instances(struct fake_cloud *f, const struct pending *p,
                           struct cyclecloud_result *r, struct cyclecloud_instance *out) {
    for (unsigned i = 0; i < f->n_vms; i++) {
        struct vm *v = &f->vms[i];
        bool member =
            p->call == CYCLECLOUD_CALL_LIST_INSTANCES ? strcmp(v->set, p->name) == 0 : !*v->set;
        bool here = p->call == CYCLECLOUD_CALL_SWEEP || (member && strcmp(v->group, p->group) == 0);
        if (!v->alive || !here)
            continue;
        bool up = v->ready_at <= *f->now;
        const char *made = v->gone_at ? "Deleting" : up ? "Succeeded" : "Creating";
        const char *power = v->stopped ? "deallocated" : up ? "running" : "starting";
        out[r->n_instances++] = (struct cyclecloud_instance){.resource_id = v->shown.resource_id,
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
                                                             .power_state = power,
                                                             .error_code = "",
                                                             .error_message = "",
                                                             .placement_group = ""};
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
    for (unsigned i = 0; i < f->n_sets; i++)
        if (f->sets[i].alive && strcmp(f->sets[i].group, p->group) == 0)
            out[r->n_sets++] = (struct cyclecloud_set){.resource_id = "",
                                                       .name = f->sets[i].name,
                                                       .machine_type = f->sets[i].type,
                                                       .provisioning_state = "Succeeded",
                                                       .capacity = set_size(f, &f->sets[i])};
    r->sets = out;
}

/* A group, and for its members a set, must be there to be listed. */
static bool is_missing(struct fake_cloud *f, const struct pending *p) {
    bool members = p->call == CYCLECLOUD_CALL_LIST_INSTANCES;
    bool in_group =
        members || p->call == CYCLECLOUD_CALL_LIST_VMS || p->call == CYCLECLOUD_CALL_LIST_SETS;
    return in_group && (!has_group(f, p->group) || (members && !find_set(f, p->group, p->name)));
}

/* What a read finds. `instances` and `sets` have room for all there are. */
static void fill_result(struct fake_cloud *f, const struct pending *p, struct cyclecloud_result *r,
                        struct cyclecloud_instance *instances, struct cyclecloud_set *sets) {
    static const struct cyclecloud_subnet subnet = {"id", "10.0.0.0/12", 1048571};
    switch (p->call) {
    case CYCLECLOUD_CALL_LIST_VMS:
    case CYCLECLOUD_CALL_LIST_INSTANCES:
    case CYCLECLOUD_CALL_SWEEP:
        list_instances(f, p, r, instances);
        distort(p, r, instances);
        break;
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
    case CYCLECLOUD_CALL_LIST_QUOTAS:
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
        r.code = "Fault";
        r.message = "as the test wanted";
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

static struct vm *nth_vm(struct fake_cloud *f, unsigned n) {
    for (unsigned i = 0; i < f->n_vms; i++)
        if (f->vms[i].alive && n-- == 0)
            return &f->vms[i];
    return NULL;
}

struct fake_vm *fake_cloud_vm(struct fake_cloud *f, unsigned n) {
    struct vm *v = nth_vm(f, n);
    if (v)
        v->shown.running = v->ready_at <= *f->now;
    return v ? &v->shown : NULL;
}

void fake_cloud_kill(struct fake_cloud *f, unsigned n) {
    nth_vm(f, n)->alive = false;
}

void fake_cloud_kill_group(struct fake_cloud *f) {
    for (unsigned i = 0; i < f->n_groups; i++)
        if (f->groups[i][0])
            (void)delete_group(f, f->groups[i]);
}

void fake_cloud_evict(struct fake_cloud *f, unsigned n) {
    nth_vm(f, n)->gone_at = *f->now + USEC_MIN;
}
