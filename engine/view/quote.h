/* SPDX-License-Identifier: MIT */
#ifndef VIEW_QUOTE_H
#define VIEW_QUOTE_H

/* Inside view only: what a user wrote, fit for a message on one line. */

#define QUOTE_MAX 64

struct quote {
    char text[QUOTE_MAX + 4];
};

/* `text` in *q with control characters as `?`, and "..." in place of what is too long. Returns
   q->text. Pure; any thread. */
const char *quote_text(struct quote *q, const char *text);

#endif
