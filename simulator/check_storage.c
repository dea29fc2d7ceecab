/* SPDX-License-Identifier: MIT */
#include "check_parts.h"

#include "disk.h"

#include <string.h>

/* Disks and images. */

enum {
    LUN_LAST = 63,
    OS_DISK_GB_MAX = 4095,
    FORMS_MAX = 4,
};

/* The ways to name an image; one of them is used. */
static const struct {
    const char *member;
    const char *begin; /* of the id; NULL = no id */
} image_forms[FORMS_MAX] = {
    {"id", "/subscriptions/"},
    {"publisher", NULL},
    {"sharedGalleryImageId", "/SharedGalleries/"},
    {"communityGalleryImageId", "/CommunityGalleries/"},
};

static bool check_image_form(struct exchange *ex, json_t *image, size_t form) {
    const char *member = image_forms[form].member, *begin = image_forms[form].begin;
    const char *id = json_path_text(image, member);
    if (!begin || !id || strncasecmp(id, begin, strlen(begin)) == 0)
        return true;
    if (form == 0)
        reply_error(ex, 400, "LinkedInvalidPropertyId",
                    "Property id '%s' at path 'properties.storageProfile.imageReference.id' is "
                    "invalid. Expect fully qualified resource Id that start with "
                    "'/subscriptions/{subscriptionId}' or "
                    "'/providers/{resourceProviderNamespace}/'.",
                    id);
    else
        reply_error_at(ex, 400, "InvalidParameter", "imageReference",
                       "The value '%s' of parameter 'imageReference.%s' is invalid. Expect "
                       "%s{name}/Images/{image}/Versions/{version}.",
                       id, member, begin);
    return false;
}

static bool check_image(struct exchange *ex, json_t *profile) {
    json_t *image = json_path(profile, "storageProfile.imageReference");
    const char *first = NULL;
    for (size_t i = 0; i < FORMS_MAX; i++) {
        const char *member = image_forms[i].member;
        if (!json_path_text(image, member))
            continue;
        if (first) {
            reply_error_at(ex, 400, "InvalidParameter", "imageReference",
                           "Parameter 'imageReference.%s' is not allowed together with "
                           "'imageReference.%s'.",
                           member, first);
            return false;
        }
        if (!check_image_form(ex, image, i))
            return false;
        first = member;
    }
    static const char *const parts[] = {"offer", "sku", "version"};
    for (size_t i = 0; first && strcmp(first, "publisher") == 0 && i < ARRAY_SIZE(parts); i++)
        if (!json_path_text(image, parts[i]))
            return refuse_missing(ex, parts[i]);
    return first || refuse_missing(ex, "imageReference");
}

static bool is_ultra(const char *type) {
    return word_is(type, "UltraSSD_LRS");
}

/* The types that have no cache and live in a zone. */
static bool is_large(const char *type) {
    return is_ultra(type) || word_is(type, "PremiumV2_LRS");
}

static bool check_premium(struct exchange *ex, const struct machine_check *check, const char *type,
                          const char *disk) {
    bool premium = type && strncasecmp(type, "Premium", strlen("Premium")) == 0;
    if (!premium || check->size->premium_disks)
        return true;
    reply_error(ex, 400, "InvalidParameter",
                "Requested operation cannot be performed because the VM size %s does not support "
                "the storage account type %s of disk '%s'. Consider updating the VM to a size that "
                "supports Premium storage.",
                check->size->name, type, disk);
    return false;
}

static bool check_caching(struct exchange *ex, json_t *disk, const char *type) {
    const char *caching = json_path_text(disk, "caching");
    if (!is_large(type) || !caching || word_is(caching, "None"))
        return true;
    reply_error_at(ex, 400, "InvalidParameter", "dataDisk.caching",
                   "Storage Account type %s is not supported with caching type %s. Please use "
                   "caching type None.",
                   type, caching);
    return false;
}

/* Ultra disks need the machine's consent, and both large types a zone. */
static bool check_large(struct exchange *ex, const struct machine_check *check, const char *type) {
    if (is_ultra(type) &&
        !json_path_bool(check->profile, "additionalCapabilities.ultraSSDEnabled", false) &&
        !json_path_bool(check->body, "properties.additionalCapabilities.ultraSSDEnabled", false)) {
        reply_error_at(ex, 400, "InvalidParameter", "managedDisk.storageAccountType",
                       "StorageAccountType UltraSSD_LRS can be used only when "
                       "additionalCapabilities.ultraSSDEnabled is set.");
        return false;
    }
    if (!is_large(type) || json_path_text(check->body, "zones.0"))
        return true;
    reply_error_at(ex, 400, "InvalidParameter", "managedDisk.storageAccountType",
                   "Managed disks with '%s' storage account type can be used only with Virtual "
                   "Machines in an Availability Zone.",
                   type);
    return false;
}

