/* SPDX-License-Identifier: MIT */
#include "constraint.h"

#include "exchange.h"

#include <inttypes.h>
#include <string.h>

enum kind { ANY, TEXT, INTEGER, NUMBER, FLAG, OBJECT, REFERENCE };

/* One member of a type; rows end with a NULL name. */
struct member {
    const char *name;
    enum kind kind;
    int type;                 /* OBJECT: index in types */
    const char *const *words; /* TEXT: all that it can be, NULL = anything */
    json_int_t min, max;
    bool bounds_min, bounds_max;
    bool list, map; /* of such values */
    bool required, read_only;
};

struct type {
    const char *name;
    const struct member *members;
};

#include "constraints.inc"

enum { PATH_MAX_LEN = 512 };

/* A walk over a body. */
struct walk {
    struct exchange *ex;
    enum constraint constraint;
    struct buf path; /* of the value at hand: "properties.osDisk.caching" */
};

static bool walk_object(struct walk *walk, json_t *object, int type);

static bool of_network(const struct walk *walk) {
    return walk->constraint >= CONSTRAINT_SECURITY_GROUP &&
           walk->constraint <= CONSTRAINT_INTERFACE;
}

/* Each resource provider refuses in its own form. */
static bool refuse(struct walk *walk, const char *text) {
    if (of_network(walk))
        reply_json(walk->ex, 400,
                   json_pack("{s:{s:s,s:s,s:[{s:s,s:s}]}}", "error", "code", "InvalidRequestFormat",
                             "message", "Cannot parse the request.", "details", "code",
                             "InvalidJson", "message", text));
    else
        reply_error_at(walk->ex, 400, "BadRequest", walk->path.data, "%s", text);
    return false;
}

static bool refuse_value(struct walk *walk, const json_t *value, const char *type) {
    _cleanup_free_ char *shown = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    _cleanup_free_ char *text =
        text_format("Error converting value %.100s to type '%s'. Path '%s'.", shown ? shown : "",
                    type, walk->path.data);
    return refuse(walk, text ? text : "");
}

/* The resource itself is read by the Resource Manager, what is below it by the provider. */
static bool refuse_member(struct walk *walk, const char *name, const char *type) {
    bool top = !walk->path.len;
    if (!top && strcmp(walk->path.data, "properties") == 0)
        type = "Properties";
    _cleanup_free_ char *text = text_format(
        "Could not find member '%.100s' on object of type '%s'. Path '%s%s%.100s'.", name,
        top ? "ResourceDefinition" : type, top ? "" : walk->path.data, top ? "" : ".", name);
    if (!top)
        return refuse(walk, text ? text : "");
    reply_error(walk->ex, 400, "InvalidRequestContent",
                "The request content was invalid and could not be deserialized: '%s'.",
                text ? text : "");
    return false;
}

static const struct member *find_member(const struct member *members, const char *name) {
    for (const struct member *member = members; member->name; member++)
        if (strcasecmp(member->name, name) == 0)
            return member;
    return NULL;
}

/* A word in the table's spelling. */
static bool check_word(struct walk *walk, json_t *value, const struct member *member) {
    const char *given = json_string_value(value);
    for (const char *const *word = member->words; *word; word++) {
        if (strcasecmp(*word, given) != 0)
            continue;
        if (strcmp(*word, given) == 0 || json_string_set(value, *word) == 0)
            return true;
        reply_exhausted(walk->ex);
        return false;
    }
    return refuse_value(walk, value, member->name);
}

static bool check_range(struct walk *walk, const json_t *value, const struct member *member) {
    double number = json_number_value(value);
    bool low = member->bounds_min && number < (double)member->min;
    bool high = member->bounds_max && number > (double)member->max;
    if (low || high)
        reply_error_at(walk->ex, 400, "InvalidParameter", walk->path.data,
                       "The value %g of parameter '%s' is out of range. %s %" PRId64 ".", number,
                       member->name, low ? "The smallest is" : "The largest is",
                       (int64_t)(low ? member->min : member->max));
    return !low && !high;
}

