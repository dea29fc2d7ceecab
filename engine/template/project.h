/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_PROJECT_H
#define TEMPLATE_PROJECT_H

#include "diagnostics.h"

#include <jansson.h>

/*
 * Reads a project.ini: [project], [spec NAME], [blobs NAME] and [config KEY] with the attributes of
 * a parameter. *ret is a new object:
 *
 *   {"Name": "slurm", "Label": "Slurm", "Version": "3.0.1", "Type": "scheduler",
 *    "Specs": {"default": {"run_list": ["recipe[a]"]}},
 *    "Blobs": {"default": {"Files": ["a.tgz"]}},
 *    "Config": [{"Name": "slurm.version", "Parameter": "configuration_slurm_version",
 *                "Schema": {...}}]}      as a property of template_schema
 *
 * Sections that mean nothing here are a warning. Returns 0, -EINVAL (errors are in `diags`), -E2BIG
 * or -ENOMEM. Threads and purity as in template.h.
 */
int project_parse(const char *text, size_t len, struct diagnostics *diags, json_t **ret);

#endif
