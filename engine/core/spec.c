/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A node of the definition -> what the engine needs of it (struct array_spec). One row is one
 * attribute; `path` goes through nested objects, the last row that is present wins. What a VM is
 * made of is marked in the same rows: a change of it needs another scale set.
 */

#define NOTICE_DEFAULT_S 300
#define INTEGER_MAX 1000000000

enum attribute_type {
    TEXT,
    LIST, /* text separated by commas, or a list of texts */
    FLAG,
    INTEGER,
    REAL,
    SECONDS,
    OBJECT, /* kept as JSON */
};

struct attribute {
    const char *path;
    enum attribute_type type;
    size_t offset;
    bool vm; /* VMs with another value are other VMs */
};

#define ROW(path, type, member) \
    { path, type, offsetof(struct array_spec, member), false }
#define VM_ROW(path, type, member) \
    { path, type, offsetof(struct array_spec, member), true }

static const struct attribute attributes[] = {
    VM_ROW("Attributes.Credentials", TEXT, account),
    VM_ROW("Attributes.Region", TEXT, region),
    VM_ROW("Attributes.SubnetId", TEXT, subnet),
    VM_ROW("NetworkInterfaces.eth0.SubnetId", TEXT, subnet),
    ROW("Attributes.MachineType", LIST, machine_types),
    VM_ROW("Attributes.Zone", LIST, zones),
    VM_ROW("Attributes.Azure.Identities", LIST, identities),
    VM_ROW("Attributes.ImageName", TEXT, image),
    VM_ROW("Attributes.ImageId", TEXT, image_id),
    VM_ROW("Attributes.ComputerNamePrefix", TEXT, computer_name_prefix),
    VM_ROW("Attributes.ComputerName", TEXT, computer_name),
    VM_ROW("Attributes.PlacementGroupId", TEXT, placement_group),
    VM_ROW("Attributes.ProximityPlacementGroupId", TEXT, proximity_placement_group_id),
    VM_ROW("Attributes.CloudInit", TEXT, cloud_init),
    VM_ROW("Attributes.Username", TEXT, username),
    VM_ROW("Attributes.SecurityType", TEXT, security_type),
    VM_ROW("Attributes.NetworkSecurityGroupId", TEXT, security_group_id),
    VM_ROW("NetworkInterfaces.eth0.SecurityGroup", TEXT, security_group_id),
    VM_ROW("NetworkInterfaces.eth0.PublicDnsLabel", TEXT, dns_label),
    VM_ROW("Attributes.ImageOs", TEXT, image_os),
    VM_ROW("Attributes.Azure.Os", TEXT, image_os),
    VM_ROW("Attributes.Password", TEXT, password),
    VM_ROW("Attributes.HybridBenefitLicense", TEXT, license_type),
    VM_ROW("NetworkInterfaces.eth0.ApplicationSecurityGroups", LIST, application_security_groups),
    VM_ROW("Attributes.Tags", OBJECT, tags),
    VM_ROW("Volumes", OBJECT, volumes),
    ROW("InputEndpoints", OBJECT, endpoints),
    VM_ROW("Attributes.ImagePlan", OBJECT, plan),
    VM_ROW("Attributes.MaxPrice", REAL, max_price),
    ROW("Attributes.MaxCount", INTEGER, max_count),
    ROW("Attributes.MaxCoreCount", INTEGER, max_core_count),
    ROW("Attributes.Count", INTEGER, initial_count),
    ROW("Attributes.InitialCount", INTEGER, initial_count),
    ROW("Attributes.InitialCoreCount", INTEGER, initial_core_count),
    ROW("Attributes.Azure.MaxScaleSetSize", INTEGER, max_set_size),
    ROW("Attributes.Azure.MaxScalesetSize", INTEGER, max_set_size),
    ROW("Attributes.Priority", INTEGER, priority),
    VM_ROW("Attributes.TerminateNotificationTimeout", SECONDS, terminate_notice_s),
    ROW("Attributes.AwaitInstallationTimeout", SECONDS, boot_timeout_s),
    VM_ROW("Attributes.Interruptible", FLAG, spot),
    VM_ROW("Attributes.UsePublicNetwork", FLAG, public_ip),
    VM_ROW("Attributes.AssociatePublicIpAddress", FLAG, public_ip),
    VM_ROW("NetworkInterfaces.eth0.AssociatePublicIpAddress", FLAG, public_ip),
    VM_ROW("NetworkInterfaces.eth0.EnableIpForwarding", FLAG, ip_forwarding),
    VM_ROW("Attributes.EnableAcceleratedNetworking", FLAG, accelerated_networking),
    VM_ROW("Attributes.EphemeralOSDisk", FLAG, ephemeral_os_disk),
    VM_ROW("Attributes.Azure.SinglePlacementGroup", FLAG, single_placement_group),
    ROW("Attributes.KeepAlive", FLAG, keepalive),
    VM_ROW("Attributes.EncryptionAtHost", FLAG, encryption_at_host),
    VM_ROW("Attributes.EnableSecureBoot", FLAG, secure_boot),
    VM_ROW("Attributes.EnableVTPM", FLAG, vtpm),
    VM_ROW("Attributes.HybridBenefit", FLAG, hybrid_benefit),
    ROW("Attributes.AwaitInstallation", FLAG, await_installation),
    ROW("Attributes.InstallJetpack", FLAG, install_agent),
};

