/* SPDX-License-Identifier: MIT */
#ifndef CYCLECLOUD_PROVIDER_H
#define CYCLECLOUD_PROVIDER_H

/*
 * A cloud, as the engine sees it.
 *
 * A provider is asynchronous and stateless: it carries one request to the cloud and reports how
 * that went. It plans nothing, remembers nothing about nodes and does not repeat a request that
 * changes the cloud; the engine does, from its intents. Requests are absolute (names, capacities,
 * identifiers), so sending one twice means the same as sending it once.
 *
 * Invariants
 * - All functions are called on the engine thread, and callbacks run on it, never from inside
 *   cyclecloud_provider_ops.submit.
 * - A request and everything it points to is borrowed until submit returns. A result and
 *   everything it points to is borrowed until the callback returns.
 * - Exactly one callback for each accepted submit, unless the provider is closed first.
 * - Strings are UTF-8 and never NULL in results ("" where the cloud says nothing); in requests NULL
 *   means "not given".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a request ended. ERRORS: each class has one meaning for an orchestrator. */
enum cyclecloud_class {
    CYCLECLOUD_OK,        /* done */
    CYCLECLOUD_PENDING,   /* accepted; operation_url says where to ask (CYCLECLOUD_CALL_POLL) */
    CYCLECLOUD_THROTTLED, /* not done, come again after retry_after_us */
    CYCLECLOUD_QUOTA,     /* a limit of the subscription; `quota` has the numbers when known */
    CYCLECLOUD_CAPACITY,  /* the region or zone has no such machines now */
    CYCLECLOUD_AUTH,      /* credentials or roles: a person must act */
    CYCLECLOUD_INVALID,   /* the request is wrong and will never work as it is */
    CYCLECLOUD_CONFLICT,  /* another operation runs on that resource: read again, then retry */
    CYCLECLOUD_GONE,      /* no such resource */
    CYCLECLOUD_TRANSPORT, /* no answer, or 5xx: unknown whether anything happened */
    CYCLECLOUD_CLASS_MAX,
};

enum cyclecloud_call {
    CYCLECLOUD_CALL_LIST_SIZES,            /* region -> sizes */
    CYCLECLOUD_CALL_LIST_QUOTAS,           /* region -> quotas */
    CYCLECLOUD_CALL_GET_SUBNET,            /* spec.subnet_id -> subnet */
    CYCLECLOUD_CALL_ENSURE_GROUP,          /* group, region, spec.tags */
    CYCLECLOUD_CALL_DELETE_GROUP,          /* group, with everything inside */
    CYCLECLOUD_CALL_ENSURE_SECURITY_GROUP, /* group, name, region, endpoints, spec.tags */
    CYCLECLOUD_CALL_CREATE_VM,             /* group, name, spec; see below */
    CYCLECLOUD_CALL_DELETE_VM,             /* group, name */
    CYCLECLOUD_CALL_START_VM,              /* group, name */
    CYCLECLOUD_CALL_DEALLOCATE_VM,         /* group, name */
    CYCLECLOUD_CALL_GET_VM,                /* group, name -> one instance, with power state */
    CYCLECLOUD_CALL_CREATE_SET,            /* group, name, spec, capacity; see below */
    CYCLECLOUD_CALL_RESIZE_SET,            /* group, name, spec.machine_type, capacity, if_match */
    CYCLECLOUD_CALL_GET_SET,               /* group, name -> one set */
    CYCLECLOUD_CALL_DELETE_SET,            /* group, name */
    CYCLECLOUD_CALL_DELETE_INSTANCES,      /* group, name, instance_ids */
    CYCLECLOUD_CALL_START_INSTANCES,       /* group, name, instance_ids */
    CYCLECLOUD_CALL_DEALLOCATE_INSTANCES,  /* group, name, instance_ids */
    CYCLECLOUD_CALL_LIST_VMS,              /* group -> instances (no scale-set members) */
    CYCLECLOUD_CALL_LIST_SETS,             /* group -> sets */
    CYCLECLOUD_CALL_LIST_INSTANCES,        /* group, name -> instances with power state */
    CYCLECLOUD_CALL_SWEEP,                 /* tag_name, tag_value -> instances with that tag in the
                                              whole subscription; cheap, may be a minute old */
    CYCLECLOUD_CALL_POLL,                  /* operation_url */
    CYCLECLOUD_CALL_LIST_PRICES,           /* region -> prices; a public list, no credentials */
    CYCLECLOUD_CALL_READ_CONSOLE,          /* group, name -> console of a VM */
    CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE, /* group, name, one instance id -> console */
    CYCLECLOUD_CALL_CREATE_DISK,           /* group, name, region, disk, spec.tags */
    CYCLECLOUD_CALL_RESIZE_DISK,           /* group, name, disk.size_gb: larger only */
    CYCLECLOUD_CALL_DELETE_DISK,           /* group, name */
    CYCLECLOUD_CALL_MAX,
};

