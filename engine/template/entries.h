/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_ENTRIES_H
#define TEMPLATE_ENTRIES_H

/* The attributes in force where several sections apply one after the other. */

#include "scope.h"

struct entry {
    char *key; /* whole: prefix and all */
    const struct attribute *attribute;
    size_t order;
};

DEFINE_VEC(entry_list, struct entry);

/*
 * Adds the attributes of a section, with `prefix.` before their keys ("" = none); those that are
 * over the budget are left out. 0 or -ENOMEM.
 */
int entries_add(struct scope *s, struct entry_list *entries, const struct section *section,
                const char *prefix);
/* Leaves the last of each key, in the order they were added; all of the key `keep` (or NULL). */
void entries_settle(struct entry_list *entries, const char *keep);
const struct entry *entries_find(const struct entry_list *entries, const char *key);
void entries_done(struct entry_list *entries);

#define _cleanup_entries_ _cleanup_(entries_done)

/* How entries become a record. */
struct entry_rules {
    enum section_type type; /* whose attribute table counts */
    const char *late_path;  /* "Volumes.boot": what goes before a key in `late` */
    struct owner owner;
    struct value
        *late; /* record that gets what depends on later names; NULL = they are undefined */
    const char *const *skip; /* keys to leave out, NULL-terminated, or NULL */
};

/* Evaluates settled entries into a new record. NULL: out of memory. */
struct value *entries_evaluate(struct scope *s, const struct entry_list *entries,
                               const struct entry_rules *rules);

/* Evaluates one section on its own. NULL: out of memory. */
struct value *section_evaluate(struct scope *s, const struct section *section,
                               const struct entry_rules *rules);

#endif
