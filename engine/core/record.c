/* SPDX-License-Identifier: MIT */
#include "record.h"

#include "base/cleanup.h"
#include "model/edition.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stddef.h>
#include <string.h>

#define FIELD(object, member, kind) \
    { #member, kind, offsetof(struct object, member) }

static const struct field cluster_fields[] = {
    FIELD(cluster, id, FIELD_U64),
    FIELD(cluster, name, FIELD_STR),
    FIELD(cluster, uid, FIELD_INT),
    FIELD(cluster, gid, FIELD_INT),
    FIELD(cluster, mode, FIELD_INT),
    FIELD(cluster, created_at, FIELD_U64),
    FIELD(cluster, changed_at, FIELD_U64),
    FIELD(cluster, state_at, FIELD_U64),
    FIELD(cluster, state, FIELD_INT),
    FIELD(cluster, target, FIELD_INT),
    FIELD(cluster, generation, FIELD_U64),
    FIELD(cluster, observed_generation, FIELD_U64),
    FIELD(cluster, outcome, FIELD_STR),
    FIELD(cluster, group, FIELD_STR),
    FIELD(cluster, account, FIELD_STR),
    FIELD(cluster, region, FIELD_STR),
    FIELD(cluster, group_ready, FIELD_BOOL),
    FIELD(cluster, nodes_at, FIELD_U64),
    {"template_at", FIELD_U64, offsetof(struct cluster, template.changed_at)},
    {"parameters_at", FIELD_U64, offsetof(struct cluster, parameters.changed_at)},
    {"rejected_template_at", FIELD_U64, offsetof(struct cluster, rejected_template.changed_at)},
    {"rejected_parameters_at", FIELD_U64, offsetof(struct cluster, rejected_parameters.changed_at)},
};

static const struct field array_fields[] = {
    FIELD(array, id, FIELD_U64),          FIELD(array, cluster_id, FIELD_U64),
    FIELD(array, name, FIELD_STR),        FIELD(array, is_array, FIELD_BOOL),
    FIELD(array, gone, FIELD_BOOL),       FIELD(array, max_count_set, FIELD_I64),
    FIELD(array, next_number, FIELD_U32),
};

static const struct field edition_fields[] = {
    FIELD(edition, id, FIELD_U64),
    FIELD(edition, array_id, FIELD_U64),
    FIELD(edition, made_at, FIELD_U64),
    FIELD(edition, key, FIELD_STR),
    FIELD(edition, definition, FIELD_STR),
    FIELD(edition, attributes, FIELD_STR),
    FIELD(edition, configuration, FIELD_STR),
};

static const struct field set_fields[] = {
    FIELD(set, id, FIELD_U64),
    FIELD(set, cluster_id, FIELD_U64),
    FIELD(set, array_id, FIELD_U64),
    FIELD(set, intent_id, FIELD_U64),
    FIELD(set, edition, FIELD_U64),
    FIELD(set, name, FIELD_STR),
    FIELD(set, machine_type, FIELD_STR),
    FIELD(set, zone, FIELD_STR),
    FIELD(set, placement_group, FIELD_STR),
    FIELD(set, spec_hash, FIELD_STR),
    FIELD(set, server, FIELD_STR),
    FIELD(set, state, FIELD_INT),
    FIELD(set, capacity, FIELD_U32),
    FIELD(set, limit, FIELD_U32),
    FIELD(set, spot, FIELD_BOOL),
    FIELD(set, created_at, FIELD_U64),
    FIELD(set, write_at, FIELD_U64),
};

static const struct field node_fields[] = {
    FIELD(node, id, FIELD_U64),
    FIELD(node, cluster_id, FIELD_U64),
    FIELD(node, array_id, FIELD_U64),
    FIELD(node, set_id, FIELD_U64),
    FIELD(node, intent_id, FIELD_U64),
    FIELD(node, vm_number, FIELD_U64),
    FIELD(node, edition, FIELD_U64),
    FIELD(node, name, FIELD_STR),
    FIELD(node, machine_type, FIELD_STR),
    FIELD(node, resource_id, FIELD_STR),
    FIELD(node, instance_id, FIELD_STR),
    FIELD(node, vm_id, FIELD_STR),
    FIELD(node, hostname, FIELD_STR),
    FIELD(node, private_ip, FIELD_STR),
    FIELD(node, public_ip, FIELD_STR),
    FIELD(node, zone, FIELD_STR),
    FIELD(node, placement_group, FIELD_STR),
    FIELD(node, message, FIELD_STR),
    FIELD(node, token_hash, FIELD_STR),
    FIELD(node, target, FIELD_INT),
    FIELD(node, status, FIELD_INT),
    FIELD(node, phase, FIELD_INT),
    FIELD(node, hold, FIELD_INT),
    FIELD(node, elastic, FIELD_BOOL),
    FIELD(node, keepalive, FIELD_BOOL),
    FIELD(node, fixed, FIELD_BOOL),
    FIELD(node, deallocate, FIELD_BOOL),
    FIELD(node, spot, FIELD_BOOL),
    FIELD(node, cores, FIELD_U32),
    FIELD(node, retries, FIELD_U32),
    FIELD(node, created_at, FIELD_U64),
    FIELD(node, status_at, FIELD_U64),
    FIELD(node, ready_at, FIELD_U64),
    FIELD(node, billed_at, FIELD_U64),
    FIELD(node, not_before, FIELD_U64),
    FIELD(node, generation, FIELD_U64),
    FIELD(node, console_wanted, FIELD_BOOL),
    FIELD(node, console_last, FIELD_BOOL),
    FIELD(node, console_bytes, FIELD_U32),
    FIELD(node, console_asked_at, FIELD_U64),
    FIELD(node, console_at, FIELD_U64),
};

#define ITEM_FIELDS(kind)                                                    \
    {"name", FIELD_STR, offsetof(struct kind, item.name)},                   \
        {"created_at", FIELD_U64, offsetof(struct kind, item.created_at)}, { \
        "changed_at", FIELD_U64, offsetof(struct kind, item.changed_at)      \
    }

static const struct field user_fields[] = {
    ITEM_FIELDS(user),
    FIELD(user, uid, FIELD_INT),
    FIELD(user, gid, FIELD_INT),
    FIELD(user, role, FIELD_STR),
    FIELD(user, shell, FIELD_STR),
    FIELD(user, authorized_keys, FIELD_STR),
    FIELD(user, password_hash, FIELD_STR),
    FIELD(user, disabled, FIELD_BOOL),
};

/* The text of an account is the configuration's; its id must outlive the process. */
static const struct field account_fields[] = {
    ITEM_FIELDS(account),
};

static const struct field alert_fields[] = {
    ITEM_FIELDS(alert),
    FIELD(alert, cluster_id, FIELD_U64),
    FIELD(alert, array_id, FIELD_U64),
    FIELD(alert, kind, FIELD_STR),
    FIELD(alert, text, FIELD_STR),
};

static const struct field orphan_fields[] = {
    ITEM_FIELDS(orphan),
    FIELD(orphan, resource_id, FIELD_STR),
    FIELD(orphan, account, FIELD_STR),
    FIELD(orphan, region, FIELD_STR),
    FIELD(orphan, group, FIELD_STR),
    FIELD(orphan, vm_name, FIELD_STR),
    FIELD(orphan, set_name, FIELD_STR),
    FIELD(orphan, instance_id, FIELD_STR),
    FIELD(orphan, machine_type, FIELD_STR),
    FIELD(orphan, zone, FIELD_STR),
    FIELD(orphan, cluster_id, FIELD_STR),
    FIELD(orphan, wish, FIELD_INT),
};

static const struct field volume_fields[] = {
    ITEM_FIELDS(volume),
    FIELD(volume, cluster_id, FIELD_U64),
    FIELD(volume, node_id, FIELD_U64),
    FIELD(volume, intent_id, FIELD_U64),
    FIELD(volume, node, FIELD_STR),
    FIELD(volume, section, FIELD_STR),
    FIELD(volume, account, FIELD_STR),
    FIELD(volume, region, FIELD_STR),
    FIELD(volume, zone, FIELD_STR),
    FIELD(volume, group, FIELD_STR),
    FIELD(volume, disk, FIELD_STR),
    FIELD(volume, resource_id, FIELD_STR),
    FIELD(volume, storage_type, FIELD_STR),
    FIELD(volume, message, FIELD_STR),
    FIELD(volume, state, FIELD_INT),
    FIELD(volume, size_gb, FIELD_U32),
    FIELD(volume, wanted_gb, FIELD_U32),
    FIELD(volume, group_ready, FIELD_BOOL),
};

const struct record_type record_items[ITEM_KIND_MAX] = {
    [ITEM_USER] = {'u', user_fields, ARRAY_SIZE(user_fields)},
    [ITEM_ACCOUNT] = {'k', account_fields, ARRAY_SIZE(account_fields)},
    [ITEM_ALERT] = {'l', alert_fields, ARRAY_SIZE(alert_fields)},
    [ITEM_ORPHAN] = {'o', orphan_fields, ARRAY_SIZE(orphan_fields)},
    [ITEM_VOLUME] = {'w', volume_fields, ARRAY_SIZE(volume_fields)},
};

const struct record_type record_cluster = {'c', cluster_fields, ARRAY_SIZE(cluster_fields)};
const struct record_type record_array = {'a', array_fields, ARRAY_SIZE(array_fields)};
const struct record_type record_edition = {'e', edition_fields, ARRAY_SIZE(edition_fields)};
const struct record_type record_set = {'s', set_fields, ARRAY_SIZE(set_fields)};
const struct record_type record_node = {'n', node_fields, ARRAY_SIZE(node_fields)};

/* The number in a field, whatever its width; texts and absent ones are 0. */
static int64_t field_number(const struct field *f, const void *object) {
    const char *at = (const char *)object + f->offset;
    uint64_t u64;
    uint32_t u32;
    bool flag;
    switch (f->type) {
    case FIELD_U64:
    case FIELD_I64:
        memcpy(&u64, at, sizeof(u64));
        return (int64_t)u64;
    case FIELD_U32:
    case FIELD_INT:
        memcpy(&u32, at, sizeof(u32));
        return (int64_t)u32;
    case FIELD_BOOL:
        memcpy(&flag, at, sizeof(flag));
        return flag;
    case FIELD_STR:
        break;
    }
    return 0;
}

static void field_set_number(const struct field *f, void *object, int64_t number) {
    char *at = (char *)object + f->offset;
    uint64_t u64 = (uint64_t)number;
    uint32_t u32 = (uint32_t)number;
    bool flag = number != 0;
    if (f->type == FIELD_BOOL)
        memcpy(at, &flag, sizeof(flag));
    else if (f->type == FIELD_U32 || f->type == FIELD_INT)
        memcpy(at, &u32, sizeof(u32));
    else
        memcpy(at, &u64, sizeof(u64));
}

static struct str **field_str(const struct field *f, const void *object) {
    return (struct str **)(void *)((char *)(uintptr_t)object + f->offset);
}

int record_encode(const struct record_type *type, const void *object, struct buf *b) {
    const char *separator = "";
    buf_putc(b, '{');
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct field *f = &type->fields[i];
        if (f->type == FIELD_STR) {
            const struct str *s = *field_str(f, object);
            if (!str_len(s))
                continue;
            buf_printf(b, "%s\"%s\":\"", separator, f->name);
            buf_put_json(b, str_text(s));
            buf_putc(b, '"');
        } else {
            int64_t number = field_number(f, object);
            if (!number)
                continue;
            buf_printf(b, "%s\"%s\":%" PRId64, separator, f->name, number);
        }
        separator = ",";
    }
    buf_putc(b, '}');
    return buf_error(b);
}

