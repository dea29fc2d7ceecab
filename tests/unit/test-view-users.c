/* SPDX-License-Identifier: MIT */
#include "test-view-fixture.h"

#include <crypt.h>
#include <stdlib.h>

/* What is written to users/NAME/, and which users can be made. */

#define KEY "AAAAC3NzaC1lZDI1NTE5AAAAIHmnhNJSm0Fq6dWmYYfJqC3QO5xRoCs4kD5m8tB4dQbC"

static int write_to(const struct fixture *f, const char *path, const char *text,
                    struct command **ret, struct error *err) {
    struct view_ref ref;
    struct view_ctx ctx = fixture_context(f, path, &ref);
    assert_non_null(ref.entry->store);
    return ref.entry->store(&ctx, text, strlen(text), ret, err);
}

static const struct {
    const char *path, *text, *field, *value;
    int64_t number;
} accepted[] = {
    {"/users/alice/uid", "20007\n", "uid", NULL, 20007},
    {"/users/alice/uid", "1000", "uid", NULL, 1000},
    {"/users/alice/gid", "100\n", "gid", NULL, 100},
    {"/users/alice/role", "ADMIN\n", "role", "admin", 0},
    {"/users/alice/role", "user\n", "role", "user", 0},
    {"/users/alice/shell", "/usr/bin/zsh\n", "shell", "/usr/bin/zsh", 0},
    {"/users/alice/authorized_keys", "# none\n", "authorized_keys", "# none\n", 0},
    {"/users/alice/authorized_keys", "# none\n\n", "authorized_keys", "# none\n\n", 0},
    {"/users/alice/authorized_keys", "ssh-ed25519 " KEY " a@b\r\n", "authorized_keys",
     "ssh-ed25519 " KEY " a@b\r\n", 0},
    {"/users/alice/authorized_keys", "ssh-rsa " KEY, "authorized_keys", "ssh-rsa " KEY, 0},
    {"/users/alice/authorized_keys", "from=\"10.0.0.1\",command=\"ls -l\" ssh-ed25519 " KEY "\n",
     "authorized_keys", "from=\"10.0.0.1\",command=\"ls -l\" ssh-ed25519 " KEY "\n", 0},
    {"/users/alice/password", "!\n", "password", "", 0},
    {"/users/alice/disabled", "yes\n", "disabled", NULL, 0},
};

static void test_commands(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
        _cleanup_error_ struct error err = ERROR_INIT;
        _cleanup_(command_freep) struct command *c = NULL;
        if (write_to(*state, accepted[i].path, accepted[i].text, &c, &err) < 0)
            fail_msg("%s \"%s\": %s", accepted[i].path, accepted[i].text, err_text(&err));
        assert_int_equal(c->type, COMMAND_SET_USER);
        assert_int_equal(c->item_id, ID_ALICE);
        assert_int_equal(c->cluster_id, 0);
        assert_string_equal(c->name, accepted[i].field);
        assert_true(c->number == accepted[i].number);
        assert_int_equal(c->flag, strcmp(c->name, "disabled") == 0);
        if (accepted[i].value)
            assert_string_equal(c->text, accepted[i].value);
    }
}

#define UID_HINT ": write a number from 1000 to 2147483647"
#define KEY_HINT " is not a public key: write lines such as \"ssh-ed25519 AAAA... name@host\""

static const struct {
    const char *path, *text;
    int code;
    const char *words;
} refusals[] = {
    {"/users/alice/uid", "root\n", -EINVAL, "\"root\" is not a number" UID_HINT},
    {"/users/alice/uid", "\n", -EINVAL, "it is empty" UID_HINT},
    {"/users/alice/uid", "0\n", -ERANGE, "0 is no uid for a user" UID_HINT},
    {"/users/alice/uid", "4294967295\n", -ERANGE, "4294967295 is no uid for a user" UID_HINT},
    {"/users/alice/gid", "99\n", -ERANGE,
     "99 is no gid for a user: write a number from 100 to 2147483647"},
    {"/users/alice/authorized_keys", "", -EINVAL,
     "it is empty, and what was stored stays: write a comment to remove all keys"},
    {"/users/alice/role", "king\n", -EINVAL, "\"king\" is not a role: write user or admin"},
    {"/users/alice/shell", "bash\n", -EINVAL,
     "\"bash\" is not a shell: write an absolute path such as /bin/bash"},
    {"/users/alice/shell", "/bin/sh:x\n", -EINVAL,
     "\"/bin/sh:x\" is not a shell: write an absolute path such as /bin/bash"},
    {"/users/alice/authorized_keys", "# a\nssh-ed25519 short\n", -EINVAL, "line 2" KEY_HINT},
    {"/users/alice/authorized_keys", "ssh-dss " KEY "\n", -EINVAL, "line 1" KEY_HINT},
    {"/users/alice/authorized_keys", "-----BEGIN OPENSSH PRIVATE KEY-----\n", -EINVAL,
     "it holds a private key: write the public one, of the file that ends in .pub"},
    {"/users/alice/password", "short\n", -EINVAL,
     "it is too short: write at least 8 characters, or ! for no password"},
    {"/users/alice/password", "\n", -EINVAL,
     "it is too short: write at least 8 characters, or ! for no password"},
    {"/users/alice/password", "two\nlines of it\n", -EINVAL,
     "it holds a control character: write it on one line"},
    {"/users/alice/disabled", "maybe\n", -EINVAL,
     "\"maybe\" is neither true nor false: write true or false"},
};

