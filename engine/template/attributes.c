/* SPDX-License-Identifier: MIT */
#include "attributes.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Documented attributes of a cluster. */
static const struct attribute_row cluster_rows[] = {
    {"Abstract", WANT_BOOLEAN},      {"Autoscale", WANT_BOOLEAN}, {"Category", WANT_TEXT},
    {"CategoryOrder", WANT_INTEGER}, {"FormLayout", WANT_TEXT},   {"IconUrl", WANT_TEXT},
    {"MaxCoreCount", WANT_INTEGER},  {"MaxCount", WANT_INTEGER},  {"ParentName", WANT_TEXT},
    {"UseLowPrio", WANT_ANY},
};

/* Documented attributes of a node or nodearray, and what real templates use besides. */
static const struct attribute_row node_rows[] = {
    {"Abstract", WANT_BOOLEAN},
    {"AdditionalClusterInitSpecs", WANT_ANY},
    {"AssociatePublicIpAddress", WANT_BOOLEAN},
    {"AuthorizedKeysPath", WANT_TEXT},
    {"AvailabilitySet.Name", WANT_TEXT},
    {"AvailabilitySet.PlatformFaultDomainCount", WANT_INTEGER},
    {"AvailabilitySet.PlatformUpdateDomainCount", WANT_INTEGER},
    {"AvailabilitySet.Sku", WANT_TEXT},
    {"AwaitInstallation", WANT_BOOLEAN},
    {"AwaitInstallationTimeout", WANT_TIME},
    {"Aws.InstanceProfileArn", WANT_ANY},
    {"Azure.AllocationMethod", WANT_TEXT},
    {"Azure.Identities", WANT_LIST},
    {"Azure.ImageVersion", WANT_TEXT},
    {"Azure.MaxScalesetSize", WANT_INTEGER},
    {"Azure.Offer", WANT_TEXT},
    {"Azure.Os", WANT_TEXT},
    {"Azure.Overprovision", WANT_BOOLEAN},
    {"Azure.Publisher", WANT_TEXT},
    {"Azure.SinglePlacementGroup", WANT_BOOLEAN},
    {"Azure.SingleScaleset", WANT_BOOLEAN},
    {"Azure.Sku", WANT_TEXT},
    {"BatchAccount", WANT_ANY},
    {"BidPrice", WANT_NUMBER},
    {"BidPricePerCore", WANT_NUMBER},
    {"BootDiagnosticsUri", WANT_TEXT},
    {"ChefRepoVersion", WANT_ANY},
    {"CloudInit", WANT_TEXT},
    {"ClusterInit", WANT_ANY},
    {"CommonChefRepoVersion", WANT_ANY},
    {"ComputerName", WANT_TEXT},
    {"ComputerNamePrefix", WANT_TEXT},
    {"CoreCount", WANT_INTEGER},
    {"CoreCountOverride", WANT_INTEGER},
    {"Count", WANT_INTEGER},
    {"Credentials", WANT_TEXT},
    {"Disabled", WANT_BOOLEAN},
    {"DownloadJetpack", WANT_BOOLEAN},
    {"EnableAcceleratedNetworking", WANT_BOOLEAN},
    {"EnableNodeHealthChecks", WANT_BOOLEAN},
    {"EnableSecureBoot", WANT_BOOLEAN},
    {"EnableTerminateNotification", WANT_BOOLEAN},
    {"EnableVTPM", WANT_BOOLEAN},
    {"EncryptionAtHost", WANT_BOOLEAN},
    {"EphemeralOSDisk", WANT_BOOLEAN},
    {"Extends", WANT_LIST},
    {"Fixed", WANT_BOOLEAN},
    {"FlexScaleSetId", WANT_TEXT},
    {"HybridBenefit", WANT_BOOLEAN},
    {"HybridBenefitLicense", WANT_TEXT},
    {"Image", WANT_TEXT},
    {"ImageId", WANT_TEXT},
    {"ImageName", WANT_TEXT},
    {"ImageOs", WANT_TEXT},
    {"ImagePlan.Name", WANT_TEXT},
    {"ImagePlan.Product", WANT_TEXT},
    {"ImagePlan.Publisher", WANT_TEXT},
    {"ImageVersion", WANT_TEXT},
    {"InitialCoreCount", WANT_INTEGER},
    {"InitialCount", WANT_INTEGER},
    {"InstallJetpack", WANT_BOOLEAN},
    {"Interruptible", WANT_BOOLEAN},
    {"IsReturnProxy", WANT_BOOLEAN},
    {"JetpackOs", WANT_TEXT},
    {"JetpackPlatform", WANT_TEXT},
    {"JetpackVersion", WANT_TEXT},
    {"KeepAlive", WANT_BOOLEAN},
    {"KeyPair", WANT_TEXT},
    {"KeyPairLocation", WANT_TEXT},
    {"Locker", WANT_TEXT},
    {"MachineType", WANT_TEXT_OR_LIST},
    {"MaxCoreCount", WANT_INTEGER},
    {"MaxCount", WANT_INTEGER},
    {"MaxPrice", WANT_NUMBER},
    {"NetworkSecurityGroupId", WANT_TEXT},
    {"Password", WANT_TEXT},
    {"PlacementGroupId", WANT_TEXT},
    {"Preemptible", WANT_BOOLEAN},
    {"Priority", WANT_INTEGER},
    {"Project", WANT_ANY},
    {"ProjectSpec", WANT_ANY},
    {"ProjectVersion", WANT_ANY},
    {"ProximityPlacementGroupId", WANT_TEXT},
    {"Region", WANT_TEXT},
    {"ReturnPath.BrokerPort", WANT_INTEGER},
    {"ReturnPath.Hostname", WANT_TEXT},
    {"ReturnPath.WebserverPort", WANT_INTEGER},
    {"ScaleSetUpgradePolicyMode", WANT_TEXT},
    {"SecurityGroups", WANT_LIST},
    {"SecurityType", WANT_TEXT},
    {"ShutdownPolicy", WANT_TEXT},
    {"StageResources", WANT_ANY},
    {"SubnetId", WANT_TEXT},
    {"TagList", WANT_ANY},
    {"Tags", WANT_RECORD},
    {"TerminateNotificationTimeout", WANT_TIME},
    {"TerminationProtection", WANT_BOOLEAN},
    {"ThrottleCapacity", WANT_BOOLEAN},
    {"ThrottleCapacityTime", WANT_TIME},
    {"UsePublicNetwork", WANT_BOOLEAN},
    {"UserData", WANT_TEXT},
    {"Username", WANT_TEXT},
    {"Zone", WANT_TEXT_OR_LIST},
};

