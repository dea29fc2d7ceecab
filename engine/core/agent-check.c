/* SPDX-License-Identifier: MIT */
#include "agent-check.h"

#include "base/plain.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <string.h>

#define HOST_NAME_MAX_BYTES 253 /* RFC 1123, RFC 1035 */
#define LABEL_MAX_BYTES 63
#define ID_MAX_BYTES 1024 /* of a resource; a vm_id has 36 */
#define WORD_MAX_BYTES 64
#define MESSAGE_MAX_BYTES 2048
#define ROUNDING 0.01

static bool text_plain(const char *text) {
    return plain_is(text, strlen(text));
}

/* RFC 1123 section 2.1: labels of letters, digits and inner hyphens. */
static bool host_name(const char *text) {
    if (strlen(text) > HOST_NAME_MAX_BYTES)
        return false;
    while (*text) {
        size_t len = strcspn(text, ".");
        if (len == 0 || len > LABEL_MAX_BYTES || text[0] == '-' || text[len - 1] == '-')
            return false;
        for (size_t i = 0; i < len; i++)
            if (!isalnum((unsigned char)text[i]) && text[i] != '-')
                return false;
        text += len;
        if (*text == '.' && !*++text)
            return false;
    }
    return true;
}

static bool address(const char *text) {
    struct in6_addr a;
    return !*text || inet_pton(AF_INET, text, &a) == 1 || inet_pton(AF_INET6, text, &a) == 1;
}

/* A text that a body may have; absent is fine where it is not needed. */
struct text_rule {
    const char *parent, *name; /* parent: NULL = the body itself */
    bool needed;
    size_t max;
    bool (*fits)(const char *text);
    const char *form;
};

static const struct text_rule register_texts[] = {
    {NULL, "vm_id", true, WORD_MAX_BYTES, text_plain, "the VM's UUID"},
    {NULL, "resource_id", false, ID_MAX_BYTES, text_plain, "the VM's resource id"},
    {NULL, "hostname", false, HOST_NAME_MAX_BYTES, host_name, "a host name as in RFC 1123"},
    {"addresses", "private", false, WORD_MAX_BYTES, address, "an IPv4 or IPv6 address"},
    {"addresses", "public", false, WORD_MAX_BYTES, address, "an IPv4 or IPv6 address"},
};

static const struct text_rule status_texts[] = {
    {NULL, "phase", false, WORD_MAX_BYTES, text_plain, "the name of a phase"},
    {NULL, "state", false, WORD_MAX_BYTES, text_plain, "running, completed or failed"},
};

static const struct {
    const char *name;
    double most;
} numbers[] = {
    {"cpu", 1},    /* share of all cores */
    {"memory", 1}, /* share */
    {"load", 1e6},
};

static const json_t *parent_of(const json_t *body, const struct text_rule *rule) {
    return rule->parent ? json_object_get(body, rule->parent) : body;
}

static bool text_absent(const json_t *value) {
    return !value || json_is_null(value) || (json_is_string(value) && !json_string_length(value));
}

static bool text_fits(const json_t *value, const struct text_rule *rule) {
    const char *text = json_string_value(value);
    return text && strlen(text) <= rule->max && rule->fits(text);
}

static int check_text(const json_t *body, const struct text_rule *rule, struct error *err) {
    const json_t *value = json_object_get(parent_of(body, rule), rule->name);
    bool absent = text_absent(value);
    if (absent ? !rule->needed : text_fits(value, rule))
        return 0;
    return err_kind(err, "invalid_value", "%s%s%s is %s: give %s", rule->parent ? rule->parent : "",
                    rule->parent ? "." : "", rule->name, absent ? "missing" : "not valid",
                    rule->form);
}

static int check_texts(const json_t *body, const struct text_rule *rules, size_t n,
                       struct error *err) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = check_text(body, &rules[i], err);
    return r;
}

int agent_check_register(const json_t *body, struct error *err) {
    return check_texts(body, register_texts, ARRAY_SIZE(register_texts), err);
}

int agent_check_status(const json_t *body, struct error *err) {
    int r = check_texts(body, status_texts, ARRAY_SIZE(status_texts), err);
    const json_t *metrics = json_object_get(body, "metrics");
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++) {
        const json_t *value = json_object_get(metrics, numbers[i].name);
        double number = json_number_value(value);
        if (value && !(json_is_number(value) && isfinite(number) && number >= 0 &&
                       number <= numbers[i].most * (1 + ROUNDING)))
            r = err_kind(err, "invalid_value", "metrics.%s is not a number from 0 to %g",
                         numbers[i].name, numbers[i].most);
    }
    return r;
}

int agent_message(const json_t *body, struct buf *b) {
    const char *text = json_string_value(json_object_get(body, "message"));
    return plain_put(b, text ? text : "", MESSAGE_MAX_BYTES);
}
