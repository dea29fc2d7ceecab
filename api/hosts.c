/* SPDX-License-Identifier: MIT */
#include "hosts.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define NAME_MAX_BYTES 256

/* "NAME:PORT", "NAME", "[ADDRESS]:PORT": the name without brackets, port and last dot. */
static size_t name_of(const char *text, const char **ret_name) {
    *ret_name = text;
    if (*text == '[') {
        *ret_name = text + 1;
        return strcspn(text + 1, "]");
    }
    size_t len = strcspn(text, ":");
    return len > 0 && text[len - 1] == '.' ? len - 1 : len;
}

static int add(struct hosts *h, const char *text, size_t len) {
    if (len == 0)
        return 0;
    char *name = strndup(text, len);
    if (!name)
        return -ENOMEM;
    h->names[h->n++] = name;
    return 0;
}

static int add_name_of(struct hosts *h, const char *text) {
    const char *name;
    size_t len = name_of(text, &name);
    return add(h, name, len);
}

/* The authority of an url, without what may follow it. */
static int add_url(struct hosts *h, const char *url) {
    const char *scheme = strstr(url, "://");
    const char *name, *authority = scheme ? scheme + 3 : url;
    size_t len = name_of(authority, &name), most = strcspn(name, "/?#");
    return add(h, name, len < most ? len : most);
}

int hosts_init(struct hosts *h, const char *listen, const char *url) {
    char own[NAME_MAX_BYTES] = "";
    *h = (struct hosts){0};
    int r = add_name_of(h, listen);
    if (r == 0 && url)
        r = add_url(h, url);
    if (r == 0 && gethostname(own, sizeof(own) - 1) == 0)
        r = add(h, own, strlen(own));
    return r;
}

void hosts_done(struct hosts *h) {
    for (size_t i = 0; i < h->n; i++)
        free(h->names[i]);
    *h = (struct hosts){0};
}

static bool is_address(const char *name) {
    struct in6_addr a;
    return inet_pton(AF_INET, name, &a) == 1 || inet_pton(AF_INET6, name, &a) == 1;
}

bool hosts_know(const struct hosts *h, const char *header) {
    if (!header)
        return true;
    const char *at;
    char name[NAME_MAX_BYTES];
    size_t len = name_of(header, &at);
    if (len == 0 || len >= sizeof(name))
        return false;
    memcpy(name, at, len);
    name[len] = '\0';
    if (is_address(name) || strcasecmp(name, "localhost") == 0)
        return true;
    for (size_t i = 0; i < h->n; i++)
        if (strcasecmp(h->names[i], name) == 0)
            return true;
    return false;
}
