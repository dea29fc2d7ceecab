/* SPDX-License-Identifier: MIT */
#ifndef AZURE_BODY_H
#define AZURE_BODY_H

/*
 * The bodies of requests, from absolute wishes: the same request makes the same body, byte for
 * byte. Shapes of Microsoft.Compute 2024-03-01 (disks: 2023-10-02), Microsoft.Network 2024-01-01,
 * Resources 2024-03-01 and ResourceGraph 2022-10-01.
 *
 * Each gives a new reference in *ret, and 0, -E2BIG (custom or user data is too long) or -ENOMEM.
 */

#include "cyclecloud/provider.h"

#include <jansson.h>

int body_group(const struct cyclecloud_request *q, json_t **ret);
int body_security_group(const struct cyclecloud_request *q, json_t **ret);
int body_vm(const struct cyclecloud_request *q, json_t **ret);
int body_set(const struct cyclecloud_request *q, json_t **ret);
int body_resize(const struct cyclecloud_request *q, json_t **ret);
int body_disk(const struct cyclecloud_request *q, json_t **ret);
int body_disk_size(const struct cyclecloud_request *q, json_t **ret);
int body_instance_ids(const struct cyclecloud_request *q, json_t **ret);

/* Which table the sweep reads: VMs are in one, instances of Uniform sets in the other. */
enum body_sweep { BODY_SWEEP_VMS, BODY_SWEEP_INSTANCES, BODY_SWEEP_MAX };

struct body_sweep_page {
    enum body_sweep table;
    const char *subscription, *tag_name, *tag_value;
    const char *skip_token; /* NULL: the first page */
};

int body_sweep(const struct body_sweep_page *page, json_t **ret);

#endif
