/* SPDX-License-Identifier: MIT */
#include "framing.h"

#include "base/parse.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void frame_reader_init(struct frame_reader *r) {
    *r = (struct frame_reader){.input = BUF_INIT(FRAME_HEADER_MAX + FRAME_CONTENT_MAX + 65536)};
}

void frame_reader_done(struct frame_reader *r) {
    buf_done(&r->input);
}

/* Moves what is left to the front. */
static void drop_taken(struct frame_reader *r) {
    if (!r->taken)
        return;
    size_t left = r->input.len - r->taken;
    memmove(r->input.data, r->input.data + r->taken, left);
    buf_truncate(&r->input, left);
    r->taken = 0;
}

int frame_reader_put(struct frame_reader *r, const void *data, size_t len) {
    drop_taken(r);
    return buf_append(&r->input, data, len);
}

/* The number of a `Content-Length: N` line; -EINVAL if it is one and says nothing usable. */
static int read_length(const char *line, size_t len, bool *ret_found, size_t *ret) {
    static const char name[] = "Content-Length:";
    char digits[24] = "";
    uint64_t n;
    if (len < sizeof(name) - 1 || strncasecmp(line, name, sizeof(name) - 1) != 0)
        return 0;
    line += sizeof(name) - 1;
    len -= sizeof(name) - 1;
    if (len >= sizeof(digits) || *ret_found)
        return -EINVAL;
    memcpy(digits, line, len);
    if (parse_u64(text_trim(digits), &n) < 0 || n > FRAME_CONTENT_MAX)
        return -EINVAL;
    *ret_found = true;
    *ret = (size_t)n;
    return 0;
}

/* Reads the header of `len` bytes, its empty line not among them. 0 or -EINVAL. */
static int read_header(const char *header, size_t len, size_t *ret) {
    bool found = false;
    for (size_t i = 0; i < len;) {
        const char *end = memmem(header + i, len - i, "\r\n", 2);
        size_t line = end ? (size_t)(end - header) - i : len - i;
        if (read_length(header + i, line, &found, ret) < 0)
            return -EINVAL;
        i += line + 2;
    }
    return found ? 0 : -EINVAL;
}

int frame_reader_next(struct frame_reader *r, const char **ret_data, size_t *ret_len) {
    const char *start = r->input.data + r->taken;
    size_t left = r->input.len - r->taken, content;
    const char *blank = left ? memmem(start, left, "\r\n\r\n", 4) : NULL;
    size_t header = blank ? (size_t)(blank - start) : left;
    if (header > FRAME_HEADER_MAX)
        return -EINVAL;
    if (!blank)
        return 0;
    if (read_header(start, header, &content) < 0)
        return -EINVAL;
    if (left - header - 4 < content)
        return 0;
    *ret_data = blank + 4;
    *ret_len = content;
    r->taken += header + 4 + content;
    return 1;
}

int frame_put(struct buf *b, const char *data, size_t len) {
    (void)buf_printf(b, "Content-Length: %zu\r\n\r\n", len);
    (void)buf_append(b, data, len);
    return buf_error(b);
}
