/* SPDX-License-Identifier: MIT */
#include "resource.h"

#include "api.h"
#include "check.h"
#include "network.h"
#include "render.h"
#include "route.h"
#include "rule.h"

#include <errno.h>
#include <string.h>

/* Networks, security groups, addresses, interfaces, placement groups, identities: requests. */

/* What a kind of resource does to a new body before it is kept. False after an error. */
typedef bool (*prepare_function)(struct exchange *ex, json_t *body);

/* Gives the members of a list ("properties.securityRules") their ids and states. */
static void name_children(json_t *body, const char *list, const char *segment) {
    size_t i;
    json_t *child;
    json_array_foreach(json_path(body, list), i, child) {
        const char *name = json_path_text(child, "name");
        (void)json_object_set_new(
            child, "id",
            json_format("%s/%s/%s", json_path_text(body, "id"), segment, name ? name : "unnamed"));
        (void)json_path_set(child, "properties.provisioningState", json_string("Updating"));
    }
}

/* Prefixes that the network has, and no two subnets that overlap. False after an error. */
static bool check_subnets(struct exchange *ex, json_t *body) {
    const char *name = NULL;
    int r = subnets_check(body, &name);
    if (r == -EINVAL)
        reply_error(ex, 400, "InvalidCIDRNotation",
                    "A subnet's properties.addressPrefix is not an IPv4 prefix from /8 to /29.");
    else if (r == -ERANGE)
        reply_error(ex, 400, "NetcfgInvalidSubnet",
                    "Subnet '%s' is not valid because its IP address range is outside the IP "
                    "address range of virtual network '%s'.",
                    name ? name : "", ex->captures[0]);
    else if (r == -EEXIST)
        reply_error(ex, 400, "NetcfgSubnetRangesOverlap",
                    "Subnet '%s' is not valid because its IP address range overlaps with that of "
                    "an existing subnet in virtual network '%s'.",
                    name ? name : "", ex->captures[0]);
    return r == 0;
}

static bool prepare_network(struct exchange *ex, json_t *body) {
    if (!check_subnets(ex, body))
        return false;
    name_children(body, "properties.subnets", "subnets");
    int r = subnets_enter(ex->world, body);
    if (r == -EBUSY)
        reply_error(ex, 400, "InUsePrefixCannotBeDeleted",
                    "IpPrefix is in use and cannot be changed.");
    else if (r < 0)
        reply_exhausted(ex);
    return r == 0;
}

static bool prepare_security_group(struct exchange *ex, json_t *body) {
    if (!security_rules_check(ex, body))
        return false;
    name_children(body, "properties.securityRules", "securityRules");
    return true;
}

static bool prepare_address(struct exchange *ex, json_t *body) {
    char address[ADDRESS_TEXT_SIZE];
    address_format(ex->world->next_public_address++, address);
    return json_path_set(body, "properties.ipAddress", json_string(address)) == 0;
}

/* The address that an ipConfiguration asks for, or any. False after an error. */
static bool take_address(struct exchange *ex, struct subnet *subnet, json_t *configuration,
                         uint32_t *ret) {
    const char *method = json_path_text(configuration, "properties.privateIPAllocationMethod");
    const char *wanted = json_path_text(configuration, "properties.privateIPAddress");
    if (!method || strcasecmp(method, "Static") != 0) {
        if (subnet_take(subnet, ret) == 0)
            return true;
        reply_error(ex, 400, "SubnetIsFull",
                    "Subnet %s with address prefix %s does not have enough capacity for 1 IP "
                    "addresses.",
                    subnet->name, subnet->prefix);
        return false;
    }
    if (!wanted || address_parse(wanted, ret) < 0 || *ret - subnet->first >= subnet->count) {
        reply_error(ex, 400, "PrivateIPAddressNotInSubnet",
                    "Private static IP address %s does not belong to the range of subnet prefix "
                    "%s.",
                    wanted ? wanted : "(none)", subnet->prefix);
        return false;
    }
    if (subnet_claim(subnet, *ret) == 0)
        return true;
    reply_error(ex, 400, "PrivateIPAddressInUse",
                "Private IP address %s is already allocated to another resource.", wanted);
    return false;
}

