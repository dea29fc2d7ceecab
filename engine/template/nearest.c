/* SPDX-License-Identifier: MIT */
#include "nearest.h"

#include "base/parse.h"

#include <string.h>

#define DISTANCE_MAX 3u

struct nearest nearest_init(const char *name) {
    size_t len = strlen(name), half = (len + 1) / 2;
    size_t allowed = half <= DISTANCE_MAX ? half : DISTANCE_MAX + 1;
    return (struct nearest){.name = name, .len = len, .distance = allowed};
}

void nearest_try(struct nearest *n, const char *candidate) {
    size_t distance = text_distance(n->name, candidate, n->distance);
    if (distance >= n->distance)
        return;
    n->distance = distance;
    n->best = candidate;
}
