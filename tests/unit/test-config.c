/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ACCOUNT                                             \
    "[account lab]\n"                                       \
    "subscription = 11111111-2222-3333-4444-555555555555\n" \
    "tenant = t\n"                                          \
    "client_id = c\n"                                       \
    "region = eastus\n"

static int parse(const char *text, struct config *c, struct error *err) {
    config_init(c);
    return config_parse(c, "x.conf", text, strlen(text), err);
}

static void test_whole_file(void **state) {
    (void)state;
    struct config c;
    struct error err = ERROR_INIT;
    const char *text = "# comment\n[server]\nlisten = 10.0.0.4:9090\nurl = http://10.0.0.4:9090\n"
                       "default_account = lab\ntemplates = /srv/t\nprojects = /srv/p\n"
                       "log_level = debug\n" ACCOUNT "federated_token_file = /run/token\n"
                       "resource_manager = http://127.0.0.1:900\n[account two]\n"
                       "subscription = 11111111-2222-3333-4444-555555555556\n"
                       "managed_identity = yes\nregion = westeurope\n";
    assert_int_equal(parse(text, &c, &err), 0);
    assert_string_equal(c.listen, "10.0.0.4:9090");
    assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(c.accounts.len, 2);
    const struct config_account *lab = config_find(&c, "lab");
    assert_string_equal(lab->resource_manager, "http://127.0.0.1:900");
    assert_string_equal(lab->authority, "https://login.microsoftonline.com");
    assert_false(lab->managed_identity);
    assert_true(config_find(&c, "two")->managed_identity);
    assert_null(config_find(&c, "three"));
    config_done(&c);
}

/* Each is refused, and the words name the place and the thing. */
static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"listen = 1:2\n", "x.conf:1: the line stands before the first section"},
        {"[sever]\n", "x.conf:1: unknown section [sever]"},
        {"[server]\nxyzzy = 1\n", "x.conf:2: unknown key: this section has listen, "},
        {"[server]\nlisten = 1:2\nlisten = 1:3\n", "x.conf:3: listen stands twice"},
        {"[server]\n\nlisten 1\n", "x.conf:3: the line is neither"},
        {"[server]\nlistn = 127.0.0.1:1\n",
         "x.conf:2: unknown key 'listn': did you mean 'listen'?"},
        {"[server]\nlisten = 8080\n", "x.conf:2: listen: '8080' is not ADDRESS:PORT"},
        {"[server]\nlisten = 127.0.0.1:66000\n", "x.conf:2: listen"},
        {"[server]\nlog_level = loud\n", "x.conf:2: log_level: 'loud' is none of"},
        {"[server]\ntemplates = here\n", "x.conf:2: 'here' is not an absolute path"},
        {"[server]\nurl =\n", "x.conf:2: url has no value"},
        {"[account a b]\n", "x.conf:1: 'a b' is not a name for an account"},
        {ACCOUNT "managed_identity = maybe\n", "x.conf:6: managed_identity: 'maybe' is neither"},
        {ACCOUNT, "x.conf:1: account 'lab': give exactly one of client_secret_file"},
        {ACCOUNT "managed_identity = yes\nfederated_token_file = /t\n", "exactly one of"},
        {ACCOUNT "managed_identity = yes\n[account lab]\n", "x.conf:7: the account 'lab' stands in "
                                                            "line 1 already"},
        {"[account a]\nsubscription = 7\n", "x.conf:2: '7' is not a subscription id"},
        {"[account a]\nmanaged_identity = yes\nregion = x\n",
         "x.conf:1: account 'a': subscription"},
        {ACCOUNT "managed_identity = yes\nresource_manager = http://example.org\n",
         "x.conf:7: resource_manager: plain http is accepted for loopback addresses only"},
        {ACCOUNT "managed_identity = yes\nauthority = http://127.0.0.1.example.org\n",
         "plain http is accepted for loopback"},
        {ACCOUNT "managed_identity = yes\nauthority = http://127.0.0.1@example.org\n", "not a URL"},
        {ACCOUNT "managed_identity = yes\nauthority = ftp://x\n", "authority: 'ftp://x' is not"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct config c;
        struct error err = ERROR_INIT;
        assert_int_equal(parse(rows[i].text, &c, &err), -EINVAL);
        if (!strstr(err_text(&err), rows[i].words))
            fail_msg("'%s' is not in '%s'", rows[i].words, err_text(&err));
        err_done(&err);
        config_done(&c);
    }
}

static void test_urls(void **state) {
    (void)state;
    assert_true(config_url_allowed("https://management.azure.com"));
    assert_true(config_url_allowed("http://127.0.0.1:80/x"));
    assert_true(config_url_allowed("http://127.255.0.9"));
    assert_true(config_url_allowed("http://[::1]:80"));
    assert_true(config_url_allowed("http://localhost:1"));
    assert_false(config_url_allowed("http://localhost.example.org"));
    assert_false(config_url_allowed("http://127.0.0.1x"));
    assert_false(config_url_allowed("http://10.0.0.1"));
    assert_false(config_url_allowed("https://"));
    assert_false(config_url_allowed(""));
}

static void test_secret_warning(void **state) {
    (void)state;
    char path[] = "/tmp/secret-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0644), 0);
    char text[512];
    (void)snprintf(text, sizeof(text), ACCOUNT "client_secret_file = %s\n", path);
    struct config c;
    struct error err = ERROR_INIT;
    assert_int_equal(parse(text, &c, &err), 0);
    assert_int_equal(c.warnings.len, 1);
    assert_non_null(strstr(c.warnings.items[0], "x.conf:6: "));
    assert_non_null(strstr(c.warnings.items[0], "can be read by other users (mode 0644)"));
    config_done(&c);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(parse(text, &c, &err), 0);
    assert_int_equal(c.warnings.len, 0);
    config_done(&c);
    (void)close(fd);
    (void)unlink(path);
}

static void test_missing_file(void **state) {
    (void)state;
    struct config c;
    struct error err = ERROR_INIT;
    config_init(&c);
    assert_int_equal(config_read(&c, "/nonexistent/x.conf", false, &err), 0);
    assert_int_equal(config_read(&c, "/nonexistent/x.conf", true, &err), -ENOENT);
    assert_non_null(strstr(err_text(&err), "/nonexistent/x.conf cannot be read"));
    err_done(&err);
    config_done(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_file),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_urls),         cmocka_unit_test(test_secret_warning),
        cmocka_unit_test(test_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
