/* SPDX-License-Identifier: MIT */
#ifndef API_API_H
#define API_API_H

/*
 * The HTTP face: nodes call home here (docs/internals/agent-protocol.md), and monitoring reads
 * GET /metrics and GET /health, which are the files of the same names in the tree.
 *
 * A request that the engine must answer leaves no thread waiting: its connection is suspended until
 * the engine replies, for 30 s at most, then it is answered 503. Bounds: 64 KiB of body, 4096
 * connections (fewer where the process may not open that many files), 1024 of one address: for one
 * more the one that has been idle the longest is closed; and as long as a connection may be idle
 * for a request to arrive and for an answer to be taken. The header Host must mean this server.
 */

#include "base/error.h"
#include "view/gateway.h"

#include <stdint.h>

struct api;

struct api_options {
    const char *listen;       /* "ADDR:PORT", "[ADDR]:PORT"; port 0 takes any free one */
    unsigned idle_timeout_ms; /* 0 = 90 s */
    unsigned deadline_ms;     /* for the engine's answer; 0 = 30 s */
    const char *url;          /* what the server is called from outside; NULL: as `listen` says */
    unsigned connections;     /* that are kept; 0 = 4096, or what the limit of open files allows */
    unsigned connections_per_address; /* ... idle or sending; 0 = 1024 */
};

/*
 * Starts to listen and to answer, on threads of its own. `gateway` is borrowed until api_free.
 * Raises the soft limit of open files of the process as far as it needs.
 * Returns 0, -EINVAL (listen), -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -ENOMEM or another -errno;
 * `err` says which address and what to do.
 */
int api_new(const struct api_options *options, const struct gateway *gateway, struct error *err,
            struct api **ret);

/* The TCP port it listens on. Any thread. */
uint16_t api_port(const struct api *api);

/*
 * Stops: no new connections, suspended requests are answered 503, a second at most is given for
 * answers under way. The engine may still reply to commands submitted before; such replies are
 * dropped, so the engine may be stopped before this or after it. Accepts NULL.
 */
void api_free(struct api *api);
DEFINE_CLEANUP(struct api, api_free);

#endif
