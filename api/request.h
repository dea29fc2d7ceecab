/* SPDX-License-Identifier: MIT */
#ifndef API_REQUEST_H
#define API_REQUEST_H

/* One HTTP request from its first line to its answer, and the table of paths. HTTP threads only. */

#include "answer.h"
#include "hosts.h"
#include "view/gateway.h"

#define REQUEST_BODY_MAX ((size_t)64 << 10)

struct route;

/* What the handlers know. Outlives all requests. */
struct service {
    const struct gateway *gateway;
    struct waits *waits;
    struct hosts hosts;
};

struct request {
    const struct service *service;
    struct MHD_Connection *connection;
    struct peer *peer; /* NULL when memory ran out as it connected */
    const struct route *route;
    unsigned refusal;  /* status found before the body was read; 0 = none */
    const char *allow; /* for refusal 405 */
    struct buf body;
    struct call *call; /* once it waits for the engine, or has */
};

enum route_flags {
    ROUTE_BODY = 1 << 0,  /* Content-Length is needed */
    ROUTE_TOKEN = 1 << 1, /* a bearer token is needed */
};

/* One path. `run` answers, or suspends the connection. */
struct route {
    const char *path;
    const char *method; /* GET stands for HEAD too */
    const char *allow;  /* the header for other methods */
    unsigned flags;
    enum MHD_Result (*run)(struct request *request);
    int value; /* for run: what is asked of the engine */
};

/* MHD's callbacks; `service` is a struct service. */
enum MHD_Result request_handle(void *service, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **state);
/* Turns %XX into bytes, but for a path with a NUL, which no path has. Returns the new length. */
size_t request_unescape(void *service, struct MHD_Connection *connection, char *text);
void request_completed(void *service, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode reason);
void request_connection(void *service, struct MHD_Connection *connection, void **peer,
                        enum MHD_ConnectionNotificationCode what);

/* The row of a path, NULL when there is none (routes.c). */
const struct route *route_find(const char *path);
/* True when the row takes this method. */
bool route_takes(const struct route *route, const char *method);

/* The bearer token of a request: points into its header; NULL when there is none or it is
 * malformed. */
const char *request_token(struct MHD_Connection *connection);

/* Hands the body and token to the engine as a command of type route->value (agent.c). */
enum MHD_Result agent_run(struct request *request);

#endif
