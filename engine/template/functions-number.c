/* SPDX-License-Identifier: MIT */
/* Functions on numbers, conversions, the clock and chance. */
#include "functions.h"

#include "base/random.h"

#include <math.h>
#include <stdint.h>
#include <time.h>

#define INTEGER_LIMIT 9.2e18

static struct value *not_number(const struct value *v) {
    return value_error("expected a number, found %s", value_type_word(v));
}

/* Any of the ways to make a real whole. */
static struct value *make_whole(const struct value *v, double (*rule)(double)) {
    bool is_real = false;
    int64_t i = 0;
    double r = 0;
    if (!value_to_number(v, &is_real, &i, &r))
        return not_number(v);
    if (!is_real)
        return value_integer(i);
    if (!(r > -INTEGER_LIMIT && r < INTEGER_LIMIT))
        return value_error("the number is too large");
    return value_integer((int64_t)rule(r));
}

#define WHOLE_FUNCTION(name, rule)                             \
    static struct value *name(struct value **args, size_t n) { \
        (void)n;                                               \
        return make_whole(args[0], rule);                      \
    }                                                          \
    struct name##_needs_semicolon

WHOLE_FUNCTION(call_int, trunc);
WHOLE_FUNCTION(call_floor, floor);
WHOLE_FUNCTION(call_ceiling, ceil);
WHOLE_FUNCTION(call_round, round);

static struct value *call_real(struct value **args, size_t n) {
    bool is_real = false;
    int64_t i = 0;
    double r = 0;
    (void)n;
    return value_to_number(args[0], &is_real, &i, &r) ? value_real(r) : not_number(args[0]);
}

static struct value *call_string(struct value **args, size_t n) {
    (void)n;
    return value_to_string(args[0]);
}

static struct value *call_bool(struct value **args, size_t n) {
    (void)n;
    enum truth truth = value_truth(args[0]);
    if (truth == TRUTH_ERROR)
        return value_error("expected true or false, found %s", value_type_word(args[0]));
    return value_boolean(truth == TRUTH_TRUE);
}

static struct value *call_pow(struct value **args, size_t n) {
    bool real_a = false, real_b = false;
    int64_t ia = 0, ib = 0;
    double a = 0, b = 0;
    (void)n;
    if (!value_to_number(args[0], &real_a, &ia, &a))
        return not_number(args[0]);
    if (!value_to_number(args[1], &real_b, &ib, &b))
        return not_number(args[1]);
    double result = pow(a, b);
    if (!real_a && !real_b && ib >= 0 && fabs(result) < 9007199254740992.0)
        return value_integer((int64_t)result);
    return value_real(result);
}

/* The numbers of a call: its arguments, or the one list. */
static void get_items(struct value **args, size_t n, struct value ***ret_items, size_t *ret_len) {
    bool list = n == 1 && args[0]->type == VALUE_LIST;
    *ret_items = list ? args[0]->items : args;
    *ret_len = list ? args[0]->len : n;
}

static struct value *pick(struct value **args, size_t n, enum operator better) {
    struct value **items, *best = NULL;
    size_t len;
    get_items(args, n, &items, &len);
    for (size_t i = 0; i < len; i++) {
        _cleanup_value_ struct value *answer =
            best ? operator_apply(better, items[i], best) : value_boolean(true);
        if (!answer || answer->type != VALUE_BOOLEAN)
            return TAKE_PTR(answer);
        if (answer->boolean)
            best = items[i];
    }
    return best ? value_ref(best) : value_undefined();
}

static struct value *call_min(struct value **args, size_t n) {
    return pick(args, n, OP_LESS);
}

static struct value *call_max(struct value **args, size_t n) {
    return pick(args, n, OP_GREATER);
}

static struct value *call_sum(struct value **args, size_t n) {
    struct value **items;
    size_t len;
    get_items(args, n, &items, &len);
    _cleanup_value_ struct value *sum = value_integer(0);
    for (size_t i = 0; sum && i < len; i++) {
        struct value *next = operator_apply(OP_ADD, sum, items[i]);
        value_unref(sum);
        sum = next;
    }
    return TAKE_PTR(sum);
}

static struct value *call_avg(struct value **args, size_t n) {
    struct value **items;
    size_t len;
    get_items(args, n, &items, &len);
    if (len == 0)
        return value_undefined();
    _cleanup_value_ struct value *sum = call_sum(args, n);
    _cleanup_value_ struct value *count = sum ? value_real((double)len) : NULL;
    return count ? operator_apply(OP_DIVIDE, sum, count) : NULL;
}

/* random(): in [0, 1); random(n): a whole number in [0, n). */
static struct value *call_random(struct value **args, size_t n) {
    int64_t limit = 0;
    if (n == 0)
        return value_real(random_unit(&random_system));
    if (!value_to_integer(args[0], &limit) || limit <= 0)
        return value_error("random needs a whole number above 0");
    return value_integer((int64_t)(random_u64(&random_system) % (uint64_t)limit));
}

static struct value *call_time(struct value **args, size_t n) {
    (void)args;
    (void)n;
    return value_integer((int64_t)time(NULL));
}

static const struct function rows[] = {
    {"int", 1, 1, FUNCTION_SPREADS, call_int, NULL, NULL},
    {"real", 1, 1, FUNCTION_SPREADS, call_real, NULL, NULL},
    {"string", 1, 1, FUNCTION_SPREADS, call_string, NULL, NULL},
    {"bool", 1, 1, FUNCTION_SPREADS, call_bool, NULL, NULL},
    {"floor", 1, 1, FUNCTION_SPREADS, call_floor, NULL, NULL},
    {"ceiling", 1, 1, FUNCTION_SPREADS, call_ceiling, NULL, NULL},
    {"round", 1, 1, FUNCTION_SPREADS, call_round, NULL, NULL},
    {"pow", 2, 2, FUNCTION_SPREADS, call_pow, NULL, NULL},
    {"min", 1, ARGS_MANY, FUNCTION_SPREADS, call_min, NULL, NULL},
    {"max", 1, ARGS_MANY, FUNCTION_SPREADS, call_max, NULL, NULL},
    {"sum", 1, ARGS_MANY, FUNCTION_SPREADS, call_sum, NULL, NULL},
    {"avg", 1, ARGS_MANY, FUNCTION_SPREADS, call_avg, NULL, NULL},
    {"random", 0, 1, FUNCTION_SPREADS, call_random, NULL, NULL},
    {"time", 0, 0, FUNCTION_PLAIN, call_time, NULL, NULL},
};

const struct function_table functions_number = {rows, ARRAY_SIZE(rows)};
