/* SPDX-License-Identifier: MIT */
#include "check_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Trusted launch, confidential machines, Spot settings, terminate notices. */

enum { NOTICE_MIN_S = 300, NOTICE_MAX_S = 900 };

#define SPOT_HELP "For more information, see http://aka.ms/AzureSpot/errormessages."

static bool bad_request(struct exchange *ex, const char *text) {
    reply_error(ex, 400, "BadRequest", "%s", text);
    return false;
}

/* Sizes whose processors encrypt memory: DC and EC without the SGX series, and NCC. */
static bool is_confidential_size(const char *name) {
    static const char *const series[] = {"Standard_DC", "Standard_EC", "Standard_NCC"};
    for (size_t i = 0; i < ARRAY_SIZE(series); i++)
        if (strncasecmp(name, series[i], strlen(series[i])) == 0)
            return !strcasestr(name, "s_v2") && !strcasestr(name, "s_v3");
    return false;
}

static bool refuse_size(struct exchange *ex, const struct machine_check *check, const char *type,
                        const char *encryption) {
    if (encryption)
        reply_error(ex, 400, "BadRequest",
                    "The VM size '%s' is not supported for creation of VMs and Virtual Machine "
                    "Scale Set with '%s' security type and "
                    "managedDisk.securityProfile.securityEncryptionType set as '%s'",
                    check->size->name, type, encryption);
    else
        reply_error(ex, 400, "BadRequest",
                    "The VM size '%s' is not supported for creation of VMs and Virtual Machine "
                    "Scale Set with '%s' security type. For more information, see "
                    "https://aka.ms/TrustedLaunch-FAQ",
                    check->size->name, type);
    return false;
}

struct security {
    const char *type, *encryption;
    json_t *uefi;
    bool secure_boot, vtpm, at_host;
};

static bool check_confidential(struct exchange *ex, const struct machine_check *check,
                               const struct security *s) {
    bool stateless = word_is(s->encryption, "NonPersistedTPM");
    bool whole_disk = word_is(s->encryption, "DiskWithVMGuestState");
    if (!s->encryption)
        return refuse_missing(ex, "managedDisk.securityProfile.securityEncryptionType");
    if (!is_confidential_size(check->size->name))
        return refuse_size(ex, check, s->type, s->encryption);
    if (!s->vtpm)
        return bad_request(ex, "The parameter 'securityProfile.uefiSettings.vTpmEnabled' must be "
                               "set to 'true' for VMs with securityType 'ConfidentialVM'.");
    if (whole_disk && !s->secure_boot)
        return bad_request(ex, "The parameter 'securityProfile.uefiSettings.secureBootEnabled' "
                               "must be set to 'true' when securityEncryptionType is "
                               "'DiskWithVMGuestState'.");
    if (stateless && s->secure_boot)
        return bad_request(ex, "The parameter 'securityProfile.uefiSettings.secureBootEnabled' "
                               "must be set to 'false' when securityEncryptionType is "
                               "'NonPersistedTPM'.");
    if (whole_disk && s->at_host)
        return bad_request(ex, "The parameter 'securityProfile.encryptionAtHost' cannot be set to "
                               "'true' when securityEncryptionType is 'DiskWithVMGuestState'.");
    return true;
}

bool check_security(struct exchange *ex, struct machine_check *check) {
    json_t *profile = json_object_get(check->profile, "securityProfile");
    json_t *disk = json_path(check->profile, "storageProfile.osDisk.managedDisk.securityProfile");
    const struct security s = {
        .type = json_path_text(profile, "securityType"),
        .encryption = json_path_text(disk, "securityEncryptionType"),
        .uefi = json_object_get(profile, "uefiSettings"),
        .secure_boot = json_path_bool(profile, "uefiSettings.secureBootEnabled", false),
        .vtpm = json_path_bool(profile, "uefiSettings.vTpmEnabled", false),
        .at_host = json_path_bool(profile, "encryptionAtHost", false),
    };
    if (word_is(s.type, "ConfidentialVM"))
        return check_confidential(ex, check, &s);
    if (disk)
        return bad_request(ex, "The parameter 'managedDisk.securityProfile' can only be set for "
                               "Confidential VMs.");
    if (word_is(s.type, "TrustedLaunch"))
        return strstr(check->size->generations, "V2") || refuse_size(ex, check, s.type, NULL);
    return !s.uefi ||
           bad_request(ex, "The parameter 'securityProfile.uefiSettings' can only be set for VMs "
                           "with securityType 'TrustedLaunch' or 'ConfidentialVM'.");
}

