/* SPDX-License-Identifier: MIT */
#ifndef VIEW_SHOW_H
#define VIEW_SHOW_H

/* Inside view only: the small pieces that show functions are made of. All append to `b` and return
   0 or -errno as buf.h says. Pure; any thread. */

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "model/object.h"

/* The text and a newline. */
int show_line(struct buf *b, const char *text);
/* A number and a newline. */
int show_number(struct buf *b, int64_t value);
/* The text as the inside of a JSON string, as buf_put_json; quick where nothing needs escaping. */
int show_json(struct buf *b, const char *text);
/* Wall time and a newline; an empty line for 0. */
int show_time(struct buf *b, usec_t wall);
/* A whole document as it is; `when_empty` in its place when there is none. */
int show_text(struct buf *b, const struct str *text, const char *when_empty);
/* Like show_text, with a newline behind it unless it has one. */
int show_lines(struct buf *b, const struct str *text, const char *when_empty);
/* The items of a list with `separator` between them, and a newline. */
int show_list(struct buf *b, const struct str_list *list, const char *separator);

#endif
