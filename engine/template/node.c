/* SPDX-License-Identifier: MIT */
#include "node.h"

#include "entries.h"
#include "parameter.h"
#include "volume-check.h"

#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Used while the node is made, or shown elsewhere in the record. */
static const char *const consumed[] = {"Abstract", "AdditionalClusterInitSpecs", "Extends", NULL};
static const char *const disabled_key[] = {"Disabled", NULL};

struct work {
    struct scope *s;
    const struct node_def *node;
    struct section_list layers;
    struct value *record; /* NODE */
    struct value *late;   /* its LateBound; borrowed from record */
    struct value *missing;
};

int missing_add(struct value *missing, const char *name, const char *label) {
    if (value_record_get(missing, name))
        return 0;
    _cleanup_value_ struct value *record = value_record_new();
    if (!record)
        return -ENOMEM;
    int r = value_record_set(record, "name", value_string(name));
    if (r == 0)
        r = value_record_set(record, "label", value_string(label));
    return r < 0 ? r : value_record_set(missing, name, TAKE_PTR(record));
}

struct search {
    struct scope *s;
    const char *name, *label; /* NULL: nothing was found */
    int error;
};

/* Stops at the first parameter that has no value, or that nobody declares. */
static int find_empty(void *arg, const struct expr *name) {
    struct search *search = arg;
    const struct section *p = template_parameter(search->s->t, name->name);
    const struct value *v = p ? scope_parameter(search->s, p) : NULL;
    if (!p && name_map_find(&search->s->undeclared, name->name) != SIZE_MAX)
        search->name = search->label = name->name;
    if (!p)
        return search->name != NULL;
    if (!v) {
        search->error = -ENOMEM;
        return 1;
    }
    if (!value_is_empty(v))
        return 0;
    search->name = p->name;
    search->label = parameter_label(p);
    return 1;
}

/* A node cannot start without this: names the parameter it should come from, or the node. */
static int check_needed(struct work *w, const struct entry_list *entries,
                        const struct value *attributes, const char *key) {
    const struct value *v = value_record_get(attributes, key);
    const struct entry *e = entries_find(entries, key);
    struct search search = {.s = w->s};
    char late[64], text[160];
    (void)snprintf(late, sizeof(late), "Attributes.%s", key);
    if (!w->missing || (v && !value_is_empty(v)) || value_record_get(w->late, late))
        return 0;
    if (e && e->attribute->expr)
        (void)expr_visit_names(e->attribute->expr, find_empty, &search);
    if (search.error < 0)
        return search.error;
    if (search.name)
        return missing_add(w->missing, search.name, search.label);
    struct owner owner = node_owner(w->node);
    (void)snprintf(text, sizeof(text), "%s of %s %.70s", key, owner.kind, owner.name);
    return missing_add(w->missing, text, text);
}

static int put_attributes(struct work *w) {
    _cleanup_entries_ struct entry_list entries = {0};
    const struct entry_rules rules = {
        .type = SECTION_NODE,
        .late_path = "Attributes",
        .owner = node_owner(w->node),
        .late = w->late,
        .skip = consumed,
    };
    for (size_t i = 0; i < w->layers.len; i++)
        if (entries_add(w->s, &entries, w->layers.items[i], "") < 0)
            return -ENOMEM;
    entries_settle(&entries, "Tags");
    struct value *attributes = entries_evaluate(w->s, &entries, &rules);
    int r = value_record_set(w->record, "Attributes", attributes);
    if (r == 0)
        r = check_needed(w, &entries, attributes, "MachineType");
    return r < 0 ? r : check_needed(w, &entries, attributes, "SubnetId");
}

static int put_configuration(struct work *w) {
    _cleanup_entries_ struct entry_list entries = {0};
    const struct entry_rules rules = {
        .type = SECTION_CONFIGURATION,
        .late_path = "Configuration",
        .owner = node_owner(w->node),
        .late = w->late,
    };
    for (size_t l = 0; l < w->layers.len; l++)
        for (size_t i = 0; i < w->layers.items[l]->children.len; i++) {
            const struct section *child = w->layers.items[l]->children.items[i];
            if (child->type != SECTION_CONFIGURATION)
                continue;
            _cleanup_value_ struct value *prefix = scope_section_name(w->s, child, rules.owner);
            if (!prefix || entries_add(w->s, &entries, child, prefix->text) < 0)
                return -ENOMEM;
        }
    entries_settle(&entries, NULL);
    return value_record_set(w->record, "Configuration", entries_evaluate(w->s, &entries, &rules));
}