static const json_t *at_path(const json_t *object, const char *path) {
    char part[64];
    while (object) {
        size_t len = strcspn(path, ".");
        if (len >= sizeof(part))
            return NULL;
        memcpy(part, path, len);
        part[len] = '\0';
        object = json_object_get(object, part);
        if (!path[len])
            break;
        path += len + 1;
    }
    return json_is_null(object) ? NULL : object;
}

static double number_of(const json_t *v) {
    if (json_is_string(v))
        return strtod(json_string_value(v), NULL);
    return json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
}

/* Beyond any count there can be; what is larger, or no number, would not fit an integer. */
static int64_t integer_of(const json_t *v) {
    double n = number_of(v);
    if (n > INTEGER_MAX)
        return INTEGER_MAX;
    if (n < -INTEGER_MAX)
        return -INTEGER_MAX;
    return n == n ? (int64_t)n : 0; /* NaN is not equal to itself */
}

static bool flag_of(const json_t *v) {
    if (json_is_string(v))
        return strcasecmp(json_string_value(v), "true") == 0;
    return number_of(v) != 0;
}

/* Seconds of a number, or of a relative time: 10m, 2h, 1d. */
static uint32_t seconds_of(const json_t *v) {
    char none[] = "", *end = none;
    double n = json_is_string(v) ? strtod(json_string_value(v), &end) : json_number_value(v);
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'m', 60}, {'h', 3600}, {'d', 86400}};
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (*end == units[i].unit && strcmp(end, "ms") != 0)
            n *= units[i].seconds;
    return n > 0 && n < 1e8 ? (uint32_t)n : 0;
}

