/* SPDX-License-Identifier: MIT */
#include "world.h"

#include "base64.h"
#include "graph.h"
#include "network.h"
#include "operation.h"
#include "options.h"
#include "resource.h"
#include "set.h"
#include "state.h"
#include "vm.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define FIRST_PUBLIC_ADDRESS 0x14500001u /* 20.80.0.1 */

enum { CUSTOM_DATA_MAX = 65535 };

const char *const region_names[REGIONS] = {"eastus", "westeurope"};

int region_index(const char *name) {
    for (int i = 0; name && i < REGIONS; i++) {
        const char *a = region_names[i], *b = name;
        while (*a && *b) {
            if (isspace((unsigned char)*b)) {
                b++;
                continue;
            }
            if (tolower((unsigned char)*b) != *a)
                break;
            a++;
            b++;
        }
        if (!*a && !*b)
            return i;
    }
    return -ENOENT;
}

int world_init(struct world *world, const struct options *options, struct catalogue *catalogue) {
    *world = (struct world){
        .options = options,
        .catalogue = catalogue,
        .random_state = options->seed,
        .next_public_address = FIRST_PUBLIC_ADDRESS,
    };
    world->random = random_seeded(&world->random_state);
    world->timers.context = world;
    list_init(&world->groups);
    list_init(&world->operations);
    list_init(&world->vms);
    list_init(&world->gone);
    list_init(&world->subnets);
    return 0;
}

int world_provision(struct world *world) {
    static const char network_id[] = SUBSCRIPTION_PATH
        "/resourceGroups/sim-rg/providers/Microsoft.Network/virtualNetworks/sim-vnet";
    struct group *group = group_new(world, "sim-rg", 0, NULL);
    json_t *body = json_pack(
        "{s:s,s:s,s:s,s:s,s:{s:s,s:{s:[s]},s:[{s:s+,s:s,s:s,s:{s:s,s:s,s:[],s:s,s:s}}]}}", "id",
        network_id, "name", "sim-vnet", "type", "Microsoft.Network/virtualNetworks", "location",
        region_names[0], "properties", "provisioningState", "Succeeded", "addressSpace",
        "addressPrefixes", "10.0.0.0/8", "subnets", "id", network_id, "/subnets/compute", "name",
        "compute", "type", "Microsoft.Network/virtualNetworks/subnets", "properties",
        "addressPrefix", "10.0.0.0/12", "provisioningState", "Succeeded", "delegations",
        "privateEndpointNetworkPolicies", "Disabled", "privateLinkServiceNetworkPolicies",
        "Enabled");
    if (!group || !body || subnets_enter(world, body) < 0) {
        json_decref(body);
        return -ENOMEM;
    }
    return resource_new(world, group, "Microsoft.Network/virtualNetworks", body) ? 0 : -ENOMEM;
}

/* Instances of Uniform sets are found through their set. */
static bool in_table(const struct object *object) {
    if (object->kind != OBJECT_VM)
        return true;
    const struct vm *vm = list_entry(object, struct vm, object);
    return !vm->set || vm->set->flexible;
}

static struct list *members_of(struct world *world, const struct object *object) {
    if (object->kind == OBJECT_GROUP)
        return &world->groups;
    if (object->kind == OBJECT_OPERATION)
        return &world->operations;
    return &object->group->objects;
}

int world_add(struct world *world, struct object *object) {
    if (in_table(object)) {
        int r = table_put(&world->objects, object->id, object);
        if (r < 0)
            return r;
        list_add_tail(members_of(world, object), &object->member);
    }
    world->n_groups += object->kind == OBJECT_GROUP;
    world->n_operations += object->kind == OBJECT_OPERATION;
    world_touch(world, object);
    return 0;
}

void world_remove(struct world *world, struct object *object) {
    if (in_table(object)) {
        if (list_empty(&object->member))
            return; /* never came in */
        table_remove(&world->objects, object->id);
        list_del(&object->member);
    }
    world->n_groups -= object->kind == OBJECT_GROUP;
    world->n_operations -= object->kind == OBJECT_OPERATION;
    list_del(&object->dirty);
    if (world->state)
        state_forget(world->state, object);
}

void *world_find(const struct world *world, enum object_kind kind, const char *id) {
    struct object *object = id ? table_get(&world->objects, id) : NULL;
    if (object && object->kind == kind)
        return object; /* the first member of each kind */
    if (kind != OBJECT_VM || !id)
        return NULL;
    /* ".../virtualMachineScaleSets/NAME/virtualMachines/NUMBER" */
    const char *number = strrchr(id, '/');
    static const char parent[] = "/virtualMachines";
    size_t len = number ? (size_t)(number - id) : 0;
    if (len <= sizeof(parent) - 1 ||
        strncasecmp(number - (sizeof(parent) - 1), parent, sizeof(parent) - 1) != 0)
        return NULL;
    _cleanup_free_ char *set_id = strndup(id, len - (sizeof(parent) - 1));
    struct set *set = set_id ? world_find(world, OBJECT_SET, set_id) : NULL;
    return set && !set->flexible ? set_member(set, number + 1) : NULL;
}

