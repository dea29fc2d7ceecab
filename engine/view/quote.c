/* SPDX-License-Identifier: MIT */
#include "quote.h"

#include "base/utf8.h"

#include <stddef.h>
#include <string.h>

const char *quote_text(struct quote *q, const char *text) {
    size_t len = strlen(text);
    size_t kept = len > QUOTE_MAX ? utf8_cut(text, QUOTE_MAX) : len;
    for (size_t i = 0; i < kept; i++) {
        unsigned char c = (unsigned char)text[i];
        q->text[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
    }
    memcpy(q->text + kept, len > kept ? "..." : "", len > kept ? 4 : 1);
    return q->text;
}