static int set_text_of(struct str **slot, const json_t *v) {
    char number[40];
    if (json_is_string(v))
        return str_set(slot, json_string_value(v));
    if (json_is_integer(v)) {
        (void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return str_set(slot, number);
    }
    return 0;
}

static int set_object_of(struct str **slot, const json_t *v) {
    char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return -ENOMEM;
    int r = str_set(slot, text);
    free(text);
    return r;
}

DEFINE_VEC(text_vec, const char *);

static int list_from_text(const char *text, struct str_list **slot) {
    char *copy = strdup(text);
    struct text_vec parts = {0};
    int r = copy ? 0 : -ENOMEM;
    char *rest = NULL;
    for (char *p = copy ? strtok_r(copy, ", \t", &rest) : NULL; p && r == 0;
         p = strtok_r(NULL, ", \t", &rest))
        r = text_vec_append(&parts, p);
    if (r == 0 && parts.len) {
        *slot = str_list_new(parts.items, parts.len);
        r = *slot ? 0 : -ENOMEM;
    }
    text_vec_done(&parts);
    free(copy);
    return r;
}

static int list_from_array(const json_t *v, struct str_list **slot) {
    struct text_vec parts = {0};
    int r = 0;
    for (size_t i = 0; i < json_array_size(v) && r == 0; i++) {
        const char *text = json_string_value(json_array_get(v, i));
        if (text && *text)
            r = text_vec_append(&parts, text);
    }
    if (r == 0 && parts.len) {
        *slot = str_list_new(parts.items, parts.len);
        r = *slot ? 0 : -ENOMEM;
    }
    text_vec_done(&parts);
    return r;
}

static int set_list_of(struct str_list **slot, const json_t *v) {
    str_list_unref(*slot);
    *slot = NULL;
    if (json_is_array(v))
        return list_from_array(v, slot);
    if (json_is_integer(v)) {
        char number[40];
        (void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return list_from_text(number, slot);
    }
    return json_is_string(v) ? list_from_text(json_string_value(v), slot) : 0;
}

static int set_attribute(const struct attribute *a, const json_t *v, struct array_spec *spec) {
    void *at = (char *)spec + a->offset;
    switch (a->type) {
    case TEXT:
        return set_text_of(at, v);
    case LIST:
        return set_list_of(at, v);
    case OBJECT:
        return set_object_of(at, v);
    case FLAG:
        *(bool *)at = flag_of(v);
        return 0;
    case INTEGER:
        *(int64_t *)at = integer_of(v);
        return 0;
    case REAL:
        *(double *)at = number_of(v);
        return 0;
    case SECONDS:
        *(uint32_t *)at = seconds_of(v);
        return 0;
    }
    return 0;
}

/* Seconds of notice before a termination; only where the notice is asked for. */
static void read_notice(const json_t *object, struct array_spec *spec) {
    const json_t *notice = at_path(object, "Attributes.EnableTerminateNotification");
    if (!notice || !flag_of(notice))
        spec->terminate_notice_s = 0;
    else if (!spec->terminate_notice_s)
        spec->terminate_notice_s = NOTICE_DEFAULT_S;
}

static const char *name_of(const json_t *object) {
    const char *name = json_string_value(json_object_get(object, "Name"));
    return name ? name : "a node";
}

/* Azure.Publisher, Offer, Sku and ImageVersion are another way to name an image. */
static int read_image_parts(const json_t *object, struct array_spec *spec, struct error *err) {
    const char *publisher = json_string_value(at_path(object, "Attributes.Azure.Publisher"));
    const char *offer = json_string_value(at_path(object, "Attributes.Azure.Offer"));
    const char *sku = json_string_value(at_path(object, "Attributes.Azure.Sku"));
    const char *version = json_string_value(at_path(object, "Attributes.Azure.ImageVersion"));
    if (str_len(spec->image) || !publisher || !offer || !sku)
        return 0;
    _cleanup_buf_ struct buf urn = BUF_INIT(LIMIT_ATTRIBUTE_BYTES);
    int r = buf_printf(&urn, "%s:%s:%s:%s", publisher, offer, sku, version ? version : "latest");
    if (r == -E2BIG)
        return err_set(err, -EINVAL, "invalid_template",
                       "Azure.Publisher, Offer, Sku and ImageVersion of %s have at most %zu bytes "
                       "together",
                       name_of(object), LIMIT_ATTRIBUTE_BYTES);
    return r < 0 ? r : str_set(&spec->image, urn.data);
}

static int set_default(struct str **slot, const char *text) {
    return str_len(*slot) || !text ? 0 : str_set(slot, text);
}

/* What the definition leaves open and the configuration says. */
static int site_defaults(const struct engine *e, struct array_spec *spec) {
    const struct engine_site *site = &e->options.site;
    const struct cyclecloud_provider *p = &e->options.provider;
    int r = set_default(&spec->account, site->default_account);
    if (r == 0 && str_len(spec->account))
        r = set_default(&spec->region, p->ops->account_region(p->self, str_text(spec->account)));
    return r < 0 ? r : set_default(&spec->username, site->admin_username);
}

/* With a security type both are on unless the template says no, as Azure's own tools have it. */
static void read_security(const json_t *object, struct array_spec *spec) {
    const char *type = str_text(spec->security_type);
    bool trusted = *type && strcasecmp(type, "Standard") != 0;
    if (trusted && !at_path(object, "Attributes.EnableSecureBoot"))
        spec->secure_boot = true;
    if (trusted && !at_path(object, "Attributes.EnableVTPM"))
        spec->vtpm = true;
}

/* Attributes whose meaning does not fit a row. */
static int read_the_rest(const json_t *object, const struct engine *e, struct array_spec *spec,
                         struct error *err) {
    const char *policy = json_string_value(at_path(object, "Attributes.ShutdownPolicy"));
    spec->deallocate_on_shutdown = policy && strcasecmp(policy, "deallocate") == 0;
    read_notice(object, spec);
    read_security(object, spec);
    int r = read_image_parts(object, spec, err);
    return r < 0 ? r : site_defaults(e, spec);
}

/* The longest text of an attribute, or of a list of them, that is over `max`; 0 if none is. */
static size_t excess(const json_t *v, size_t max) {
    size_t longest = json_string_length(v);
    for (size_t i = 0; i < json_array_size(v); i++) {
        size_t len = json_string_length(json_array_get(v, i));
        longest = len > longest ? len : longest;
    }
    return longest > max ? longest : 0;
}

/* Refuses what no resource of Azure can be called, before anybody has to put it into a request. */
static int check_length(const json_t *object, const struct attribute *a, const json_t *v,
                        struct error *err) {
    bool cloud_init = a->offset == offsetof(struct array_spec, cloud_init);
    size_t max = cloud_init ? LIMIT_CLOUD_INIT_BYTES : LIMIT_ATTRIBUTE_BYTES;
    const char *dot = strchr(a->path, '.'), *key = dot ? dot + 1 : a->path;
    size_t len = a->type == TEXT || a->type == LIST ? excess(v, max) : 0;
    if (len)
        return err_set(err, -EINVAL, "invalid_template", "%s of %s has %zu bytes; at most %zu fit",
                       key, name_of(object), len, max);
    if (a->type == LIST && json_array_size(v) > LIMIT_LIST_ITEMS)
        return err_set(err, -EINVAL, "invalid_template", "%s of %s has %zu items; at most %u fit",
                       key, name_of(object), json_array_size(v), LIMIT_LIST_ITEMS);
    return 0;
}

int spec_read(const json_t *object, const struct engine *e, struct array_spec *spec,
              struct error *err) {
    spec->max_price = -1;
    spec->max_count = spec->max_core_count = -1;
    spec->priority = 1;
    spec->boot_timeout_s = 1800;
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(attributes) && r == 0; i++) {
        const json_t *v = at_path(object, attributes[i].path);
        if (v)
            r = check_length(object, &attributes[i], v, err);
        if (v && r == 0)
            r = set_attribute(&attributes[i], v, spec);
    }
    if (r == 0)
        r = read_the_rest(object, e, spec, err);
    if (spec->max_count < -1)
        spec->max_count = -1;
    return r == -ENOMEM ? err_set(err, r, "no_memory", "no memory left to read the definition") : r;
}

static bool is_mask(const json_t *v) {
    return json_is_string(v) && strcmp(json_string_value(v), "********") == 0;
}

static bool masked_at(const json_t *node, const json_t *shown, const char *path) {
    const json_t *v = at_path(node, path);
    return v && !is_mask(v) && is_mask(at_path(shown, path));
}

/* False for what only the VM gets to see. */
static bool is_shown(const struct attribute *a) {
    return a->type != OBJECT && a->offset != offsetof(struct array_spec, cloud_init) &&
           a->offset != offsetof(struct array_spec, password);
}

const char *spec_masked_path(const json_t *node, const json_t *shown) {
    static const char *const others[] = {"Attributes.Azure.Publisher", "Attributes.Azure.Offer",
                                         "Attributes.Azure.Sku", "Attributes.Azure.ImageVersion"};
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
        const struct attribute *a = &attributes[i];
        if (is_shown(a) && masked_at(node, shown, a->path))
            return a->path;
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (masked_at(node, shown, others[i]))
            return others[i];
    return NULL;
}

static uint64_t mix_text(uint64_t h, const char *text) {
    return h * 31 + hash_text(text);
}

static uint64_t mix_list(uint64_t h, const struct str_list *l) {
    for (size_t i = 0; l && i < l->len; i++)
        h = mix_text(h, str_text(l->items[i]));
    return h * 31;
}

static uint64_t mix_number(uint64_t h, double n) {
    uint64_t bits;
    memcpy(&bits, &n, sizeof(bits));
    return (h * 31 + (bits >> 32)) * 31 + (uint32_t)bits;
}

static uint64_t mix_attribute(uint64_t h, const struct attribute *a, const struct array_spec *s) {
    const void *at = (const char *)s + a->offset;
    switch (a->type) {
    case TEXT:
    case OBJECT:
        return mix_text(h, str_text(*(struct str *const *)at));
    case LIST:
        return mix_list(h, *(struct str_list *const *)at);
    case FLAG:
        return h * 31 + *(const bool *)at;
    case INTEGER:
        return mix_number(h, (double)*(const int64_t *)at);
    case REAL:
        return mix_number(h, *(const double *)at);
    case SECONDS:
        return mix_number(h, *(const uint32_t *)at);
    }
    return h;
}

void spec_hash(const struct array_spec *s, char text[17]) {
    uint64_t h = 1;
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
        if (attributes[i].vm)
            h = mix_attribute(h, &attributes[i], s);
    (void)snprintf(text, 17, "%016" PRIx64, h);
}