/* The sections of one kind and name in all layers. */
struct group {
    struct value *name;
    const struct section *first; /* borrowed */
    struct entry_list entries;
};

DEFINE_VEC(group_list, struct group);

struct groups {
    struct group_list list;
    struct name_map by_name;
};

static void groups_done(struct groups *groups) {
    for (size_t i = 0; i < groups->list.len; i++) {
        value_unref(groups->list.items[i].name);
        entries_done(&groups->list.items[i].entries);
    }
    group_list_done(&groups->list);
    name_map_done(&groups->by_name);
}

/* The group of this name, made with the section as its first if it is new. NULL: out of memory. */
static struct group *take_group(struct groups *groups, struct value *name,
                                const struct section *section) {
    size_t at = name_map_find(&groups->by_name, name->text);
    struct group fresh = {.name = name, .first = section};
    if (at != SIZE_MAX)
        return &groups->list.items[at];
    if (group_list_append(&groups->list, fresh) < 0)
        return NULL;
    value_ref(name);
    at = groups->list.len - 1;
    return name_map_add(&groups->by_name, name->text, at) < 0 ? NULL : &groups->list.items[at];
}

static int add_to_group(struct work *w, const struct section *section, struct groups *groups) {
    _cleanup_value_ struct value *name = scope_section_name(w->s, section, node_owner(w->node));
    if (!name)
        return -ENOMEM;
    if (!*name->text && section->type == SECTION_NETWORK_INTERFACE) {
        value_unref(name);
        name = value_string("eth0"); /* one without a name is the primary one */
        if (!name)
            return -ENOMEM;
    }
    struct group *group = take_group(groups, name, section);
    if (!group)
        return -ENOMEM;
    return entries_add(w->s, &group->entries, section, "");
}

static struct volume_place volume_place(const struct work *w, const struct group *group) {
    return (struct volume_place){.scope = w->s,
                                 .node = w->node,
                                 .name = group->name->text,
                                 .section = group->first,
                                 .entries = &group->entries};
}

/* A security group lets a port through; nothing translates it to another. */
static void check_endpoint(struct work *w, const struct group *group, const struct value *record) {
    const struct value *open = value_record_get(record, "PublicPort");
    const struct value *served = value_record_get(record, "PrivatePort");
    int64_t a, b;
    if (!open || !served || !value_to_integer(open, &a) || !value_to_integer(served, &b) || a == b)
        return;
    const struct entry *e = entries_find(&group->entries, "PublicPort");
    struct owner owner = node_owner(w->node);
    struct finding finding = {
        .severity = SEVERITY_ERROR,
        .code = CODE_INVALID_VALUE,
        .at = template_place(w->s->t, e->attribute->value_line, e->attribute->value_column),
        .hint = "give both the same port, or leave PublicPort out",
    };
    if (!diagnostics_has(w->s->diags, &finding.at))
        diagnostics_add(w->s->diags, &finding,
                        "PublicPort %" PRId64 " of input-endpoint %s of %s %s is not PrivatePort "
                        "%" PRId64 ": ports are opened, not translated",
                        a, group->name->text, owner.kind, owner.name, b);
}

/* VMs have one interface; sections for others change nothing. */
static void check_interface(struct work *w, const struct group *group, const struct value *record) {
    struct owner owner = node_owner(w->node);
    struct finding finding = {
        .severity = SEVERITY_WARNING,
        .code = CODE_NO_EFFECT,
        .at = template_place(w->s->t, group->first->line, group->first->column),
    };
    if (text_equal_fold(group->name->text, "eth0") || record->len == 0 ||
        diagnostics_has(w->s->diags, &finding.at))
        return;
    diagnostics_add(w->s->diags, &finding,
                    "network-interface %s of %s %s has no effect: a VM has one interface, eth0",
                    group->name->text, owner.kind, owner.name);
}

static void check_group(struct work *w, enum section_type type, const struct group *group,
                        const struct value *record) {
    const struct volume_place place = volume_place(w, group);
    if (type == SECTION_VOLUME)
        volume_check(&place, record);
    else if (type == SECTION_INPUT_ENDPOINT)
        check_endpoint(w, group, record);
    else
        check_interface(w, group, record);
}