/*
 * A request may reach the cloud long after it was sent, and after its answer was given up. So
 * CREATE_VM and CREATE_SET never change what is there: where the name is taken, an earlier request
 * of the same name has made it; the answer is PENDING, and what is there is followed. RESIZE_SET
 * changes nothing and answers CONFLICT unless the set still has the etag `if_match`.
 */

struct cyclecloud_tag {
    const char *name, *value;
};

struct cyclecloud_disk {
    uint32_t lun;
    uint32_t size_gb;
    const char *storage_type;      /* Premium_LRS ... */
    const char *caching;           /* None, ReadOnly, ReadWrite; NULL = None */
    const char *encryption_set_id; /* resource id of a disk encryption set, or NULL */
    const char *resource_id; /* a disk that is there and is attached; NULL = a new, empty one */
    const char *zone;        /* CREATE_DISK: NULL = none */
};

/* An inbound TCP or UDP opening of a security group. */
struct cyclecloud_endpoint {
    const char *name;
    const char *protocol; /* Tcp, Udp */
    uint16_t port;
};

/* What a VM, or every VM of a set, is made of. */
struct cyclecloud_vm_spec {
    const char *region;
    const char *machine_type;
    const char *image_id; /* resource id; else the four below */
    const char *image_publisher, *image_offer, *image_sku, *image_version;
    const char *plan_name, *plan_publisher, *plan_product; /* purchase plan, all or none */
    const char *subnet_id;                                 /* full resource id */
    const char *security_group_id;
    const char *computer_name; /* a VM's host name, a set's name prefix */
    const char *admin_username;
    const char *ssh_public_key; /* one authorized_keys line */
    const char *custom_data;    /* plain; the provider encodes it */
    const char *user_data;      /* plain; the provider encodes it */
    const char *proximity_placement_group_id;
    const char *security_type;            /* TrustedLaunch, ConfidentialVM */
    const char *security_encryption_type; /* of a confidential OS disk; NULL = VMGuestStateOnly */
    const char *confidential_set_id;      /* disk encryption set of a confidential OS disk */
    const char *license_type;             /* Windows_Server, RHEL_BYOS ...; NULL = by the hour */
    const char *admin_password;           /* Windows only */
    const char *const *application_security_groups; /* resource ids, NULL-terminated, or NULL */
    const char *public_dns_label;
    const char *const *zones; /* NULL-terminated, or NULL */
    const char *const *identity_ids;
    const struct cyclecloud_tag *tags;
    size_t n_tags;
    const struct cyclecloud_disk *disks;
    size_t n_disks;
    uint32_t os_disk_gb; /* 0 = the image's size */
    const char *os_disk_type;
    const char *os_disk_caching;           /* NULL = ReadWrite */
    const char *os_disk_encryption_set_id; /* or NULL */
    uint32_t terminate_notice_s;           /* 0 = none; 300..900 */
    double max_price; /* USD an hour for spot, -1 = up to the on-demand price */
    bool spot;
    bool ephemeral_os_disk;
    bool accelerated_networking;
    bool public_ip;
    bool ip_forwarding;
    bool encryption_at_host;
    bool secure_boot, vtpm;
    bool windows;
    bool single_placement_group; /* sets: one InfiniBand fabric, 100 VMs at most */
};

struct cyclecloud_request {
    enum cyclecloud_call call;
    const char *account; /* name of the [account NAME] section */
    const char *region;
    const char *group; /* resource group */
    const char *name;  /* of the VM, set or security group */
    uint32_t capacity; /* CREATE_SET, RESIZE_SET: absolute */
    const struct cyclecloud_vm_spec *spec;
    const struct cyclecloud_disk *disk; /* CREATE_DISK, RESIZE_DISK */
    const char *const *instance_ids;    /* NULL-terminated */
    const struct cyclecloud_endpoint *endpoints;
    size_t n_endpoints;
    const char *operation_url;
    const char *tag_name, *tag_value;
    const char *client_request_id; /* UUID; sent as x-ms-client-request-id */
    const char *if_match;          /* RESIZE_SET: an etag of GET_SET; NULL or "" = any */
};

