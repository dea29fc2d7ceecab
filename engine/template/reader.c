/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include "expr.h"

#include <string.h>
#include <strings.h>

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* Bytes of the blank at `p`: a no-break space, as word processors and web pages leave, is one too.
 */
static size_t blank_at(const char *p, const char *end) {
    if (end - p >= 2 && memcmp(p, NO_BREAK_SPACE, 2) == 0)
        return 2;
    return p < end && (blank(*p) || *p == '\n');
}

/* The same of the one that ends at `p`. */
static size_t blank_before(const char *start, const char *p) {
    if (p - start >= 2 && memcmp(p - 2, NO_BREAK_SPACE, 2) == 0)
        return 2;
    return p > start && (blank(p[-1]) || p[-1] == '\n');
}

struct span span_part(struct span s, size_t offset, size_t len) {
    return (struct span){s.text + offset, len, s.line, s.column + (unsigned)offset};
}

size_t blanks_length(const char *text, size_t len) {
    const char *p = text;
    for (size_t n; (n = blank_at(p, text + len));)
        p += n;
    return (size_t)(p - text);
}

struct span span_trim(struct span s) {
    const char *start = s.text + blanks_length(s.text, s.len), *end = s.text + s.len;
    for (size_t n; (n = blank_before(start, end));)
        end -= n;
    return span_part(s, (size_t)(start - s.text), (size_t)(end - start));
}

bool span_equal(struct span s, const char *text) {
    return strlen(text) == s.len && strncasecmp(s.text, text, s.len) == 0;
}

/* The line at the reader's place, without its end; moves on. */
static struct span take_line(struct reader *r) {
    const char *start = r->text + r->pos;
    const char *newline = memchr(start, '\n', r->len - r->pos);
    size_t len = newline ? (size_t)(newline - start) : r->len - r->pos;
    struct span line = {start, len, r->line, 1};
    r->pos += len + (newline != NULL);
    r->line++;
    return line;
}

static const char *find_close(const char *p, const char *end, char quote, bool escapes) {
    for (; p < end; p++) {
        if (escapes && *p == '\\')
            p++;
        else if (*p == quote)
            return p;
    }
    return NULL;
}

/* Length of the "..." or '...' at `p`, quotes and all; 0 if it is not closed. */
static size_t quoted_length(const char *p, const char *end) {
    const char *close = find_close(p + 1, end, *p, *p == '"');
    return close ? (size_t)(close + 1 - p) : 0;
}

/*
 * Length of what protects a `#` at `p`: quotes or `${...}`; 0 if nothing does. Behind a `${` that
 * is not closed (*open_braces) no other protects: to look for the end of each would take a time
 * that grows with the square of the line.
 */
static size_t protected_length(const char *p, const char *end, bool single_quotes,
                               bool *open_braces) {
    if (*p == '$' && p + 1 < end && p[1] == '{' && !*open_braces) {
        size_t len = expr_braces(p, (size_t)(end - p));
        *open_braces = len == 0;
        return len;
    }
    if (*p == '"' || (*p == '\'' && single_quotes))
        return quoted_length(p, end);
    return 0;
}

/*
 * Where the value ends: at a `#` behind a blank that is not in quotes or in `${...}`. Single quotes
 * count at the start of the value and in expressions; elsewhere they are apostrophes. A `"` that is
 * not closed takes the rest of the line.
 */
static size_t value_length(struct span s, bool expression, bool *ret_open) {
    const char *end = s.text + s.len;
    bool open_braces = false;
    for (const char *p = s.text; p < end;) {
        if (*p == '#' && (p == s.text || blank_before(s.text, p)))
            return (size_t)(p - s.text);
        size_t len = protected_length(p, end, expression || p == s.text, &open_braces);
        if (*p == '"' && len == 0) {
            *ret_open = true;
            return s.len;
        }
        p += len ? len : 1;
    }
    return s.len;
}

static const char *triple_quote(struct span s) {
    static const char *const quotes[] = {"'''", "\"\"\""};
    for (size_t i = 0; i < 2; i++)
        if (s.len >= 3 && memcmp(s.text, quotes[i], 3) == 0)
            return quotes[i];
    return NULL;
}

