/* SPDX-License-Identifier: MIT */
#include "attributes.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

const struct attribute_row *attribute_row_find(enum section_type type, const char *key) {
    const struct attribute_table *table = attribute_table(type);
    for (size_t i = 0; i < table->len; i++)
        if (text_equal_fold(table->rows[i].name, key))
            return &table->rows[i];
    return NULL;
}

/* Tags.NAME: any name will do. */
static bool is_in_record(enum section_type type, const char *key) {
    const struct attribute_table *table = attribute_table(type);
    for (size_t i = 0; i < table->len; i++) {
        const struct attribute_row *row = &table->rows[i];
        size_t len = strlen(row->name);
        if (row->want == WANT_RECORD && strncasecmp(row->name, key, len) == 0 && key[len] == '.')
            return true;
    }
    return false;
}

const char *attribute_suggest(enum section_type type, const char *key) {
    const struct attribute_table *table = attribute_table(type);
    const char *best = NULL;
    size_t len = strlen(key), best_distance = len < 6 ? 2 : 3;
    if (attribute_row_find(type, key) || is_in_record(type, key))
        return NULL;
    for (size_t i = 0; i < table->len; i++) {
        const char *name = table->rows[i].name;
        size_t d = text_distance(key, name, best_distance);
        if (d < best_distance && len > 3) {
            best_distance = d;
            best = name;
        }
    }
    return best;
}

char *attribute_spelling(enum section_type type, const char *key) {
    const struct attribute_table *table = attribute_table(type);
    const struct attribute_row *row = attribute_row_find(type, key);
    char *copy = strdup(row ? row->name : key);
    const char *dot = copy && !row ? strchr(copy, '.') : NULL;
    if (!dot)
        return copy;
    size_t len = (size_t)(dot - copy) + 1;
    for (size_t i = 0; i < table->len; i++) {
        const char *name = table->rows[i].name;
        bool same = strncasecmp(name, copy, len) == 0;
        if (same || (strncasecmp(name, copy, len - 1) == 0 && !name[len - 1])) {
            memcpy(copy, name, len - 1);
            break;
        }
    }
    return copy;
}

bool want_is_single(enum want want) {
    return want == WANT_TEXT || want == WANT_INTEGER || want == WANT_NUMBER || want == WANT_TIME ||
           want == WANT_BOOLEAN;
}
