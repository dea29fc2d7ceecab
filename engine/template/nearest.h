/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_NEAREST_H
#define TEMPLATE_NEAREST_H

/* "Did you mean": the known name that a wrong one is most like, by edit distance. */

#include <stddef.h>

struct nearest {
    const char *name;
    size_t len;
    size_t distance; /* of `best`; only what is nearer counts */
    const char *best;
};

/* `name` (borrowed) may be off by three letters, and by less than half of its own. */
struct nearest nearest_init(const char *name);
void nearest_try(struct nearest *n, const char *candidate);

#endif
