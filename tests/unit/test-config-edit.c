/* SPDX-License-Identifier: MIT */
#include "daemon/config-edit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct config_text text(const char *t) {
    return (struct config_text){t, strlen(t)};
}

static const char whole[] =
    "# top\n[server]\nlog_level = info\n\n[account a]\n# mine\nregion = x\n"
    "\n  [account  \"b\"]\nclient_secret_file = /s/b-1\nregion = y\n\n# end";

static const struct {
    const char *account, *lines; /* NULL: not there */
} sections[] = {
    {"a", "# mine\nregion = x\n"},
    {"b", "client_secret_file = /s/b-1\nregion = y\n\n# end"},
    {"c", NULL},
    {"server", NULL},
};

static void test_lines_of_an_account(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(4096);
        int r = config_account_lines(text(whole), sections[i].account, &b);
        assert_int_equal(r, sections[i].lines ? 0 : -ENOENT);
        assert_string_equal(b.data, sections[i].lines ? sections[i].lines : "");
    }
}

static const struct {
    const char *before, *account, *lines, *after;
} replacements[] = {
    {"", "a", "region = x", "[account a]\nregion = x\n"},
    {"[server]\n", "a", "region = x\n", "[server]\n\n[account a]\nregion = x\n"},
    {"[server]", "a", "k = v", "[server]\n\n[account a]\nk = v\n"},
    {"[account a]\nold = 1\n\n[account b]\nk = 1\n", "a", "new = 2\n",
     "[account a]\nnew = 2\n\n[account b]\nk = 1\n"},
    {"[account a]\nold = 1\n\n[account b]\nk = 1\n", "b", "",
     "[account a]\nold = 1\n\n[account b]\n"},
    {"[account a]", "a", "k = v\n", "[account a]\nk = v\n"},
    {"[account ab]\nk = 1\n", "a", "k = 2\n", "[account ab]\nk = 1\n\n[account a]\nk = 2\n"},
};

static void test_replace_an_account(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(replacements); i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(4096);
        assert_int_equal(config_replace_account(text(replacements[i].before),
                                                replacements[i].account,
                                                text(replacements[i].lines), &b),
                         0);
        assert_string_equal(b.data, replacements[i].after);
    }
}

static void test_mask(void **state) {
    (void)state;
    static const char lines[] = "client_secret_file = /s/a-1\nclient_secret_file=\"/s/a-2\"\n"
                                "client_secret_file = /other/s/a\n# client_secret_file = /s/x\n";
    _cleanup_buf_ struct buf b = BUF_INIT(4096);
    assert_int_equal(config_mask_secrets(text(lines), "/s", &b), 0);
    assert_string_equal(b.data, "client_secret = ********\nclient_secret = ********\n"
                                "client_secret_file = /other/s/a\n# client_secret_file = /s/x\n");
}

static int keep(void *arg, const char *account, const char *secret, struct buf *path,
                struct error *err) {
    struct buf *seen = arg;
    if (strcmp(secret, "bad") == 0)
        return err_kind(err, "invalid_config", "no");
    (void)buf_printf(seen, "%s=%s;", account, secret);
    return buf_printf(path, "/s/%s", account);
}

static void test_keep_secrets(void **state) {
    (void)state;
    static const char before[] = "[server]\nclient_secret = not an account's\n[account a]\n"
                                 "client_secret = \"se cret\" \n# client_secret = x\n[account b]\n"
                                 "client_secret=2\nregion = y";
    _cleanup_buf_ struct buf b = BUF_INIT(4096), seen = BUF_INIT(4096);
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(config_keep_secrets(text(before), keep, &seen, &b, &err), 0);
    assert_string_equal(seen.data, "a=se cret;b=2;");
    assert_string_equal(b.data, "[server]\nclient_secret = not an account's\n[account a]\n"
                                "client_secret_file = /s/a\n# client_secret = x\n[account b]\n"
                                "client_secret_file = /s/b\nregion = y");
    buf_clear(&b);
    assert_int_equal(
        config_keep_secrets(text("[account a]\nclient_secret = bad\n"), keep, &seen, &b, &err),
        -EINVAL);
    assert_string_equal(err_text(&err), "no");
}

static void test_headers(void **state) {
    (void)state;
    assert_true(config_has_header(text("a = b\n [x]\n")));
    assert_false(config_has_header(text("a = [x]\n# [x]\n")));
    assert_false(config_has_header(text("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_an_account),
        cmocka_unit_test(test_replace_an_account),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_keep_secrets),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
