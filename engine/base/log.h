/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * The programs' own log: one line a message on standard error, "<6>" syslog prefix when journald
 * reads it (JOURNAL_STREAM is set), logfmt fields: `<6>node started cluster=hpc node=hpc-1`. What
 * a message quotes cannot begin a line (plain.h); a message that is too long ends in "...".
 * Library folders do not log above debug; they return errors. May be called from any thread.
 */

#include <errno.h>

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

/* Messages above `level` are dropped; default LOG_LEVEL_INFO. Set once by main, before threads. */
void log_set_level(enum log_level level);
/* Sends the log to this descriptor (default 2). Set once by main, before threads. */
void log_set_fd(int fd);

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Logs "text: strerror" and returns `code`, for `return log_errno(r, "...")`. */
int log_errno(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
