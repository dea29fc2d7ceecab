/* SPDX-License-Identifier: MIT */
/* [[[cluster-init REF]]]: which scripts of which project run on a node, and in which order. */
#include "entries.h"
#include "node.h"
#include "origin.h"

#include "base/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_WORK 16u /* to put one together, of EVAL_WORK_MAX */

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
    const char *version = get_text(record, "Version");
    _cleanup_free_ char *name = NULL;
    if (value_record_get(record, "Name"))
        return 0;
    if (asprintf(&name, "%s:%s%s%s", get_text(record, "Project"), get_text(record, "Spec"),
                 *version ? ":" : "", version) < 0) {
        name = NULL;
        return -ENOMEM;
    }
    return value_record_set(record, "Name", value_string(name));
}

static int finish(struct value *record) {
    int r = put_defaults(record);
    return r < 0 ? r : put_name(record);
}

/*
 * Adds `record` (stolen) to those of the node, by project and spec: one that is there already gives
 * its place to the later one. What is over the limits is left out, and so is the whole evaluation.
 */
static int add_spec(struct scope *s, struct value *specs, struct value *record) {
    _cleanup_value_ struct value *owned = record;
    _cleanup_free_ char *key = NULL;
    if (!eval_spend(&s->ev, SPEC_WORK))
        return 0;
    if (asprintf(&key, "%s:%s", get_text(record, "Project"), get_text(record, "Spec")) < 0) {
        key = NULL;
        return -ENOMEM;
    }
    return value_record_set(specs, key, TAKE_PTR(owned));
}

static int add_section(struct scope *s, const struct section *section, struct owner owner,
                       struct value *specs) {
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
    return r < 0 ? r : add_spec(s, specs, TAKE_PTR(record));
}

/* One of AdditionalClusterInitSpecs: a record as the form makes it, or a reference. */
static int add_additional(struct scope *s, const struct value *item, const char *key,
                          struct value *specs) {
    _cleanup_value_ struct value *record = value_record_new();
    if (!record)
        return -ENOMEM;
    if (!eval_keep(&s->ev, item->size))
        return 0;
    int r = put_reference(record, item->type == VALUE_STRING ? item->text : key);
    for (size_t i = 0; r == 0 && item->type == VALUE_RECORD && i < item->len; i++)
        if (!value_is_undefined(item->items[i]))
            r = value_record_set(record, item->keys[i], value_ref(item->items[i]));
    if (r == 0)
        r = finish(record);
    if (r < 0 || !*get_text(record, "Project"))
        return r;
    return add_spec(s, specs, TAKE_PTR(record));
}

static int add_all_additional(struct scope *s, const struct value *additional,
                              struct value *specs) {
    bool record = additional->type == VALUE_RECORD;
    _cleanup_value_ struct value *items =
        record ? value_ref((struct value *)additional) : value_coerce(additional, WANT_LIST);
    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < items->len; i++) {
        int r = add_additional(s, items->items[i], record ? items->keys[i] : "", specs);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Order, or the place in the list; those that the form adds start at 10000. */
static int64_t order_of(const struct value *record, size_t at) {
    const struct value *order = value_record_get(record, "Order");
    int64_t n;
    return order && value_to_integer(order, &n) ? n : (int64_t)at + 1;
}

struct ordered {
    int64_t order;
    size_t at;
    struct value *spec; /* borrowed */
};

static int compare_ordered(const void *x, const void *y) {
    const struct ordered *a = x, *b = y;
    int sign = (a->order > b->order) - (a->order < b->order);
    return sign ? sign : (a->at > b->at) - (a->at < b->at);
}

/* The specs as a list, in their order. NULL: out of memory. */
static struct value *sort_specs(const struct value *specs) {
    _cleanup_free_ struct ordered *sorted = calloc(specs->len + 1, sizeof(*sorted));
    _cleanup_value_ struct value *list = value_list_new();
    if (!sorted || !list)
        return NULL;
    for (size_t i = 0; i < specs->len; i++)
        sorted[i] = (struct ordered){order_of(specs->items[i], i), i, specs->items[i]};
    qsort(sorted, specs->len, sizeof(*sorted), compare_ordered);
    for (size_t i = 0; i < specs->len; i++)
        if (value_list_append(list, value_ref(sorted[i].spec)) < 0)
            return NULL;
    return TAKE_PTR(list);
}

struct value *cluster_init_evaluate(struct scope *s, const struct section_list *layers,
                                    const struct value *additional, struct owner owner) {
    _cleanup_value_ struct value *specs = value_record_new();
    int r = specs ? 0 : -ENOMEM;
    for (size_t l = 0; r == 0 && l < layers->len; l++)
        for (size_t i = 0; r == 0 && i < layers->items[l]->children.len; i++) {
            const struct section *child = layers->items[l]->children.items[i];
            if (child->type == SECTION_CLUSTER_INIT)
                r = add_section(s, child, owner, specs);
        }
    if (r == 0 && additional)
        r = add_all_additional(s, additional, specs);
    return r < 0 ? NULL : sort_specs(specs);
}
