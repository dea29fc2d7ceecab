/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include "api.h"
#include "check.h"
#include "render.h"
#include "resource.h"
#include "route.h"

#include "base/parse.h"

#include <string.h>

/* Disks by name: requests. */

enum { ONLINE_LIMIT_GB = 4095 }; /* no disk grows beyond this while a VM runs with it */

static const char *const storage_types[] = {
    "Standard_LRS", "Premium_LRS",     "StandardSSD_LRS", "UltraSSD_LRS",
    "Premium_ZRS",  "StandardSSD_ZRS", "PremiumV2_LRS",
};

static char *path_id(const struct exchange *ex) {
    return text_format("%s/providers/" DISK_TYPE "/%s", ex->group->object.id, ex->captures[0]);
}

static struct resource *find_disk(const struct exchange *ex) {
    _cleanup_free_ char *id = path_id(ex);
    return world_find(ex->world, OBJECT_RESOURCE, id);
}

/* The disk of the path; NULL after a 404. */
static struct resource *disk_of_path(struct exchange *ex) {
    struct resource *disk = find_disk(ex);
    if (!disk)
        reply_not_found(ex, DISK_TYPE, ex->captures[0]);
    return disk;
}

static const char *type_of(json_t *body) {
    const char *type = json_path_text(body, "sku.name");
    return type ? type : "Standard_LRS";
}

/* --- what is checked -------------------------------------------------------------------------- */

static bool check_type(struct exchange *ex) {
    const char *type = type_of(ex->body);
    for (size_t i = 0; i < ARRAY_SIZE(storage_types); i++)
        if (text_equal_fold(type, storage_types[i]))
            return true;
    reply_error_at(ex, 400, "InvalidParameter", "sku.name",
                   "The value '%s' of parameter 'sku.name' is not a storage account type of disks.",
                   type);
    return false;
}

static bool check_size(struct exchange *ex) {
    json_int_t most = disk_size_max(type_of(ex->body));
    json_t *given = json_path(ex->body, "properties.diskSizeGB");
    json_int_t size = json_integer_value(given);
    if (!given || (json_is_integer(given) && size >= 1 && size <= most))
        return true;
    reply_error_at(ex, 400, "InvalidParameter", "disk.diskSizeGB",
                   "The value '%lld' of parameter 'disk.diskSizeGB' is out of range. The value "
                   "must be between '1' and '%lld', inclusive.",
                   (long long)size, (long long)most);
    return false;
}

/* Disks that more than one VM can have are not simulated. */
static bool check_shares(struct exchange *ex) {
    if (json_path_int(ex->body, "properties.maxShares", 1) <= 1)
        return true;
    reply_error_at(ex, 501, "NotImplemented", "maxShares",
                   "This simulator has no shared disks: maxShares must be 1.");
    return false;
}

static bool check_creation(struct exchange *ex) {
    const char *option = json_path_text(ex->body, "properties.creationData.createOption");
    if (!option) {
        reply_error_at(ex, 400, "InvalidParameter", "creationData",
                       "Required parameter 'creationData.createOption' is missing (null).");
        return false;
    }
    if (!text_equal_fold(option, "Empty")) {
        reply_error_at(ex, 501, "NotImplemented", "createOption",
                       "This simulator makes empty disks only: createOption '%s' is missing.",
                       option);
        return false;
    }
    if (!json_path(ex->body, "properties.diskSizeGB")) {
        reply_error_at(ex, 400, "InvalidParameter", "disk.diskSizeGB",
                       "Required parameter 'disk.diskSizeGB' is missing (null).");
        return false;
    }
    return true;
}

static bool check_zone(struct exchange *ex) {
    json_t *zones = json_object_get(ex->body, "zones");
    const char *zone = json_path_text(ex->body, "zones.0");
    if (!zones || json_array_size(zones) == 0 ||
        (json_array_size(zones) == 1 && zone && strlen(zone) == 1 && strchr("123", *zone)))
        return true;
    reply_error(ex, 400, "InvalidAvailabilityZone",
                "The zone(s) '%s' for resource '" DISK_TYPE "/%s' is not supported. The supported "
                "zones are '1,2,3'; a disk has one.",
                zone ? zone : "", ex->captures[0]);
    return false;
}

