/* SPDX-License-Identifier: MIT */
#include "quote.h"

#include <stddef.h>
#include <string.h>

/* A cut must not fall between the bytes of one UTF-8 character. */
static size_t cut_at(const char *text, size_t at) {
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

const char *quote_text(struct quote *q, const char *text) {
    size_t len = strlen(text);
    size_t kept = len > QUOTE_MAX ? cut_at(text, QUOTE_MAX) : len;
    for (size_t i = 0; i < kept; i++) {
        unsigned char c = (unsigned char)text[i];
        q->text[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
    }
    memcpy(q->text + kept, len > kept ? "..." : "", len > kept ? 4 : 1);
    return q->text;
}
