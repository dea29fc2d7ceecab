/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_QUOTA_H
#define SIMULATOR_QUOTA_H

/*
 * Limits of the subscription in each region and what is used of them. On-demand cores count for
 * their family and for "cores"; spot cores of every family count for "lowPriorityCores" alone. A
 * deallocated VM goes on counting.
 */

#include "base/error.h"
#include "catalogue.h"
#include "options.h"

struct quota;

struct quota_line {
    const char *name; /* "cores", "standardHBv3Family" */
    char label[96];   /* "Standard HBv3 Family vCPUs" */
    uint64_t used, limit;
};

/* What stands in the way of an allocation. */
struct quota_excess {
    const char *name; /* as an error text has it: "Total Regional", "LowPriority", a family */
    uint64_t limit, used, required;
};

/* `settings` are "REGION/FAMILY=N". 0, -ENOMEM, or -EINVAL with words in `err`. */
int quota_new(const struct catalogue *catalogue, const struct text_vec *settings,
              struct quota **ret, struct error *err);
void quota_free(struct quota *quota);

/* Changes one limit: "REGION/FAMILY=N". 0, or -EINVAL with words in `err`. */
int quota_set(struct quota *quota, const char *setting, struct error *err);

/* Counts one VM of this size in (by = 1) or out (by = -1). */
void quota_count_vm(struct quota *quota, int region, const struct size *size, bool spot, int by);
void quota_count_set(struct quota *quota, int region, int by);

/* What somebody wants to allocate. */
struct quota_wish {
    int region;
    const struct size *size;
    bool spot;
    uint64_t count; /* of VMs */
};

/* Whether a wish fits; false with the reason. */
bool quota_fits(const struct quota *quota, const struct quota_wish *wish, struct quota_excess *ret);

size_t quota_lines(const struct quota *quota);
/* Line `index` of what a region's usages list. */
void quota_line(const struct quota *quota, int region, size_t index, struct quota_line *ret);

#endif
