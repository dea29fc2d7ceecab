/* SPDX-License-Identifier: MIT */
#include "check_parts.h"

#include "network.h"
#include "quota.h"
#include "resource.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { TAGS_MAX = 50, TAG_NAME_MAX = 512, TAG_VALUE_MAX = 256, NAME_MAX_LEN = 64 };

bool word_is(const char *text, const char *word) {
    return text && strcasecmp(text, word) == 0;
}

bool refuse_missing(struct exchange *ex, const char *name) {
    reply_error_at(ex, 400, "InvalidParameter", name, "Required parameter '%s' is missing (null).",
                   name);
    return false;
}

bool refuse_range(struct exchange *ex, const char *name, json_int_t value, json_int_t least,
                  json_int_t most) {
    reply_error_at(ex, 400, "InvalidParameter", name,
                   "The value '%" PRId64 "' of parameter '%s' is out of range. Value '%" PRId64
                   "' must be between '%" PRId64 "' and '%" PRId64 "' inclusive.",
                   (int64_t)value, name, (int64_t)value, (int64_t)least, (int64_t)most);
    return false;
}

bool refuse_value(struct exchange *ex, const char *name, const char *value, const char *allowed) {
    reply_error_at(ex, 400, "InvalidParameter", name,
                   "The value '%s' of parameter '%s' is not allowed. Allowed values are: %s.",
                   value, name, allowed);
    return false;
}

int check_region(struct exchange *ex, json_t *body) {
    const char *location = json_path_text(body, "location");
    int region = region_index(location);
    if (!location)
        reply_error(ex, 400, "LocationRequired",
                    "The location property is required for this definition.");
    else if (region < 0)
        reply_error(ex, 400, "LocationNotAvailableForResourceType",
                    "The provided location '%s' is not available for this resource type. List of "
                    "available regions for the resource type is '%s,%s'.",
                    location, region_names[0], region_names[1]);
    return region < 0 ? -1 : region;
}

bool check_name(struct exchange *ex, const char *name) {
    size_t len = strlen(name);
    bool fine = len && len <= NAME_MAX_LEN && isalnum((unsigned char)name[0]);
    for (const char *c = name; *c; c++)
        fine = fine && (isalnum((unsigned char)*c) || strchr("-_.", *c));
    if (!fine)
        reply_error_at(ex, 400, "InvalidParameter", "name",
                       "Resource name %s is invalid. It must begin with a letter or digit and have "
                       "at most 64 letters, digits, '-', '_' or '.'.",
                       name);
    return fine;
}

/* Characters, not bytes. */
static size_t text_chars(const char *text) {
    size_t n = 0;
    for (const char *c = text; *c; c++)
        n += ((unsigned char)*c & 0xc0) != 0x80;
    return n;
}

static bool tag_name_valid(const char *name) {
    for (const char *c = name; *c; c++)
        if (strchr("<>%&\\?/", *c) || iscntrl((unsigned char)*c))
            return false;
    return true;
}

static bool check_tag(struct exchange *ex, const char *name, json_t *value) {
    const char *text = json_string_value(value);
    if (!*name)
        reply_error(ex, 400, "InvalidTagName", "The tag name cannot be null or empty.");
    else if (!tag_name_valid(name))
        reply_error(ex, 400, "InvalidTagNameCharacters",
                    "The tag names '%s' have reserved characters '<,>,%%,&,\\,?,/' or control "
                    "characters.",
                    name);
    else if (text_chars(name) > TAG_NAME_MAX)
        reply_error(ex, 400, "InvalidTagName",
                    "Tag key too large. Following tag name '%s' exceeded the maximum length. "
                    "Maximum allowed length for tag name - '%d' characters.",
                    name, TAG_NAME_MAX);
    else if (!text)
        reply_error(ex, 400, "InvalidTagValue", "The value of tag '%s' is not a string.", name);
    else if (text_chars(text) > TAG_VALUE_MAX)
        reply_error(ex, 400, "InvalidTagValueLength",
                    "Tag value too large. Following tag value '%s' exceeded the maximum length. "
                    "Maximum allowed length for tag value - '%d' characters.",
                    text, TAG_VALUE_MAX);
    else
        return true;
    return false;
}

bool check_tags(struct exchange *ex, json_t *body) {
    json_t *tags = json_object_get(body, "tags");
    const char *name;
    json_t *value;
    if (json_object_size(tags) > TAGS_MAX) {
        reply_error(ex, 400, "TooManyTags", "A resource can have at most %d tags.", TAGS_MAX);
        return false;
    }
    json_object_foreach(tags, name, value) {
        if (!check_tag(ex, name, value))
            return false;
    }
    return true;
}

static bool check_size(struct exchange *ex, struct machine_check *check) {
    if (!check->size_name)
        return refuse_missing(ex, "vmSize");
    check->size = catalogue_find(ex->world->catalogue, check->size_name);
    if (!check->size)
        reply_error_at(ex, 400, "InvalidParameter", "vmSize",
                       "The value %s provided for the VM size is not valid. The valid sizes in the "
                       "current region are those that the SKU list has.",
                       check->size_name);
    return check->size != NULL;
}

