/* SPDX-License-Identifier: MIT */
#include "azure.h"

#include "job.h"

#include <errno.h>
#include <string.h>

#define ACCOUNTS_MAX 64
#define JOBS_MAX 100000
#define SUBNET_PART_MAX 128

int azure_new(struct http *http, const struct clock *clock, const struct random_source *random,
              struct azure **ret) {
    struct azure *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->env = (struct account_environment){.http = http, .clock = clock, .random = random};
    list_init(&a->jobs);
    a->rates = rates_new();
    if (!a->rates) {
        free(a);
        return -ENOMEM;
    }
    *ret = a;
    return 0;
}

static void drop_accounts(struct account **accounts, size_t n) {
    for (size_t i = 0; i < n; i++)
        account_unref(accounts[i]);
    free(accounts);
}

void azure_free(struct azure *a) {
    if (!a)
        return;
    while (!list_empty(&a->jobs))
        job_free(list_entry(a->jobs.next, struct job, link));
    drop_accounts(a->accounts, a->n_accounts);
    rates_free(a->rates);
    free(a);
}

static struct account *find(const struct azure *a, const char *name) {
    for (size_t i = 0; name && i < a->n_accounts; i++)
        if (strcmp(a->accounts[i]->name, name) == 0)
            return a->accounts[i];
    return NULL;
}

static bool named_before(const struct azure_account *accounts, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (strcmp(accounts[k].name, accounts[i].name) == 0)
            return true;
    return false;
}

/* The new, unused source of tokens gives way to the one of the account that is replaced. */
static void keep_tokens(const struct account *old, struct account *now) {
    token_source_unref(now->tokens);
    now->tokens = token_source_ref(old->tokens);
}

static int make_accounts(const struct azure *a, const struct azure_account *accounts, size_t n,
                         struct error *err, struct account **made) {
    for (size_t i = 0; i < n; i++) {
        int r = account_new(&a->env, &accounts[i], err, &made[i]);
        if (r < 0)
            return err_wrap(err, r, "cannot use the accounts");
        if (named_before(accounts, i))
            return err_kind(err, "invalid_config", "account %s is there twice", accounts[i].name);
    }
    return 0;
}

int azure_set_accounts(struct azure *a, const struct azure_account *accounts, size_t n,
                       struct error *err) {
    if (n > ACCOUNTS_MAX)
        return err_kind(err, "invalid_config", "%zu accounts, at most %d are allowed", n,
                        ACCOUNTS_MAX);
    struct account **made = calloc(n + 1, sizeof(struct account *));
    if (!made)
        return -ENOMEM;
    int r = make_accounts(a, accounts, n, err, made);
    if (r < 0) {
        drop_accounts(made, n);
        return r;
    }
    for (size_t i = 0; i < n; i++) {
        const struct account *old = find(a, accounts[i].name);
        if (old && account_same_identity(old, &accounts[i]))
            keep_tokens(old, made[i]);
    }
    drop_accounts(a->accounts, a->n_accounts);
    a->accounts = made;
    a->n_accounts = n;
    return 0;
}

size_t azure_active(const struct azure *a) {
    return a->n_jobs;
}

static int op_submit(void *provider, const struct cyclecloud_request *request, cyclecloud_done done,
                     void *arg) {
    struct azure *a = provider;
    struct account *account = find(a, request->account);
    if (!account)
        return -EINVAL;
    if (a->n_jobs >= JOBS_MAX)
        return -ENOMEM;
    return job_start(a, account, request, done, arg);
}

static bool op_has_account(void *provider, const char *account) {
    return find(provider, account) != NULL;
}

static const char *op_account_region(void *provider, const char *account) {
    const struct account *found = find(provider, account);
    return found ? found->region : "";
}

/* Cuts the next part off at a slash; NULL when it is empty or too long. */
static const char *next_part(const char **at, char slash, char part[SUBNET_PART_MAX]) {
    size_t n = strcspn(*at, "/");
    if (n == 0 || n >= SUBNET_PART_MAX || (*at)[n] != slash)
        return NULL;
    memcpy(part, *at, n);
    part[n] = '\0';
    *at += n + (slash ? 1 : 0);
    return part;
}

static char *op_subnet_id(void *provider, const char *account, const char *subnet) {
    const struct account *found = find(provider, account);
    if (!found || !subnet)
        return NULL;
    if (*subnet == '/')
        return strdup(subnet); /* a full id already */
    char group[SUBNET_PART_MAX], network[SUBNET_PART_MAX], name[SUBNET_PART_MAX], *id = NULL;
    if (!next_part(&subnet, '/', group) || !next_part(&subnet, '/', network) ||
        !next_part(&subnet, '\0', name))
        return NULL;
    if (asprintf(&id,
                 "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Network/virtualNetworks/"
                 "%s/subnets/%s",
                 found->subscription, group, network, name) < 0)
        return NULL;
    return id;
}

static void op_hurry(void *provider) {
    struct azure *a = provider;
    rates_reopen(a->rates, clock_monotonic(a->env.clock));
}

static const struct cyclecloud_provider_ops ops = {
    .struct_size = sizeof(ops),
    .name = "azure",
    .submit = op_submit,
    .has_account = op_has_account,
    .account_region = op_account_region,
    .subnet_id = op_subnet_id,
    .hurry = op_hurry,
};

struct cyclecloud_provider azure_provider(struct azure *a) {
    return (struct cyclecloud_provider){.ops = &ops, .self = a};
}
