/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

/*
 * The configuration file, cyclecloudfs.conf(5): [server] settings and an [account NAME] for each
 * way into a cloud. It is read whole and checked before anything of it is used; a file that is
 * refused leaves the configuration in force as it was.
 */

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>

struct config_account {
    char *name;
    char *subscription, *tenant, *client_id;
    char *client_secret; /* given by --simulate only, never by the file */
    char *client_secret_file, *certificate_file, *federated_token_file;
    bool managed_identity;
    char *region;
    char *resource_manager, *authority;
    char *imds;   /* NULL: Azure's own address */
    char *prices; /* likewise */
    unsigned line;
};
DEFINE_VEC(config_accounts, struct config_account);
DEFINE_VEC(config_warnings, char *);

struct config {
    char *text;            /* as it was read; NULL: there is no file */
    char *listen;          /* ADDR:PORT */
    char *url;             /* how nodes reach the server; NULL: made from listen */
    char *default_account; /* NULL: the only account, or none */
    char *templates;       /* directory; NULL: in the state directory */
    char *projects;        /* likewise */
    char *log_level_text;
    enum log_level log_level;
    struct config_accounts accounts;
    struct config_warnings warnings; /* for the log: "file:line: ..." */
};

void config_init(struct config *c);
void config_done(struct config *c);

/*
 * Reads the file at `path` into `c` (initialised, empty). A file that does not exist is an empty
 * one unless `must_exist`. Returns 0; -EINVAL with "path:line: what and what to do" in `err`;
 * -ENOENT; another -errno of reading; -ENOMEM.
 */
int config_read(struct config *c, const char *path, bool must_exist, struct error *err);

/* Like config_read for a text; `name` is used in messages. */
int config_parse(struct config *c, const char *name, const char *text, size_t len,
                 struct error *err);

/* Checks the lines of [account NAME] by themselves; line numbers in `err` are theirs. As
 * config_parse.
 */
int config_check_account(const char *account, const char *lines, size_t len, struct error *err);

/* The account as such lines, secrets as ********. 0 or as buf.h. */
int config_account_print(const struct config_account *a, struct buf *b);

/* The account with this name, or NULL. Borrowed. */
const struct config_account *config_find(const struct config *c, const char *name);

/* Appends an empty account of this name. 0 or -ENOMEM; *ret is good until the next one. */
int config_add_account(struct config *c, const char *name, struct config_account **ret);

/* True for http URLs of 127.0.0.0/8, [::1] and localhost, and for every https URL. */
bool config_url_allowed(const char *url);

#endif