static bool same_text(json_t *before, json_t *after, const char *path) {
    const char *old = json_path_text(before, path), *new = json_path_text(after, path);
    return !new || (old && strcasecmp(old, new) == 0);
}

static bool check_fixed(struct exchange *ex, const struct resource *disk) {
    static const char *const paths[] = {"zones.0", "properties.creationData.createOption"};
    const char *changed = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        if (!same_text(disk->body, ex->body, paths[i]))
            changed = paths[i];
    const char *location = json_path_text(ex->body, "location");
    if (location && region_index(location) != region_index(json_path_text(disk->body, "location")))
        changed = "location";
    if (changed)
        reply_error_at(ex, 409, "PropertyChangeNotAllowed", changed,
                       "Changing property '%s' is not allowed.", changed);
    return !changed;
}

static bool check_growth(struct exchange *ex, const struct resource *disk) {
    json_int_t before = json_path_int(disk->body, "properties.diskSizeGB", 0);
    json_int_t after = json_path_int(ex->body, "properties.diskSizeGB", before);
    const struct vm *vm = disk_owner(ex->world, disk);
    bool attached = vm && vm->state != VM_DEALLOCATED;
    if (after < before) {
        reply_error_at(ex, 409, "OperationNotAllowed", "disk.diskSizeGB",
                       "The disk/snapshot resource with id %s cannot be resized down. Reducing "
                       "disk/snapshot size is not supported in Azure to prevent data loss. If you "
                       "do need to reduce the size of the disk, please create new snapshot/disks "
                       "with the appropriate size.",
                       disk->object.id);
        return false;
    }
    if (attached && after > before && (before <= ONLINE_LIMIT_GB) != (after <= ONLINE_LIMIT_GB)) {
        reply_error(ex, 409, "OperationNotAllowed",
                    "Cannot resize disk %s while it is attached to running VM %s. Resizing a disk "
                    "of an Azure Virtual Machine requires the virtual machine to be deallocated. "
                    "Please stop your VM and retry the operation.",
                    ex->captures[0], vm->object.id);
        return false;
    }
    if (attached && !same_text(disk->body, ex->body, "sku.name")) {
        reply_error(ex, 409, "OperationNotAllowed",
                    "Cannot change the storage account type of disk %s while it is attached to "
                    "running VM %s.",
                    ex->captures[0], vm->object.id);
        return false;
    }
    return true;
}

/* --- writes ----------------------------------------------------------------------------------- */

static void answer(struct exchange *ex, struct resource *disk, enum operation_kind kind) {
    int region = region_index(json_path_text(disk->body, "location"));
    struct operation *operation =
        operation_new(ex->world, &(struct operation_plan){.provider = "Microsoft.Compute",
                                                          .target = &disk->object,
                                                          .region = region < 0 ? 0 : region,
                                                          .kind = kind,
                                                          .ends_at = clock_wall(&clock_real) +
                                                                     world_span(ex->world, 2, 5)});
    if (!operation) {
        reply_exhausted(ex);
        return;
    }
    const char *state = kind == OPERATION_DELETE ? "Deleting" : "Updating";
    (void)json_path_set(disk->body, "properties.provisioningState", json_string(state));
    world_touch(ex->world, &disk->object);
    if (kind == OPERATION_DELETE)
        reply_status(ex, 202);
    else
        reply_json(ex, 202, render_resource(disk));
    reply_operation(ex, operation, true, true);
}

static json_t *new_body(struct exchange *ex) {
    _cleanup_free_ char *id = path_id(ex);
    _cleanup_json_ json_t *body = json_deep_copy(ex->body);
    _cleanup_buf_ struct buf now = BUF_INIT(TIME_TEXT_MAX);
    char unique[UUID_TEXT_SIZE];
    random_uuid(&ex->world->random, unique);
    const struct {
        const char *path, *value;
    } texts[] = {
        {"id", id},
        {"name", ex->captures[0]},
        {"type", DISK_TYPE},
        {"sku.name", type_of(ex->body)},
        {"properties.timeCreated", NULL}, /* now */
        {"properties.uniqueId", unique},
        {"properties.diskState", "Unattached"},
    };
    if (!id || !body || time_format(&now, clock_wall(&clock_real)) < 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const char *value = texts[i].value ? texts[i].value : now.data;
        if (json_path_set(body, texts[i].path, json_string(value)) < 0)
            return NULL;
    }
    return TAKE_PTR(body);
}

