/* SPDX-License-Identifier: MIT */
#include "check_parts.h"

#include "base64.h"

#include <ctype.h>
#include <string.h>

/* What the operating system is told: names, passwords, keys. */

enum { CUSTOM_DATA_TEXT_MAX = 87380, PASSWORD_CLASSES = 3 };

/* Marketplace images that run Windows; a NULL offer stands for all of a publisher. Offers that
 * begin with `offer` count. */
static const struct {
    const char *publisher, *offer;
} windows_images[] = {
    {"MicrosoftWindowsServer", NULL},     {"MicrosoftWindowsServerHPCPack", NULL},
    {"MicrosoftWindowsDesktop", NULL},    {"MicrosoftVisualStudio", NULL},
    {"MicrosoftSharePoint", NULL},        {"MicrosoftDynamicsAX", NULL},
    {"MicrosoftBizTalkServer", NULL},     {"microsoft-dsvm", "dsvm-win"},
    {"microsoft-ads", "windows"},         {"MicrosoftSQLServer", "SQL2"},
    {"microsoft-azure-batch", "windows"}, {"microsoftwindowsserver-hub", NULL},
};

static const struct os {
    bool windows;
    unsigned password_min, password_max, name_max, prefix_max, user_max;
    const char *other; /* the configuration that belongs to the other system */
} systems[] = {
    {false, 6, 72, 64, 58, 64, "windowsConfiguration"},
    {true, 8, 123, 15, 9, 20, "linuxConfiguration"},
};

static const char *const refused_users[] = {
    "administrator",
    "admin",
    "user",
    "user1",
    "test",
    "user2",
    "test1",
    "user3",
    "admin1",
    "1",
    "123",
    "a",
    "actuser",
    "adm",
    "admin2",
    "aspnet",
    "backup",
    "console",
    "david",
    "guest",
    "john",
    "owner",
    "root",
    "server",
    "sql",
    "support",
    "support_388945a0",
    "sys",
    "test2",
    "test3",
    "user4",
    "user5",
};

/* An image of one's own has the system that the profile configures. */
static const struct os *system_of(json_t *profile) {
    json_t *image = json_path(profile, "storageProfile.imageReference");
    const char *publisher = json_path_text(image, "publisher");
    const char *offer = json_path_text(image, "offer");
    bool windows = !publisher && json_path(profile, "osProfile.windowsConfiguration");
    for (size_t i = 0; publisher && i < ARRAY_SIZE(windows_images); i++) {
        const char *begin = windows_images[i].offer;
        if (word_is(publisher, windows_images[i].publisher) &&
            (!begin || (offer && strncasecmp(offer, begin, strlen(begin)) == 0)))
            windows = true;
    }
    return &systems[windows];
}

static bool check_name_chars(const char *name) {
    return !strpbrk(name, "`~!@#$%^&*()=+_[]{}\\|;:'\",<>/?");
}

static bool all_digits(const char *name) {
    return name[strspn(name, "0123456789")] == '\0';
}

static bool check_host_name(struct exchange *ex, struct machine_check *check, const struct os *os,
                            const char *name) {
    bool prefix = check_of_set(check);
    unsigned most = prefix ? os->prefix_max : os->name_max;
    bool good = strlen(name) <= most && check_name_chars(name);
    if (os->windows)
        good = good && !all_digits(name) && !strchr(name, '.');
    if (good)
        return true;
    if (os->windows)
        reply_error_at(ex, 400, "InvalidParameter", check->host_name_member,
                       "Windows computer name%s cannot be more than %u characters long, be "
                       "entirely numeric, or contain the following characters: ` ~ ! @ # $ %% ^ & "
                       "* ( ) = + _ [ ] { } \\ | ; : . ' \" , < > / ?.",
                       prefix ? " prefix" : "", most);
    else
        reply_error_at(ex, 400, "InvalidParameter", check->host_name_member,
                       "Linux %s cannot exceed %u characters in length or contain the following "
                       "characters: ` ~ ! @ # $ %% ^ & * ( ) = + _ [ ] { } \\ | ; : ' \" , < > / "
                       "?.",
                       prefix ? "computer name prefix" : "host name", most);
    return false;
}

static bool check_user(struct exchange *ex, const struct os *os, const char *name) {
    bool good = *name && strlen(name) <= os->user_max;
    for (size_t i = 0; i < ARRAY_SIZE(refused_users); i++)
        good = good && strcasecmp(name, refused_users[i]) != 0;
    if (!good)
        reply_error_at(ex, 400, "InvalidParameter", "adminUsername",
                       "The Admin Username specified is not allowed.");
    return good;
}