/* `start` is the span from the opening quotes to the end of the line. */
static void read_triple(struct reader *r, struct span start, const char *quote, struct item *ret) {
    const char *text = start.text + 3, *end = r->text + r->len;
    const char *close = memmem(text, (size_t)(end - text), quote, 3);
    ret->triple = true;
    ret->unclosed = !close;
    if (!close)
        close = end;
    ret->value = (struct span){text, (size_t)(close - text), start.line, start.column + 3};
    if (ret->unclosed) {
        r->pos = r->len;
        return;
    }
    unsigned line = start.line;
    for (const char *p = text; (p = memchr(p, '\n', (size_t)(close - p))); p++)
        line++;
    r->pos = (size_t)(close + 3 - r->text);
    r->line = line;
    struct span rest = span_trim(take_line(r));
    ret->trailing = rest.len > 0 && rest.text[0] != '#';
}

static void read_attribute(struct reader *r, struct span s, size_t equals, struct item *ret) {
    ret->kind = ITEM_ATTRIBUTE;
    ret->expression = equals > 0 && s.text[equals - 1] == ':';
    ret->key = span_trim(span_part(s, 0, equals - ret->expression));
    struct span value = span_trim(span_part(s, equals + 1, s.len - equals - 1));
    if (value.len && value.text[0] == '=' && !ret->expression) {
        ret->expression = true;
        value = span_trim(span_part(value, 1, value.len - 1));
    }
    const char *quote = triple_quote(value);
    if (quote) {
        read_triple(r, value, quote, ret);
        return;
    }
    size_t len = value_length(value, ret->expression, &ret->open_quote);
    ret->value = span_trim(span_part(value, 0, len));
}

static struct span unquote(struct span s) {
    if (s.len >= 2 && s.text[0] == '"' && s.text[s.len - 1] == '"')
        return span_part(s, 1, s.len - 2);
    return s;
}

static void break_header(struct item *ret, const char *problem) {
    ret->kind = ITEM_BROKEN_HEADER;
    ret->problem = problem;
}

/* Where the comment behind a header starts, or s.len. */
static size_t header_end(struct span s, size_t from) {
    for (size_t i = from + 1; i < s.len; i++)
        if (s.text[i] == '#' && blank(s.text[i - 1]))
            return i;
    return s.len;
}

/* The index of the bracket that closes a header, or s.len. */
static size_t find_closing(struct span s, size_t from) {
    size_t end = header_end(s, from);
    const char *close = from < end ? memchr(s.text + from, ']', end - from) : NULL;
    return close ? (size_t)(close - s.text) : s.len;
}

static void read_header(struct span s, struct item *ret) {
    size_t rank = 0, close, closing = 0;
    while (rank < s.len && s.text[rank] == '[')
        rank++;
    ret->kind = ITEM_HEADER;
    ret->rank = (unsigned)rank;
    close = find_closing(s, rank);
    while (close + closing < s.len && s.text[close + closing] == ']')
        closing++;
    struct span inside = span_trim(span_part(s, rank, close - rank));
    ret->uneven = closing != rank;
    ret->header_len =
        closing ? close + closing : span_trim(span_part(s, 0, header_end(s, rank))).len;
    struct span rest = span_trim(span_part(s, close + closing, s.len - close - closing));
    ret->trailing = rest.len > 0 && rest.text[0] != '#';
    size_t type = 0;
    while (type < inside.len && !blank_at(inside.text + type, inside.text + inside.len))
        type++;
    ret->type = span_part(inside, 0, type);
    ret->name = unquote(span_trim(span_part(inside, type, inside.len - type)));
    if (closing == 0)
        break_header(ret, "this section header is not closed with ]");
    else if (type == 0)
        break_header(ret, "this section header has no type");
}

/* Whether a no-break space was taken off a line. */
static bool has_no_break(struct span line, struct span trimmed) {
    size_t before = (size_t)(trimmed.text - line.text), after = line.len - before - trimmed.len;
    return memmem(line.text, before, NO_BREAK_SPACE, 2) ||
           memmem(trimmed.text + trimmed.len, after, NO_BREAK_SPACE, 2);
}

void reader_next(struct reader *r, struct item *ret) {
    *ret = (struct item){.kind = ITEM_END};
    while (r->pos < r->len) {
        struct span line = take_line(r), s = span_trim(line);
        if (s.len == 0 || s.text[0] == '#')
            continue;
        ret->whole = s;
        ret->no_break = has_no_break(line, s);
        const char *equals = memchr(s.text, '=', s.len);
        if (s.text[0] == '[')
            read_header(s, ret);
        else if (s.text[0] == ';') {
            ret->kind = ITEM_OTHER;
            ret->semicolon = true;
        } else if (equals)
            read_attribute(r, s, (size_t)(equals - s.text), ret);
        else
            ret->kind = ITEM_OTHER;
        return;
    }
    ret->whole = (struct span){r->text + r->len, 0, r->line, 1};
}
