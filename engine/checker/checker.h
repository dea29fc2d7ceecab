/* SPDX-License-Identifier: MIT */
#ifndef CHECKER_CHECKER_H
#define CHECKER_CHECKER_H

/*
 * What cyclecloud-template(1) does, and `cyclecloudfs --check-template`: looks at template files
 * and says what is wrong with them, or shows what one means. Reads files, writes only into buffers.
 */

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define CHECKER_OUTPUT_MAX ((size_t)256 << 20)

enum checker_status {
    CHECKER_OK = 0,
    CHECKER_WRONG = 1,  /* a template or the parameters have errors */
    CHECKER_FAILED = 2, /* a file cannot be read, the command is not known, no memory */
};

enum report_format {
    REPORT_TEXT,   /* for people */
    REPORT_JSON,   /* report.h has its members */
    REPORT_GITHUB, /* workflow commands, which GitHub Actions shows next to the lines */
    REPORT_SARIF,  /* SARIF 2.1.0 */
};

struct checker_request {
    const char *command;       /* "check", "expand", "schema" or "format" */
    const char *const *files;  /* templates; "-" = standard input; NULL-terminated, one or more */
    const char *parameters;    /* a parameter file, NULL = none */
    const char *const *values; /* "NAME=VALUE" each, over the file; NULL-terminated, or NULL */
    const char *cluster;       /* which [cluster], NULL: the first (check: all) */
    const char *name;          /* the value of ClusterName, NULL: that of the [cluster] */
    enum report_format format;
    bool origins; /* expand: where each value comes from */
};

/*
 * Runs a command on each file. What it makes goes to `output`, messages for people to `messages`
 * (CHECKER_OUTPUT_MAX had better be the maximum of both). Returns the exit status, the worst of
 * all files.
 */
enum checker_status checker_run(const struct checker_request *request, struct buf *output,
                                struct buf *messages);

#endif
