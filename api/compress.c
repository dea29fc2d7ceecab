/* SPDX-License-Identifier: MIT */
#include "compress.h"

#include "base/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define GZIP_WINDOW (MAX_WBITS + 16) /* zlib: 16 more means a gzip header */
#define MEMORY_LEVEL 8               /* zlib's default */

/* The weight of an element "NAME;q=0.5"; 1 when none is given. */
static double weight_of(const char *element, size_t len) {
    const char *parameters = memchr(element, ';', len);
    const char *q = parameters ? strcasestr(parameters, "q=") : NULL;
    return q && q < element + len ? strtod(q + 2, NULL) : 1;
}

bool compress_accepted(const char *header) {
    double gzip = -1, any = -1; /* < 0: not named */
    while (header && *header) {
        header += strspn(header, " \t,");
        size_t len = strcspn(header, ","), name = strcspn(header, ",; \t");
        if (name == 4 && strncasecmp(header, "gzip", 4) == 0)
            gzip = weight_of(header, len);
        else if (name == 1 && *header == '*')
            any = weight_of(header, len);
        header += len;
    }
    return gzip >= 0 ? gzip > 0 : any > 0;
}

int compress_text(struct buf *text) {
    z_stream z = {0};
    if (text->len > UINT_MAX)
        return -E2BIG;
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return -ENOMEM;
    size_t most = deflateBound(&z, text->len);
    struct buf packed = BUF_INIT(most);
    int r = buf_reserve(&packed, most);
    if (r == 0) {
        z.next_in = (unsigned char *)text->data;
        z.avail_in = (unsigned)text->len;
        z.next_out = (unsigned char *)packed.data;
        z.avail_out = (unsigned)most;
        r = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -EIO;
        packed.len = z.total_out;
    }
    (void)deflateEnd(&z);
    if (r < 0) {
        buf_done(&packed);
        return r;
    }
    buf_done(text);
    *text = packed;
    return 0;
}
