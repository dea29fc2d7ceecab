/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_API_H
#define SIMULATOR_API_H

/* What the handlers of machines and sets share. */

#include "exchange.h"
#include "operation.h"
#include "vm.h"

/* The set of the path (first capture); NULL after a 404. */
struct set *set_of_path(struct exchange *ex);

/* Answers 404 for the resource of the path. */
void reply_not_found(struct exchange *ex, const char *type, const char *name);
/* Answers 409: another operation is under way. */
void reply_conflict(struct exchange *ex);

/* Machines to act on, and what the operation is said to be about. */
struct action_plan {
    struct vm *const *vms;
    size_t n_vms;
    const struct object *target;
    int region;
    enum vm_action action;
};

/* The action of the request's route on some machines, with its operation; answers 202. */
void act_on_vms(struct exchange *ex, const struct action_plan *plan);
/* The route's action, forced when the query says so. */
enum vm_action action_of_route(const struct exchange *ex);

/* Evicts a Spot machine on its user's request; answers 204, or 409 for a regular one. */
void simulate_eviction(struct exchange *ex, struct vm *vm);

/* Answers a write with its operation. `operation` may be NULL: out of memory. */
void reply_write(struct exchange *ex, int status, json_t *body, const struct operation *operation);

/* What an operation fails with when `allocated` of `count` machines were to be had. */
struct shortage {
    const char *code;
    char *message; /* owned; NULL = no shortage */
};
struct shortage shortage_of(const struct exchange *ex, const struct size *size, const char *zone,
                            uint64_t count);

#endif
