/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_RECORD_H
#define SIMULATOR_RECORD_H

/* Objects as JSON records, for the state file. */

#include "base/error.h"
#include "world.h"

/* One letter names the kind in the file. */
extern const char *const record_letters[];
enum { RECORD_KINDS = OBJECT_OPERATION + 1 };

/* An object as JSON; NULL: out of memory. */
json_t *record_save(const struct object *object);
/* Makes an object of its record in a world which has what it belongs to. 0, -ENOMEM, or -EINVAL
 * with words in `err`. */
int record_load(struct world *world, enum object_kind kind, json_t *record, struct error *err);
/* After all records: the links between them. */
void record_finish(struct world *world);

#endif
