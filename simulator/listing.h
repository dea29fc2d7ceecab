/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_LISTING_H
#define SIMULATOR_LISTING_H

/* Listings, page by page: {"value":[...],"nextLink":URL}. */

#include "exchange.h"

/* Handlers. */
void list_all_vms(struct exchange *ex);
void list_group_vms(struct exchange *ex);
void list_all_sets(struct exchange *ex);
void list_group_sets(struct exchange *ex);
void list_instances(struct exchange *ex);
void list_interfaces(struct exchange *ex);

#endif
