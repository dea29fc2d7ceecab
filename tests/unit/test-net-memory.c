/* SPDX-License-Identifier: MIT */
/* HTTP requests and rates when memory runs out: an error, and the process goes on. */
#include "base/clock.h"
#include "net/http.h"
#include "net/rate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The next allocation but `left` fails; < 0: none. */
static int left = -1;

static bool fails(void) {
    return left >= 0 && left-- == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
    return fails() ? NULL : __real_calloc(n, size);
}

char *__wrap_strdup(const char *text) {
    return fails() ? NULL : __real_strdup(text);
}

/* Buckets are many enough that the table grows, too. */
static void test_rates(void **state) {
    (void)state;
    static const struct rate_limit limit = {.refill_per_s = 1, .capacity = 10};
    unsigned refused = 0;
    for (int nth = 0; nth < 8; nth++) {
        struct rates *r = rates_new();
        assert_non_null(r);
        left = nth;
        for (int i = 0; i < 400; i++) {
            char key[16];
            usec_t wait = 0;
            (void)snprintf(key, sizeof(key), "key %d", i);
            int e = rates_take(r, key, &limit, USEC_SEC, &wait);
            assert_true(e == 0 || e == -ENOMEM);
            refused += e < 0;
        }
        assert_int_equal(rates_count(r), 400 - (left < 0));
        left = -1;
        rates_free(r);
    }
    assert_int_equal(refused, 8);
}

static void never(void *arg, const struct http_response *response) {
    (void)arg;
    (void)response;
    fail();
}

static void test_requests(void **state) {
    (void)state;
    struct http *h = NULL;
    struct http_options options = {.clock = &clock_real};
    struct http_request q = {.url = "http://127.0.0.1:1/"};
    assert_int_equal(http_new(&options, &h), 0);
    int r = -ENOMEM, nth = 0;
    for (; r == -ENOMEM && nth < 20; nth++) {
        left = nth;
        r = http_submit(h, &q, never, NULL, NULL);
        assert_true(r == 0 || r == -ENOMEM);
        assert_int_equal(http_active(h), r == 0);
    }
    left = -1;
    assert_int_equal(r, 0);
    assert_true(nth > 3); /* the request, the table, its buckets */
    http_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
