/* SPDX-License-Identifier: MIT */
#include "entries.h"

#include "effect.h"
#include "origin.h"

#include "base/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENTRY_WORK 8u /* to take an attribute and to sort it in, of EVAL_WORK_MAX */

int entries_add(struct scope *s, struct entry_list *entries, const struct section *section,
                const char *prefix) {
    for (size_t i = 0; i < section->attributes.len; i++) {
        const struct attribute *a = section->attributes.items[i];
        if (!scope_spend(s, a, ENTRY_WORK))
            return 0;
        struct entry e = {.attribute = a, .order = entries->len};
        if (asprintf(&e.key, "%s%s%s", prefix, *prefix ? "." : "", a->key) < 0)
            return -ENOMEM;
        int r = entry_list_append(entries, e);
        if (r < 0) {
            free(e.key);
            return r;
        }
    }
    return 0;
}

static int compare_keys(const void *x, const void *y) {
    const struct entry *a = x, *b = y;
    int sign = strcasecmp(a->key, b->key);
    return sign ? sign : (a->order > b->order) - (a->order < b->order);
}

static int compare_orders(const void *x, const void *y) {
    const struct entry *a = x, *b = y;
    return (a->order > b->order) - (a->order < b->order);
}

void entries_settle(struct entry_list *entries, const char *keep) {
    size_t n = 0;
    if (entries->len < 2)
        return;
    qsort(entries->items, entries->len, sizeof(struct entry), compare_keys);
    for (size_t i = 0; i < entries->len; i++) {
        bool repeated = i + 1 < entries->len &&
                        text_equal_fold(entries->items[i].key, entries->items[i + 1].key) &&
                        !(keep && text_equal_fold(entries->items[i].key, keep));
        if (repeated) { /* the first spelling stays */
            free(entries->items[i + 1].key);
            entries->items[i + 1].key = entries->items[i].key;
        } else {
            entries->items[n++] = entries->items[i];
        }
    }
    entries->len = n;
    qsort(entries->items, n, sizeof(struct entry), compare_orders);
}

const struct entry *entries_find(const struct entry_list *entries, const char *key) {
    for (size_t i = entries->len; i-- > 0;)
        if (text_equal_fold(entries->items[i].key, key))
            return &entries->items[i];
    return NULL;
}

void entries_done(struct entry_list *entries) {
    for (size_t i = 0; i < entries->len; i++)
        free(entries->items[i].key);
    entry_list_done(entries);
}

static bool skipped(const struct entry_rules *rules, const char *key) {
    for (const char *const *skip = rules->skip; skip && *skip; skip++)
        if (text_equal_fold(*skip, key))
            return true;
    return false;
}

/* Configuration is free; where the platform or the agent reads a text, commas make no list. */
static enum want configuration_want(const char *key) {
    static const char *const texts[] = {"options", "address", "no_proxy", "network", "description"};
    const char *last = strrchr(key, '.');
    last = last ? last + 1 : key;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (text_equal_fold(last, texts[i]))
            return WANT_TEXT;
    return WANT_ANY;
}

static enum want entry_want(const struct entry_rules *rules, const struct entry *e) {
    if (rules->type == SECTION_CONFIGURATION)
        return e->attribute->text ? configuration_want(e->key) : WANT_ANY;
    const struct attribute_row *row = attribute_row_find(rules->type, e->key);
    if (row)
        return row->want;
    return strncasecmp(e->key, "Tags.", 5) == 0 ? WANT_TEXT : WANT_ANY;
}

/* A key that is a value here and a group there: the later one counts. */
static void warn_conflict(struct scope *s, const struct value *record, const struct entry *e) {
    if (!value_record_path_conflicts(record, e->key))
        return;
    const struct finding finding = {SEVERITY_WARNING, CODE_BOTH_VALUE_AND_GROUP,
                                    template_key_place(s->t, e->attribute)};
    diagnostics_add(s->diags, &finding,
                    "%s is both a value and a group of values; the later one counts", e->key);
}

/* The expression as it stands in the template, for who evaluates it later. */
static struct value *source_text(const struct attribute *a) {
    _cleanup_buf_ struct buf b = BUF_INIT(VALUE_TEXT_MAX);
    (void)buf_puts(&b, a->expression ? "${" : "");
    (void)buf_append(&b, a->source, a->source_len);
    (void)buf_puts(&b, a->expression ? "}" : "");
    return buf_error(&b) < 0 ? value_undefined() : value_string(b.data);
}

