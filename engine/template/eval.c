/* SPDX-License-Identifier: MIT */
#include "eval.h"

#include "functions.h"

#include "model/limits.h"

#include <errno.h>
#include <string.h>

bool eval_spend(struct eval *ev, size_t work) {
    if (work > EVAL_WORK_MAX - ev->work) {
        ev->work = EVAL_WORK_MAX;
        if (ev->limit == EVAL_WITHIN)
            ev->limit = EVAL_TOO_MUCH_WORK;
    } else {
        ev->work += work;
    }
    return ev->limit == EVAL_WITHIN;
}

bool eval_keep(struct eval *ev, size_t bytes) {
    if (bytes > LIMIT_DEFINITION_BYTES - ev->kept) {
        if (ev->limit == EVAL_WITHIN)
            ev->limit = EVAL_TOO_LARGE;
    } else {
        ev->kept += bytes;
    }
    return ev->limit == EVAL_WITHIN;
}

/* What it costs to look at all of a value. */
static size_t value_work(const struct value *v) {
    return v->size / VALUE_COST;
}

/* value_mark for a result of which others may hold a reference: then its items are copied. */
static struct value *mark(struct eval *ev, struct value *v, bool secret) {
    if (v && secret && !v->secret)
        (void)eval_spend(ev, v->len);
    return value_mark(v, secret);
}

/* One piece of a text or a list: without a piece that is known later it is half of what is meant.
 */
static struct value *eval_piece(struct eval *ev, const struct expr *e) {
    bool late = ev->late;
    ev->late = false;
    struct value *v = eval_expr(ev, e);
    ev->waits |= v && ev->late && value_is_undefined(v);
    ev->late |= late;
    return v;
}

static struct value *eval_list(struct eval *ev, const struct expr *e) {
    _cleanup_value_ struct value *list = value_list_new();
    if (!list)
        return NULL;
    for (size_t i = 0; i < e->len; i++) {
        struct value *item = eval_piece(ev, e->args[i]);
        if (!item || item->type == VALUE_ERROR)
            return item;
        int r = value_list_append(list, item);
        if (r < 0)
            return value_failure(r);
    }
    return TAKE_PTR(list);
}

static struct value *eval_record(struct eval *ev, const struct expr *e) {
    _cleanup_value_ struct value *record = value_record_new();
    if (!record)
        return NULL;
    for (size_t i = 0; i < e->len; i++) {
        struct value *item = eval_expr(ev, e->args[i]);
        if (!item || item->type == VALUE_ERROR)
            return item;
        const char *key = e->keys[i];
        (void)eval_spend(ev, value_work(item));
        int r = *key == EXPR_WHOLE_KEY ? value_record_set(record, key + 1, item)
                                       : value_record_set_path(record, key, item);
        if (r < 0)
            return value_failure(r);
    }
    return TAKE_PTR(record);
}

static struct value *eval_concat(struct eval *ev, const struct expr *e) {
    _cleanup_buf_ struct buf b = BUF_INIT(VALUE_TEXT_MAX);
    bool secret = false;
    for (size_t i = 0; i < e->len; i++) {
        _cleanup_value_ struct value *part = eval_piece(ev, e->args[i]);
        if (!part || part->type == VALUE_ERROR)
            return TAKE_PTR(part);
        (void)eval_spend(ev, value_work(part));
        secret |= value_is_secret(part);
        (void)value_put_text(part, &b);
    }
    if (buf_error(&b) < 0)
        return buf_error(&b) == -E2BIG ? value_error("the text is longer than 1 MiB") : NULL;
    return value_mark(value_string(b.data), secret);
}

/* An operator looks at all of its operands. */
static struct value *apply(struct eval *ev, enum operator op, const struct value *a,
                           const struct value *b) {
    (void)eval_spend(ev, value_work(a) + (b ? value_work(b) : 0));
    bool secret = value_is_secret(a) || (b && value_is_secret(b));
    return mark(ev, operator_apply(op, a, b), secret);
}

/* `&&` and `||` decide on the left side alone where they can. */
static struct value *eval_logic(struct eval *ev, const struct expr *e) {
    _cleanup_value_ struct value *a = eval_expr(ev, e->args[0]);
    if (!a || value_truth(a) == (e->op == OP_AND ? TRUTH_FALSE : TRUTH_TRUE))
        return a ? value_mark(value_boolean(e->op == OP_OR), value_is_secret(a)) : NULL;
    _cleanup_value_ struct value *b = eval_expr(ev, e->args[1]);
    if (!b)
        return NULL;
    return apply(ev, e->op, a, b);
}

static struct value *eval_default(struct eval *ev, const struct expr *e) {
    _cleanup_value_ struct value *a = eval_expr(ev, e->args[0]);
    if (!a || !value_is_undefined(a))
        return TAKE_PTR(a);
    return eval_expr(ev, e->args[1]);
}

static struct value *eval_binary(struct eval *ev, const struct expr *e) {
    if (e->op == OP_OR || e->op == OP_AND)
        return eval_logic(ev, e);
    if (e->op == OP_DEFAULT)
        return eval_default(ev, e);
    _cleanup_value_ struct value *a = eval_expr(ev, e->args[0]);
    _cleanup_value_ struct value *b = a ? eval_expr(ev, e->args[1]) : NULL;
    if (!a || !b)
        return NULL;
    return apply(ev, e->op, a, b);
}

