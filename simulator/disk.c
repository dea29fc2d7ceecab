/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include "check.h"
#include "resource.h"
#include "vm.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

enum { OS_DISK_GB = 30, SIZE_MAX_GB = 32767, SIZE_MAX_ULTRA_GB = 65536 };

json_int_t disk_size_max(const char *storage_type) {
    bool large = text_equal_fold(storage_type, "UltraSSD_LRS") ||
                 text_equal_fold(storage_type, "PremiumV2_LRS");
    return large ? SIZE_MAX_ULTRA_GB : SIZE_MAX_GB;
}

bool resource_is_disk(const struct resource *resource) {
    return text_equal_fold(resource->type, DISK_TYPE);
}

static struct resource *find_disk(const struct world *world, const char *id) {
    struct resource *resource = world_find(world, OBJECT_RESOURCE, id);
    return resource && resource_is_disk(resource) ? resource : NULL;
}

struct vm *disk_owner(const struct world *world, const struct resource *disk) {
    return world_find(world, OBJECT_VM, json_path_text(disk->body, "managedBy"));
}

/* --- what a VM body names --------------------------------------------------------------------- */

static bool attaches(json_t *entry) {
    const char *option = json_path_text(entry, "createOption");
    return option && text_equal_fold(option, "Attach");
}

static bool check_zone(struct exchange *ex, const struct machine_check *check, json_t *disk) {
    const char *of_vm = json_path_text(check->body, "zones.0");
    const char *of_disk = json_path_text(disk, "zones.0");
    if (of_disk ? of_vm && strcmp(of_vm, of_disk) == 0 : !of_vm)
        return true;
    reply_error(ex, 400, "BadRequest",
                "Disk %s cannot be attached to the VM because it is not in the same zone as the "
                "VM.",
                json_path_text(disk, "id"));
    return false;
}

static bool check_owner(struct exchange *ex, const struct resource *disk) {
    const char *owner = json_path_text(disk->body, "managedBy");
    size_t len = strcspn(ex->url, "?");
    if (!owner || (strlen(owner) == len && strncasecmp(owner, ex->url, len) == 0))
        return true;
    const char *name = json_path_text(disk->body, "name");
    reply_error_at(ex, 409, "ConflictingUserInput", disk->object.id,
                   "Cannot attach the disk %s to VM %.*s because it is already attached to VM %s. "
                   "A disk can be attached to only one VM at a time.",
                   name, (int)len, ex->url, owner);
    return false;
}

static bool refuse_missing_disk(struct exchange *ex, const char *id) {
    if (!id)
        reply_error_at(ex, 400, "InvalidParameter", "dataDisk.managedDisk.id",
                       "Required parameter 'dataDisk.managedDisk.id' is missing (null).");
    else
        reply_error_at(ex, 404, "ResourceNotFound", "dataDisk.managedDisk.id",
                       "Disk %s is not found.", id);
    return false;
}

static bool check_attached(struct exchange *ex, const struct machine_check *check, json_t *entry) {
    const char *id = json_path_text(entry, "managedDisk.id");
    struct resource *disk = find_disk(ex->world, id);
    if (!disk)
        return refuse_missing_disk(ex, id);
    const char *state = json_path_text(disk->body, "properties.provisioningState");
    if (disk->object.group->deleting || (state && strcmp(state, "Deleting") == 0)) {
        reply_error_at(ex, 409, "ConflictingUserInput", id,
                       "Disk %s cannot be attached because it is being deleted.", id);
        return false;
    }
    if (region_index(json_path_text(disk->body, "location")) != check->region) {
        reply_error_at(ex, 400, "BadRequest", id,
                       "Disk %s cannot be attached to the VM because it is not in the same "
                       "location as the VM.",
                       id);
        return false;
    }
    return check_zone(ex, check, disk->body) && check_owner(ex, disk);
}

static bool named_before(json_t *list, size_t at) {
    const char *id = json_path_text(json_array_get(list, at), "managedDisk.id");
    for (size_t i = 0; id && i < at; i++) {
        const char *other = json_path_text(json_array_get(list, i), "managedDisk.id");
        if (other && strcasecmp(other, id) == 0)
            return true;
    }
    return false;
}

