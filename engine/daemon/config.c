/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/ini.h"
#include "base/parse.h"
#include "config-edit.h"
#include "model/limits.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define WARNING_MAX 4096
#define SUGGEST_DISTANCE 4

enum value_kind {
    VALUE_TEXT,
    VALUE_UUID,
    VALUE_URL,
    VALUE_PATH,
    VALUE_SECRET_PATH, /* a path whose file only its owner should read */
    VALUE_BOOL,
    VALUE_LISTEN,
    VALUE_LEVEL,
};

struct key_row {
    const char *name;
    enum value_kind kind;
    size_t offset;
};

#define SERVER(m) offsetof(struct config, m)
#define ACCOUNT(m) offsetof(struct config_account, m)

static const struct key_row server_keys[] = {
    {"listen", VALUE_LISTEN, SERVER(listen)},
    {"url", VALUE_URL, SERVER(url)},
    {"default_account", VALUE_TEXT, SERVER(default_account)},
    {"templates", VALUE_PATH, SERVER(templates)},
    {"projects", VALUE_PATH, SERVER(projects)},
    {"log_level", VALUE_LEVEL, SERVER(log_level_text)},
};

static const struct key_row account_keys[] = {
    {"subscription", VALUE_UUID, ACCOUNT(subscription)},
    {"tenant", VALUE_TEXT, ACCOUNT(tenant)},
    {"client_id", VALUE_TEXT, ACCOUNT(client_id)},
    {"client_secret_file", VALUE_SECRET_PATH, ACCOUNT(client_secret_file)},
    {"certificate_file", VALUE_SECRET_PATH, ACCOUNT(certificate_file)},
    {"managed_identity", VALUE_BOOL, ACCOUNT(managed_identity)},
    {"federated_token_file", VALUE_PATH, ACCOUNT(federated_token_file)},
    {"region", VALUE_TEXT, ACCOUNT(region)},
    {"resource_manager", VALUE_URL, ACCOUNT(resource_manager)},
    {"authority", VALUE_URL, ACCOUNT(authority)},
    {"imds", VALUE_URL, ACCOUNT(imds)},
    {"prices", VALUE_URL, ACCOUNT(prices)},
};

static const struct {
    const char *word;
    enum log_level level;
} levels[] = {
    {"error", LOG_LEVEL_ERROR},
    {"warning", LOG_LEVEL_WARNING},
    {"info", LOG_LEVEL_INFO},
    {"debug", LOG_LEVEL_DEBUG},
};

struct reader {
    struct config *config;
    const char *name;
    const struct key_row *keys; /* of the section that is being read; NULL before the first */
    size_t n_keys;
    bool in_account; /* its values go to the last account, otherwise to the configuration */
    uint64_t seen;   /* which of its keys had a line, a bit each */
};

/* --- values ------------------------------------------------------------------------------------
 */

static int check_uuid(const char *value, struct error *err) {
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    bool good = strlen(value) == sizeof(form) - 1;
    for (size_t i = 0; good && form[i]; i++)
        good =
            form[i] == '-' ? value[i] == '-' : strchr("0123456789abcdefABCDEF", value[i]) != NULL;
    if (good)
        return 0;
    return err_kind(err, "invalid_config",
                    "'%s' is not a subscription id: give the UUID that `az account show` prints as "
                    "id",
                    value);
}

/* The host of a URL: after the scheme, up to port or path. */
static bool host_is_loopback(const char *host) {
    size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    if (len == 9 && strncasecmp(host, "localhost", len) == 0)
        return true;
    if (len == 5 && strncmp(host, "[::1]", len) == 0)
        return true;
    unsigned a, b, c, d;
    int used = 0;
    return sscanf(host, "%3u.%3u.%3u.%3u%n", &a, &b, &c, &d, &used) == 4 && (size_t)used == len &&
           a == 127 && b < 256 && c < 256 && d < 256;
}

bool config_url_allowed(const char *url) {
    if (strncasecmp(url, "https://", 8) == 0)
        return url[8] != '\0' && url[8] != '/';
    return strncasecmp(url, "http://", 7) == 0 && host_is_loopback(url + 7);
}

