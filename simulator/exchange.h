/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_EXCHANGE_H
#define SIMULATOR_EXCHANGE_H

/*
 * One request and its answer. A handler reads the request and calls exactly one of the reply_
 * functions; the last one called counts.
 */

#include "base/buf.h"
#include "throttle.h"
#include "world.h"

struct MHD_Connection;
struct route;
struct fault;
struct operation;

enum {
    BODY_MAX = 4 << 20,
    REPLY_MAX = 64 << 20,
    HEADERS_MAX = 24,
    CAPTURES_MAX = 6,
};

struct exchange {
    struct world *world;
    struct MHD_Connection *connection;
    const struct route *route;
    char *method;
    char *url;  /* as sent: path and query */
    char *path; /* decoded, cut into segments by NULs after routing */
    const char *captures[CAPTURES_MAX];
    struct buf request;
    json_t *body;        /* NULL = none */
    struct group *group; /* the resource group of the path, when there is one */

    int status;
    struct buf reply;
    const char *reply_type; /* NULL = JSON */
    struct {
        const char *name;
        char *value;
    } headers[HEADERS_MAX];
    size_t n_headers;
    bool dropped; /* the connection is closed instead of an answer */

    /* What a fault says about this request. */
    const char *fault_code, *fault_message;
    int64_t fault_allocated; /* VMs that are to be had; -1 = no limit */
    bool fault_seen;         /* faults were looked up: not again after a wait */
    struct fault *fault;
    struct timer wait;   /* a slow answer */
    struct list waiting; /* linked meanwhile */
};

/* A query parameter, "" when it has no value, NULL when it is not there. Borrowed. */
const char *exchange_query(const struct exchange *ex, const char *name);
/* A request header, or NULL. Borrowed. */
const char *exchange_header(const struct exchange *ex, const char *name);

/* Adds an answer header. Those beyond HEADERS_MAX and those without memory are left out. */
void reply_header(struct exchange *ex, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Removes the body and the headers set so far. */
void reply_reset(struct exchange *ex);

/* Answers without body. */
void reply_status(struct exchange *ex, int status);
/* Answers a JSON value, which is stolen; NULL (out of memory) answers 500. */
void reply_json(struct exchange *ex, int status, json_t *body);
/* Answers the error envelope of Azure Resource Manager. */
void reply_error(struct exchange *ex, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same with a target. */
void reply_error_at(struct exchange *ex, int status, const char *code, const char *target,
                    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Answers 500: out of memory, or a bound of the simulator. */
void reply_exhausted(struct exchange *ex);
/* Answers 409 in the words for quotas. */
struct quota_excess;
void reply_quota(struct exchange *ex, int region, const struct quota_excess *excess);

/* Adds Azure-AsyncOperation (`status`), Location (`result`) and Retry-After for an operation. */
void reply_operation(struct exchange *ex, const struct operation *operation, bool status,
                     bool result);
/* Adds Retry-After alone. */
void reply_retry_after(struct exchange *ex, const struct operation *operation);

#endif
