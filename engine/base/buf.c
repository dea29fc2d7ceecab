/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include "utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_init(struct buf *b, size_t max) {
    *b = BUF_INIT(max);
}

void buf_done(struct buf *b) {
    if (b->cap)
        free(b->data);
    *b = BUF_INIT(b->max);
}

void buf_clear(struct buf *b) {
    b->error = 0;
    buf_truncate(b, 0);
}

void buf_truncate(struct buf *b, size_t len) {
    if (len >= b->len)
        return;
    b->len = len;
    b->data[len] = '\0';
}

static int fail(struct buf *b, int code) {
    if (!b->error)
        b->error = code;
    return b->error;
}

int buf_reserve(struct buf *b, size_t extra) {
    if (b->error)
        return b->error;
    if (extra > b->max || b->len > b->max - extra)
        return fail(b, -E2BIG);
    size_t need = b->len + extra + 1;
    if (need <= b->cap)
        return 0;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap += cap / 2 + 64;
    if (cap > b->max + 1)
        cap = b->max + 1;
    char *grown = b->cap ? realloc(b->data, cap) : malloc(cap);
    if (!grown)
        return fail(b, -ENOMEM);
    if (!b->cap)
        grown[0] = '\0';
    b->data = grown;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *data, size_t len) {
    int r = buf_reserve(b, len);
    if (r < 0 || len == 0)
        return r;
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int buf_puts(struct buf *b, const char *text) {
    return buf_append(b, text, strlen(text));
}

int buf_putc(struct buf *b, char c) {
    return buf_append(b, &c, 1);
}

int buf_printf(struct buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return fail(b, -ENOMEM);
    int r = buf_reserve(b, (size_t)n);
    if (r < 0)
        return r;
    va_start(ap, fmt);
    (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
    return 0;
}

int buf_resize(struct buf *b, size_t len) {
    if (len <= b->len) {
        buf_truncate(b, len);
        return b->error;
    }
    size_t gap = len - b->len;
    int r = buf_reserve(b, gap);
    if (r < 0)
        return r;
    memset(b->data + b->len, 0, gap);
    b->len = len;
    b->data[len] = '\0';
    return 0;
}

int buf_write_at(struct buf *b, size_t offset, const void *data, size_t len) {
    if (len > b->max || offset > b->max - len)
        return fail(b, -E2BIG);
    if (offset + len > b->len) {
        int r = buf_resize(b, offset + len);
        if (r < 0)
            return r;
    }
    if (len)
        memcpy(b->data + offset, data, len);
    return 0;
}

int buf_error(const struct buf *b) {
    return b->error;
}

char *buf_take(struct buf *b) {
    char *text = b->cap ? b->data : strdup("");
    *b = BUF_INIT(b->max);
    return text;
}

/* One character below 0x80. */
static void put_json_ascii(struct buf *b, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    if (c < 0x20)
        (void)buf_append(b, escape, sizeof(escape));
    else if (c == '"' || c == '\\')
        (void)buf_append(b, (char[]){'\\', (char)c}, 2);
    else
        (void)buf_putc(b, (char)c);
}

int buf_put_json(struct buf *b, const char *text) {
    for (size_t left = strlen(text); left;) {
        size_t len = utf8_length(text, left);
        if (len == 1)
            put_json_ascii(b, (unsigned char)*text);
        else if (len)
            (void)buf_append(b, text, len);
        else
            (void)buf_puts(b, UTF8_REPLACEMENT);
        text += len ? len : 1;
        left -= len ? len : 1;
    }
    return b->error;
}
