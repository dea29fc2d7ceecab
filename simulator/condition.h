/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_CONDITION_H
#define SIMULATOR_CONDITION_H

/* Etags of machines and sets, and requests that depend on them (If-Match, If-None-Match). */

#include "exchange.h"

/* The etag as a resource shows it, in quotes. New; NULL: out of memory. */
json_t *etag_json(const struct object *object);
/* Adds the ETag header of a resource to the answer. */
void put_etag(struct exchange *ex, const struct object *object);
/* Whether the request's conditions hold for what is there; NULL: nothing is. False: the error is
 * the answer. */
bool check_conditions(struct exchange *ex, const struct object *object);

#endif
