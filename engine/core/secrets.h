/* SPDX-License-Identifier: MIT */
#ifndef CORE_SECRETS_H
#define CORE_SECRETS_H

/*
 * Which stored parameters are secret. That is kept with the value, {"$secret": VALUE} in the stored
 * document: a value that was once given under a Password stays masked until it is written anew,
 * whatever the template makes of its name later.
 */

#include "template/template.h"

#include <jansson.h>
#include <stdbool.h>

/* The values themselves, as a new object; NULL: no memory. */
json_t *secrets_open(const json_t *stored);
/* Marks the parameters of a template whose stored values are secret. */
void secrets_mark(const json_t *stored, struct template *t);
/* Seals the values that the template declares as secret. 1 when there were any that were not
   sealed, 0, or -ENOMEM. */
int secrets_seal(json_t *stored, const struct template *t);
/* What everybody may see: secrets, and what the template does not know, as "********". A new
   object; NULL: no memory. */
json_t *secrets_mask(const json_t *stored, const struct template *t);

/* The first attribute that the engine uses in words, of any node of a definition, whose value comes
   from a secret: its path, and the node's name. False: there is none. */
bool secrets_shown(const struct definition *d, const char **ret_path, const char **ret_node);

#endif
