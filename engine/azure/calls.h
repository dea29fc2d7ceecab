/* SPDX-License-Identifier: MIT */
#ifndef AZURE_CALLS_H
#define AZURE_CALLS_H

/* The calls of provider.h as a table: what each needs, where it goes, what it brings. */

#include "account.h"
#include "base/buf.h"
#include "results.h"

/* The limits that Microsoft.Compute keeps per subscription and region, and some per resource. */
enum policy {
    POLICY_NONE,
    POLICY_PUT_VM,
    POLICY_UPDATE_VM,
    POLICY_DELETE_VM,
    POLICY_GET_VM,
    POLICY_LIST_VMS,
    POLICY_GET_OPERATION,
    POLICY_PUT_SET,
    POLICY_UPDATE_SET,
    POLICY_DELETE_SET,
    POLICY_GET_SET,
    POLICY_LIST_SETS,
    POLICY_UPDATE_INSTANCES,
    POLICY_DELETE_INSTANCES,
    POLICY_LIST_INSTANCES, /* not in the published table: only what the service has shown */
    POLICY_GRAPH,          /* Resource Graph, per identity */
    POLICY_READ_CONSOLE,   /* not in the published table: as other POSTs to a VM */
    POLICY_MAX,
};

struct policy_row {
    const char *name;
    double resource_refill_per_min, resource_capacity; /* 0 = no limit per resource */
    double refill_per_min, capacity;
};

extern const struct policy_row policy_rows[POLICY_MAX];

struct call_row {
    const char *method;
    /* After the service's address: {s} subscription, {g} group, {n} name, {r} region, {u} subnet
     * id, {i} the first instance id. */
    const char *path;
    unsigned needs; /* NEED_... */
    enum policy policy;
    bool read;         /* changes nothing: may be repeated */
    const char *array; /* the member whose items `item` takes; NULL: `item` takes the whole body */
    int (*item)(struct results *r, const json_t *item);
    int (*body)(const struct cyclecloud_request *q, json_t **ret);
    bool retail;  /* asked of the public price service, without a token */
    bool creates; /* refused when the resource is there */
};

/* The row of a call, or NULL for one that does not exist. */
const struct call_row *call_find(enum cyclecloud_call call);
/* True when everything the call needs is given. */
bool call_complete(const struct call_row *row, const struct cyclecloud_request *q);
/* The address of the service that answers this call: what its urls begin with. */
const char *call_base(const struct call_row *row, const struct account *account);
/* Appends the whole url. 0, -E2BIG or -ENOMEM. */
int call_url(const struct call_row *row, const struct account *account,
             const struct cyclecloud_request *q, struct buf *b);

#endif
