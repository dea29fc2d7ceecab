/* SPDX-License-Identifier: MIT */
#ifndef LSP_DOCUMENT_H
#define LSP_DOCUMENT_H

/* An open file: its text as the editor has it, and what was understood of it. */

#include "template/syntax.h"

#include <jansson.h>

/* How the client counts columns. */
enum encoding {
    ENCODING_UTF16,
    ENCODING_UTF8,
};

struct document {
    char *uri;
    char *text; /* NUL-terminated, valid UTF-8, without a byte order mark */
    size_t len;
    json_int_t version;
    bool project;              /* a project.ini */
    struct template *template; /* what was understood; NULL if nothing was */
    struct diagnostics diags;
};

/* New with this text (copied). NULL: out of memory. */
struct document *document_new(const char *uri, const char *text, size_t len);
void document_free(struct document *d);
DEFINE_CLEANUP(struct document, document_free);

/* Takes another text and looks at it. 0, -E2BIG (over LIMIT_DOCUMENT_BYTES) or -ENOMEM. */
int document_set_text(struct document *d, const char *text, size_t len);

/*
 * One change of didChange: {"range", "text"}, or {"text"} for the whole. The text is not looked at
 * before document_analyze. 0, -EINVAL (no such change), -E2BIG or -ENOMEM.
 */
int document_change(struct document *d, const json_t *change, enum encoding encoding);

/* Parses and evaluates the text: template and diags. 0 or -ENOMEM. */
int document_analyze(struct document *d);

/* The byte that a position {"line", "character"} means: at the end of the line or text at most.
 * False if it is no position. */
bool document_offset(const struct document *d, const json_t *position, enum encoding encoding,
                     size_t *ret);
/* The position of a byte; new, NULL: out of memory. */
json_t *document_position(const struct document *d, size_t offset, enum encoding encoding);
/* The range of `len` bytes from one. */
json_t *document_range(const struct document *d, size_t offset, size_t len, enum encoding encoding);
/* The byte at a line and column from 1, as diagnostics count; clipped to the line. */
size_t document_at(const struct document *d, unsigned line, unsigned column);
/* The bytes of the line that `offset` is in, without its end. */
struct span document_line(const struct document *d, size_t offset);

#endif
