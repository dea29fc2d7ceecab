/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_HTTP_H
#define SIMULATOR_HTTP_H

/* The HTTP server, in the event loop of its caller. */

#include "base/error.h"
#include "world.h"

struct http;

/* Listens on "ADDRESS:PORT" (IPv4, or [IPv6]:PORT); sets world->base_url. 0 or -errno. */
int http_new(struct world *world, const char *listen, struct http **ret, struct error *err);
void http_free(struct http *http);

/* The descriptor to wait on for reading, what to call after each wait, and how long to wait at
 * most. */
int http_fd(const struct http *http);
void http_run(struct http *http);
usec_t http_timeout(const struct http *http);
unsigned http_port(const struct http *http);

#endif