/* `url` of [server] is given to nodes and may be plain http; it is checked apart. */
static int check_url(const struct key_row *key, const char *value, struct error *err) {
    if (strpbrk(value, " \t\"'<>") || strchr(value, '@'))
        return err_kind(err, "invalid_config",
                        "%s: '%s' is not a URL: it holds a blank, a quote or an @", key->name,
                        value);
    bool for_nodes = strcmp(key->name, "url") == 0;
    if (config_url_allowed(value) || (for_nodes && strncasecmp(value, "http://", 7) == 0))
        return 0;
    if (strcmp(key->name, "imds") == 0 && strcmp(value, "http://169.254.169.254") == 0)
        return 0; /* never leaves the machine */
    if (strncasecmp(value, "http://", 7) == 0)
        return err_kind(err, "invalid_config",
                        "%s: plain http is accepted for loopback addresses only, because the "
                        "requests carry credentials: use https://",
                        key->name);
    return err_kind(err, "invalid_config",
                    "%s: '%s' is not a URL: give https://HOST, or http://127.0.0.1:PORT for a "
                    "simulator",
                    key->name, value);
}

static int check_path(const char *value, struct error *err) {
    if (*value == '/')
        return 0;
    return err_kind(err, "invalid_config", "'%s' is not an absolute path: let it begin with /",
                    value);
}

static int check_listen(const char *value, struct error *err) {
    const char *colon = strrchr(value, ':');
    uint64_t port;
    if (colon && colon != value && parse_u64(colon + 1, &port) == 0 && port <= UINT16_MAX)
        return 0;
    return err_kind(err, "invalid_config",
                    "listen: '%s' is not ADDRESS:PORT, for example 127.0.0.1:8080 or 0.0.0.0:8080",
                    value);
}

static int check_level(const char *value, struct error *err) {
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
        if (strcasecmp(value, levels[i].word) == 0)
            return 0;
    return err_kind(err, "invalid_config", "log_level: '%s' is none of error, warning, info, debug",
                    value);
}

static int check_value(const struct key_row *key, const char *value, struct error *err) {
    switch (key->kind) {
    case VALUE_UUID:
        return check_uuid(value, err);
    case VALUE_URL:
        return check_url(key, value, err);
    case VALUE_PATH:
    case VALUE_SECRET_PATH:
        return check_path(value, err);
    case VALUE_LISTEN:
        return check_listen(value, err);
    case VALUE_LEVEL:
        return check_level(value, err);
    case VALUE_TEXT:
    case VALUE_BOOL:
        return 0;
    }
    return 0;
}

/* --- warnings ----------------------------------------------------------------------------------
 */

static int warn(struct config *c, char *text) {
    if (!text)
        return -ENOMEM;
    int r = config_warnings_append(&c->warnings, text);
    if (r < 0)
        free(text);
    return r;
}

/* A secret that others can read still works, as with Azure's own tools; the log says it. */
static int warn_permissions(struct reader *r, const struct ini_item *item) {
    struct stat st;
    _cleanup_buf_ struct buf b = BUF_INIT(WARNING_MAX);
    if (stat(item->value, &st) < 0)
        (void)buf_printf(&b, "%s:%u: %s: %s cannot be read: %s", r->name, item->line, item->key,
                         item->value, strerror(errno));
    else if (st.st_mode & 077)
        (void)buf_printf(&b,
                         "%s:%u: %s can be read by other users (mode %04o): use chmod 600 on it",
                         r->name, item->line, item->value, (unsigned)(st.st_mode & 07777));
    else
        return 0;
    return warn(r->config, buf_take(&b));
}

/* --- sections ----------------------------------------------------------------------------------
 */

static int set_text(char **slot, const char *value) {
    char *copy = strdup(value);
    if (!copy)
        return -ENOMEM;
    free(*slot);
    *slot = copy;
    return 0;
}

int config_add_account(struct config *c, const char *name, struct config_account **ret) {
    struct config_account account = {.name = strdup(name)};
    if (!account.name)
        return -ENOMEM;
    int r = config_accounts_append(&c->accounts, account);
    if (r < 0) {
        free(account.name);
        return r;
    }
    *ret = &c->accounts.items[c->accounts.len - 1];
    return 0;
}

static int begin_account(struct reader *r, const struct ini_item *item, struct error *err) {
    const char *name = item->section + strlen("account");
    name += strspn(name, " \t\"");
    _cleanup_free_ char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    copy[strcspn(copy, "\"")] = '\0';
    if (!name_valid(copy))
        return err_kind(err, "invalid_config",
                        "'%s' is not a name for an account: use [account NAME] with letters, "
                        "digits, - and _",
                        copy);
    const struct config_account *other = config_find(r->config, copy);
    if (other)
        return err_kind(err, "invalid_config", "the account '%s' stands in line %u already", copy,
                        other->line);
    struct config_account *account;
    int e = config_add_account(r->config, copy, &account);
    if (e < 0)
        return e;
    account->line = item->line;
    r->in_account = true;
    r->keys = account_keys;
    r->n_keys = ARRAY_SIZE(account_keys);
    r->seen = 0;
    return 0;
}

