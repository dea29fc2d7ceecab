/* SPDX-License-Identifier: MIT */

/* Consoles: an address from the Resource Manager, and what is behind it. */

#include "azure-fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define READ_VM "POST " COMPUTE "/virtualMachines/s1/retrieveBootDiagnosticsData?api-version="
#define SIGNED "/storage/console.log?sv=1&sig=s3cret%3D&se=9"
#define LEADS_TO(url) \
    "{\"consoleScreenshotBlobUri\":\"{b}/shot\",\"serialConsoleLogBlobUri\":\"" url "\"}"

static const struct step address = {READ_VM, 200, LEADS_TO("{b}" SIGNED)};

/* Runs with the answer to the address and those of the storage service; nothing of what comes out
 * may hold the signature. */
static void read_console(struct fixture *f, const struct step *blobs, size_t n, struct outcome *o) {
    struct step steps[8] = {address};
    memcpy(steps + 1, blobs, n * sizeof(*blobs));
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_READ_CONSOLE);
    run(f, &q, steps, n + 1, o);
    assert_string_equal(f->seen[0], "Bearer token-0");
    for (size_t i = 1; i <= n; i++) {
        assert_string_equal(f->seen[i], "");
        assert_string_equal(f->ids[i], "");
    }
    const char *texts[] = {o->code, o->message, o->url, o->request_id};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_null(strstr(texts[i], "s3cret"));
}

static void check_text(const struct cyclecloud_result *r) {
    static const char text[] = "Linux\r\n\x1b[0m\xff login:";
    assert_int_equal(r->console_len, sizeof(text) - 1);
    assert_memory_equal(r->console, text, sizeof(text) - 1);
}

