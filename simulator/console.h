/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_CONSOLE_H
#define SIMULATOR_CONSOLE_H

/* What a machine writes to its serial console, and how Azure lets one read it. */

#include "exchange.h"

/* Answers retrieveBootDiagnosticsData for a machine: the addresses of its blobs, or 409. */
void console_retrieve(struct exchange *ex, const struct vm *vm);

#endif
