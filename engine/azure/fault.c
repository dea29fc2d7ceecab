/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NESTING_MAX 6
#define DETAILS_MAX 32
#define CODE_MAX 256

/* Codes are compared without regard to case, as the service itself is not of one mind. */
static const struct code_row {
    const char *code;
    enum cyclecloud_class result;
} codes[] = {
    {"AllocationFailed", CYCLECLOUD_CAPACITY},
    {"ZonalAllocationFailed", CYCLECLOUD_CAPACITY},
    {"OverconstrainedAllocationRequest", CYCLECLOUD_CAPACITY},
    {"OverconstrainedZonalAllocationRequest", CYCLECLOUD_CAPACITY},
    {"SkuNotAvailable", CYCLECLOUD_CAPACITY},
    {"InsufficientCapacity", CYCLECLOUD_CAPACITY},
    {"QuotaExceeded", CYCLECLOUD_QUOTA},
    {"ResourceQuotaExceeded", CYCLECLOUD_QUOTA},
    {"PublicIPCountLimitReached", CYCLECLOUD_QUOTA},
    {"NetworkInterfaceCountLimitReached", CYCLECLOUD_QUOTA},
    {"SubnetIsFull", CYCLECLOUD_QUOTA},
    {"TooManyRequests", CYCLECLOUD_THROTTLED},
    {"SubscriptionRequestsThrottled", CYCLECLOUD_THROTTLED},
    {"ResourceRequestsThrottled", CYCLECLOUD_THROTTLED},
    {"ResourceCollectionRequestsThrottled", CYCLECLOUD_THROTTLED},
    {"RetryableErrorDueToAnotherOperation", CYCLECLOUD_THROTTLED},
    {"ConflictError", CYCLECLOUD_CONFLICT},
    {"Conflict", CYCLECLOUD_CONFLICT},
    {"AnotherOperationInProgress", CYCLECLOUD_CONFLICT},
    {"OperationPreempted", CYCLECLOUD_CONFLICT},
    {"PreconditionFailed", CYCLECLOUD_CONFLICT},
    {"ResourceGroupBeingDeleted", CYCLECLOUD_CONFLICT},
    /* The set keeps what it got; the listing shows which of its machines failed. */
    {"OSProvisioningTimedOut", CYCLECLOUD_CONFLICT},
    {"OSProvisioningInternalError", CYCLECLOUD_CONFLICT},
    {"VMStartTimedOut", CYCLECLOUD_CONFLICT},
    {"VMAgentStatusCommunicationError", CYCLECLOUD_CONFLICT},
    {"VMExtensionProvisioningError", CYCLECLOUD_CONFLICT},
    {"VMExtensionProvisioningTimeout", CYCLECLOUD_CONFLICT},
    {"RoleAssignmentExists", CYCLECLOUD_OK},
    {"ResourceGroupNotFound", CYCLECLOUD_GONE},
    {"ResourceNotFound", CYCLECLOUD_GONE},
    {"NotFound", CYCLECLOUD_GONE},
    {"ParentResourceNotFound", CYCLECLOUD_GONE},
    {"InvalidResourceType", CYCLECLOUD_INVALID},
    {"NoRegisteredProviderFound", CYCLECLOUD_INVALID},
    {"PropertyChangeNotAllowed", CYCLECLOUD_INVALID},
    {"InvalidParameter", CYCLECLOUD_INVALID},
    {"InvalidRequestContent", CYCLECLOUD_INVALID},
    {"InvalidTemplate", CYCLECLOUD_INVALID},
    {"BadRequest", CYCLECLOUD_INVALID},
    {"LinkedInvalidPropertyId", CYCLECLOUD_INVALID},
    {"PlatformImageNotFound", CYCLECLOUD_INVALID},
    {"ImageNotFound", CYCLECLOUD_INVALID},
    {"GalleryImageNotFound", CYCLECLOUD_INVALID},
    {"MarketplacePurchaseEligibilityFailed", CYCLECLOUD_INVALID},
    {"ResourcePurchaseValidationFailed", CYCLECLOUD_INVALID},
    {"RequestDisallowedByPolicy", CYCLECLOUD_INVALID},
    {"VMCannotFitEphemeralOSDisk", CYCLECLOUD_INVALID},
    {"ExpiredAuthenticationToken", CYCLECLOUD_AUTH},
    {"InvalidAuthenticationToken", CYCLECLOUD_AUTH},
    {"AuthenticationFailed", CYCLECLOUD_AUTH},
    {"AuthorizationFailed", CYCLECLOUD_AUTH},
    {"LinkedAuthorizationFailed", CYCLECLOUD_AUTH},
    {"MissingSubscriptionRegistration", CYCLECLOUD_AUTH},
    {"ReadOnlyDisabledSubscription", CYCLECLOUD_AUTH},
    {"SubscriptionNotFound", CYCLECLOUD_AUTH},
    {"InternalServerError", CYCLECLOUD_TRANSPORT},
    {"InternalExecutionError", CYCLECLOUD_TRANSPORT},
    {"InternalOperationError", CYCLECLOUD_TRANSPORT},
    {"ServiceUnavailable", CYCLECLOUD_TRANSPORT},
    {"ServerTimeout", CYCLECLOUD_TRANSPORT},
    {"GatewayTimeout", CYCLECLOUD_TRANSPORT},
};

