/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_GRAPH_H
#define SIMULATOR_GRAPH_H

/* Resource Graph: queries over machines, sets and other resources, in the part of the Kusto
 * language that kql.h describes. */

#include "exchange.h"

/* Handler: POST /providers/Microsoft.ResourceGraph/resources. */
void graph_query(struct exchange *ex);

#endif
