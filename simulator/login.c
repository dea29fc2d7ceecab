/* SPDX-License-Identifier: MIT */
#include "login.h"

#include "base/hash.h"
#include "base64.h"
#include "options.h"
#include "route.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AUTHORITY "https://login.microsoftonline.com/" TENANT_ID
#define ACCEPTED "simulated"

enum { TOKEN_MAX = 8192, CHECK_SIZE = 17, IMDS_LIFETIME_S = 86399 };

static void checksum(const char *text, size_t len, char check[CHECK_SIZE]) {
    (void)snprintf(check, CHECK_SIZE, "%016" PRIx64, hash_fnv1a(text, len));
}

/* The claim that a managed identity has and an application has not. */
#define IDENTITY_CLAIM                                                        \
    ",\"xms_mirid\":\"" SUBSCRIPTION_PATH "/resourcegroups/sim-rg/providers/" \
    "Microsoft.ManagedIdentity/userAssignedIdentities/" ACCEPTED "\""

/* "HEADER.CLAIMS.CHECK"; NULL: out of memory. */
static char *token_make(const char *client, uint64_t expires_at_s, const char *more_claims) {
    static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"simulated\"}";
    _cleanup_buf_ struct buf token = BUF_INIT(TOKEN_MAX);
    _cleanup_free_ char *claims = text_format(
        "{\"aud\":\"https://management.azure.com\",\"iss\":\"https://sts.windows.net/" TENANT_ID
        "/\",\"exp\":%" PRIu64 ",\"appid\":\"%s\",\"oid\":\"85e5d083-0000-0000-0000-000000000000\","
        "\"tid\":\"" TENANT_ID "\"%s}",
        expires_at_s, client, more_claims);
    if (!claims)
        return NULL;
    (void)base64url_encode(&token, header, sizeof(header) - 1);
    (void)buf_putc(&token, '.');
    (void)base64url_encode(&token, claims, strlen(claims));
    char check[CHECK_SIZE];
    checksum(token.data, token.len, check);
    (void)buf_putc(&token, '.');
    (void)base64url_encode(&token, check, CHECK_SIZE - 1);
    return buf_error(&token) ? NULL : buf_take(&token);
}

/* When a token ends, in seconds since 1970; 0 = it is none of ours. */
static uint64_t token_expiry(const char *token) {
    const char *claims = strchr(token, '.');
    const char *check = claims ? strrchr(token, '.') : NULL;
    if (!claims || check == claims)
        return 0;
    char want[CHECK_SIZE];
    checksum(token, (size_t)(check - token), want);
    _cleanup_buf_ struct buf have = BUF_INIT(CHECK_SIZE);
    _cleanup_buf_ struct buf text = BUF_INIT(TOKEN_MAX);
    if (base64_decode(&have, check + 1, strlen(check + 1)) < 0 || strcmp(have.data, want) != 0 ||
        base64_decode(&text, claims + 1, (size_t)(check - claims - 1)) < 0)
        return 0;
    _cleanup_json_ json_t *document = json_loadb(text.data, text.len, 0, NULL);
    return (uint64_t)json_path_int(document, "exp", 0);
}

static uint64_t now_s(void) {
    return clock_wall(&clock_real) / USEC_SEC;
}

static bool refuse_bearer(struct exchange *ex, const char *code, const char *message) {
    reply_error(ex, 401, code, "%s", message);
    reply_header(ex, "WWW-Authenticate",
                 "Bearer authorization_uri=\"" AUTHORITY
                 "\", error=\"invalid_token\", error_description=\"%s\"",
                 message);
    return false;
}

bool login_check_bearer(struct exchange *ex) {
    const char *header = exchange_header(ex, "Authorization");
    if (!header || !*header)
        return refuse_bearer(ex, "AuthenticationFailed",
                             "Authentication failed. The 'Authorization' header is missing.");
    uint64_t expires_at_s = strncasecmp(header, "Bearer ", 7) == 0 ? token_expiry(header + 7) : 0;
    if (!expires_at_s)
        return refuse_bearer(ex, "InvalidAuthenticationToken", "The access token is invalid.");
    if (expires_at_s <= now_s())
        return refuse_bearer(ex, "ExpiredAuthenticationToken",
                             "The access token expiry is earlier than current time.");
    return true;
}

