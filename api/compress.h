/* SPDX-License-Identifier: MIT */
#ifndef API_COMPRESS_H
#define API_COMPRESS_H

/* Long texts for clients that take gzip: metrics of 10,000 nodes are 5 MB, and 0.3 MB so. */

#include "base/buf.h"

#include <stdbool.h>

/* Whether a header Accept-Encoding (NULL: there is none) takes gzip (RFC 9110 section 12.5.3). */
bool compress_accepted(const char *header);

/* Replaces the text by its gzip form. 0, or -errno and the text is as it was. Any thread. */
int compress_text(struct buf *text);

#endif
