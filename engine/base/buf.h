/* SPDX-License-Identifier: MIT */
#ifndef BASE_BUF_H
#define BASE_BUF_H

/*
 * Growing text with a maximum given at the start. `data` is never NULL after buf_init and always
 * has a NUL behind `len` bytes, so it can be used as a C string. Appending past the maximum is
 * -E2BIG and leaves the contents as they were. The first failure sticks: later appends return it
 * too, so a renderer may append freely and check buf_error() once at the end.
 */

#include "cleanup.h"

#include <stddef.h>

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* bytes, without the final NUL */
    int error;  /* 0, -E2BIG or -ENOMEM: the first failure */
};

#define BUF_INIT(max_bytes) ((struct buf){.data = (char *)"", .max = (max_bytes)})

void buf_init(struct buf *b, size_t max);
/* Releases the memory; usable again as an empty buffer with the same maximum. */
void buf_done(struct buf *b);
/* Empties the contents and the sticky error, keeps the memory. */
void buf_clear(struct buf *b);
/* Cuts the contents to `len` bytes; no effect if they are shorter. */
void buf_truncate(struct buf *b, size_t len);

/* Each returns 0, -E2BIG (over the maximum) or -ENOMEM. */
int buf_append(struct buf *b, const void *data, size_t len);
int buf_puts(struct buf *b, const char *text);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes `len` bytes at `offset`; a gap is filled with NUL bytes. */
int buf_write_at(struct buf *b, size_t offset, const void *data, size_t len);
/* Sets the length, filling with NUL bytes or cutting. */
int buf_resize(struct buf *b, size_t len);
/* Makes room for `extra` more bytes. */
int buf_reserve(struct buf *b, size_t extra);

/* The first failure since the last clear, or 0. */
int buf_error(const struct buf *b);

/* Moves the text out as a malloc'ed C string (never NULL unless memory ran out); the buffer is
 * empty. */
char *buf_take(struct buf *b);

/* Appends `text` as the inside of a JSON string (no quotes around it). The result is valid UTF-8:
 * a byte that is not becomes U+FFFD. */
int buf_put_json(struct buf *b, const char *text);

#define _cleanup_buf_ _cleanup_(buf_done)

#endif
