/* SPDX-License-Identifier: MIT */
/* [[[cluster-init REF]]]: which scripts of which project run on a node, and in which order. */
#include "entries.h"
#include "node.h"
#include "origin.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

static int set_text(struct value *record, const char *key, const char *text, size_t len) {
    return len ? value_record_set(record, key, value_string_n(text, len)) : 0;
}

/* `[locker/]project[:spec[:version]]` */
static int put_reference(struct value *record, const char *text) {
    static const char *const keys[] = {"Project", "Spec", "Version"};
    const char *slash = strchr(text, '/');
    int r = slash ? set_text(record, "Locker", text, (size_t)(slash - text)) : 0;
    text = slash ? slash + 1 : text;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
        size_t len = i + 1 < ARRAY_SIZE(keys) ? strcspn(text, ":") : strlen(text);
        r = set_text(record, keys[i], text, len);
        text += len + (text[len] == ':');
    }
    return r;
}

static const char *get_text(const struct value *record, const char *key) {
    const struct value *v = value_record_get(record, key);
    return v && v->type == VALUE_STRING ? v->text : "";
}

/* What is not said: the spec `default`; the version 1.0.0 but for built-in projects (the newest).
 */
static int put_defaults(struct value *record) {
    int r = 0;
    if (!*get_text(record, "Spec"))
        r = value_record_set(record, "Spec", value_string("default"));
    bool built_in = text_equal_fold(get_text(record, "Locker"), "cyclecloud");
    if (r == 0 && !*get_text(record, "Version") && !built_in)
        r = value_record_set(record, "Version", value_string("1.0.0"));
    return r;
}

static int put_name(struct value *record) {
    _cleanup_buf_ struct buf b = BUF_INIT(VALUE_TEXT_MAX);
    const char *version = get_text(record, "Version");
    if (value_record_get(record, "Name"))
        return 0;
    (void)buf_printf(&b, "%s:%s", get_text(record, "Project"), get_text(record, "Spec"));
    if (*version)
        (void)buf_printf(&b, ":%s", version);
    return buf_error(&b) < 0 ? -ENOMEM : value_record_set(record, "Name", value_string(b.data));
}

static int finish(struct value *record) {
    int r = put_defaults(record);
    return r < 0 ? r : put_name(record);
}

static bool same_spec(const struct value *a, const struct value *b) {
    return text_equal_fold(get_text(a, "Project"), get_text(b, "Project")) &&
           text_equal_fold(get_text(a, "Spec"), get_text(b, "Spec"));
}

/* Adds `record` (stolen); of a spec that is there already the later one takes its place. */
static int add_spec(struct value *list, struct value *record) {
    for (size_t i = 0; record && i < list->len; i++)
        if (same_spec(list->items[i], record)) {
            value_unref(list->items[i]);
            list->items[i] = record;
            return 0;
        }
    return value_list_append(list, record);
}

static int add_section(struct scope *s, const struct section *section, struct owner owner,
                       struct value *list) {
    const struct entry_rules rules = {.type = SECTION_CLUSTER_INIT, .owner = owner};
    _cleanup_value_ struct value *name = scope_section_name(s, section, owner);
    _cleanup_value_ struct value *own = section_evaluate(s, section, &rules);
    _cleanup_value_ struct value *record = value_record_new();
    if (!name || !own || !record)
        return -ENOMEM;
    int r = put_reference(record, name->text);
    for (size_t i = 0; r == 0 && i < own->len; i++)
        r = value_record_set(record, own->keys[i], value_ref(own->items[i]));
    if (r == 0)
        r = finish(record);
    if (r == 0)
        r = origin_note_section(s, section, owner, get_text(record, "Name"));
    return r < 0 ? r : add_spec(list, TAKE_PTR(record));
}

/* One of AdditionalClusterInitSpecs: a record as the form makes it, or a reference. */
static int add_additional(const struct value *item, const char *key, struct value *list) {
    _cleanup_value_ struct value *record = value_record_new();
    if (!record)
        return -ENOMEM;
    int r = put_reference(record, item->type == VALUE_STRING ? item->text : key);
    for (size_t i = 0; r == 0 && item->type == VALUE_RECORD && i < item->len; i++)
        if (!value_is_undefined(item->items[i]))
            r = value_record_set(record, item->keys[i], value_ref(item->items[i]));
    if (r == 0)
        r = finish(record);
    if (r < 0 || !*get_text(record, "Project"))
        return r;
    return add_spec(list, TAKE_PTR(record));
}

static int add_all_additional(const struct value *additional, struct value *list) {
    if (additional->type == VALUE_RECORD) {
        for (size_t i = 0; i < additional->len; i++) {
            int r = add_additional(additional->items[i], additional->keys[i], list);
            if (r < 0)
                return r;
        }
        return 0;
    }
    _cleanup_value_ struct value *items = value_coerce(additional, WANT_LIST);
    for (size_t i = 0; items && items->type == VALUE_LIST && i < items->len; i++) {
        int r = add_additional(items->items[i], "", list);
        if (r < 0)
            return r;
    }
    return items ? 0 : -ENOMEM;
}

/* Order, or the place in the list; those that the form adds start at 10000. */
static int64_t order_of(const struct value *record, size_t at) {
    const struct value *order = value_record_get(record, "Order");
    int64_t n;
    return order && value_to_integer(order, &n) ? n : (int64_t)at + 1;
}

/* Stable; the lists are short. */
static int sort_specs(struct value *list) {
    _cleanup_free_ int64_t *orders = calloc(list->len + 1, sizeof(int64_t));
    if (!orders)
        return -ENOMEM;
    for (size_t i = 0; i < list->len; i++) {
        struct value *item = list->items[i];
        int64_t order = order_of(item, i);
        size_t at = i;
        for (; at > 0 && orders[at - 1] > order; at--) {
            list->items[at] = list->items[at - 1];
            orders[at] = orders[at - 1];
        }
        list->items[at] = item;
        orders[at] = order;
    }
    return 0;
}

struct value *cluster_init_evaluate(struct scope *s, const struct section_list *layers,
                                    const struct value *additional, struct owner owner) {
    _cleanup_value_ struct value *list = value_list_new();
    for (size_t l = 0; list && l < layers->len; l++)
        for (size_t i = 0; i < layers->items[l]->children.len; i++) {
            const struct section *child = layers->items[l]->children.items[i];
            if (child->type == SECTION_CLUSTER_INIT &&
                add_section(s, child, owner, list) == -ENOMEM)
                return NULL;
        }
    if (list && additional && add_all_additional(additional, list) == -ENOMEM)
        return NULL;
    if (list && sort_specs(list) < 0)
        return NULL;
    return TAKE_PTR(list);
}
