/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include "base/parse.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

enum setting_kind { TEXT, WORD, COUNT, REAL };

static const struct setting {
    const char *name;
    enum setting_kind kind;
    size_t offset;
    bool value_optional;
    double max;
} settings[] = {
    {"method", TEXT, offsetof(struct fault, method), false, 0},
    {"path", TEXT, offsetof(struct fault, path), false, 0},
    {"size", TEXT, offsetof(struct fault, size), false, 0},
    {"code", TEXT, offsetof(struct fault, code), false, 0},
    {"message", TEXT, offsetof(struct fault, message), false, 0},
    {"skip", COUNT, offsetof(struct fault, skip), false, 1e15},
    {"count", COUNT, offsetof(struct fault, left), false, 1e15},
    {"capacity", COUNT, offsetof(struct fault, allocated), true, 1e9},
    {"status", REAL, offsetof(struct fault, status), false, 599},
    {"retry-after", REAL, offsetof(struct fault, retry_after_s), false, 86400},
    {"probability", REAL, offsetof(struct fault, probability), false, 1},
    {"slow", REAL, offsetof(struct fault, slow_s), false, 3600},
    {"after", WORD, offsetof(struct fault, after), true, 0},
    {"lost-reply", WORD, offsetof(struct fault, lost_reply), true, 0},
};

void faults_init(struct faults *faults) {
    list_init(&faults->list);
    faults->next_id = 1;
}

static void fault_free(struct fault *fault) {
    if (!fault)
        return;
    list_del(&fault->link);
    free(fault->method);
    free(fault->path);
    free(fault->size);
    free(fault->code);
    free(fault->message);
    free(fault);
}
DEFINE_CLEANUP(struct fault, fault_free);

void faults_done(struct faults *faults) {
    list_for_each_safe(link, next, &faults->list) fault_free(list_entry(link, struct fault, link));
}

static const struct setting *find_setting(const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

static int store_text(char **slot, const char *value) {
    char *copy = strdup(value);
    if (!copy)
        return -ENOMEM;
    free(*slot);
    *slot = copy;
    return 0;
}

static int store_value(struct fault *fault, const struct setting *setting, const char *value) {
    void *slot = (char *)fault + setting->offset;
    char *end;
    if (setting->kind == TEXT)
        return store_text(slot, value);
    if (setting->kind == WORD)
        return parse_bool(*value ? value : "true", slot);
    double number = strtod(*value ? value : "0", &end);
    if (*end || !isfinite(number) || number < 0 || number > setting->max)
        return -EINVAL;
    if (setting->kind == COUNT)
        *(uint64_t *)slot = (uint64_t)number;
    else if (setting->offset == offsetof(struct fault, status) ||
             setting->offset == offsetof(struct fault, retry_after_s))
        *(unsigned *)slot = (unsigned)number;
    else
        *(double *)slot = number;
    return 0;
}

static int set_setting(struct fault *fault, const char *name, const char *value,
                       struct error *err) {
    const struct setting *setting = find_setting(name);
    if (!setting)
        return err_set(err, -EINVAL, "invalid_config",
                       "fault: there is no setting \"%s\"; they are method, path, size, skip, "
                       "count, probability, slow, status, code, message, retry-after, after, "
                       "lost-reply and capacity",
                       name);
    if (!value && !setting->value_optional)
        return err_set(err, -EINVAL, "invalid_config", "fault: write %s=VALUE", name);
    int r = store_value(fault, setting, value ? value : "");
    if (r == -EINVAL)
        return err_set(err, r, "invalid_config", "fault: %s cannot be \"%s\"", setting->name,
                       value);
    return r;
}

/* Cuts the next setting off at its comma; one between quotes belongs to a value. */
static char *next_setting(char **rest) {
    char *begin = *rest, *end = begin;
    bool quoted = false;
    if (!begin)
        return NULL;
    while (*end && (quoted || *end != ','))
        quoted ^= *end++ == '"';
    *rest = *end ? end + 1 : NULL;
    *end = '\0';
    return begin;
}

/* NAME, NAME=VALUE or NAME="VALUE". */
static int read_setting(struct fault *fault, char *text, struct error *err) {
    char *value = strchr(text, '=');
    if (value)
        *value++ = '\0';
    size_t len = value ? strlen(value) : 0;
    if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
        value[len - 1] = '\0';
        value++;
    }
    return set_setting(fault, text_trim(text), value, err);
}

static int read_text(struct fault *fault, const char *spec, struct error *err) {
    _cleanup_free_ char *copy = strdup(spec);
    char *rest = copy, *part;
    int r = copy ? 0 : -ENOMEM;
    while (r == 0 && (part = next_setting(&rest)))
        r = read_setting(fault, part, err);
    return r;
}

/* {"status": 409, "message": "..."}: values are texts, numbers or truths. */
static int read_json(struct fault *fault, json_t *object, struct error *err) {
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        _cleanup_free_ char *text = json_is_string(value) ? strdup(json_string_value(value))
                                                          : json_dumps(value, JSON_ENCODE_ANY);
        int r = text ? set_setting(fault, name, text, err) : -ENOMEM;
        if (r < 0)
            return r;
    }
    return 0;
}

static bool does_nothing(const struct fault *fault) {
    return !fault->status && !fault->lost_reply && fault->allocated < 0 && fault->slow_s <= 0;
}

static int read_spec(struct fault *fault, const char *spec, struct error *err) {
    json_error_t problem;
    if (*spec != '{')
        return read_text(fault, spec, err);
    _cleanup_json_ json_t *object = json_loads(spec, 0, &problem);
    if (!object)
        return err_set(err, -EINVAL, "invalid_config", "fault: %s", problem.text);
    return read_json(fault, object, err);
}

