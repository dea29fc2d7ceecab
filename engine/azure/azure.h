/* SPDX-License-Identifier: MIT */
#ifndef AZURE_AZURE_H
#define AZURE_AZURE_H

/*
 * The Azure provider: include/cyclecloud/provider.h over the Azure Resource Manager. Everything on
 * the loop's thread (http.h); its callbacks run inside http_wait.
 *
 * Reads are repeated up to three times after 429, 5xx or a lost connection; a request that changes
 * something is sent once, and once more only after a 401, which means that it was not looked at.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "cyclecloud/provider.h"

struct azure;
struct http;

/* One [account NAME] section of the configuration. NULL or "" = not given. Exactly one way to sign
   in: client_secret, certificate_file, managed_identity or federated_token_file. */
struct azure_account {
    const char *name;
    const char *subscription;         /* UUID */
    const char *tenant;               /* UUID or domain; not needed with a managed identity */
    const char *client_id;            /* of the application, or of a user-assigned identity */
    const char *client_secret;        /* the secret itself, already read */
    const char *certificate_file;     /* PEM: certificate and RSA key */
    const char *federated_token_file; /* read anew for each token */
    bool managed_identity;
    const char *region;           /* default region, "" = none */
    const char *resource_manager; /* NULL: https://management.azure.com */
    const char *authority;        /* NULL: https://login.microsoftonline.com */
    const char *imds;             /* NULL: http://169.254.169.254 */
    const char *prices;           /* NULL: https://prices.azure.com */
};

/* No accounts yet. `http`, `clock` and `random` are borrowed until azure_free. 0 or -ENOMEM. */
int azure_new(struct http *http, const struct clock *clock, const struct random_source *random,
              struct azure **ret);

/*
 * Replaces the accounts; everything is copied. Tokens of accounts that have not changed are kept;
 * requests under way finish with the account they began with. On an error nothing changes.
 * Returns 0, -EINVAL (kind invalid_config: says which account and which key) or -ENOMEM.
 */
int azure_set_accounts(struct azure *a, const struct azure_account *accounts, size_t n,
                       struct error *err);

/* Borrowed from `a`; valid until azure_free. */
struct cyclecloud_provider azure_provider(struct azure *a);

/* Requests accepted whose callback has not come yet. */
size_t azure_active(const struct azure *a);

/* Drops what is under way without callbacks; before http_free. */
void azure_free(struct azure *a);
DEFINE_CLEANUP(struct azure, azure_free);

#endif
