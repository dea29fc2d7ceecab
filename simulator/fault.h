/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_FAULT_H
#define SIMULATOR_FAULT_H

/*
 * Faults on demand. A specification is a list of settings with commas between them, or an object of
 * JSON with the same names; a value with commas stands between quotes (message="a, b"):
 *
 *   which requests: method=M, path=TEXT (part of path or query), size=VM SIZE (in the body's sku or
 *                   hardwareProfile), skip=N (spare the first N), count=N, probability=P
 *   what happens:   slow=SECONDS (before anything), status=CODE [code=, message=, retry-after=S]
 *                   (instead of the effect; with `after`: after it), lost-reply (the effect takes
 *                   place, the connection closes without an answer), capacity[=N] (of the VMs
 * wanted only N, 0 if not said, can be allocated; code= and message= as wanted)
 */

#include "base/error.h"
#include "exchange.h"

struct fault {
    struct list link;
    unsigned id;
    char *method, *path, *size, *code, *message; /* NULL = any, or the usual one */
    uint64_t skip, left;                         /* left: UINT64_MAX = no end */
    double probability, slow_s;
    unsigned status, retry_after_s; /* 0 = none */
    int64_t allocated;              /* -1 = not a capacity fault */
    bool after, lost_reply;
    uint64_t hits;
};

struct faults {
    struct list list;
    unsigned next_id;
};

void faults_init(struct faults *faults);
void faults_done(struct faults *faults);

/* Adds a fault. Its id, -ENOMEM, or -EINVAL with words in `err`. */
int faults_add(struct faults *faults, const char *spec, struct error *err);
/* Removes one fault, or all (id 0). -ENOENT if there is none of that id. */
int faults_remove(struct faults *faults, unsigned id);
/* All of them with their counts. NULL: out of memory. */
json_t *faults_json(const struct faults *faults);

/* The first fault for this request, counted as a hit; NULL if there is none. Borrowed until the
 * faults change. `allocates`: whether the request asks for machines. */
struct fault *faults_match(struct faults *faults, const struct exchange *ex, bool allocates);
/* Answers as the fault says. */
void fault_reply(struct exchange *ex, const struct fault *fault);

#endif
