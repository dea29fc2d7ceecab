/* SPDX-License-Identifier: MIT */
#include "parse.h"

#include "cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define DISTANCE_TEXT_MAX 64

int parse_u64(const char *text, uint64_t *ret) {
    uint64_t value = 0;
    if (!*text)
        return -EINVAL;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return -EINVAL;
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return strspn(p, "0123456789") == strlen(p) ? -ERANGE : -EINVAL;
    }
    *ret = value;
    return 0;
}

int parse_i64(const char *text, int64_t *ret) {
    bool negative = *text == '-';
    uint64_t magnitude;
    int r = parse_u64(text + (*text == '-' || *text == '+'), &magnitude);
    if (r < 0)
        return r;
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return -ERANGE;
    *ret = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return 0;
}

int parse_bool(const char *text, bool *ret) {
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"yes", true}, {"no", false},  {"true", true}, {"false", false},
        {"on", true},  {"off", false}, {"1", true},    {"0", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcasecmp(text, words[i].word) == 0) {
            *ret = words[i].value;
            return 0;
        }
    return -EINVAL;
}

char *text_trim(char *text) {
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1]))
        len--;
    if (text[len])
        text[len] = '\0';
    return text;
}

bool text_equal_fold(const char *a, const char *b) {
    return strcasecmp(a, b) == 0;
}

size_t text_distance(const char *a, const char *b, size_t cap) {
    size_t la = strlen(a), lb = strlen(b);
    size_t row[DISTANCE_TEXT_MAX + 1];
    if (la > DISTANCE_TEXT_MAX || lb > DISTANCE_TEXT_MAX)
        return strcasecmp(a, b) == 0 ? 0 : cap;
    if ((la > lb ? la - lb : lb - la) >= cap)
        return cap;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t above = row[j];
            size_t same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = diagonal + !same;
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[lb] < cap ? row[lb] : cap;
}

bool name_valid(const char *name) {
    size_t len = strlen(name);
    if (len == 0 || len > 63 || !isalnum((unsigned char)name[0]))
        return false;
    for (size_t i = 1; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-')
            return false;
    return true;
}