static struct value *eval_unary(struct eval *ev, const struct expr *e) {
    _cleanup_value_ struct value *a = eval_expr(ev, e->args[0]);
    return a ? apply(ev, e->op, a, NULL) : NULL;
}

static struct value *eval_conditional(struct eval *ev, const struct expr *e) {
    _cleanup_value_ struct value *c = eval_expr(ev, e->args[0]);
    if (!c)
        return NULL;
    (void)eval_spend(ev, value_work(c));
    enum truth truth = value_truth(c);
    bool secret = value_is_secret(c);
    if (truth == TRUTH_UNDEFINED)
        return value_mark(value_undefined(), secret);
    if (truth == TRUTH_ERROR)
        return c->type == VALUE_ERROR ? TAKE_PTR(c)
                                      : value_error("a condition must be true or false, this is %s",
                                                    value_type_word(c));
    return mark(ev, eval_expr(ev, e->args[truth == TRUTH_TRUE ? 1 : 2]), secret);
}

static struct value *get_member(struct eval *ev, const struct value *base, const char *key) {
    struct value *item = base->type == VALUE_RECORD ? value_record_get(base, key) : NULL;
    if (!item)
        return value_mark(value_undefined(), base->secret);
    return mark(ev, value_ref(item), base->secret);
}

static struct value *eval_member(struct eval *ev, const struct expr *e) {
    _cleanup_value_ struct value *base = eval_expr(ev, e->args[0]);
    if (!base || base->type == VALUE_ERROR)
        return TAKE_PTR(base);
    return get_member(ev, base, e->name);
}

static struct value *get_index(struct eval *ev, const struct value *base,
                               const struct value *index) {
    int64_t i;
    if (base->type == VALUE_RECORD && index->type != VALUE_UNDEFINED) {
        _cleanup_value_ struct value *key = value_to_string(index);
        return key ? get_member(ev, base, key->text ? key->text : "") : NULL;
    }
    if (base->type == VALUE_LIST && value_to_integer(index, &i) && i >= 0 && (size_t)i < base->len)
        return value_ref(base->items[i]);
    return value_undefined();
}

static struct value *eval_index(struct eval *ev, const struct expr *e) {
    _cleanup_value_ struct value *base = eval_expr(ev, e->args[0]);
    _cleanup_value_ struct value *index = base ? eval_expr(ev, e->args[1]) : NULL;
    if (!base || !index)
        return NULL;
    if (base->type == VALUE_ERROR || index->type == VALUE_ERROR)
        return base->type == VALUE_ERROR ? TAKE_PTR(base) : TAKE_PTR(index);
    (void)eval_spend(ev, value_work(index));
    return mark(ev, get_index(ev, base, index), base->secret || value_is_secret(index));
}

/* What a SPREADS function gives for these arguments, or NULL if it is to be called. */
static const struct value *spread(const struct function *f, struct value **args, size_t n) {
    const struct value *undefined = NULL;
    if (!(f->flags & FUNCTION_SPREADS))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (args[i]->type == VALUE_ERROR)
            return args[i];
        if (args[i]->type == VALUE_UNDEFINED && !undefined)
            undefined = args[i];
    }
    return undefined;
}

static struct value *call_with(struct eval *ev, const struct function *f, struct value *args) {
    (void)eval_spend(ev, value_work(args));
    bool secret = value_is_secret(args);
    const struct value *instead = spread(f, args->items, args->len);
    if (instead)
        return mark(ev, value_ref((struct value *)instead), secret);
    struct value *result =
        f->metered ? f->metered(ev, args->items, args->len) : f->call(args->items, args->len);
    if (result)
        (void)eval_spend(ev, value_work(result));
    return mark(ev, result, secret);
}

static struct value *eval_call(struct eval *ev, const struct expr *e) {
    if (e->function->lazy)
        return e->function->lazy(ev, e);
    _cleanup_value_ struct value *args = value_list_new();
    for (size_t i = 0; args && i < e->len; i++) {
        int r = value_list_append(args, eval_expr(ev, e->args[i]));
        if (r < 0)
            return value_failure(r);
    }
    return args ? call_with(ev, e->function, args) : NULL;
}

static struct value *eval_literal(struct eval *ev, const struct expr *e) {
    (void)ev;
    return value_ref(e->literal);
}

static struct value *eval_name(struct eval *ev, const struct expr *e) {
    return ev->lookup(ev->arg, e);
}

struct value *eval_expr(struct eval *ev, const struct expr *e) {
    static struct value *(*const kinds[])(struct eval *, const struct expr *) = {
        [EXPR_LITERAL] = eval_literal, [EXPR_NAME] = eval_name,
        [EXPR_CONCAT] = eval_concat,   [EXPR_LIST] = eval_list,
        [EXPR_RECORD] = eval_record,   [EXPR_UNARY] = eval_unary,
        [EXPR_BINARY] = eval_binary,   [EXPR_CONDITIONAL] = eval_conditional,
        [EXPR_MEMBER] = eval_member,   [EXPR_INDEX] = eval_index,
        [EXPR_CALL] = eval_call,
    };
    if (!eval_spend(ev, 1))
        return value_error("the template takes too much work to evaluate");
    return kinds[e->kind](ev, e);
}
