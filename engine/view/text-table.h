/* SPDX-License-Identifier: MIT */
#ifndef VIEW_TEXT_TABLE_H
#define VIEW_TEXT_TABLE_H

/*
 * Inside view only: aligned columns for people. The cells are rendered once, one behind the other
 * into a buffer, while the widths are taken; the layout is then one pass over that buffer.
 */

#include "base/buf.h"

#include <stdbool.h>

#define TEXT_TABLE_COLUMNS 12

struct text_table {
    struct buf cells; /* each ends in a NUL */
    size_t start;     /* of the cell being made */
    size_t column;
    size_t n_columns;
    size_t widths[TEXT_TABLE_COLUMNS];
};

/* A table of `n` columns (at most TEXT_TABLE_COLUMNS). */
void text_table_init(struct text_table *t, size_t n);
void text_table_done(struct text_table *t);
#define _cleanup_text_table_ _cleanup_(text_table_done)

/* Ends the cell whose text was appended to t->cells; an empty one shows as "-". */
void text_table_end_cell(struct text_table *t);
/* A whole cell. */
void text_table_cell(struct text_table *t, const char *text);
/* Appends the table to `b`, a line for each row. 0 or -errno (also of the cells). */
int text_table_write(const struct text_table *t, struct buf *b);

#endif
