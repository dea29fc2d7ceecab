/* SPDX-License-Identifier: MIT */
#include "resource.h"

#include "base/parse.h"
#include "network.h"

#include <string.h>

void interface_addresses(struct world *world, json_t *body,
                         void (*use)(struct subnet *subnet, uint32_t address)) {
    size_t i;
    json_t *configuration;
    json_array_foreach(json_path(body, "properties.ipConfigurations"), i, configuration) {
        const char *text = json_path_text(configuration, "properties.privateIPAddress");
        struct subnet *subnet =
            subnet_find(world, json_path_text(configuration, "properties.subnet.id"));
        uint32_t address;
        if (text && subnet && address_parse(text, &address) == 0)
            use(subnet, address);
    }
}

struct resource *resource_new(struct world *world, struct group *group, const char *type,
                              json_t *body) {
    const char *id = json_path_text(body, "id");
    struct resource *resource =
        id && world->n_resources < RESOURCES_MAX ? calloc(1, sizeof(*resource)) : NULL;
    if (!resource) {
        json_decref(body);
        return NULL;
    }
    *resource = (struct resource){
        .object = {.kind = OBJECT_RESOURCE, .id = strdup(id), .group = group},
        .type = strdup(type),
        .body = body,
    };
    list_init(&resource->object.dirty);
    list_init(&resource->object.member);
    if (!resource->object.id || !resource->type || world_add(world, &resource->object) < 0) {
        resource_free(world, resource);
        return NULL;
    }
    world->n_resources++;
    return resource;
}

void resource_free(struct world *world, struct resource *resource) {
    if (!list_empty(&resource->object.member)) {
        world_remove(world, &resource->object);
        world->n_resources--;
        if (text_equal_fold(resource->type, "Microsoft.Network/virtualNetworks"))
            subnets_forget(world, resource->object.id);
        interface_addresses(world, resource->body, subnet_release);
    }
    json_decref(resource->body);
    free(resource->object.id);
    free(resource->type);
    free(resource);
}

void resource_settle(struct world *world, struct resource *resource, bool gone) {
    if (gone) {
        resource_free(world, resource);
        return;
    }
    (void)json_path_set(resource->body, "properties.provisioningState", json_string("Succeeded"));
    static const char *const lists[] = {"properties.subnets", "properties.securityRules",
                                        "properties.ipConfigurations"};
    for (size_t n = 0; n < ARRAY_SIZE(lists); n++) {
        size_t i;
        json_t *child;
        json_array_foreach(json_path(resource->body, lists[n]), i, child)(void)
            json_path_set(child, "properties.provisioningState", json_string("Succeeded"));
    }
    world_touch(world, &resource->object);
}

const struct vm *interface_user(const struct world *world, const struct resource *resource) {
    if (!text_equal_fold(resource->type, "Microsoft.Network/networkInterfaces"))
        return NULL;
    list_for_each(link, &world->vms) {
        const struct vm *vm = list_entry(link, struct vm, link);
        const char *id =
            json_path_text(vm->body, "properties.networkProfile.networkInterfaces.0.id");
        if (id && strcasecmp(id, resource->object.id) == 0)
            return vm;
    }
    return NULL;
}
