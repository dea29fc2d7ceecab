/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include "base/log.h"
#include "logfile.h"
#include "settings.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

enum { FD_SIGNALS, FD_WATCH, FD_MAX };

/* --- what changed on disk ----------------------------------------------------------------------
 */

static void library_changed(struct daemon *d, const char *path) {
    _cleanup_(command_freep) struct command *c = command_new(COMMAND_LIBRARY_CHANGED);
    if (!c || command_set_name(c, path) < 0)
        return;
    if (engine_submit(d->engine, c, NULL) == 0)
        (void)TAKE_PTR(c);
}

static bool path_within(const char *path, const char *dir) {
    size_t len = strlen(dir);
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static void path_changed(void *arg, const char *path) {
    struct daemon *d = arg;
    if (strcmp(path, d->options->config_file) == 0)
        settings_reload(d, true);
    else if (path_within(path, d->site.templates) || path_within(path, d->site.projects))
        library_changed(d, path);
}

/* A file that was edited before the watcher was ready: found by comparing. What changed in the
   directories is not known, so after a gap they count as changed. */
static void watch_is_ready(void *arg, bool again) {
    struct daemon *d = arg;
    settings_reload(d, true);
    if (!again)
        return;
    library_changed(d, d->site.templates);
    library_changed(d, d->site.projects);
}

void loop_start_watch(struct daemon *d) {
    _cleanup_error_ struct error err = ERROR_INIT;
    const struct watch_calls calls = {path_changed, watch_is_ready, d};
    const char *const paths[] = {d->site.templates, d->site.projects, d->options->config_file};
    if (watch_start(paths, ARRAY_SIZE(paths), &calls, &err, &d->watch) < 0)
        log_warning("%s; changed templates and configuration are noticed at SIGHUP only",
                    err_text(&err));
}

/* --- signals -----------------------------------------------------------------------------------
 */

int loop_block_signals(struct daemon *d) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        (void)sigaddset(&set, numbers[i]);
    (void)signal(SIGPIPE, SIG_IGN);
    int r = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (r)
        return -r;
    d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return d->signal_fd < 0 ? -errno : 0;
}

static void revive_simulator(struct daemon *d) {
    _cleanup_error_ struct error err = ERROR_INIT;
    if (d->simulator && simulate_revive(d->simulator, &err) < 0)
        log_error("%s", err_text(&err));
}

/* A simulator that ends is not started again: it is a cloud that is away, and comes back at SIGHUP
   or when it is started by hand. */
static void child_ended(struct daemon *d) {
    if (d->simulator && simulate_reap(d->simulator))
        log_warning("the simulator ended; start it again with `kill -HUP %d`", (int)getpid());
}

/* The mounts go first, so that nobody asks for what is no longer answered. Its going is told with
   another SIGTERM, which finds the work done. */
static void end(struct daemon *d, const char *why) {
    if (d->ending)
        return;
    d->ending = true;
    log_info("ending signal=%s", why);
    fs_stop(d->fast);
    fs_stop(d->fs);
    engine_stop(d->engine);
}

static void take_signal(struct daemon *d, unsigned number) {
    switch (number) {
    case SIGTERM:
        end(d, "SIGTERM");
        break;
    case SIGINT:
        end(d, "SIGINT");
        break;
    case SIGHUP:
        revive_simulator(d);
        settings_reload(d, false);
        break;
    case SIGCHLD:
        child_ended(d);
        break;
    default:
        break;
    }
}

static void take_signals(struct daemon *d) {
    struct signalfd_siginfo info;
    while (read(d->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        take_signal(d, info.ssi_signo);
}

/* --- the engine's callbacks --------------------------------------------------------------------
 */

/* How long until the watcher wants to be started again. */
static usec_t watch_timeout(const struct daemon *d) {
    usec_t due = d->watch ? watch_due(d->watch) : USEC_NEVER;
    return due == USEC_NEVER ? USEC_NEVER : usec_sub(due, clock_monotonic(&clock_real));
}

int loop_wait(void *arg, usec_t timeout) {
    struct daemon *d = arg;
    struct pollfd fds[FD_MAX] = {
        [FD_SIGNALS] = {.fd = d->signal_fd, .events = POLLIN},
        [FD_WATCH] = {.fd = d->watch ? watch_fd(d->watch) : -1, .events = POLLIN},
    };
    unsigned n = fds[FD_WATCH].fd >= 0 ? 2 : 1;
    usec_t watch = watch_timeout(d);
    int r = http_wait(d->http, fds, n, timeout < watch ? timeout : watch);
    take_signals(d);
    if (d->log_file)
        logfile_check(d->log_file, LOG_ROTATE_BYTES);
    if (d->watch)
        watch_dispatch(d->watch, clock_monotonic(&clock_real));
    return r;
}

void loop_wake(void *arg) {
    struct daemon *d = arg;
    http_wakeup(d->http);
}

void loop_published(void *arg, const struct change *changes, size_t n) {
    struct daemon *d = arg;
    if (d->fs)
        fs_changed(d->fs, changes, n);
    if (d->fast)
        fs_changed(d->fast, changes, n);
}
