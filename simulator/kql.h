/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_KQL_H
#define SIMULATOR_KQL_H

/*
 * The part of the Kusto query language that inventories use:
 *
 *   TABLE | where CONDITION | extend NAME = EXPRESSION, ... | project NAME [= EXPRESSION], ...
 *         | order by NAME [asc|desc], ... | take N | limit N | count
 *
 * CONDITION: and, or, parentheses, not(...), comparisons == != =~ !~ < <= > >=, has, contains,
 * startswith, endswith (and their ! forms), in (...), in~ (...), isempty(), isnotempty().
 * EXPRESSION: literals, member paths (properties.vmId, tags['a b']), tostring(), tolower(),
 * toupper().
 */

#include "base/error.h"
#include "jsonx.h"

struct kql;

/* Reads a query. 0, -ENOMEM, or -EINVAL with words in `err`. */
int kql_parse(const char *text, struct kql **ret, struct error *err);
void kql_free(struct kql *query);
/* "Resources", "ComputeResources" as written. Borrowed. */
const char *kql_table(const struct kql *query);

/* Offers one row (borrowed). 0 or -ENOMEM. */
int kql_offer(struct kql *query, json_t *row);
/* The rows that came through, in order, as a new array; NULL: out of memory. */
json_t *kql_finish(struct kql *query);

DEFINE_CLEANUP(struct kql, kql_free);

#endif
