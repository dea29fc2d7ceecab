/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "buf.h"
#include "clock.h"
#include "plain.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE_MAX 8192
#define LOG_PREFIX_MAX 64
#define LOG_SUFFIX_MAX 256

/* Set once before threads start; the lock only keeps lines of several threads apart. */
static enum log_level max_level = LOG_LEVEL_INFO;
static int log_fd = STDERR_FILENO;
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;

void log_set_level(enum log_level level) {
    max_level = level;
}

void log_set_fd(int fd) {
    log_fd = fd;
}

static void put_prefix(struct buf *line, enum log_level level) {
    if (getenv("JOURNAL_STREAM")) {
        (void)buf_printf(line, "<%d>", (int)level);
        return;
    }
    (void)time_format(line, clock_wall(&clock_real));
    (void)buf_puts(line, level <= LOG_LEVEL_ERROR     ? " error: "
                         : level <= LOG_LEVEL_WARNING ? " warning: "
                                                      : " ");
}

static void write_line(enum log_level level, const char *text, const char *suffix) {
    _cleanup_buf_ struct buf line = BUF_INIT(LOG_LINE_MAX);
    put_prefix(&line, level);
    (void)plain_put(&line, text, LOG_LINE_MAX - LOG_PREFIX_MAX - LOG_SUFFIX_MAX);
    if (suffix) {
        (void)buf_puts(&line, ": ");
        (void)plain_put(&line, suffix, LOG_SUFFIX_MAX - 3);
    }
    (void)buf_putc(&line, '\n');
    LOCK_SCOPE(&sink_lock);
    ssize_t n = write(log_fd, line.data, line.len);
    (void)n; /* nobody is left to tell */
}

void log_write(enum log_level level, const char *fmt, ...) {
    if (level > max_level)
        return;
    _cleanup_free_ char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    write_line(level, n < 0 ? "(out of memory while logging)" : text, NULL);
}

int log_errno(int code, const char *fmt, ...) {
    _cleanup_free_ char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    write_line(LOG_LEVEL_ERROR, n < 0 ? "(out of memory while logging)" : text, strerror(-code));
    return code;
}
