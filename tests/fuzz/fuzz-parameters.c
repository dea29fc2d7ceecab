/* SPDX-License-Identifier: MIT */

/* A parameter file: JSON or `Name = value` lines. */

#include "template/template.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_error_ struct error err = ERROR_INIT;
    json_t *values = NULL;
    if (parameters_parse((const char *)data, size, &err, &values) == 0)
        json_decref(values);
    return 0;
}
