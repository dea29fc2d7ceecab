/* SPDX-License-Identifier: MIT */
#ifndef AZURE_MAKER_H
#define AZURE_MAKER_H

/*
 * Pieces of JSON for body.c and machine.c. A piece that is not wanted is NULL, and so is one for
 * which there was no memory; the maker keeps the difference.
 */

#include "base/buf.h"
#include "cyclecloud/provider.h"

#include <jansson.h>
#include <stdbool.h>

struct maker {
    int error; /* the first failure, 0 = none */
};

/* `body` (stolen), or what failed. 0, or the maker's error. */
int maker_finish(struct maker *m, json_t *body, json_t **ret);
/* Gives `value` and remembers that it is NULL. */
json_t *maker_need(struct maker *m, json_t *value);
bool maker_given(const char *text);
/* The text, {"id": id}, the list, the tags; NULL when there is nothing. New references. */
json_t *maker_text(struct maker *m, const char *text);
json_t *maker_id(struct maker *m, const char *id);
json_t *maker_texts(struct maker *m, const char *const *texts);
json_t *maker_tags(struct maker *m, const struct cyclecloud_vm_spec *spec);
/* The region of a request: the machine's, else the request's own. Borrowed. */
const char *maker_region(const struct cyclecloud_request *q);

#endif
