/* SPDX-License-Identifier: MIT */

/* Files of 0 bytes, as a full disk or a lost power supply leaves them: words, never a signal. */

#include "azure/azure.h"
#include "base/file.h"
#include "base/parse.h"
#include "daemon/accounts.h"
#include "daemon/simulate.h"
#include "net/http.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void an_empty_text_is_not_written_to(void **state) {
    (void)state;
    struct buf empty = BUF_INIT(8); /* its text is a literal */
    assert_string_equal(text_trim(empty.data), "");
    char blanks[] = " \n", both[] = " a b\r\n";
    assert_string_equal(text_trim(blanks), "");
    assert_string_equal(text_trim(both), "a b");
}

static void an_empty_secret_is_refused(void **state) {
    (void)state;
    char path[] = "/tmp/empty-XXXXXX", name[] = "lab", subscription[] = "s", tenant[] = "t",
         client[] = "c";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    struct http *http = NULL;
    struct azure *azure = NULL;
    struct http_options options = {.clock = &clock_real};
    assert_int_equal(http_new(&options, &http), 0);
    assert_int_equal(azure_new(http, &clock_real, &random_system, &azure), 0);
    struct config_account account = {.name = name,
                                     .subscription = subscription,
                                     .tenant = tenant,
                                     .client_id = client,
                                     .client_secret_file = path};
    struct config config = {.accounts = {.items = &account, .len = 1}};
    struct error err = ERROR_INIT;
    assert_int_equal(accounts_apply(azure, &config, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "account 'lab': client_secret_file /tmp/empty-"));
    assert_non_null(strstr(err_text(&err), " is empty"));
    err_done(&err);
    azure_free(azure);
    http_free(http);
    (void)unlink(path);
}

/* No process is adopted from empty files; here the next step, a new simulator, has no program. */
static void empty_files_of_the_simulator_name_nobody(void **state) {
    (void)state;
    char dir[] = "/tmp/empty-XXXXXX", armsim[64], file[96];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(armsim, sizeof(armsim), "%s/armsim", dir);
    assert_int_equal(mkdir(armsim, 0700), 0);
    (void)snprintf(file, sizeof(file), "%s/pid", armsim);
    assert_int_equal(file_write(file, "", 0, 0600), 0);
    struct simulator *simulator = NULL;
    struct error err = ERROR_INIT;
    assert_int_equal(simulate_start(dir, NULL, &err, &simulator), -ENOENT);
    assert_null(simulator);
    err_done(&err);
    (void)unlink(file);
    (void)rmdir(armsim);
    (void)rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_is_not_written_to),
        cmocka_unit_test(an_empty_secret_is_refused),
        cmocka_unit_test(empty_files_of_the_simulator_name_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