static bool prepare_interface(struct exchange *ex, json_t *body) {
    name_children(body, "properties.ipConfigurations", "ipConfigurations");
    json_t *first = json_path(body, "properties.ipConfigurations.0");
    const char *id = json_path_text(first, "properties.subnet.id");
    struct subnet *subnet = subnet_find(ex->world, id);
    uint32_t taken;
    char address[ADDRESS_TEXT_SIZE];
    if (!subnet) {
        reply_error(ex, 400, "InvalidResourceReference",
                    "Resource %s referenced by resource %s was not found. Please make sure that "
                    "the referenced resource exists, and that both resources are in the same "
                    "region.",
                    id ? id : "(no subnet)", json_path_text(body, "id"));
        return false;
    }
    if (!take_address(ex, subnet, first, &taken))
        return false;
    address_format(taken, address);
    return json_path_set(first, "properties.privateIPAddress", json_string(address)) == 0;
}

static bool prepare_identity(struct exchange *ex, json_t *body) {
    char client[UUID_TEXT_SIZE], principal[UUID_TEXT_SIZE];
    random_uuid(&ex->world->random, client);
    random_uuid(&ex->world->random, principal);
    json_t *properties = json_pack("{s:s,s:s,s:s}", "tenantId", TENANT_ID, "principalId", principal,
                                   "clientId", client);
    return properties && json_object_set_new(body, "properties", properties) == 0;
}

static bool prepare_nothing(struct exchange *ex, json_t *body) {
    (void)ex;
    (void)body;
    return true;
}

static const struct resource_kind {
    const char *type;
    prepare_function prepare;
    bool asynchronous;
    bool stateless;  /* has no provisioningState */
    bool keeps_body; /* an existing one stays as it is */
} kinds[] = {
    {"Microsoft.Network/virtualNetworks", prepare_network, true, false, false},
    {"Microsoft.Network/networkSecurityGroups", prepare_security_group, true, false, false},
    {"Microsoft.Network/publicIPAddresses", prepare_address, true, false, true},
    {"Microsoft.Network/networkInterfaces", prepare_interface, true, false, true},
    {"Microsoft.Compute/proximityPlacementGroups", prepare_nothing, false, true, false},
    {"Microsoft.ManagedIdentity/userAssignedIdentities", prepare_identity, false, true, true},
};

static const struct resource_kind *kind_of(const struct exchange *ex) {
    return &kinds[ex->route->argument];
}

static char *path_id(const struct exchange *ex) {
    return text_format("%s/providers/%s/%s", ex->group->object.id, kind_of(ex)->type,
                       ex->captures[0]);
}

static struct resource *find_resource(const struct exchange *ex) {
    _cleanup_free_ char *id = path_id(ex);
    return world_find(ex->world, OBJECT_RESOURCE, id);
}

/* The resource of the path; NULL after a 404. */
static struct resource *resource_of_path(struct exchange *ex) {
    struct resource *resource = find_resource(ex);
    if (!resource)
        reply_not_found(ex, kind_of(ex)->type, ex->captures[0]);
    return resource;
}

static struct operation *begin(struct exchange *ex, struct resource *resource,
                               enum operation_kind kind) {
    int region = region_index(json_path_text(resource->body, "location"));
    return operation_new(
        ex->world,
        &(struct operation_plan){.provider = "Microsoft.Network",
                                 .target = &resource->object,
                                 .region = region < 0 ? 0 : region,
                                 .kind = kind,
                                 .ends_at = clock_wall(&clock_real) + world_span(ex->world, 1, 2)});
}

/* The body that is to be kept, prepared; NULL after an error. */
static json_t *prepared_body(struct exchange *ex) {
    const struct resource_kind *kind = kind_of(ex);
    _cleanup_free_ char *id = path_id(ex);
    _cleanup_json_ json_t *body = json_deep_copy(ex->body);
    if (!id || !body || json_object_set_new(body, "id", json_string(id)) < 0 ||
        json_object_set_new(body, "name", json_string(ex->captures[0])) < 0 ||
        json_object_set_new(body, "type", json_string(kind->type)) < 0) {
        reply_exhausted(ex);
        return NULL;
    }
    if (!kind->prepare(ex, body))
        return NULL;
    if (!kind->stateless)
        (void)json_path_set(body, "properties.provisioningState", json_string("Updating"));
    return TAKE_PTR(body);
}

