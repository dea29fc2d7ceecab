/* SPDX-License-Identifier: MIT */
#ifndef CORE_REJECTED_H
#define CORE_REJECTED_H

#include "base/buf.h"

/* The masked text is at most so many times as long: "a.\n" becomes "a********\n". */
#define REJECTED_GROWTH ((size_t)4)

/*
 * What people may read of parameters that were refused: the text, with ******** in place of what
 * follows the names of secret parameters. It may be broken, so in doubt more is masked than needed.
 * `schema` is the cluster's JSON Schema ("writeOnly" marks secrets); empty or NULL: there is no
 * template, nobody can tell what is secret, and a line that says so stands for the text.
 * Appends to `b`. Returns 0, -ENOMEM or as buf.h. Pure.
 */
int rejected_parameters(const char *schema, const char *text, size_t len, struct buf *b);

#endif
