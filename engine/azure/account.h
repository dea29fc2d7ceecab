/* SPDX-License-Identifier: MIT */
#ifndef AZURE_ACCOUNT_H
#define AZURE_ACCOUNT_H

/* An account as the provider keeps it: checked, copied, counted, with its tokens. One thread. */

#include "azure.h"
#include "net/token.h"

struct account {
    unsigned refs;
    char *name, *subscription, *client_id, *region;
    char *resource_manager; /* without a final slash */
    char *prices;           /* likewise */
    struct token_source *tokens;
};

struct account_environment {
    struct http *http;
    const struct clock *clock;
    const struct random_source *random;
};

/* Checks and copies. 0, -EINVAL (kind invalid_config) or -ENOMEM. */
int account_new(const struct account_environment *env, const struct azure_account *config,
                struct error *err, struct account **ret);
struct account *account_ref(struct account *a);
void account_unref(struct account *a);
DEFINE_CLEANUP(struct account, account_unref);

/* True when the tokens of `old` serve `now` too. */
bool account_same_identity(const struct account *old, const struct azure_account *now);

#endif
