/* SPDX-License-Identifier: MIT */
#ifndef LSP_FRAMING_H
#define LSP_FRAMING_H

/*
 * The framing of the base protocol: header lines that end with CRLF, an empty one, then as many
 * bytes as Content-Length said. Bytes are put in as they come, messages taken out.
 */

#include "base/buf.h"

#define FRAME_HEADER_MAX ((size_t)4 << 10)   /* bytes of all header lines */
#define FRAME_CONTENT_MAX ((size_t)32 << 20) /* bytes of a message: a document with its escapes */

struct frame_reader {
    struct buf input; /* what has not been taken yet */
    size_t taken;     /* bytes at its start that were */
};

void frame_reader_init(struct frame_reader *r);
void frame_reader_done(struct frame_reader *r);

/* Adds bytes that have arrived. 0, -E2BIG or -ENOMEM. */
int frame_reader_put(struct frame_reader *r, const void *data, size_t len);

/*
 * The next message, which stays valid until the reader is used again. Returns 1, 0 (it is not
 * complete yet), or -EINVAL: these are no frames (no length, too long, a header that never ends),
 * and what follows cannot be understood either.
 */
int frame_reader_next(struct frame_reader *r, const char **ret_data, size_t *ret_len);

/* Appends a message with its header. 0, -E2BIG or -ENOMEM. */
int frame_put(struct buf *b, const char *data, size_t len);

#endif
