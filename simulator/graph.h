/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_GRAPH_H
#define SIMULATOR_GRAPH_H

/* Resource Graph: queries over machines, sets and other resources, in the part of the Kusto
 * language that kql.h describes. */

#include "exchange.h"

/* Handler: POST /providers/Microsoft.ResourceGraph/resources. */
void graph_query(struct exchange *ex);

/* A VM is about to go: Resource Graph shows its last row until its lag is over. Without memory it
 * shows it no longer. */
void graph_keep(const struct vm *vm);
/* Releases the rows of VMs that are gone. */
void graph_done(struct world *world);

#endif
