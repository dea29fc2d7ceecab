/* SPDX-License-Identifier: MIT */
#include "account.h"

#include "base/parse.h"
#include "net/http.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const char default_resource_manager[] = "https://management.azure.com";
static const char default_authority[] = "https://login.microsoftonline.com";
static const char default_prices[] = "https://prices.azure.com";
static const char default_imds[] = "http://169.254.169.254";

static bool given(const char *text) {
    return text && *text;
}

static bool is_uuid(const char *text) {
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < strlen(form); i++)
        if (form[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    return text[strlen(form)] == '\0';
}

static int check_ways(const struct azure_account *c, struct error *err) {
    int ways = given(c->client_secret) + given(c->certificate_file) +
               given(c->federated_token_file) + c->managed_identity;
    if (ways != 1)
        return err_kind(err, "invalid_config",
                        "account %s has %s way to sign in: give one of client_secret, "
                        "certificate_file, managed_identity, federated_token_file",
                        c->name, ways ? "more than one" : "no");
    if (!c->managed_identity && !given(c->tenant))
        return err_kind(err, "invalid_config",
                        "account %s has no tenant: give the directory's UUID or domain", c->name);
    if (!c->managed_identity && !given(c->client_id))
        return err_kind(err, "invalid_config",
                        "account %s has no client_id: give the application's UUID", c->name);
    return 0;
}

static int check_url(const struct azure_account *c, const char *key, const char *url,
                     struct error *err) {
    if (!given(url) || http_url_allowed(url))
        return 0;
    return err_kind(err, "invalid_config",
                    "account %s: %s = %s must be an https address (plain http is for this machine "
                    "only)",
                    c->name, key, url);
}

static int check(const struct azure_account *c, struct error *err) {
    if (!given(c->name))
        return err_kind(err, "invalid_config", "an account has no name");
    if (!given(c->subscription) || !is_uuid(c->subscription))
        return err_kind(err, "invalid_config",
                        "account %s: subscription must be a UUID such as "
                        "11111111-2222-3333-4444-555555555555",
                        c->name);
    int r = check_ways(c, err);
    if (r == 0)
        r = check_url(c, "resource_manager", c->resource_manager, err);
    if (r == 0)
        r = check_url(c, "authority", c->authority, err);
    if (r == 0)
        r = check_url(c, "prices", c->prices, err);
    if (r == 0 && given(c->imds) && strcmp(c->imds, default_imds) != 0)
        r = check_url(c, "imds", c->imds, err);
    return r;
}

/* A copy without final slashes; of `fallback` when nothing is given. */
static char *copy_base(const char *url, const char *fallback) {
    char *copy = strdup(given(url) ? url : fallback);
    for (size_t len = copy ? strlen(copy) : 0; len && copy[len - 1] == '/'; len--)
        copy[len - 1] = '\0';
    return copy;
}

struct bases {
    char *resource_manager, *authority, *imds;
};

static void bases_done(struct bases *b) {
    free(b->resource_manager);
    free(b->authority);
    free(b->imds);
}

static int bases_init(struct bases *b, const struct azure_account *c) {
    b->resource_manager = copy_base(c->resource_manager, default_resource_manager);
    b->authority = copy_base(c->authority, default_authority);
    b->imds = copy_base(c->imds, default_imds);
    return b->resource_manager && b->authority && b->imds ? 0 : -ENOMEM;
}

static struct token_config token_config_of(const struct bases *b, const struct azure_account *c) {
    return (struct token_config){.authority = b->authority,
                                 .imds = b->imds,
                                 .audience = b->resource_manager,
                                 .tenant = c->tenant,
                                 .client_id = c->client_id,
                                 .client_secret = c->client_secret,
                                 .certificate_file = c->certificate_file,
                                 .federated_token_file = c->federated_token_file,
                                 .managed_identity = c->managed_identity};
}

static int copy_texts(struct account *a, const struct azure_account *c) {
    a->name = strdup(c->name);
    a->subscription = strdup(c->subscription);
    a->client_id = strdup(c->client_id ? c->client_id : "");
    a->region = strdup(c->region ? c->region : "");
    a->prices = copy_base(c->prices, default_prices);
    return a->name && a->subscription && a->client_id && a->region && a->prices ? 0 : -ENOMEM;
}

int account_new(const struct account_environment *env, const struct azure_account *config,
                struct error *err, struct account **ret) {
    int r = check(config, err);
    if (r < 0)
        return r;
    _cleanup_(account_unrefp) struct account *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->refs = 1;
    _cleanup_(bases_done) struct bases bases = {0};
    r = bases_init(&bases, config);
    if (r == 0)
        r = copy_texts(a, config);
    if (r < 0)
        return r;
    struct token_config token = token_config_of(&bases, config);
    r = token_source_new(env->http, env->clock, env->random, &token, &a->tokens);
    if (r < 0)
        return r;
    a->resource_manager = TAKE_PTR(bases.resource_manager);
    *ret = TAKE_PTR(a);
    return 0;
}

struct account *account_ref(struct account *a) {
    a->refs++;
    return a;
}

void account_unref(struct account *a) {
    if (!a || --a->refs)
        return;
    token_source_unref(a->tokens);
    free(a->name);
    free(a->subscription);
    free(a->client_id);
    free(a->region);
    free(a->resource_manager);
    free(a->prices);
    free(a);
}

bool account_same_identity(const struct account *old, const struct azure_account *now) {
    _cleanup_(bases_done) struct bases bases = {0};
    if (bases_init(&bases, now) < 0)
        return false;
    struct token_config token = token_config_of(&bases, now);
    return strcmp(old->name, now->name) == 0 && token_source_matches(old->tokens, &token);
}