/* What a Spot machine costs here, in USD an hour; 0 = not known. */
static double spot_price(const struct size *size) {
    return size->usd_per_hour * SPOT_PRICE_SHARE;
}

static bool check_price(struct exchange *ex, const struct machine_check *check, double most) {
    double now = spot_price(check->size);
    if (fabs(most + 1) < 1e-9 || (most > 0 && most >= now))
        return true;
    if (most > 0)
        reply_error(
            ex, 409, "OperationNotAllowed",
            "Unable to perform operation 'Create VM' since the provided max price '%g USD' "
            "is lower than the current spot price '%g USD' for Azure Spot VM size '%s'. " SPOT_HELP,
            most, now, check->size->name);
    else
        reply_error_at(ex, 400, "InvalidParameter", "billingProfile.maxPrice",
                       "Max price must be -1 or greater than 0. " SPOT_HELP);
    return false;
}

static bool check_spot(struct exchange *ex, struct machine_check *check) {
    json_t *price = json_path(check->profile, "billingProfile.maxPrice");
    if (!check->size->spot) {
        reply_error(ex, 409, "SkuNotAvailable",
                    "The requested VM size '%s' is not available as Spot in location '%s'.",
                    check->size->name, region_names[check->region]);
        return false;
    }
    return !price || check_price(ex, check, json_number_value(price));
}

bool check_priority(struct exchange *ex, struct machine_check *check) {
    const char *priority = json_path_text(check->profile, "priority");
    check->spot = priority && !word_is(priority, "Regular");
    if (check->spot)
        return check_spot(ex, check);
    bool evicts = json_object_get(check->profile, "evictionPolicy");
    bool price = json_path(check->profile, "billingProfile.maxPrice");
    if (evicts || price)
        reply_error_at(
            ex, 400, "InvalidParameter", evicts ? "evictionPolicy" : "billingProfile.maxPrice",
            evicts ? "Eviction policy can be set only on Azure Spot Virtual Machines. " SPOT_HELP
                   : "Max price configuration is only supported on Azure Spot Virtual "
                     "Machines. " SPOT_HELP);
    return !evicts && !price;
}

/* Seconds of "PT1H5M30S", or -1. */
static long duration_s(const char *text) {
    static const struct {
        char unit;
        long seconds;
    } units[] = {{'H', 3600}, {'M', 60}, {'S', 1}};
    long total = 0;
    if (strncasecmp(text, "PT", 2) != 0 || !text[2])
        return -1;
    text += 2;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        unsigned value;
        int len = 0;
        char unit;
        if (sscanf(text, "%5u%c%n", &value, &unit, &len) != 2 || unit != units[i].unit)
            continue;
        total += (long)value * units[i].seconds;
        text += len;
    }
    return *text ? -1 : total;
}

bool check_notice(struct exchange *ex, struct machine_check *check) {
    static const char name[] =
        "scheduledEventsProfile.terminateNotificationProfile.notBeforeTimeout";
    const char *text = json_path_text(check->profile, name);
    long seconds = text ? duration_s(text) : NOTICE_MIN_S;
    if (seconds >= NOTICE_MIN_S && seconds <= NOTICE_MAX_S)
        return true;
    reply_error_at(ex, 400, "InvalidParameter", name,
                   "The value '%s' of parameter '%s' is out of range. Value '%s' must be between "
                   "'PT5M' and 'PT15M' inclusive.",
                   text, name, text);
    return false;
}
