/* SPDX-License-Identifier: MIT */
#ifndef NET_URL_H
#define NET_URL_H

/* Where a url leads; for http.c. */

enum url_place {
    URL_MALFORMED,    /* or neither http nor https */
    URL_SECURE,       /* https, not loopback */
    URL_LOOPBACK,     /* http or https to this machine */
    URL_METADATA,     /* plain http to the instance metadata service, 169.254.169.254 */
    URL_PLAIN_REMOTE, /* plain http elsewhere: refused */
};

enum url_place url_place(const char *text);

#endif
