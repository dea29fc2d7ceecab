/* SPDX-License-Identifier: MIT */
#include "plain.h"

#include "utf8.h"

#include <stdint.h>
#include <string.h>

#define CUT_MARK "..."

/* Characters that show nothing by themselves and change how others look. */
static const struct {
    uint32_t first, last;
} unfit[] = {
    {0x00, 0x1f},       /* C0 */
    {0x7f, 0x9f},       /* DEL, C1 */
    {0x200b, 0x200f},   /* zero width, direction marks */
    {0x2028, 0x202e},   /* line and paragraph separators, direction overrides */
    {0x2060, 0x206f},   /* joiners, direction isolates */
    {0xfeff, 0xfeff},   /* zero width no-break space */
    {0xe0000, 0xe007f}, /* tags */
};

/* The code point of a valid character of `len` bytes. */
static uint32_t code_point(const char *text, size_t len) {
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)text[0] & first_bits[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    return code;
}

static bool fits(const char *text, size_t len) {
    uint32_t code = code_point(text, len);
    for (size_t i = 0; i < ARRAY_SIZE(unfit); i++)
        if (code >= unfit[i].first && code <= unfit[i].last)
            return false;
    return true;
}

/* What is written for the character (or the stray byte) at `text`; *ret_used bytes are read. */
static const char *shown(const char *text, size_t left, size_t *ret_used, size_t *ret_len) {
    size_t len = utf8_length(text, left);
    *ret_used = len ? len : 1;
    *ret_len = len;
    if (len && fits(text, len))
        return text;
    bool blank = *text == '\n' || *text == '\r' || *text == '\t';
    *ret_len = blank ? 1 : strlen(UTF8_REPLACEMENT);
    return blank ? " " : UTF8_REPLACEMENT;
}

int plain_put(struct buf *b, const char *text, size_t max) {
    size_t begin = b->len, room = 0; /* where the mark would begin */
    for (size_t left = strlen(text); left;) {
        size_t used, len;
        const char *piece = shown(text, left, &used, &len);
        size_t written = b->len - begin;
        if (written + len > max) {
            buf_truncate(b, begin + room);
            return buf_append(b, CUT_MARK, max < strlen(CUT_MARK) ? max : strlen(CUT_MARK));
        }
        int r = buf_append(b, piece, len);
        if (r < 0)
            return r;
        if (written + len + strlen(CUT_MARK) <= max)
            room = written + len;
        text += used;
        left -= used;
    }
    return buf_error(b);
}

bool plain_is(const char *text, size_t len) {
    for (size_t at = 0; at < len;) {
        size_t n = utf8_length(text + at, len - at);
        if (!n || !fits(text + at, n))
            return false;
        at += n;
    }
    return true;
}