static const struct attribute_row cluster_init_rows[] = {
    {"Locker", WANT_TEXT},  {"Optional", WANT_BOOLEAN},  {"Order", WANT_INTEGER},
    {"Project", WANT_TEXT}, {"SourceLocker", WANT_TEXT}, {"Spec", WANT_TEXT},
    {"Version", WANT_TEXT},
};

static const struct attribute_row volume_rows[] = {
    {"Azure.Caching", WANT_TEXT},
    {"Azure.Encryption.DiskEncryptionSetId", WANT_TEXT},
    {"Azure.Encryption.Type", WANT_TEXT},
    {"Azure.Lun", WANT_INTEGER},
    {"ConfidentialDiskEncryptionSetId", WANT_TEXT},
    {"Disabled", WANT_BOOLEAN},
    {"DiskEncryptionSetId", WANT_TEXT},
    {"DiskIOPSReadWrite", WANT_INTEGER},
    {"DiskMBPSReadWrite", WANT_INTEGER},
    {"Mount", WANT_TEXT},
    {"Persistent", WANT_BOOLEAN},
    {"SSD", WANT_BOOLEAN},
    {"SecurityEncryptionType", WANT_TEXT},
    {"Size", WANT_INTEGER},
    {"SourceResourceId", WANT_TEXT},
    {"SourceUri", WANT_TEXT},
    {"StorageAccountId", WANT_TEXT},
    {"StorageAccountType", WANT_TEXT},
    {"VolumeId", WANT_TEXT},
};

