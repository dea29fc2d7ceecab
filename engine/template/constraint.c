/* SPDX-License-Identifier: MIT */
/* What Azure takes as the value of an attribute, so that a write is refused and not a start. */
#include "effect.h"

#include "base/parse.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define TAG_NAME_MAX 512 /* Azure Resource Manager's limits for tags */
#define TAG_VALUE_MAX 256
#define TAGS_MAX 40 /* of 50; the server adds some */
#define HOST_NAME_MAX_LINUX 64

struct constraint {
    enum section_type type;
    const char *name;
    void (*check)(const struct constraint *c, const struct value *v, struct buf *why);
    const char *const *words; /* the only values, NULL-terminated */
    int64_t min, max;
    const char *unit;
};

static void put_found(const struct value *v, struct buf *why) {
    (void)buf_puts(why, ", found ");
    (void)value_put_short(v, why);
}

static void check_words(const struct constraint *c, const struct value *v, struct buf *why) {
    for (size_t i = 0; v->type == VALUE_STRING && c->words[i]; i++)
        if (text_equal_fold(v->text, c->words[i]))
            return;
    (void)buf_puts(why, "expected ");
    for (size_t i = 0; c->words[i]; i++)
        (void)buf_printf(why, "%s%s", i == 0 ? "" : c->words[i + 1] ? ", " : " or ", c->words[i]);
    put_found(v, why);
}

static void check_range(const struct constraint *c, const struct value *v, struct buf *why) {
    int64_t n;
    if (value_to_integer(v, &n) && n >= c->min && n <= c->max)
        return;
    (void)buf_printf(why, "expected %" PRId64 " to %" PRId64 "%s", c->min, c->max,
                     c->unit ? c->unit : "");
    put_found(v, why);
}

/* Characters that a host name cannot have become '-'; a letter or digit must be left. */
static void check_host_name(const struct constraint *c, const struct value *v, struct buf *why) {
    (void)c;
    bool usable = v->type != VALUE_STRING;
    for (const char *p = v->text; !usable && *p; p++)
        usable = isalnum((unsigned char)*p);
    if (usable && (v->type != VALUE_STRING || strlen(v->text) <= HOST_NAME_MAX_LINUX))
        return;
    (void)buf_printf(why, "expected letters, digits and '-', at most %d", HOST_NAME_MAX_LINUX);
    put_found(v, why);
}

static void check_dns_label(const struct constraint *c, const struct value *v, struct buf *why) {
    (void)c;
    const char *p = v->type == VALUE_STRING ? v->text : "";
    size_t len = strlen(p), good = 0;
    while (islower((unsigned char)p[good]) || isdigit((unsigned char)p[good]) || p[good] == '-')
        good++;
    if (good == len && len >= 3 && len <= 63 && islower((unsigned char)p[0]) && p[len - 1] != '-')
        return;
    (void)buf_puts(why, "expected 3 to 63 lower-case letters, digits and '-', beginning with a "
                        "letter");
    put_found(v, why);
}

static void check_tag(const char *name, const struct value *v, struct buf *why) {
    _cleanup_value_ struct value *text = value_to_string(v);
    if (!*name || strlen(name) > TAG_NAME_MAX || strpbrk(name, "<>%&\\?/"))
        (void)buf_printf(why,
                         "the tag name \"%.60s\" is not valid: expected at most %d characters "
                         "without <>%%&\\?/",
                         name, TAG_NAME_MAX);
    else if (text && strlen(text->text) > TAG_VALUE_MAX)
        (void)buf_printf(why, "the value of tag %.60s has %zu bytes: a tag value has at most %d",
                         name, strlen(text->text), TAG_VALUE_MAX);
}

static void check_tags(const struct constraint *c, const struct value *v, struct buf *why) {
    (void)c;
    if (v->type != VALUE_RECORD)
        return;
    if (v->len > TAGS_MAX)
        (void)buf_printf(why,
                         "%zu tags are too many: a resource has at most %d besides those of "
                         "the server",
                         v->len, TAGS_MAX);
    for (size_t i = 0; i < v->len && !why->len; i++)
        if (!value_is_undefined(v->items[i]))
            check_tag(v->keys[i], v->items[i], why);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define WORDS(type, name, ...) \
    { type, name, check_words, LIST(__VA_ARGS__), 0, 0, NULL }
#define RANGE(type, name, min, max, unit) \
    { type, name, check_range, NULL, min, max, unit }
#define CHECK(type, name, check) \
    { type, name, check, NULL, 0, 0, NULL }

static const struct constraint constraints[] = {
    WORDS(SECTION_NODE, "SecurityType", "Standard", "TrustedLaunch", "ConfidentialVM"),
    WORDS(SECTION_NODE, "ShutdownPolicy", "terminate", "deallocate"),
    WORDS(SECTION_NODE, "ImageOs", "linux", "windows"),
    WORDS(SECTION_NODE, "Azure.Os", "linux", "windows"),
    WORDS(SECTION_NODE, "HybridBenefitLicense", "Windows_Server", "Windows_Client", "RHEL_BYOS",
          "SLES_BYOS", "RHEL_BASE", "RHEL_EUS", "RHEL_SAPAPPS", "RHEL_SAPHA", "SLES", "SLES_SAP",
          "SLES_HPC", "UBUNTU_PRO", "UBUNTU", "None"),
    RANGE(SECTION_NODE, "TerminateNotificationTimeout", 300, 900, " seconds (5m to 15m)"),
    CHECK(SECTION_NODE, "ComputerName", check_host_name),
    CHECK(SECTION_NODE, "ComputerNamePrefix", check_host_name),
    CHECK(SECTION_NODE, "Tags", check_tags),
    WORDS(SECTION_VOLUME, "Azure.Caching", "None", "ReadOnly", "ReadWrite"),
    WORDS(SECTION_VOLUME, "StorageAccountType", "Standard_LRS", "StandardSSD_LRS", "Premium_LRS",
          "UltraSSD_LRS", "StandardSSD_ZRS", "Premium_ZRS", "PremiumV2_LRS"),
    WORDS(SECTION_VOLUME, "SecurityEncryptionType", "VMGuestStateOnly", "DiskWithVMGuestState",
          "NonPersistedTPM"),
    RANGE(SECTION_VOLUME, "Azure.Lun", 0, 63, NULL),
    CHECK(SECTION_NETWORK_INTERFACE, "PublicDnsLabel", check_dns_label),
    WORDS(SECTION_INPUT_ENDPOINT, "Protocol", "tcp", "udp"),
    RANGE(SECTION_INPUT_ENDPOINT, "PublicPort", 1, 65535, NULL),
    RANGE(SECTION_INPUT_ENDPOINT, "PrivatePort", 1, 65535, NULL),
};

void constraint_check(enum section_type type, const char *key, const struct value *v,
                      struct buf *why) {
    if (value_is_empty(v))
        return;
    if (type == SECTION_NODE && strncasecmp(key, "Tags.", 5) == 0) {
        check_tag(key + 5, v, why);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(constraints); i++)
        if (constraints[i].type == type && text_equal_fold(constraints[i].name, key))
            constraints[i].check(&constraints[i], v, why);
}
