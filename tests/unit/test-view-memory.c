/* SPDX-License-Identifier: MIT */
#include "bucket-fixture.h"

#include "model/limits.h"
#include "view/render.h"

#include <stdlib.h>

/* A reader for whom there is no memory is told so, and nothing else happens. */

static size_t allocations, fails_at; /* 0: none fails */

static bool fails(void) {
    return ++allocations == fails_at;
}

/* The linker puts these in the place of the library's (--wrap). */
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_realloc(void *p, size_t size) {
    return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

/* Two clusters that want nodes, placement groups, an old type: all lists are used. */
static void fill(struct fixture *f) {
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    set_text(&add_node(b, 300, V3, NODE_READY)->placement_group, "pg1");
    (void)add_node(b, 301, "Standard_Old", NODE_READY);
    assert_non_null(builder_add_cluster(b, 500, "other"));
    struct array *a = builder_add_array(b, 500, 501, "execute");
    assert_non_null(a);
    a->spec = array_spec_ref(edit_execute(b)->spec);
    struct node *n = builder_add_node(b, 500, 502, "execute-1");
    assert_non_null(n);
    n->array_id = 501;
    n->target = TARGET_STARTED;
    n->status = NODE_ACQUIRING;
    fixture_publish(f, b);
}

static size_t each_failure(const struct view_ctx *ctx,
                           int (*render)(const struct view_ctx *ctx, struct buf *b)) {
    for (size_t nth = 1;; nth++) {
        _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
        allocations = 0;
        fails_at = nth;
        int r = render(ctx, &b);
        bool reached = allocations >= nth;
        fails_at = 0;
        if (!reached) {
            assert_int_equal(r, 0);
            return nth;
        }
        assert_int_equal(r, -ENOMEM);
    }
}

static void test_status(void **state) {
    struct view_ref ref;
    fill(*state);
    struct view_ctx ctx = fixture_context(*state, "/hpc/status.json", &ref);
    assert_true(each_failure(&ctx, render_status_json) > 8);
}

static void test_buckets(void **state) {
    struct view_ref ref;
    fill(*state);
    struct view_ctx ctx = fixture_context(*state, "/hpc/arrays/execute/buckets", &ref);
    assert_true(each_failure(&ctx, ref.entry->show) > 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_status),
        TEST(test_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
