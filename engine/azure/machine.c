/* SPDX-License-Identifier: MIT */
#include "body.h"

#include "crypto/crypto.h"
#include "maker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Azure takes 64 KiB of each. */
#define ENCODED_MAX ((size_t)128 << 10)

struct machine {
    struct maker m;
    const struct cyclecloud_request *q;
    const struct cyclecloud_vm_spec *spec;
    bool in_set; /* the profile of a set; else a VM of its own */
};

static json_t *encoded(struct machine *v, const char *text) {
    if (!maker_given(text))
        return NULL;
    _cleanup_buf_ struct buf b = BUF_INIT(ENCODED_MAX);
    int r = crypto_base64_encode(text, strlen(text), &b);
    if (r < 0) {
        v->m.error = r;
        return NULL;
    }
    return maker_need(&v->m, json_string(b.data));
}

static json_t *image(struct machine *v) {
    static const struct {
        const char *prefix, *member;
    } galleries[] = {{"/SharedGalleries/", "sharedGalleryImageId"},
                     {"/CommunityGalleries/", "communityGalleryImageId"}};
    const struct cyclecloud_vm_spec *s = v->spec;
    for (size_t i = 0; maker_given(s->image_id) && i < sizeof(galleries) / sizeof(galleries[0]);
         i++)
        if (strncasecmp(s->image_id, galleries[i].prefix, strlen(galleries[i].prefix)) == 0)
            return maker_need(&v->m, json_pack("{s:s}", galleries[i].member, s->image_id));
    if (maker_given(s->image_id))
        return maker_id(&v->m, s->image_id);
    return maker_need(&v->m,
                      json_pack("{s:s, s:s, s:s, s:s}", "publisher", s->image_publisher, "offer",
                                s->image_offer, "sku", s->image_sku, "version",
                                maker_given(s->image_version) ? s->image_version : "latest"));
}

static bool confidential(const struct machine *v) {
    const char *type = v->spec->security_type;
    return maker_given(type) && strcasecmp(type, "ConfidentialVM") == 0;
}

static json_t *disk_security(struct machine *v) {
    const struct cyclecloud_vm_spec *s = v->spec;
    const char *type = s->security_encryption_type;
    if (!confidential(v))
        return NULL;
    return maker_need(&v->m,
                      json_pack("{s:s, s:o*}", "securityEncryptionType",
                                maker_given(type) ? type : "VMGuestStateOnly", "diskEncryptionSet",
                                maker_id(&v->m, s->confidential_set_id)));
}

/* Steals `security`. */
static json_t *managed_disk(struct machine *v, const char *type, const char *encryption_set_id,
                            json_t *security) {
    if (!maker_given(type) && !maker_given(encryption_set_id) && !security)
        return NULL;
    return maker_need(&v->m,
                      json_pack("{s:o*, s:o*, s:o*}", "storageAccountType", maker_text(&v->m, type),
                                "diskEncryptionSet", maker_id(&v->m, encryption_set_id),
                                "securityProfile", security));
}

static json_t *size_gb(struct machine *v, uint32_t gb) {
    return gb ? maker_need(&v->m, json_integer(gb)) : NULL;
}

/* A VM's disks go with it; those of a Uniform set always do, and it has no such member. */
static json_t *delete_option(struct machine *v) {
    if (v->in_set)
        return NULL;
    return maker_text(&v->m, "Delete");
}

static json_t *os_disk(struct machine *v) {
    const struct cyclecloud_vm_spec *s = v->spec;
    json_t *local = NULL, *managed = NULL;
    if (s->ephemeral_os_disk)
        local = maker_need(&v->m, json_pack("{s:s}", "option", "Local"));
    else
        managed = managed_disk(v, s->os_disk_type, s->os_disk_encryption_set_id, disk_security(v));
    const char *caching = maker_given(s->os_disk_caching) ? s->os_disk_caching : "ReadWrite";
    return maker_need(&v->m, json_pack("{s:s, s:s, s:o*, s:o*, s:o*, s:o*}", "createOption",
                                       "FromImage", "caching",
                                       s->ephemeral_os_disk ? "ReadOnly" : caching, "deleteOption",
                                       delete_option(v), "diskSizeGB", size_gb(v, s->os_disk_gb),
                                       "diffDiskSettings", local, "managedDisk", managed));
}