static void create(struct exchange *ex) {
    if (check_region(ex, ex->body) < 0 || !check_creation(ex) || !check_zone(ex))
        return;
    json_t *body = new_body(ex);
    struct resource *disk = body ? resource_new(ex->world, ex->group, DISK_TYPE, body) : NULL;
    if (disk)
        answer(ex, disk, OPERATION_WRITE);
    else
        reply_exhausted(ex);
}

/* What may be changed of a disk that is there; what is left out stays. */
static void change(struct exchange *ex, struct resource *disk) {
    static const char *const paths[] = {
        "tags",
        "sku.name",
        "properties.diskSizeGB",
        "properties.diskIOPSReadWrite",
        "properties.diskMBpsReadWrite",
    };
    if (!check_fixed(ex, disk) || !check_growth(ex, disk))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        json_t *value = json_path(ex->body, paths[i]);
        if (value)
            (void)json_path_set(disk->body, paths[i], json_deep_copy(value));
    }
    answer(ex, disk, OPERATION_WRITE);
}

static bool being_deleted(const struct resource *disk) {
    const char *state = json_path_text(disk->body, "properties.provisioningState");
    return state && strcmp(state, "Deleting") == 0;
}

static void handle_put(struct exchange *ex) {
    struct resource *disk = find_disk(ex);
    if (!check_name(ex, ex->captures[0]) || !check_type(ex) || !check_size(ex) || !check_shares(ex))
        return;
    if (!disk)
        create(ex);
    else if (being_deleted(disk))
        reply_conflict(ex);
    else
        change(ex, disk);
}

static void handle_patch(struct exchange *ex) {
    struct resource *disk = disk_of_path(ex);
    if (!disk || !check_type(ex) || !check_size(ex) || !check_shares(ex))
        return;
    if (being_deleted(disk))
        reply_conflict(ex);
    else
        change(ex, disk);
}

static void handle_delete(struct exchange *ex) {
    struct resource *disk = find_disk(ex);
    if (!disk) {
        reply_status(ex, 204);
        return;
    }
    const char *owner = json_path_text(disk->body, "managedBy");
    if (owner) {
        reply_error(ex, 409, "OperationNotAllowed", "Disk %s is attached to VM %s.",
                    ex->captures[0], owner);
        return;
    }
    answer(ex, disk, OPERATION_DELETE);
}

static void handle_get(struct exchange *ex) {
    struct resource *disk = disk_of_path(ex);
    if (disk)
        reply_json(ex, 200, render_resource(disk));
}

/* --- lists ------------------------------------------------------------------------------------ */

static void put_disks(const struct group *group, json_t *value) {
    list_for_each(link, &group->objects) {
        struct object *object = list_entry(link, struct object, member);
        if (object->kind != OBJECT_RESOURCE)
            continue;
        struct resource *resource = list_entry(object, struct resource, object);
        if (resource_is_disk(resource))
            (void)json_array_append_new(value, render_resource(resource));
    }
}

static void handle_list(struct exchange *ex) {
    json_t *value = json_array();
    if (value)
        put_disks(ex->group, value);
    reply_json(ex, 200, json_pack("{s:o}", "value", value));
}

static void handle_list_all(struct exchange *ex) {
    json_t *value = json_array();
    list_for_each(link, &ex->world->groups) {
        if (value)
            put_disks(list_entry(link, struct group, object.member), value);
    }
    reply_json(ex, 200, json_pack("{s:o}", "value", value));
}

#define DISKS "+Compute/disks"

const struct route disk_routes[] = {
    {"GET", "subscriptions/*/providers/Microsoft.Compute/disks", handle_list_all, "list-disks",
     POLICY_NONE, false, 0},
    {"GET", DISKS, handle_list, "list-disks", POLICY_NONE, false, 0},
    {"PUT", DISKS "/*", handle_put, "put-disk", POLICY_NONE, false, 0, CONSTRAINT_DISK},
    {"PATCH", DISKS "/*", handle_patch, "patch-disk", POLICY_NONE, false, 0,
     CONSTRAINT_DISK_UPDATE},
    {"GET", DISKS "/*", handle_get, "get-disk", POLICY_NONE, false, 0},
    {"DELETE", DISKS "/*", handle_delete, "delete-disk", POLICY_NONE, false, 0},
    {0},
};
