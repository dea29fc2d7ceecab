/* SPDX-License-Identifier: MIT */
#ifndef CHECKER_REPORT_H
#define CHECKER_REPORT_H

/* What was found, in words or in a format for programs. */

#include "checker.h"

#include "template/template.h"

struct checker {
    const struct checker_request *request;
    const char *file;              /* that is being looked at */
    struct buf *output, *messages; /* borrowed */
    struct buf text;               /* of the template */
    struct template *template;
    json_t *given;                      /* parameters */
    json_t *missing;                    /* as definition_missing, of all clusters */
    struct diagnostics diags;           /* about the template */
    struct diagnostics parameter_diags; /* about the parameters */
    bool checks;                        /* the command is `check`: it says so when all is well */
};

/* What is printed once all files have been looked at. A zeroed struct is an empty one. */
struct report {
    json_t *list; /* JSON: an object for each file; SARIF: the results */
    bool failed;  /* a file could not be looked at */
};

/* Diagnostics and the file that they are about. */
struct report_part {
    const struct diagnostics *diags;
    const char *file;
};

#define REPORT_PARTS 2

/* What was found in the template, and in the parameters. */
void report_parts(const struct checker *c, struct report_part ret[REPORT_PARTS]);

/* Takes note of what a definition lacks, each name once. 0 or -ENOMEM. */
int report_missing(struct checker *c, const struct definition *d);

/*
 * Takes in what was found in a file: as words at once, in other formats as far as they can be
 * printed one after the other. Nothing is added when the output has what was asked for already.
 * 0, -E2BIG or -ENOMEM.
 */
int report_add(struct report *report, struct checker *c, enum checker_status status);

/*
 * Prints the rest. JSON is an object for one file, an array of such objects for several:
 *   {"file", "ok": true, "errors": 0, "warnings": 1, "clusters": [names],
 *    "diagnostics": [{"file", "severity", "code", "line", "column", "start": POINT, "end": POINT,
 *                     "message", "hint", "source",
 *                     "fix": {"start": POINT, "end": POINT, "replacement"}}],
 *    "missing": [{"name", "label"}]}
 *   POINT: {"line", "byte", "character", "utf16"}, all from 1; null where there is no line
 * 0, -E2BIG or -ENOMEM.
 */
int report_finish(struct report *report, const struct checker_request *request, struct buf *output);
void report_done(struct report *report);

/* report-github.c: a workflow command for each diagnostic. 0, -E2BIG or -ENOMEM. */
int report_github(const struct checker *c, struct buf *output);

/* report-sarif.c: the results of a file into a list; the whole log, with the rules. */
int report_sarif_add(json_t *results, const struct checker *c);
int report_sarif_put(json_t *results, bool failed, struct buf *output);

#endif
