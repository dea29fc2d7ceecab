/* SPDX-License-Identifier: MIT */
#include "fake-world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool has_group(const struct fake_cloud *f, const char *name) {
    for (unsigned i = 0; i < f->n_groups; i++)
        if (strcmp(f->groups[i], name) == 0)
            return true;
    return false;
}

struct set *find_set(struct fake_cloud *f, const char *group, const char *name) {
    for (unsigned i = 0; i < f->n_sets; i++)
        if (f->sets[i].alive && strcmp(f->sets[i].name, name) == 0 &&
            strcmp(f->sets[i].group, group) == 0)
            return &f->sets[i];
    return NULL;
}

void expire(struct fake_cloud *f) {
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

unsigned set_size(const struct fake_cloud *f, const struct set *s) {
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

/* It has another etag from now on. */
static void touch_set(struct set *s) {
    (void)snprintf(s->etag, sizeof(s->etag), "\"%u\"", ++s->changes);
}

/* VMs that a create or a resize would add. */
static unsigned adds(struct fake_cloud *f, const struct cyclecloud_request *q) {
    if (q->call == CYCLECLOUD_CALL_CREATE_VM)
        return 1;
    if (q->call != CYCLECLOUD_CALL_CREATE_SET && q->call != CYCLECLOUD_CALL_RESIZE_SET)
        return 0;
    const struct set *s = find_set(f, q->group, q->name);
    unsigned now = s ? set_size(f, s) : 0;
    return q->capacity > now ? q->capacity - now : 0;
}

unsigned cores_used(const struct fake_cloud *f) {
    unsigned used = 0;
    for (unsigned i = 0; i < f->n_vms; i++)
        used += f->vms[i].alive && strcmp(f->vms[i].type, "Standard_F2s_v2") == 0 ? 2 : 0;
    return used;
}

const char *too_much(struct fake_cloud *f, const struct cyclecloud_request *q,
                     struct cyclecloud_quota_error *ret) {
    unsigned more = adds(f, q), used = cores_used(f);
    if (!more)
        return NULL;
    if (f->addresses && fake_cloud_vms(f) + more > f->addresses)
        return "SubnetIsFull";
    const char *type = q->spec ? q->spec->machine_type : "";
    if (!f->quota || strcmp(type, "Standard_F2s_v2") != 0 || used + 2 * more <= f->quota)
        return NULL;
    *ret = (struct cyclecloud_quota_error){"standardFSv2Family", f->quota, used, 2 * more};
    return "OperationNotAllowed";
}

static enum cyclecloud_class create_set(struct fake_cloud *f, const struct cyclecloud_request *q) {
    struct set *s = find_set(f, q->group, q->name);
    if (s)
        return CYCLECLOUD_PENDING; /* it is followed as it is */
    s = &f->sets[f->n_sets++];
    *s = (struct set){.alive = true, .custom_data = strdup(q->spec->custom_data)};
    (void)snprintf(s->group, sizeof(s->group), "%s", q->group);
    (void)snprintf(s->name, sizeof(s->name), "%s", q->name);
    (void)snprintf(s->type, sizeof(s->type), "%s", q->spec->machine_type);
    fill_set(f, s, q->capacity);
    touch_set(s);
    return CYCLECLOUD_PENDING;
}

static enum cyclecloud_class create_vm(struct fake_cloud *f, const struct cyclecloud_request *q) {
    for (unsigned i = 0; i < f->n_vms; i++)
        if (f->vms[i].alive && strcmp(f->vms[i].name, q->name) == 0 &&
            strcmp(f->vms[i].group, q->group) == 0)
            return CYCLECLOUD_PENDING;
    if (!disks_are_free(f, q))
        return CYCLECLOUD_CONFLICT;
    f->owned[f->n_owned] = strdup(q->spec->custom_data);
    add_vm(f, q->group, "", q->name, "", q->spec->machine_type, f->owned[f->n_owned++]);
    disks_attach(f, q);
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
        v->allocated = false;
        v->shown.called = v->shown.called && !v->stopped;
    }
    return CYCLECLOUD_PENDING;
}

static enum cyclecloud_class power_vm(struct fake_cloud *f, const struct cyclecloud_request *q) {
    for (unsigned i = 0; i < f->n_vms; i++) {
        struct vm *v = &f->vms[i];
        if (!v->alive || strcmp(v->name, q->name) != 0 || strcmp(v->group, q->group) != 0)
            continue;
        v->stopped = q->call == CYCLECLOUD_CALL_DEALLOCATE_VM;
        v->allocated = false;
        v->shown.called = v->shown.called && !v->stopped;
        return CYCLECLOUD_PENDING;
    }
    return CYCLECLOUD_GONE;
}

static enum cyclecloud_class change_set(struct fake_cloud *f, const struct cyclecloud_request *q) {
    struct set *s = find_set(f, q->group, q->name);
    if (!s)
        return CYCLECLOUD_GONE;
    bool matches = !q->if_match || !*q->if_match || strcmp(q->if_match, s->etag) == 0;
    if (q->call == CYCLECLOUD_CALL_RESIZE_SET && !matches)
        return CYCLECLOUD_CONFLICT;
    if (q->call == CYCLECLOUD_CALL_RESIZE_SET)
        fill_set(f, s, q->capacity);
    touch_set(s);
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
    disks_delete_group(f, group);
    f->security_group = false;
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

enum cyclecloud_class effect(struct fake_cloud *f, const struct cyclecloud_request *q) {
    if (q->call == CYCLECLOUD_CALL_ENSURE_GROUP)
        return ensure_group(f, q->group);
    if (!has_group(f, q->group))
        return CYCLECLOUD_GONE;
    if (q->spec && q->spec->security_group_id && !f->security_group)
        return CYCLECLOUD_INVALID; /* it names what is not there */
    switch (q->call) {
    case CYCLECLOUD_CALL_ENSURE_SECURITY_GROUP:
        f->security_group = true;
        return CYCLECLOUD_OK;
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
    case CYCLECLOUD_CALL_CREATE_DISK:
    case CYCLECLOUD_CALL_RESIZE_DISK:
    case CYCLECLOUD_CALL_DELETE_DISK:
        return change_disk(f, q);
    default:
        return CYCLECLOUD_OK;
    }
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
        v->shown.running = v->ready_at <= *f->now && !v->failed && !v->stopped;
    return v ? &v->shown : NULL;
}

bool has_console(const struct fake_cloud *f, const struct pending *p) {
    bool member = p->call == CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE;
    for (unsigned i = 0; i < f->n_vms; i++) {
        const struct vm *v = &f->vms[i];
        bool named = member ? strcmp(v->set, p->name) == 0 && strcmp(v->id, p->instance) == 0
                            : !*v->set && strcmp(v->name, p->name) == 0;
        if (v->alive && named && strcmp(v->group, p->group) == 0)
            return true;
    }
    return false;
}

void fake_cloud_fail(struct fake_cloud *f, unsigned n, const char *code) {
    nth_vm(f, n)->failed = code;
}

void fake_cloud_say(struct fake_cloud *f, const char *text) {
    f->console = text;
}

void fake_cloud_kill(struct fake_cloud *f, unsigned n) {
    nth_vm(f, n)->alive = false;
}

void fake_cloud_kill_group(struct fake_cloud *f) {
    for (unsigned i = 0; i < f->n_groups; i++)
        if (f->groups[i][0])
            (void)delete_group(f, f->groups[i]);
}

void fake_cloud_kill_security_group(struct fake_cloud *f) {
    f->security_group = false;
}

void fake_cloud_stop(struct fake_cloud *f, unsigned n, bool deallocated) {
    struct vm *v = nth_vm(f, n);
    v->stopped = true;
    v->allocated = !deallocated;
    v->shown.called = false;
}

void fake_cloud_evict(struct fake_cloud *f, unsigned n) {
    nth_vm(f, n)->gone_at = *f->now + USEC_MIN;
}
