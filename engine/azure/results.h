/* SPDX-License-Identifier: MIT */
#ifndef AZURE_RESULTS_H
#define AZURE_RESULTS_H

/* What a request gathers, item by item and page by page, until its callback is called. */

#include "arena.h"
#include "base/vec.h"
#include "cyclecloud/provider.h"

#include <jansson.h>

DEFINE_VEC(size_vec, struct cyclecloud_size);
DEFINE_VEC(quota_vec, struct cyclecloud_quota);
DEFINE_VEC(instance_vec, struct cyclecloud_instance);
DEFINE_VEC(set_vec, struct cyclecloud_set);
DEFINE_VEC(price_vec, struct cyclecloud_price);

/* The most items one result holds, and the most bytes of their texts; more is -E2BIG. */
#define RESULTS_MAX 250000
#define RESULTS_BYTES_MAX ((size_t)256 << 20)

struct results {
    struct arena arena;
    struct size_vec sizes;
    struct quota_vec quotas;
    struct instance_vec instances;
    struct set_vec sets;
    struct price_vec prices;
    struct cyclecloud_subnet subnet;
    bool has_subnet;
    char *console_url;  /* READ_CONSOLE: where the console is; a secret. NULL = none */
    const char *region; /* LIST_SIZES: the one that is asked for; borrowed */
};

/* Releases everything. `region` stays. */
void results_clear(struct results *r);

/* How far a result has come, to go back to when a page arrives only in part. */
struct results_mark {
    size_t n_sizes, n_quotas, n_instances, n_sets, n_prices;
};

/* 0, or -E2BIG when the texts have become too long. */
int results_check_size(const struct results *r);

struct results_mark results_mark(const struct results *r);
void results_rewind(struct results *r, const struct results_mark *mark);

/*
 * Each takes one item of a list or one whole resource. Items of another kind are left out.
 * 0, -E2BIG, -EBADMSG (not an object) or -ENOMEM.
 */
int results_add_size(struct results *r, const json_t *item);
int results_add_quota(struct results *r, const json_t *item);
/* Of the retail price list; other products than Linux VMs by the hour are left out. */
int results_add_price(struct results *r, const json_t *item);
int results_add_set(struct results *r, const json_t *item);
int results_add_subnet(struct results *r, const json_t *item);
/* -EBADMSG when there is no address in it. */
int results_add_console(struct results *r, const json_t *item);
/* A VM of its own or member of a Flexible set. */
int results_add_vm(struct results *r, const json_t *item);
/* The same, without members of sets. */
int results_add_lone_vm(struct results *r, const json_t *item);
/* An instance of a Uniform set. */
int results_add_instance(struct results *r, const json_t *item);
/* A row of the sweep's query, of either kind. */
int results_add_row(struct results *r, const json_t *item);

/* The tags of a resource, in the arena. 0 or -ENOMEM. */
int results_read_tags(struct arena *arena, const json_t *item, const struct cyclecloud_tag **ret,
                      size_t *ret_n);

#endif