void world_touch(struct world *world, struct object *object) {
    if (world->state)
        state_touch(world->state, object);
}

/* Made of the time, so that a resource that is made again never has an etag of before. */
void world_change(struct world *world, struct object *object) {
    uint64_t now = clock_wall(&clock_real);
    object->version = now > object->version ? now : object->version + 1;
    world_touch(world, object);
}

struct group *world_group(const struct world *world, const char *name) {
    _cleanup_free_ char *id = text_format(SUBSCRIPTION_PATH "/resourceGroups/%s", name);
    return world_find(world, OBJECT_GROUP, id);
}

struct group *group_new(struct world *world, const char *name, int region, json_t *tags) {
    struct group *group = world->n_groups < GROUPS_MAX ? calloc(1, sizeof(*group)) : NULL;
    if (!group)
        return NULL;
    *group = (struct group){
        .object = {.kind = OBJECT_GROUP,
                   .id = text_format(SUBSCRIPTION_PATH "/resourceGroups/%s", name)},
        .name = strdup(name),
        .region = region,
        .tags = json_incref(tags),
    };
    list_init(&group->objects);
    list_init(&group->object.dirty);
    list_init(&group->object.member);
    if (!group->object.id || !group->name || world_add(world, &group->object) < 0) {
        group_free(world, group);
        return NULL;
    }
    return group;
}

static void object_free(struct world *world, struct object *object) {
    switch (object->kind) {
    case OBJECT_SET:
        set_free(world, list_entry(object, struct set, object));
        break;
    case OBJECT_VM:
        vm_free(list_entry(object, struct vm, object));
        break;
    case OBJECT_RESOURCE:
        resource_free(world, list_entry(object, struct resource, object));
        break;
    case OBJECT_GROUP:
    case OBJECT_OPERATION:
        break;
    }
}

/* Frees the members of one kind. A set takes its members along, so each round looks afresh. */
static void free_kind(struct world *world, struct group *group, enum object_kind kind) {
    struct list *link = group->objects.next;
    while (link != &group->objects) {
        struct object *object = list_entry(link, struct object, member);
        bool match = object->kind == kind;
        if (match)
            object_free(world, object);
        link = match ? group->objects.next : link->next;
    }
}

void group_free(struct world *world, struct group *group) {
    free_kind(world, group, OBJECT_SET);
    free_kind(world, group, OBJECT_VM);
    free_kind(world, group, OBJECT_RESOURCE);
    world_remove(world, &group->object);
    json_decref(group->tags);
    free(group->object.id);
    free(group->name);
    free(group);
}

void world_done(struct world *world) {
    world->state = NULL; /* what is kept stays as it is */
    world->ending = true;
    /* Machines first: they give their addresses back to subnets of other groups. */
    list_for_each(link, &world->groups) {
        struct group *group = list_entry(link, struct group, object.member);
        free_kind(world, group, OBJECT_SET);
        free_kind(world, group, OBJECT_VM);
    }
    list_for_each_safe(link, next, &world->groups)
        group_free(world, list_entry(link, struct group, object.member));
    list_for_each_safe(link, next, &world->operations)
        operation_free(world, list_entry(link, struct operation, object.member));
    subnets_done(world);
    graph_done(world);
    timer_heap_done(&world->timers);
    table_done(&world->objects);
    free(world->base_url);
}

usec_t world_seconds(const struct world *world, double seconds) {
    return (usec_t)(seconds * world->options->time_scale * (double)USEC_SEC);
}

usec_t world_span(struct world *world, double from_s, double to_s) {
    /* The mean of two draws: most spans lie in the middle, as they do in life. */
    double share = (random_unit(&world->random) + random_unit(&world->random)) / 2;
    return world_seconds(world, from_s + (to_s - from_s) * share);
}

int home_read(const char *custom_data, struct home **ret) {
    *ret = NULL;
    _cleanup_buf_ struct buf text = BUF_INIT(CUSTOM_DATA_MAX);
    if (!custom_data || base64_decode(&text, custom_data, strlen(custom_data)) < 0)
        return 0;
    _cleanup_json_ json_t *document = json_loadb(text.data, text.len, 0, NULL);
    const char *server = json_path_text(document, "server");
    const char *token = json_path_text(document, "token");
    if (!server || !token)
        return 0;
    _cleanup_(home_freep) struct home *home = calloc(1, sizeof(*home));
    if (!home)
        return -ENOMEM;
    home->server = strdup(server);
    home->token = strdup(token);
    if (!home->server || !home->token)
        return -ENOMEM;
    *ret = TAKE_PTR(home);
    return 0;
}

void home_free(struct home *home) {
    if (!home)
        return;
    free(home->server);
    free(home->token);
    free(home);
}