static const struct status_row {
    int status;
    enum cyclecloud_class result;
} statuses[] = {{401, CYCLECLOUD_AUTH},      {403, CYCLECLOUD_AUTH},     {404, CYCLECLOUD_GONE},
                {408, CYCLECLOUD_TRANSPORT}, {409, CYCLECLOUD_CONFLICT}, {410, CYCLECLOUD_GONE},
                {412, CYCLECLOUD_CONFLICT},  {429, CYCLECLOUD_THROTTLED}};

static enum cyclecloud_class class_of_status(int status) {
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].result;
    return status >= 400 && status < 500 ? CYCLECLOUD_INVALID : CYCLECLOUD_TRANSPORT;
}

static const struct code_row *find_code(const char *code, size_t len) {
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (strlen(codes[i].code) == len && strncasecmp(codes[i].code, code, len) == 0)
            return &codes[i];
    return NULL;
}

static const char *member_text(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static bool number_after(const char *text, const char *label, uint64_t *ret) {
    const char *at = strcasestr(text, label);
    if (!at)
        return false;
    at += strlen(label);
    at += strspn(at, " ");
    char *end;
    errno = 0;
    unsigned long long v = strtoull(at, &end, 10);
    if (end == at || errno || *at == '-')
        return false;
    *ret = v;
    return true;
}

static bool ends_with(const char *text, size_t len, const char *end) {
    size_t n = strlen(end);
    return len >= n && strncasecmp(text + len - n, end, n) == 0;
}

/* "Total Regional Cores", "LowPriorityCores", "standardHBv3Family Cores", "X Family Cores" -> the
   name under which the list of quotas has it. */
static const char *quota_name(const char *text, size_t len, struct arena *arena) {
    if (len == 20 && strncasecmp(text, "Total Regional Cores", len) == 0)
        return "cores";
    if (len == 16 && strncasecmp(text, "LowPriorityCores", len) == 0)
        return "lowPriorityCores";
    if (ends_with(text, len, " Cores"))
        len -= strlen(" Cores");
    if (ends_with(text, len, "Family Family"))
        len -= strlen(" Family");
    return arena_text_n(arena, text, len);
}

bool fault_quota(const char *message, struct arena *arena, struct cyclecloud_quota_error *ret) {
    static const char approved[] = "exceeding approved ";
    const char *from = strcasestr(message, approved);
    const char *to = from ? strcasestr(from, " quota") : NULL;
    struct cyclecloud_quota_error quota = {.name = ""};
    if (!to)
        return false;
    from += strlen(approved);
    if (from < to) {
        const char *name = quota_name(from, (size_t)(to - from), arena);
        if (name)
            quota.name = name;
    }
    if (!number_after(message, "Current Limit:", &quota.limit) ||
        !number_after(message, "Current Usage:", &quota.used) ||
        !number_after(message, "Additional Required:", &quota.required))
        quota.name = "";
    *ret = quota;
    return true;
}

/* The best reading so far while the nested errors are walked. */
struct search {
    struct arena *arena;
    int status;
    unsigned depth;
    bool found;
    struct fault fault;
    const json_t *chosen; /* the object whose code decided */
};

static bool read_quota(struct search *s, const char *code, const char *message) {
    bool may_be = strcasecmp(code, "OperationNotAllowed") == 0 ||
                  strcasecmp(code, "QuotaExceeded") == 0 ||
                  strcasecmp(code, "ResourceQuotaExceeded") == 0;
    if (!may_be || s->status == 429 || !fault_quota(message, s->arena, &s->fault.quota))
        return false;
    s->fault.result = CYCLECLOUD_QUOTA;
    return true;
}

/* `Code="X"` in a text, the last one being the innermost. */
static const struct code_row *code_in_text(const char *message) {
    const struct code_row *last = NULL;
    for (const char *at = strcasestr(message, "Code=\""); at; at = strcasestr(at, "Code=\"")) {
        at += strlen("Code=\"");
        const struct code_row *row = find_code(at, strcspn(at, "\""));
        if (row)
            last = row;
    }
    return last;
}

static void judge(struct search *s, const json_t *error) {
    const char *code = member_text(error, "code"), *message = member_text(error, "message");
    const struct code_row *row = find_code(code, strlen(code));
    const struct code_row *inner = code_in_text(message);
    if (inner)
        row = inner;
    if (read_quota(s, code, message)) {
        s->found = true;
    } else if (row) {
        s->fault.result = row->result;
        s->found = true;
    }
    if (!s->found)
        return;
    s->chosen = error;
    s->fault.code = inner ? inner->code : code;
}

/* Innermost first: details, innererror, then the object itself. */
static void walk(struct search *s, const json_t *error) {
    if (!json_is_object(error) || s->depth >= NESTING_MAX)
        return;
    s->depth++;
    const json_t *details = json_object_get(error, "details");
    for (size_t i = 0; !s->found && i < json_array_size(details) && i < DETAILS_MAX; i++)
        walk(s, json_array_get(details, i));
    if (!s->found)
        walk(s, json_object_get(error, "innererror"));
    if (!s->found)
        judge(s, error);
    s->depth--;
}

/* The words a person reads: those of the chosen object, with the outer ones when they say more. */
static const char *words(const struct search *s, const json_t *error) {
    const char *text = member_text(s->chosen, "message");
    if (!*text || *text == '{')
        text = member_text(error, "message");
    return arena_plain(s->arena, text, MESSAGE_MAX);
}

static const char *first_target(const json_t *error) {
    const json_t *detail = json_array_get(json_object_get(error, "details"), 0);
    return member_text(detail, "target");
}

int fault_read(const json_t *root, int status, struct arena *arena, struct fault *ret) {
    const json_t *error = json_object_get(root, "error");
    if (!json_is_object(error))
        error = root; /* a page of the documentation shows the body without "error" */
    struct search s = {.arena = arena, .status = status};
    s.fault.quota.name = "";
    s.fault.code = "";
    walk(&s, error);
    if (!s.found) {
        s.fault.result = class_of_status(status);
        s.fault.code = member_text(error, "code");
    }
    /* The status tells throttling, never the code: Compute says OperationNotAllowed for both. */
    if (status == 429)
        s.fault.result = CYCLECLOUD_THROTTLED;
    if (!s.found && status == 0 && strcasecmp(s.fault.code, "OperationNotAllowed") == 0)
        s.fault.result = CYCLECLOUD_CONFLICT;
    s.fault.code = arena_plain(arena, s.fault.code, CODE_MAX);
    s.fault.message = words(&s, error);
    s.fault.target = arena_plain(arena, first_target(error), CODE_MAX);
    if (!s.fault.code || !s.fault.message || !s.fault.target)
        return -ENOMEM;
    *ret = s.fault;
    return 0;
}
