/* SPDX-License-Identifier: MIT */
/* Values as text, numbers, truth and JSON, and how they compare. */
#include "value.h"

#include "base/parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_TEXT_MAX 60
#define MASK "********"

static int put_real(double real, struct buf *b) {
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    if (!strpbrk(text, ".en"))
        return buf_printf(b, "%s.0", text);
    return buf_puts(b, text);
}

static int put_items(const struct value *v, struct buf *b) {
    for (size_t i = 0; i < v->len; i++) {
        if (i)
            (void)buf_putc(b, v->type == VALUE_LIST ? ',' : ';');
        if (v->type == VALUE_RECORD)
            (void)buf_printf(b, "%s=", v->keys[i]);
        (void)value_put_text(v->items[i], b);
    }
    return buf_error(b);
}

int value_put_text(const struct value *v, struct buf *b) {
    if (v->text)
        return buf_puts(b, v->text);
    switch (v->type) {
    case VALUE_BOOLEAN:
        return buf_puts(b, v->boolean ? "true" : "false");
    case VALUE_INTEGER:
        return buf_printf(b, "%lld", (long long)v->integer);
    case VALUE_TIME:
        return buf_printf(b, "%llds", (long long)v->integer);
    case VALUE_REAL:
        return put_real(v->real, b);
    case VALUE_LIST:
    case VALUE_RECORD:
        return put_items(v, b);
    case VALUE_UNDEFINED:
    case VALUE_ERROR:
    case VALUE_STRING:
        break;
    }
    return 0;
}

struct value *value_to_string(const struct value *v) {
    _cleanup_buf_ struct buf b = BUF_INIT(VALUE_TEXT_MAX);
    int r = value_put_text(v, &b);
    if (r < 0)
        return r == -E2BIG ? value_error("the text is longer than %zu bytes", VALUE_TEXT_MAX)
                           : NULL;
    return value_mark(value_string(b.data), value_is_secret(v));
}

static bool text_to_number(const char *text, bool *ret_is_real, int64_t *ret_i, double *ret_r) {
    char *end = NULL;
    if (parse_i64(text, ret_i) == 0) {
        *ret_is_real = false;
        *ret_r = (double)*ret_i;
        return true;
    }
    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
        return false;
    *ret_r = strtod(text, &end);
    *ret_is_real = true;
    return *end == '\0' && isfinite(*ret_r);
}

bool value_to_number(const struct value *v, bool *ret_is_real, int64_t *ret_i, double *ret_r) {
    switch (v->type) {
    case VALUE_BOOLEAN:
    case VALUE_INTEGER:
    case VALUE_TIME:
        *ret_is_real = false;
        *ret_i = v->type == VALUE_BOOLEAN ? v->boolean : v->integer;
        *ret_r = (double)*ret_i;
        return true;
    case VALUE_REAL:
        *ret_is_real = true;
        *ret_r = v->real;
        return true;
    case VALUE_STRING:
        return text_to_number(v->text, ret_is_real, ret_i, ret_r);
    case VALUE_UNDEFINED:
    case VALUE_ERROR:
    case VALUE_LIST:
    case VALUE_RECORD:
        break;
    }
    return false;
}

/* "32,000": digits with commas, as people write numbers. */
static bool grouped_digits(const struct value *v, int64_t *ret) {
    char digits[24];
    size_t n = 0;
    _cleanup_buf_ struct buf b = BUF_INIT(64);
    if ((v->type != VALUE_STRING && v->type != VALUE_LIST) || value_put_text(v, &b) < 0)
        return false;
    for (const char *p = b.data; *p; p++) {
        if (*p == ',' && n > 0)
            continue;
        if (*p < '0' || *p > '9' || n + 1 >= sizeof(digits))
            return false;
        digits[n++] = *p;
    }
    digits[n] = '\0';
    return parse_i64(digits, ret) == 0;
}

bool value_to_integer(const struct value *v, int64_t *ret) {
    bool is_real = false;
    int64_t i = 0;
    double r = 0;
    if (!value_to_number(v, &is_real, &i, &r))
        return grouped_digits(v, ret);
    if (is_real) {
        if (r != floor(r) || r < -9.2e18 || r > 9.2e18)
            return false;
        i = (int64_t)r;
    }
    *ret = i;
    return true;
}

