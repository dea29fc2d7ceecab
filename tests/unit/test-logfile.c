/* SPDX-License-Identifier: MIT */
#include "daemon/logfile.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MOST 2000
#define LINES 100

/* In a process of its own: it writes over standard output and error. */
static void run_server(const char *path) {
    if (logfile_open(path, MOST) < 0)
        _exit(1);
    for (unsigned i = 0; i < LINES; i++) {
        log_warning("line %u of a server that runs for years", i);
        logfile_check(path, MOST);
    }
    _exit(0);
}

/* A server that runs for years does not fill its disk with its log, and loses no line of the last
   ones. */
static void the_log_is_rotated_at_run_time(void **state) {
    (void)state;
    char dir[] = "/tmp/logfile-XXXXXX", path[64], old[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/log", dir);
    (void)snprintf(old, sizeof(old), "%s/log.1", dir);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        run_server(path);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    _cleanup_buf_ struct buf text = BUF_INIT(1 << 20), now = BUF_INIT(1 << 20);
    assert_int_equal(file_read(old, &text), 0);
    assert_in_range(text.len, MOST, MOST + 200);
    assert_int_equal(file_read(path, &now), 0);
    assert_in_range(now.len, 0, MOST + 200);
    assert_int_equal(buf_append(&text, now.data, now.len), 0);
    const char *first = strstr(text.data, "line ");
    assert_non_null(first);
    for (unsigned i = (unsigned)atoi(first + 5); i < LINES; i++) {
        char line[32];
        (void)snprintf(line, sizeof(line), "line %u of", i);
        assert_non_null(strstr(text.data, line));
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(old), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_is_rotated_at_run_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
