/* SPDX-License-Identifier: MIT */
/* Functions on lists, and on what type a value has. */
#include "functions.h"

#include "base/parse.h"

#include <string.h>

static bool is_member(const struct value *item, const struct value *list, bool identical) {
    if (list->type != VALUE_LIST)
        return identical ? value_identical(item, list) : value_equal(item, list) == TRUTH_TRUE;
    for (size_t i = 0; i < list->len; i++)
        if (is_member(item, list->items[i], identical))
            return true;
    return false;
}

static struct value *call_member(struct value **args, size_t n) {
    (void)n;
    return value_boolean(is_member(args[0], args[1], false));
}

static struct value *call_identical_member(struct value **args, size_t n) {
    (void)n;
    return args[1]->type == VALUE_UNDEFINED ? value_undefined()
                                            : value_boolean(is_member(args[0], args[1], true));
}

/* split(text[, delimiters]): without delimiters at blanks and commas. Empty pieces are dropped. */
static struct value *call_split(struct value **args, size_t n) {
    _cleanup_value_ struct value *text = value_to_string(args[0]);
    _cleanup_value_ struct value *marks = n > 1 ? value_to_string(args[1]) : value_string(" \t,");
    _cleanup_value_ struct value *list = value_list_new();
    if (!text || !marks || !list)
        return NULL;
    for (const char *p = marks->text; *p; p++)
        if ((unsigned char)*p >= 0x80)
            return value_error("split needs ASCII delimiters");
    const char *p = text->text + strspn(text->text, marks->text);
    while (*p) {
        size_t len = strcspn(p, marks->text);
        int r = value_list_append(list, value_string_n(p, len));
        if (r < 0)
            return value_failure(r);
        p += len;
        p += strspn(p, marks->text);
    }
    return TAKE_PTR(list);
}

static struct value *has_type(const struct value *v, enum value_type type) {
    return value_boolean(v->type == type);
}

#define TYPE_FUNCTION(name, type)                              \
    static struct value *name(struct value **args, size_t n) { \
        (void)n;                                               \
        return has_type(args[0], type);                        \
    }                                                          \
    struct name##_needs_semicolon

TYPE_FUNCTION(call_is_undefined, VALUE_UNDEFINED);
TYPE_FUNCTION(call_is_error, VALUE_ERROR);
TYPE_FUNCTION(call_is_string, VALUE_STRING);
TYPE_FUNCTION(call_is_integer, VALUE_INTEGER);
TYPE_FUNCTION(call_is_real, VALUE_REAL);
TYPE_FUNCTION(call_is_boolean, VALUE_BOOLEAN);
TYPE_FUNCTION(call_is_list, VALUE_LIST);
TYPE_FUNCTION(call_is_record, VALUE_RECORD);

/* undefined(): the call form of the literal. */
static struct value *call_undefined(struct value **args, size_t n) {
    (void)args;
    (void)n;
    return value_undefined();
}

static const struct function rows[] = {
    {"undefined", 0, 0, FUNCTION_PLAIN, call_undefined, NULL, NULL},
    {"member", 2, 2, FUNCTION_SPREADS, call_member, NULL, NULL},
    {"identicalMember", 2, 2, FUNCTION_PLAIN, call_identical_member, NULL, NULL},
    {"split", 1, 2, FUNCTION_SPREADS, call_split, NULL, NULL},
    {"isUndefined", 1, 1, FUNCTION_PLAIN, call_is_undefined, NULL, NULL},
    {"isError", 1, 1, FUNCTION_PLAIN, call_is_error, NULL, NULL},
    {"isString", 1, 1, FUNCTION_PLAIN, call_is_string, NULL, NULL},
    {"isInteger", 1, 1, FUNCTION_PLAIN, call_is_integer, NULL, NULL},
    {"isReal", 1, 1, FUNCTION_PLAIN, call_is_real, NULL, NULL},
    {"isBoolean", 1, 1, FUNCTION_PLAIN, call_is_boolean, NULL, NULL},
    {"isList", 1, 1, FUNCTION_PLAIN, call_is_list, NULL, NULL},
    {"isRecord", 1, 1, FUNCTION_PLAIN, call_is_record, NULL, NULL},
    {"isClassAd", 1, 1, FUNCTION_PLAIN, call_is_record, NULL, NULL},
};

const struct function_table functions_list = {rows, ARRAY_SIZE(rows)};
