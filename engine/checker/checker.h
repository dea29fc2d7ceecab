/* SPDX-License-Identifier: MIT */
#ifndef CHECKER_CHECKER_H
#define CHECKER_CHECKER_H

/*
 * What cyclecloud-template(1) does, and `cyclecloudfs --check-template`: looks at one template file
 * and says what is wrong with it, or shows what it means. Reads files, writes only into buffers.
 */

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define CHECKER_OUTPUT_MAX ((size_t)256 << 20)

enum checker_status {
    CHECKER_OK = 0,
    CHECKER_WRONG = 1,  /* the template or the parameters have errors */
    CHECKER_FAILED = 2, /* a file cannot be read, the command is not known, no memory */
};

struct checker_request {
    const char *command;       /* "check", "expand", "schema" or "format" */
    const char *file;          /* the template; "-" = standard input */
    const char *parameters;    /* a parameter file, NULL = none */
    const char *const *values; /* "NAME=VALUE" each, over the file; NULL-terminated, or NULL */
    const char *cluster;       /* which [cluster], NULL: the first (check: all) */
    const char *name;          /* the value of ClusterName, NULL: that of the [cluster] */
    bool json;                 /* the report as a JSON object in the output */
    bool origins;              /* expand: where each value comes from */
};

/*
 * Runs a command. What it makes goes to `output`, messages for people to `messages`
 * (CHECKER_OUTPUT_MAX had better be the maximum of both). Returns the exit status.
 */
enum checker_status checker_run(const struct checker_request *request, struct buf *output,
                                struct buf *messages);

#endif