int faults_add(struct faults *faults, const char *spec, struct error *err) {
    _cleanup_(fault_freep) struct fault *fault = calloc(1, sizeof(*fault));
    if (!fault)
        return -ENOMEM;
    *fault = (struct fault){.left = UINT64_MAX, .probability = 1, .allocated = -1};
    list_init(&fault->link);
    int r = read_spec(fault, spec, err);
    if (r < 0)
        return r;
    if (does_nothing(fault))
        return err_set(err, -EINVAL, "invalid_config",
                       "fault \"%s\" does nothing; add status=, slow=, lost-reply or capacity",
                       spec);
    if (fault->status && fault->status < 400)
        return err_set(err, -EINVAL, "invalid_config",
                       "fault \"%s\": status is a number from 400 to 599", spec);
    fault->id = faults->next_id++;
    unsigned id = fault->id;
    list_add_tail(&faults->list, &TAKE_PTR(fault)->link);
    return (int)id;
}

int faults_remove(struct faults *faults, unsigned id) {
    int r = id ? -ENOENT : 0;
    list_for_each_safe(link, next, &faults->list) {
        struct fault *fault = list_entry(link, struct fault, link);
        if (id && fault->id != id)
            continue;
        fault_free(fault);
        r = 0;
    }
    return r;
}

json_t *faults_json(const struct faults *faults) {
    json_t *list = json_array();
    list_for_each(link, &faults->list) {
        const struct fault *fault = list_entry(link, struct fault, link);
        json_t *one = json_pack("{s:i,s:I,s:s*,s:s*,s:s*,s:i,s:s*,s:s*,s:f,s:f,s:b,s:b}", "id",
                                (int)fault->id, "hits", (json_int_t)fault->hits, "method",
                                fault->method, "path", fault->path, "size", fault->size, "status",
                                (int)fault->status, "code", fault->code, "message", fault->message,
                                "probability", fault->probability, "slow", fault->slow_s, "after",
                                fault->after, "lost-reply", fault->lost_reply);
        if (one && fault->left != UINT64_MAX)
            (void)json_object_set_new(one, "count", json_integer((json_int_t)fault->left));
        if (one && fault->allocated >= 0)
            (void)json_object_set_new(one, "capacity", json_integer(fault->allocated));
        (void)json_array_append_new(list, one);
    }
    return json_pack("{s:o}", "faults", list);
}

static bool matches(const struct fault *fault, const struct exchange *ex, bool allocates) {
    if (fault->allocated >= 0 && !allocates)
        return false;
    if (fault->method && strcasecmp(fault->method, ex->method) != 0)
        return false;
    if (fault->path && !strcasestr(ex->url, fault->path))
        return false;
    if (!fault->size)
        return true;
    const char *size = json_path_text(ex->body, "sku.name");
    if (!size)
        size = json_path_text(ex->body, "properties.hardwareProfile.vmSize");
    return size && strcasecmp(size, fault->size) == 0;
}

struct fault *faults_match(struct faults *faults, const struct exchange *ex, bool allocates) {
    list_for_each(link, &faults->list) {
        struct fault *fault = list_entry(link, struct fault, link);
        if (!fault->left || !matches(fault, ex, allocates))
            continue;
        if (fault->skip) {
            fault->skip--;
            continue;
        }
        if (fault->probability < 1 && random_unit(&ex->world->random) >= fault->probability)
            continue;
        if (fault->left != UINT64_MAX)
            fault->left--;
        fault->hits++;
        return fault;
    }
    return NULL;
}

static const struct {
    unsigned status;
    const char *code, *message;
} usual[] = {
    {400, "BadRequest", "The request is not valid."},
    {401, "InvalidAuthenticationToken", "The access token is invalid."},
    {403, "AuthorizationFailed",
     "The client '85e5d083-0000-0000-0000-000000000000' with object id "
     "'85e5d083-0000-0000-0000-000000000000' does not have authorization to perform this action or "
     "the scope is invalid. If access was recently granted, please refresh your credentials."},
    {404, "ResourceNotFound", "The resource was not found."},
    {409, "Conflict",
     "The request failed due to conflict with a concurrent request. To resolve it, please refer to "
     "https://aka.ms/activitylog to get more details on the conflicting requests."},
    {412, "PreconditionFailed", "The condition of the request was not met."},
    {429, "SubscriptionRequestsThrottled",
     "Number of requests for subscription '" SUBSCRIPTION_ID
     "' exceeded. Please try again after '5' seconds."},
    {500, "InternalServerError",
     "Encountered internal server error. Diagnostic information: simulated fault."},
    {503, "ServiceUnavailable", "The service is unavailable."},
    {504, "GatewayTimeout", "The gateway did not receive a response within the time limit."},
};

void fault_reply(struct exchange *ex, const struct fault *fault) {
    const char *code = "InternalServerError", *message = "Simulated fault.";
    for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
        if (usual[i].status == fault->status) {
            code = usual[i].code;
            message = usual[i].message;
        }
    }
    reply_reset(ex);
    reply_error(ex, (int)fault->status, fault->code ? fault->code : code, "%s",
                fault->message ? fault->message : message);
    unsigned retry_after_s = fault->retry_after_s;
    if (!retry_after_s && fault->status == 429)
        retry_after_s = 5;
    if (retry_after_s)
        reply_header(ex, "Retry-After", "%u", retry_after_s);
}
