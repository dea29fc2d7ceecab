/* SPDX-License-Identifier: MIT */
#ifndef AZURE_FAULT_H
#define AZURE_FAULT_H

/*
 * What an error of the Resource Manager means. Pure functions of the answer. The true code may be
 * nested in details, in innererror, or in the text of a message (Code="X" Message="..."): the
 * innermost one that is known decides.
 */

#include "arena.h"
#include "cyclecloud/provider.h"

#include <jansson.h>

struct fault {
    enum cyclecloud_class result;
    const char *code, *message; /* in the arena, never NULL */
    const char *target;         /* of a throttling detail: the policy's name; "" */
    struct cyclecloud_quota_error quota;
};

/*
 * Reads an error. `root` is the parsed body, the error object itself or something that contains one
 * as "error", or NULL; `status` the HTTP status, 0 for the error of an asynchronous operation or of
 * one instance. Texts are copied into `arena`. Returns 0 or -ENOMEM.
 */
int fault_read(const json_t *root, int status, struct arena *arena, struct fault *ret);

/* The numbers in the text of a quota error; false if it is none. `ret->name` is in the arena. */
bool fault_quota(const char *message, struct arena *arena, struct cyclecloud_quota_error *ret);

#endif
