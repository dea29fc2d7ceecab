/* SPDX-License-Identifier: MIT */
#include "daemon/site.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void test_url(void **state) {
    (void)state;
    static const struct {
        const char *configured, *listen, *expected;
    } rows[] = {
        {NULL, "127.0.0.1:0", "http://127.0.0.1:8123"},
        {NULL, "[fd00::1]:80", "http://[fd00::1]:8123"},
        {"https://cc.example.org", "0.0.0.0:1", "https://cc.example.org"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct config c = {.url = (char *)(uintptr_t)rows[i].configured};
        char *url = NULL;
        assert_int_equal(site_url(&c, rows[i].listen, 8123, NULL, &url), 0);
        assert_string_equal(url, rows[i].expected);
        free(url);
    }
}

/* Nodes could not reach "0.0.0.0". */
static void test_url_of_all_interfaces(void **state) {
    (void)state;
    static const char *const listen[] = {"0.0.0.0:8080", "[::]:8080", "*:8080"};
    for (size_t i = 0; i < ARRAY_SIZE(listen); i++) {
        struct config c = {0};
        struct error err = ERROR_INIT;
        char *url = NULL;
        assert_int_equal(site_url(&c, listen[i], 8080, &err, &url), -EINVAL);
        assert_non_null(strstr(err_text(&err), "url = http://ADDRESS:8080"));
        err_done(&err);
    }
}

static void test_state_dir(void **state) {
    (void)state;
    char base[] = "/tmp/site-XXXXXX", path[64];
    struct stat st;
    struct error err = ERROR_INIT;
    assert_non_null(mkdtemp(base));
    (void)snprintf(path, sizeof(path), "%s/a/b", base);
    assert_int_equal(site_make_state_dir(path, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0711);
    assert_int_equal(site_make_state_dir(path, &err), 0);
    assert_true(site_make_state_dir("/proc/none", &err) < 0);
    assert_non_null(strstr(err_text(&err), "/proc/none cannot be used"));
    err_done(&err);
    (void)rmdir(path);
    path[strlen(path) - 2] = '\0';
    (void)rmdir(path);
    (void)rmdir(base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_url_of_all_interfaces),
        cmocka_unit_test(test_state_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
