/* SPDX-License-Identifier: MIT */
#include "kept.h"
#include "volume.h"

#include "crypto/crypto.h"
#include "send.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * An intent -> the request that carries it out. Everything is worked out anew from the state, so a
 * repeated request says the same as the first one.
 */

#define MAX_TAGS 50 /* Azure's limit for a resource */
#define LAST_TAGS 2 /* of them are ours and come last */
#define LINUX_NAME_MAX 63
#define WINDOWS_NAME_MAX 15 /* NetBIOS; a scale set adds six characters to its prefix */
#define WINDOWS_PREFIX_MAX 9

/* A request with the memory that it points to. */
struct outgoing {
    struct cyclecloud_request request;
    struct cyclecloud_vm_spec spec;
    struct cyclecloud_tag tags[MAX_TAGS];
    struct request_disks disks;
    struct cyclecloud_disk disk;
    struct opening_vec openings;
    struct cyclecloud_endpoint *endpoints;
    struct image image;
    json_t *tags_json, *plan_json;
    const char **zones, **identities, **security_groups, **instances;
    char *instances_text, *subnet_id, *name, *computer_name, *security_group_id;
    struct buf custom_data;
    struct array array; /* as its nodes were made, where that is not the present definition */
    struct array_spec *array_spec;
    char ids[4][24];
    char request_id[UUID_TEXT_SIZE];
};

static void outgoing_done(struct outgoing *o) {
    json_decref(o->tags_json);
    json_decref(o->disks.json);
    json_decref(o->plan_json);
    opening_vec_done(&o->openings);
    free(o->endpoints);
    free(o->zones);
    free(o->identities);
    free(o->security_groups);
    free(o->instances);
    free(o->instances_text);
    free(o->subnet_id);
    free(o->name);
    free(o->computer_name);
    free(o->security_group_id);
    array_spec_unref(o->array_spec);
    buf_done(&o->custom_data);
}

static const char *none_if_empty(const struct str *s) {
    return str_len(s) ? str_text(s) : NULL;
}