static bool refuse_reference(struct exchange *ex, const char *id) {
    reply_error(ex, 400, "InvalidResourceReference",
                "Resource %s referenced by resource %.*s was not found. Please make sure that the "
                "referenced resource exists, and that both resources are in the same region.",
                id, (int)strcspn(ex->url, "?"), ex->url);
    return false;
}

/* What a machine refers to is there, and in its region. */
static bool check_reference(struct exchange *ex, const struct machine_check *check,
                            const char *id) {
    const struct resource *resource = id ? world_find(ex->world, OBJECT_RESOURCE, id) : NULL;
    bool here =
        resource && region_index(json_path_text(resource->body, "location")) == check->region;
    return !id || here || refuse_reference(ex, id);
}

/* An interface of its own brings its address along. */
static bool check_interface(struct exchange *ex, struct machine_check *check, const char *id) {
    check->interface = world_find(ex->world, OBJECT_RESOURCE, id);
    if (!check_reference(ex, check, id))
        return false;
    const struct vm *user = interface_user(ex->world, check->interface);
    size_t len = strcspn(ex->url, "?");
    if (!user || (strncasecmp(user->object.id, ex->url, len) == 0 && !user->object.id[len]))
        return true;
    reply_error(ex, 400, "NicInUse",
                "Network Interface %s is used by existing resource %s. A network interface belongs "
                "to one virtual machine.",
                id, user->object.id);
    return false;
}

static bool check_network(struct exchange *ex, struct machine_check *check) {
    const char *own = json_path_text(check->profile, "networkProfile.networkInterfaces.0.id");
    if (own)
        return check_interface(ex, check, own);
    json_t *nic =
        json_path(check->profile, "networkProfile.networkInterfaceConfigurations.0.properties");
    if (!nic)
        return refuse_missing(ex, "networkProfile.networkInterfaceConfigurations");
    const char *subnet = json_path_text(nic, "ipConfigurations.0.properties.subnet.id");
    if (!subnet)
        return refuse_missing(ex, "subnet.id");
    check->subnet = subnet_find(ex->world, subnet);
    if (!check->subnet)
        return refuse_reference(ex, subnet);
    if (json_path_bool(nic, "enableAcceleratedNetworking", false) &&
        !check->size->accelerated_networking) {
        reply_error(ex, 400, "VMSizeIsNotPermittedToEnableAcceleratedNetworking",
                    "VM size %s does not support accelerated networking.", check->size->name);
        return false;
    }
    return check_reference(ex, check, json_path_text(nic, "networkSecurityGroup.id")) &&
           check_reference(ex, check,
                           json_path_text(check->body, "properties.proximityPlacementGroup.id"));
}

static bool check_zones(struct exchange *ex, struct machine_check *check) {
    size_t i, n = json_array_size(json_object_get(check->body, "zones"));
    json_t *zone;
    if (n > 1 && !check_of_set(check)) {
        reply_error(ex, 400, "ResourceCannotHaveMultipleZonesSpecified",
                    "Resource %.*s has %zu zones specified. Only one zone can be specified for "
                    "this resource.",
                    (int)strcspn(ex->url, "?"), ex->url, n);
        return false;
    }
    json_array_foreach(json_object_get(check->body, "zones"), i, zone) {
        const char *name = json_string_value(zone);
        if (name && strlen(name) == 1 && strstr(check->size->zones, name))
            continue;
        reply_error(ex, 400, "ZonesNotSupported",
                    "The zone '%s' is not supported for VM size '%s' in location '%s'; its zones "
                    "are '%s'.",
                    name ? name : "?", check->size->name, region_names[check->region],
                    check->size->zones);
        return false;
    }
    return true;
}

bool check_machine(struct exchange *ex, struct machine_check *check) {
    static bool (*const checks[])(struct exchange *, struct machine_check *) = {
        check_size,     check_priority, check_zones,  check_storage,
        check_security, check_os,       check_notice, check_network};
    check->region = check_region(ex, check->body);
    if (check->region < 0)
        return false;
    for (size_t i = 0; check->profile && i < ARRAY_SIZE(checks); i++)
        if (!checks[i](ex, check))
            return false;
    return true;
}

bool check_quota(struct exchange *ex, const struct machine_check *check, uint64_t count) {
    struct quota_excess excess;
    const struct quota_wish wish = {check->region, check->size, check->spot, count};
    if (!quota_fits(ex->world->quota, &wish, &excess)) {
        reply_quota(ex, check->region, &excess);
        return false;
    }
    if (check->subnet && subnet_free_addresses(check->subnet) < count) {
        reply_error(ex, 400, "SubnetIsFull",
                    "Subnet %s with address prefix %s does not have enough capacity for %llu IP "
                    "addresses.",
                    check->subnet->name, check->subnet->prefix, (unsigned long long)count);
        return false;
    }
    return true;
}