static void a_console_is_fetched_without_our_token(void **state) {
    struct fixture *f = *state;
    static const struct step blob[] = {
        {"GET " SIGNED, 200, "Linux\r\n\x1b[0m\xff login:", {"x-ms-request-id: blob-1"}}};
    struct outcome o = {.check = check_text};
    read_console(f, blob, 1, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    assert_string_equal(o.request_id, "blob-1");
}

static void check_empty(const struct cyclecloud_result *r) {
    assert_int_equal(r->console_len, 0);
}

static void a_console_may_be_empty(void **state) {
    struct fixture *f = *state;
    static const struct step blob[] = {{"GET " SIGNED, 200, ""}};
    struct outcome o = {.check = check_empty};
    read_console(f, blob, 1, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
}

/* --- only the end is kept ----------------------------------------------------------------------*/

static void check_cut(const struct cyclecloud_result *r) {
    assert_true(r->console_len <= CYCLECLOUD_CONSOLE_MAX);
    assert_true(r->console_len > CYCLECLOUD_CONSOLE_MAX - 16);
    assert_memory_equal(r->console, "line ", 5);
    assert_memory_equal(r->console + r->console_len - 12, "line 069999\n", 12);
}

static void of_a_long_console_the_end_is_kept(void **state) {
    struct fixture *f = *state;
    struct buf text = BUF_INIT(1024 * 1024);
    for (unsigned i = 0; i < 70000; i++)
        assert_int_equal(buf_printf(&text, "line %06u\n", i), 0);
    const struct step blob[] = {{"GET " SIGNED, 200, text.data}};
    struct outcome o = {.check = check_cut};
    read_console(f, blob, 1, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    buf_done(&text);
}

static void check_exact(const struct cyclecloud_result *r) {
    assert_int_equal(r->console_len, CYCLECLOUD_CONSOLE_MAX);
}

/* What just fits is whole, and so is a line that is longer than all that is kept. */
static void what_fits_is_not_cut(void **state) {
    struct fixture *f = *state;
    struct buf text = BUF_INIT(1024 * 1024);
    for (size_t i = 0; i < CYCLECLOUD_CONSOLE_MAX; i++)
        assert_int_equal(buf_putc(&text, i % 64 == 63 ? '\n' : 'x'), 0);
    const struct step whole[] = {{"GET " SIGNED, 200, text.data}};
    struct outcome o = {.check = check_exact};
    read_console(f, whole, 1, &o);
    buf_clear(&text);
    for (size_t i = 0; i < 3 * CYCLECLOUD_CONSOLE_MAX; i++)
        assert_int_equal(buf_putc(&text, 'x'), 0);
    const struct step one_line[] = {{"GET " SIGNED, 200, text.data}};
    read_console(f, one_line, 1, &o);
    buf_done(&text);
}

/* --- what goes wrong ---------------------------------------------------------------------------*/

static void check_again(const struct cyclecloud_result *r) {
    assert_int_equal(r->console_len, 5);
    assert_memory_equal(r->console, "again", 5);
}

static void the_storage_service_is_asked_again(void **state) {
    struct fixture *f = *state;
    static const struct step blobs[] = {{"GET " SIGNED, 503, "busy"},
                                        {"GET " SIGNED, 500, "broken"},
                                        {"GET " SIGNED, 200, "again"}};
    struct outcome o = {.check = check_again};
    read_console(f, blobs, 3, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
}

static void its_answers_are_classed(void **state) {
    struct fixture *f = *state;
    static const struct {
        struct step blob;
        enum cyclecloud_class expected;
        const char *code;
    } rows[] = {
        {{"GET " SIGNED, 404, "<Error/>", {"x-ms-error-code: BlobNotFound"}},
         CYCLECLOUD_GONE,
         "BlobNotFound"},
        {{"GET " SIGNED, 403, "sig=s3cret", {"x-ms-error-code: AuthenticationFailed"}},
         CYCLECLOUD_INVALID,
         "AuthenticationFailed"},
        /* a word that is none is repeated to nobody */
        {{"GET " SIGNED, 403, "", {"x-ms-error-code: no: sig=s3cret", "x-ms-request-id: ?s3cret"}},
         CYCLECLOUD_INVALID,
         ""},
        {{"GET " SIGNED, 503, "", {"Retry-After: 77"}}, CYCLECLOUD_THROTTLED, ""},
        {{"GET " SIGNED, 301, "", {"Location: {b}/elsewhere?sig=s3cret"}},
         CYCLECLOUD_TRANSPORT,
         ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct outcome o = {0};
        read_console(f, &rows[i].blob, 1, &o);
        assert_int_equal(o.class, rows[i].expected);
        assert_string_equal(o.code, rows[i].code);
        assert_true(*o.message);
        assert_true((rows[i].blob.status == 301) == (strstr(o.message, "HTTP status 301") != NULL));
        assert_int_equal(o.retry_after, rows[i].blob.status == 503 ? 77 * USEC_SEC : 0);
    }
}

/* The address leads nowhere that may be asked, or is not there. */
static void a_bad_address_is_not_asked(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *body;
        const char *code;
    } rows[] = {
        {LEADS_TO("http://example.com" SIGNED), "NotSent"},
        {LEADS_TO("file:///etc/passwd?s3cret"), "NotSent"},
        {LEADS_TO("s3cret"), "NotSent"},
        {"{\"consoleScreenshotBlobUri\":\"{b}/shot?s3cret\"}", "BadAnswer"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct step steps[] = {{READ_VM, 200, rows[i].body}};
        struct cyclecloud_request q = request(CYCLECLOUD_CALL_READ_CONSOLE);
        struct outcome o = {0};
        RUN(f, &q, steps, &o);
        assert_string_equal(o.code, rows[i].code);
        assert_true(o.class == CYCLECLOUD_INVALID || o.class == CYCLECLOUD_TRANSPORT);
        assert_null(strstr(o.message, "s3cret"));
    }
}

/* Nobody listens there any more: the words for it do not tell where. */
static void a_dead_service_is_not_named(void **state) {
    struct fixture *f = *state;
    static const struct step steps[] = {{READ_VM, 200, LEADS_TO("http://127.0.0.1:1" SIGNED)}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_READ_CONSOLE);
    struct outcome o = {0};
    RUN(f, &q, steps, &o);
    assert_int_equal(o.class, CYCLECLOUD_TRANSPORT);
    assert_non_null(strstr(o.message, "Connection refused"));
    assert_null(strstr(o.message, "127.0.0.1"));
    assert_null(strstr(o.message, "s3cret"));
}

static void what_the_resource_manager_refuses_goes_no_further(void **state) {
    struct fixture *f = *state;
    static const struct {
        int status;
        const char *body;
        enum cyclecloud_class expected;
    } rows[] = {
        {404, "{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"m\"}}", CYCLECLOUD_GONE},
        {409, "{\"error\":{\"code\":\"OperationNotAllowed\",\"message\":\"not enabled\"}}",
         CYCLECLOUD_CONFLICT},
        {403, "{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"m\"}}", CYCLECLOUD_AUTH},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct step steps[] = {{READ_VM, rows[i].status, rows[i].body}};
        struct cyclecloud_request q = request(CYCLECLOUD_CALL_READ_CONSOLE);
        struct outcome o = {0};
        RUN(f, &q, steps, &o);
        assert_int_equal(o.class, rows[i].expected);
    }
}

/* An instance of a set has a place of its own, and needs its id. */
static void an_instance_is_named(void **state) {
    struct fixture *f = *state;
    static const struct step steps[] = {
        {"POST " SET "/virtualMachines/0/retrieveBootDiagnosticsData?api-version=2024-03-01"
         "&sasUriExpirationTimeInMinutes=5",
         200, LEADS_TO("{b}" SIGNED)},
        {"GET " SIGNED, 200, "again"}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE);
    struct outcome o = {.check = check_again};
    RUN(f, &q, steps, &o);
    assert_int_equal(o.class, CYCLECLOUD_OK);
    q.instance_ids = NULL;
    assert_int_equal(f->provider.ops->submit(f->provider.self, &q, on_done, &o), -EINVAL);
}

/* The provider is closed while the storage service answers. */
static void a_console_under_way_can_be_dropped(void **state) {
    struct fixture *f = *state;
    static const struct step steps[] = {
        {READ_VM, 200, LEADS_TO("{b}" SIGNED)}, {"GET " SIGNED, 503, ""}, {"GET " SIGNED, 503, ""}};
    struct cyclecloud_request q = request(CYCLECLOUD_CALL_READ_CONSOLE);
    struct outcome o = {0};
    f->steps = steps;
    f->n_steps = ARRAY_SIZE(steps);
    f->done = 0;
    assert_int_equal(f->provider.ops->submit(f->provider.self, &q, on_done, &o), 0);
    usec_t end = clock_monotonic(&clock_real) + 30 * USEC_SEC;
    while (f->done < 2 && clock_monotonic(&clock_real) < end)
        assert_int_equal(http_wait(f->http, NULL, 0, 100 * USEC_MS), 0);
    azure_free(f->azure); /* waits for its third try, or has it on the way */
    f->azure = NULL;
    assert_int_equal(http_active(f->http), 0);
    assert_int_equal(o.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, azure_start, azure_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_console_is_fetched_without_our_token),
        TEST(a_console_may_be_empty),
        TEST(of_a_long_console_the_end_is_kept),
        TEST(what_fits_is_not_cut),
        TEST(the_storage_service_is_asked_again),
        TEST(its_answers_are_classed),
        TEST(a_bad_address_is_not_asked),
        TEST(a_dead_service_is_not_named),
        TEST(what_the_resource_manager_refuses_goes_no_further),
        TEST(an_instance_is_named),
        TEST(a_console_under_way_can_be_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