static int hex_digit(char c) {
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Whether %XX stands at `at`, with `left` characters from there. */
static bool is_coded(const char *at, size_t left) {
    return left > 2 && *at == '%' && isxdigit((unsigned char)at[1]) &&
           isxdigit((unsigned char)at[2]);
}

/* NULL: out of memory. */
static char *form_decode(const char *from, size_t size) {
    char *value = malloc(size + 1), *to = value;
    if (!value)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        if (is_coded(from + i, size - i)) {
            *to++ = (char)(hex_digit(from[i + 1]) << 4 | hex_digit(from[i + 2]));
            i += 2;
        } else {
            *to++ = from[i] == '+' ? ' ' : from[i];
        }
    }
    *to = '\0';
    return value;
}

/* The decoded value of a field of a form (WHATWG URL, application/x-www-form-urlencoded); NULL if
 * it is not there or memory ran out. */
static char *form_value(const char *form, const char *name) {
    size_t len = strlen(name);
    for (const char *at = form; at && *at; at = strchr(at, '&') ? strchr(at, '&') + 1 : NULL)
        if (strncmp(at, name, len) == 0 && at[len] == '=')
            return form_decode(at + len + 1, strcspn(at + len + 1, "&"));
    return NULL;
}

struct refusal {
    int status;
    const char *error;
    int code;
    const char *text;
};

static void refuse_login(struct exchange *ex, const struct refusal *refusal) {
    char trace[UUID_TEXT_SIZE], correlation[UUID_TEXT_SIZE];
    random_uuid(&random_system, trace);
    random_uuid(&random_system, correlation);
    _cleanup_buf_ struct buf time = BUF_INIT(TIME_TEXT_MAX);
    (void)time_format(&time, clock_wall(&clock_real));
    json_t *words = json_format("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
                                refusal->code, refusal->text, trace, correlation, time.data);
    reply_json(ex, refusal->status,
               json_pack("{s:s,s:o,s:[i],s:s,s:s,s:s}", "error", refusal->error,
                         "error_description", words, "error_codes", refusal->code, "timestamp",
                         time.data, "trace_id", trace, "correlation_id", correlation));
}

static bool text_ends(const char *text, const char *tail) {
    size_t len = text ? strlen(text) : 0;
    return len >= strlen(tail) && strcmp(text + len - strlen(tail), tail) == 0;
}

/* "a.b.c" of base64url: what a signed assertion looks like. */
static bool looks_like_jwt(const char *text) {
    unsigned dots = 0;
    for (const char *c = text; *c; c++) {
        if (*c == '.')
            dots++;
        else if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
            return false;
    }
    return dots == 2 && *text != '.' && !text_ends(text, ".");
}

static const struct refusal bad_grant = {
    400, "unsupported_grant_type", 70003,
    "The app requested an unsupported grant type; this simulator knows client_credentials."};
static const struct refusal bad_scope = {
    400, "invalid_scope", 1002012,
    "The provided value for scope is not valid. Client credential flows must have a scope value "
    "with /.default suffixed to the resource identifier (application ID URI)."};
static const struct refusal bad_client = {
    400, "unauthorized_client", 700016,
    "Application was not found in the directory. In this simulator the client is 'simulated'."};
static const struct refusal bad_secret = {
    401, "invalid_client", 7000215,
    "Invalid client secret provided. In this simulator the secret is 'simulated'."};
static const struct refusal no_secret = {
    401, "invalid_client", 7000218,
    "The request body must contain the following parameter: 'client_assertion' or "
    "'client_secret'."};
static const struct refusal bad_assertion = {401, "invalid_client", 50027,
                                             "JWT token is invalid or malformed."};