static int put_late(const struct entry_rules *rules, const char *key, const struct attribute *a) {
    _cleanup_free_ char *path = NULL;
    if (asprintf(&path, "%s.%s", rules->late_path, key) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    return value_record_set(rules->late, path, source_text(a));
}

/* Tags are a flat map of texts, whatever their names hold; of an undefined one nothing is left.
 * Steals `v`. */
static int put_tag(struct value *record, const char *name, struct value *v, bool secret) {
    _cleanup_value_ struct value *owned = v;
    return value_record_set_in(record, "Tags", name,
                               value_mark(value_coerce(owned, WANT_TEXT), secret));
}

static int put_tags(struct value *record, const struct value *tags) {
    int r = 0;
    if (tags->len == 0 && !value_record_get(record, "Tags"))
        return value_record_set(record, "Tags", value_record_new());
    for (size_t i = 0; r == 0 && i < tags->len; i++)
        r = put_tag(record, tags->keys[i], value_ref(tags->items[i]), tags->secret);
    return r;
}

static int put_value(struct value *record, const char *key, struct value *v) {
    _cleanup_value_ struct value *owned = v;
    if (strncasecmp(key, "Tags.", 5) == 0)
        return put_tag(record, key + 5, TAKE_PTR(owned), false);
    if (value_is_undefined(v))
        return value_record_remove_path(record, key);
    if (text_equal_fold(key, "Tags") && v->type == VALUE_RECORD)
        return put_tags(record, v);
    return value_record_set_path(record, key, TAKE_PTR(owned));
}

/* Puts the value of an entry into the record; steals `v`. */
static int store_entry(struct value *record, const struct entry_rules *rules, const char *key,
                       struct value *v) {
    if (rules->type != SECTION_CONFIGURATION)
        return put_value(record, key, v);
    if (!value_is_undefined(v))
        return value_record_set_path(record, key, v);
    value_unref(v);
    return value_record_remove_path(record, key);
}

/* How deep a value lies in what a key with dots makes of it. */
static size_t levels_of(const char *key, const struct value *v) {
    size_t levels = v->depth;
    for (const char *dot = key; (dot = strchr(dot, '.')); dot++)
        levels++;
    return levels;
}

/* Puts the value (stolen) of an entry where it belongs, or its expression if that waits. */
static int put_entry(struct scope *s, const struct entry *e, const struct entry_rules *rules,
                     struct value *record, struct value *v, bool late) {
    _cleanup_value_ struct value *owned = v;
    _cleanup_free_ char *key = attribute_spelling(rules->type, e->key);
    if (!key)
        return -ENOMEM;
    int r = origin_note(s, rules, key, e->attribute, late ? NULL : v);
    if (r < 0)
        return r;
    if (late)
        return put_late(rules, key, e->attribute);
    if (levels_of(key, v) > VALUE_NESTING_MAX)
        return -ELOOP;
    effect_check(s, rules, e, v);
    if (rules->type == SECTION_CONFIGURATION && !value_is_undefined(v))
        warn_conflict(s, record, e);
    return store_entry(record, rules, key, TAKE_PTR(owned));
}

/* How many bytes an entry makes the definition larger, the indentation of its JSON included. */
static size_t bytes_of(const struct entry *e, const struct value *v, bool late) {
    if (late)
        return VALUE_COST + strlen(e->key) + e->attribute->source_len;
    size_t levels = levels_of(e->key, v), lines = levels + v->size / VALUE_COST;
    return strlen(e->key) + v->size + 2 * levels * lines;
}

static int evaluate_entry(struct scope *s, const struct entry *e, const struct entry_rules *rules,
                          struct value *record) {
    bool late;
    if (skipped(rules, e->key))
        return 0;
    _cleanup_value_ struct value *v =
        scope_attribute(s, e->attribute, entry_want(rules, e), rules->owner, &late);
    if (!v)
        return -ENOMEM;
    late = late && rules->late;
    if (!scope_keep(s, e->attribute, bytes_of(e, v, late)))
        return 0;
    if (value_is_undefined(v) && value_record_get_path(record, e->key)) /* all behind it moves */
        (void)scope_spend(s, e->attribute, record->size / (4 * VALUE_COST));
    int r = put_entry(s, e, rules, record, TAKE_PTR(v), late);
    if (r == -ENOMEM || r == 0)
        return r;
    _cleanup_value_ struct value *failure = value_failure(r);
    if (!failure)
        return -ENOMEM;
    scope_report(s, e->attribute, rules->owner, failure->text);
    return 0;
}

struct value *entries_evaluate(struct scope *s, const struct entry_list *entries,
                               const struct entry_rules *rules) {
    _cleanup_value_ struct value *record = value_record_new();
    for (size_t i = 0; record && i < entries->len; i++)
        if (evaluate_entry(s, &entries->items[i], rules, record) < 0)
            return NULL;
    return TAKE_PTR(record);
}

struct value *section_evaluate(struct scope *s, const struct section *section,
                               const struct entry_rules *rules) {
    _cleanup_entries_ struct entry_list entries = {0};
    if (entries_add(s, &entries, section, "") < 0)
        return NULL;
    return entries_evaluate(s, &entries, rules);
}
