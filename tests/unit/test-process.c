/* SPDX-License-Identifier: MIT */
#include "daemon/process.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static pid_t spawn(const char *const *argv, const char *pid_file) {
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const struct process_spec spec = {.argv = argv,
                                      .stdout_fd = null,
                                      .stderr_fd = null,
                                      .own_session = true,
                                      .pid_file = pid_file};
    struct error err = ERROR_INIT;
    pid_t pid = -1;
    assert_int_equal(process_spawn(&spec, &err, &pid), 0);
    (void)close(null);
    return pid;
}

static void test_pid_file_and_stop(void **state) {
    (void)state;
    char dir[] = "/tmp/process-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct buf path = BUF_INIT(64), text = BUF_INIT(64);
    (void)buf_printf(&path, "%s/pid", dir);
    const char *const argv[] = {"/bin/sleep", "100", NULL};
    pid_t pid = spawn(argv, path.data);
    assert_int_equal(file_read(path.data, &text), 0);
    assert_int_equal(atoi(text.data), pid);
    assert_true(process_is(pid, "sleep"));
    assert_false(process_is(pid, "armsim"));
    assert_int_equal(getsid(pid), pid);
    assert_int_equal(process_stop(pid, 5000), 0);
    assert_false(process_is(pid, "sleep"));
    assert_int_equal(process_stop(pid, 5000), 0); /* gone already */
    (void)unlink(path.data);
    (void)rmdir(dir);
    buf_done(&path);
    buf_done(&text);
}

/* A program that does not hear SIGTERM is killed. */
static void test_stop_kills(void **state) {
    (void)state;
    const char *const argv[] = {"/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done", NULL};
    pid_t pid = spawn(argv, NULL);
    (void)poll(NULL, 0, 200); /* until the shell has set its trap */
    assert_int_equal(process_stop(pid, 300), 1);
    assert_int_equal(kill(pid, 0), -1);
}

static void test_no_program(void **state) {
    (void)state;
    const char *const argv[] = {"/nonexistent/program", NULL};
    const struct process_spec spec = {.argv = argv, .stdout_fd = 1, .stderr_fd = 2};
    struct error err = ERROR_INIT;
    pid_t pid = -1;
    assert_int_equal(process_spawn(&spec, &err, &pid), -ENOENT);
    assert_non_null(strstr(err_text(&err), "/nonexistent/program cannot be started: No such file"));
    err_done(&err);
    assert_null(process_find_helper("no-such-helper", &err));
    assert_non_null(strstr(err_text(&err), "no-such-helper is not beside"));
    err_done(&err);
}

/* The child of a daemon that blocks signals has an empty mask, or nothing could end it. */
static void test_signal_mask(void **state) {
    (void)state;
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &old);
    const char *const argv[] = {"/bin/sleep", "100", NULL};
    pid_t pid = spawn(argv, NULL);
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    assert_int_equal(process_stop(pid, 5000), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pid_file_and_stop),
        cmocka_unit_test(test_stop_kills),
        cmocka_unit_test(test_no_program),
        cmocka_unit_test(test_signal_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
