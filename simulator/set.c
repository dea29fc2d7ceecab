/* SPDX-License-Identifier: MIT */
#include "set.h"

#include "base/parse.h"
#include "network.h"
#include "operation.h"
#include "quota.h"
#include "vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NIC_PATH "properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations.0"
#define IP_PATH NIC_PATH ".properties.ipConfigurations.0.properties"

enum { HOST_NAME_SIZE = 80, HOST_DIGITS = 6 };

static bool text_is(json_t *body, const char *path, const char *word) {
    const char *text = json_path_text(body, path);
    return text && text_equal_fold(text, word);
}

/* Whether machines made from one body differ from those of another. */
static bool model_differs(json_t *before, json_t *after) {
    static const char *const paths[] = {"sku.name", "properties.virtualMachineProfile"};
    for (size_t i = 0; before && i < ARRAY_SIZE(paths); i++) {
        json_t *old = json_path(before, paths[i]), *new = json_path(after, paths[i]);
        if (old != new && !(old && new &&json_equal(old, new)))
            return true;
    }
    return false;
}

int set_update(struct world *world, struct set *set, json_t *body) {
    json_t *copy = json_deep_copy(body);
    const char *data =
        json_path_text(body, "properties.virtualMachineProfile.osProfile.customData");
    struct home *home = NULL;
    if (!copy || home_read(data, &home) < 0) {
        json_decref(copy);
        return -ENOMEM;
    }
    set->model += model_differs(set->body, copy);
    json_decref(set->body);
    set->body = copy;
    if (home || !set->home) {
        home_free(set->home);
        set->home = home;
    }
    set->size = catalogue_find(world->catalogue, json_path_text(body, "sku.name"));
    set->subnet = subnet_find(world, json_path_text(body, IP_PATH ".subnet.id"));
    set->spot = text_is(body, "properties.virtualMachineProfile.priority", "Spot");
    set->evict_deallocates =
        !text_is(body, "properties.virtualMachineProfile.evictionPolicy", "Delete");
    world_change(world, &set->object);
    return 0;
}

struct set *set_new(struct world *world, struct group *group, const char *name, json_t *body) {
    struct set *set = calloc(1, sizeof(*set));
    if (!set)
        return NULL;
    *set = (struct set){
        .object = {.kind = OBJECT_SET, .group = group},
        .name = strdup(name),
        .region = region_index(json_path_text(body, "location")),
        .flexible = text_is(body, "properties.orchestrationMode", "Flexible"),
        .created_at = clock_wall(&clock_real),
    };
    list_init(&set->object.dirty);
    list_init(&set->object.member);
    random_uuid(&world->random, set->unique_id);
    set->object.id = text_format("%s/providers/Microsoft.Compute/virtualMachineScaleSets/%s",
                                 group->object.id, name);
    if (!set->name || !set->object.id || set_update(world, set, body) < 0 ||
        world_add(world, &set->object) < 0) {
        set_free(world, set);
        return NULL;
    }
    quota_count_set(world->quota, set->region, 1);
    world->n_sets++;
    return set;
}

void set_free(struct world *world, struct set *set) {
    while (set->vms.len)
        vm_free(set->vms.items[set->vms.len - 1]);
    vm_vec_done(&set->vms);
    operation_preempt(set->running);
    if (!list_empty(&set->object.member)) {
        world_remove(world, &set->object);
        quota_count_set(world->quota, set->region, -1);
        world->n_sets--;
    }
    json_decref(set->body);
    home_free(set->home);
    free(set->object.id);
    free(set->name);
    free(set);
}