static bool check_ultra_zone(struct exchange *ex, const struct machine_check *check) {
    bool set = check_of_set(check);
    bool wanted =
        json_path_bool(check->body, "properties.additionalCapabilities.ultraSSDEnabled", false);
    if (!wanted || json_path_text(check->body, "zones.0"))
        return true;
    reply_error_at(ex, 400, "InvalidParameter", "additionalCapabilities.ultraSSDEnabled",
                   set ? "Feature 'UltraSSD' can be used only with Virtual Machine Scale Sets in "
                         "an Availability Zone."
                       : "UltraSSD can be used only with Virtual Machine in an Availability Zone.");
    return false;
}

static bool check_data_size(struct exchange *ex, json_t *disk, const char *type) {
    json_t *size = json_object_get(disk, "diskSizeGB");
    json_int_t most = disk_size_max(type ? type : "Standard_LRS");
    json_int_t gb = json_integer_value(size);
    if (!size)
        return !word_is(json_path_text(disk, "createOption"), "Empty") ||
               refuse_missing(ex, "dataDisk.diskSizeGB");
    return (gb >= 1 && gb <= most) || refuse_range(ex, "dataDisk.diskSizeGB", gb, 1, most);
}

static bool check_lun(struct exchange *ex, json_t *disk, uint64_t *used) {
    json_int_t lun = json_path_int(disk, "lun", 0);
    if (lun < 0 || lun > LUN_LAST)
        return refuse_range(ex, "dataDisk.lun", lun, 0, LUN_LAST);
    if (*used >> lun & 1) {
        reply_error_at(ex, 400, "InvalidParameter", "dataDisk.lun",
                       "The value '%d' of parameter 'dataDisk.lun' is used by more than one data "
                       "disk. Each data disk must have its own logical unit number.",
                       (int)lun);
        return false;
    }
    *used |= UINT64_C(1) << lun;
    return true;
}

static bool check_data_disks(struct exchange *ex, struct machine_check *check) {
    uint64_t used = 0;
    size_t i;
    json_t *disk;
    json_array_foreach(json_path(check->profile, "storageProfile.dataDisks"), i, disk) {
        const char *type = json_path_text(disk, "managedDisk.storageAccountType");
        const char *name = json_path_text(disk, "name");
        if (!check_lun(ex, disk, &used) || !check_data_size(ex, disk, type) ||
            !check_caching(ex, disk, type) || !check_large(ex, check, type) ||
            !check_premium(ex, check, type, name ? name : "datadisk"))
            return false;
    }
    return true;
}

static bool refuse_ephemeral(struct exchange *ex, const struct size *size, unsigned most_gb) {
    if (most_gb)
        reply_error(ex, 409, "VMCannotFitEphemeralOSDisk",
                    "OS disk of Ephemeral VM with size greater than %u GB is not allowed for VM "
                    "size %s when the DiffDiskPlacement is CacheDisk.",
                    most_gb, size->name);
    else
        reply_error(ex, 409, "VMCannotFitEphemeralOSDisk",
                    "OS disk of Ephemeral VM with size greater than the cache or temporary disk is "
                    "not allowed for VM size %s.",
                    size->name);
    return false;
}

static bool check_ephemeral(struct exchange *ex, const struct machine_check *check, json_t *disk) {
    const struct size *size = check->size;
    const char *caching = json_path_text(disk, "caching");
    if (!json_object_get(disk, "diffDiskSettings"))
        return true;
    if (!size->ephemeral_os_disk)
        return refuse_ephemeral(ex, size, 0);
    if (size->local_disk_gb && json_path_int(disk, "diskSizeGB", 0) > size->local_disk_gb)
        return refuse_ephemeral(ex, size, size->local_disk_gb);
    return !caching || word_is(caching, "ReadOnly") ||
           refuse_value(ex, "osDisk.caching", caching, "ReadOnly");
}

static bool check_os_disk(struct exchange *ex, struct machine_check *check) {
    json_t *disk = json_path(check->profile, "storageProfile.osDisk");
    const char *type = json_path_text(disk, "managedDisk.storageAccountType");
    json_int_t gb = json_path_int(disk, "diskSizeGB", 1);
    if (is_large(type))
        return refuse_value(ex, "osDisk.managedDisk.storageAccountType", type,
                            "Standard_LRS, StandardSSD_LRS, Premium_LRS, StandardSSD_ZRS, "
                            "Premium_ZRS");
    if (gb < 1 || gb > OS_DISK_GB_MAX)
        return refuse_range(ex, "osDisk.diskSizeGB", gb, 1, OS_DISK_GB_MAX);
    return check_premium(ex, check, type, "osdisk") && check_ephemeral(ex, check, disk);
}

bool check_storage(struct exchange *ex, struct machine_check *check) {
    return check_image(ex, check->profile) && check_os_disk(ex, check) &&
           check_ultra_zone(ex, check) && check_data_disks(ex, check);
}
