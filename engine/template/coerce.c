/* SPDX-License-Identifier: MIT */
/* Values as the type that an attribute or a parameter wants. */
#include "attributes.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

static struct value *mismatch(const struct value *v, const char *expected) {
    _cleanup_buf_ struct buf found = BUF_INIT(VALUE_TEXT_MAX);
    if (value_put_short(v, &found) < 0)
        return NULL;
    return value_error("expected %s, found %s", expected, found.data);
}

static struct value *to_any(const struct value *v) {
    return value_ref((struct value *)v);
}

static struct value *to_text(const struct value *v) {
    if (v->type == VALUE_RECORD)
        return mismatch(v, "a text");
    return v->type == VALUE_STRING ? to_any(v) : value_to_string(v);
}

static struct value *to_boolean(const struct value *v) {
    static const struct {
        const char *word;
        bool truth;
    } words[] = {{"yes", true}, {"on", true}, {"no", false}, {"off", false}};
    for (size_t i = 0; v->type == VALUE_STRING && i < ARRAY_SIZE(words); i++)
        if (text_equal_fold(v->text, words[i].word))
            return value_boolean(words[i].truth);
    enum truth truth = value_truth(v);
    return truth == TRUTH_ERROR ? mismatch(v, "true or false") : value_boolean(truth == TRUTH_TRUE);
}

static struct value *to_integer(const struct value *v) {
    int64_t i;
    return value_to_integer(v, &i) ? value_integer(i) : mismatch(v, "a whole number");
}

static struct value *to_number(const struct value *v) {
    bool is_real = false;
    int64_t i = 0;
    double r = 0;
    if (value_to_number(v, &is_real, &i, &r) && is_real)
        return value_real(r);
    return value_to_integer(v, &i) ? value_integer(i) : mismatch(v, "a number");
}

static struct value *to_time(const struct value *v) {
    int64_t seconds;
    bool parsed = v->type == VALUE_STRING && value_parse_time(v->text, &seconds) == 0;
    if (!parsed && !value_to_integer(v, &seconds))
        return mismatch(v, "a time such as 10m");
    return value_integer(seconds);
}

/* The pieces of "a, b" without blanks; empty ones are dropped. */
static struct value *split_text(const struct value *v) {
    _cleanup_value_ struct value *list = value_list_new();
    const char *p = v->text;
    int r = list ? 0 : -ENOMEM;
    while (r == 0 && *p) {
        p += strspn(p, ", \t");
        size_t piece = strcspn(p, ","), len = piece;
        while (len && strchr(" \t", p[len - 1]))
            len--;
        if (len)
            r = value_list_append(list, value_string_n(p, len));
        p += piece;
    }
    return r < 0 ? value_failure(r) : TAKE_PTR(list);
}

static struct value *to_list(const struct value *v) {
    if (v->type == VALUE_LIST)
        return to_any(v);
    if (v->type == VALUE_RECORD)
        return mismatch(v, "a list");
    if (v->type == VALUE_STRING)
        return split_text(v);
    _cleanup_value_ struct value *list = value_list_new();
    if (!list || value_list_append(list, value_ref((struct value *)v)) < 0)
        return NULL;
    return TAKE_PTR(list);
}

/* Lists of texts: what is no text in them becomes one. */
static struct value *to_text_or_list(const struct value *v) {
    _cleanup_value_ struct value *list = to_list(v);
    _cleanup_value_ struct value *texts = value_list_new();
    if (!list || !texts || list->type == VALUE_ERROR)
        return texts ? TAKE_PTR(list) : NULL;
    for (size_t i = 0; i < list->len; i++) {
        if (value_is_undefined(list->items[i]))
            continue;
        struct value *text = to_text(list->items[i]);
        if (text && text->type == VALUE_ERROR)
            return text;
        int r = value_list_append(texts, text);
        if (r < 0)
            return value_failure(r);
    }
    if (texts->len == 0)
        return value_undefined();
    return texts->len == 1 ? value_ref(texts->items[0]) : TAKE_PTR(texts);
}

static struct value *to_record(const struct value *v) {
    if (v->type == VALUE_LIST && v->len == 0)
        return value_record_new();
    return v->type == VALUE_RECORD ? to_any(v) : mismatch(v, "a record such as [a=1; b=2]");
}

struct value *value_coerce(const struct value *v, enum want want) {
    static struct value *(*const wants[])(const struct value *) = {
        [WANT_ANY] = to_any,         [WANT_TEXT] = to_text,
        [WANT_BOOLEAN] = to_boolean, [WANT_INTEGER] = to_integer,
        [WANT_NUMBER] = to_number,   [WANT_TIME] = to_time,
        [WANT_LIST] = to_list,       [WANT_TEXT_OR_LIST] = to_text_or_list,
        [WANT_RECORD] = to_record,
    };
    bool secret = value_is_secret(v);
    if (v->type == VALUE_UNDEFINED || v->type == VALUE_ERROR)
        return to_any(v);
    if (want != WANT_TEXT && want != WANT_ANY && v->type == VALUE_STRING && !*v->text)
        return value_mark(value_undefined(), secret);
    if (want == WANT_ANY)
        return to_any(v);
    return value_mark(wants[want](v),
                      want == WANT_RECORD || want == WANT_LIST ? v->secret : secret);
}
