/* SPDX-License-Identifier: MIT */
#include "simulate.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/vec.h"
#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PROGRAM "armsim"
#define START_TIMEOUT (10 * USEC_SEC)
#define ADOPT_TIMEOUT (5 * USEC_SEC)
#define PROBE_INTERVAL_MS 10
#define PROBE_TIMEOUT_S 1
#define STOP_TIMEOUT_MS 10000
#define TEXT_MAX 4096
#define OPTIONS_WORDS_MAX 64
#define LAST_WORDS 512

/* Waking, booting and the like take a tenth of Azure's time, unless told otherwise. */
#define DEFAULT_TIME_SCALE "--time-scale=0.1"

DEFINE_VEC(words, const char *);

struct simulator {
    char *dir; /* STATE/armsim */
    char *options;
    pid_t pid;
    unsigned port;
};

/* DIR/NAME, malloc'ed or NULL. */
static char *file_in(const struct simulator *s, const char *name) {
    char *path = NULL;
    return asprintf(&path, "%s/%s", s->dir, name) < 0 ? NULL : path;
}

/* The number in DIR/NAME, 0 when there is none. */
static uint64_t read_number(const struct simulator *s, const char *name) {
    _cleanup_free_ char *path = file_in(s, name);
    _cleanup_buf_ struct buf text = BUF_INIT(64);
    uint64_t number = 0;
    if (!path || file_read(path, &text) < 0 || parse_u64(text_trim(text.data), &number) < 0)
        return 0;
    return number;
}

static void remove_file(const struct simulator *s, const char *name) {
    _cleanup_free_ char *path = file_in(s, name);
    if (path)
        (void)unlink(path);
}

/* --- does it answer? ---------------------------------------------------------------------------
 */

static struct sockaddr_in loopback(unsigned port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* One GET of /simulator/health, answered within a second. */
static bool probe(unsigned port) {
    static const char request[] =
        "GET /simulator/health HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    char answer[16] = "";
    struct timeval limit = {.tv_sec = PROBE_TIMEOUT_S};
    struct sockaddr_in address = loopback(port);
    _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || port == 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
        return false;
    ssize_t n = recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL);
    return n > 12 && strncmp(answer, "HTTP/1.", 7) == 0 && strncmp(answer + 8, " 200", 4) == 0;
}

static bool port_free(unsigned port) {
    struct sockaddr_in address = loopback(port);
    int on = 1;
    _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
           bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

bool simulate_alive(const struct simulator *s) {
    return process_is(s->pid, PROGRAM) && probe(s->port);
}

/* Waits for the port file and an answer. 0, -ECHILD (it ended) or -ETIMEDOUT. */
static int wait_answer(struct simulator *s, usec_t timeout) {
    usec_t end = usec_add(clock_monotonic(&clock_real), timeout);
    for (;;) {
        s->port = (unsigned)read_number(s, "port");
        if (probe(s->port))
            return 0;
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid || !process_is(s->pid, PROGRAM))
            return -ECHILD;
        if (clock_monotonic(&clock_real) >= end)
            return -ETIMEDOUT;
        (void)poll(NULL, 0, PROBE_INTERVAL_MS);
    }
}

/* --- starting ----------------------------------------------------------------------------------
 */

/* The last lines of its log, for an error message. */
static void append_last_words(const struct simulator *s, struct buf *b) {
    _cleanup_free_ char *path = file_in(s, "log");
    _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char tail[LAST_WORDS];
    if (fd < 0)
        return;
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > (off_t)sizeof(tail) ? size - (off_t)sizeof(tail) : 0;
    ssize_t n = pread(fd, tail, sizeof(tail), from);
    if (n > 0)
        (void)buf_append(b, tail, (size_t)n);
}

/* A command line and the texts it points to. */
struct command_line {
    struct words argv;
    char *options; /* cut into words */
    char *listen, *port_file, *state;
};

static void command_line_done(struct command_line *c) {
    words_done(&c->argv);
    free(c->options);
    free(c->listen);
    free(c->port_file);
    free(c->state);
}

/* The port of the last time, if it is free; else 0 and the old number is forgotten. */
static unsigned choose_port(const struct simulator *s) {
    uint64_t port = read_number(s, "port");
    if (port > 0 && port <= UINT16_MAX && port_free((unsigned)port))
        return (unsigned)port;
    remove_file(s, "port");
    return 0;
}

static int make_texts(const struct simulator *s, struct command_line *c) {
    if (asprintf(&c->listen, "--listen=127.0.0.1:%u", choose_port(s)) < 0)
        c->listen = NULL;
    if (asprintf(&c->port_file, "--port-file=%s/port", s->dir) < 0)
        c->port_file = NULL;
    if (asprintf(&c->state, "--state=%s/state", s->dir) < 0)
        c->state = NULL;
    c->options = strdup(s->options ? s->options : "");
    return c->listen && c->port_file && c->state && c->options ? 0 : -ENOMEM;
}

