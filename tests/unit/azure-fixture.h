/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_AZURE_FIXTURE_H
#define TESTS_UNIT_AZURE_FIXTURE_H

/* The Azure provider before a real HTTP server that plays a script of expected exchanges. */

#include "azure/azure.h"
#include "net/http.h"
#include "web.h"

#include <stdatomic.h>

#define SUB "11111111-2222-3333-4444-555555555555"
#define COMPUTE "/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute"
#define SET COMPUTE "/virtualMachineScaleSets/s1"

/* One exchange that is expected, and its answer. "{b}" in texts is the server's own address. */
struct step {
    const char *line; /* what "METHOD URL" begins with */
    int status;
    const char *body;
    const char *headers[4]; /* "Name: value" */
};

struct fixture {
    struct web *web;
    struct http *http;
    struct azure *azure;
    struct cyclecloud_provider provider;
    const struct step *steps;
    size_t n_steps;
    atomic_size_t done; /* steps used up */
    size_t tokens;
    char seen[16][128]; /* Authorization of each step */
    char ids[16][64];   /* x-ms-client-request-id */
    char unexpected[1100];
};

struct outcome {
    unsigned calls;
    bool operation_ended;
    enum cyclecloud_class class;
    int status;
    char code[64], message[512], url[512], request_id[64], quota[64];
    uint64_t retry_after, limit;
    void (*check)(const struct cyclecloud_result *r);
};

/* Setup and teardown: *state is the fixture; an account "main" is there. */
int azure_start(void **state);
int azure_stop(void **state);
struct azure_account account_of(const struct fixture *f);

/* A request with everything that any call may need. */
struct cyclecloud_request request(enum cyclecloud_call call);
/* Copies a result into the outcome that is its argument. */
void on_done(void *arg, const struct cyclecloud_result *r);
/* Waits for the one callback; the script must be used up, and nothing else have come. */
void finish(struct fixture *f, struct outcome *o);
/* Sends `q` and waits; the exchanges must be exactly `steps`. */
void run(struct fixture *f, const struct cyclecloud_request *q, const struct step *steps, size_t n,
         struct outcome *o);

#define RUN(f, q, steps, o) run(f, q, steps, ARRAY_SIZE(steps), o)

#endif
