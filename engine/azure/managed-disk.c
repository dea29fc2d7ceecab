/* SPDX-License-Identifier: MIT */
#include "body.h"

#include "maker.h"

/* Disks that are resources, apart from any VM. */

int body_disk(const struct cyclecloud_request *q, json_t **ret) {
    struct maker m = {0};
    const struct cyclecloud_disk *d = q->disk;
    const char *zones[] = {d->zone, NULL};
    json_t *tags = q->spec ? maker_tags(&m, q->spec) : NULL;
    json_t *root =
        json_pack("{s:s, s:o*, s:o*, s:{s:s}, s:{s:{s:s}, s:I}}", "location", maker_region(q),
                  "tags", tags, "zones", maker_given(d->zone) ? maker_texts(&m, zones) : NULL,
                  "sku", "name", d->storage_type, "properties", "creationData", "createOption",
                  "Empty", "diskSizeGB", (json_int_t)d->size_gb);
    return maker_finish(&m, root, ret);
}

int body_disk_size(const struct cyclecloud_request *q, json_t **ret) {
    struct maker m = {0};
    json_t *root = json_pack("{s:{s:I}}", "properties", "diskSizeGB", (json_int_t)q->disk->size_gb);
    return maker_finish(&m, root, ret);
}
