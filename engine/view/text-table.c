/* SPDX-License-Identifier: MIT */
#include "text-table.h"

#include "model/limits.h"

#include <string.h>

void text_table_init(struct text_table *t, size_t n) {
    *t = (struct text_table){.cells = BUF_INIT(LIMIT_RENDER_BYTES), .n_columns = n};
}

void text_table_done(struct text_table *t) {
    buf_done(&t->cells);
}

/* One row is one line, whatever a message from the cloud holds. */
static void flatten(char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20)
            text[i] = ' ';
}

void text_table_end_cell(struct text_table *t) {
    struct buf *b = &t->cells;
    if (b->len == t->start)
        (void)buf_putc(b, '-');
    if (buf_error(b))
        return;
    size_t len = b->len - t->start;
    flatten(b->data + t->start, len);
    if (len > t->widths[t->column])
        t->widths[t->column] = len;
    (void)buf_putc(b, '\0');
    t->start = b->len;
    t->column = (t->column + 1) % t->n_columns;
}

void text_table_cell(struct text_table *t, const char *text) {
    (void)buf_puts(&t->cells, text);
    text_table_end_cell(t);
}

static int put_padded(struct buf *b, const char *text, size_t len, size_t width) {
    static const char blanks[] = "                                ";
    (void)buf_append(b, text, len);
    for (size_t missing = width - len + 2; missing > 0;) {
        size_t n = missing < sizeof(blanks) - 1 ? missing : sizeof(blanks) - 1;
        (void)buf_append(b, blanks, n);
        missing -= n;
    }
    return buf_error(b);
}

int text_table_write(const struct text_table *t, struct buf *b) {
    if (buf_error(&t->cells))
        return buf_error(&t->cells);
    size_t column = 0;
    for (size_t at = 0; at < t->cells.len && !buf_error(b);) {
        const char *text = t->cells.data + at;
        size_t len = strlen(text);
        if (column + 1 < t->n_columns) {
            (void)put_padded(b, text, len, t->widths[column]);
        } else {
            (void)buf_append(b, text, len);
            (void)buf_putc(b, '\n');
        }
        column = (column + 1) % t->n_columns;
        at += len + 1;
    }
    return buf_error(b);
}
