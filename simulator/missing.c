/* SPDX-License-Identifier: MIT */
#include "missing.h"

#include "route.h"

#include <microhttpd.h>
#include <string.h>

/* When a member asks for something. */
enum asks { GIVEN, TRUE, OTHER };

/* Rows end with a NULL path. */
struct feature {
    const char *path;
    enum asks asks;
    const char *usual; /* OTHER: the one word that asks for nothing */
};

#define NIC "networkProfile.networkInterfaceConfigurations.0.properties."
#define IP NIC "ipConfigurations.0.properties."

static const struct feature set_features[] = {
    {"properties.overprovision", TRUE, NULL},
    {"properties.priorityMixPolicy", GIVEN, NULL},
    {"properties.spotRestorePolicy.enabled", TRUE, NULL},
    {"properties.automaticRepairsPolicy.enabled", TRUE, NULL},
    {"properties.upgradePolicy.mode", OTHER, "Manual"},
    {"properties.hostGroup", GIVEN, NULL},
    {"extendedLocation", GIVEN, NULL},
    {NULL, GIVEN, NULL},
};

static const struct feature vm_features[] = {
    {"properties.availabilitySet", GIVEN, NULL},
    {"properties.host", GIVEN, NULL},
    {"properties.hostGroup", GIVEN, NULL},
    {"extendedLocation", GIVEN, NULL},
    {NULL, GIVEN, NULL},
};

static const struct feature profile_features[] = {
    {"capacityReservation", GIVEN, NULL},
    {"applicationProfile.galleryApplications", GIVEN, NULL},
    {"extensionProfile.extensions", GIVEN, NULL},
    {"networkProfile.healthProbe", GIVEN, NULL},
    {"networkProfile.networkInterfaces.1", GIVEN, NULL},
    {"networkProfile.networkInterfaceConfigurations.1", GIVEN, NULL},
    {NIC "ipConfigurations.1", GIVEN, NULL},
    {IP "loadBalancerBackendAddressPools", GIVEN, NULL},
    {IP "loadBalancerInboundNatPools", GIVEN, NULL},
    {IP "applicationGatewayBackendAddressPools", GIVEN, NULL},
    {NULL, GIVEN, NULL},
};

static bool asked(const struct feature *feature, json_t *value) {
    bool empty = !value || json_is_null(value) ||
                 (json_is_array(value) && json_array_size(value) == 0) ||
                 (json_is_object(value) && json_object_size(value) == 0);
    switch (feature->asks) {
    case GIVEN:
        return !empty;
    case TRUE:
        return json_is_true(value);
    case OTHER:
        return json_is_string(value) && strcasecmp(json_string_value(value), feature->usual) != 0;
    }
    return false;
}

static bool none_asked(struct exchange *ex, json_t *body, const struct feature *features) {
    for (const struct feature *feature = features; feature->path; feature++) {
        if (!asked(feature, json_path(body, feature->path)))
            continue;
        reply_error_at(ex, 501, "NotImplemented", feature->path,
                       "This simulator does not have '%s'%s%s.", feature->path,
                       feature->usual ? " other than " : "", feature->usual ? feature->usual : "");
        return false;
    }
    return true;
}

bool set_is_simulated(struct exchange *ex, json_t *body) {
    size_t i;
    json_t *rule;
    json_array_foreach(json_path(body, "properties.scaleInPolicy.rules"), i, rule) {
        if (strcasecmp(json_string_value(rule), "OldestVM") != 0)
            continue;
        reply_error_at(ex, 501, "NotImplemented", "properties.scaleInPolicy.rules",
                       "This simulator does not have the scale-in rule 'OldestVM': it deletes the "
                       "newest.");
        return false;
    }
    return none_asked(ex, body, set_features) &&
           none_asked(ex, json_path(body, "properties.virtualMachineProfile"), profile_features);
}

bool vm_is_simulated(struct exchange *ex, json_t *body) {
    return none_asked(ex, body, vm_features) &&
           none_asked(ex, json_object_get(body, "properties"), profile_features);
}

/* The options of queries that are acted upon, besides $skiptoken; by the name of the route. */
static const struct {
    const char *route, *option;
} options[] = {
    {"list-sizes", "$filter"},     {"list-prices", "$filter"},  {"list-prices", "$skip"},
    {"get-vm", "$expand"},         {"get-instance", "$expand"}, {"list-vms", "$expand"},
    {"list-instances", "$expand"},
};

static bool option_known(const struct exchange *ex, const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (strcmp(options[i].route, ex->route->name) == 0 &&
            strcasecmp(options[i].option, name) == 0)
            return true;
    return strcasecmp(name, "$skiptoken") == 0;
}

static enum MHD_Result judge_option(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value) {
    (void)kind;
    struct exchange *ex = arg;
    bool sleeps = strcasecmp(name, "hibernate") == 0 && value && strcasecmp(value, "true") == 0;
    if (!sleeps && (*name != '$' || option_known(ex, name)))
        return MHD_YES;
    reply_error_at(ex, 501, "NotImplemented", name,
                   "This simulator does not have the query option '%s' here.", name);
    return MHD_NO;
}

bool query_is_simulated(struct exchange *ex) {
    int seen = MHD_get_connection_values(ex->connection, MHD_GET_ARGUMENT_KIND, judge_option, ex);
    (void)seen;
    return ex->status == 0;
}
