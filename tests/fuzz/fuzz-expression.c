/* SPDX-License-Identifier: MIT */

/*
 * Expressions by themselves: the parser, and evaluation with a few names of every type. Bytes of
 * the input that are no expression are the common case, so this reaches deeper than whole
 * templates.
 */

#include "template/eval.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct names {
    struct value *record;
};

static struct value *lookup(void *arg, const struct expr *name) {
    const struct names *names = arg;
    struct value *v = value_record_get(names->record, name->name);
    return v ? value_ref(v) : value_undefined();
}

/* s: a text, i: a number, r: a real, b: true, l: a list, m: a record, x: a secret. */
static struct value *make_names(void) {
    _cleanup_value_ struct value *record = NULL;
    json_t *json =
        json_pack("{s:s, s:i, s:f, s:b, s:[i, s], s:{s:i, s:{s:s}}, s:s}", "s", "Some Text", "i", 7,
                  "r", 1.5, "b", 1, "l", 1, "two", "m", "a", 1, "n", "o", "p", "x", "hidden");
    if (json)
        record = value_from_json(json);
    json_decref(json);
    struct value *secret = record ? value_record_get(record, "x") : NULL;
    if (secret && value_record_set(record, "x", value_mark(value_ref(secret), true)) < 0)
        return NULL;
    return TAKE_PTR(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct expr_error error;
    _cleanup_expr_ struct expr *e = NULL;
    if (expr_parse((const char *)data, size, 1, &error, &e) < 0)
        return 0;
    _cleanup_value_ struct value *record = make_names();
    struct names names = {record};
    struct eval ev = {.lookup = lookup, .arg = &names};
    _cleanup_value_ struct value *v = record ? eval_expr(&ev, e) : NULL;
    _cleanup_value_ struct value *text = v ? value_to_string(v) : NULL;
    json_t *json = v ? value_to_json(v, true) : NULL;
    json_decref(json);
    (void)text;
    return 0;
}
