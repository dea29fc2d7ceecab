/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_RULE_H
#define SIMULATOR_RULE_H

/* Rules of network security groups. */

#include "exchange.h"

/* Checks names, priorities, ports and addresses of a group's securityRules. False after an error.
 */
bool security_rules_check(struct exchange *ex, json_t *body);

#endif