size_t set_index_from(const struct set *set, uint32_t number) {
    size_t low = 0, high = set->vms.len;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->vms.items[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct vm *set_member(const struct set *set, const char *instance_id) {
    uint64_t number;
    if (set->flexible) {
        for (size_t i = 0; i < set->vms.len; i++)
            if (strcasecmp(set->vms.items[i]->name, instance_id) == 0)
                return set->vms.items[i];
        return NULL;
    }
    if (parse_u64(instance_id, &number) < 0 || number > UINT32_MAX)
        return NULL;
    size_t at = set_index_from(set, (uint32_t)number);
    bool found = at < set->vms.len && set->vms.items[at]->number == number;
    return found ? set->vms.items[at] : NULL;
}

int set_enter(struct set *set, struct vm *vm) {
    int r = vm_vec_insert(&set->vms, set_index_from(set, vm->number), vm);
    if (r == 0 && vm->state != VM_DELETING)
        set->live++;
    return r;
}

void set_leave(struct set *set, struct vm *vm) {
    size_t at = set_index_from(set, vm->number);
    if (at >= set->vms.len || set->vms.items[at] != vm)
        return;
    vm_vec_remove(&set->vms, at);
    if (vm->state != VM_DELETING)
        set->live--;
}

/* "hpc-00000A": the prefix and the instance number in base 36, as Azure names hosts. */
static void host_name(const struct set *set, uint32_t number, char name[HOST_NAME_SIZE]) {
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *prefix =
        json_path_text(set->body, "properties.virtualMachineProfile.osProfile.computerNamePrefix");
    char tail[HOST_DIGITS + 1] = {0};
    for (int i = HOST_DIGITS - 1; i >= 0; i--, number /= 36)
        tail[i] = digits[number % 36];
    (void)snprintf(name, HOST_NAME_SIZE, "%.60s%s", prefix ? prefix : set->name, tail);
}

static char *member_name(struct world *world, const struct set *set, uint32_t number) {
    if (!set->flexible)
        return text_format("%s_%u", set->name, number);
    return text_format("%s_%08x", set->name, (unsigned)random_u64(&world->random));
}

static int add_member(struct world *world, struct set *set, struct vm_failure failure,
                      usec_t *ret_ready_at) {
    uint32_t number = set->next_instance;
    char host[HOST_NAME_SIZE];
    host_name(set, number, host);
    _cleanup_free_ char *name = member_name(world, set, number);
    if (!name)
        return -ENOMEM;
    json_t *zones = json_object_get(set->body, "zones");
    const char *zone = json_string_value(
        json_array_get(zones, json_array_size(zones) ? number % json_array_size(zones) : 0));
    struct vm *vm;
    int r = vm_new(
        world,
        &(struct vm_plan){
            .group = set->object.group,
            .set = set,
            .name = name,
            .computer_name = host,
            .region = set->region,
            .size = set->size,
            .subnet = set->subnet,
            .zone = zone,
            .number = number,
            .spot = set->spot,
            .evict_deallocates = set->evict_deallocates,
            .public_address = json_path(set->body, IP_PATH ".publicIPAddressConfiguration") != NULL,
            .failure = failure,
        },
        &vm, ret_ready_at);
    if (r == 0)
        set->next_instance++;
    return r;
}

int set_grow(struct world *world, struct set *set, const struct growth *growth,
             usec_t *ret_ready_at) {
    usec_t last = clock_wall(&clock_real);
    size_t before = set->vms.len;
    for (uint32_t i = 0; i < growth->count; i++) {
        usec_t ready_at;
        struct vm_failure failure = {VM_FATE_GOOD, NULL, NULL};
        if (i >= growth->allocated)
            failure = growth->failure;
        int r = add_member(world, set, failure, &ready_at);
        if (r < 0) {
            while (set->vms.len > before)
                vm_free(set->vms.items[set->vms.len - 1]);
            return r;
        }
        last = ready_at > last ? ready_at : last;
    }
    world_change(world, &set->object);
    *ret_ready_at = last;
    return 0;
}

usec_t set_shrink(struct world *world, struct set *set, uint32_t count) {
    usec_t last = clock_wall(&clock_real);
    for (size_t i = set->vms.len; i-- > 0 && set->live > count;) {
        if (set->vms.items[i]->state == VM_DELETING)
            continue;
        usec_t at = vm_act(set->vms.items[i], VM_ACTION_DELETE);
        last = at > last ? at : last;
    }
    world_change(world, &set->object);
    return last;
}
