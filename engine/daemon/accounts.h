/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_ACCOUNTS_H
#define DAEMON_ACCOUNTS_H

/* The [account NAME] sections as the provider takes them, with the secrets read from their files.
 */

#include "config.h"

struct azure;

/* Gives the accounts of the configuration to the provider. A secret's file is read here and the
   secret wiped afterwards. 0, or -errno with words; then the provider keeps what it had. */
int accounts_apply(struct azure *azure, const struct config *config, struct error *err);

#endif