/* What is allowed in a resource name everywhere: letters, digits and '-'. */
static char *resource_name(const char *text, uint64_t id) {
    _cleanup_buf_ struct buf b = BUF_INIT(64);
    for (const char *p = text; *p && b.len < 40; p++)
        buf_putc(&b, isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-');
    buf_printf(&b, "-%" PRIu64, id);
    return buf_error(&b) < 0 ? NULL : buf_take(&b);
}

char *request_vm_name(const struct node *n) {
    return resource_name(str_text(n->name), n->vm_number ? n->vm_number : n->id);
}

static void add_tag(struct outgoing *o, const char *name, const char *value) {
    if (o->spec.n_tags < MAX_TAGS)
        o->tags[o->spec.n_tags++] = (struct cyclecloud_tag){name, value};
}

static bool has_tag(const struct outgoing *o, const char *name) {
    for (size_t i = 0; i < o->spec.n_tags; i++)
        if (strcasecmp(o->tags[i].name, name) == 0)
            return true;
    return false;
}

/* A member that is kept as JSON; NULL when it is empty. 0 or -ENOMEM: what is written is valid. */
static int read_json(const struct str *text, json_t **ret) {
    *ret = str_len(text) ? json_loadb(str_text(text), str_len(text), 0, NULL) : NULL;
    return str_len(text) && !*ret ? -ENOMEM : 0;
}

/* Ours tell whose a machine is; the template's come with them. 0 or -ENOMEM. */
static int fill_tags(struct engine *e, struct outgoing *o, const struct cluster *c,
                     const struct array *a) {
    (void)snprintf(o->ids[0], sizeof(o->ids[0]), "%" PRIu64, c->id);
    o->spec.tags = o->tags;
    add_tag(o, "CycleCloudServer", e->server_id);
    add_tag(o, "ClusterId", o->ids[0]);
    add_tag(o, "ClusterName", str_text(c->name));
    if (!a)
        return 0;
    add_tag(o, "Template", str_text(a->name));
    int r = read_json(a->spec->tags, &o->tags_json);
    const char *name;
    json_t *value;
    json_object_foreach(o->tags_json, name, value) {
        if (json_is_string(value) && !has_tag(o, name) && o->spec.n_tags + LAST_TAGS < MAX_TAGS)
            add_tag(o, name, json_string_value(value));
    }
    return r;
}

static const char **list_items(const struct str_list *l) {
    const char **items = calloc((l ? l->len : 0) + 1, sizeof(*items));
    for (size_t i = 0; items && l && i < l->len; i++)
        items[i] = str_text(l->items[i]);
    return items;
}

static int fill_image(struct engine *e, struct outgoing *o, const struct array_spec *s,
                      struct error *err) {
    const char *name = str_len(s->image_id) ? str_text(s->image_id) : str_text(s->image);
    if (image_resolve(e->options.images, name, &o->image) < 0)
        return err_set(err, -EINVAL, "unknown_image", "image %s is not known",
                       *name ? name : "(none)");
    struct cyclecloud_vm_spec *v = &o->spec;
    v->windows = str_len(s->image_os) ? strcasecmp(str_text(s->image_os), "windows") == 0
                                      : o->image.os == IMAGE_OS_WINDOWS;
    v->admin_password = none_if_empty(s->password);
    if (v->windows && !v->admin_password)
        return err_set(err, -EINVAL, "invalid_value",
                       "image %s is Windows, which needs a Password: set it to a parameter of type "
                       "Password",
                       name);
    if (*o->image.id) {
        v->image_id = o->image.id;
    } else {
        v->image_publisher = o->image.publisher;
        v->image_offer = o->image.offer;
        v->image_sku = o->image.sku;
        v->image_version = o->image.version;
    }
    if (o->image.plan_name[0]) {
        v->plan_name = o->image.plan_name;
        v->plan_publisher = o->image.plan_publisher;
        v->plan_product = o->image.plan_product;
    }
    int r = read_json(s->plan, &o->plan_json);
    const char *plan = json_string_value(json_object_get(o->plan_json, "Name"));
    if (plan) {
        v->plan_name = plan;
        v->plan_publisher = json_string_value(json_object_get(o->plan_json, "Publisher"));
        v->plan_product = json_string_value(json_object_get(o->plan_json, "Product"));
    }
    return r;
}

/* The bootstrap token: good for registering members of `scope`. agent-protocol.md */
static int fill_custom_data(struct engine *e, struct outgoing *o, uint64_t scope,
                            usec_t created_at) {
    char claim[64];
    uint8_t mac[CRYPTO_SHA256_SIZE];
    int len = snprintf(claim, sizeof(claim), "%" PRIu64 ".%" PRIu64, scope,
                       (created_at + BOOTSTRAP_LIFETIME) / USEC_SEC);
    int r = crypto_hmac_sha256(e->server_key, sizeof(e->server_key), claim, (size_t)len, mac);
    if (r < 0)
        return r;
    struct buf *b = &o->custom_data;
    buf_puts(b, "{\"server\":\"");
    buf_put_json(b, e->options.site.server_url);
    buf_puts(b, "\",\"ca_sha256\":\"");
    buf_put_json(b, e->options.site.ca_sha256);
    buf_printf(b, "\",\"token\":\"%s.", claim);
    crypto_base64url_encode(mac, sizeof(mac), b);
    buf_puts(b, "\"}");
    o->spec.custom_data = b->data;
    return buf_error(b);
}

static void fill_flags(struct cyclecloud_vm_spec *v, const struct array_spec *s) {
    v->terminate_notice_s = s->terminate_notice_s;
    v->max_price = s->max_price;
    v->spot = s->spot;
    v->ephemeral_os_disk = s->ephemeral_os_disk;
    v->accelerated_networking = s->accelerated_networking;
    v->public_ip = s->public_ip;
    v->ip_forwarding = s->ip_forwarding;
    v->encryption_at_host = s->encryption_at_host;
    v->secure_boot = s->secure_boot;
    v->vtpm = s->vtpm;
    v->single_placement_group = s->single_placement_group;
}

static char *security_group_id(const struct cluster *c, const char *region, const char *subnet_id) {
    _cleanup_free_ char *name = security_group_name(c, region);
    const char *end = strstr(subnet_id, "/resourceGroups/");
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    if (end)
        buf_append(&b, subnet_id, (size_t)(end - subnet_id));
    buf_printf(&b, "/resourceGroups/%s/providers/Microsoft.Network/networkSecurityGroups/%s",
               str_text(c->group), name ? name : "");
    return !name || buf_error(&b) < 0 ? NULL : buf_take(&b);
}

static int fill_network(struct engine *e, struct outgoing *o, const struct cluster *c,
                        const struct array_spec *s, struct error *err) {
    const struct cyclecloud_provider *p = &e->options.provider;
    o->subnet_id = p->ops->subnet_id(p->self, str_text(s->account), str_text(s->subnet));
    if (!o->subnet_id)
        return err_set(err, -EINVAL, "invalid_value",
                       "SubnetId %s is not RESOURCE-GROUP/NETWORK/SUBNET", str_text(s->subnet));
    o->spec.subnet_id = o->subnet_id;
    o->spec.security_group_id = none_if_empty(s->security_group_id);
    o->spec.public_dns_label = none_if_empty(s->dns_label);
    if (s->public_ip && !o->spec.security_group_id) {
        o->security_group_id = security_group_id(c, str_text(s->region), o->subnet_id);
        if (!o->security_group_id)
            return -ENOMEM;
        o->spec.security_group_id = o->security_group_id;
    }
    return 0;
}

/* A licence that one has already; HybridBenefit alone means that of Windows. */
static const char *license_type(const struct array_spec *s) {
    if (!s->hybrid_benefit)
        return NULL;
    return str_len(s->license_type) ? str_text(s->license_type) : "Windows_Server";
}

static int fill_spec(struct engine *e, struct outgoing *o, const struct cluster *c,
                     const struct array *a, struct error *err) {
    const struct array_spec *s = a->spec;
    struct cyclecloud_vm_spec *v = &o->spec;
    v->region = str_text(s->region);
    v->admin_username = str_text(s->username);
    v->ssh_public_key = e->options.site.ssh_public_key;
    v->user_data = none_if_empty(s->cloud_init);
    v->proximity_placement_group_id = none_if_empty(s->proximity_placement_group_id);
    v->security_type = none_if_empty(s->security_type);
    o->zones = list_items(s->zones);
    o->identities = list_items(s->identities);
    o->security_groups = list_items(s->application_security_groups);
    if (!o->zones || !o->identities || !o->security_groups)
        return -ENOMEM;
    v->application_security_groups = o->security_groups[0] ? o->security_groups : NULL;
    v->license_type = license_type(s);
    v->zones = o->zones[0] ? o->zones : NULL;
    v->identity_ids = o->identities[0] ? o->identities : NULL;
    fill_flags(v, s);
    int r = fill_tags(e, o, c, a);
    if (r == 0)
        r = fill_image(e, o, s, err);
    return r < 0 ? r : fill_network(e, o, c, s, err);
}

/* Adds what a host name can have of a text; '-' is for the rest, but not at the beginning. */
static void put_host_name(struct buf *b, const char *text, size_t max) {
    for (const char *p = text; *p && b->len < max; p++)
        if (isalnum((unsigned char)*p) || b->len)
            buf_putc(b, isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-');
}

/* ComputerName, or ComputerNamePrefix and the node's name: at most `max` characters before the
 * suffix. An array's name is used only where it has no prefix: Azure numbers its VMs. */
static char *host_name(const struct array_spec *s, const char *name, size_t max,
                       const char *suffix) {
    _cleanup_buf_ struct buf b = BUF_INIT(80);
    if (str_len(s->computer_name)) {
        put_host_name(&b, str_text(s->computer_name), max);
    } else {
        put_host_name(&b, str_text(s->computer_name_prefix), max);
        if (!b.len || !*suffix)
            put_host_name(&b, name, max);
    }
    while (b.len && b.data[b.len - 1] == '-')
        buf_truncate(&b, b.len - 1);
    buf_puts(&b, b.len ? suffix : "node");
    return buf_error(&b) < 0 ? NULL : buf_take(&b);
}

struct subject {
    const struct cluster *cluster;
    const struct array *array;
    const struct node *node;
    const struct set *set;
    const struct volume *volume;
};

static int fill_group(struct engine *e, struct outgoing *o, const struct intent *i,
                      const struct subject *on, struct error *err) {
    (void)i;
    (void)err;
    return fill_tags(e, o, on->cluster, NULL);
}

static int fill_security_group(struct engine *e, struct outgoing *o, const struct intent *i,
                               const struct subject *on, struct error *err) {
    (void)err;
    const char *region = str_len(i->region) ? str_text(i->region) : str_text(on->cluster->region);
    int r = fill_tags(e, o, on->cluster, NULL);
    if (r == 0)
        r = security_group_openings(on->cluster, region, &o->openings);
    o->endpoints = r == 0 ? calloc(o->openings.len + 1, sizeof(*o->endpoints)) : NULL;
    o->name = security_group_name(on->cluster, region);
    if (!o->endpoints || !o->name)
        return -ENOMEM;
    for (size_t k = 0; k < o->openings.len; k++) {
        const struct opening *open = &o->openings.items[k];
        o->endpoints[k] =
            (struct cyclecloud_endpoint){open->name, open->udp ? "Udp" : "Tcp", open->port};
    }
    o->spec.region = region;
    o->request.endpoints = o->endpoints;
    o->request.n_endpoints = o->openings.len;
    return 0;
}

static int fill_create_vm(struct engine *e, struct outgoing *o, const struct intent *i,
                          const struct subject *on, struct error *err) {
    int r = fill_spec(e, o, on->cluster, on->array, err);
    if (r == 0)
        r = request_disks_fill(engine_state(e), on->array, on->node, &o->disks, &o->spec);
    if (r < 0)
        return r;
    (void)snprintf(o->ids[1], sizeof(o->ids[1]), "%" PRIu64, on->node->id);
    add_tag(o, "NodeId", o->ids[1]);
    add_tag(o, "Name", str_text(on->node->name));
    o->spec.machine_type = str_text(on->node->machine_type);
    o->computer_name = host_name(on->array->spec, str_text(on->node->name),
                                 o->spec.windows ? WINDOWS_NAME_MAX : LINUX_NAME_MAX, "");
    o->spec.computer_name = o->computer_name;
    if (!o->computer_name)
        return -ENOMEM;
    return fill_custom_data(e, o, on->node->id, i->created_at);
}

static int fill_create_set(struct engine *e, struct outgoing *o, const struct intent *i,
                           const struct subject *on, struct error *err) {
    (void)i; /* the token is the same for each try: it is made of the set */
    int r = fill_spec(e, o, on->cluster, on->array, err);
    if (r == 0)
        r = request_disks_fill(engine_state(e), on->array, NULL, &o->disks, &o->spec);
    if (r < 0)
        return r;
    (void)snprintf(o->ids[1], sizeof(o->ids[1]), "%" PRIu64, on->set->id);
    add_tag(o, "SetId", o->ids[1]);
    o->spec.machine_type = str_text(on->set->machine_type);
    o->spec.single_placement_group =
        on->set->limit <= LIMIT_SET_SIZE_PLACEMENT_GROUP &&
        (o->spec.single_placement_group || str_len(on->set->placement_group));
    _cleanup_buf_ struct buf suffix = BUF_INIT(32);
    buf_printf(&suffix, o->spec.windows ? "%02" PRIu64 "-" : "-%" PRIu64 "-",
               on->set->id % (o->spec.windows ? 100 : 10000));
    o->computer_name =
        host_name(on->array->spec, str_text(on->array->name),
                  o->spec.windows ? WINDOWS_PREFIX_MAX - suffix.len : 20, suffix.data);
    o->spec.computer_name = o->computer_name;
    if (!o->computer_name)
        return -ENOMEM;
    return fill_custom_data(e, o, on->set->id, on->set->created_at);
}

static int fill_resize(struct engine *e, struct outgoing *o, const struct intent *i,
                       const struct subject *on, struct error *err) {
    (void)e;
    (void)i;
    (void)err;
    o->spec.machine_type = str_text(on->set->machine_type);
    return 0;
}

static int fill_instances(struct engine *e, struct outgoing *o, const struct intent *i,
                          const struct subject *on, struct error *err) {
    (void)e;
    (void)on;
    (void)err;
    o->instances_text = strdup(str_text(i->instances));
    size_t n = 1;
    for (const char *p = o->instances_text; p && *p; p++)
        n += *p == ' ';
    o->instances = calloc(n + 1, sizeof(*o->instances));
    if (!o->instances_text || !o->instances)
        return -ENOMEM;
    char *rest = NULL;
    size_t at = 0;
    for (char *p = strtok_r(o->instances_text, " ", &rest); p; p = strtok_r(NULL, " ", &rest))
        o->instances[at++] = p;
    o->request.instance_ids = o->instances;
    return 0;
}

/* What is sent about a volume says whose it is; a resource group has no use for the disk. */
static int fill_volume(struct engine *e, struct outgoing *o, const struct intent *i,
                       const struct subject *on, struct error *err) {
    const struct volume *v = on->volume;
    (void)err;
    o->disk = (struct cyclecloud_disk){.size_gb = i->capacity,
                                       .storage_type = str_text(v->storage_type),
                                       .zone = none_if_empty(v->zone)};
    o->request.disk = &o->disk;
    int r = fill_tags(e, o, on->cluster, NULL);
    (void)snprintf(o->ids[1], sizeof(o->ids[1]), "%" PRIu64, v->item.id);
    add_tag(o, "VolumeId", o->ids[1]);
    add_tag(o, "Name", volume_name(v));
    return r;
}

typedef int (*fill_function)(struct engine *e, struct outgoing *o, const struct intent *i,
                             const struct subject *on, struct error *err);

enum subject_kind {
    ON_GROUP,
    ON_NODE,
    ON_SET,
    ON_VOLUME,
};

static const struct {
    enum subject_kind on;
    fill_function fill;
} fillers[INTENT_KIND_MAX] = {
    [INTENT_ENSURE_GROUP] = {ON_GROUP, fill_group},
    [INTENT_ENSURE_SECURITY_GROUP] = {ON_GROUP, fill_security_group},
    [INTENT_CREATE_VM] = {ON_NODE, fill_create_vm},
    [INTENT_DELETE_VM] = {ON_NODE, NULL},
    [INTENT_START_VM] = {ON_NODE, NULL},
    [INTENT_DEALLOCATE_VM] = {ON_NODE, NULL},
    [INTENT_CREATE_SET] = {ON_SET, fill_create_set},
    [INTENT_RESIZE_SET] = {ON_SET, fill_resize},
    [INTENT_DELETE_SET] = {ON_SET, NULL},
    [INTENT_DELETE_INSTANCES] = {ON_SET, fill_instances},
    [INTENT_START_INSTANCES] = {ON_SET, fill_instances},
    [INTENT_DEALLOCATE_INSTANCES] = {ON_SET, fill_instances},
    [INTENT_DELETE_GROUP] = {ON_GROUP, NULL},
    [INTENT_ENSURE_VOLUME_GROUP] = {ON_VOLUME, fill_volume},
    [INTENT_CREATE_VOLUME] = {ON_VOLUME, fill_volume},
    [INTENT_GROW_VOLUME] = {ON_VOLUME, fill_volume},
    [INTENT_DELETE_VOLUME] = {ON_VOLUME, NULL},
    [INTENT_DELETE_VOLUME_GROUP] = {ON_VOLUME, NULL},
};

/* Only what is made needs its definition: what is there can go without one. */
static bool needs_definition(enum intent_kind kind) {
    return kind == INTENT_CREATE_VM || kind == INTENT_CREATE_SET;
}

/* The object of an intent; -ENOENT when it is gone. */
static int find_subject(struct engine *e, const struct intent *i, struct subject *on) {
    on->cluster = snapshot_cluster(engine_state(e), i->cluster_id);
    if (!on->cluster)
        return -ENOENT;
    enum subject_kind kind = fillers[i->kind].on;
    if (kind == ON_GROUP)
        return 0;
    if (kind == ON_VOLUME) {
        on->volume = volume_by_id(engine_state(e), i->volume_id);
        return on->volume ? 0 : -ENOENT;
    }
    if (kind == ON_NODE)
        on->node = cluster_node(on->cluster, i->node_id);
    else
        on->set = cluster_set_by_id(on->cluster, i->set_id);
    if (!on->node && !on->set)
        return -ENOENT;
    on->array = cluster_array_by_id(on->cluster, on->node ? on->node->array_id : on->set->array_id);
    bool defined = on->array && on->array->spec;
    return defined || !needs_definition(i->kind) ? 0 : -ENOENT;
}

/* The definition may have changed since the intent was made: the request stays the same. */
static int use_edition(struct engine *e, struct outgoing *o, struct subject *on,
                       struct error *err) {
    uint64_t id = on->node ? on->node->edition : on->set ? on->set->edition : 0;
    const struct edition *ed = on->array ? edition_find(on->array->editions, id) : NULL;
    if (!ed || id == on->array->edition)
        return 0;
    int r = edition_spec(e, ed, &o->array_spec, err);
    o->array = *on->array;
    o->array.spec = o->array_spec;
    on->array = &o->array;
    return r;
}

static int fill_name(struct outgoing *o, const struct subject *on) {
    if (on->node)
        o->name = request_vm_name(on->node);
    else if (on->set)
        o->name = strdup(str_text(on->set->name));
    else if (on->volume)
        o->name = strdup(str_text(on->volume->disk));
    return (on->node || on->set || on->volume) && !o->name ? -ENOMEM : 0;
}

/* The same UUID each time the intent is sent: it is made of the server's and the intent's ids. */
static void fill_request_id(struct engine *e, struct outgoing *o, const struct intent *i) {
    uint64_t seed = hash_text(e->server_id) ^ i->id * 0x9e3779b97f4a7c15u;
    struct random_source source = random_seeded(&seed);
    random_uuid(&source, o->request_id);
    o->request.client_request_id = o->request_id;
}

int request_send(struct engine *e, const struct intent *i, call_done done, struct error *err) {
    struct subject on = {0};
    int r = find_subject(e, i, &on);
    if (r < 0)
        return err_set(err, r, "not_found", "what the intent works on is gone");
    struct outgoing o = {.custom_data = BUF_INIT(LIMIT_VALUE_BYTES * 4)};
    struct cyclecloud_request *q = &o.request;
    q->call = i->state == INTENT_ACCEPTED ? CYCLECLOUD_CALL_POLL : intent_call(i->kind);
    q->account = str_text(on.cluster->account);
    q->region = str_text(on.cluster->region);
    q->group = str_text(on.cluster->group);
    if (on.volume) {
        q->account = str_text(on.volume->account);
        q->region = str_text(on.volume->region);
        q->group = str_text(on.volume->group);
    }
    q->capacity = i->capacity;
    q->spec = &o.spec;
    q->operation_url = str_text(i->poll_url);
    q->if_match = str_text(i->etag);
    fill_request_id(e, &o, i);
    if (i->state != INTENT_ACCEPTED) {
        r = fill_name(&o, &on);
        if (r == 0 && needs_definition(i->kind))
            r = use_edition(e, &o, &on, err);
        if (r == 0 && fillers[i->kind].fill)
            r = fillers[i->kind].fill(e, &o, i, &on, err);
        q->name = o.name;
    }
    if (r == 0)
        r = call_submit(e, q, done, i->cluster_id, i->id);
    outgoing_done(&o);
    return r < 0 ? err_wrap(err, r, "%s", intent_verb(i->kind)) : 0;
}

int request_look(struct engine *e, const struct intent *i, call_done done, struct error *err) {
    struct subject on = {0};
    int r = find_subject(e, i, &on);
    if (r < 0 || !on.set)
        return err_set(err, r < 0 ? r : -ENOENT, "not_found", "what the intent works on is gone");
    const struct cyclecloud_request q = {.call = CYCLECLOUD_CALL_GET_SET,
                                         .account = str_text(on.cluster->account),
                                         .region = str_text(on.cluster->region),
                                         .group = str_text(on.cluster->group),
                                         .name = str_text(on.set->name)};
    r = call_submit(e, &q, done, i->cluster_id, i->id);
    return r < 0 ? err_wrap(err, r, "%s", intent_verb(i->kind)) : 0;
}
