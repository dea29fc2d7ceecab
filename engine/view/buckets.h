/* SPDX-License-Identifier: MIT */
#ifndef VIEW_BUCKETS_H
#define VIEW_BUCKETS_H

/* Inside view only: buckets as clients of REST's cluster status read them. */

#include "model/bound.h"
#include "view.h"

/* Clients do arithmetic with limits, so "none" is a large number and never null. */
#define NO_CORE_LIMIT INT64_C(1000000000)

/* The buckets of a cluster and what stands against more of them, at one revision. */
struct buckets {
    struct bucket_table table;
    struct demand demand;
};

/* 0; or -ENOMEM, and there is nothing to release. */
int buckets_make(const struct view_ctx *ctx, struct buckets *ret);
void buckets_done(struct buckets *x);

/* Appends the buckets of an array: JSON objects with `separator` between them; with the names of
   their nodes if asked for. 0, -E2BIG or -ENOMEM. */
int buckets_put(const struct buckets *x, const struct array *a, bool names, const char *separator,
                struct buf *b);

/* arrays/ARRAY/buckets. */
int render_buckets(const struct view_ctx *ctx, struct buf *b);

#endif
