/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_MISSING_H
#define SIMULATOR_MISSING_H

/* What Azure has and this simulator does not: named and refused, never taken and dropped. */

#include "exchange.h"

/* Looks for what is not simulated in the body of a set or of a VM. False after a 501. */
bool set_is_simulated(struct exchange *ex, json_t *body);
bool vm_is_simulated(struct exchange *ex, json_t *body);
/* Whether each option of the query ("$filter") means something to the route. False after a 501. */
bool query_is_simulated(struct exchange *ex);

#endif
