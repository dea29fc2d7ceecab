/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "base64.h"
#include "network.h"
#include "quota.h"

#include <ctype.h>
#include <string.h>

enum { CUSTOM_DATA_TEXT_MAX = 87380, TAGS_MAX = 50, NAME_MAX_LEN = 64 };

static bool missing(struct exchange *ex, const char *name) {
    reply_error_at(ex, 400, "InvalidParameter", name, "Required parameter '%s' is missing (null).",
                   name);
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

static bool check_tags(struct exchange *ex, struct machine_check *check) {
    if (json_object_size(json_object_get(check->body, "tags")) <= TAGS_MAX)
        return true;
    reply_error(ex, 400, "TooManyTags", "A resource can have at most %d tags.", TAGS_MAX);
    return false;
}

static bool check_size(struct exchange *ex, struct machine_check *check) {
    if (!check->size_name)
        return missing(ex, "vmSize");
    check->size = catalogue_find(ex->world->catalogue, check->size_name);
    if (!check->size)
        reply_error_at(ex, 400, "InvalidParameter", "vmSize",
                       "The value %s provided for the VM size is not valid. The valid sizes in the "
                       "current region are those that the SKU list has.",
                       check->size_name);
    return check->size != NULL;
}

static bool check_storage(struct exchange *ex, struct machine_check *check) {
    json_t *profile = check->profile;
    if (!json_path_text(profile, "storageProfile.imageReference.id") &&
        !json_path_text(profile, "storageProfile.imageReference.publisher"))
        return missing(ex, "imageReference");
    const char *type =
        json_path_text(profile, "storageProfile.osDisk.managedDisk.storageAccountType");
    if (type && strncasecmp(type, "Premium", 7) == 0 && !check->size->premium_disks) {
        reply_error(ex, 400, "InvalidParameter",
                    "Requested operation cannot be performed because the VM size %s does not "
                    "support the storage account type %s of disk 'osdisk'. Consider updating the "
                    "VM to a size that supports Premium storage.",
                    check->size->name, type);
        return false;
    }
    if (json_path(profile, "storageProfile.osDisk.diffDiskSettings") &&
        !check->size->ephemeral_os_disk) {
        reply_error(ex, 409, "VMCannotFitEphemeralOSDisk",
                    "OS disk of Ephemeral VM with size greater than the cache or temporary disk is "
                    "not allowed for VM size %s.",
                    check->size->name);
        return false;
    }
    return true;
}

static bool check_custom_data(struct exchange *ex, const char *data) {
    if (!data)
        return true;
    _cleanup_buf_ struct buf text = BUF_INIT(CUSTOM_DATA_TEXT_MAX);
    size_t len = strlen(data);
    if (len <= CUSTOM_DATA_TEXT_MAX && base64_decode(&text, data, len) == 0)
        return true;
    reply_error_at(ex, 400, "InvalidParameter", "customData",
                   "Custom data in OSProfile must be in Base64 encoding and with a maximum length "
                   "of %d characters.",
                   CUSTOM_DATA_TEXT_MAX);
    return false;
}

static bool check_os(struct exchange *ex, struct machine_check *check) {
    json_t *os = json_object_get(check->profile, "osProfile");
    if (!os)
        return missing(ex, "osProfile");
    if (!json_path_text(os, "adminUsername"))
        return missing(ex, "adminUsername");
    if (!json_path_text(os, check->host_name_member))
        return missing(ex, check->host_name_member);
    if (!json_path_text(os, "adminPassword") &&
        !json_path_text(os, "linuxConfiguration.ssh.publicKeys.0.keyData")) {
        reply_error_at(ex, 400, "InvalidParameter", "linuxConfiguration",
                       "Authentication using either SSH or by user name and password must be "
                       "enabled in Linux profile.");
        return false;
    }
    return check_custom_data(ex, json_path_text(os, "customData"));
}

static bool refuse_reference(struct exchange *ex, const char *id) {
    reply_error(ex, 400, "InvalidResourceReference",
                "Resource %s referenced by resource %.*s was not found. Please make sure that the "
                "referenced resource exists, and that both resources are in the same region.",
                id, (int)strcspn(ex->url, "?"), ex->url);
    return false;
}

static bool check_reference(struct exchange *ex, const char *id) {
    return !id || world_find(ex->world, OBJECT_RESOURCE, id) || refuse_reference(ex, id);
}

/* An interface of its own brings its address along. */
static bool check_interface(struct exchange *ex, struct machine_check *check, const char *id) {
    check->interface = world_find(ex->world, OBJECT_RESOURCE, id);
    return check->interface ? true : refuse_reference(ex, id);
}

static bool check_network(struct exchange *ex, struct machine_check *check) {
    const char *own = json_path_text(check->profile, "networkProfile.networkInterfaces.0.id");
    if (own)
        return check_interface(ex, check, own);
    json_t *nic =
        json_path(check->profile, "networkProfile.networkInterfaceConfigurations.0.properties");
    if (!nic)
        return missing(ex, "networkProfile.networkInterfaceConfigurations");
    const char *subnet = json_path_text(nic, "ipConfigurations.0.properties.subnet.id");
    if (!subnet)
        return missing(ex, "subnet.id");
    check->subnet = subnet_find(ex->world, subnet);
    if (!check->subnet)
        return refuse_reference(ex, subnet);
    if (json_path_bool(nic, "enableAcceleratedNetworking", false) &&
        !check->size->accelerated_networking) {
        reply_error(ex, 400, "VMSizeIsNotPermittedToEnableAcceleratedNetworking",
                    "VM size %s does not support accelerated networking.", check->size->name);
        return false;
    }
    return check_reference(ex, json_path_text(nic, "networkSecurityGroup.id")) &&
           check_reference(ex,
                           json_path_text(check->body, "properties.proximityPlacementGroup.id"));
}

static bool check_priority(struct exchange *ex, struct machine_check *check) {
    const char *priority = json_path_text(check->profile, "priority");
    check->spot = priority && strcasecmp(priority, "Regular") != 0;
    if (!check->spot || check->size->spot)
        return true;
    reply_error(ex, 409, "SkuNotAvailable",
                "The requested VM size '%s' is not available as Spot in location '%s'.",
                check->size->name, region_names[check->region]);
    return false;
}

static bool check_zones(struct exchange *ex, struct machine_check *check) {
    size_t i;
    json_t *zone;
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
        check_size, check_priority, check_zones, check_storage, check_os, check_network};
    check->region = check_region(ex, check->body);
    if (check->region < 0 || !check_tags(ex, check))
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
