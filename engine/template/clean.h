/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_CLEAN_H
#define TEMPLATE_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A copy of `text` that is valid UTF-8: each invalid byte becomes U+FFFD, each NUL a blank, a byte
 * order mark at the start goes. New, NUL-terminated; NULL: out of memory. *ret_nul is the offset of
 * the first NUL byte in `text`, or `len`.
 */
char *text_clean(const char *text, size_t len, size_t *ret_len, size_t *ret_nul);

#endif