/* A disk of its own is attached as it is and stays when the VM goes. */
static json_t *attached_disk(struct machine *v, const struct cyclecloud_disk *d) {
    return json_pack("{s:I, s:s, s:s*, s:s, s:o}", "lun", (json_int_t)d->lun, "createOption",
                     "Attach", "caching", d->caching, "deleteOption", "Detach", "managedDisk",
                     maker_id(&v->m, d->resource_id));
}

static json_t *data_disk(struct machine *v, const struct cyclecloud_disk *d) {
    if (maker_given(d->resource_id))
        return attached_disk(v, d);
    return json_pack("{s:I, s:s, s:I, s:s, s:o*, s:o*}", "lun", (json_int_t)d->lun, "createOption",
                     "Empty", "diskSizeGB", (json_int_t)d->size_gb, "caching",
                     maker_given(d->caching) ? d->caching : "None", "deleteOption",
                     delete_option(v), "managedDisk",
                     managed_disk(v, d->storage_type, d->encryption_set_id, NULL));
}

static json_t *data_disks(struct machine *v) {
    if (v->spec->n_disks == 0)
        return NULL;
    json_t *list = maker_need(&v->m, json_array());
    for (size_t i = 0; list && i < v->spec->n_disks; i++)
        if (json_array_append_new(list, data_disk(v, &v->spec->disks[i])) < 0)
            v->m.error = -ENOMEM;
    return list;
}

static json_t *storage(struct machine *v) {
    return maker_need(&v->m, json_pack("{s:o*, s:o*, s:o*}", "imageReference", image(v), "osDisk",
                                       os_disk(v), "dataDisks", data_disks(v)));
}

static json_t *ssh(struct machine *v) {
    const struct cyclecloud_vm_spec *s = v->spec;
    if (!maker_given(s->ssh_public_key))
        return NULL;
    return maker_need(&v->m, json_pack("{s:[{s:s++, s:s}]}", "publicKeys", "path", "/home/",
                                       s->admin_username, "/.ssh/authorized_keys", "keyData",
                                       s->ssh_public_key));
}

static json_t *linux_configuration(struct machine *v) {
    return maker_need(&v->m, json_pack("{s:b, s:b, s:o*}", "disablePasswordAuthentication", 1,
                                       "provisionVMAgent", 1, "ssh", ssh(v)));
}

/* A node of a cluster is not restarted by updates while a job runs. */
static json_t *windows_configuration(struct machine *v) {
    return maker_need(&v->m,
                      json_pack("{s:b, s:b}", "provisionVMAgent", 1, "enableAutomaticUpdates", 0));
}

static json_t *os_profile(struct machine *v) {
    const struct cyclecloud_vm_spec *s = v->spec;
    return maker_need(&v->m,
                      json_pack("{s:s, s:s, s:o*, s:o*, s:o*, s:o*}",
                                v->in_set ? "computerNamePrefix" : "computerName", s->computer_name,
                                "adminUsername", s->admin_username, "adminPassword",
                                s->windows ? maker_text(&v->m, s->admin_password) : NULL,
                                "customData", encoded(v, s->custom_data), "linuxConfiguration",
                                s->windows ? NULL : linux_configuration(v), "windowsConfiguration",
                                s->windows ? windows_configuration(v) : NULL));
}

static json_t *dns_settings(struct machine *v) {
    const char *label = v->spec->public_dns_label;
    return maker_given(label) ? maker_need(&v->m, json_pack("{s:s}", "domainNameLabel", label))
                              : NULL;
}

static json_t *public_address(struct machine *v) {
    if (!v->spec->public_ip)
        return NULL;
    json_t *properties =
        v->in_set ? json_pack("{s:o*}", "dnsSettings", dns_settings(v))
                  : json_pack("{s:s, s:s, s:o*}", "deleteOption", "Delete",
                              "publicIPAllocationMethod", "Static", "dnsSettings", dns_settings(v));
    return maker_need(&v->m,
                      json_pack("{s:s+, s:{s:s}, s:o}", "name", v->q->name, "-ip", "sku", "name",
                                "Standard", "properties", maker_need(&v->m, properties)));
}

