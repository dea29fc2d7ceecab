/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_ROUTE_H
#define SIMULATOR_ROUTE_H

/* Which function answers which request, and what is checked before it is called. */

#include "constraint.h"
#include "exchange.h"

enum route_kind {
    ROUTE_ARM,   /* bearer token, api-version, limits, faults */
    ROUTE_LOGIN, /* faults only */
    ROUTE_ADMIN, /* the simulator's own: nothing */
};

struct route {
    const char *method;
    /* Segments; "*" takes any. The first that matches, in any case, is it. A pattern that begins
     * with "+" stands for SUBSCRIPTION_PATH/resourceGroups/GROUP/providers/Microsoft.; GROUP must
     * exist and is no capture. */
    const char *pattern;
    void (*handle)(struct exchange *ex);
    const char *name; /* for the statistics */
    enum policy policy;
    bool allocates;       /* machines: capacity faults apply */
    int argument;         /* for the handler: which vm_action */
    enum constraint body; /* what a body must satisfy before the handler is called */
};

/* Rows end with a NULL method. */
extern const struct route admin_routes[], login_routes[], price_routes[], general_routes[],
    vm_routes[], set_routes[], disk_routes[], resource_routes[], storage_routes[];

/* Answers a complete request: fills in its reply. False: the request waits (a slow fault), and has
 * to be answered again after `*ret_wait`. */
bool route_answer(struct exchange *ex, usec_t *ret_wait);
/* Whether this path is part of Azure and not of the simulator's own. */
bool route_counted(const struct exchange *ex);
/* Whether it also belongs to the API that the log is of: logins and the Resource Manager. */
bool route_logged(const struct exchange *ex);

#endif
