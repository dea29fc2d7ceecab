/* SPDX-License-Identifier: MIT */

/* project.ini. */

#include "template/project.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *project = NULL;
    if (project_parse((const char *)data, size, NULL, &project) == 0)
        json_decref(project);
    return 0;
}
