/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FS_SEAL_H
#define TESTS_FS_SEAL_H

/*
 * A seal is a last line with the checksum (CRC-32, as zlib has it) of all before it. fs-host-sealed
 * puts one under every rendering, so that a reader knows a torn, mixed or padded one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_BYTES ((size_t)10) /* "#0123abcd\n" */

/* Writes the seal of a text, and a NUL. */
void seal_make(const void *text, size_t len, char ret[SEAL_BYTES + 1]);
/* True when the text ends in its seal. */
bool seal_is_good(const char *text, size_t len);

#endif
