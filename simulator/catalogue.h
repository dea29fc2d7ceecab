/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_CATALOGUE_H
#define SIMULATOR_CATALOGUE_H

/* The virtual machine sizes of the simulated regions; every region has all of them. Read once at
 * start, constant afterwards. */

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Simulated: what a Spot machine costs of the price on demand. */
#define SPOT_PRICE_SHARE 0.1

struct size {
    char *name;        /* "Standard_HB120rs_v3" */
    size_t family;     /* index for catalogue_family */
    char *zones;       /* "1,2,3" */
    char *generations; /* "V1,V2" */
    char *arch;        /* "x64" */
    unsigned vcpus;    /* of the full size: what quota counts */
    unsigned vcpus_available;
    unsigned vcpus_per_core; /* 2 with hyper-threading */
    unsigned gpus;
    unsigned network_interfaces;
    unsigned local_disk_gb; /* room for an ephemeral OS disk; 0 = not known */
    double memory_gb;
    double usd_per_hour; /* Linux, on demand; 0 = not known */
    bool rdma, premium_disks, spot, accelerated_networking, ephemeral_os_disk;
};

struct catalogue;

/* Reads a size file. 0, -errno of the file, or -EINVAL with words in `err`. */
int catalogue_load(const char *path, struct catalogue **ret, struct error *err);
void catalogue_free(struct catalogue *catalogue);

/* By name in any case; NULL if there is none. Borrowed. */
const struct size *catalogue_find(const struct catalogue *catalogue, const char *name);
size_t catalogue_len(const struct catalogue *catalogue);
const struct size *catalogue_at(const struct catalogue *catalogue, size_t index);

size_t catalogue_families(const struct catalogue *catalogue);
/* Name of a vCPU family ("standardHBv3Family"). Borrowed. */
const char *catalogue_family(const struct catalogue *catalogue, size_t index);

#endif
