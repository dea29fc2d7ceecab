/* SPDX-License-Identifier: MIT */
#ifndef MODEL_EDIT_H
#define MODEL_EDIT_H

/*
 * Private to the model: what a build allocates and what it takes out of use.
 *
 * Invariants
 * - What was allocated by this build (`made`) is seen by nobody else until it is published, and has
 *   `edit` equal to the build's number: it may be written in place. Everything else is copied
 * first.
 * - Nothing is freed during a build. A build that is abandoned frees `made`. A build that is
 * published gives `garbage` (what it dropped, made by itself or not) to the snapshot that it
 * replaces.
 */

#include "base/vec.h"
#include "object-box.h"

struct edit_item {
    enum box_kind kind;
    void *pointer;
};

DEFINE_VEC(edit_items, struct edit_item);

struct catalog;
struct last_error;

struct garbage {
    struct edit_items items;
    struct catalog *catalog;
    struct last_error *last_errors;
    size_t n_last_errors;
};

struct edit {
    uint64_t number;
    struct edit_items made;
    struct garbage *garbage;
};

/* Zeroed memory that belongs to the build. NULL: no memory. */
void *model_edit_alloc(struct edit *e, enum box_kind kind, size_t size);
/* Takes an object out of use. 0 or -ENOMEM. Accepts NULL. */
int model_edit_drop(struct edit *e, enum box_kind kind, void *pointer);
/* Frees what was made, and forgets what was dropped. */
void model_edit_abandon(struct edit *e);

/* Frees dropped objects for good. Accepts NULL. */
void model_garbage_free(struct garbage *g);

#endif
