/* SPDX-License-Identifier: MIT */
#include "route.h"

#include "base/parse.h"
#include "check.h"
#include "fault.h"
#include "login.h"
#include "missing.h"
#include "state.h"

#include <ctype.h>
#include <string.h>

static const struct {
    const struct route *routes;
    enum route_kind kind;
} tables[] = {
    {admin_routes, ROUTE_ADMIN},   {login_routes, ROUTE_LOGIN}, {price_routes, ROUTE_LOGIN},
    {storage_routes, ROUTE_LOGIN}, {general_routes, ROUTE_ARM}, {vm_routes, ROUTE_ARM},
    {set_routes, ROUTE_ARM},       {disk_routes, ROUTE_ARM},    {resource_routes, ROUTE_ARM},
};

enum { SEGMENTS_MAX = 24 };

struct path {
    const char *segments[SEGMENTS_MAX];
    size_t len;
};

/* Cuts the decoded path at its slashes, in place. */
static bool cut_path(char *text, struct path *ret) {
    ret->len = 0;
    for (char *part = strsep(&text, "/"); part; part = strsep(&text, "/")) {
        if (!*part)
            continue;
        if (ret->len == SEGMENTS_MAX)
            return false;
        ret->segments[ret->len++] = part;
    }
    return true;
}

/* Matches one pattern; captures are collected as it goes. */
static bool match_from(const char *pattern, const struct path *path, size_t at,
                       struct exchange *ex) {
    size_t captures = 0;
    while (*pattern) {
        size_t len = strcspn(pattern, "/");
        if (at == path->len)
            return false;
        const char *segment = path->segments[at++];
        if (len == 1 && *pattern == '*')
            ex->captures[captures++] = segment;
        else if (strncasecmp(segment, pattern, len) != 0 || segment[len])
            return false;
        pattern += len + (pattern[len] == '/');
    }
    return at == path->len;
}

enum { GROUP_SEGMENT = 3, PROVIDER_SEGMENT = 5, AFTER_PROVIDERS = 4 };

/* "+Compute/..." stands below a resource group. */
static bool match(const struct route *route, const struct path *path, struct exchange *ex) {
    if (*route->pattern != '+')
        return match_from(route->pattern, path, 0, ex);
    static const char vendor[] = "Microsoft.";
    if (path->len <= PROVIDER_SEGMENT || strcasecmp(path->segments[2], "resourceGroups") != 0 ||
        strcasecmp(path->segments[0], "subscriptions") != 0 ||
        strcasecmp(path->segments[AFTER_PROVIDERS], "providers") != 0 ||
        strncasecmp(path->segments[PROVIDER_SEGMENT], vendor, sizeof(vendor) - 1) != 0)
        return false;
    struct path below = *path;
    below.segments[PROVIDER_SEGMENT] += sizeof(vendor) - 1;
    return match_from(route->pattern + 1, &below, PROVIDER_SEGMENT, ex);
}

/* The route of a request, or NULL; *ret_known tells whether the path exists with another method. */
static const struct route *find(struct exchange *ex, const struct path *path, bool *ret_known,
                                enum route_kind *ret_kind) {
    *ret_known = false;
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        for (const struct route *route = tables[t].routes; route->method; route++) {
            if (!match(route, path, ex))
                continue;
            *ret_known = true;
            *ret_kind = tables[t].kind;
            if (strcmp(route->method, ex->method) == 0)
                return route;
        }
    }
    return NULL;
}

/* Before this day there was no Resource Manager. */
#define FIRST_VERSION "2014-04-01"