/* A disk that the VM brings along under a name: no other disk of the group has it. */
static bool check_new_name(struct exchange *ex, json_t *entry) {
    const char *name = json_path_text(entry, "name");
    _cleanup_free_ char *id =
        text_format("%s/providers/" DISK_TYPE "/%s", ex->group->object.id, name ? name : "");
    const struct resource *disk = name ? find_disk(ex->world, id) : NULL;
    if (!disk || !check_owner(ex, disk))
        return !disk;
    if (json_path_text(disk->body, "managedBy"))
        return true; /* the same request once more */
    reply_error(ex, 409, "ConflictingUserInput",
                "Disk %s already exists in resource group %s. Only CreateOption.Attach is "
                "supported.",
                name, ex->group->name);
    return false;
}

bool disks_check(struct exchange *ex, const struct machine_check *check) {
    json_t *list = json_path(check->profile, "storageProfile.dataDisks");
    size_t i;
    json_t *entry;
    if (!check_new_name(ex, json_path(check->profile, "storageProfile.osDisk")))
        return false;
    json_array_foreach(list, i, entry) {
        if (!attaches(entry)) {
            if (!check_new_name(ex, entry))
                return false;
            continue;
        }
        if (!check_attached(ex, check, entry))
            return false;
        if (named_before(list, i)) {
            reply_error_at(ex, 400, "InvalidParameter", "dataDisks",
                           "The disk %s is attached twice.",
                           json_path_text(entry, "managedDisk.id"));
            return false;
        }
    }
    return true;
}

/* --- disks that a VM brings along ------------------------------------------------------------- */

/* An entry of a VM's storageProfile for which a disk is made. */
struct new_disk {
    struct vm *vm;
    json_t *entry;
    const char *option; /* of its creationData */
    json_int_t size_gb;
    char *name; /* owned */
};

static json_t *new_disk_body(const struct new_disk *new) {
    const struct vm *vm = new->vm;
    const char *type = json_path_text(new->entry, "managedDisk.storageAccountType");
    _cleanup_buf_ struct buf created = BUF_INIT(TIME_TEXT_MAX);
    char unique[UUID_TEXT_SIZE];
    random_uuid(&vm->world->random, unique);
    if (!type)
        type = vm->size->premium_disks ? "Premium_LRS" : "Standard_LRS";
    if (time_format(&created, vm->created_at) < 0)
        return NULL;
    json_t *body = json_pack(
        "{s:o,s:s,s:s,s:s,s:{s:s},s:{s:{s:s},s:I,s:s,s:s,s:s}}", "id",
        json_format("%s/providers/" DISK_TYPE "/%s", vm->object.group->object.id, new->name),
        "name", new->name, "type", DISK_TYPE, "location", region_names[vm->region], "sku", "name",
        type, "properties", "creationData", "createOption", new->option, "diskSizeGB", new->size_gb,
        "provisioningState", "Succeeded", "timeCreated", created.data, "uniqueId", unique);
    if (body && vm->zone[0])
        (void)json_object_set_new(body, "zones", json_pack("[s]", vm->zone));
    return body;
}

static int make_disk(struct new_disk *new) {
    json_t *body = new->name ? new_disk_body(new) : NULL;
    struct vm *vm = new->vm;
    if (!body || !resource_new(vm->world, vm->object.group, DISK_TYPE, json_incref(body))) {
        json_decref(body);
        return -ENOMEM;
    }
    int r = json_path_set(new->entry, "managedDisk.id", json_incref(json_object_get(body, "id")));
    if (r == 0)
        r = json_object_set(new->entry, "name", json_object_get(body, "name"));
    json_decref(body);
    return r < 0 ? -ENOMEM : 0;
}

/* The name that the body gives, or one that no other disk has. */
static char *disk_name(struct vm *vm, json_t *entry, const char *middle) {
    const char *given = json_path_text(entry, "name");
    char unique[UUID_TEXT_SIZE];
    random_uuid(&vm->world->random, unique);
    return given ? strdup(given) : text_format("%s_%s_%.8s", vm->name, middle, unique);
}

