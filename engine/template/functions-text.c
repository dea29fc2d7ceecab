/* SPDX-License-Identifier: MIT */
/* Functions on texts. Offsets and lengths count characters, not bytes. */
#include "functions.h"

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* The text of an argument; *ret_owner keeps it alive. NULL: out of memory, or an error value. */
static const char *text_of(struct value *v, struct value **ret_owner) {
    *ret_owner = v->type == VALUE_STRING ? value_ref(v) : value_to_string(v);
    return *ret_owner && (*ret_owner)->type == VALUE_STRING ? (*ret_owner)->text : NULL;
}

static struct value *finish(struct buf *b) {
    if (buf_error(b) < 0)
        return buf_error(b) == -E2BIG ? value_error("the text is longer than 1 MiB") : NULL;
    return value_string(b->data);
}

static struct value *call_strcat(struct value **args, size_t n) {
    _cleanup_buf_ struct buf b = BUF_INIT(VALUE_TEXT_MAX);
    for (size_t i = 0; i < n; i++)
        (void)value_put_text(args[i], &b);
    return finish(&b);
}

/* strjoin(sep, list) or strjoin(sep, a, b, ...): empty texts count, undefined items do not. */
static struct value *call_strjoin(struct value **args, size_t n) {
    _cleanup_buf_ struct buf b = BUF_INIT(VALUE_TEXT_MAX), separator = BUF_INIT(VALUE_TEXT_MAX);
    struct value **items = args + 1;
    size_t len = n - 1;
    bool list = n == 2 && args[1]->type == VALUE_LIST;
    if (list) {
        items = args[1]->items;
        len = args[1]->len;
    }
    (void)value_put_text(args[0], &separator);
    for (size_t i = 0, put = 0; i < len; i++) {
        if (value_is_undefined(items[i]))
            continue;
        if (put++)
            (void)buf_append(&b, separator.data, separator.len);
        (void)value_put_text(items[i], &b);
    }
    return finish(&b);
}

static size_t count_characters(const char *text) {
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* The place of character `n`; the end if there are fewer. */
static const char *skip_characters(const char *text, size_t n) {
    for (; *text; text++)
        if (((unsigned char)*text & 0xc0) != 0x80 && n-- == 0)
            break;
    return text;
}

/* substr(s, offset[, length]) as in ClassAd: negative ones count from the end. */
static struct value *call_substr(struct value **args, size_t n) {
    _cleanup_value_ struct value *owner = NULL;
    int64_t offset, length = INT64_MAX;
    const char *text = text_of(args[0], &owner);
    if (!text)
        return TAKE_PTR(owner);
    if (!value_to_integer(args[1], &offset) || (n > 2 && !value_to_integer(args[2], &length)))
        return value_error("substr needs whole numbers as offset and length");
    int64_t size = (int64_t)count_characters(text);
    if (offset < 0)
        offset = offset < -size ? 0 : size + offset;
    if (offset > size)
        offset = size;
    if (length < 0)
        length = length < offset - size ? 0 : size - offset + length;
    if (length > size - offset)
        length = size - offset;
    const char *start = skip_characters(text, (size_t)offset);
    return value_string_n(start, (size_t)(skip_characters(start, (size_t)length) - start));
}

static struct value *map_case(struct value *arg, int (*map)(int)) {
    _cleanup_value_ struct value *owner = NULL;
    const char *text = text_of(arg, &owner);
    if (!text)
        return TAKE_PTR(owner);
    struct value *result = value_string(text);
    for (char *p = result ? result->text : NULL; p && *p; p++)
        if ((unsigned char)*p < 0x80)
            *p = (char)map(*p);
    return result;
}

static struct value *call_to_lower(struct value **args, size_t n) {
    (void)n;
    return map_case(args[0], tolower);
}

static struct value *call_to_upper(struct value **args, size_t n) {
    (void)n;
    return map_case(args[0], toupper);
}

static struct value *call_size(struct value **args, size_t n) {
    (void)n;
    _cleanup_value_ struct value *owner = NULL;
    if (args[0]->type == VALUE_LIST || args[0]->type == VALUE_RECORD)
        return value_integer((int64_t)args[0]->len);
    const char *text = text_of(args[0], &owner);
    return text ? value_integer((int64_t)count_characters(text)) : TAKE_PTR(owner);
}

static struct value *call_trim(struct value **args, size_t n) {
    (void)n;
    _cleanup_value_ struct value *owner = NULL;
    const char *text = text_of(args[0], &owner);
    if (!text)
        return TAKE_PTR(owner);
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1]))
        len--;
    return value_string_n(text, len);
}

enum search { SEARCH_START, SEARCH_END, SEARCH_ANYWHERE };