static bool version_valid(const char *text) {
    static const char shape[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof(shape) - 1; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
            return false;
    if (strncmp(text, FIRST_VERSION, sizeof(shape) - 1) < 0)
        return false;
    const char *tail = text + sizeof(shape) - 1;
    return !*tail || strcmp(tail, "-preview") == 0;
}

static bool check_version(struct exchange *ex) {
    const char *version = exchange_query(ex, "api-version");
    if (!version || !*version) {
        reply_error(
            ex, 400, "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.");
        return false;
    }
    if (!version_valid(version)) {
        reply_error(ex, 400, "InvalidApiVersionParameter",
                    "The api-version '%s' is invalid. The supported versions are of the form "
                    "YYYY-MM-DD or YYYY-MM-DD-preview.",
                    version);
        return false;
    }
    return true;
}

/* Subscription and resource group of the path. */
static bool check_scope(struct exchange *ex, const struct path *path) {
    if (path->len < 2 || strcasecmp(path->segments[0], "subscriptions") != 0)
        return true;
    if (strcasecmp(path->segments[1], SUBSCRIPTION_ID) != 0) {
        reply_error(ex, 404, "SubscriptionNotFound", "The subscription '%s' could not be found.",
                    path->segments[1]);
        return false;
    }
    if (*ex->route->pattern != '+')
        return true;
    ex->group = world_group(ex->world, path->segments[GROUP_SEGMENT]);
    if (!ex->group) {
        reply_error(ex, 404, "ResourceGroupNotFound", "Resource group '%s' could not be found.",
                    path->segments[GROUP_SEGMENT]);
        return false;
    }
    if (ex->group->deleting && strcmp(ex->method, "PUT") == 0) {
        reply_error(ex, 409, "ResourceGroupBeingDeleted",
                    "The resource group '%s' is in deprovisioning state and cannot perform this "
                    "operation.",
                    ex->group->name);
        return false;
    }
    return true;
}

static bool check_body(struct exchange *ex) {
    bool wants = strcmp(ex->method, "PUT") == 0 || strcmp(ex->method, "PATCH") == 0;
    if (!ex->request.len && !wants)
        return true;
    json_error_t problem;
    if (!ex->body)
        ex->body = json_loadb(ex->request.data, ex->request.len, 0, &problem);
    if (json_is_object(ex->body))
        return constraint_check(ex, ex->body, ex->route->body) && check_tags(ex, ex->body);
    reply_error(ex, 400, "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: '%s'.",
                ex->body ? "an object is expected" : problem.text);
    return false;
}

/* Limits are charged once, to the policy that the request turns out to belong to. */
static bool check_limits(struct exchange *ex) {
    static const struct {
        enum policy create, update;
        enum object_kind kind;
    } by_existence[] = {{POLICY_PUT_VM, POLICY_UPDATE_VM, OBJECT_VM},
                        {POLICY_PUT_SET, POLICY_UPDATE_SET, OBJECT_SET}};
    enum policy policy = ex->route->policy;
    _cleanup_free_ char *id = strndup(ex->url, strcspn(ex->url, "?"));
    for (size_t i = 0; i < ARRAY_SIZE(by_existence); i++)
        if (policy == by_existence[i].create && world_find(ex->world, by_existence[i].kind, id))
            policy = by_existence[i].update;
    return throttle_admit(ex->world->throttle, ex, policy, id);
}

/* Looks up the fault of a request once. True: the answer has to wait. */
static bool apply_fault(struct exchange *ex, usec_t *ret_wait) {
    if (ex->fault_seen)
        return false;
    ex->fault_seen = true;
    struct fault *fault = faults_match(ex->world->faults, ex, ex->route->allocates);
    ex->fault = fault;
    if (!fault)
        return false;
    if (fault->allocated >= 0) {
        ex->fault_allocated = fault->allocated;
        ex->fault_code = fault->code;
        ex->fault_message = fault->message;
    }
    *ret_wait = (usec_t)(fault->slow_s * (double)USEC_SEC);
    return *ret_wait > 0;
}

static bool still_there(const struct exchange *ex) {
    list_for_each(link, &ex->world->faults->list) {
        if (list_entry(link, struct fault, link) == ex->fault)
            return true;
    }
    return false;
}

static void handle(struct exchange *ex, enum route_kind kind) {
    const struct fault *fault = ex->fault && still_there(ex) ? ex->fault : NULL;
    if (!fault) {
        /* Removed while the request waited: its texts are gone too. */
        ex->fault_code = ex->fault_message = NULL;
    }
    if (fault && fault->status && !fault->after) {
        fault_reply(ex, fault);
        return;
    }
    if (kind != ROUTE_ARM || check_limits(ex))
        ex->route->handle(ex);
    if (fault && fault->status)
        fault_reply(ex, fault);
    ex->dropped = fault && fault->lost_reply;
}

static bool admit(struct exchange *ex, const struct path *path, enum route_kind kind) {
    if (kind == ROUTE_ARM)
        return login_check_bearer(ex) && check_version(ex) && check_scope(ex, path) &&
               query_is_simulated(ex) && check_body(ex);
    if (kind == ROUTE_ADMIN && ex->request.len)
        return check_body(ex);
    return true;
}

/* The types behind "providers/NAMESPACE" without the names between them: "a/b" of a/NAME/b/NAME. */
static void put_type(struct buf *b, const struct path *path, size_t from) {
    for (size_t i = from; i < path->len; i += 2)
        (void)buf_printf(b, "%s%s", i > from ? "/" : "", path->segments[i]);
}

/* Index of the segment behind "providers", 0 = there is none. */
static size_t provider_at(const struct path *path) {
    for (size_t i = path->len; i-- > 1;)
        if (strcasecmp(path->segments[i - 1], "providers") == 0)
            return i;
    return 0;
}

static void refuse_unknown(struct exchange *ex, const struct path *path, bool known) {
    _cleanup_buf_ struct buf type = BUF_INIT(1024);
    size_t provider = provider_at(path);
    if (known) {
        reply_error(ex, 405, "MethodNotAllowed", "The requested resource does not support %s.",
                    ex->method);
        return;
    }
    if (!provider) {
        for (size_t i = 0; i < path->len; i++)
            (void)buf_printf(&type, "/%s", path->segments[i]);
        reply_error(ex, 404, "NotFound", "This simulator does not have '%s %.200s'.", ex->method,
                    type.data);
        return;
    }
    bool action = strcmp(ex->method, "POST") == 0;
    struct path typed = *path;
    typed.len -= action && path->len > provider + 1;
    put_type(&type, &typed, provider + 1);
    if (action)
        reply_error(ex, 501, "NotImplemented",
                    "This simulator does not have the action '%s' of the type '%s/%s'.",
                    path->segments[path->len - 1], path->segments[provider], type.data);
    else
        reply_error(ex, 404, "InvalidResourceType",
                    "The resource type '%s' could not be found in the namespace '%s' for api "
                    "version '%s'. This simulator does not have it.",
                    type.data, path->segments[provider],
                    exchange_query(ex, "api-version") ?: "(none)");
}

bool route_answer(struct exchange *ex, usec_t *ret_wait) {
    _cleanup_free_ char *text = strdup(ex->path);
    struct path path;
    bool known;
    enum route_kind kind = ROUTE_ADMIN;
    if (!text) {
        reply_exhausted(ex);
        return true;
    }
    if (!cut_path(text, &path)) {
        reply_error(ex, 400, "BadRequest", "The path has too many segments.");
        return true;
    }
    ex->route = find(ex, &path, &known, &kind);
    if (!ex->route) {
        refuse_unknown(ex, &path, known);
        return true;
    }
    if (!admit(ex, &path, kind))
        return true;
    if (kind != ROUTE_ADMIN && apply_fault(ex, ret_wait))
        return false;
    handle(ex, kind);
    memset(ex->captures, 0, sizeof(ex->captures)); /* they lie in `text` */
    return true;
}

static bool path_begins(const struct exchange *ex, const char *begin) {
    return strncasecmp(ex->path, begin, strlen(begin)) == 0;
}

bool route_counted(const struct exchange *ex) {
    return !path_begins(ex, "/simulator/");
}

bool route_logged(const struct exchange *ex) {
    return route_counted(ex) && !path_begins(ex, "/simulated-storage/");
}
