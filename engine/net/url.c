/* SPDX-License-Identifier: MIT */
#include "http.h"

#include "url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

struct url {
    char *scheme, *host, *port; /* of curl_url_get */
};

static void url_done(struct url *u) {
    curl_free(u->scheme);
    curl_free(u->host);
    curl_free(u->port);
}

static int url_parse(const char *text, struct url *ret) {
    CURLU *handle = curl_url();
    if (!handle)
        return -ENOMEM;
    *ret = (struct url){0};
    bool fine = curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(handle, CURLUPART_SCHEME, &ret->scheme, 0) == CURLUE_OK &&
                curl_url_get(handle, CURLUPART_HOST, &ret->host, 0) == CURLUE_OK &&
                curl_url_get(handle, CURLUPART_PORT, &ret->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    curl_url_cleanup(handle);
    if (fine)
        return 0;
    url_done(ret);
    *ret = (struct url){0};
    return -EINVAL;
}

static bool is_loopback(const char *host) {
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(host, "[::1]") == 0 || strcasecmp(host, "localhost") == 0;
}

enum url_place url_place(const char *text) {
    struct url u;
    if (url_parse(text, &u) < 0)
        return URL_MALFORMED;
    bool https = strcasecmp(u.scheme, "https") == 0, http = strcasecmp(u.scheme, "http") == 0;
    enum url_place place = URL_PLAIN_REMOTE;
    if (!https && !http)
        place = URL_MALFORMED;
    else if (is_loopback(u.host))
        place = URL_LOOPBACK;
    else if (https)
        place = URL_SECURE;
    else if (strcmp(u.host, "169.254.169.254") == 0)
        place = URL_METADATA;
    url_done(&u);
    return place;
}

bool http_url_allowed(const char *url) {
    enum url_place place = url_place(url);
    return place == URL_SECURE || place == URL_LOOPBACK;
}

static bool host_within(const char *host, const char *base) {
    size_t len = strlen(host), base_len = strlen(base);
    if (strcasecmp(host, base) == 0)
        return true;
    return len > base_len && host[len - base_len - 1] == '.' &&
           strcasecmp(host + len - base_len, base) == 0;
}

bool http_url_within(const char *url, const char *base) {
    struct url u, b;
    if (url_parse(url, &u) < 0)
        return false;
    if (url_parse(base, &b) < 0) {
        url_done(&u);
        return false;
    }
    bool within = strcasecmp(u.scheme, b.scheme) == 0 && strcmp(u.port, b.port) == 0 &&
                  host_within(u.host, b.host);
    url_done(&u);
    url_done(&b);
    return within;
}

int http_url_escape(struct buf *b, const char *text) {
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool plain = isalnum(*p) || *p == '-' || *p == '.' || *p == '_' || *p == '~';
        (void)(plain ? buf_putc(b, (char)*p) : buf_printf(b, "%%%02X", *p));
    }
    return buf_error(b);
}