static int make_os_disk(struct vm *vm, json_t *entry) {
    if (!entry || json_path(entry, "diffDiskSettings") || json_path(entry, "managedDisk.id"))
        return 0; /* an ephemeral one is no resource */
    struct new_disk new = {vm, entry, "FromImage", json_path_int(entry, "diskSizeGB", OS_DISK_GB),
                           disk_name(vm, entry, "OsDisk_1")};
    int r = make_disk(&new);
    free(new.name);
    return r;
}

static int make_data_disk(struct vm *vm, json_t *entry, size_t number) {
    const char *option = json_path_text(entry, "createOption");
    char middle[24];
    if (!option || !text_equal_fold(option, "Empty"))
        return 0;
    (void)snprintf(middle, sizeof(middle), "disk%zu", number + 2);
    struct new_disk new = {vm, entry, "Empty", json_path_int(entry, "diskSizeGB", 0),
                           disk_name(vm, entry, middle)};
    int r = make_disk(&new);
    free(new.name);
    return r;
}

/* --- what a VM has ---------------------------------------------------------------------------- */

typedef void (*disk_visit)(struct vm *vm, struct resource *disk, json_t *entry);

static void visit_entry(struct vm *vm, json_t *entry, disk_visit visit) {
    struct resource *disk = find_disk(vm->world, json_path_text(entry, "managedDisk.id"));
    if (disk)
        visit(vm, disk, entry);
}

static void visit_disks(struct vm *vm, disk_visit visit) {
    json_t *storage = json_path(vm->body, "properties.storageProfile");
    size_t i;
    json_t *entry;
    visit_entry(vm, json_object_get(storage, "osDisk"), visit);
    json_array_foreach(json_object_get(storage, "dataDisks"), i, entry)
        visit_entry(vm, entry, visit);
}

static bool owns(const struct vm *vm, const struct resource *disk) {
    const char *owner = json_path_text(disk->body, "managedBy");
    return owner && strcasecmp(owner, vm->object.id) == 0;
}

static void set_state(struct vm *vm, struct resource *disk, const char *state) {
    const char *before = json_path_text(disk->body, "properties.diskState");
    if (before && strcmp(before, state) == 0)
        return;
    (void)json_path_set(disk->body, "properties.diskState", json_string(state));
    world_touch(vm->world, &disk->object);
}

static void attach(struct vm *vm, struct resource *disk, json_t *entry) {
    (void)entry;
    (void)json_object_set_new(disk->body, "managedBy", json_string(vm->object.id));
    set_state(vm, disk, "Attached");
}

static void release(struct vm *vm, struct resource *disk, json_t *entry) {
    const char *option = json_path_text(entry, "deleteOption");
    if (!owns(vm, disk))
        return;
    if (option && text_equal_fold(option, "Delete")) {
        resource_free(vm->world, disk);
        return;
    }
    (void)json_object_del(disk->body, "managedBy");
    set_state(vm, disk, "Unattached");
}

static void follow(struct vm *vm, struct resource *disk, json_t *entry) {
    (void)entry;
    if (owns(vm, disk))
        set_state(vm, disk, vm->state == VM_DEALLOCATED ? "Reserved" : "Attached");
}

int disks_attach(struct vm *vm) {
    json_t *storage = json_path(vm->body, "properties.storageProfile");
    int r = make_os_disk(vm, json_object_get(storage, "osDisk"));
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(storage, "dataDisks"), i, entry) {
        if (r == 0)
            r = make_data_disk(vm, entry, i);
    }
    if (r < 0)
        return r;
    visit_disks(vm, attach);
    world_touch(vm->world, &vm->object);
    return 0;
}

void disks_release(struct vm *vm) {
    visit_disks(vm, release);
}

void disks_follow(struct vm *vm) {
    visit_disks(vm, follow);
}

const struct resource *disk_in_use_outside(const struct world *world, const struct group *group) {
    list_for_each(link, &group->objects) {
        const struct object *object = list_entry(link, struct object, member);
        if (object->kind != OBJECT_RESOURCE)
            continue;
        const struct resource *disk = list_entry(object, struct resource, object);
        const struct vm *vm = resource_is_disk(disk) ? disk_owner(world, disk) : NULL;
        if (vm && vm->object.group != group)
            return disk;
    }
    return NULL;
}
