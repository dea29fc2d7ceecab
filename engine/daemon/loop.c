/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include "accounts.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

enum { FD_SIGNALS, FD_WATCH, FD_MAX };

/* --- configuration -----------------------------------------------------------------------------
 */

static bool text_differs(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") != 0;
}

/* Settings that were used while starting stay as they were. */
static void warn_restart(const struct config *old, const struct config *new) {
    const struct {
        const char *name, *old, *new;
    } fixed[] = {
        {"listen", old->listen, new->listen},
        {"url", old->url, new->url},
        {"default_account", old->default_account, new->default_account},
        {"templates", old->templates, new->templates},
        {"projects", old->projects, new->projects},
    };
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        if (text_differs(fixed[i].old, fixed[i].new))
            log_warning("the new value of %s takes effect when cyclecloudfs is started again",
                        fixed[i].name);
}

static void keep_fixed(struct config *old, struct config *new) {
    char **slots[][2] = {{&old->listen, &new->listen},
                         {&old->url, &new->url},
                         {&old->default_account, &new->default_account},
                         {&old->templates, &new->templates},
                         {&old->projects, &new->projects}};
    for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
        char *kept = *slots[i][0];
        *slots[i][0] = *slots[i][1];
        *slots[i][1] = kept;
    }
}

static int read_new(struct daemon *d, struct config *c, struct error *err) {
    int r = config_read(c, d->options->config_file, d->options->config_given, err);
    if (r == 0 && d->simulator)
        r = simulate_account(d->simulator, c);
    return r == 0 ? accounts_apply(d->azure, c, err) : r;
}

static void reload(struct daemon *d) {
    _cleanup_error_ struct error err = ERROR_INIT;
    _cleanup_(config_done) struct config fresh;
    config_init(&fresh);
    int r = read_new(d, &fresh, &err);
    if (r < 0) {
        log_error("%s; the configuration in force stays", err.code ? err_text(&err) : strerror(-r));
        return;
    }
    for (size_t i = 0; i < fresh.warnings.len; i++)
        log_warning("%s", fresh.warnings.items[i]);
    warn_restart(&d->config, &fresh);
    keep_fixed(&d->config, &fresh);
    struct config old = d->config;
    d->config = fresh;
    fresh = old; /* released on return */
    log_info("configuration read accounts=%zu", d->config.accounts.len);
    engine_config_changed(d->engine);
}

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
        reload(d);
    else if (path_within(path, d->site.templates) || path_within(path, d->site.projects))
        library_changed(d, path);
}

void loop_start_watch(struct daemon *d) {
    _cleanup_error_ struct error err = ERROR_INIT;
    const char *const paths[] = {d->site.templates, d->site.projects, d->options->config_file};
    if (watch_start(paths, ARRAY_SIZE(paths), path_changed, d, &err, &d->watch) < 0)
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

/* The mount goes first, so that nobody asks for what is no longer answered. Its going is told with
   another SIGTERM, which finds the work done. */
static void end(struct daemon *d, const char *why) {
    if (d->ending)
        return;
    d->ending = true;
    log_info("ending signal=%s", why);
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
        reload(d);
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
}