/* Of a resource that stays as it is only tags may change. False after an error. */
static bool check_kept(struct exchange *ex, struct resource *resource) {
    _cleanup_json_ json_t *after = json_copy(ex->body);
    _cleanup_buf_ struct buf path = BUF_INIT(1024);
    if (after)
        (void)json_object_del(after, "tags");
    if (after && json_find_change(resource->body, after, &path)) {
        reply_error_at(ex, 501, "NotImplemented", path.data,
                       "This simulator does not change '%s' of a resource of the type '%s' that is "
                       "there.",
                       path.data, resource->type);
        return false;
    }
    json_t *tags = json_object_get(ex->body, "tags");
    if (tags && json_object_set(resource->body, "tags", tags) == 0)
        world_touch(ex->world, &resource->object);
    return true;
}

/* The resource with the request's body: made, replaced or, of some kinds, as it is. NULL after an
 * error. */
static struct resource *write_resource(struct exchange *ex, struct resource *resource) {
    if (resource && kind_of(ex)->keeps_body)
        return check_kept(ex, resource) ? resource : NULL;
    json_t *body = prepared_body(ex);
    if (body && resource) {
        json_decref(resource->body);
        resource->body = body;
        world_touch(ex->world, &resource->object);
        return resource;
    }
    resource = body ? resource_new(ex->world, ex->group, kind_of(ex)->type, body) : NULL;
    if (!resource && !ex->status)
        reply_exhausted(ex);
    return resource;
}

static void handle_put(struct exchange *ex) {
    const struct resource_kind *kind = kind_of(ex);
    struct resource *known = find_resource(ex);
    if (check_region(ex, ex->body) < 0 || !check_name(ex, ex->captures[0]))
        return;
    struct resource *resource = write_resource(ex, known);
    if (!resource)
        return;
    int status = known ? 200 : 201;
    if (!kind->asynchronous) {
        reply_json(ex, status, render_resource(resource));
        return;
    }
    struct operation *operation = begin(ex, resource, OPERATION_WRITE);
    if (!operation) {
        reply_exhausted(ex);
        return;
    }
    reply_json(ex, status, render_resource(resource));
    reply_operation(ex, operation, true, false);
}

static void handle_get(struct exchange *ex) {
    struct resource *resource = resource_of_path(ex);
    if (resource)
        reply_json(ex, 200, render_resource(resource));
}

/* A network whose subnets have machines stays. */
static bool in_use(const struct world *world, const struct resource *resource) {
    size_t len = strlen(resource->object.id);
    list_for_each(link, &world->subnets) {
        const struct subnet *subnet = list_entry(link, struct subnet, link);
        if (subnet->used && strncasecmp(subnet->id, resource->object.id, len) == 0 &&
            subnet->id[len] == '/')
            return true;
    }
    return false;
}

static bool names_placement(json_t *body, const char *id) {
    const char *named = json_path_text(body, "properties.proximityPlacementGroup.id");
    return named && strcasecmp(named, id) == 0;
}

/* What is in a placement group, or NULL. */
static const struct object *placed_in(const struct world *world, const char *id) {
    list_for_each(outer, &world->groups) {
        const struct group *group = list_entry(outer, struct group, object.member);
        list_for_each(inner, &group->objects) {
            const struct object *object = list_entry(inner, struct object, member);
            json_t *body = object->kind == OBJECT_SET ? list_entry(object, struct set, object)->body
                           : object->kind == OBJECT_VM ? list_entry(object, struct vm, object)->body
                                                       : NULL;
            if (names_placement(body, id))
                return object;
        }
    }
    return NULL;
}

/* Whether nobody needs it. False after an error. */
static bool check_unused(struct exchange *ex, const struct resource *resource) {
    const struct vm *user = interface_user(ex->world, resource);
    const struct object *placed = placed_in(ex->world, resource->object.id);
    if (user)
        reply_error(ex, 400, "NicInUse",
                    "Network Interface %s is used by existing resource %s. In order to delete the "
                    "network interface, it must be dissociated from the resource. To learn more, "
                    "see aka.ms/deletenic.",
                    resource->object.id, user->object.id);
    else if (placed)
        reply_error(ex, 409, "OperationNotAllowed",
                    "Proximity Placement Group '%s' cannot be deleted since it is used by '%s'.",
                    ex->captures[0], placed->id);
    else if (in_use(ex->world, resource))
        reply_error(ex, 400, "InUseSubnetCannotBeDeleted",
                    "A subnet of %s is in use and cannot be deleted.", ex->captures[0]);
    return !ex->status;
}

