/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FAKE_MARKET_H
#define TESTS_FAKE_MARKET_H

/* For fake-cloud.c: the machine types, quotas and prices of its one region. */

#include "cyclecloud/provider.h"

static const struct cyclecloud_size sizes[] = {
    {.name = "Standard_D4s_v5",
     .family = "standardDSv5Family",
     .vcpus = 4,
     .quota_vcpus = 4,
     .spot = true},
    {.name = "Standard_F2s_v2",
     .family = "standardFSv2Family",
     .vcpus = 2,
     .quota_vcpus = 2,
     .spot = true},
};

/* The last one is that of Standard_F2s_v2. */
static struct cyclecloud_quota quotas[] = {
    {.name = "cores", .label = "Total Regional vCPUs", .limit = 100000},
    {.name = "standardFSv2Family", .label = "Standard FSv2 Family vCPUs", .limit = 10000},
};

static const struct cyclecloud_price prices[] = {
    {.name = "Standard_D4s_v5", .currency = "USD", .hour_micro = 192000},
    {.name = "Standard_F2s_v2", .currency = "USD", .hour_micro = 85000},
    {.name = "Standard_F2s_v2", .currency = "USD", .hour_micro = 17000, .spot = true},
};

#endif