static int field_decode(const struct field *f, const json_t *value, void *object) {
    if (f->type == FIELD_STR) {
        if (!json_is_string(value))
            return -EBADMSG;
        struct str *s = str_new(json_string_value(value), json_string_length(value));
        if (!s)
            return -ENOMEM;
        str_unref(*field_str(f, object));
        *field_str(f, object) = s;
        return 0;
    }
    if (!json_is_integer(value))
        return -EBADMSG;
    field_set_number(f, object, json_integer_value(value));
    return 0;
}

int record_decode(const struct record_type *type, const char *text, size_t len, void *object,
                  const char **ret_member) {
    json_error_t error;
    json_t *root = json_loadb(text, len, JSON_ALLOW_NUL, &error);
    if (!json_is_object(root)) {
        json_decref(root);
        return -EBADMSG;
    }
    int r = 0;
    for (size_t i = 0; i < type->n_fields && r == 0; i++) {
        const json_t *value = json_object_get(root, type->fields[i].name);
        if (!value)
            continue;
        r = field_decode(&type->fields[i], value, object);
        if (r < 0 && ret_member)
            *ret_member = type->fields[i].name;
    }
    json_decref(root);
    return r;
}

static void put_number(unsigned char *at, uint64_t number) {
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(number >> (56 - 8 * i));
}

size_t record_key(char letter, uint64_t cluster_id, uint64_t id,
                  unsigned char key[RECORD_KEY_MAX]) {
    key[0] = (unsigned char)letter;
    put_number(key + 1, cluster_id);
    if (!id)
        return 9;
    put_number(key + 9, id);
    return 17;
}

size_t record_document_key(uint64_t cluster_id, char kind, unsigned char key[RECORD_KEY_MAX]) {
    size_t len = record_key('d', cluster_id, 0, key);
    key[len] = (unsigned char)kind;
    return len + 1;
}

uint64_t record_key_number(const void *at) {
    const unsigned char *bytes = at;
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return number;
}
