/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_CHECK_H
#define SIMULATOR_CHECK_H

/* What Azure checks before it accepts a machine. */

#include "exchange.h"

/* A description of machines, and what it was found to mean. */
struct machine_check {
    json_t *body;    /* the whole resource */
    json_t *profile; /* properties (VM) or properties.virtualMachineProfile (set) */
    const char *size_name;
    const char *host_name_member; /* "computerName", "computerNamePrefix" */
    int region;                   /* found: */
    const struct size *size;
    struct subnet *subnet; /* NULL when an interface of its own brings the address */
    struct resource *interface;
    bool spot;
};

/* Location and, unless NULL, profile. False: the error is the answer. */
bool check_machine(struct exchange *ex, struct machine_check *check);
/* The location of a body; -1 after an error. */
int check_region(struct exchange *ex, json_t *body);
/* Resource names: 1 to 64 of letters, digits, '-', '_', '.'. False after an error. */
bool check_name(struct exchange *ex, const char *name);
/* Number, names and values of a body's tags. False after an error. */
bool check_tags(struct exchange *ex, json_t *body);
/* Quota for `count` more machines. False after an error. */
bool check_quota(struct exchange *ex, const struct machine_check *check, uint64_t count);

#endif
