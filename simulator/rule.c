/* SPDX-License-Identifier: MIT */
#include "rule.h"

#include "base/parse.h"
#include "network.h"

#include <ctype.h>
#include <string.h>

enum {
    NAME_MAX_LEN = 80,
    PRIORITY_MIN = 100,
    PRIORITY_MAX = 4096,
    PORT_MAX = 65535,
    BITS_MAX = 32
};

static const char *name_of(json_t *rule) {
    const char *name = json_path_text(rule, "name");
    return name ? name : "";
}

static bool check_rule_name(struct exchange *ex, json_t *rule) {
    const char *name = name_of(rule);
    size_t len = strlen(name);
    bool good = len && len <= NAME_MAX_LEN && isalnum((unsigned char)name[0]) &&
                (isalnum((unsigned char)name[len - 1]) || name[len - 1] == '_');
    for (const char *c = name; *c; c++)
        good = good && (isalnum((unsigned char)*c) || strchr("-_.", *c));
    if (!good)
        reply_error(ex, 400, "InvalidResourceName",
                    "Resource name %s is invalid. The name can be up to 80 characters long. It "
                    "must begin with a word character, and it must end with a word character or "
                    "with '_'. The name may contain word characters or '.', '-', '_'.",
                    name);
    return good;
}

static bool check_rule_priority(struct exchange *ex, json_t *rule) {
    json_int_t priority = json_path_int(rule, "properties.priority", 0);
    if (priority >= PRIORITY_MIN && priority <= PRIORITY_MAX)
        return true;
    reply_error(
        ex, 400, "SecurityRuleInvalidPriority",
        "Security rule %s has invalid Priority. Value provided: %d. Allowed range 100-4096.",
        name_of(rule), (int)priority);
    return false;
}

/* "*", a port, or "FIRST-LAST". Port 0 opens nothing. */
static bool port_range_valid(const char *text) {
    uint64_t first, last;
    const char *dash = strchr(text, '-');
    if (strcmp(text, "*") == 0)
        return true;
    _cleanup_free_ char *begin = strndup(text, dash ? (size_t)(dash - text) : strlen(text));
    if (!begin || parse_u64(begin, &first) < 0)
        return false;
    if (!dash)
        return first >= 1 && first <= PORT_MAX;
    return parse_u64(dash + 1, &last) == 0 && first <= last && last <= PORT_MAX;
}

/* A service tag, "*", or an IPv4 prefix; of IPv6 only the characters are looked at. */
static bool address_prefix_valid(const char *text) {
    uint64_t bits = BITS_MAX;
    uint32_t address;
    if (!isdigit((unsigned char)*text) || strchr(text, ':'))
        return *text != '\0' && strspn(text, "*") <= 1;
    const char *slash = strchr(text, '/');
    _cleanup_free_ char *first = strndup(text, slash ? (size_t)(slash - text) : strlen(text));
    return first && address_parse(first, &address) == 0 &&
           (!slash || (parse_u64(slash + 1, &bits) == 0 && bits <= BITS_MAX));
}

/* Members of a rule, each alone or as a list. */
static const struct range {
    const char *one, *many, *missing;
    bool (*valid)(const char *text);
} ranges[] = {
    {"sourcePortRange", "sourcePortRanges", "SourcePortRange", port_range_valid},
    {"destinationPortRange", "destinationPortRanges", "DestinationPortRange", port_range_valid},
    {"sourceAddressPrefix", "sourceAddressPrefixes", "SourceAddressPrefix", address_prefix_valid},
    {"destinationAddressPrefix", "destinationAddressPrefixes", "DestinationAddressPrefix",
     address_prefix_valid},
};

static bool refuse_range_text(struct exchange *ex, const struct range *range, const char *text) {
    if (range->valid == port_range_valid)
        reply_error(ex, 400, "SecurityRuleInvalidPortRange",
                    "Security rule has invalid Port range. Value provided: %s. Value should be an "
                    "integer OR integer range with '-' delimiter. Valid range 0-65535.",
                    text);
    else
        reply_error(ex, 400, "SecurityRuleInvalidAddressPrefix",
                    "Security rule has invalid Address prefix. Value provided: %s", text);
    return false;
}

static bool check_range_of(struct exchange *ex, json_t *rule, const struct range *range) {
    json_t *properties = json_object_get(rule, "properties");
    const char *one = json_path_text(properties, range->one);
    json_t *many = json_object_get(properties, range->many);
    bool groups = strstr(range->one, "source")
                      ? json_object_get(properties, "sourceApplicationSecurityGroups")
                      : json_object_get(properties, "destinationApplicationSecurityGroups");
    size_t i;
    json_t *item;
    if (one && !range->valid(one))
        return refuse_range_text(ex, range, one);
    json_array_foreach(many, i, item) {
        if (!range->valid(json_string_value(item)))
            return refuse_range_text(ex, range, json_string_value(item));
    }
    if (one || json_array_size(many) || (groups && range->valid == address_prefix_valid))
        return true;
    reply_error_at(ex, 400, "SecurityRuleParametersMissing", range->one,
                   "Required security rule parameters are missing for security rule with name: %s. "
                   "Security rule must specify either %s or %s.",
                   name_of(rule), range->missing, range->many);
    return false;
}

static bool check_pair(struct exchange *ex, json_t *before, json_t *rule) {
    if (strcasecmp(name_of(before), name_of(rule)) == 0) {
        reply_json(
            ex, 400,
            json_pack("{s:{s:s,s:s,s:[{s:s,s:o}]}}", "error", "code", "InvalidRequestFormat",
                      "message", "Cannot parse the request.", "details", "code",
                      "DuplicateResourceName", "message",
                      json_format("Resource has two child resources with the same name (%s).",
                                  name_of(rule))));
        return false;
    }
    if (!json_equal(json_path(before, "properties.priority"),
                    json_path(rule, "properties.priority")) ||
        !json_equal(json_path(before, "properties.direction"),
                    json_path(rule, "properties.direction")))
        return true;
    reply_error(ex, 400, "SecurityRuleConflict",
                "Security rule %s conflicts with rule %s. Rules cannot have the same Priority and "
                "Direction. To learn more, see aka.ms/nsgrules.",
                name_of(before), name_of(rule));
    return false;
}

static bool check_rule(struct exchange *ex, json_t *rules, size_t at) {
    json_t *rule = json_array_get(rules, at);
    if (!check_rule_name(ex, rule) || !check_rule_priority(ex, rule))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
        if (!check_range_of(ex, rule, &ranges[i]))
            return false;
    for (size_t i = 0; i < at; i++)
        if (!check_pair(ex, json_array_get(rules, i), rule))
            return false;
    return true;
}

bool security_rules_check(struct exchange *ex, json_t *body) {
    json_t *rules = json_path(body, "properties.securityRules");
    for (size_t i = 0; i < json_array_size(rules); i++)
        if (!check_rule(ex, rules, i))
            return false;
    return true;
}
