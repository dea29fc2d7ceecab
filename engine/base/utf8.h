/* SPDX-License-Identifier: MIT */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/* UTF-8 as RFC 3629 has it: no surrogates, nothing above U+10FFFF, no overlong forms. */

#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for a byte that is no part of any character */

/* Bytes of the character at `text`, of which `left` (1 or more) can be read; 0 = it is not valid.
 * A NUL is a character of one byte. */
size_t utf8_length(const char *text, size_t left);

/* Writes the character `c` (a code point but no surrogate) and returns its bytes, 1 to 4. */
size_t utf8_encode(uint32_t c, char ret[4]);

/* The largest length of at most `max` that does not end within a character; `text` is longer than
 * `max` bytes. */
size_t utf8_cut(const char *text, size_t max);

#endif
