/* SPDX-License-Identifier: MIT */
#include "rejected.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define MASK "********"
#define BLANKS " \t\r\n"

/* A stretch of text, and whether it looks like JSON rather than lines. */
struct stretch {
    const char *begin, *end;
    bool json;
};

static bool in_name(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

/* Behind the characters of a set. */
static const char *skip(const char *p, const char *end, const char *set) {
    while (p < end && *p && strchr(set, *p))
        p++;
    return p;
}

/* The value behind a name: after a closing quote and `=`, `:=` or `:`. */
static const char *value_begin(const char *p, const char *end) {
    p = skip(skip(p, end, "\"'"), end, BLANKS);
    return skip(skip(p, end, ":="), end, BLANKS);
}

/* Behind the quote that closes a text, or the end. */
static const char *quote_end(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\' && p + 1 < end)
            p++;
    return p < end ? p + 1 : end;
}

/* True when what is on a line may go on behind it. */
static bool goes_on(const char *line, const char *newline) {
    size_t quotes = 0;
    for (const char *p = line; p < newline; p++) {
        quotes += *p == '"' || *p == '\'';
        if (*p && strchr("({[", *p))
            return true;
    }
    return quotes % 2 || newline[-1] == '\\';
}

/* A plain value ends with its line, a text in JSON with its quote; of anything else nobody knows.
 */
static const char *value_end(const char *p, const struct stretch *s) {
    if (p == s->end)
        return p;
    if (s->json)
        return *p == '"' ? quote_end(p, s->end) : s->end;
    const char *newline = memchr(p, '\n', (size_t)(s->end - p));
    return newline && !goes_on(p, newline) ? newline : s->end;
}

/* The length of the secret name at `p`, 0 when there is none. */
static size_t name_at(const json_t *properties, const char *p, const struct stretch *s) {
    const char *name;
    json_t *property;
    if (p > s->begin && in_name(p[-1]))
        return 0;
    json_object_foreach((json_t *)(uintptr_t)properties, name, property) {
        size_t len = strlen(name);
        if (json_is_true(json_object_get(property, "writeOnly")) && len <= (size_t)(s->end - p) &&
            strncasecmp(p, name, len) == 0 && (p + len == s->end || !in_name(p[len])))
            return len;
    }
    return 0;
}

static int put_masked(const json_t *properties, const struct stretch *s, struct buf *b) {
    const char *from = s->begin;
    for (const char *p = from; p < s->end;) {
        size_t name = name_at(properties, p, s);
        if (!name) {
            p++;
            continue;
        }
        const char *value = value_begin(p + name, s->end);
        (void)buf_append(b, from, (size_t)(value - from));
        from = p = value_end(value, s);
        if (from > value)
            (void)buf_puts(b, value[0] == '"' && s->json ? "\"" MASK "\"" : MASK);
    }
    (void)buf_append(b, from, (size_t)(s->end - from));
    return buf_error(b);
}

int rejected_parameters(const char *schema, const char *text, size_t len, struct buf *b) {
    if (!schema || !*schema)
        return buf_puts(b, "# not kept: without a template nobody can tell which values are "
                           "secret\n");
    json_t *root = json_loads(schema, 0, NULL);
    if (!root)
        return -ENOMEM;
    struct stretch s = {.begin = text, .end = text + len};
    const char *first = skip(text, s.end, BLANKS);
    s.json = first < s.end && *first == '{';
    int r = put_masked(json_object_get(root, "properties"), &s, b);
    json_decref(root);
    return r;
}