static int begin_section(struct reader *r, const struct ini_item *item, struct error *err) {
    if (strcmp(item->section, "server") == 0) {
        r->in_account = false;
        r->keys = server_keys;
        r->n_keys = ARRAY_SIZE(server_keys);
        r->seen = 0;
        return 0;
    }
    if (strncmp(item->section, "account", 7) == 0 && strchr(" \t\"", item->section[7]))
        return begin_account(r, item, err);
    return err_kind(err, "invalid_config",
                    "unknown section [%s]: there are [server] and [account NAME]", item->section);
}

static const struct key_row *find_key(const struct reader *r, const char *name) {
    for (size_t i = 0; i < r->n_keys; i++)
        if (strcmp(r->keys[i].name, name) == 0)
            return &r->keys[i];
    return NULL;
}

static int refuse_key(const struct reader *r, const char *key, struct error *err) {
    const char *best = NULL;
    size_t best_distance = SUGGEST_DISTANCE;
    _cleanup_buf_ struct buf all = BUF_INIT(WARNING_MAX);
    for (size_t i = 0; i < r->n_keys; i++) {
        size_t d = text_distance(key, r->keys[i].name, SUGGEST_DISTANCE);
        if (d < best_distance) {
            best_distance = d;
            best = r->keys[i].name;
        }
        (void)buf_printf(&all, "%s%s", i ? ", " : "", r->keys[i].name);
    }
    if (best)
        return err_kind(err, "invalid_config", "unknown key '%s': did you mean '%s'?", key, best);
    /* Like none of them: it may be a secret that was pasted, of which others read here. */
    return err_kind(err, "invalid_config", "unknown key: this section has %s", all.data);
}

static int store_value(struct reader *r, const struct key_row *key, const struct ini_item *item,
                       struct error *err) {
    struct config *c = r->config;
    char *base = r->in_account ? (char *)&c->accounts.items[c->accounts.len - 1] : (char *)c;
    void *slot = base + key->offset;
    if (key->kind != VALUE_BOOL)
        return set_text(slot, item->value);
    if (parse_bool(item->value, slot) < 0)
        return err_kind(err, "invalid_config", "%s: '%s' is neither yes nor no", key->name,
                        item->value);
    return 0;
}

static int read_item(void *arg, const struct ini_item *item, struct error *err) {
    struct reader *r = arg;
    if (!item->key)
        return begin_section(r, item, err);
    if (!r->keys)
        return err_kind(err, "invalid_config",
                        "the line stands before the first section: begin with [server] or "
                        "[account NAME]");
    const struct key_row *key = find_key(r, item->key);
    if (!key)
        return refuse_key(r, item->key, err);
    if (!*item->value)
        return err_kind(err, "invalid_config", "%s has no value: give one or remove the line",
                        item->key);
    uint64_t bit = UINT64_C(1) << (key - r->keys);
    if (r->seen & bit)
        return err_kind(err, "invalid_config", "%s stands twice in this section: remove one",
                        item->key);
    r->seen |= bit;
    int e = check_value(key, item->value, err);
    if (e == 0)
        e = store_value(r, key, item, err);
    if (e == 0 && key->kind == VALUE_SECRET_PATH)
        e = warn_permissions(r, item);
    return e;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static int refuse_account(const char *name, const struct config_account *a, const char *problem,
                          struct error *err) {
    return err_kind(err, "invalid_config", "%s:%u: account '%s': %s", name, a->line, a->name,
                    problem);
}

static int check_account(const char *name, struct config_account *a, struct error *err) {
    unsigned ways = !!a->client_secret_file + !!a->certificate_file + !!a->federated_token_file +
                    a->managed_identity;
    if (!a->subscription)
        return refuse_account(name, a, "subscription is missing", err);
    if (ways != 1)
        return refuse_account(name, a,
                              "give exactly one of client_secret_file, certificate_file, "
                              "federated_token_file, managed_identity = yes",
                              err);
    if (!a->managed_identity && (!a->tenant || !a->client_id))
        return refuse_account(name, a,
                              "tenant and client_id are needed: the directory's id and the "
                              "application's id",
                              err);
    if (!a->region)
        return refuse_account(name, a, "region is missing, for example region = westeurope", err);
    int r = 0;
    if (!a->resource_manager)
        r = set_text(&a->resource_manager, "https://management.azure.com");
    if (r == 0 && !a->authority)
        r = set_text(&a->authority, "https://login.microsoftonline.com");
    return r;
}

static void set_level(struct config *c) {
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
        if (strcasecmp(c->log_level_text, levels[i].word) == 0)
            c->log_level = levels[i].level;
}

/* default_account is not checked against the accounts: --simulate adds one of its own later. */
static int finish(struct config *c, const char *name, struct error *err) {
    int r = 0;
    if (c->accounts.len > LIMIT_ACCOUNTS)
        return err_kind(err, "limit_exceeded", "%s: there are %zu accounts: at most %u are taken",
                        name, c->accounts.len, LIMIT_ACCOUNTS);
    for (size_t i = 0; r == 0 && i < c->accounts.len; i++)
        r = check_account(name, &c->accounts.items[i], err);
    if (r == 0 && c->log_level_text)
        set_level(c);
    return r;
}

const struct config_account *config_find(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->accounts.len; i++)
        if (strcmp(c->accounts.items[i].name, name) == 0)
            return &c->accounts.items[i];
    return NULL;
}

