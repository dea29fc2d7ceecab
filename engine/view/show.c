/* SPDX-License-Identifier: MIT */
#include "show.h"

#include <inttypes.h>
#include <string.h>

int show_line(struct buf *b, const char *text) {
    (void)buf_puts(b, text);
    return buf_putc(b, '\n');
}

int show_number(struct buf *b, int64_t value) {
    return buf_printf(b, "%" PRId64 "\n", value);
}

static bool json_plain(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == '"' || text[i] == '\\')
            return false;
    return true;
}

int show_json(struct buf *b, const char *text) {
    size_t len = strlen(text);
    return json_plain(text, len) ? buf_append(b, text, len) : buf_put_json(b, text);
}

int show_time(struct buf *b, usec_t wall) {
    if (wall)
        (void)time_format(b, wall);
    return buf_putc(b, '\n');
}

int show_text(struct buf *b, const struct str *text, const char *when_empty) {
    if (str_len(text) == 0)
        return buf_puts(b, when_empty);
    return buf_append(b, text->text, text->len);
}

int show_lines(struct buf *b, const struct str *text, const char *when_empty) {
    size_t start = b->len;
    (void)show_text(b, text, when_empty);
    if (buf_error(b) == 0 && b->len > start && b->data[b->len - 1] != '\n')
        (void)buf_putc(b, '\n');
    return buf_error(b);
}

int show_list(struct buf *b, const struct str_list *list, const char *separator) {
    for (size_t i = 0; list && i < list->len; i++) {
        if (i > 0)
            (void)buf_puts(b, separator);
        (void)buf_puts(b, str_text(list->items[i]));
    }
    return buf_putc(b, '\n');
}
