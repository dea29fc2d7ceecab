/* SPDX-License-Identifier: MIT */
#include "volume.h"

#include <string.h>
#include <strings.h>

/* The volumes of a definition -> the disks of a request. */

struct filling {
    const struct snapshot *snapshot;
    const struct array *array;
    const struct node *node; /* NULL: a set */
    struct request_disks *disks;
    struct cyclecloud_vm_spec *spec;
    uint64_t luns; /* bits: numbers that the template gives */
    uint32_t next_lun;
};

static const json_t *given_lun(const json_t *v) {
    const json_t *lun = json_object_get(json_object_get(v, "Azure"), "Lun");
    return json_is_integer(lun) ? lun : NULL;
}

static void note_lun(struct filling *f, const json_t *v) {
    json_int_t lun = json_integer_value(given_lun(v));
    if (given_lun(v) && lun >= 0 && lun < 64)
        f->luns |= UINT64_C(1) << lun;
}

/* The lowest number that the template does not give to another disk. */
static uint32_t take_lun(struct filling *f, const json_t *v) {
    if (given_lun(v))
        return (uint32_t)json_integer_value(given_lun(v));
    while (f->next_lun < 64 && f->luns >> f->next_lun & 1)
        f->next_lun++;
    return f->next_lun++;
}

static const char *text_in(const json_t *v, const char *name) {
    return json_string_value(json_object_get(v, name));
}

/* The older name of the attribute has a prefix. */
static const char *encryption_set(const json_t *v) {
    const json_t *azure = json_object_get(json_object_get(v, "Azure"), "Encryption");
    const char *id = text_in(v, "DiskEncryptionSetId");
    return id ? id : text_in(azure, "DiskEncryptionSetId");
}

static void fill_os_disk(struct filling *f, const json_t *v, json_int_t size) {
    bool typed = json_object_get(v, "SSD") || json_object_get(v, "StorageAccountType");
    struct cyclecloud_vm_spec *s = f->spec;
    s->os_disk_gb = size > 0 ? (uint32_t)size : 0;
    s->os_disk_type = typed ? volume_storage_type(v) : NULL;
    s->os_disk_caching = text_in(json_object_get(v, "Azure"), "Caching");
    s->os_disk_encryption_set_id = encryption_set(v);
    s->confidential_set_id = text_in(v, "ConfidentialDiskEncryptionSetId");
    s->security_encryption_type = text_in(v, "SecurityEncryptionType");
}

/* A VM is where its disks are: in their zone, or in none. */
static void attach(struct filling *f, const char *section, struct cyclecloud_disk *d) {
    struct volume_want want;
    const json_t *value = json_object_get(f->disks->json, section);
    if (!f->node || !volume_wanted(section, value, &want))
        return;
    const struct volume *v =
        volume_find(f->snapshot, f->node->cluster_id, str_text(f->array->name), section);
    if (!v || !str_len(v->resource_id))
        return;
    d->resource_id = str_text(v->resource_id);
    f->disks->zone[0] = str_len(v->zone) ? str_text(v->zone) : NULL;
    f->spec->zones = f->disks->zone[0] ? f->disks->zone : NULL;
}

static void fill_disk(struct filling *f, const char *name, const json_t *v) {
    json_int_t size = json_integer_value(json_object_get(v, "Size"));
    if (strcasecmp(name, "boot") == 0) {
        fill_os_disk(f, v, size);
        return;
    }
    if (size <= 0 || f->spec->n_disks >= REQUEST_DISKS_MAX)
        return;
    struct cyclecloud_disk *d = &f->disks->items[f->spec->n_disks++];
    *d = (struct cyclecloud_disk){
        .lun = take_lun(f, v),
        .size_gb = (uint32_t)size,
        .storage_type = volume_storage_type(v),
        .caching = text_in(json_object_get(v, "Azure"), "Caching"),
        .encryption_set_id = encryption_set(v),
    };
    attach(f, name, d);
}

int request_disks_fill(const struct snapshot *s, const struct array *a, const struct node *node,
                       struct request_disks *disks, struct cyclecloud_vm_spec *spec) {
    struct filling f = {s, a, a->is_array ? NULL : node, disks, spec, 0, 0};
    int r = volumes_read(a->spec, &disks->json);
    const char *name;
    json_t *v;
    spec->disks = disks->items;
    json_object_foreach(disks->json, name, v) note_lun(&f, v);
    json_object_foreach(disks->json, name, v) fill_disk(&f, name, v);
    return r;
}
