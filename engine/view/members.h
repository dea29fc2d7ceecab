/* SPDX-License-Identifier: MIT */
#ifndef VIEW_MEMBERS_H
#define VIEW_MEMBERS_H

/* Inside view only: members of a JSON object, each with the comma behind it; members_end() puts the
   brace in the place of the last one. Failures stick in the buffer (buf.h). */

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

void member_key(struct buf *b, const char *key);
void member_text(struct buf *b, const char *key, const char *value);
/* null when the text is empty: clients compare host names, and two empty ones would be equal. */
void member_text_or_null(struct buf *b, const char *key, const char *value);
void member_bool(struct buf *b, const char *key, bool value);
void member_number(struct buf *b, const char *key, int64_t value);
void member_real(struct buf *b, const char *key, double value);
/* 0, -E2BIG or -ENOMEM, also of what was put before. */
int members_end(struct buf *b);

#endif
