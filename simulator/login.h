/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_LOGIN_H
#define SIMULATOR_LOGIN_H

/*
 * Access tokens, from Entra's token endpoint and from the instance metadata service. They are JWTs
 * in form, checked by a keyless checksum: a stand-in that guards nothing.
 */

#include "exchange.h"

/* True if the request carries a token that is in force; else the 401 is the answer. */
bool login_check_bearer(struct exchange *ex);

#endif
