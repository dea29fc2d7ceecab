/* SPDX-License-Identifier: MIT */
#ifndef AZURE_LIMITS_H
#define AZURE_LIMITS_H

/*
 * The limits one request counts against: the front door's, by kind of method, and those of the
 * service, per subscription and region and per resource.
 */

#include "calls.h"
#include "net/http.h"
#include "net/rate.h"

enum limit_kind {
    LIMIT_DOOR,     /* Resource Manager: reads, writes, deletes per identity */
    LIMIT_SERVICE,  /* the policy, per subscription and region; Resource Graph: per identity */
    LIMIT_RESOURCE, /* the policy, per VM or set */
    LIMIT_BATCH,    /* VMs of sets made in five minutes */
    LIMIT_KIND_MAX,
};

struct limit {
    char *key; /* NULL = does not apply */
    struct rate_limit rate;
    bool taken;
};

struct limits {
    struct limit limits[LIMIT_KIND_MAX];
    const char *method; /* borrowed from the table */
};

/* Finds which apply. 0 or -ENOMEM (limits_done releases what there is). */
int limits_init(struct limits *l, const struct call_row *row, const struct account *account,
                const struct cyclecloud_request *q);
void limits_done(struct limits *l);

/* Reserves one request everywhere. Returns how long to wait before it may be sent. */
usec_t limits_take(struct limits *l, struct rates *rates, usec_t now);
/* It will not be sent. */
void limits_give_back(struct limits *l, struct rates *rates);
/* Lowers the buckets to what the answer's headers say. */
void limits_learn(struct limits *l, struct rates *rates, const struct http_response *response,
                  usec_t now);
/* The answer was 429: `front_door` tells whose limit it was. */
void limits_refused(struct limits *l, struct rates *rates, bool front_door, usec_t pause,
                    usec_t now);

#endif
