/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "accounts.h"
#include "base/file.h"
#include "base/log.h"
#include "base/vec.h"
#include "config-edit.h"
#include "crypto/crypto.h"
#include "internal.h"
#include "model/limits.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_NAME_BYTES 9
#define CONFIG_MODE 0640 /* of a file that is made here */

/* --- putting a configuration in force ------------------------------------------------------------
 */

static bool text_differs(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") != 0;
}

/* Settings that were used while starting stay as they were; one that is not given may have been
   chosen. */
static void warn_restart(const struct config *old, const struct config *new) {
    const struct {
        const char *name, *old, *new;
    } fixed[] = {
        {"listen", old->listen, new->listen},
        {"url", old->url, new->url},
        {"default_account", old->default_account, new->default_account},
        {"templates", old->templates, new->templates},
        {"projects", old->projects, new->projects},
    };
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        if (fixed[i].new &&text_differs(fixed[i].old, fixed[i].new))
            log_warning("the new value of %s takes effect when cyclecloudfs is started again",
                        fixed[i].name);
}

static void keep_fixed(struct config *old, struct config *new) {
    char **slots[][2] = {{&old->listen, &new->listen},
                         {&old->url, &new->url},
                         {&old->default_account, &new->default_account},
                         {&old->templates, &new->templates},
                         {&old->projects, &new->projects}};
    for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
        char *kept = *slots[i][0];
        *slots[i][0] = *slots[i][1];
        *slots[i][1] = kept;
    }
}

/* Uses a configuration whose accounts the provider has taken; `fresh` gets the old one. */
static void use(struct daemon *d, struct config *fresh) {
    for (size_t i = 0; i < fresh->warnings.len; i++)
        log_warning("%s", fresh->warnings.items[i]);
    warn_restart(&d->config, fresh);
    keep_fixed(&d->config, fresh);
    struct config old = d->config;
    d->config = *fresh;
    *fresh = old;
    log_info("configuration read accounts=%zu", d->config.accounts.len);
    if (settings_publish(d) < 0)
        log_warning("no memory left to show the configuration, ignoring");
    engine_config_changed(d->engine);
}

/* The simulator's account is added, and the provider gets all. */
static int take_accounts(struct daemon *d, struct config *c, struct error *err) {
    int r = d->simulator ? simulate_account(d->simulator, c) : 0;
    return r == 0 ? accounts_apply(d->azure, c, err) : r;
}

void settings_reload(struct daemon *d, bool only_new) {
    _cleanup_error_ struct error err = ERROR_INIT;
    _cleanup_(config_done) struct config fresh;
    config_init(&fresh);
    int r = config_read(&fresh, d->options->config_file, d->options->config_given, &err);
    if (r == 0 && only_new && !text_differs(fresh.text, d->config.text))
        return;
    if (r == 0)
        r = take_accounts(d, &fresh, &err);
    if (r < 0)
        log_error("%s; the configuration in force stays", err.code ? err_text(&err) : strerror(-r));
    else
        use(d, &fresh);
}

/* --- showing it ----------------------------------------------------------------------------------
 */

static struct config_text text_of(const struct config *c) {
    return (struct config_text){c->text ? c->text : "", c->text ? strlen(c->text) : 0};
}

/* What accounts/NAME reads: the lines of the file, else what --simulate made. */
static int account_text(const struct daemon *d, const struct config_account *a, struct buf *b) {
    _cleanup_buf_ struct buf lines = BUF_INIT(LIMIT_CONFIG_BYTES);
    int r = config_account_lines(text_of(&d->config), a->name, &lines);
    if (r == -ENOENT)
        return config_account_print(a, b);
    return r < 0 ? r
                 : config_mask_secrets((struct config_text){lines.data, lines.len}, d->site.secrets,
                                       b);
}

int settings_publish(struct daemon *d) {
    size_t n = d->config.accounts.len;
    struct engine_account *accounts = calloc(n + 1, sizeof(*accounts));
    struct buf *texts = calloc(n + 1, sizeof(*texts));
    int r = accounts && texts ? 0 : -ENOMEM;
    for (size_t i = 0; texts && i < n; i++)
        buf_init(&texts[i], LIMIT_CONFIG_BYTES);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct config_account *a = &d->config.accounts.items[i];
        r = account_text(d, a, &texts[i]);
        accounts[i] = (struct engine_account){a->name, texts[i].data};
    }
    if (r == 0)
        r = engine_set_config(d->engine, text_of(&d->config).text, accounts, n);
    for (size_t i = 0; texts && i < n; i++)
        buf_done(&texts[i]);
    free(texts);
    free(accounts);
    return r;
}

/* --- secrets -------------------------------------------------------------------------------------
 */

DEFINE_VEC(made_files, char *);

struct writing {
    struct daemon *d;
    struct made_files made; /* files of secrets written for this configuration */
};

static void writing_done(struct writing *w) {
    for (size_t i = 0; i < w->made.len; i++)
        free(w->made.items[i]);
    made_files_done(&w->made);
}

static void withdraw(struct writing *w) {
    for (size_t i = 0; i < w->made.len; i++)
        (void)unlink(w->made.items[i]);
}

