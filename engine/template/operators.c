/* SPDX-License-Identifier: MIT */
/* The operators of the expression language: three-valued logic, comparison, arithmetic. */
#include "eval.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static struct value *from_truth(enum truth truth) {
    switch (truth) {
    case TRUTH_FALSE:
    case TRUTH_TRUE:
        return value_boolean(truth == TRUTH_TRUE);
    case TRUTH_UNDEFINED:
        return value_undefined();
    case TRUTH_ERROR:
        break;
    }
    return value_error("the operands cannot be used together");
}

static enum truth negate(enum truth truth) {
    if (truth == TRUTH_FALSE)
        return TRUTH_TRUE;
    return truth == TRUTH_TRUE ? TRUTH_FALSE : truth;
}

static struct value *not_truth(const struct value *v) {
    return value_error("expected true or false, found %s", value_type_word(v));
}

static struct value *op_logic(enum operator op, const struct value *a, const struct value *b) {
    enum truth x = value_truth(a), y = value_truth(b);
    enum truth deciding = op == OP_AND ? TRUTH_FALSE : TRUTH_TRUE;
    if (x == deciding)
        return from_truth(deciding);
    if (x == TRUTH_ERROR)
        return a->type == VALUE_ERROR ? value_ref((struct value *)a) : not_truth(a);
    if (y == deciding)
        return from_truth(deciding);
    if (y == TRUTH_ERROR)
        return b->type == VALUE_ERROR ? value_ref((struct value *)b) : not_truth(b);
    return from_truth(x == TRUTH_UNDEFINED || y == TRUTH_UNDEFINED ? TRUTH_UNDEFINED
                                                                   : negate(deciding));
}

static struct value *op_not(enum operator op, const struct value *a, const struct value *b) {
    (void)op;
    (void)b;
    enum truth truth = value_truth(a);
    return truth == TRUTH_ERROR ? not_truth(a) : from_truth(negate(truth));
}

static struct value *op_equal(enum operator op, const struct value *a, const struct value *b) {
    enum truth truth = value_equal(a, b);
    return from_truth(op == OP_EQUAL ? truth : negate(truth));
}

static struct value *op_identity(enum operator op, const struct value *a, const struct value *b) {
    return value_boolean(value_identical(a, b) == (op == OP_IS));
}

static struct value *op_in(enum operator op, const struct value *a, const struct value *b) {
    (void)op;
    if (b->type == VALUE_UNDEFINED)
        return value_undefined();
    if (b->type != VALUE_LIST)
        return value_boolean(value_identical(a, b));
    for (size_t i = 0; i < b->len; i++)
        if (value_identical(a, b->items[i]))
            return value_boolean(true);
    return value_boolean(false);
}

struct number {
    bool is_real;
    int64_t i;
    double r;
};

static bool get_numbers(const struct value *a, const struct value *b, struct number *x,
                        struct number *y) {
    return value_to_number(a, &x->is_real, &x->i, &x->r) &&
           value_to_number(b, &y->is_real, &y->i, &y->r);
}

static struct value *type_error(const struct value *a, const struct value *b) {
    return value_error("expected numbers, found %s and %s", value_type_word(a),
                       b ? value_type_word(b) : "nothing");
}

/* -1, 0 or 1 as two numbers compare. */
static int compare_numbers(const struct number *x, const struct number *y) {
    if (x->is_real || y->is_real)
        return (x->r > y->r) - (x->r < y->r);
    return (x->i > y->i) - (x->i < y->i);
}

static bool holds_for(enum operator op, int sign) {
    static const bool rows[][3] = {
        /* sign:                     -1     0      1 */
        [OP_LESS] = {true, false, false},
        [OP_LESS_EQUAL] = {true, true, false},
        [OP_GREATER] = {false, false, true},
        [OP_GREATER_EQUAL] = {false, true, true},
    };
    return rows[op][sign + 1];
}

static struct value *op_order(enum operator op, const struct value *a, const struct value *b) {
    struct number x = {0}, y = {0};
    if (a->type == VALUE_STRING && b->type == VALUE_STRING) {
        int sign = strcasecmp(a->text, b->text);
        return value_boolean(holds_for(op, (sign > 0) - (sign < 0)));
    }
    if (!get_numbers(a, b, &x, &y))
        return type_error(a, b);
    return value_boolean(holds_for(op, compare_numbers(&x, &y)));
}

static struct value *real_arithmetic(enum operator op, double x, double y) {
    if ((op == OP_DIVIDE || op == OP_REMAINDER) && y == 0)
        return value_error("division by zero");
    if (op == OP_ADD)
        return value_real(x + y);
    if (op == OP_SUBTRACT)
        return value_real(x - y);
    if (op == OP_MULTIPLY)
        return value_real(x * y);
    return value_real(op == OP_DIVIDE ? x / y : fmod(x, y));
}

