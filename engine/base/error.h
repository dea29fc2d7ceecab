/* SPDX-License-Identifier: MIT */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/*
 * An error that a person will read. Functions return a negative errno; where words are needed they
 * also fill a `struct error` given as their last argument, which may be NULL. It is set once, at
 * the place that knows what went wrong (err_set), and prefixed on the way up (err_wrap).
 *
 * `code` is a negative errno, `kind` a stable slug from the table in error.c ("quota_exceeded"),
 * `msg` says what, where, why and what to do, without a final full stop or newline.
 *
 * One table (error_kind_find) maps a kind to the errno a system call answers and to the status of
 * an HTTP answer, so the faces of the product cannot disagree.
 *
 * An error belongs to its caller, who calls err_done; nothing here is shared between threads.
 */

#include "cleanup.h"

struct error {
    int code;         /* negative errno, 0 = no error */
    const char *kind; /* static string, NULL = no error */
    char *msg;        /* owned; NULL when memory ran out: then err_text gives strerror */
};

#define ERROR_INIT ((struct error){0})

struct error_kind {
    const char *kind;
    int errnum; /* positive errno for system calls */
    int http;   /* HTTP status */
};

/* Records an error. Returns `code` (negative errno). A set error is not overwritten. */
int err_set(struct error *err, int code, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Like err_set with the kind's own errno from the table. Returns the negative errno. */
int err_kind(struct error *err, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text of a set error; sets one from `code` if none was set. Returns
 * `code`. */
int err_wrap(struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The text to show: never NULL, borrowed from `err`. */
const char *err_text(const struct error *err);

/* Moves `from` into `to` (released first); `from` is empty afterwards. Either may be NULL. */
void err_move(struct error *to, struct error *from);

/* Releases the text; the error is empty afterwards. Accepts NULL and an empty error. */
void err_done(struct error *err);

/* The row of a kind; an unknown or NULL kind gives the row "internal". Never NULL. */
const struct error_kind *error_kind_find(const char *kind);

#define _cleanup_error_ _cleanup_(err_done)

#endif