/* [{"id": ...}...], NULL when there is nothing. */
static json_t *references(struct machine *v, const char *const *ids) {
    if (!ids || !*ids)
        return NULL;
    json_t *list = maker_need(&v->m, json_array());
    for (; list && *ids; ids++)
        if (json_array_append_new(list, maker_id(&v->m, *ids)) < 0)
            v->m.error = -ENOMEM;
    return list;
}

static json_t *ip_configuration(struct machine *v) {
    return maker_need(&v->m,
                      json_pack("{s:s, s:{s:b, s:o, s:o*, s:o*}}", "name", "ip0", "properties",
                                "primary", 1, "subnet", maker_id(&v->m, v->spec->subnet_id),
                                "publicIPAddressConfiguration", public_address(v),
                                "applicationSecurityGroups",
                                references(v, v->spec->application_security_groups)));
}

/* The interface is part of the machine: made with it, gone with it, no write of its own. */
static json_t *network(struct machine *v) {
    const struct cyclecloud_vm_spec *s = v->spec;
    json_t *nic = maker_need(
        &v->m,
        json_pack("{s:s+, s:{s:b, s:b, s:b, s:o*, s:o*, s:[o]}}", "name", v->q->name, "-nic",
                  "properties", "primary", 1, "enableAcceleratedNetworking",
                  (int)s->accelerated_networking, "enableIPForwarding", (int)s->ip_forwarding,
                  "deleteOption", delete_option(v), "networkSecurityGroup",
                  maker_id(&v->m, s->security_group_id), "ipConfigurations", ip_configuration(v)));
    json_t *version = v->in_set ? NULL : maker_text(&v->m, "2020-11-01");
    return maker_need(&v->m, json_pack("{s:o*, s:[o]}", "networkApiVersion", version,
                                       "networkInterfaceConfigurations", nic));
}

static json_t *security(struct machine *v) {
    const struct cyclecloud_vm_spec *s = v->spec;
    json_t *uefi = NULL;
    if (maker_given(s->security_type))
        uefi = maker_need(&v->m, json_pack("{s:b, s:b}", "secureBootEnabled", (int)s->secure_boot,
                                           "vTpmEnabled", (int)s->vtpm));
    if (!uefi && !s->encryption_at_host)
        return NULL;
    json_t *at_host = s->encryption_at_host ? maker_need(&v->m, json_true()) : NULL;
    return maker_need(&v->m, json_pack("{s:o*, s:o*, s:o*}", "securityType",
                                       maker_text(&v->m, s->security_type), "uefiSettings", uefi,
                                       "encryptionAtHost", at_host));
}

/* Spot machines are told by a Preempt event instead; Azure refuses both. */
static json_t *scheduled_events(struct machine *v) {
    const struct cyclecloud_vm_spec *s = v->spec;
    if (s->terminate_notice_s == 0 || s->spot)
        return NULL;
    char text[16];
    (void)snprintf(text, sizeof(text), "PT%uM", (s->terminate_notice_s + 59) / 60);
    return maker_need(&v->m, json_pack("{s:{s:b, s:s}}", "terminateNotificationProfile", "enable",
                                       1, "notBeforeTimeout", text));
}

static json_t *billing(struct machine *v) {
    double price = v->spec->max_price;
    if (!v->spec->spot)
        return NULL;
    /* -1 is written as an integer, as Azure does. */
    json_t *most = price > 0 ? json_real(price) : json_integer(-1);
    return maker_need(&v->m, json_pack("{s:o}", "maxPrice", maker_need(&v->m, most)));
}

/* Kept by Azure itself (no account of our own), so that a VM that does not come up can be asked
   what it wrote to its console. */
static json_t *diagnostics(struct machine *v) {
    return maker_need(&v->m, json_pack("{s:{s:b}}", "bootDiagnostics", "enabled", 1));
}

/* Disks that only VMs with that capability can have. */
static bool needs_ultra(const struct cyclecloud_vm_spec *s) {
    for (size_t i = 0; i < s->n_disks; i++)
        if (maker_given(s->disks[i].storage_type) &&
            strcasecmp(s->disks[i].storage_type, "UltraSSD_LRS") == 0)
            return true;
    return false;
}

