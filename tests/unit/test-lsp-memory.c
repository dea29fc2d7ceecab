/* SPDX-License-Identifier: MIT */
/*
 * A session with the language server in which memory runs out at the n-th allocation and comes back
 * with the next message: whatever was asked, the server is there and answers again.
 */
#include "template-fixture.h"

#include "lsp/server.h"

#define PLACE "\"textDocument\":{\"uri\":\"u\"},\"position\":{\"line\":2,\"character\":5}"

static long left = -1; /* allocations that still succeed; -1 = all */

static bool take(void) {
    if (left > 0)
        left--;
    return left != 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);

void *__wrap_malloc(size_t size) {
    return take() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size) {
    return take() ? __real_calloc(n, size) : NULL;
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
    return take() ? __real_reallocarray(p, n, size) : NULL;
}

char *__wrap_strdup(const char *text) {
    return take() ? __real_strdup(text) : NULL;
}

char *__wrap_strndup(const char *text, size_t n) {
    return take() ? __real_strndup(text, n) : NULL;
}

static void *json_malloc(size_t size) {
    return take() ? __real_malloc(size) : NULL;
}

static int handle(struct server *s, const char *message) {
    buf_clear(&s->output);
    return server_handle(s, message, strlen(message));
}

/* Opens the document that the requests are about. */
static void begin(struct server *s) {
    server_init(s);
    assert_int_equal(handle(s, "{\"id\":0,\"method\":\"initialize\"}"), 0);
    assert_int_equal(
        handle(s, "{\"method\":\"textDocument/didOpen\",\"params\":{\"textDocument\":{\"uri\":"
                  "\"u\",\"text\":\"[cluster c]\\n[[node n]]\\nMaxCount= $P\\nZone = $Q\\n"
                  "[parameter P]\\nDefaultValue = 1\\n\"}}}"),
        0);
}

/* One message at each n; true if there was memory enough. */
static bool try_message(const char *message, long n) {
    struct server s;
    begin(&s);
    left = n;
    int r = handle(&s, message);
    bool enough = left != 0;
    left = -1;
    assert_true(r == 0 || r == -ENOMEM);
    assert_true(!enough || r == 0);
    assert_int_equal(handle(&s, "{\"id\":9,\"method\":\"shutdown\"}"), 0);
    assert_non_null(strstr(s.output.data, "\"result\":null"));
    server_done(&s);
    return enough;
}

static void test_memory_runs_out(void **state) {
    (void)state;
    static const char *const messages[] = {
        "{\"id\":1,\"method\":\"textDocument/hover\",\"params\":{" PLACE "}}",
        "{\"id\":1,\"method\":\"textDocument/completion\",\"params\":{" PLACE "}}",
        "{\"id\":1,\"method\":\"textDocument/definition\",\"params\":{" PLACE "}}",
        "{\"id\":1,\"method\":\"textDocument/documentSymbol\",\"params\":{" PLACE "}}",
        "{\"id\":1,\"method\":\"textDocument/formatting\",\"params\":{" PLACE "}}",
        "{\"id\":1,\"method\":\"textDocument/codeAction\",\"params\":{" PLACE ",\"range\":"
        "{\"start\":{\"line\":0,\"character\":0},\"end\":{\"line\":9,\"character\":0}}}}",
        "{\"method\":\"textDocument/didChange\",\"params\":{" PLACE ",\"contentChanges\":"
        "[{\"text\":\"[cluster c]\\n[[nod n]]\\nA = ${f(}\\n\"}]}}",
        "{\"method\":\"textDocument/didOpen\",\"params\":{\"textDocument\":{\"uri\":\"v\","
        "\"text\":\"[cluster d]\\n\"}}}",
        "{\"method\":\"textDocument/didClose\",\"params\":{" PLACE "}}",
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
        for (long n = 1; !try_message(messages[i], n); n++)
            ;
}

int main(void) {
    json_set_alloc_funcs(json_malloc, free);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