static bool walk_value(struct walk *walk, json_t *value, const struct member *member) {
    switch (member->kind) {
    case ANY:
        return true;
    case TEXT:
        if (!json_is_string(value))
            return refuse_value(walk, value, "System.String");
        return !member->words || check_word(walk, value, member);
    case INTEGER:
        if (!json_is_integer(value))
            return refuse_value(walk, value, "System.Int32");
        return check_range(walk, value, member);
    case NUMBER:
        if (!json_is_number(value))
            return refuse_value(walk, value, "System.Double");
        return check_range(walk, value, member);
    case FLAG:
        return json_is_boolean(value) || refuse_value(walk, value, "System.Boolean");
    case OBJECT:
        if (!json_is_object(value))
            return refuse_value(walk, value, types[member->type].name);
        return walk_object(walk, value, member->type);
    case REFERENCE:
        return json_is_string(json_object_get(value, "id")) ||
               refuse_value(walk, value, "SubResource");
    }
    return true;
}

static bool walk_list(struct walk *walk, json_t *list, const struct member *member) {
    size_t i, len = walk->path.len;
    json_t *value;
    if (!json_is_array(list))
        return refuse_value(walk, list, "System.Collections.Generic.List");
    json_array_foreach(list, i, value) {
        (void)buf_printf(&walk->path, "[%zu]", i);
        if (!walk_value(walk, value, member))
            return false;
        buf_truncate(&walk->path, len);
    }
    return true;
}

static bool walk_map(struct walk *walk, json_t *map, const struct member *member) {
    size_t len = walk->path.len;
    const char *name;
    json_t *value;
    if (!json_is_object(map))
        return refuse_value(walk, map, "System.Collections.Generic.Dictionary");
    json_object_foreach(map, name, value) {
        (void)buf_printf(&walk->path, "['%.100s']", name);
        if (!walk_value(walk, value, member))
            return false;
        buf_truncate(&walk->path, len);
    }
    return true;
}

static bool walk_member(struct walk *walk, json_t *value, const struct member *member) {
    size_t len = walk->path.len;
    (void)buf_printf(&walk->path, "%s%s", len ? "." : "", member->name);
    bool good = member->list  ? walk_list(walk, value, member)
                : member->map ? walk_map(walk, value, member)
                              : walk_value(walk, value, member);
    if (good)
        buf_truncate(&walk->path, len);
    return good;
}

static bool check_required(struct walk *walk, const json_t *object, const struct member *members) {
    for (const struct member *member = members; member->name; member++) {
        /* The Resource Manager itself asks for the location, in its own words. */
        if (!member->required || json_object_get(object, member->name) ||
            strcmp(member->name, "location") == 0)
            continue;
        reply_error_at(walk->ex, 400, "InvalidParameter", member->name,
                       "Required parameter '%s' is missing (null).", member->name);
        return false;
    }
    return true;
}

static bool walk_object(struct walk *walk, json_t *object, int type) {
    const struct member *members = types[type].members;
    void *next;
    const char *name;
    json_t *value;
    json_object_foreach_safe(object, next, name, value) {
        const struct member *member = find_member(members, name);
        if (!member)
            return refuse_member(walk, name, types[type].name);
        if (member->read_only || json_is_null(value)) {
            (void)json_object_del(object, name);
            continue;
        }
        if (!walk_member(walk, value, member))
            return false;
        if (strcmp(name, member->name) == 0)
            continue;
        (void)json_object_set(object, member->name, value);
        (void)json_object_del(object, name);
        return walk_object(walk, object, type); /* the iteration is no longer valid */
    }
    return check_required(walk, object, members);
}

bool constraint_check(struct exchange *ex, json_t *body, enum constraint constraint) {
    if (constraint == CONSTRAINT_NONE || !body)
        return true;
    struct walk walk = {ex, constraint, BUF_INIT(PATH_MAX_LEN)};
    bool good = walk_object(&walk, body, roots[constraint]);
    buf_done(&walk.path);
    return good;
}