static void test_refusals(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        _cleanup_error_ struct error err = ERROR_INIT;
        struct command *c = NULL;
        int r = write_to(*state, refusals[i].path, refusals[i].text, &c, &err);
        if (r != refusals[i].code || strcmp(err_text(&err), refusals[i].words) != 0)
            fail_msg("%s \"%s\": %d %s", refusals[i].path, refusals[i].text, r, err_text(&err));
        assert_null(c);
    }
}

static bool password_matches(const char *password, const char *hash) {
    struct crypt_data data = {0};
    const char *again = crypt_r(password, hash, &data);
    return again && strcmp(again, hash) == 0;
}

static void test_password_is_hashed(void **state) {
    static const char password[] = " correct horse "; /* blanks belong to it */
    _cleanup_error_ struct error err = ERROR_INIT;
    char *hashes[2];
    for (size_t i = 0; i < 2; i++) {
        struct command *c = NULL;
        assert_int_equal(write_to(*state, "/users/alice/password", " correct horse \n", &c, &err),
                         0);
        hashes[i] = TAKE_PTR(c->text);
        c->len = 0;
        command_free(c);
        assert_int_equal(strncmp(hashes[i], "$y$", 3), 0);
        assert_null(strstr(hashes[i], "horse"));
        assert_true(password_matches(password, hashes[i]));
        assert_false(password_matches("correct horse", hashes[i]));
    }
    assert_string_not_equal(hashes[0], hashes[1]); /* a salt each */
    free(hashes[0]);
    free(hashes[1]);
}

static void test_longest_password(void **state) {
    char text[514] = "";
    memset(text, 'a', 513);
    _cleanup_error_ struct error err = ERROR_INIT;
    struct command *c = NULL;
    assert_int_equal(write_to(*state, "/users/alice/password", text, &c, &err), -E2BIG);
    assert_string_equal(err_text(&err), "it is longer than 511 bytes");
    text[511] = '\0';
    err_done(&err);
    assert_int_equal(write_to(*state, "/users/alice/password", text, &c, &err), 0);
    command_free(c);
}

static void test_every_row_is_written(void **state) {
    struct view_ref dir;
    (void)fixture_context(*state, "/users/alice", &dir);
    for (size_t i = 0; i < dir.entry->dir->n_entries; i++) {
        const char *name = dir.entry->dir->entries[i].name;
        bool found = false;
        for (size_t k = 0; k < ARRAY_SIZE(accepted); k++)
            found = found || strcmp(accepted[k].field, name) == 0;
        if (!found)
            fail_msg("no test writes %s", name);
    }
}

static const struct {
    const char *name;
    int code;
} names[] = {
    {"bob", 0},
    {"_svc-1", 0},
    {"a234567890123456789012345678901", 0},
    {"a2345678901234567890123456789012", -EINVAL},
    {"Bob", -EINVAL},
    {"1bob", -EINVAL},
    {"b.ob", -EINVAL},
    {"b ob", -EINVAL},
    {"root", -EINVAL},
    {"alice", -EEXIST},
};

static void test_mkdir(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct view_ref dir;
        struct view_ctx ctx = fixture_context(*state, "/users", &dir);
        _cleanup_error_ struct error err = ERROR_INIT;
        _cleanup_(command_freep) struct command *c = NULL;
        int r = view_mkdir(&ctx, &dir, &(struct view_new){names[i].name, 0755}, &c, &err);
        if (r != names[i].code)
            fail_msg("mkdir users/%s: %d %s", names[i].name, r, err_text(&err));
        assert_true(r == 0 || err.msg);
        assert_true(r < 0 || c->type == COMMAND_CREATE_USER);
    }
}

static void test_rmdir(void **state) {
    struct view_ref ref;
    struct view_ctx ctx = fixture_context(*state, "/users/alice", &ref);
    _cleanup_error_ struct error err = ERROR_INIT;
    struct command *c = NULL;
    assert_int_equal(view_rmdir(&ctx, &ref, &c, &err), 0);
    assert_int_equal(c->type, COMMAND_REMOVE_USER);
    assert_int_equal(c->item_id, ID_ALICE);
    command_free(c);
    ctx = fixture_context(*state, "/users", &ref);
    assert_int_equal(view_rmdir(&ctx, &ref, &c, &err), -EPERM);
}

static void test_modes(void **state) {
    assert_int_equal(fixture_attr(*state, "/users").mode, 040755);
    assert_int_equal(fixture_attr(*state, "/users/alice").mode, 040755);
    assert_int_equal(fixture_attr(*state, "/users/alice/uid").mode, 0100644);
    assert_int_equal(fixture_attr(*state, "/users/alice/password").mode, 0100200);
    assert_int_equal(fixture_attr(*state, "/users/alice/password").size, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_commands),
        TEST(test_refusals),
        TEST(test_password_is_hashed),
        TEST(test_longest_password),
        TEST(test_every_row_is_written),
        TEST(test_mkdir),
        TEST(test_rmdir),
        TEST(test_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