static struct value *search(struct value *part, struct value *whole, enum search where) {
    _cleanup_value_ struct value *part_owner = NULL, *whole_owner = NULL;
    const char *needle = text_of(part, &part_owner);
    if (!needle)
        return TAKE_PTR(part_owner);
    const char *text = text_of(whole, &whole_owner);
    if (!text)
        return TAKE_PTR(whole_owner);
    size_t needle_len = strlen(needle), len = strlen(text);
    if (needle_len > len)
        return value_boolean(false);
    if (where == SEARCH_ANYWHERE)
        return value_boolean(strstr(text, needle) != NULL);
    return value_boolean(
        memcmp(where == SEARCH_START ? text : text + len - needle_len, needle, needle_len) == 0);
}

/* startsWith(prefix, text): the prefix comes first, as real templates write it. */
static struct value *call_starts_with(struct value **args, size_t n) {
    (void)n;
    return search(args[0], args[1], SEARCH_START);
}

static struct value *call_ends_with(struct value **args, size_t n) {
    (void)n;
    return search(args[0], args[1], SEARCH_END);
}

static struct value *call_contains(struct value **args, size_t n) {
    (void)n;
    if (args[0]->type != VALUE_LIST && args[1]->type == VALUE_LIST)
        return operator_apply(OP_IN, args[0], args[1]);
    return search(args[0], args[1], SEARCH_ANYWHERE);
}

/* replace(text, from, to) replaces the first, replaceAll each. */
static struct value *replace(struct value **args, size_t most) {
    _cleanup_value_ struct value *o0 = NULL, *o1 = NULL, *o2 = NULL;
    const char *text = text_of(args[0], &o0), *from = text_of(args[1], &o1),
               *to = text_of(args[2], &o2);
    if (!text || !from || !to)
        return !o0 || !o1 || !o2 ? NULL : value_error("the text is longer than 1 MiB");
    _cleanup_buf_ struct buf b = BUF_INIT(VALUE_TEXT_MAX);
    const char *hit;
    while (*from && most-- > 0 && (hit = strstr(text, from))) {
        (void)buf_append(&b, text, (size_t)(hit - text));
        (void)buf_puts(&b, to);
        text = hit + strlen(from);
    }
    (void)buf_puts(&b, text);
    return finish(&b);
}

static struct value *call_replace(struct value **args, size_t n) {
    (void)n;
    return replace(args, 1);
}

static struct value *call_replace_all(struct value **args, size_t n) {
    (void)n;
    return replace(args, SIZE_MAX);
}

static struct value *compare(struct value **args, int (*cmp)(const char *, const char *)) {
    _cleanup_value_ struct value *a = NULL, *b = NULL;
    const char *x = text_of(args[0], &a), *y = text_of(args[1], &b);
    if (!x || !y)
        return !a || !b ? NULL : value_error("the text is longer than 1 MiB");
    int sign = cmp(x, y);
    return value_integer((sign > 0) - (sign < 0));
}

static struct value *call_strcmp(struct value **args, size_t n) {
    (void)n;
    return compare(args, strcmp);
}

static struct value *call_stricmp(struct value **args, size_t n) {
    (void)n;
    return compare(args, strcasecmp);
}

static struct value *call_versioncmp(struct value **args, size_t n) {
    (void)n;
    return compare(args, strverscmp);
}

static const struct function rows[] = {
    {.name = "strcat", .max_args = ARGS_MANY, .flags = FUNCTION_SPREADS, .call = call_strcat},
    {"strjoin", 2, ARGS_MANY, FUNCTION_SPREADS, call_strjoin, NULL, NULL},
    {"join", 2, ARGS_MANY, FUNCTION_SPREADS, call_strjoin, NULL, NULL},
    {"substr", 2, 3, FUNCTION_SPREADS, call_substr, NULL, NULL},
    {"toLower", 1, 1, FUNCTION_SPREADS, call_to_lower, NULL, NULL},
    {"toUpper", 1, 1, FUNCTION_SPREADS, call_to_upper, NULL, NULL},
    {"size", 1, 1, FUNCTION_SPREADS, call_size, NULL, NULL},
    {"trim", 1, 1, FUNCTION_SPREADS, call_trim, NULL, NULL},
    {"startsWith", 2, 2, FUNCTION_SPREADS, call_starts_with, NULL, NULL},
    {"endsWith", 2, 2, FUNCTION_SPREADS, call_ends_with, NULL, NULL},
    {"contains", 2, 2, FUNCTION_SPREADS, call_contains, NULL, NULL},
    {"replace", 3, 3, FUNCTION_SPREADS, call_replace, NULL, NULL},
    {"replaceAll", 3, 3, FUNCTION_SPREADS, call_replace_all, NULL, NULL},
    {"strcmp", 2, 2, FUNCTION_SPREADS, call_strcmp, NULL, NULL},
    {"stricmp", 2, 2, FUNCTION_SPREADS, call_stricmp, NULL, NULL},
    {"versioncmp", 2, 2, FUNCTION_SPREADS, call_versioncmp, NULL, NULL},
};

const struct function_table functions_text = {rows, ARRAY_SIZE(rows)};