static int put_group(struct work *w, enum section_type type, const char *member,
                     struct group *group, struct value *all) {
    _cleanup_free_ char *path = NULL, *part = NULL;
    struct entry_rules rules = {.type = type, .owner = node_owner(w->node), .late = w->late};
    if (asprintf(&part, "%s %s", section_row(type)->word, group->name->text) < 0) {
        part = NULL;
        return -ENOMEM;
    }
    rules.owner.part = part;
    const struct entry *disabled = entries_find(&group->entries, "Disabled");
    if (disabled) {
        _cleanup_value_ struct value *v =
            scope_attribute(w->s, disabled->attribute, WANT_BOOLEAN, rules.owner, NULL);
        if (!v || value_truth(v) == TRUTH_TRUE)
            return v ? 0 : -ENOMEM;
    }
    if (!eval_keep(&w->s->ev, VALUE_COST + strlen(group->name->text)))
        return 0;
    if (asprintf(&path, "%s.%s", member, group->name->text) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    rules.late_path = path;
    rules.skip = disabled_key;
    entries_settle(&group->entries, NULL);
    struct value *record = entries_evaluate(w->s, &group->entries, &rules);
    if (record)
        check_group(w, type, group, record);
    int r = value_record_set(all, group->name->text, record);
    const struct volume_place place = volume_place(w, group);
    if (r == 0 && type == SECTION_VOLUME)
        volume_check_lun(&place, all);
    return r;
}

/* The sections of one type as an object by name. */
static int put_groups(struct work *w, enum section_type type, const char *member) {
    _cleanup_(groups_done) struct groups groups = {0};
    _cleanup_value_ struct value *all = value_record_new();
    int r = all ? 0 : -ENOMEM;
    for (size_t l = 0; r == 0 && l < w->layers.len; l++)
        for (size_t i = 0; r == 0 && i < w->layers.items[l]->children.len; i++) {
            const struct section *child = w->layers.items[l]->children.items[i];
            if (child->type == type)
                r = add_to_group(w, child, &groups);
        }
    for (size_t i = 0; r == 0 && i < groups.list.len; i++)
        r = put_group(w, type, member, &groups.list.items[i], all);
    return r < 0 ? r : value_record_set(w->record, member, TAKE_PTR(all));
}

/* The value of AdditionalClusterInitSpecs in force; *ret NULL if there is none. 0 or -ENOMEM. */
static int get_additional(struct work *w, struct value **ret) {
    for (size_t i = w->layers.len; i-- > 0;) {
        const struct attribute *a =
            section_attribute(w->layers.items[i], "AdditionalClusterInitSpecs");
        if (!a)
            continue;
        *ret = scope_attribute(w->s, a, WANT_ANY, node_owner(w->node), NULL);
        return *ret ? 0 : -ENOMEM;
    }
    return 0;
}

static int put_cluster_init(struct work *w) {
    _cleanup_value_ struct value *additional = NULL;
    int r = get_additional(w, &additional);
    if (r < 0)
        return r;
    return value_record_set(
        w->record, "ClusterInit",
        cluster_init_evaluate(w->s, &w->layers, additional, node_owner(w->node)));
}

static int put_all(struct work *w) {
    int r = value_record_set(w->record, "Name", value_string(w->node->name));
    if (r == 0)
        r = put_attributes(w);
    if (r == 0)
        r = put_configuration(w);
    if (r == 0)
        r = put_cluster_init(w);
    if (r == 0)
        r = put_groups(w, SECTION_VOLUME, "Volumes");
    if (r == 0)
        r = put_groups(w, SECTION_NETWORK_INTERFACE, "NetworkInterfaces");
    if (r == 0)
        r = put_groups(w, SECTION_INPUT_ENDPOINT, "InputEndpoints");
    return r == 0 ? value_record_set(w->record, "LateBound", value_ref(w->late)) : r;
}

struct value *node_evaluate(struct scope *s, const struct node_def_list *nodes,
                            const struct node_def *node, struct value *missing) {
    _cleanup_value_ struct value *record = value_record_new();
    _cleanup_value_ struct value *late = value_record_new();
    struct work w = {.s = s, .node = node, .record = record, .late = late, .missing = missing};
    int r = record && late ? node_layers(s, nodes, node, &w.layers) : -ENOMEM;
    if (r == 0)
        r = put_all(&w);
    section_list_done(&w.layers);
    return r < 0 ? NULL : TAKE_PTR(record);
}