static const struct attribute_row interface_rows[] = {
    {"ApplicationSecurityGroups", WANT_LIST},
    {"AssociatePublicIpAddress", WANT_BOOLEAN},
    {"Disabled", WANT_BOOLEAN},
    {"EnableIpForwarding", WANT_BOOLEAN},
    {"NetworkInterfaceId", WANT_TEXT},
    {"PrivateIp", WANT_TEXT},
    {"PublicDnsLabel", WANT_TEXT},
    {"PublicIp", WANT_TEXT},
    {"SecurityGroup", WANT_TEXT},
    {"StaticPublicIpAddress", WANT_TEXT},
    {"SubnetId", WANT_TEXT},
};

static const struct attribute_row endpoint_rows[] = {
    {"Disabled", WANT_BOOLEAN},
    {"PrivatePort", WANT_INTEGER},
    {"Protocol", WANT_TEXT},
    {"PublicPort", WANT_INTEGER},
};

static const struct attribute_row noderef_rows[] = {
    {"Name", WANT_TEXT},
    {"SourceClusterName", WANT_TEXT},
};

static const struct attribute_row environment_rows[] = {
    {"Azure.ResourceGroup", WANT_TEXT},
    {"Credentials", WANT_TEXT},
    {"Location", WANT_TEXT},
    {"Locker", WANT_TEXT},
    {"ManagedLifecycle", WANT_BOOLEAN},
    {"Name", WANT_TEXT},
    {"ParameterizeVariables", WANT_ANY},
    {"Region", WANT_TEXT},
    {"Tags", WANT_RECORD},
    {"TemplateContents", WANT_ANY},
    {"TemplatePath", WANT_TEXT},
    {"TemplateURL", WANT_TEXT},
};

static const struct attribute_row parameter_rows[] = {
    {"AutoSelect", WANT_ANY},
    {"Conditions.Disabled", WANT_ANY},
    {"Conditions.Excluded", WANT_ANY},
    {"Conditions.Hidden", WANT_ANY},
    {"Conditions.Required", WANT_ANY},
    {"Conditions.Value", WANT_ANY},
    {"Config.Entries", WANT_ANY},
    {"Config.Filter", WANT_ANY},
    {"Config.FreeForm", WANT_ANY},
    {"Config.Increment", WANT_ANY},
    {"Config.IntegerOnly", WANT_ANY},
    {"Config.Label", WANT_ANY},
    {"Config.MaxValue", WANT_ANY},
    {"Config.MinValue", WANT_ANY},
    {"Config.Multiselect", WANT_ANY},
    {"Config.NumLines", WANT_ANY},
    {"Config.OS", WANT_ANY},
    {"Config.Options", WANT_ANY},
    {"Config.ParameterType", WANT_ANY},
    {"Config.Parameters", WANT_ANY},
    {"Config.PlaceholderText", WANT_ANY},
    {"Config.Plugin", WANT_TEXT},
    {"Config.Provider", WANT_ANY},
    {"Config.Query", WANT_ANY},
    {"Config.ReadOnly", WANT_ANY},
    {"Config.Required", WANT_ANY},
    {"Config.SetDefault", WANT_ANY},
    {"Config.Template", WANT_ANY},
    {"DefaultValue", WANT_ANY},
    {"Description", WANT_TEXT},
    {"Disabled", WANT_ANY},
    {"Hidden", WANT_ANY},
    {"HideLabel", WANT_ANY},
    {"Label", WANT_TEXT},
    {"Optional", WANT_ANY},
    {"Order", WANT_ANY},
    {"ParameterType", WANT_TEXT},
    {"Required", WANT_ANY},
    {"Secret", WANT_ANY},
    {"Widget.FalseValue", WANT_ANY},
    {"Widget.Label", WANT_ANY},
    {"Widget.Plugin", WANT_ANY},
    {"Widget.Warning", WANT_ANY},
    {"Widget.WarnOnCheck", WANT_ANY},
};

