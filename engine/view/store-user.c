/* SPDX-License-Identifier: MIT */
#include "store-user.h"

#include "base/parse.h"
#include "crypto/crypto.h"
#include "model/limits.h"
#include "quote.h"
#include "store-value.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define UID_MIN 1000u /* below are the accounts of the system itself */
#define GID_MIN 100u  /* users */
#define ID_MAX 2147483647u
#define PASSWORD_MIN 8u
#define PASSWORD_MAX 511u /* libxcrypt takes no longer one */

/* A command that sets this field; NULL: no memory. */
static struct command *set_command(const struct view_ctx *ctx, const char *field) {
    _cleanup_(command_freep) struct command *c = view_command_new(ctx, COMMAND_SET_USER);
    if (!c || command_set_name(c, field) < 0)
        return NULL;
    return TAKE_PTR(c);
}

static int give_text(const struct view_ctx *ctx, const char *field, const char *text,
                     struct command **ret, struct error *err) {
    _cleanup_(command_freep) struct command *c = set_command(ctx, field);
    if (!c || command_set_text(c, text, strlen(text)) < 0)
        return view_no_memory(err);
    *ret = TAKE_PTR(c);
    return 0;
}

static int give_number(const struct view_ctx *ctx, const char *field, uint64_t number,
                       struct command **ret, struct error *err) {
    struct command *c = set_command(ctx, field);
    if (!c)
        return view_no_memory(err);
    c->number = (int64_t)number;
    *ret = c;
    return 0;
}

struct id_rule {
    const char *field, *hint;
    uint64_t min;
};

static int read_id(const struct id_rule *rule, const struct written *w, uint64_t *ret,
                   struct error *err) {
    _cleanup_free_ char *copy = NULL;
    char *value = NULL;
    struct quote q;
    int r = store_read_value(w, &copy, &value, err);
    if (r < 0)
        return r;
    r = parse_u64(value, ret);
    if (r == -EINVAL)
        return err_kind(err, "invalid_value", "\"%s\" is not a number: %s", quote_text(&q, value),
                        rule->hint);
    if (r < 0 || *ret < rule->min || *ret > ID_MAX)
        return err_kind(err, "out_of_range", "%s is no %s for a user: %s", quote_text(&q, value),
                        rule->field, rule->hint);
    return 0;
}

static int store_id(const struct view_ctx *ctx, const struct id_rule *rule, struct written w,
                    struct command **ret, struct error *err) {
    uint64_t id = 0;
    w.hint = rule->hint;
    int r = read_id(rule, &w, &id, err);
    return r < 0 ? r : give_number(ctx, rule->field, id, ret, err);
}

int store_user_uid(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                   struct error *err) {
    static const struct id_rule rule = {"uid", "write a number from 1000 to 2147483647", UID_MIN};
    return store_id(ctx, &rule, (struct written){text, len, NULL}, ret, err);
}

int store_user_gid(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                   struct error *err) {
    static const struct id_rule rule = {"gid", "write a number from 100 to 2147483647", GID_MIN};
    return store_id(ctx, &rule, (struct written){text, len, NULL}, ret, err);
}

int store_user_role(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                    struct error *err) {
    static const char *const roles[] = {"user", "admin"};
    _cleanup_free_ char *copy = NULL;
    char *value = NULL;
    struct quote q;
    int r =
        store_read_value(&(struct written){text, len, "write user or admin"}, &copy, &value, err);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(roles); i++)
        if (text_equal_fold(value, roles[i]))
            return give_text(ctx, "role", roles[i], ret, err);
    return r < 0 ? r
                 : err_kind(err, "invalid_value", "\"%s\" is not a role: write user or admin",
                            quote_text(&q, value));
}

int store_user_shell(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                     struct error *err) {
    static const char hint[] = "write an absolute path such as /bin/bash";
    _cleanup_free_ char *copy = NULL;
    char *value = NULL;
    struct quote q;
    int r = store_read_value(&(struct written){text, len, hint}, &copy, &value, err);
    if (r < 0)
        return r;
    bool good = value[0] == '/' && strlen(value) < 256;
    for (const char *p = value; good && *p; p++)
        good = isgraph((unsigned char)*p) && *p != ':';
    if (!good)
        return err_kind(err, "invalid_value", "\"%s\" is not a shell: %s", quote_text(&q, value),
                        hint);
    return give_text(ctx, "shell", value, ret, err);
}

int store_user_disabled(const struct view_ctx *ctx, const char *text, size_t len,
                        struct command **ret, struct error *err) {
    bool flag = false;
    int r = store_read_flag(text, len, err, &flag);
    if (r < 0)
        return r;
    struct command *c = set_command(ctx, "disabled");
    if (!c)
        return view_no_memory(err);
    c->flag = flag;
    *ret = c;
    return 0;
}

