/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_OPERATION_H
#define SIMULATOR_OPERATION_H

/*
 * Asynchronous operations. What one will come to is settled when it begins, and it ends by itself
 * at its time, polled or not; an hour later it is forgotten. Azure-AsyncOperation and Location lead
 * to it.
 */

#include "world.h"

enum operation_kind {
    OPERATION_WRITE,  /* PUT or PATCH: Location answers the resource */
    OPERATION_ACTION, /* POST */
    OPERATION_DELETE,
    OPERATION_KIND_MAX,
};

enum operation_status {
    OPERATION_RUNNING,
    OPERATION_SUCCEEDED,
    OPERATION_FAILED,
    OPERATION_CANCELED,
    OPERATION_STATUS_MAX,
};

struct operation {
    struct object object; /* id: GUID */
    struct world *world;
    char *provider; /* "Microsoft.Compute" */
    char *target;   /* id of the resource */
    int region;
    enum object_kind target_kind;
    enum operation_kind kind;
    enum operation_status status;
    char *error_code, *error_message; /* what it will fail with, or has; NULL = it succeeds */
    usec_t started_at, ends_at;
    struct timer timer;
};

struct operation_plan {
    const char *provider;
    const struct object *target;
    int region;
    enum operation_kind kind;
    usec_t ends_at;
    const char *error_code, *error_message; /* NULL = success */
};

/* Begins an operation. NULL: out of memory, or OPERATIONS_MAX are there. */
struct operation *operation_new(struct world *world, const struct operation_plan *plan);
/* Ends a running one as Canceled, OperationPreempted. Accepts NULL. */
void operation_preempt(struct operation *operation);
/* Sets its timer again after a restart. 0 or -ENOMEM. */
int operation_resume(struct operation *operation);
void operation_free(struct world *world, struct operation *operation);

/* "InProgress", "Succeeded" ... */
const char *operation_status_text(enum operation_status status);

#endif