static const struct attribute_row project_rows[] = {
    {"Label", WANT_TEXT},
    {"Name", WANT_TEXT},
    {"Type", WANT_TEXT},
    {"Version", WANT_TEXT},
};

static const struct attribute_row blobs_rows[] = {
    {"Files", WANT_LIST},
};

static const struct attribute_row spec_rows[] = {
    {"run_list", WANT_LIST},
};

struct table {
    const struct attribute_row *rows;
    size_t len;
};

#define TABLE(rows) \
    { rows, ARRAY_SIZE(rows) }

static const struct table tables[SECTION_TYPE_MAX] = {
    [SECTION_CLUSTER] = TABLE(cluster_rows),
    [SECTION_NODE] = TABLE(node_rows),
    [SECTION_NODEARRAY] = TABLE(node_rows),
    [SECTION_CLUSTER_INIT] = TABLE(cluster_init_rows),
    [SECTION_VOLUME] = TABLE(volume_rows),
    [SECTION_NETWORK_INTERFACE] = TABLE(interface_rows),
    [SECTION_INPUT_ENDPOINT] = TABLE(endpoint_rows),
    [SECTION_NODEREF] = TABLE(noderef_rows),
    [SECTION_ENVIRONMENT] = TABLE(environment_rows),
    [SECTION_ENVIRONMENTREF] = TABLE(environment_rows),
    [SECTION_PARAMETER] = TABLE(parameter_rows),
    [SECTION_PROJECT] = TABLE(project_rows),
    [SECTION_BLOBS] = TABLE(blobs_rows),
    [SECTION_SPEC] = TABLE(spec_rows),
    [SECTION_CONFIG] = TABLE(parameter_rows),
};

const struct attribute_row *attribute_row_find(enum section_type type, const char *key) {
    for (size_t i = 0; i < tables[type].len; i++)
        if (text_equal_fold(tables[type].rows[i].name, key))
            return &tables[type].rows[i];
    return NULL;
}

/* Tags.NAME: any name will do. */
static bool is_in_record(enum section_type type, const char *key) {
    for (size_t i = 0; i < tables[type].len; i++) {
        const struct attribute_row *row = &tables[type].rows[i];
        size_t len = strlen(row->name);
        if (row->want == WANT_RECORD && strncasecmp(row->name, key, len) == 0 && key[len] == '.')
            return true;
    }
    return false;
}

const char *attribute_suggest(enum section_type type, const char *key) {
    const char *best = NULL;
    size_t len = strlen(key), best_distance = len < 6 ? 2 : 3;
    if (attribute_row_find(type, key) || is_in_record(type, key))
        return NULL;
    for (size_t i = 0; i < tables[type].len; i++) {
        const char *name = tables[type].rows[i].name;
        size_t d = text_distance(key, name, best_distance);
        if (d < best_distance && len > 3) {
            best_distance = d;
            best = name;
        }
    }
    return best;
}

char *attribute_spelling(enum section_type type, const char *key) {
    const struct attribute_row *row = attribute_row_find(type, key);
    char *copy = strdup(row ? row->name : key);
    const char *dot = copy && !row ? strchr(copy, '.') : NULL;
    if (!dot)
        return copy;
    size_t len = (size_t)(dot - copy) + 1;
    for (size_t i = 0; i < tables[type].len; i++) {
        const char *name = tables[type].rows[i].name;
        bool same = strncasecmp(name, copy, len) == 0;
        if (same || (strncasecmp(name, copy, len - 1) == 0 && !name[len - 1])) {
            memcpy(copy, name, len - 1);
            break;
        }
    }
    return copy;
}

bool want_is_single(enum want want) {
    return want == WANT_TEXT || want == WANT_INTEGER || want == WANT_NUMBER || want == WANT_TIME ||
           want == WANT_BOOLEAN;
}
