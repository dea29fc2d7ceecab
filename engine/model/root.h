/* SPDX-License-Identifier: MIT */
#ifndef MODEL_ROOT_H
#define MODEL_ROOT_H

/* Private to the model: the chain of snapshots, and the root's own fields. */

#include "builder.h"
#include "edit.h"

#include <pthread.h>

/*
 * Invariants
 * - `oldest` ... `current` are linked by `newer`. `garbage` of a snapshot is what only it and older
 *   ones hold; it is freed when none of these is held any more.
 * - `mutex` guards current, the snapshots' refs and newer. Everything else is the engine thread's.
 */
struct model {
    pthread_mutex_t mutex;
    const struct clock *clock;
    struct snapshot *oldest, *current;
    uint64_t edits; /* number of the last build */
};

/* Makes `s` current in place of the present snapshot, which gets `garbage`. */
void model_swap(struct model *m, struct snapshot *s, struct garbage *garbage);
/* Frees the snapshots that nobody holds any more, oldest first, with their garbage. */
void model_reap(struct model *m);

/* A copy of the root over the same objects, with references of its own to the server's texts. NULL:
   no memory. */
struct snapshot *model_root_copy(const struct snapshot *s);
/* Frees the root alone. Accepts NULL. */
void model_root_free(struct snapshot *s);

/* A copy with room for LIMIT_LAST_ERRORS. NULL: no memory. */
struct last_error *model_last_errors_copy(const struct last_error *from, size_t n);
void model_last_errors_free(struct last_error *errors, size_t n);

#endif