struct cyclecloud_size {
    const char *name;         /* Standard_HB120rs_v3 */
    const char *family;       /* standardHBv3Family */
    const char *const *zones; /* NULL-terminated */
    uint32_t vcpus;           /* vCPUsAvailable where given */
    uint32_t quota_vcpus;     /* vCPUs: what counts against quotas */
    uint32_t vcpus_per_core;  /* 2 with hyper-threading, 0 = the cloud does not say */
    uint32_t gpus;
    uint64_t memory_mb;
    uint32_t max_nics;
    bool rdma, spot, accelerated_networking, ephemeral_os_disk, premium_disk;
    bool restricted; /* not available for this subscription here */
    const char *restriction_reason;
};

struct cyclecloud_quota {
    const char *name;  /* family, "cores", "lowPriorityCores", "virtualMachines" ... */
    const char *label; /* for people */
    uint64_t used, limit;
};

/* What an hour of a VM with Linux costs, without discounts. */
struct cyclecloud_price {
    const char *name;     /* of the size */
    const char *currency; /* "USD" */
    uint64_t hour_micro;  /* millionths of the currency */
    bool spot;
};

/* A VM: alone or member of a set. */
struct cyclecloud_instance {
    const char *resource_id;
    const char *name;
    const char *vm_id; /* the VM's own UUID */
    const char *group;
    const char *set_name;    /* "" for a VM of its own */
    const char *instance_id; /* within the set */
    const char *machine_type;
    const char *region;
    const char *zone;
    const char *computer_name;
    const char *provisioning_state; /* Creating Updating Succeeded Failed Deleting */
    const char
        *power_state; /* starting running stopping stopped deallocating deallocated, "" unknown */
    const char *error_code, *error_message; /* when provisioning failed */
    const char *placement_group;
    const struct cyclecloud_tag *tags;
    size_t n_tags;
};

struct cyclecloud_set {
    const char *resource_id, *name, *machine_type, *provisioning_state;
    const char *etag; /* another one after each change; "" = the cloud gives none */
    uint32_t capacity;
    const struct cyclecloud_tag *tags;
    size_t n_tags;
};

struct cyclecloud_subnet {
    const char *id, *address_prefix;
    uint64_t usable_addresses; /* 2^(32-prefix) - 5 */
};

struct cyclecloud_quota_error {
    const char
        *name; /* family, "cores" or "lowPriorityCores"; "" = not a quota that was understood */
    uint64_t limit, used, required;
};

struct cyclecloud_result {
    enum cyclecloud_class result;
    int http_status;     /* 0 = no answer */
    const char *code;    /* the cloud's error code, "" when fine */
    const char *message; /* the cloud's words, or what went wrong on the way */
    const char *request_id;
    const char *operation_url; /* PENDING */
    bool operation_ended;      /* POLL: the operation is over, and `result` is what came of it;
                                  false: only the question failed, the operation may go on */
    uint64_t retry_after_us;   /* 0 = not said */
    struct cyclecloud_quota_error quota;
    const struct cyclecloud_size *sizes;
    size_t n_sizes;
    const struct cyclecloud_quota *quotas;
    size_t n_quotas;
    const struct cyclecloud_instance *instances;
    size_t n_instances;
    const struct cyclecloud_set *sets;
    size_t n_sets;
    const struct cyclecloud_subnet *subnet;
    const struct cyclecloud_price *prices;
    size_t n_prices;
    const char
        *console; /* READ_CONSOLE: bytes as the VM wrote them; may be NULL when there are none */
    size_t console_len;
};

/* The most bytes of a console that are read: of a longer one its end, from the start of a line. */
#define CYCLECLOUD_CONSOLE_MAX ((size_t)256 << 10)

typedef void (*cyclecloud_done)(void *arg, const struct cyclecloud_result *result);

/* Versioned: new members are added at the end, `struct_size` tells which are there. */
struct cyclecloud_provider_ops {
    size_t struct_size;
    const char *name; /* "azure" */
    /*
     * Queues a request. Returns 0 (the callback will come), -EINVAL (unknown account or a member
     * that the call needs is missing), or -ENOMEM (no callback).
     */
    int (*submit)(void *provider, const struct cyclecloud_request *request, cyclecloud_done done,
                  void *arg);
    /* True when the account exists in the provider's configuration. */
    bool (*has_account)(void *provider, const char *account);
    /* The account's default region, "" when it has none or does not exist. Borrowed. */
    const char *(*account_region)(void *provider, const char *account);
    /* The full resource id of "group/network/subnet" in the account. Malloc'ed; NULL: no memory or
     * malformed. */
    char *(*subnet_id)(void *provider, const char *account, const char *subnet);
    /* A person asks to try again: pauses that the cloud asked for end now. May be NULL. */
    void (*hurry)(void *provider);
};

struct cyclecloud_provider {
    const struct cyclecloud_provider_ops *ops;
    void *self;
};

#endif