/* Our default, the user's words, then what must hold: of two equal options the last one counts. */
static int make_command_line(const struct simulator *s, const char *program,
                             struct command_line *c) {
    int r = make_texts(s, c);
    if (r < 0 || (r = words_append(&c->argv, program)) < 0 ||
        (r = words_append(&c->argv, DEFAULT_TIME_SCALE)) < 0)
        return r;
    for (char *rest = c->options, *word; r == 0 && (word = strsep(&rest, " \t\n"));)
        if (*word)
            r = c->argv.len < OPTIONS_WORDS_MAX ? words_append(&c->argv, word) : -E2BIG;
    const char *const last[] = {c->listen, c->port_file, c->state, NULL};
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(last); i++)
        r = words_append(&c->argv, last[i]);
    return r;
}

static int spawn(struct simulator *s, struct error *err) {
    _cleanup_(command_line_done) struct command_line command = {0};
    _cleanup_free_ char *program = process_find_helper(PROGRAM, err);
    if (!program)
        return -ENOENT;
    int r = make_command_line(s, program, &command);
    _cleanup_free_ char *log = file_in(s, "log");
    _cleanup_free_ char *pid_file = file_in(s, "pid");
    if (r < 0 || !log || !pid_file)
        return err_wrap(err, r < 0 ? r : -ENOMEM, "simulator");
    _cleanup_close_ int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(err, -errno, "internal", "%s cannot be written: %s", log, strerror(errno));
    const struct process_spec spec = {.argv = command.argv.items,
                                      .stdout_fd = fd,
                                      .stderr_fd = fd,
                                      .own_session = true,
                                      .pid_file = pid_file};
    return process_spawn(&spec, err, &s->pid);
}

static int launch(struct simulator *s, struct error *err) {
    int r = spawn(s, err);
    if (r < 0)
        return r;
    r = wait_answer(s, START_TIMEOUT);
    if (r == 0)
        return 0;
    if (r == -ETIMEDOUT)
        (void)process_stop(s->pid, STOP_TIMEOUT_MS);
    _cleanup_buf_ struct buf words = BUF_INIT(TEXT_MAX);
    append_last_words(s, &words);
    return err_set(err, -EIO, "unreachable", "the simulator %s; its last words in %s/log: %s",
                   r == -ETIMEDOUT ? "does not answer" : "ended while starting", s->dir,
                   words.len ? text_trim(words.data) : "(none)");
}

/* 1: a live one was adopted, 0: there is none, or -errno: there is one and it does not answer. */
static int adopt(struct simulator *s, struct error *err) {
    s->pid = (pid_t)read_number(s, "pid");
    if (!process_is(s->pid, PROGRAM))
        return 0;
    int r = wait_answer(s, ADOPT_TIMEOUT);
    if (r == 0)
        return 1;
    if (r == -ECHILD)
        return 0;
    return err_set(err, -EBUSY, "busy",
                   "the simulator of this state directory runs with pid %d but does not answer: "
                   "stop it with `kill %d` and start again",
                   (int)s->pid, (int)s->pid);
}

int simulate_start(const char *state_dir, const char *options, struct error *err,
                   struct simulator **ret) {
    _cleanup_(simulate_freep) struct simulator *s = calloc(1, sizeof(*s));
    if (!s || asprintf(&s->dir, "%s/armsim", state_dir) < 0 ||
        (options && !(s->options = strdup(options))))
        return -ENOMEM;
    int r = file_make_dirs(s->dir, 0700);
    if (r < 0)
        return err_set(err, r, "internal", "%s cannot be made: %s", s->dir, strerror(-r));
    r = adopt(s, err);
    if (r == 0)
        r = launch(s, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(s);
    return 0;
}

bool simulate_reap(struct simulator *s) {
    if (s->pid <= 0 || waitpid(s->pid, NULL, WNOHANG) != s->pid)
        return false;
    s->pid = 0;
    return true;
}

int simulate_revive(struct simulator *s, struct error *err) {
    return simulate_alive(s) ? 0 : launch(s, err);
}

void simulate_stop(struct simulator *s) {
    if (process_is(s->pid, PROGRAM))
        (void)process_stop(s->pid, STOP_TIMEOUT_MS);
    s->pid = 0;
    remove_file(s, "pid");
}

void simulate_free(struct simulator *s) {
    if (!s)
        return;
    free(s->dir);
    free(s->options);
    free(s);
}

unsigned simulate_port(const struct simulator *s) {
    return s->port;
}

int simulate_account(const struct simulator *s, struct config *c) {
    if (config_find(c, SIMULATE_ACCOUNT))
        return 0;
    struct config_account *a;
    char url[sizeof("http://127.0.0.1:65535")];
    int r = config_add_account(c, SIMULATE_ACCOUNT, &a);
    if (r < 0)
        return r;
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", s->port);
    const struct {
        char **slot;
        const char *text;
    } values[] = {
        {&a->subscription, SIMULATE_SUBSCRIPTION},
        {&a->tenant, "simulated"},
        {&a->client_id, "simulated"},
        {&a->client_secret, "simulated"},
        {&a->region, "eastus"},
        {&a->resource_manager, url},
        {&a->authority, url},
        {&a->prices, url},
    };
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        *values[i].slot = strdup(values[i].text);
        if (!*values[i].slot)
            return -ENOMEM;
    }
    return 0;
}
