/* SPDX-License-Identifier: MIT */
#include "members.h"

#include "show.h"

#include <inttypes.h>

void member_key(struct buf *b, const char *key) {
    (void)buf_putc(b, '"');
    (void)buf_puts(b, key);
    (void)buf_puts(b, "\":");
}

void member_text(struct buf *b, const char *key, const char *value) {
    member_key(b, key);
    (void)buf_putc(b, '"');
    (void)show_json(b, value);
    (void)buf_puts(b, "\",");
}

void member_text_or_null(struct buf *b, const char *key, const char *value) {
    if (*value) {
        member_text(b, key, value);
        return;
    }
    member_key(b, key);
    (void)buf_puts(b, "null,");
}

void member_bool(struct buf *b, const char *key, bool value) {
    member_key(b, key);
    (void)buf_puts(b, value ? "true," : "false,");
}

void member_number(struct buf *b, const char *key, int64_t value) {
    member_key(b, key);
    (void)buf_printf(b, "%" PRId64 ",", value);
}

void member_real(struct buf *b, const char *key, double value) {
    member_key(b, key);
    (void)buf_printf(b, "%.1f,", value);
}

int members_end(struct buf *b) {
    if (b->len && b->data[b->len - 1] == ',')
        buf_truncate(b, b->len - 1);
    return buf_putc(b, '}');
}