static const struct refusal *judge(const char *form, const char *client) {
    _cleanup_free_ char *grant = form_value(form, "grant_type");
    _cleanup_free_ char *scope = form_value(form, "scope");
    _cleanup_free_ char *secret = form_value(form, "client_secret");
    _cleanup_free_ char *assertion = form_value(form, "client_assertion");
    if (!grant || strcmp(grant, "client_credentials") != 0)
        return &bad_grant;
    if (!text_ends(scope, "/.default"))
        return &bad_scope;
    if (assertion)
        return looks_like_jwt(assertion) ? NULL : &bad_assertion;
    if (!secret)
        return &no_secret;
    if (strcmp(client, ACCEPTED) != 0)
        return &bad_client;
    return strcmp(secret, ACCEPTED) == 0 ? NULL : &bad_secret;
}

static bool name_plain(const char *name) {
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-')
            return false;
    return *name != '\0';
}

static void handle_token(struct exchange *ex) {
    _cleanup_free_ char *client = form_value(ex->request.data, "client_id");
    if (!client || !name_plain(client)) {
        refuse_login(ex, &bad_client);
        return;
    }
    const struct refusal *refusal = judge(ex->request.data, client);
    if (refusal) {
        refuse_login(ex, refusal);
        return;
    }
    uint64_t lifetime_s = ex->world->options->token_lifetime_s;
    _cleanup_free_ char *token = token_make(client, now_s() + lifetime_s, "");
    reply_json(ex, 200,
               json_pack("{s:s,s:I,s:I,s:s}", "token_type", "Bearer", "expires_in",
                         (json_int_t)lifetime_s, "ext_expires_in", (json_int_t)lifetime_s,
                         "access_token", token));
}

static void refuse_identity(struct exchange *ex, const char *text) {
    reply_json(ex, 400,
               json_pack("{s:s,s:s}", "error", "invalid_request", "error_description", text));
}

/* Whether the request comes from a program on the machine, as far as its headers tell. */
static bool check_metadata(struct exchange *ex) {
    const char *metadata = exchange_header(ex, "Metadata");
    bool good =
        metadata && strcasecmp(metadata, "true") == 0 && !exchange_header(ex, "X-Forwarded-For");
    if (!good)
        refuse_identity(ex, "Required metadata header not specified");
    return good;
}

/* The token of the machine's identity. Numbers are strings here. */
static void reply_identity_token(struct exchange *ex, const char *resource) {
    uint64_t from = now_s();
    uint64_t lifetime_s = ex->world->options->token_lifetime_s < 3599
                              ? ex->world->options->token_lifetime_s
                              : IMDS_LIFETIME_S;
    _cleanup_free_ char *token = token_make(ACCEPTED, from + lifetime_s, IDENTITY_CLAIM);
    reply_json(ex, 200,
               json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:s,s:s}", "access_token", token, "client_id",
                         "44444444-0000-0000-0000-000000000004", "expires_in",
                         json_format("%" PRIu64, lifetime_s), "expires_on",
                         json_format("%" PRIu64, from + lifetime_s), "ext_expires_in",
                         json_format("%" PRIu64, lifetime_s), "not_before",
                         json_format("%" PRIu64, from), "resource", resource, "token_type",
                         "Bearer"));
}

static void handle_imds(struct exchange *ex) {
    const char *resource = exchange_query(ex, "resource");
    if (!check_metadata(ex))
        return;
    if (!resource || !*resource || !exchange_query(ex, "api-version"))
        refuse_identity(ex, "Required query variables 'api-version' and 'resource' are missing");
    else
        reply_identity_token(ex, resource);
}

/* The endpoint that MSI_ENDPOINT named before there was IMDS; azure-cli still knows it. */
static void handle_msi(struct exchange *ex) {
    _cleanup_free_ char *resource = form_value(ex->request.data, "resource");
    if (!check_metadata(ex))
        return;
    if (!resource || !*resource)
        refuse_identity(ex, "Required audience parameter 'resource' not specified");
    else
        reply_identity_token(ex, resource);
}

const struct route login_routes[] = {
    {"GET", "metadata/identity/oauth2/token", handle_imds, "imds-token", POLICY_NONE, false},
    {"POST", "MSI/token", handle_msi, "msi-token", POLICY_NONE, false},
    {"POST", "*/oauth2/v2.0/token", handle_token, "token", POLICY_NONE, false},
    {0},
};
