/* SPDX-License-Identifier: MIT */
#include "process.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define KILL_WAIT_MS 2000

/* --- in the child: only what is safe between fork and exec --------------------------------------
 */

static void write_pid(const char *path) {
    char digits[24];
    size_t at = sizeof(digits);
    digits[--at] = '\n';
    for (long pid = getpid(); pid > 0; pid /= 10)
        digits[--at] = (char)('0' + pid % 10);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    ssize_t n = write(fd, digits + at, sizeof(digits) - at);
    (void)n; /* without the file a later start only cannot adopt the program */
    (void)close(fd);
}

static void reset_signals(void) {
    sigset_t none;
    (void)sigemptyset(&none);
    for (int sig = 1; sig < NSIG; sig++)
        (void)signal(sig, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void run_child(const struct process_spec *spec, pid_t parent, int status_fd) {
    reset_signals();
    if (spec->own_session)
        (void)setsid();
    if (spec->die_with_parent) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
            _exit(0);
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(spec->stdout_fd, STDOUT_FILENO) >= 0 &&
        dup2(spec->stderr_fd, STDERR_FILENO) >= 0) {
        if (spec->pid_file)
            write_pid(spec->pid_file);
        (void)execv(spec->argv[0], (char *const *)(uintptr_t)spec->argv);
    }
    int code = errno;
    ssize_t n = write(status_fd, &code, sizeof(code));
    (void)n;
    _exit(127);
}

/* --- in the daemon -----------------------------------------------------------------------------
 */

/* The descriptors must not be 0..2, or dup2 in the child would overwrite one with another. */
static int spawn_failed(const struct process_spec *spec, int code, struct error *err) {
    return err_set(err, -code, "internal", "%s cannot be started: %s", spec->argv[0],
                   strerror(code));
}

int process_spawn(const struct process_spec *spec, struct error *err, pid_t *ret) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return spawn_failed(spec, errno, err);
    _cleanup_close_ int from_child = fds[0];
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        run_child(spec, parent, fds[1]);
    int fork_errno = errno;
    (void)close(fds[1]);
    if (pid < 0)
        return spawn_failed(spec, fork_errno, err);
    int code = 0;
    ssize_t n;
    do
        n = read(from_child, &code, sizeof(code));
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof(code)) {
        (void)waitpid(pid, NULL, 0);
        return spawn_failed(spec, code, err);
    }
    *ret = pid;
    return 0;
}

/* The target of a link below /proc, malloc'ed, or NULL. */
static char *read_link(const char *path) {
    char *target = malloc(PATH_MAX);
    if (!target)
        return NULL;
    ssize_t n = readlink(path, target, PATH_MAX - 1);
    if (n < 0) {
        free(target);
        return NULL;
    }
    target[n] = '\0';
    return target;
}

bool process_is(pid_t pid, const char *program) {
    _cleanup_buf_ struct buf path = BUF_INIT(64);
    if (pid <= 0 || buf_printf(&path, "/proc/%d/exe", (int)pid) < 0)
        return false;
    _cleanup_free_ char *target = read_link(path.data);
    if (!target)
        return false;
    char *deleted = strstr(target, " (deleted)");
    if (deleted)
        *deleted = '\0';
    const char *slash = strrchr(target, '/');
    return slash && strcmp(slash + 1, program) == 0;
}

/* True when the process ended within the time. */
static bool wait_gone(int pidfd, int timeout_ms) {
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

int process_stop(pid_t pid, int timeout_ms) {
    _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return 0; /* gone already */
    int killed = 0;
    (void)kill(pid, SIGTERM);
    if (!wait_gone(pidfd, timeout_ms)) {
        (void)kill(pid, SIGKILL);
        (void)wait_gone(pidfd, KILL_WAIT_MS);
        killed = 1;
    }
    (void)waitpid(pid, NULL, WNOHANG); /* not a child: nothing to reap */
    return killed;
}

char *process_own_dir(void) {
    char *path = read_link("/proc/self/exe");
    char *slash = path ? strrchr(path, '/') : NULL;
    if (slash)
        *slash = '\0';
    return path;
}

char *process_find_helper(const char *name, struct error *err) {
    static const char *const places[] = {"", "/../libexec/cyclecloudfs"};
    _cleanup_free_ char *dir = process_own_dir();
    for (size_t i = 0; dir && i < ARRAY_SIZE(places); i++) {
        char *path = NULL;
        if (asprintf(&path, "%s%s/%s", dir, places[i], name) < 0)
            break;
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    (void)err_set(err, -ENOENT, "internal",
                  "the program %s is not beside cyclecloudfs in %s: build or install it too", name,
                  dir ? dir : "?");
    return NULL;
}
