/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_PARSER_H
#define TEMPLATE_PARSER_H

#include "syntax.h"

/*
 * Reads a text as far as it can be understood; what is wrong is in `diags`, and *ret (new) is what
 * was understood. Returns 0, -E2BIG or -ENOMEM.
 */
int parser_read(const char *text, size_t len, enum language language, struct diagnostics *diags,
                struct template **ret);

#endif