static struct value *integer_arithmetic(enum operator op, int64_t x, int64_t y) {
    int64_t result = 0;
    bool overflow = false;
    if (op == OP_ADD)
        overflow = __builtin_add_overflow(x, y, &result);
    else if (op == OP_SUBTRACT)
        overflow = __builtin_sub_overflow(x, y, &result);
    else if (op == OP_MULTIPLY)
        overflow = __builtin_mul_overflow(x, y, &result);
    else if (y == 0)
        return value_error("division by zero");
    else if (y == -1)
        overflow = op == OP_DIVIDE && __builtin_sub_overflow((int64_t)0, x, &result);
    else
        result = op == OP_DIVIDE ? x / y : x % y;
    return overflow ? value_error("the number is too large") : value_integer(result);
}

/* A time plus or minus a number is a time. */
static bool gives_time(enum operator op, const struct value *a, const struct value *b) {
    return (op == OP_ADD || op == OP_SUBTRACT) && (a->type == VALUE_TIME || b->type == VALUE_TIME);
}

static struct value *op_arithmetic(enum operator op, const struct value *a, const struct value *b) {
    struct number x = {0}, y = {0};
    if (!get_numbers(a, b, &x, &y)) {
        bool text = a->type == VALUE_STRING || b->type == VALUE_STRING;
        return op == OP_ADD && text ? value_error("+ does not join texts, use strcat(a, b)")
                                    : type_error(a, b);
    }
    if (x.is_real || y.is_real)
        return real_arithmetic(op, x.r, y.r);
    struct value *result = integer_arithmetic(op, x.i, y.i);
    if (result && result->type == VALUE_INTEGER && gives_time(op, a, b))
        result->type = VALUE_TIME;
    return result;
}

static struct value *op_bits(enum operator op, const struct value *a, const struct value *b) {
    int64_t x, y;
    if (!value_to_integer(a, &x) || !value_to_integer(b, &y))
        return type_error(a, b);
    uint64_t bits = (uint64_t)x, count = (uint64_t)y & 63;
    switch ((int)op) {
    case OP_BIT_OR:
        return value_integer(x | y);
    case OP_BIT_XOR:
        return value_integer(x ^ y);
    case OP_BIT_AND:
        return value_integer(x & y);
    case OP_SHIFT_LEFT:
        return value_integer((int64_t)(bits << count));
    case OP_SHIFT_RIGHT:
        return value_integer(x >> count);
    default:
        return value_integer((int64_t)(bits >> count));
    }
}

static struct value *op_sign(enum operator op, const struct value *a, const struct value *b) {
    struct number x = {0};
    (void)b;
    if (!value_to_number(a, &x.is_real, &x.i, &x.r))
        return value_error("expected a number, found %s", value_type_word(a));
    if (op == OP_COMPLEMENT)
        return x.is_real ? value_error("~ needs a whole number") : value_integer(~x.i);
    if (op == OP_PLUS)
        return value_ref((struct value *)a);
    return x.is_real ? value_real(-x.r) : integer_arithmetic(OP_SUBTRACT, 0, x.i);
}

static const struct {
    struct value *(*apply)(enum operator op, const struct value *a, const struct value *b);
    bool spreads; /* an undefined operand gives undefined, an error that error */
} operators[] = {
    [OP_OR] = {op_logic, false},
    [OP_AND] = {op_logic, false},
    [OP_BIT_OR] = {op_bits, true},
    [OP_BIT_XOR] = {op_bits, true},
    [OP_BIT_AND] = {op_bits, true},
    [OP_EQUAL] = {op_equal, true},
    [OP_NOT_EQUAL] = {op_equal, true},
    [OP_IS] = {op_identity, false},
    [OP_ISNT] = {op_identity, false},
    [OP_IN] = {op_in, false},
    [OP_LESS] = {op_order, true},
    [OP_LESS_EQUAL] = {op_order, true},
    [OP_GREATER] = {op_order, true},
    [OP_GREATER_EQUAL] = {op_order, true},
    [OP_SHIFT_LEFT] = {op_bits, true},
    [OP_SHIFT_RIGHT] = {op_bits, true},
    [OP_SHIFT_RIGHT_ZERO] = {op_bits, true},
    [OP_ADD] = {op_arithmetic, true},
    [OP_SUBTRACT] = {op_arithmetic, true},
    [OP_MULTIPLY] = {op_arithmetic, true},
    [OP_DIVIDE] = {op_arithmetic, true},
    [OP_REMAINDER] = {op_arithmetic, true},
    [OP_NOT] = {op_not, true},
    [OP_MINUS] = {op_sign, true},
    [OP_PLUS] = {op_sign, true},
    [OP_COMPLEMENT] = {op_sign, true},
};

struct value *operator_apply(enum operator op, const struct value *a, const struct value *b) {
    if (!operators[op].spreads)
        return operators[op].apply(op, a, b);
    const struct value *both[] = {a, b};
    static const enum value_type spreading[] = {VALUE_ERROR, VALUE_UNDEFINED};
    for (size_t t = 0; t < ARRAY_SIZE(spreading); t++)
        for (size_t i = 0; i < ARRAY_SIZE(both); i++)
            if (both[i] && both[i]->type == spreading[t])
                return value_ref((struct value *)both[i]);
    return operators[op].apply(op, a, b);
}