/* How many kinds of characters a password has; 0 if one of them is not allowed. */
static unsigned password_classes(const char *password) {
    bool upper = false, lower = false, digit = false, other = false;
    for (const char *c = password; *c; c++) {
        unsigned char one = (unsigned char)*c;
        if (iscntrl(one))
            return 0;
        upper = upper || isupper(one);
        lower = lower || islower(one);
        digit = digit || isdigit(one);
        other = other || !isalnum(one);
    }
    return (unsigned)upper + lower + digit + other;
}

static bool check_password(struct exchange *ex, const struct os *os, const char *password) {
    size_t len = password ? strlen(password) : os->password_min;
    if (!password && os->windows)
        return refuse_missing(ex, "adminPassword");
    if (!password || (len >= os->password_min && len <= os->password_max &&
                      password_classes(password) >= PASSWORD_CLASSES))
        return true;
    reply_error_at(ex, 400, "InvalidParameter", "adminPassword",
                   "The supplied password must be between %u-%u characters long and must satisfy "
                   "at least 3 of password complexity requirements from the following:\r\n1) "
                   "Contains an uppercase character\r\n2) Contains a lowercase character\r\n3) "
                   "Contains a numeric digit\r\n4) Contains a special character\r\n5) Control "
                   "characters are not allowed",
                   os->password_min, os->password_max);
    return false;
}

static bool check_keys(struct exchange *ex, json_t *os, const char *user) {
    size_t i;
    json_t *key;
    _cleanup_free_ char *place = text_format("/home/%s/.ssh/authorized_keys", user);
    json_array_foreach(json_path(os, "linuxConfiguration.ssh.publicKeys"), i, key) {
        const char *path = json_path_text(key, "path");
        if (!path || !place || strcmp(path, place) == 0)
            continue;
        reply_error_at(ex, 400, "InvalidParameter", "linuxConfiguration.ssh.publicKeys.path",
                       "Destination path for SSH public keys is currently limited to its default "
                       "value %s due to a known issue in Linux provisioning agent.",
                       place);
        return false;
    }
    return true;
}

static bool check_login(struct exchange *ex, json_t *os) {
    bool keys = json_path_text(os, "linuxConfiguration.ssh.publicKeys.0.keyData");
    bool off = json_path_bool(os, "linuxConfiguration.disablePasswordAuthentication", false);
    if (keys || (json_path_text(os, "adminPassword") && !off))
        return true;
    reply_error_at(ex, 400, "InvalidParameter", "linuxConfiguration",
                   "Authentication using either SSH or by user name and password must be enabled "
                   "in Linux profile.");
    return false;
}

static bool check_custom_data(struct exchange *ex, const char *data) {
    if (!data)
        return true;
    _cleanup_buf_ struct buf text = BUF_INIT(CUSTOM_DATA_TEXT_MAX);
    size_t len = strlen(data);
    if (len <= CUSTOM_DATA_TEXT_MAX && base64_decode(&text, data, len) == 0)
        return true;
    reply_error_at(ex, 400, "InvalidParameter", "customData",
                   "Custom data in OSProfile must be in Base64 encoding and with a maximum length "
                   "of %d characters.",
                   CUSTOM_DATA_TEXT_MAX);
    return false;
}

static bool check_configuration(struct exchange *ex, json_t *profile, const struct os *os) {
    if (!json_object_get(json_object_get(profile, "osProfile"), os->other))
        return true;
    reply_error_at(ex, 400, "InvalidParameter", os->other, "The value of parameter %s is invalid.",
                   os->other);
    return false;
}

/* The first that Azure wants and the profile does not have, or NULL. */
static const char *missing_member(json_t *os, const char *host_name_member) {
    if (!os)
        return "osProfile";
    if (!json_path_text(os, "adminUsername"))
        return "adminUsername";
    return json_path_text(os, host_name_member) ? NULL : host_name_member;
}

bool check_os(struct exchange *ex, struct machine_check *check) {
    json_t *os = json_object_get(check->profile, "osProfile");
    const struct os *system = system_of(check->profile);
    const char *user = json_path_text(os, "adminUsername");
    const char *missing = missing_member(os, check->host_name_member);
    if (missing)
        return refuse_missing(ex, missing);
    return check_configuration(ex, check->profile, system) && check_user(ex, system, user) &&
           check_host_name(ex, check, system, json_path_text(os, check->host_name_member)) &&
           check_password(ex, system, json_path_text(os, "adminPassword")) &&
           (system->windows || (check_login(ex, os) && check_keys(ex, os, user))) &&
           check_custom_data(ex, json_path_text(os, "customData"));
}
