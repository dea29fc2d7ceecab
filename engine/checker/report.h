/* SPDX-License-Identifier: MIT */
#ifndef CHECKER_REPORT_H
#define CHECKER_REPORT_H

/* What was found, in words or as JSON. */

#include "checker.h"

#include "template/template.h"

struct checker {
    const struct checker_request *request;
    struct buf *output, *messages; /* borrowed */
    struct buf text;               /* of the template */
    struct template *template;
    json_t *given;                      /* parameters */
    json_t *missing;                    /* as definition_missing, of all clusters */
    struct diagnostics diags;           /* about the template */
    struct diagnostics parameter_diags; /* about the parameters */
    bool checks;                        /* the command is `check`: it says so when all is well */
};

/* Takes note of what a definition lacks, each name once. 0 or -ENOMEM. */
int report_missing(struct checker *c, const struct definition *d);

/*
 * Writes the messages; with `json` a JSON object into the output, unless that has what was asked
 * for already:
 *   {"file", "ok": true, "errors": 0, "warnings": 1, "clusters": [names],
 *    "diagnostics": [{"file", "severity", "line", "column", "message", "hint", "source"}],
 *    "missing": [{"name", "label"}]}
 * 0, -E2BIG or -ENOMEM.
 */
int report(struct checker *c, enum checker_status status);

#endif
