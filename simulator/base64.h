/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_BASE64_H
#define SIMULATOR_BASE64_H

/* Base64 and base64url (RFC 4648). */

#include "base/buf.h"

/* Appends the bytes of `text`, in either alphabet, padded or not. 0, -EINVAL, -E2BIG or -ENOMEM. */
int base64_decode(struct buf *b, const char *text, size_t len);
/* Appends `data` as base64url without padding. 0, -E2BIG or -ENOMEM. */
int base64url_encode(struct buf *b, const void *data, size_t len);

#endif
