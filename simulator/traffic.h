/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_TRAFFIC_H
#define SIMULATOR_TRAFFIC_H

/* What was asked: counts by method and kind, and the log of exchanges. */

#include "base/error.h"
#include "exchange.h"

struct traffic;

/* `log_path` may be NULL: counts only. 0 or -errno. */
int traffic_new(const char *log_path, struct traffic **ret, struct error *err);
void traffic_free(struct traffic *traffic);
/* Counts an answered request, and writes it down. */
void traffic_record(struct traffic *traffic, const struct exchange *ex);
/* {"requests":N,"by_method":{},"by_kind":{},"by_status":{},"writes":N}. NULL: out of memory. */
json_t *traffic_json(const struct traffic *traffic);

#endif
