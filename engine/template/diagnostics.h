/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_DIAGNOSTICS_H
#define TEMPLATE_DIAGNOSTICS_H

/*
 * What is wrong, or odd, in a text: a list in the order it was found. Adding never fails visibly;
 * when memory runs out or more than DIAGNOSTICS_MAX are added, the list remembers that and stays
 * as it is. A list belongs to its caller; a zeroed struct is an empty one.
 */

#include "diagnostic-codes.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

#define DIAGNOSTICS_MAX 200

enum severity {
    SEVERITY_ERROR,
    SEVERITY_WARNING,
};

/* A place in a text, counted in the three ways that editors and formats count. */
struct diagnostic_point {
    unsigned line;      /* from 1; 0 = concerns no single line */
    unsigned byte;      /* column in bytes of UTF-8, from 1; 0 = the whole line */
    unsigned character; /* column in code points, from 1 */
    unsigned utf16;     /* column in UTF-16 code units, from 1 */
};

/* What to write in place of a part of a line. */
struct diagnostic_fix {
    struct diagnostic_point start, end; /* `end` is behind the part; equal to `start`: insert */
    char *replacement;                  /* NULL: no fix is known */
};

struct diagnostic {
    enum severity severity;
    enum diagnostic_code code;
    struct diagnostic_point start, end; /* on one line; `end` is behind the last character */
    char *text;                         /* what is wrong, no final full stop */
    char *hint;                         /* what to do, NULL if nothing is known */
    char *source;                       /* the line itself, NULL if there is none */
    struct diagnostic_fix fix;
};

struct diagnostics {
    struct diagnostic *items;
    size_t len, cap;
    size_t errors;  /* entries that are SEVERITY_ERROR, dropped ones included */
    size_t dropped; /* entries over DIAGNOSTICS_MAX */
    bool out_of_memory;
};

#define DIAGNOSTICS_INIT ((struct diagnostics){0})

/*
 * Where a diagnostic points to. `text` (len bytes) is searched for the line; may be NULL. `width`
 * is in bytes; 0 means the word that starts there.
 */
struct diagnostic_place {
    const char *text;
    size_t len;
    unsigned line, column; /* as line and byte of a point */
    unsigned width;
};

/* What is to be said; everything is borrowed until diagnostics_add returns. */
struct finding {
    enum severity severity;
    enum diagnostic_code code;
    struct diagnostic_place at;
    const char *hint;               /* may be NULL */
    const char *fix;                /* the text that settles it, NULL = none is known */
    struct diagnostic_place fix_at; /* what it replaces (width 0: nothing); line 0: `at` */
};

/* Adds an entry. `diags` may be NULL: then nothing happens. */
void diagnostics_add(struct diagnostics *diags, const struct finding *finding, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* True if something was said about this very place. */
bool diagnostics_has(const struct diagnostics *diags, const struct diagnostic_place *place);

/* Takes out the warnings about this very place: an error is going to say more. */
void diagnostics_drop_warnings(struct diagnostics *diags, const struct diagnostic_place *place);

/* Moves the entries of `from` to `to` but for those that are there already; `from` is empty then.
 */
void diagnostics_merge(struct diagnostics *to, struct diagnostics *from);

/* Puts the entries into the order of their lines; stable. */
void diagnostics_sort(struct diagnostics *diags);

/*
 * Appends every entry to `b` as
 *     file:line:column: error: what
 *         MachineTyp = x
 *         ^
 *     hint: did you mean MachineType?
 * and a last line if entries were dropped. Returns 0, -E2BIG or -ENOMEM.
 */
int diagnostics_format(const struct diagnostics *diags, const char *filename, struct buf *b);

/* Releases the entries; the list is empty afterwards. */
void diagnostics_done(struct diagnostics *diags);

#define _cleanup_diagnostics_ _cleanup_(diagnostics_done)

#endif
