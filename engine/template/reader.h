/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_READER_H
#define TEMPLATE_READER_H

/*
 * Splits a template into its items: headers and attributes, and lines that are neither. Blank lines
 * and comments are skipped. Nothing is copied; everything points into the text. It is the one place
 * that knows where a line, a comment and a triple-quoted value end.
 */

#include <stdbool.h>
#include <stddef.h>

struct span {
    const char *text;
    size_t len;
    unsigned line, column; /* from 1 */
};

enum item_kind {
    ITEM_END,
    ITEM_HEADER,
    ITEM_ATTRIBUTE,
    ITEM_OTHER,         /* no `=` in it */
    ITEM_BROKEN_HEADER, /* `problem` says why */
};

struct item {
    enum item_kind kind;
    struct span whole;      /* the line, trimmed */
    unsigned rank;          /* header: opening brackets */
    struct span type, name; /* header; without quotes around the name */
    size_t header_len;      /* header: bytes of `whole` up to its last bracket, or its text */
    struct span key, value; /* attribute; value trimmed, without its comment */
    bool expression;        /* `:=` */
    bool triple;            /* value is the inside of triple quotes */
    bool unclosed;          /* the triple quotes never end: value is the rest of the text */
    bool open_quote;        /* a `"` in the value is not closed on its line */
    bool semicolon;         /* the line is a `;` comment (ITEM_OTHER) */
    bool uneven;            /* header: other number of closing brackets */
    bool no_break;          /* there is a no-break space at an end of the line */
    bool trailing;          /* there is text behind the closing triple quotes or the header */
    const char *problem;
};

struct reader {
    const char *text;
    size_t len, pos;
    unsigned line;
};

#define NO_BREAK_SPACE "\xc2\xa0"

/* Reads the next item; ITEM_END at the end, and again after it. */
void reader_next(struct reader *r, struct item *ret);

/* How many bytes of blanks a text begins with; a no-break space is one. */
size_t blanks_length(const char *text, size_t len);
/* Both ends without blanks. */
struct span span_trim(struct span s);
/* `len` bytes of `s` from `offset`, on the same line. */
struct span span_part(struct span s, size_t offset, size_t len);
bool span_equal(struct span s, const char *text);

#endif