/* --- keys ----------------------------------------------------------------------------------------
 */

/* sshd(8): the words that a key begins with. */
static const char *const key_types[] = {
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
};

#define KEY_BLOB_MIN 32 /* base64 characters; the shortest real one has 68 */

/* True when a key's type and its base64 stand at `at`. */
static bool key_at(const char *at, const char *end) {
    for (size_t i = 0; i < ARRAY_SIZE(key_types); i++) {
        size_t len = strlen(key_types[i]);
        if ((size_t)(end - at) <= len || strncmp(at, key_types[i], len) != 0 || at[len] != ' ')
            continue;
        size_t blob = strspn(at + len + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                           "0123456789+/=");
        const char *after = at + len + 1 + blob;
        return blob >= KEY_BLOB_MIN && (after >= end || *after == ' ' || *after == '\r');
    }
    return false;
}

/* Behind the options, which may hold quoted blanks; `end` when nothing is there. */
static const char *after_options(const char *line, const char *end) {
    bool quoted = false;
    for (const char *p = line; p < end; p++) {
        if (*p == '"' && (p == line || p[-1] != '\\'))
            quoted = !quoted;
        if (*p == ' ' && !quoted)
            return p + 1;
    }
    return end;
}

/* A line is blank, a comment, or [options] type base64 [comment]. */
static bool key_line(const char *line, const char *end) {
    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    return line == end || *line == '#' || *line == '\r' || key_at(line, end) ||
           key_at(after_options(line, end), end);
}

static int check_keys(const char *text, size_t len, struct error *err) {
    size_t number = 1;
    if (len > LIMIT_KEYS_BYTES)
        return err_kind(err, "too_large", "it has %zu bytes: at most %zu are taken", len,
                        LIMIT_KEYS_BYTES);
    if (memchr(text, '\0', len))
        return err_kind(err, "invalid_value", "it holds a NUL byte: write OpenSSH's public keys");
    if (memmem(text, len, "PRIVATE KEY", 11))
        return err_kind(err, "invalid_value",
                        "it holds a private key: write the public one, of the file that ends in "
                        ".pub");
    for (const char *line = text, *all = text + len; line < all; number++) {
        const char *end = memchr(line, '\n', (size_t)(all - line));
        end = end ? end : all;
        if (!key_line(line, end))
            return err_kind(err, "invalid_value",
                            "line %zu is not a public key: write lines such as \"ssh-ed25519 "
                            "AAAA... name@host\"",
                            number);
        line = end + 1;
    }
    return 0;
}

int store_user_keys(const struct view_ctx *ctx, const char *text, size_t len, struct command **ret,
                    struct error *err) {
    int r = text && len
                ? check_keys(text, len, err)
                : err_kind(err, "invalid_value",
                           "it is empty, and what was stored stays: write a comment to remove "
                           "all keys");
    if (r < 0)
        return r;
    _cleanup_(command_freep) struct command *c = set_command(ctx, "authorized_keys");
    if (!c || command_set_text(c, text, len) < 0)
        return view_no_memory(err);
    *ret = TAKE_PTR(c);
    return 0;
}

/* --- password ------------------------------------------------------------------------------------
 */

/* The bytes of the password, without the newline of `echo`. Blanks belong to it. */
static int check_password(const char *text, size_t *len, struct error *err) {
    if (*len && text[*len - 1] == '\n')
        --*len;
    if (*len > PASSWORD_MAX)
        return err_kind(err, "value_too_long", "it is longer than %u bytes", PASSWORD_MAX);
    for (size_t i = 0; i < *len; i++)
        if (iscntrl((unsigned char)text[i]))
            return err_kind(err, "invalid_value",
                            "it holds a control character: write it on one line");
    if (*len < PASSWORD_MIN && !(*len == 1 && *text == '!'))
        return err_kind(err, "invalid_value",
                        "it is too short: write at least %u characters, or ! for no password",
                        PASSWORD_MIN);
    return 0;
}

static int hash(const char *text, size_t len, char **ret) {
    char *password = strndup(text, len);
    if (!password)
        return -ENOMEM;
    int r = crypto_password_hash(password, ret);
    crypto_wipe(password, len);
    free(password);
    return r;
}

int store_user_password(const struct view_ctx *ctx, const char *text, size_t len,
                        struct command **ret, struct error *err) {
    _cleanup_free_ char *hashed = NULL;
    int r = check_password(text, &len, err);
    if (r < 0)
        return r;
    if (len == 1)
        return give_text(ctx, "password", "", ret, err);
    r = hash(text, len, &hashed);
    if (r < 0)
        return r == -ENOMEM ? view_no_memory(err)
                            : err_set(err, r, "internal", "it cannot be hashed: %s", strerror(-r));
    return give_text(ctx, "password", hashed, ret, err);
}
