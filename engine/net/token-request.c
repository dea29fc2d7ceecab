/* SPDX-License-Identifier: MIT */
#include "token-request.h"

#include "base/file.h"
#include "base/parse.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define FORM_MAX ((size_t)64 << 10)
#define URL_MAX ((size_t)8 << 10)
#define FEDERATED_TOKEN_MAX ((size_t)32 << 10)
#define TOKEN_ANSWER_MAX ((size_t)128 << 10)
#define ASSERTION_LIFETIME_S 300

/* The texts of both structs, member by member. */
static const struct {
    size_t config, strings;
} texts[] = {
    {offsetof(struct token_config, authority), offsetof(struct token_strings, authority)},
    {offsetof(struct token_config, imds), offsetof(struct token_strings, imds)},
    {offsetof(struct token_config, audience), offsetof(struct token_strings, audience)},
    {offsetof(struct token_config, tenant), offsetof(struct token_strings, tenant)},
    {offsetof(struct token_config, client_id), offsetof(struct token_strings, client_id)},
    {offsetof(struct token_config, client_secret), offsetof(struct token_strings, client_secret)},
    {offsetof(struct token_config, certificate_file),
     offsetof(struct token_strings, certificate_file)},
    {offsetof(struct token_config, federated_token_file),
     offsetof(struct token_strings, federated_token_file)},
};

static const char *config_text(const struct token_config *c, size_t i) {
    const char *text = *(const char *const *)(const void *)((const char *)c + texts[i].config);
    return text ? text : "";
}

static char **strings_text(const struct token_strings *s, size_t i) {
    return (char **)(void *)((char *)(uintptr_t)s + texts[i].strings);
}

static bool given(const char *text) {
    return text && *text;
}

bool token_config_valid(const struct token_config *c) {
    int ways = given(c->client_secret) + given(c->certificate_file) +
               given(c->federated_token_file) + c->managed_identity;
    return ways == 1 && given(c->audience) &&
           (c->managed_identity ? given(c->imds)
                                : given(c->authority) && given(c->tenant) && given(c->client_id));
}

int token_strings_copy(struct token_strings *to, const struct token_config *from) {
    to->managed_identity = from->managed_identity;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char *copy = strdup(config_text(from, i));
        if (!copy)
            return -ENOMEM;
        *strings_text(to, i) = copy;
    }
    return 0;
}

bool token_strings_equal(const struct token_strings *a, const struct token_config *b) {
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (strcmp(*strings_text(a, i), config_text(b, i)) != 0)
            return false;
    return a->managed_identity == b->managed_identity;
}

void token_strings_done(struct token_strings *s) {
    if (s->client_secret)
        crypto_wipe(s->client_secret, strlen(s->client_secret));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(*strings_text(s, i));
    *s = (struct token_strings){0};
}

static void form_add(struct buf *b, const char *name, const char *value) {
    if (b->len)
        (void)buf_putc(b, '&');
    (void)buf_printf(b, "%s=", name);
    (void)http_url_escape(b, value);
}

static int send_imds(const struct token_request *m, uint64_t *ret_id) {
    const struct token_strings *c = m->config;
    _cleanup_buf_ struct buf url = BUF_INIT(URL_MAX);
    (void)buf_printf(&url,
                     "%s/metadata/identity/oauth2/token?api-version=2018-02-01&resource=", c->imds);
    (void)http_url_escape(&url, c->audience);
    (void)buf_puts(&url, "%2F");
    if (*c->client_id) {
        (void)buf_puts(&url, "&client_id=");
        (void)http_url_escape(&url, c->client_id);
    }
    if (buf_error(&url))
        return buf_error(&url);
    static const char *const headers[] = {"Metadata: true", "Accept: application/json", NULL};
    struct http_request q = {.url = url.data,
                             .headers = headers,
                             .timeout = 20 * USEC_SEC,
                             .max_body = TOKEN_ANSWER_MAX,
                             .metadata_service = true};
    return http_submit(m->http, &q, m->done, m->arg, ret_id);
}

static int read_federated(const char *path, struct error *err, char **ret) {
    _cleanup_buf_ struct buf b = BUF_INIT(FEDERATED_TOKEN_MAX);
    int r = file_read(path, &b);
    if (r < 0)
        return err_wrap(err, r, "cannot read the federated token %s", path);
    const char *token = text_trim(b.data);
    if (!*token)
        return err_set(err, -ENODATA, "invalid_config", "the federated token file %s is empty",
                       path);
    char *text = strdup(token);
    crypto_wipe(b.data, b.len);
    if (!text)
        return -ENOMEM;
    *ret = text;
    return 0;
}

static int make_assertion(const struct token_request *m, const char *url, struct error *err,
                          char **ret) {
    if (*m->config->federated_token_file)
        return read_federated(m->config->federated_token_file, err, ret);
    char id[UUID_TEXT_SIZE];
    random_uuid(m->random, id);
    struct crypto_assertion claims = {.audience = url,
                                      .client_id = m->config->client_id,
                                      .id = id,
                                      .now_s = clock_wall(m->clock) / USEC_SEC,
                                      .lifetime_s = ASSERTION_LIFETIME_S};
    return crypto_client_assertion(m->config->certificate_file, &claims, err, ret);
}

static int put_credential(const struct token_request *m, const char *url, struct error *err,
                          struct buf *form) {
    if (*m->config->client_secret) {
        form_add(form, "client_secret", m->config->client_secret);
        return buf_error(form);
    }
    char *assertion = NULL;
    int r = make_assertion(m, url, err, &assertion);
    if (r < 0)
        return r;
    form_add(form, "client_assertion_type",
             "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    form_add(form, "client_assertion", assertion);
    crypto_wipe(assertion, strlen(assertion));
    free(assertion);
    return buf_error(form);
}

static int put_form(const struct token_request *m, const char *url, struct error *err,
                    struct buf *form) {
    _cleanup_buf_ struct buf scope = BUF_INIT(URL_MAX);
    (void)buf_printf(&scope, "%s/.default", m->config->audience);
    form_add(form, "grant_type", "client_credentials");
    form_add(form, "client_id", m->config->client_id);
    form_add(form, "scope", scope.data);
    int r = put_credential(m, url, err, form);
    return r < 0 ? r : buf_error(&scope);
}

static int send_entra(const struct token_request *m, struct error *err, uint64_t *ret_id) {
    _cleanup_buf_ struct buf url = BUF_INIT(URL_MAX);
    struct buf form = BUF_INIT(FORM_MAX);
    (void)buf_printf(&url, "%s/", m->config->authority);
    (void)http_url_escape(&url, m->config->tenant);
    (void)buf_puts(&url, "/oauth2/v2.0/token");
    int r = buf_error(&url) ? buf_error(&url) : put_form(m, url.data, err, &form);
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded",
                                          "Accept: application/json", NULL};
    struct http_request q = {.method = "POST",
                             .url = url.data,
                             .headers = headers,
                             .body = form.data,
                             .body_len = form.len,
                             .timeout = 30 * USEC_SEC,
                             .max_body = TOKEN_ANSWER_MAX};
    if (r == 0)
        r = http_submit(m->http, &q, m->done, m->arg, ret_id);
    if (form.cap)
        crypto_wipe(form.data, form.cap);
    buf_done(&form);
    return r;
}

int token_request_send(const struct token_request *m, struct error *err, uint64_t *ret_id) {
    int r = m->config->managed_identity ? send_imds(m, ret_id) : send_entra(m, err, ret_id);
    if (r < 0)
        return err_wrap(err, r, "cannot ask for a token");
    return 0;
}