/* Member of a VM's properties and of a set's: both have it beside what they have in common. */
static json_t *capabilities(struct machine *v) {
    return needs_ultra(v->spec) ? maker_need(&v->m, json_pack("{s:b}", "ultraSSDEnabled", 1))
                                : NULL;
}

/* What a VM's properties and a set's profile have in common. */
static json_t *profile(struct machine *v) {
    const struct cyclecloud_vm_spec *s = v->spec;
    return maker_need(
        &v->m,
        json_pack("{s:o*, s:s, s:o*, s:o*, s:o, s:o, s:o, s:o, s:o*, s:o*, s:o*}", "licenseType",
                  maker_text(&v->m, s->license_type), "priority", s->spot ? "Spot" : "Regular",
                  "evictionPolicy", s->spot ? maker_text(&v->m, "Delete") : NULL, "billingProfile",
                  billing(v), "storageProfile", storage(v), "osProfile", os_profile(v),
                  "networkProfile", network(v), "diagnosticsProfile", diagnostics(v),
                  "securityProfile", security(v), "scheduledEventsProfile", scheduled_events(v),
                  "userData", encoded(v, s->user_data)));
}

static json_t *identity(struct machine *v) {
    const char *const *ids = v->spec->identity_ids;
    if (!ids || !*ids)
        return NULL;
    json_t *assigned = maker_need(&v->m, json_object());
    for (; assigned && *ids; ids++)
        if (json_object_set_new(assigned, *ids, json_object()) < 0)
            v->m.error = -ENOMEM;
    return maker_need(
        &v->m, json_pack("{s:s, s:o}", "type", "UserAssigned", "userAssignedIdentities", assigned));
}

static json_t *plan(struct machine *v) {
    const struct cyclecloud_vm_spec *s = v->spec;
    if (!maker_given(s->plan_name))
        return NULL;
    return maker_need(&v->m, json_pack("{s:s, s:s*, s:s*}", "name", s->plan_name, "publisher",
                                       s->plan_publisher, "product", s->plan_product));
}

static json_t *resource(struct machine *v, json_t *sku, json_t *properties) {
    return json_pack("{s:s, s:o*, s:o*, s:o*, s:o*, s:o*, s:o}", "location", maker_region(v->q),
                     "tags", maker_tags(&v->m, v->spec), "zones",
                     maker_texts(&v->m, v->spec->zones), "identity", identity(v), "plan", plan(v),
                     "sku", sku, "properties", properties);
}

int body_vm(const struct cyclecloud_request *q, json_t **ret) {
    struct machine v = {.q = q, .spec = q->spec};
    json_t *own =
        json_pack("{s:{s:s}, s:o*, s:o*}", "hardwareProfile", "vmSize", q->spec->machine_type,
                  "proximityPlacementGroup", maker_id(&v.m, q->spec->proximity_placement_group_id),
                  "additionalCapabilities", capabilities(&v));
    json_t *properties = profile(&v);
    if (!own || !properties || json_object_update(properties, own) < 0)
        v.m.error = v.m.error ? v.m.error : -ENOMEM;
    json_decref(own);
    return maker_finish(&v.m, resource(&v, NULL, properties), ret);
}

int body_set(const struct cyclecloud_request *q, json_t **ret) {
    struct machine v = {.q = q, .spec = q->spec, .in_set = true};
    json_t *sku =
        maker_need(&v.m, json_pack("{s:s, s:s, s:I}", "name", q->spec->machine_type, "tier",
                                   "Standard", "capacity", (json_int_t)q->capacity));
    json_t *properties = maker_need(
        &v.m,
        json_pack("{s:s, s:b, s:i, s:b, s:{s:s}, s:{s:[s]}, s:o*, s:o*, s:o}", "orchestrationMode",
                  "Uniform", "singlePlacementGroup", (int)q->spec->single_placement_group,
                  "platformFaultDomainCount", 1, "overprovision", 0, "upgradePolicy", "mode",
                  "Manual", "scaleInPolicy", "rules", "NewestVM", "proximityPlacementGroup",
                  maker_id(&v.m, q->spec->proximity_placement_group_id), "additionalCapabilities",
                  capabilities(&v), "virtualMachineProfile", profile(&v)));
    return maker_finish(&v.m, resource(&v, sku, properties), ret);
}
