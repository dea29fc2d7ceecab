/* SPDX-License-Identifier: MIT */
#include "str.h"

#include <errno.h>
#include <string.h>

struct str *str_new(const char *text, size_t len) {
    struct str *s = malloc(sizeof(*s) + len + 1);
    if (!s)
        return NULL;
    s->refs = 1;
    s->len = len;
    if (len)
        memcpy(s->text, text, len);
    s->text[len] = '\0';
    return s;
}

struct str *str_new_c(const char *text) {
    return str_new(text, strlen(text));
}

struct str *str_ref(struct str *s) {
    if (s)
        s->refs++;
    return s;
}

void str_unref(struct str *s) {
    if (s && --s->refs == 0)
        free(s);
}

void str_assign(struct str **slot, struct str *s) {
    struct str *old = *slot;
    *slot = str_ref(s);
    str_unref(old);
}

int str_set(struct str **slot, const char *text) {
    if (str_equal(*slot, text))
        return 0;
    struct str *fresh = *text ? str_new_c(text) : NULL;
    if (*text && !fresh)
        return -ENOMEM;
    str_unref(*slot);
    *slot = fresh;
    return 0;
}

bool str_equal(const struct str *s, const char *text) {
    return strcmp(str_text(s), text) == 0;
}
