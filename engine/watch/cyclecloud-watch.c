/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cyclecloud-watch: tells on standard output which of the named files and directories change.
 *
 * A program of its own because it links libinotifytools, which is under the GPL, version 2, and
 * keeps its state in the process: so this program is under the GPL-2 as well, the daemon that
 * starts it is not, and they share a pipe. cyclecloud-watch(1) describes the lines.
 */
#include "pending.h"
#include "roots.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <inotifytools/inotifytools.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#define COALESCE_MS 200
#define TICK_S 1 /* how soon the end of the reader or of the parent is seen */

struct watcher {
    struct roots roots;
    struct pending pending;
    bool stale; /* watches have to be made anew */
};

static void done(struct watcher *w) {
    roots_done(&w->roots);
    pending_done(&w->pending);
}

/* A regular file that was just made will be told when it is closed; links are complete at once. */
static bool complete(const char *path) {
    struct stat st;
    return lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1;
}

static int collect_named(struct watcher *w, uint32_t mask, const char *path, struct error *err) {
    bool below;
    if (mask & IN_CREATE && !(mask & IN_ISDIR) && !complete(path))
        return 0;
    int r = roots_changed(&w->roots, path, &w->pending, &below);
    if (r < 0 || !(mask & IN_ISDIR))
        return r;
    if (mask & (IN_MOVED_FROM | IN_DELETE))
        w->stale = w->stale || below;
    else if (below && mask & (IN_CREATE | IN_MOVED_TO))
        return roots_watch_below(&w->roots, path, err);
    return 0;
}

/* Takes note of one event. 0 or -errno. */
static int collect(struct watcher *w, const struct inotify_event *e, struct error *err) {
    if (e->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
        w->stale = true;
    const char *dir = e->wd >= 0 ? inotifytools_filename_from_wd(e->wd) : NULL;
    if (!dir || e->len == 0)
        return 0;
    _cleanup_free_ char *path = NULL;
    if (asprintf(&path, "%s%s", dir, e->name) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    return collect_named(w, e->mask, path, err);
}

static void sleep_ms(long ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

/* Waits for a first event, then for what comes soon after it. All that the library has read is
   taken, so nothing of it is left when the watches are made anew. (inotifytools_next_events does
   not wait with a time of 0; inotifytools_next_event would wait for ever.) 0 or -errno. */
static int gather(struct watcher *w, struct error *err) {
    const struct inotify_event *e = inotifytools_next_events(TICK_S, 1);
    if (!e)
        return 0;
    int r = collect(w, e, err);
    sleep_ms(COALESCE_MS);
    while (r == 0 && (e = inotifytools_next_events(0, 1)))
        r = collect(w, e, err);
    return r;
}

/* Directories came and went: what happened in between was not seen, so directory roots count as
   changed. */
static int renew(struct watcher *w, struct error *err) {
    w->stale = false;
    if (w->pending.overflow)
        pending_clear(&w->pending);
    int r = roots_watch(&w->roots, err);
    return r < 0 ? r : roots_missed(&w->roots, &w->pending);
}

static bool unread(int fd) {
    struct pollfd p = {.fd = fd};
    return poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP | POLLNVAL);
}

static int run(struct watcher *w, pid_t parent, struct error *err) {
    static const char ready[] = "ready\n";
    int r = roots_watch(&w->roots, err);
    if (r == 0)
        r = write_text(STDOUT_FILENO, ready, strlen(ready));
    while (r == 0 && !unread(STDOUT_FILENO) && getppid() == parent) {
        r = gather(w, err);
        if (r == 0 && (w->stale || w->pending.overflow || roots_moved(&w->roots)))
            r = renew(w, err);
        if (r == 0)
            r = pending_flush(&w->pending, STDOUT_FILENO);
    }
    return r;
}

static const char usage[] =
    "usage: cyclecloud-watch PATH...\n"
    "Prints \"ready\", then \"changed PATH\" for each change, until nobody reads it.\n";

/* --version, --help and what is no use of the program. Returns its exit status, -1 to go on. */
static int answer_option(int argc, char **argv) {
    const char *first = argc == 2 ? argv[1] : "";
    if (strcmp(first, "--version") == 0)
        return printf("cyclecloud-watch %s\n", CYCLECLOUDFS_VERSION) < 0;
    if (strcmp(first, "--help") == 0)
        return fputs(usage, stdout) < 0;
    if (argc >= 2 && argv[1][0] != '-')
        return -1;
    (void)fputs(usage, stderr);
    return 2;
}

int main(int argc, char **argv) {
    int status = answer_option(argc, argv);
    if (status >= 0)
        return status;
    pid_t parent = getppid();
    (void)signal(SIGPIPE, SIG_IGN);
    _cleanup_(done) struct watcher w = {0};
    _cleanup_error_ struct error err = ERROR_INIT;
    int r = 0;
    for (int i = 1; r == 0 && i < argc; i++)
        r = roots_add(&w.roots, argv[i]);
    if (r == 0)
        r = run(&w, parent, &err);
    if (r == 0 || r == -EPIPE)
        return 0;
    log_error("cyclecloud-watch: %s", err.code ? err_text(&err) : strerror(-r));
    return 1;
}
