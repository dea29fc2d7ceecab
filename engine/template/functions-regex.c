/* SPDX-License-Identifier: MIT */
/*
 * Regular expressions, on PCRE2 with limits on the work of one match: a pattern comes from a user.
 * PCRE2 calls back before each item that it matches, which counts towards the budget of the whole
 * evaluation.
 * Options are letters as in ClassAd: i (case), m (lines), s (dot matches newline), x (extended),
 * f (the whole text must match); g is always on in regexps.
 */
#include "functions.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <errno.h>
#include <string.h>

#define PATTERN_MAX 4096u
#define MATCH_LIMIT 1000000u
#define DEPTH_LIMIT 1000u
#define HEAP_LIMIT_KIB 4096u
#define REPLACE_MATCHES_MAX 10000u

/* In units of work: to compile a pattern at all, how many bytes of a compiled one count as one, and
 * how many characters that a match runs over or looks for its start in. */
#define COMPILE_WORK 100u
#define COMPILED_PER_UNIT 8u
#define RUN_PER_UNIT 64u

struct regex {
    struct eval *ev;
    size_t place; /* in the text, when PCRE2 called last */
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static void regex_done(struct regex *re) {
    pcre2_code_free(re->code);
    pcre2_match_data_free(re->data);
    pcre2_match_context_free(re->context);
}

static bool read_options(const char *letters, uint32_t *ret) {
    static const struct {
        char letter;
        uint32_t option;
    } known[] = {
        {'i', PCRE2_CASELESS},
        {'m', PCRE2_MULTILINE},
        {'s', PCRE2_DOTALL},
        {'x', PCRE2_EXTENDED},
        {'g', 0},
        {'f', PCRE2_ANCHORED | PCRE2_ENDANCHORED},
    };
    *ret = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
    for (; *letters; letters++) {
        size_t i = 0;
        while (i < ARRAY_SIZE(known) && known[i].letter != (*letters | 0x20))
            i++;
        if (i == ARRAY_SIZE(known))
            return false;
        *ret |= known[i].option;
    }
    return true;
}

/* Called by PCRE2 before each item of the pattern. */
static int count_item(pcre2_callout_block *block, void *arg) {
    struct regex *re = arg;
    size_t place = block->current_position;
    size_t run = place > re->place ? place - re->place : re->place - place;
    re->place = place;
    return eval_spend(re->ev, 1 + run / RUN_PER_UNIT) ? 0 : PCRE2_ERROR_CALLOUT;
}

/* What it took to compile; a pattern that is wrong may have taken as much. */
static void count_compiled(struct eval *ev, const pcre2_code *code) {
    size_t size = PATTERN_MAX;
    if (code)
        (void)pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
    (void)eval_spend(ev, COMPILE_WORK + size / COMPILED_PER_UNIT);
}

/* NULL if `re` is ready, else what to return (an error value). *ret_memory: memory ran out. */
static struct value *regex_init(struct regex *re, const char *pattern, const char *letters,
                                bool *ret_memory) {
    int code;
    PCRE2_SIZE at;
    uint32_t options;
    *ret_memory = false;
    if (strlen(pattern) > PATTERN_MAX)
        return value_error("the pattern is longer than %u bytes", PATTERN_MAX);
    if (!read_options(letters, &options))
        return value_error("\"%.20s\" are not options of a pattern, use i, m, s, x, f or g",
                           letters);
    re->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
    count_compiled(re->ev, re->code);
    if (!re->code) {
        PCRE2_UCHAR why[120] = "";
        (void)pcre2_get_error_message(code, why, sizeof(why));
        return value_error("the pattern \"%.60s\" is wrong at character %zu: %s", pattern, at + 1,
                           (const char *)why);
    }
    re->data = pcre2_match_data_create_from_pattern(re->code, NULL);
    re->context = pcre2_match_context_create(NULL);
    *ret_memory = !re->data || !re->context;
    if (*ret_memory)
        return NULL;
    (void)pcre2_set_match_limit(re->context, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(re->context, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(re->context, HEAP_LIMIT_KIB);
    (void)pcre2_set_callout(re->context, count_item, re);
    return NULL;
}

/* Matches from `offset`. 1 found, 0 not, -1 too much work. */
static int regex_find(struct regex *re, const char *text, size_t len, size_t offset) {
    re->place = offset;
    if (!eval_spend(re->ev, 1 + (len - offset) / RUN_PER_UNIT))
        return -1;
    int rc = pcre2_match(re->code, (PCRE2_SPTR)text, len, offset, PCRE2_NO_UTF_CHECK, re->data,
                         re->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    return rc < 0 ? -1 : 1;
}

static struct value *too_much_work(const char *pattern) {
    return value_error("matching the pattern \"%.60s\" takes too much work", pattern);
}

/* The texts of the first `n` arguments must be texts. */
static bool are_texts(struct value **args, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (args[i]->type != VALUE_STRING)
            return false;
    return true;
}

/* Converts every argument to text in place of itself; false: out of memory. */
static struct value *as_texts(struct value **args, size_t n) {
    _cleanup_value_ struct value *list = value_list_new();
    for (size_t i = 0; list && i < n; i++)
        if (value_list_append(list, value_to_string(args[i])) < 0)
            return NULL;
    return TAKE_PTR(list);
}

/* regexp(pattern, text[, options]): true if found anywhere. */
static struct value *call_regexp(struct eval *ev, struct value **args, size_t n) {
    _cleanup_value_ struct value *texts = as_texts(args, n);
    _cleanup_(regex_done) struct regex re = {.ev = ev};
    bool memory;
    if (!texts)
        return NULL;
    if (!are_texts(texts->items, n))
        return value_error("regexp needs texts");
    const char *pattern = texts->items[0]->text, *text = texts->items[1]->text;
    struct value *error = regex_init(&re, pattern, n > 2 ? texts->items[2]->text : "", &memory);
    if (error || memory)
        return error;
    int found = regex_find(&re, text, strlen(text), 0);
    return found < 0 ? too_much_work(pattern) : value_boolean(found);
}

/* Appends `with`, where \0 to \9 (or $0 to $9) stand for the groups of the match. */
static void put_replacement(struct buf *b, const struct regex *re, const char *text,
                            const char *with) {
    const PCRE2_SIZE *groups = pcre2_get_ovector_pointer(re->data);
    uint32_t count = pcre2_get_ovector_count(re->data);
    for (; *with; with++) {
        bool mark = *with == '\\' || *with == '$';
        if (mark && with[1] >= '0' && with[1] <= '9') {
            size_t group = (size_t)(*++with - '0');
            if (group < count && groups[2 * group] != PCRE2_UNSET)
                (void)buf_append(b, text + groups[2 * group],
                                 groups[2 * group + 1] - groups[2 * group]);
        } else if (*with == '\\' && with[1]) {
            (void)buf_putc(b, *++with);
        } else {
            (void)buf_putc(b, *with);
        }
    }
}

static size_t character_length(const char *text) {
    size_t n = *text != '\0';
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* Replaces every match. 0, or -1: too much work. */
static int replace_matches(struct regex *re, const char *text, const char *with, struct buf *b) {
    size_t len = strlen(text), at = 0, matches = 0;
    const PCRE2_SIZE *groups = pcre2_get_ovector_pointer(re->data);
    while (at <= len) {
        int found = regex_find(re, text, len, at);
        if (found < 0 || ++matches > REPLACE_MATCHES_MAX)
            return -1;
        if (!found)
            break;
        size_t start = groups[0] < at ? at : groups[0], end = groups[1] < start ? start : groups[1];
        (void)buf_append(b, text + at, start - at);
        put_replacement(b, re, text, with);
        at = end;
        if (end == start) {
            size_t step = character_length(text + at);
            (void)buf_append(b, text + at, step);
            at += step ? step : 1;
        }
    }
    if (at < len)
        (void)buf_append(b, text + at, len - at);
    return 0;
}

/* regexps(pattern, text, replacement[, options]): the whole text, every match replaced. */
static struct value *call_regexps(struct eval *ev, struct value **args, size_t n) {
    _cleanup_value_ struct value *texts = as_texts(args, n);
    _cleanup_(regex_done) struct regex re = {.ev = ev};
    _cleanup_buf_ struct buf b = BUF_INIT(VALUE_TEXT_MAX);
    bool memory;
    if (!texts)
        return NULL;
    if (!are_texts(texts->items, n))
        return value_error("regexps needs texts");
    const char *pattern = texts->items[0]->text;
    struct value *error = regex_init(&re, pattern, n > 3 ? texts->items[3]->text : "", &memory);
    if (error || memory)
        return error;
    if (replace_matches(&re, texts->items[1]->text, texts->items[2]->text, &b) < 0)
        return too_much_work(pattern);
    if (buf_error(&b) < 0)
        return buf_error(&b) == -E2BIG ? value_error("the text is longer than 1 MiB") : NULL;
    return value_string(b.data);
}

static const struct function rows[] = {
    {"regexp", 2, 3, FUNCTION_SPREADS, NULL, NULL, call_regexp},
    {"regexps", 3, 4, FUNCTION_SPREADS, NULL, NULL, call_regexps},
};

const struct function_table functions_regex = {rows, ARRAY_SIZE(rows)};
