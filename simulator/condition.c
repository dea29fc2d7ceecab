/* SPDX-License-Identifier: MIT */
#include "condition.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ETAG_SIZE = 24 };

static void format_etag(const struct object *object, char text[ETAG_SIZE]) {
    (void)snprintf(text, ETAG_SIZE, "\"%" PRIx64 "\"", object->version);
}

json_t *etag_json(const struct object *object) {
    char text[ETAG_SIZE];
    format_etag(object, text);
    return json_string(text);
}

void put_etag(struct exchange *ex, const struct object *object) {
    char text[ETAG_SIZE];
    format_etag(object, text);
    reply_header(ex, "ETag", "%s", text);
}

static bool check_match(struct exchange *ex, const struct object *object, const char *wanted) {
    char text[ETAG_SIZE] = "";
    if (object)
        format_etag(object, text);
    if (object && (strcmp(wanted, "*") == 0 || strcmp(wanted, text) == 0))
        return true;
    reply_error(ex, 412, "PreconditionFailed",
                "Etag provided in if-match header %s does not match etag %s of resource.", wanted,
                object ? text : "(none)");
    return false;
}

static bool check_none_match(struct exchange *ex, const struct object *object, const char *wanted) {
    if (strcmp(wanted, "*") != 0) {
        reply_error_at(ex, 400, "InvalidParameter", "If-None-Match",
                       "The value '%s' of the header If-None-Match is not supported: only '*' is.",
                       wanted);
        return false;
    }
    if (!object)
        return true;
    reply_error(ex, 412, "PreconditionFailed",
                "The if-none-match header is '*', and the resource '%s' exists already.",
                object->id);
    return false;
}

bool check_conditions(struct exchange *ex, const struct object *object) {
    const char *match = exchange_header(ex, "If-Match");
    const char *none = exchange_header(ex, "If-None-Match");
    return (!match || check_match(ex, object, match)) &&
           (!none || check_none_match(ex, object, none));
}