enum truth value_truth(const struct value *v) {
    switch (v->type) {
    case VALUE_UNDEFINED:
        return TRUTH_UNDEFINED;
    case VALUE_BOOLEAN:
        return v->boolean ? TRUTH_TRUE : TRUTH_FALSE;
    case VALUE_INTEGER:
    case VALUE_TIME:
        return v->integer ? TRUTH_TRUE : TRUTH_FALSE;
    case VALUE_REAL:
        return v->real != 0 ? TRUTH_TRUE : TRUTH_FALSE;
    case VALUE_STRING:
        if (text_equal_fold(v->text, "true"))
            return TRUTH_TRUE;
        return text_equal_fold(v->text, "false") ? TRUTH_FALSE : TRUTH_ERROR;
    case VALUE_ERROR:
    case VALUE_LIST:
    case VALUE_RECORD:
        break;
    }
    return TRUTH_ERROR;
}

static bool is_number(const struct value *v) {
    return v->type == VALUE_INTEGER || v->type == VALUE_REAL || v->type == VALUE_TIME ||
           v->type == VALUE_BOOLEAN;
}

static bool is_scalar(const struct value *v) {
    return is_number(v) || v->type == VALUE_STRING;
}

static enum truth equal_items(const struct value *a, const struct value *b) {
    if (a->len != b->len)
        return TRUTH_FALSE;
    for (size_t i = 0; i < a->len; i++) {
        const struct value *other =
            a->type == VALUE_RECORD ? value_record_get(b, a->keys[i]) : b->items[i];
        if (!other || value_equal(a->items[i], other) != TRUTH_TRUE)
            return TRUTH_FALSE;
    }
    return TRUTH_TRUE;
}

static enum truth truth_of(bool b) {
    return b ? TRUTH_TRUE : TRUTH_FALSE;
}

static bool numbers_equal(const struct value *a, const struct value *b) {
    bool real_a = false, real_b = false;
    int64_t ia = 0, ib = 0;
    double ra = 0, rb = 0;
    (void)value_to_number(a, &real_a, &ia, &ra);
    (void)value_to_number(b, &real_b, &ib, &rb);
    return real_a || real_b ? ra == rb : ia == ib;
}

static enum truth texts_equal(const struct value *a, const struct value *b) {
    _cleanup_buf_ struct buf ta = BUF_INIT(VALUE_TEXT_MAX), tb = BUF_INIT(VALUE_TEXT_MAX);
    if (value_put_text(a, &ta) < 0 || value_put_text(b, &tb) < 0)
        return TRUTH_ERROR;
    return truth_of(text_equal_fold(ta.data, tb.data));
}

enum truth value_equal(const struct value *a, const struct value *b) {
    if (a->type == VALUE_ERROR || b->type == VALUE_ERROR)
        return TRUTH_ERROR;
    if (a->type == VALUE_UNDEFINED || b->type == VALUE_UNDEFINED)
        return TRUTH_UNDEFINED;
    if (is_number(a) && is_number(b))
        return truth_of(numbers_equal(a, b));
    if (is_scalar(a) && is_scalar(b))
        return texts_equal(a, b);
    return a->type == b->type ? equal_items(a, b) : TRUTH_FALSE;
}

bool value_identical(const struct value *a, const struct value *b) {
    if (a->type != b->type || a->len != b->len)
        return false;
    switch (a->type) {
    case VALUE_BOOLEAN:
        return a->boolean == b->boolean;
    case VALUE_INTEGER:
    case VALUE_TIME:
        return a->integer == b->integer;
    case VALUE_REAL:
        return a->real == b->real;
    case VALUE_STRING:
        return strcmp(a->text, b->text) == 0;
    case VALUE_UNDEFINED:
    case VALUE_ERROR:
        return true;
    case VALUE_LIST:
    case VALUE_RECORD:
        break;
    }
    for (size_t i = 0; i < a->len; i++) {
        const struct value *other =
            a->type == VALUE_RECORD ? value_record_get(b, a->keys[i]) : b->items[i];
        if (!other || !value_identical(a->items[i], other))
            return false;
    }
    return true;
}

int value_parse_time(const char *text, int64_t *ret_seconds) {
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'\0', 1}};
    size_t digits = strspn(text, "0123456789");
    char number[20];
    int64_t n;
    if (digits == 0 || digits >= sizeof(number) || (text[digits] && text[digits + 1]))
        return -EINVAL;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (parse_i64(number, &n) < 0)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if ((text[digits] | (text[digits] ? 0x20 : 0)) == units[i].unit) {
            if (__builtin_mul_overflow(n, units[i].seconds, ret_seconds))
                return -EINVAL;
            return 0;
        }
    return -EINVAL;
}

/*
 * A number that JSON would print differently (2.10, 0755) is a text: it is a version or a mode, not
 * an amount. Where an amount is wanted the value has been made one before.
 */
