/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include "operation.h"
#include "options.h"
#include "quota.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *exchange_query(const struct exchange *ex, const char *name) {
    return MHD_lookup_connection_value(ex->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *exchange_header(const struct exchange *ex, const char *name) {
    return MHD_lookup_connection_value(ex->connection, MHD_HEADER_KIND, name);
}

void reply_header(struct exchange *ex, const char *name, const char *fmt, ...) {
    if (ex->n_headers == HEADERS_MAX)
        return;
    va_list args;
    va_start(args, fmt);
    char *value = NULL;
    int len = vasprintf(&value, fmt, args);
    va_end(args);
    if (len < 0)
        return;
    ex->headers[ex->n_headers].name = name;
    ex->headers[ex->n_headers++].value = value;
}

void reply_reset(struct exchange *ex) {
    for (size_t i = 0; i < ex->n_headers; i++)
        free(ex->headers[i].value);
    ex->n_headers = 0;
    buf_clear(&ex->reply);
    ex->reply_type = NULL;
}

void reply_status(struct exchange *ex, int status) {
    ex->status = status;
    ex->reply_type = NULL;
    buf_clear(&ex->reply);
}

static int append_text(const char *text, size_t len, void *arg) {
    return buf_append(arg, text, len) < 0 ? -1 : 0;
}

void reply_json(struct exchange *ex, int status, json_t *body) {
    _cleanup_json_ json_t *held = body;
    reply_status(ex, status);
    if (!held || json_dump_callback(held, append_text, &ex->reply, JSON_COMPACT) < 0)
        reply_exhausted(ex);
}

static void put_error(struct exchange *ex, int status, const char *code, const char *target,
                      const char *message) {
    reply_status(ex, status);
    (void)buf_puts(&ex->reply, "{\"error\":{\"code\":\"");
    (void)buf_put_json(&ex->reply, code);
    (void)buf_puts(&ex->reply, "\",\"message\":\"");
    (void)buf_put_json(&ex->reply, message);
    if (target) {
        (void)buf_puts(&ex->reply, "\",\"target\":\"");
        (void)buf_put_json(&ex->reply, target);
    }
    (void)buf_puts(&ex->reply, "\"}}");
}

static char *format_message(const char *fmt, va_list args) {
    char *message = NULL;
    return vasprintf(&message, fmt, args) < 0 ? NULL : message;
}

void reply_error(struct exchange *ex, int status, const char *code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    _cleanup_free_ char *message = format_message(fmt, args);
    va_end(args);
    put_error(ex, status, code, NULL, message ? message : "");
}

void reply_error_at(struct exchange *ex, int status, const char *code, const char *target,
                    const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    _cleanup_free_ char *message = format_message(fmt, args);
    va_end(args);
    put_error(ex, status, code, target, message ? message : "");
}

void reply_exhausted(struct exchange *ex) {
    put_error(ex, 500, "InternalServerError", NULL,
              "The simulator has no room for this request: memory, or one of its bounds.");
}

void reply_quota(struct exchange *ex, int region, const struct quota_excess *excess) {
    reply_error(ex, 409, "OperationNotAllowed",
                "Operation could not be completed as it results in exceeding approved %s Cores "
                "quota. Additional details - Deployment Model: Resource Manager, Location: %s, "
                "Current Limit: %" PRIu64 ", Current Usage: %" PRIu64
                ", Additional Required: %" PRIu64 ", (Minimum) New Limit Required: %" PRIu64 ".",
                excess->name, region_names[region], excess->limit, excess->used, excess->required,
                excess->used + excess->required);
}

static void put_operation_url(struct exchange *ex, const char *header,
                              const struct operation *operation, const char *monitor) {
    const char *version = exchange_query(ex, "api-version");
    reply_header(ex, header,
                 "%s" SUBSCRIPTION_PATH "/providers/%s/locations/%s/operations/%s?%sapi-version=%s",
                 ex->world->base_url, operation->provider, region_names[operation->region],
                 operation->object.id, monitor, version ? version : "");
}

void reply_retry_after(struct exchange *ex, const struct operation *operation) {
    double wait_s = strcmp(operation->provider, "Microsoft.Network") == 0 ? 1 : 10;
    wait_s *= ex->world->options->time_scale;
    /* 0 would make clients that take it for "not given" wait half a minute. */
    reply_header(ex, "Retry-After", "%d", wait_s < 1 ? 1 : (int)wait_s);
}

void reply_operation(struct exchange *ex, const struct operation *operation, bool status,
                     bool result) {
    if (strcmp(operation->provider, "Microsoft.Resources") == 0)
        reply_header(ex, "Location", "%s" SUBSCRIPTION_PATH "/operationresults/%s?api-version=%s",
                     ex->world->base_url, operation->object.id, exchange_query(ex, "api-version"));
    else if (result)
        put_operation_url(ex, "Location", operation, "monitor=true&");
    if (status)
        put_operation_url(ex, "Azure-AsyncOperation", operation, "");
    reply_retry_after(ex, operation);
}