static void handle_delete(struct exchange *ex) {
    struct resource *resource = find_resource(ex);
    if (!resource) {
        reply_status(ex, 204);
        return;
    }
    if (!check_unused(ex, resource))
        return;
    if (!kind_of(ex)->asynchronous) {
        resource_free(ex->world, resource);
        reply_status(ex, 200);
        return;
    }
    struct operation *operation = begin(ex, resource, OPERATION_DELETE);
    if (!operation) {
        reply_exhausted(ex);
        return;
    }
    (void)json_path_set(resource->body, "properties.provisioningState", json_string("Deleting"));
    world_touch(ex->world, &resource->object);
    reply_status(ex, 202);
    reply_operation(ex, operation, true, true);
}

static void handle_list(struct exchange *ex) {
    json_t *value = json_array();
    list_for_each(link, &ex->group->objects) {
        struct object *object = list_entry(link, struct object, member);
        if (object->kind != OBJECT_RESOURCE)
            continue;
        struct resource *resource = list_entry(object, struct resource, object);
        if (strcasecmp(resource->type, kind_of(ex)->type) == 0)
            (void)json_array_append_new(value, render_resource(resource));
    }
    reply_json(ex, 200, json_pack("{s:o}", "value", value));
}

static void handle_get_subnet(struct exchange *ex) {
    struct resource *network = resource_of_path(ex);
    if (!network)
        return;
    size_t i;
    json_t *subnet;
    json_array_foreach(json_path(network->body, "properties.subnets"), i, subnet) {
        const char *name = json_path_text(subnet, "name");
        if (name && strcasecmp(name, ex->captures[1]) == 0) {
            reply_json(ex, 200, json_deep_copy(subnet));
            return;
        }
    }
    reply_error(ex, 404, "NotFound", "Resource %s/subnets/%s not found.", network->object.id,
                ex->captures[1]);
}

#define RESOURCE_ROUTES(path, name, index, read, write, body)                       \
    {"GET", "+" path, handle_list, "list-" name "s", read, false, index},           \
        {"PUT", "+" path "/*", handle_put, "put-" name, write, false, index, body}, \
        {"GET", "+" path "/*", handle_get, "get-" name, read, false, index}, {      \
        "DELETE", "+" path "/*", handle_delete, "delete-" name, write, false, index \
    }

const struct route resource_routes[] = {
    RESOURCE_ROUTES("Network/virtualNetworks", "network", 0, POLICY_NETWORK_READ,
                    POLICY_NETWORK_WRITE, CONSTRAINT_NETWORK),
    {"GET", "+Network/virtualNetworks/*/subnets/*", handle_get_subnet, "get-subnet",
     POLICY_NETWORK_READ, false, 0},
    RESOURCE_ROUTES("Network/networkSecurityGroups", "security-group", 1, POLICY_NETWORK_READ,
                    POLICY_NETWORK_WRITE, CONSTRAINT_SECURITY_GROUP),
    RESOURCE_ROUTES("Network/publicIPAddresses", "public-address", 2, POLICY_NETWORK_READ,
                    POLICY_NETWORK_WRITE, CONSTRAINT_ADDRESS),
    RESOURCE_ROUTES("Network/networkInterfaces", "interface", 3, POLICY_NETWORK_READ,
                    POLICY_NETWORK_WRITE, CONSTRAINT_INTERFACE),
    RESOURCE_ROUTES("Compute/proximityPlacementGroups", "placement-group", 4, POLICY_NONE,
                    POLICY_NONE, CONSTRAINT_PLACEMENT_GROUP),
    RESOURCE_ROUTES("ManagedIdentity/userAssignedIdentities", "identity", 5, POLICY_NONE,
                    POLICY_NONE, CONSTRAINT_IDENTITY),
    {0},
};
