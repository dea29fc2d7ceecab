/* SPDX-License-Identifier: MIT */
#include "background.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>

#define REPORT_MAX ((size_t)64 << 10)

/* What the child sends: one letter and a text, ended by NUL. */
enum report {
    REPORT_WARNING = 'W',
    REPORT_READY = 'R',
    REPORT_FAILED = 'E',
};

static void print(const char *text) {
    (void)fprintf(stderr, "cyclecloudfs: %s\n", text);
}

static void send_report(struct background *b, enum report kind, const char *text) {
    if (b->report_fd < 0) {
        if (kind != REPORT_READY)
            print(text);
        return;
    }
    _cleanup_buf_ struct buf message = BUF_INIT(REPORT_MAX);
    (void)buf_putc(&message, (char)kind);
    (void)buf_puts(&message, text);
    ssize_t n = write(b->report_fd, message.data, message.len + 1);
    (void)n; /* nobody waits any more */
}

/* Reads reports until the child has closed its end. Returns the status to exit with, -1: none came.
 */
static int take_reports(const struct buf *all) {
    int status = -1;
    for (size_t at = 0; at < all->len; at += strlen(all->data + at) + 1) {
        const char *message = all->data + at;
        if (*message == REPORT_READY)
            status = 0;
        else
            print(message + 1);
        if (*message == REPORT_FAILED)
            status = 1;
    }
    return status;
}

_Noreturn static void wait_for_child(int fd, pid_t child) {
    _cleanup_buf_ struct buf all = BUF_INIT(REPORT_MAX);
    char piece[1024];
    ssize_t n;
    while ((n = read(fd, piece, sizeof(piece))) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0)
            (void)buf_append(&all, piece, (size_t)n);
    }
    int status = take_reports(&all);
    if (status < 0) {
        int how = 0;
        (void)waitpid(child, &how, 0);
        if (WIFSIGNALED(how))
            (void)fprintf(stderr, "cyclecloudfs: ended by signal %d while starting\n",
                          WTERMSIG(how));
        else
            print("ended while starting, without a word: see the log in the state directory");
    }
    _exit(status != 0);
}

static int detach(void) {
    if (setsid() < 0 || chdir("/") < 0)
        return -errno;
    _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return -errno;
    int last = getenv("JOURNAL_STREAM") ? STDOUT_FILENO : STDERR_FILENO;
    for (int fd = STDIN_FILENO; fd <= last; fd++)
        if (dup2(null, fd) < 0)
            return -errno;
    return 0;
}

int background_start(struct background *b, bool foreground) {
    b->report_fd = -1;
    if (foreground)
        return 0;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    pid_t child = fork();
    if (child < 0) {
        int r = -errno;
        (void)close(fds[0]);
        (void)close(fds[1]);
        return r;
    }
    if (child > 0) {
        (void)close(fds[1]);
        wait_for_child(fds[0], child);
    }
    (void)close(fds[0]);
    b->report_fd = fds[1];
    return detach();
}

void background_warn(struct background *b, const char *text) {
    send_report(b, REPORT_WARNING, text);
}

static void finish(struct background *b, enum report kind, const char *text) {
    send_report(b, kind, text);
    if (b->report_fd >= 0)
        (void)close(b->report_fd);
    b->report_fd = -1;
}

void background_ready(struct background *b) {
    finish(b, REPORT_READY, "");
}

void background_fail(struct background *b, const char *text) {
    finish(b, REPORT_FAILED, text);
}
