/* SPDX-License-Identifier: MIT */
#include "catalogue.h"

#include "base/buf.h"
#include "base/parse.h"
#include "base/vec.h"
#include "jsonx.h"

#include <string.h>

DEFINE_VEC(size_vec, struct size *);
DEFINE_VEC(family_vec, char *);

struct catalogue {
    struct size_vec sizes;
    struct family_vec families;
};

static void size_free(struct size *size) {
    if (!size)
        return;
    free(size->name);
    free(size->zones);
    free(size->generations);
    free(size->arch);
    free(size);
}

void catalogue_free(struct catalogue *catalogue) {
    if (!catalogue)
        return;
    for (size_t i = 0; i < catalogue->sizes.len; i++)
        size_free(catalogue->sizes.items[i]);
    for (size_t i = 0; i < catalogue->families.len; i++)
        free(catalogue->families.items[i]);
    size_vec_done(&catalogue->sizes);
    family_vec_done(&catalogue->families);
    free(catalogue);
}

static int family_index(struct catalogue *catalogue, const char *name, size_t *ret) {
    for (size_t i = 0; i < catalogue->families.len; i++) {
        if (text_equal_fold(catalogue->families.items[i], name)) {
            *ret = i;
            return 0;
        }
    }
    char *copy = strdup(name);
    int r = copy ? family_vec_append(&catalogue->families, copy) : -ENOMEM;
    if (r < 0) {
        free(copy);
        return r;
    }
    *ret = catalogue->families.len - 1;
    return 0;
}

static char *join_zones(json_t *zones) {
    struct buf b = BUF_INIT(64);
    size_t i;
    json_t *zone;
    json_array_foreach(zones, i, zone) {
        (void)buf_printf(&b, "%s%s", i ? "," : "", json_string_value(zone));
    }
    char *text = buf_error(&b) ? NULL : buf_take(&b);
    buf_done(&b);
    return text;
}

static int read_size(struct catalogue *catalogue, json_t *record, struct error *err) {
    const char *name, *family, *arch, *generations;
    json_t *zones;
    int vcpus, available, gpus, interfaces, rdma, premium, spot, accelerated, ephemeral;
    int per_core = 2, local_disk = 0;
    double memory, price = 0;
    json_error_t problem;
    if (json_unpack_ex(
            record, &problem, 0,
            "{s:s,s:s,s:i,s:i,s?i,s:F,s:i,s:b,s:s,s:o,s:i,s:b,s:b,s:b,s:b,s:s,s?F,s?i}", "name",
            &name, "family", &family, "vcpus", &vcpus, "vcpus_available", &available,
            "vcpus_per_core", &per_core, "memory_gb", &memory, "gpus", &gpus, "rdma", &rdma, "arch",
            &arch, "zones", &zones, "network_interfaces", &interfaces, "premium_disks", &premium,
            "spot", &spot, "accelerated_networking", &accelerated, "ephemeral_os_disk", &ephemeral,
            "generations", &generations, "usd_per_hour", &price, "local_disk_gb", &local_disk) < 0)
        return err_set(err, -EINVAL, "invalid_config", "size record %zu: %s",
                       catalogue->sizes.len + 1, problem.text);
    struct size *size = calloc(1, sizeof(*size));
    if (!size)
        return -ENOMEM;
    *size = (struct size){
        .name = strdup(name),
        .zones = join_zones(zones),
        .generations = strdup(generations),
        .arch = strdup(arch),
        .vcpus = (unsigned)vcpus,
        .vcpus_available = (unsigned)available,
        .vcpus_per_core = (unsigned)per_core,
        .gpus = (unsigned)gpus,
        .network_interfaces = (unsigned)interfaces,
        .local_disk_gb = (unsigned)local_disk,
        .memory_gb = memory,
        .usd_per_hour = price,
        .rdma = rdma,
        .premium_disks = premium,
        .spot = spot,
        .accelerated_networking = accelerated,
        .ephemeral_os_disk = ephemeral,
    };
    int r = size->name && size->zones && size->generations && size->arch ? 0 : -ENOMEM;
    if (r == 0)
        r = family_index(catalogue, family, &size->family);
    if (r == 0)
        r = size_vec_append(&catalogue->sizes, size);
    if (r < 0)
        size_free(size);
    return r;
}

int catalogue_load(const char *path, struct catalogue **ret, struct error *err) {
    json_error_t problem;
    _cleanup_json_ json_t *document = json_load_file(path, 0, &problem);
    if (!document)
        return err_set(err, -EINVAL, "invalid_config", "cannot read the size file %s: %s (line %d)",
                       path, problem.text, problem.line);
    struct catalogue *catalogue = calloc(1, sizeof(*catalogue));
    if (!catalogue)
        return -ENOMEM;
    size_t i;
    json_t *record;
    json_array_foreach(json_object_get(document, "sizes"), i, record) {
        int r = read_size(catalogue, record, err);
        if (r < 0) {
            catalogue_free(catalogue);
            return err_wrap(err, r, "%s", path);
        }
    }
    *ret = catalogue;
    return 0;
}

const struct size *catalogue_find(const struct catalogue *catalogue, const char *name) {
    for (size_t i = 0; name && i < catalogue->sizes.len; i++) {
        if (text_equal_fold(catalogue->sizes.items[i]->name, name))
            return catalogue->sizes.items[i];
    }
    return NULL;
}

size_t catalogue_len(const struct catalogue *catalogue) {
    return catalogue->sizes.len;
}

const struct size *catalogue_at(const struct catalogue *catalogue, size_t index) {
    return catalogue->sizes.items[index];
}

size_t catalogue_families(const struct catalogue *catalogue) {
    return catalogue->families.len;
}

const char *catalogue_family(const struct catalogue *catalogue, size_t index) {
    return catalogue->families.items[index];
}
