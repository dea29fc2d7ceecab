/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_NOTICE_H
#define TEMPLATE_NOTICE_H

/*
 * Notices of a form: HTML that came with a template, which nobody should have to trust. What is
 * left of it is a tree that can be shown without an HTML parser:
 *
 *   ["div", {}, "See the ", ["a", {"href": "https://x.org/"}, "site"], ["br", {}]]
 *
 * The tags are a, b, br, code, details, em, h3, h4, i, li, ol, p, pre, strong, summary, table, td,
 * th, tr, u and ul, around them one div. The only attribute is href of a, with http or https.
 * Pictures, comments and tags that only concern looks are left out, everything else is text.
 */

#include <jansson.h>
#include <stddef.h>

#define NOTICE_BYTES_MAX ((size_t)64 << 10) /* the rest is left out */
#define NOTICE_DEPTH_MAX 16                 /* tags within tags; deeper ones are left out */

/* The tree of `html` (len bytes): a new reference, NULL: out of memory. */
json_t *notice_parse(const char *html, size_t len);

#endif