int config_parse(struct config *c, const char *name, const char *text, size_t len,
                 struct error *err) {
    struct reader reader = {.config = c, .name = name};
    int r = ini_read(&(struct ini_text){name, text, len}, read_item, &reader, err);
    if (r == 0)
        r = finish(c, name, err);
    if (r < 0)
        return err_wrap(err, r, "configuration");
    free(c->text);
    c->text = strndup(text, len);
    return c->text ? 0 : -ENOMEM;
}

int config_check_account(const char *account, const char *lines, size_t len, struct error *err) {
    __attribute__((cleanup(config_done))) struct config c;
    struct reader reader = {.config = &c, .name = account};
    _cleanup_free_ char *section = NULL;
    config_init(&c);
    if (asprintf(&section, "account %s", account) < 0) {
        section = NULL;
        return -ENOMEM;
    }
    int r = begin_account(&reader, &(struct ini_item){.section = section, .line = 1}, err);
    if (r == 0)
        r = ini_read(&(struct ini_text){account, lines, len}, read_item, &reader, err);
    return r == 0 ? finish(&c, account, err) : r;
}

int config_account_print(const struct config_account *a, struct buf *b) {
    for (size_t i = 0; i < ARRAY_SIZE(account_keys); i++) {
        const struct key_row *key = &account_keys[i];
        const void *slot = (const char *)a + key->offset;
        if (key->kind == VALUE_BOOL) {
            if (*(const bool *)slot)
                (void)buf_printf(b, "%s = yes\n", key->name);
        } else if (*(char *const *)slot) {
            (void)buf_printf(b, "%s = %s\n", key->name, *(char *const *)slot);
        }
    }
    if (a->client_secret)
        (void)buf_puts(b, "client_secret = " CONFIG_SECRET_MASK "\n");
    return buf_error(b);
}

int config_read(struct config *c, const char *path, bool must_exist, struct error *err) {
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
    int r = file_read(path, &text);
    if (r == -ENOENT && !must_exist)
        return 0;
    if (r < 0)
        return err_set(err, r, "invalid_config", "configuration: %s cannot be read: %s", path,
                       strerror(-r));
    return config_parse(c, path, text.data, text.len, err);
}

void config_init(struct config *c) {
    *c = (struct config){.log_level = LOG_LEVEL_INFO};
}

static void account_done(struct config_account *a) {
    if (a->client_secret)
        explicit_bzero(a->client_secret, strlen(a->client_secret));
    char *texts[] = {
        a->name,          a->subscription,       a->tenant,           a->client_id,
        a->client_secret, a->client_secret_file, a->certificate_file, a->federated_token_file,
        a->region,        a->resource_manager,   a->authority,        a->imds,
        a->prices};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
}

void config_done(struct config *c) {
    char *texts[] = {c->text,      c->listen,   c->url,           c->default_account,
                     c->templates, c->projects, c->log_level_text};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    for (size_t i = 0; i < c->accounts.len; i++)
        account_done(&c->accounts.items[i]);
    for (size_t i = 0; i < c->warnings.len; i++)
        free(c->warnings.items[i]);
    config_accounts_done(&c->accounts);
    config_warnings_done(&c->warnings);
    config_init(c);
}
