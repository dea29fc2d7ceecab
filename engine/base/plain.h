/* SPDX-License-Identifier: MIT */
#ifndef BASE_PLAIN_H
#define BASE_PLAIN_H

/*
 * Text of others (a cloud, a node, a user) made fit for a line of a log and for a terminal: what
 * they write begins no line of its own, moves no cursor and turns no text around. Everything that
 * shows such text goes through here.
 */

#include "buf.h"

#include <stdbool.h>

/*
 * Appends `text` as part of one line: line ends and tabs become blanks; other control characters,
 * those that change the direction of text, invisible ones, and bytes that are not UTF-8 become
 * U+FFFD. No more than `max` bytes are appended; a longer text ends in "...". 0 or as buf_append.
 */
int plain_put(struct buf *b, const char *text, size_t max);

/* True when plain_put would append `len` bytes of text as they are. */
bool plain_is(const char *text, size_t len);

#endif
