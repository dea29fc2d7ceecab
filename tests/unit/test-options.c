/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARGS_MAX 16

/* Parses blank-separated words; a word keeps its own commas. */
static int parse(const char *line, struct options *o, struct error *err) {
    char *copy = strdup(line), *rest = copy, *word;
    char *argv[ARGS_MAX] = {(char *)"cyclecloudfs"};
    int argc = 1;
    while ((word = strsep(&rest, " ")))
        if (*word)
            argv[argc++] = word;
    options_init(o);
    int r = options_parse(o, argc, argv, err);
    free(copy);
    return r;
}

static void test_command_line(void **state) {
    (void)state;
    struct options o;
    struct error err = ERROR_INIT;
    assert_int_equal(parse("--state=/s --config /c --simulate --fast_read=/r -f src /m", &o, &err),
                     0);
    assert_string_equal(o.fast_read, "/r");
    assert_string_equal(o.source, "src");
    assert_string_equal(o.mountpoint, "/m");
    assert_string_equal(o.state_dir, "/s");
    assert_string_equal(o.config_file, "/c");
    assert_true(o.config_given && o.simulate_set && o.foreground);
    assert_null(o.simulate);
    options_done(&o);
}

static void test_defaults(void **state) {
    (void)state;
    struct options o;
    struct error err = ERROR_INIT;
    assert_int_equal(parse("/m", &o, &err), 0);
    assert_string_equal(o.source, "cyclecloud");
    assert_string_equal(o.state_dir, "/var/lib/cyclecloudfs");
    assert_string_equal(o.config_file, "/etc/cyclecloudfs/cyclecloudfs.conf");
    assert_false(o.config_given || o.simulate_set || o.foreground);
    assert_null(o.fast_read);
    options_done(&o);
}

/* What mount(8) and fstab say: everything behind -o. */
static void test_mount_options(void **state) {
    (void)state;
    struct options o;
    struct error err = ERROR_INIT;
    const char *line = "cc /m -o rw,state=/s,simulate=--seed=1\\,2,root_mode=1770,nosuid,_netdev,"
                       "x-systemd.automount,threads=4,listen=127.0.0.1:0,dev,suid";
    assert_int_equal(parse(line, &o, &err), 0);
    assert_string_equal(o.state_dir, "/s");
    assert_string_equal(o.simulate, "--seed=1,2");
    assert_int_equal(o.root_mode, 01770);
    assert_int_equal(o.threads, 4);
    assert_string_equal(o.mount_flags.data, "rw,nosuid,dev,suid");
    options_done(&o);
}

static void test_relative_paths(void **state) {
    (void)state;
    struct options o;
    struct error err = ERROR_INIT;
    char *cwd = getcwd(NULL, 0);
    assert_int_equal(parse("--state=s m", &o, &err), 0);
    assert_true(strncmp(o.mountpoint, cwd, strlen(cwd)) == 0);
    assert_string_equal(o.mountpoint + strlen(cwd), "/m");
    assert_string_equal(o.state_dir + strlen(cwd), "/s");
    free(cwd);
    options_done(&o);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"", "no mount point given"},
        {"a b c", "'c' is one argument too many"},
        {"--stat=/x /m", "unknown option 'stat', did you mean 'state'?"},
        {"-z /m", "unknown option '-z'"},
        {"/m -o rw,simulat", "unknown mount option 'simulat', did you mean 'simulate'?"},
        {"/m -o", "-o needs a list"},
        {"--state= /m", "the option 'state' needs a value: state=DIR"},
        {"/m --state", "the option 'state' needs a value"},
        {"--foreground=1 /m", "the option 'foreground' takes no value"},
        {"--root_mode=9 /m", "root_mode is '9'"},
        {"--threads=0 /m", "threads is '0'"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct options o;
        struct error err = ERROR_INIT;
        assert_int_equal(parse(rows[i].line, &o, &err), -EINVAL);
        if (!strstr(err_text(&err), rows[i].words))
            fail_msg("'%s' is not in '%s'", rows[i].words, err_text(&err));
        err_done(&err);
        options_done(&o);
    }
}

/* Every option of the help is one that the parser knows. */
static void test_help(void **state) {
    (void)state;
    struct buf b = BUF_INIT(65536);
    assert_int_equal(options_help(&b), 0);
    static const char *const names[] = {"--state=DIR", "--config=FILE", "--simulate[=OPTIONS]",
                                        "--listen=ADDR:PORT", "--foreground"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_non_null(strstr(b.data, names[i]));
    buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_line),  cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_mount_options), cmocka_unit_test(test_relative_paths),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
