/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/vec.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>

#define PROGRAM "cyclecloud-watch"
#define LINE_MAX_BYTES 8192
#define RESTART_FIRST USEC_SEC
#define RESTART_LONGEST USEC_MIN
#define STOP_TIMEOUT_MS 1000

DEFINE_VEC(path_vec, char *);

struct watch {
    struct path_vec argv; /* the program, the paths, NULL */
    struct watch_calls calls;
    bool was_ready;
    pid_t pid;
    int fd;
    struct buf line;    /* what has come of the next line */
    usec_t restart_at;  /* monotonic; USEC_NEVER while it runs */
    usec_t restart_gap; /* doubles while it keeps dying */
};

static int spawn(struct watch *w, struct error *err) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    const struct process_spec spec = {.argv = (const char *const *)w->argv.items,
                                      .stdout_fd = fds[1],
                                      .stderr_fd = STDERR_FILENO,
                                      .die_with_parent = true};
    int r = fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : process_spawn(&spec, err, &w->pid);
    (void)close(fds[1]);
    if (r < 0) {
        (void)close(fds[0]);
        return r;
    }
    w->fd = fds[0];
    w->restart_at = USEC_NEVER;
    return 0;
}

static int append_path(struct watch *w, const char *path) {
    char *copy = path ? strdup(path) : NULL;
    if (path && !copy)
        return -ENOMEM;
    int r = path_vec_append(&w->argv, copy);
    if (r < 0)
        free(copy);
    return r;
}

static int make_arguments(struct watch *w, const char *const *paths, size_t n, struct error *err) {
    _cleanup_free_ char *program = process_find_helper(PROGRAM, err);
    if (!program)
        return -ENOENT;
    int r = append_path(w, program);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = append_path(w, paths[i]);
    return r == 0 ? append_path(w, NULL) : r;
}

int watch_start(const char *const *paths, size_t n, const struct watch_calls *calls,
                struct error *err, struct watch **ret) {
    _cleanup_(watch_freep) struct watch *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->calls = *calls;
    w->fd = -1;
    w->restart_gap = RESTART_FIRST;
    buf_init(&w->line, LINE_MAX_BYTES);
    int r = make_arguments(w, paths, n, err);
    if (r == 0)
        r = spawn(w, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(w);
    return 0;
}

int watch_fd(const struct watch *w) {
    return w->fd;
}

usec_t watch_due(const struct watch *w) {
    return w->restart_at;
}

static void take_line(struct watch *w, const char *line) {
    static const char changed[] = "changed ";
    if (strcmp(line, "ready") == 0) {
        w->calls.ready(w->calls.arg, w->was_ready);
        w->was_ready = true;
    } else if (strncmp(line, changed, sizeof(changed) - 1) == 0) {
        w->calls.changed(w->calls.arg, line + sizeof(changed) - 1);
    }
    w->restart_gap = RESTART_FIRST; /* it works */
}

/* Calls for each whole line; keeps the rest. A line longer than the buffer is dropped. */
static void take_bytes(struct watch *w, const char *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\n') {
            (void)buf_putc(&w->line, data[i]);
            continue;
        }
        if (buf_error(&w->line) == 0)
            take_line(w, w->line.data);
        buf_clear(&w->line);
    }
}

static void stop(struct watch *w) {
    if (w->fd >= 0)
        (void)close(w->fd);
    w->fd = -1;
    if (w->pid > 0)
        (void)process_stop(w->pid, STOP_TIMEOUT_MS);
    w->pid = 0;
    buf_clear(&w->line);
}

static void plan_restart(struct watch *w, usec_t now) {
    log_warning("%s ended, it is started again in %u s: until then changed templates and "
                "configuration go unnoticed",
                PROGRAM, (unsigned)(w->restart_gap / USEC_SEC));
    w->restart_at = usec_add(now, w->restart_gap);
    w->restart_gap = w->restart_gap * 2 < RESTART_LONGEST ? w->restart_gap * 2 : RESTART_LONGEST;
}

static void restart(struct watch *w, usec_t now) {
    _cleanup_error_ struct error err = ERROR_INIT;
    if (spawn(w, &err) < 0) {
        log_warning("%s", err_text(&err));
        plan_restart(w, now);
    }
}

void watch_dispatch(struct watch *w, usec_t now) {
    char piece[4096];
    while (w->fd >= 0) {
        ssize_t n = read(w->fd, piece, sizeof(piece));
        if (n > 0) {
            take_bytes(w, piece, (size_t)n);
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        stop(w);
        plan_restart(w, now);
    }
    if (now >= w->restart_at)
        restart(w, now);
}

void watch_free(struct watch *w) {
    if (!w)
        return;
    stop(w);
    for (size_t i = 0; i < w->argv.len; i++)
        free(w->argv.items[i]);
    path_vec_done(&w->argv);
    buf_done(&w->line);
    free(w);
}
