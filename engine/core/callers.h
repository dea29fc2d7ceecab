/* SPDX-License-Identifier: MIT */
#ifndef CORE_CALLERS_H
#define CORE_CALLERS_H

/*
 * How often nodes may register and how much they may put into the record of events: a node that
 * has gone wrong, or was taken over, must not fill the store nor push out what others have told.
 * Forgotten every hour, and at a restart.
 */

#include "base/clock.h"
#include "base/id-map.h"

#include <stdbool.h>

struct engine;
struct node;

struct callers {
    usec_t since;              /* when counting began */
    struct id_map registered;  /* node -> wall time of its last registration */
    struct id_map events_told; /* node -> how many of its events were recorded */
};

/* How long a node has to wait until it may register again; 0 = it may, and this counts as one. */
usec_t callers_register(struct engine *e, uint64_t node_id);
/* Whether one more event that a node caused is recorded. The last one says that others follow that
   are not. */
bool callers_may_tell(struct engine *e, const struct node *n);
void callers_done(struct callers *c);

#endif
