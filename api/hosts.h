/* SPDX-License-Identifier: MIT */
#ifndef API_HOSTS_H
#define API_HOSTS_H

/*
 * The names this server is asked by. A browser that was led to a page of somebody else, whose name
 * was then given the server's address (DNS rebinding), sends that page's name in Host: it is
 * refused. Addresses cannot be used so, and are always right.
 */

#include <stdbool.h>
#include <stddef.h>

#define HOSTS_MAX 3

struct hosts {
    char *names[HOSTS_MAX];
    size_t n;
};

/* The host of `listen` ("HOST:PORT"), the host of `url` (NULL: none) and the machine's own name.
   0 or -ENOMEM; hosts_done in both cases. */
int hosts_init(struct hosts *h, const char *listen, const char *url);
void hosts_done(struct hosts *h);

/* Whether a header Host (NULL: there is none, HTTP/1.0) means this server. Any thread. */
bool hosts_know(const struct hosts *h, const char *header);

#endif
