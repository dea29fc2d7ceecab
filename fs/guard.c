/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define GUARD_FD 3 /* of the guard's end of the socket */

struct guard {
    pid_t pid;
    int fd;
};

/* What the server tells its guard. */
struct order {
    dev_t device;
    char path[PATH_MAX]; /* empty: nothing to clean up there any more */
};

/* The guard itself, in a process of its own */

struct guarded {
    struct order order;
    int abort_fd; /* ends this very connection, whatever is mounted at the path by then */
};

struct watch {
    pid_t server;
    int signal_fd;
    struct guarded mounts[GUARD_MOUNTS_MAX]; /* an empty path: free */
};

/* The place of this mount, else a free one; NULL: there is none. */
static struct guarded *place_of(struct watch *w, dev_t device) {
    struct guarded *free = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(w->mounts); i++) {
        struct guarded *g = &w->mounts[i];
        if (*g->order.path && g->order.device == device)
            return g;
        if (!*g->order.path && !free)
            free = g;
    }
    return free;
}

static void take_order(struct watch *w, const struct order *order) {
    struct guarded *g = place_of(w, order->device);
    if (!g)
        return;
    if (*g->order.path && g->abort_fd >= 0)
        (void)close(g->abort_fd);
    g->order = *order;
    g->abort_fd = *order->path ? mount_open_abort(order->device) : -1;
}

static void end_connection(const struct guarded *g) {
    if (*g->order.path && g->abort_fd >= 0 && write(g->abort_fd, "1", 1) < 0)
        (void)fprintf(stderr, "cyclecloudfs: %s: the connection cannot be ended: %s\n",
                      g->order.path, strerror(errno));
}

static void take_away(const struct guarded *g) {
    if (*g->order.path && mount_detach_dead(g->order.path) < 0)
        (void)fprintf(stderr, "cyclecloudfs: %s: the dead mount cannot be removed\n",
                      g->order.path);
}

/* Ends all connections first: a thread of the server may hang in any of them, and only when it is
   gone are the descriptors closed. Then the dead mounts are taken away. */
static void clean_up(const struct watch *w) {
    for (size_t i = 0; i < ARRAY_SIZE(w->mounts); i++)
        end_connection(&w->mounts[i]);
    for (size_t i = 0; i < ARRAY_SIZE(w->mounts); i++)
        take_away(&w->mounts[i]);
}

/* Takes an order from the socket. False when there is none: the server is dead, or, with
   MSG_DONTWAIT, nothing has come. */
static bool receive_order(struct watch *w, int flags) {
    struct order order;
    ssize_t n = recv(GUARD_FD, &order, sizeof(order), flags);
    if (n == (ssize_t)sizeof(order))
        take_order(w, &order);
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Waits for what happens next. False when the server is dead. */
static bool next_order(struct watch *w) {
    struct pollfd fds[] = {
        {.fd = w->signal_fd, .events = POLLIN},
        {.fd = GUARD_FD, .events = POLLIN},
    };
    if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
        return errno == EINTR;
    if (fds[1].revents & POLLIN)
        return receive_order(w, 0);
    return fds[0].revents == 0 && fds[1].revents == 0;
}

/* The descriptors of the server are not the guard's to keep open. */
static int move_in(int fd) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return -errno;
    if (fd != GUARD_FD && dup2(fd, GUARD_FD) < 0)
        return -errno;
    return close_range(GUARD_FD + 1, ~0U, 0) < 0 ? -errno : 0;
}

_Noreturn static void guard_run(pid_t server, int fd) {
    struct watch w = {.server = server};
    sigset_t all, death;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)sigemptyset(&death);
    (void)sigaddset(&death, SIGUSR1);
    (void)setsid();
    (void)prctl(PR_SET_NAME, "ccfs-guard");
    (void)prctl(PR_SET_PDEATHSIG, SIGUSR1);
    if (move_in(fd) < 0)
        _exit(1);
    w.signal_fd = signalfd(-1, &death, SFD_CLOEXEC);
    if (w.signal_fd < 0 || send(GUARD_FD, "", 1, MSG_NOSIGNAL) < 0)
        _exit(1);
    while (getppid() == w.server && next_order(&w))
        ;
    while (receive_order(&w, MSG_DONTWAIT)) /* what a server said that died right behind it */
        ;
    clean_up(&w);
    _exit(0);
}

/* The server's end */

int guard_new(struct guard **ret) {
    _cleanup_free_ struct guard *g = calloc(1, sizeof(*g));
    if (!g)
        return -ENOMEM;
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    pid_t server = getpid();
    g->pid = fork();
    int r = -errno;
    if (g->pid == 0)
        guard_run(server, fds[1]);
    (void)close(fds[1]);
    if (g->pid < 0) {
        (void)close(fds[0]);
        return r;
    }
    g->fd = fds[0];
    /* A death before the guard has asked to be told of it would go unnoticed. */
    char ready;
    if (recv(g->fd, &ready, 1, 0) != 1) {
        guard_free(TAKE_PTR(g));
        return -ECHILD;
    }
    *ret = TAKE_PTR(g);
    return 0;
}

static int tell(struct guard *g, const struct order *order) {
    return send(g->fd, order, sizeof(*order), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int guard_add(struct guard *g, dev_t device, const char *path) {
    struct order order = {.device = device};
    if (strlen(path) >= sizeof(order.path))
        return -ENAMETOOLONG;
    memcpy(order.path, path, strlen(path));
    return tell(g, &order);
}

int guard_remove(struct guard *g, dev_t device) {
    const struct order order = {.device = device};
    return tell(g, &order);
}

void guard_free(struct guard *g) {
    if (!g)
        return;
    (void)kill(g->pid, SIGKILL);
    while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    (void)close(g->fd);
    free(g);
}
