/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_NETWORK_H
#define SIMULATOR_NETWORK_H

/* Subnets and their addresses. A subnet lives inside its network's body; here is its bookkeeping.
 */

#include "world.h"

#define ADDRESS_TEXT_SIZE 16

/* Checks prefixes: -EINVAL (none, or not /8 to /29), -ERANGE (outside of the network), -EEXIST
 * (overlaps one before); *ret_name is the subnet at fault, borrowed. */
int subnets_check(json_t *network_body, const char **ret_name);
/* Makes the subnets of a network's body known, or takes up their new prefixes. 0, -EINVAL (a prefix
 * is no IPv4 prefix from /8 to /29) or -ENOMEM. */
int subnets_enter(struct world *world, json_t *network_body);
/* Forgets the subnets whose id begins with this network's. */
void subnets_forget(struct world *world, const char *network_id);
void subnets_done(struct world *world);

/* By full id in any case; NULL if there is none. Borrowed. */
struct subnet *subnet_find(const struct world *world, const char *id);
/* Addresses that can still be taken: Azure keeps five of each subnet. */
uint32_t subnet_free_addresses(const struct subnet *subnet);
/* Takes the lowest free address. 0 with the address, or -ENOSPC. */
int subnet_take(struct subnet *subnet, uint32_t *ret_address);
/* Takes this very address, at a restart. 0 or -EADDRINUSE. */
int subnet_claim(struct subnet *subnet, uint32_t address);
/* Gives an address back; 0 and strangers are ignored. */
void subnet_release(struct subnet *subnet, uint32_t address);

/* "10.0.0.4" of an address in host order. */
void address_format(uint32_t address, char text[ADDRESS_TEXT_SIZE]);
/* 0 or -EINVAL. */
int address_parse(const char *text, uint32_t *ret);

#endif