static json_t *number_to_json(const struct value *v) {
    if (v->text && strspn(v->text, "0123456789.") == strlen(v->text)) {
        _cleanup_buf_ struct buf b = BUF_INIT(64);
        int r = v->type == VALUE_REAL ? put_real(v->real, &b)
                                      : buf_printf(&b, "%lld", (long long)v->integer);
        if (r < 0)
            return NULL;
        if (strcmp(b.data, v->text) != 0)
            return json_string(v->text);
    }
    return v->type == VALUE_REAL ? json_real(v->real) : json_integer(v->integer);
}

static json_t *items_to_json(const struct value *v, bool masked) {
    json_t *json = v->type == VALUE_LIST ? json_array() : json_object();
    for (size_t i = 0; json && i < v->len; i++) {
        json_t *item = value_to_json(v->items[i], masked);
        int r = v->type == VALUE_LIST ? json_array_append_new(json, item)
                                      : json_object_set_new(json, v->keys[i], item);
        if (r < 0) {
            json_decref(json);
            json = NULL;
        }
    }
    return json;
}

json_t *value_to_json(const struct value *v, bool masked) {
    if (masked && v->secret && v->type != VALUE_UNDEFINED)
        return json_string(MASK);
    switch (v->type) {
    case VALUE_BOOLEAN:
        return json_boolean(v->boolean);
    case VALUE_TIME:
        return json_integer(v->integer);
    case VALUE_INTEGER:
    case VALUE_REAL:
        return number_to_json(v);
    case VALUE_STRING:
        return json_string(v->text);
    case VALUE_LIST:
    case VALUE_RECORD:
        return items_to_json(v, masked);
    case VALUE_UNDEFINED:
    case VALUE_ERROR:
        break;
    }
    return json_null();
}

static struct value *list_from_json(const json_t *json) {
    _cleanup_value_ struct value *list = value_list_new();
    int r = list ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < json_array_size(json); i++) {
        struct value *item = value_from_json(json_array_get(json, i));
        if (item && item->type == VALUE_ERROR)
            return item;
        r = value_list_append(list, item);
    }
    return r < 0 ? value_failure(r) : TAKE_PTR(list);
}

static struct value *record_from_json(const json_t *json) {
    _cleanup_value_ struct value *record = value_record_new();
    const char *key;
    json_t *json_item;
    int r = record ? 0 : -ENOMEM;
    json_object_foreach((json_t *)json, key, json_item) {
        struct value *item = r == 0 ? value_from_json(json_item) : NULL;
        if (item && item->type == VALUE_ERROR)
            return item;
        r = r == 0 ? value_record_set(record, key, item) : r;
    }
    return r < 0 ? value_failure(r) : TAKE_PTR(record);
}

struct value *value_from_json(const json_t *json) {
    switch (json_typeof(json)) {
    case JSON_TRUE:
    case JSON_FALSE:
        return value_boolean(json_is_true(json));
    case JSON_INTEGER:
        return value_integer(json_integer_value(json));
    case JSON_REAL:
        return value_real(json_real_value(json));
    case JSON_STRING:
        return value_string(json_string_value(json));
    case JSON_ARRAY:
        return list_from_json(json);
    case JSON_OBJECT:
        return record_from_json(json);
    case JSON_NULL:
        break;
    }
    return value_undefined();
}

const char *value_type_word(const struct value *v) {
    static const char *const words[] = {
        [VALUE_UNDEFINED] = "undefined", [VALUE_ERROR] = "an error", [VALUE_BOOLEAN] = "a boolean",
        [VALUE_INTEGER] = "a number",    [VALUE_REAL] = "a number",  [VALUE_STRING] = "a text",
        [VALUE_TIME] = "a time",         [VALUE_LIST] = "a list",    [VALUE_RECORD] = "a record",
    };
    return words[v->type];
}

int value_put_short(const struct value *v, struct buf *b) {
    if (value_is_secret(v))
        return buf_puts(b, MASK);
    if (v->type == VALUE_UNDEFINED || v->type == VALUE_LIST || v->type == VALUE_RECORD)
        return buf_puts(b, value_type_word(v));
    _cleanup_buf_ struct buf text = BUF_INIT(VALUE_TEXT_MAX + 64);
    if (value_put_text(v, &text) < 0)
        return buf_puts(b, value_type_word(v));
    size_t len = text.len;
    if (len > SHORT_TEXT_MAX)
        for (len = SHORT_TEXT_MAX; len && ((unsigned char)text.data[len] & 0xc0) == 0x80;)
            len--;
    const char *quote = v->type == VALUE_STRING ? "\"" : "";
    return buf_printf(b, "%s%.*s%s%s", quote, (int)len, text.data, len < text.len ? "..." : "",
                      quote);
}
