/* SPDX-License-Identifier: MIT */
#include "accounts.h"

#include "azure/azure.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <string.h>

#define SECRET_BYTES_MAX 4096

DEFINE_VEC(account_vec, struct azure_account);
DEFINE_VEC(secret_vec, char *);

struct translation {
    struct account_vec accounts;
    struct secret_vec secrets; /* owned texts that the accounts point to */
};

static void translation_done(struct translation *t) {
    for (size_t i = 0; i < t->secrets.len; i++) {
        crypto_wipe(t->secrets.items[i], strlen(t->secrets.items[i]));
        free(t->secrets.items[i]);
    }
    secret_vec_done(&t->secrets);
    account_vec_done(&t->accounts);
}

static int keep_secret(struct translation *t, const char *text, const char **ret) {
    char *copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    int r = secret_vec_append(&t->secrets, copy);
    if (r < 0) {
        crypto_wipe(copy, strlen(copy));
        free(copy);
        return r;
    }
    *ret = copy;
    return 0;
}

static int read_secret(struct translation *t, const struct config_account *a, struct error *err,
                       const char **ret) {
    _cleanup_buf_ struct buf text = BUF_INIT(SECRET_BYTES_MAX);
    int r = file_read(a->client_secret_file, &text);
    if (r < 0)
        return err_set(err, r, "invalid_config",
                       "account '%s': client_secret_file %s cannot be read: %s", a->name,
                       a->client_secret_file, strerror(-r));
    const char *secret = text_trim(text.data);
    r = *secret ? keep_secret(t, secret, ret)
                : err_kind(err, "invalid_config", "account '%s': client_secret_file %s is empty",
                           a->name, a->client_secret_file);
    crypto_wipe(text.data, text.len);
    return r;
}

static int translate(struct translation *t, const struct config_account *a, struct error *err) {
    struct azure_account out = {.name = a->name,
                                .subscription = a->subscription,
                                .tenant = a->tenant,
                                .client_id = a->client_id,
                                .client_secret = a->client_secret,
                                .certificate_file = a->certificate_file,
                                .federated_token_file = a->federated_token_file,
                                .managed_identity = a->managed_identity,
                                .region = a->region,
                                .resource_manager = a->resource_manager,
                                .authority = a->authority,
                                .imds = a->imds,
                                .prices = a->prices};
    int r = a->client_secret_file ? read_secret(t, a, err, &out.client_secret) : 0;
    return r < 0 ? r : account_vec_append(&t->accounts, out);
}

int accounts_apply(struct azure *azure, const struct config *config, struct error *err) {
    _cleanup_(translation_done) struct translation t = {0};
    for (size_t i = 0; i < config->accounts.len; i++) {
        int r = translate(&t, &config->accounts.items[i], err);
        if (r < 0)
            return r;
    }
    return azure_set_accounts(azure, t.accounts.items, t.accounts.len, err);
}
