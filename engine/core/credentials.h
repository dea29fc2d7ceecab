/* SPDX-License-Identifier: MIT */
#ifndef CORE_CREDENTIALS_H
#define CORE_CREDENTIALS_H

/* Credentials that the cloud refuses: who waits for it is told. */

#include "internal.h"

/* What an answer says about the credentials of the account that was asked with. */
void credentials_note(struct engine *e, const char *account,
                      const struct cyclecloud_result *result);
void credentials_forget(struct engine *e);
/* The cloud's words when it refuses those of a cluster's account; NULL: it does not. */
const char *credentials_refused(const struct engine *e, const struct cluster *c);

#endif
