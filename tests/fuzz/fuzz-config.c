/* SPDX-License-Identifier: MIT */

/* The daemon's configuration file. */

#include "daemon/config.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_error_ struct error err = ERROR_INIT;
    struct config c;
    config_init(&c);
    (void)config_parse(&c, "fuzz", (const char *)data, size, &err);
    config_done(&c);
    return 0;
}
