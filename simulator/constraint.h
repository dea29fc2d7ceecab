/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_CONSTRAINT_H
#define SIMULATOR_CONSTRAINT_H

/* What a request's body may say: members, types, words of enumerations and ranges of numbers, in
 * one table made from Azure's OpenAPI files. */

#include <jansson.h>
#include <stdbool.h>

/* What a body describes. */
enum constraint {
    CONSTRAINT_NONE, /* not in the table */
    CONSTRAINT_VM,
    CONSTRAINT_VM_UPDATE,
    CONSTRAINT_VM_REIMAGE,
    CONSTRAINT_SET,
    CONSTRAINT_SET_UPDATE,
    CONSTRAINT_SET_IDS,
    CONSTRAINT_SET_REIMAGE,
    CONSTRAINT_PLACEMENT_GROUP,
    CONSTRAINT_DISK,
    CONSTRAINT_DISK_UPDATE,
    CONSTRAINT_SECURITY_GROUP,
    CONSTRAINT_NETWORK,
    CONSTRAINT_ADDRESS,
    CONSTRAINT_INTERFACE,
    CONSTRAINT_IDENTITY,
    CONSTRAINT_MAX,
};

struct exchange;

/* Checks a body and brings it to one form, as Azure's parser does: members get the table's spelling
 * (names and words compare without case), null and what only the service writes are left out. False
 * after an error. */
bool constraint_check(struct exchange *ex, json_t *body, enum constraint constraint);

#endif