static int write_secret(struct writing *w, const char *account, const char *secret,
                        struct buf *path) {
    _cleanup_free_ char *token = NULL;
    const char *dir = w->d->site.secrets;
    int r = crypto_random_token(SECRET_NAME_BYTES, &token);
    if (r == 0)
        r = file_make_dirs(dir, 0700);
    if (r == 0)
        r = buf_printf(path, "%s/%s-%s", dir, account, token);
    char *copy = r == 0 ? strdup(path->data) : NULL;
    if (r == 0)
        r = copy ? made_files_append(&w->made, copy) : -ENOMEM;
    if (r < 0) {
        free(copy);
        return r;
    }
    return file_write(path->data, secret, strlen(secret), 0600);
}

/* For config_keep_secrets. */
static int keep_secret(void *arg, const char *account, const char *secret, struct buf *path,
                       struct error *err) {
    struct writing *w = arg;
    const struct config_account *a = config_find(&w->d->config, account);
    if (!*secret)
        return err_kind(err, "invalid_config",
                        "account '%s': client_secret has no value: give one or remove the line",
                        account);
    if (strcmp(secret, CONFIG_SECRET_MASK) != 0) {
        int r = write_secret(w, account, secret, path);
        return r == 0 ? 0
                      : err_set(err, r, "internal", "the secret cannot be kept in %s: %s",
                                w->d->site.secrets, strerror(-r));
    }
    if (a && a->client_secret_file)
        return buf_puts(path, a->client_secret_file);
    return err_kind(err, "invalid_config",
                    "account '%s': no secret is kept for it: write the secret itself in place "
                    "of " CONFIG_SECRET_MASK,
                    account);
}

static bool secret_used(const struct config *c, const char *path) {
    for (size_t i = 0; i < c->accounts.len; i++) {
        const char *file = c->accounts.items[i].client_secret_file;
        if (file && strcmp(file, path) == 0)
            return true;
    }
    return false;
}

/* Files of secrets that the configuration in force does not name. */
static void remove_unused_secrets(const struct daemon *d) {
    DIR *dir = opendir(d->site.secrets);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char *path = NULL;
        if (e->d_name[0] == '.' || asprintf(&path, "%s/%s", d->site.secrets, e->d_name) < 0)
            continue;
        if (!secret_used(&d->config, path))
            (void)unlink(path);
        free(path);
    }
    if (dir)
        (void)closedir(dir);
}

/* --- writing -------------------------------------------------------------------------------------
 */

/* The file behind symbolic links, so that the link itself is not replaced. Malloc'ed. */
static char *real_path(const char *path) {
    char *real = realpath(path, NULL);
    return real ? real : strdup(path);
}

static int write_file(const struct daemon *d, const char *text, size_t len) {
    struct stat st;
    _cleanup_free_ char *path = real_path(d->options->config_file);
    _cleanup_free_ char *copy = path ? strdup(path) : NULL;
    if (!copy)
        return -ENOMEM;
    int r = file_make_dirs(dirname(copy), 0755);
    mode_t mode = stat(path, &st) == 0 ? st.st_mode & 07777 : CONFIG_MODE;
    return r == 0 ? file_write(path, text, len, mode) : r;
}

/* One account's lines, checked by themselves so that the line numbers are theirs. */
static int merge_account(const struct daemon *d, const char *account, struct config_text lines,
                         struct buf *b, struct error *err) {
    if (config_has_header(lines))
        return err_kind(err, "invalid_config",
                        "it holds a [section]: write the keys of this account alone, and whole "
                        "sections to system/config");
    return config_replace_account(text_of(&d->config), account, lines, b);
}

/* Checks the whole text, gives its accounts to the provider, and puts it into the file. */
static int check_and_write(struct daemon *d, const char *account, const struct buf *text,
                           struct config *fresh, struct error *err) {
    int r = 0;
    if (account) {
        _cleanup_buf_ struct buf lines = BUF_INIT(LIMIT_CONFIG_BYTES);
        r = config_account_lines((struct config_text){text->data, text->len}, account, &lines);
        if (r == 0)
            r = config_check_account(account, lines.data, lines.len, err);
    }
    if (r == 0)
        r = config_parse(fresh, "config", text->data, text->len, err);
    if (r == 0)
        r = take_accounts(d, fresh, err);
    if (r < 0)
        return r;
    r = write_file(d, text->data, text->len);
    if (r == 0)
        return 0;
    if (accounts_apply(d->azure, &d->config, NULL) < 0)
        log_warning("the accounts in force could not be given back to the provider, ignoring");
    return err_set(err, r, "internal", "the file %s cannot be written: %s", d->options->config_file,
                   strerror(-r));
}

int settings_write(void *arg, const char *account, const char *text, size_t len,
                   struct error *err) {
    struct daemon *d = arg;
    _cleanup_(writing_done) struct writing w = {.d = d};
    _cleanup_(config_done) struct config fresh;
    _cleanup_buf_ struct buf merged = BUF_INIT(LIMIT_CONFIG_BYTES);
    _cleanup_buf_ struct buf whole = BUF_INIT(LIMIT_CONFIG_BYTES);
    struct config_text given = {text, len};
    config_init(&fresh);
    int r =
        account ? merge_account(d, account, given, &merged, err) : buf_append(&merged, text, len);
    if (r == 0)
        r = config_keep_secrets((struct config_text){merged.data, merged.len}, keep_secret, &w,
                                &whole, err);
    if (r == 0)
        r = check_and_write(d, account, &whole, &fresh, err);
    crypto_wipe(merged.data, merged.len); /* it held the secret */
    if (r < 0) {
        withdraw(&w);
        return r;
    }
    use(d, &fresh);
    remove_unused_secrets(d);
    return 0;
}
