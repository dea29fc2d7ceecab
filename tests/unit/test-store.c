/* SPDX-License-Identifier: MIT */

/* One suite over both stores. What only the one on disk can do is in test-store-disk.c. */

#include "store-fixture.h"

#include "base/random.h"

#include <stdatomic.h>

static void test_put_get_delete(void **state) {
    struct fixture *f = *state;
    struct store *s = f->store;
    store_set_watch(s, on_commit, f);
    assert_int_equal(store_revision(s), 0);
    assert_value(s, "a", NULL);
    assert_int_equal(put(s, "a", "one"), 0);
    assert_value(s, "a", "one");
    assert_int_equal(store_revision(s), 1);
    assert_int_equal(f->watched, 1);
    assert_int_equal(f->watched_ops, 1);
    assert_int_equal(put(s, "a", "two"), 0);
    assert_value(s, "a", "two");
    assert_int_equal(put(s, "a", ""), 0);
    assert_value(s, "a", "");
    assert_int_equal(store_revision(s), 3);
    /* Nothing changes: no revision, no call. */
    f->watched = 0;
    assert_int_equal(put(s, "a", ""), 0);
    assert_int_equal(put(s, "b", NULL), 0);
    assert_int_equal(store_commit(s, &(struct store_change){0}, NULL), 0);
    assert_int_equal(store_revision(s), 3);
    assert_int_equal(f->watched, 0);
    assert_int_equal(put(s, "a", NULL), 0);
    assert_value(s, "a", NULL);
    assert_int_equal(store_revision(s), 4);
    assert_int_equal(put(s, "", "the empty key"), 0);
    assert_value(s, "", "the empty key");
}

static void test_get_appends(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put(f->store, "k", "12345"), 0);
    _cleanup_buf_ struct buf b = BUF_INIT(8);
    assert_int_equal(buf_puts(&b, "ab"), 0);
    assert_int_equal(store_get(f->store, "k", 1, &b), 0);
    assert_string_equal(b.data, "ab12345");
    assert_int_equal(store_get(f->store, "k", 1, &b), -E2BIG);
    assert_string_equal(b.data, "ab12345");
}

static void test_order_of_operations(void **state) {
    struct fixture *f = *state;
    struct store_op ops[] = {op_put("a", "1"),  op_put("a", "2"), op_put("b", "1"),
                             op_put("b", NULL), op_put("a", "3"), op_put("c", NULL),
                             op_put("c", "x")};
    assert_int_equal(
        store_commit(f->store, &(struct store_change){.ops = ops, .n_ops = ARRAY_SIZE(ops)}, NULL),
        0);
    assert_value(f->store, "a", "3");
    assert_value(f->store, "b", NULL);
    assert_value(f->store, "c", "x");
    assert_int_equal(store_revision(f->store), 1);
}

static void test_compare(void **state) {
    struct fixture *f = *state;
    struct store *s = f->store;
    struct store_op op = op_put("a", "new");
    struct store_compare absent = {"a", 1, NULL, 0}, old = {"a", 1, "old", 3};
    struct store_compare longer = {"a", 1, "old!", 4};
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(store_commit(s, &(struct store_change){&old, 1, &op, 1}, &err), -EAGAIN);
    assert_string_equal(err.kind, "try_again");
    assert_value(s, "a", NULL);
    assert_int_equal(put(s, "a", "old"), 0);
    assert_int_equal(store_commit(s, &(struct store_change){&absent, 1, &op, 1}, NULL), -EAGAIN);
    assert_int_equal(store_commit(s, &(struct store_change){&longer, 1, &op, 1}, NULL), -EAGAIN);
    struct store_compare both[] = {old, {"b", 1, NULL, 0}};
    assert_int_equal(store_commit(s, &(struct store_change){both, 2, &op, 1}, NULL), 0);
    assert_value(s, "a", "new");
    assert_int_equal(store_revision(s), 2);
}

static void test_limits(void **state) {
    struct fixture *f = *state;
    struct store *s = f->store;
    char key[STORE_KEY_MAX + 1];
    memset(key, 'k', sizeof(key));
    struct store_op op = {key, STORE_KEY_MAX, "v", 1};
    assert_int_equal(store_commit(s, &(struct store_change){.ops = &op, .n_ops = 1}, NULL), 0);
    _cleanup_buf_ struct buf b = BUF_INIT(STORE_VALUE_MAX);
    assert_int_equal(store_get(s, key, STORE_KEY_MAX, &b), 0);
    struct store_op ops[] = {op_put("x", "y"), {key, STORE_KEY_MAX + 1, "v", 1}};
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(store_commit(s, &(struct store_change){.ops = ops, .n_ops = 2}, &err),
                     -EINVAL);
    assert_non_null(strstr(err_text(&err), "481"));
    assert_value(s, "x", NULL);
    assert_int_equal(store_get(s, key, STORE_KEY_MAX + 1, &b), -ENOENT);
    _cleanup_free_ char *big = malloc(STORE_VALUE_MAX + 1);
    memset(big, 'b', STORE_VALUE_MAX + 1);
    op = (struct store_op){"big", 3, big, STORE_VALUE_MAX + 1};
    assert_int_equal(store_commit(s, &(struct store_change){.ops = &op, .n_ops = 1}, NULL),
                     -EINVAL);
    op.value_len--;
    assert_int_equal(store_commit(s, &(struct store_change){.ops = &op, .n_ops = 1}, NULL), 0);
    buf_clear(&b);
    assert_int_equal(store_get(s, "big", 3, &b), 0);
    assert_int_equal(b.len, STORE_VALUE_MAX);
    assert_memory_equal(b.data, big, b.len);
}

static const char *list(struct store *s, struct listing *l, const char *prefix, const char *from,
                        bool reverse) {
    struct store_range range = {prefix, strlen(prefix), from, from ? strlen(from) : 0, reverse};
    *l = (struct listing){.stop_after = -1};
    assert_int_equal(store_scan(s, &range, visit_list, l), 0);
    return l->text;
}

static void test_scan(void **state) {
    struct fixture *f = *state;
    struct store *s = f->store;
    struct listing l;
    assert_string_equal(list(s, &l, "", NULL, false), "");
    assert_string_equal(list(s, &l, "", NULL, true), "");
    static const char *const keys[] = {"b2", "a", "b", "c", "b1", "b\xff", "\xff\xff"};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        assert_int_equal(put(s, keys[i], "v"), 0);
    static const struct {
        const char *prefix, *from;
        bool reverse;
        const char *want;
    } rows[] = {
        {"", NULL, false, "a=v b=v b1=v b2=v b\xff=v c=v \xff\xff=v "},
        {"", NULL, true, "\xff\xff=v c=v b\xff=v b2=v b1=v b=v a=v "},
        {"b", NULL, false, "b=v b1=v b2=v b\xff=v "},
        {"b", NULL, true, "b\xff=v b2=v b1=v b=v "},
        {"b", "b1", false, "b1=v b2=v b\xff=v "},
        {"b", "b11", false, "b2=v b\xff=v "},
        {"b", "b1", true, "b1=v b=v "},
        {"b", "b11", true, "b1=v b=v "},
        {"b", "a", false, "b=v b1=v b2=v b\xff=v "},
        {"b", "a", true, ""},
        {"b", "c", false, ""},
        {"b", "c", true, "b\xff=v b2=v b1=v b=v "},
        {"b", "", true, "b\xff=v b2=v b1=v b=v "},
        {"b\xff", NULL, true, "b\xff=v "},
        {"\xff", NULL, true, "\xff\xff=v "},
        {"0", NULL, true, ""},
        {"0", NULL, false, ""},
        {"d", NULL, true, ""},
        {"a", "a0", true, "a=v "},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_string_equal(list(s, &l, rows[i].prefix, rows[i].from, rows[i].reverse),
                            rows[i].want);
    struct store_range range = {.prefix = "b", .prefix_len = 1};
    l = (struct listing){.stop_after = 2, .code = 7};
    assert_int_equal(store_scan(s, &range, visit_list, &l), 7);
    assert_string_equal(l.text, "b=v b1=v ");
    l = (struct listing){.stop_after = 1, .code = -EIO};
    assert_int_equal(store_scan(s, &range, visit_list, &l), -EIO);
}

static void append(struct store *s, uint64_t owner, const char *text) {
    unsigned char key[HISTORY_KEY_SIZE];
    uint64_t size = 0;
    assert_int_equal(history_size(s, &(struct history){HISTORY_LOGS, 0, owner}, &size), 0);
    history_key(&(struct history){HISTORY_LOGS, 0, owner}, size, key);
    struct store_op op = {key, sizeof(key), text, strlen(text)};
    assert_int_equal(store_commit(s, &(struct store_change){.ops = &op, .n_ops = 1}, NULL), 0);
}

static void test_history(void **state) {
    struct fixture *f = *state;
    struct store *s = f->store;
    uint64_t size = 99;
    assert_int_equal(history_size(s, &(struct history){HISTORY_LOGS, 0, 5}, &size), 0);
    assert_int_equal(size, 0);
    _cleanup_buf_ struct buf whole = BUF_INIT(64);
    char piece[8];
    for (unsigned i = 0; i < 12; i++) {
        (void)snprintf(piece, sizeof(piece), "%.*s", (int)(1 + i % 3), "xyz");
        piece[0] = (char)('a' + i);
        assert_int_equal(buf_puts(&whole, piece), 0);
        append(s, 5, piece);
        append(s, 4, "before\n");
        append(s, 6, "after\n");
    }
    assert_int_equal(history_size(s, &(struct history){HISTORY_LOGS, 0, 5}, &size), 0);
    const char *all = whole.data;
    assert_int_equal(size, strlen(all));
    assert_int_equal(history_size(s, &(struct history){HISTORY_EVENTS, 0, 5}, &size), 0);
    assert_int_equal(size, 0);
    for (size_t from = 0; from <= strlen(all) + 1; from++) {
        for (size_t len = 0; len <= strlen(all) + 2; len++) {
            _cleanup_buf_ struct buf b = BUF_INIT(100);
            assert_int_equal(history_read(s, &(struct history){HISTORY_LOGS, 0, 5}, from, len, &b),
                             0);
            char want[64];
            (void)snprintf(want, sizeof(want), "%.*s", (int)len,
                           from < strlen(all) ? all + from : "");
            assert_string_equal(b.data, want);
        }
    }
    _cleanup_buf_ struct buf b = BUF_INIT(4);
    assert_int_equal(history_read(s, &(struct history){HISTORY_LOGS, 0, 5}, 0, 10, &b), -E2BIG);
    buf_clear(&b);
    assert_int_equal(history_read(s, &(struct history){HISTORY_LOGS, 1, 5}, 0, 10, &b), 0);
    assert_int_equal(
        history_read(s, &(struct history){HISTORY_LOGS, 0, 5}, UINT64_MAX, SIZE_MAX, &b), 0);
    assert_int_equal(b.len, 0);
}

struct naive {
    bool there;
    unsigned value;
};

/* Random commits, some refused, against an array. */
static void test_random(void **state) {
    struct fixture *f = *state;
    struct naive naive[40] = {0};
    uint64_t seed = 42, revision = 0;
    for (unsigned round = 0; round < 300; round++) {
        struct naive next[ARRAY_SIZE(naive)];
        memcpy(next, naive, sizeof(naive));
        char keys[6][8], values[6][8];
        struct store_op ops[6];
        bool refused = random_split_mix(&seed) % 4 == 0;
        for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
            unsigned k = (unsigned)(random_split_mix(&seed) % ARRAY_SIZE(naive));
            unsigned v = (unsigned)(random_split_mix(&seed) % 5);
            (void)snprintf(keys[i], sizeof(keys[i]), "k%02u", k);
            (void)snprintf(values[i], sizeof(values[i]), "%u", v);
            ops[i] = op_put(keys[i], v ? values[i] : NULL);
            next[k] = (struct naive){v != 0, v};
        }
        struct store_compare never = {"k00", 3, "no", 2};
        int r = store_commit(f->store,
                             &(struct store_change){&never, refused, ops, ARRAY_SIZE(ops)}, NULL);
        assert_int_equal(r, refused ? -EAGAIN : 0);
        if (!refused) {
            memcpy(naive, next, sizeof(naive));
            assert_true(store_revision(f->store) - revision <= 1);
        }
        revision = store_revision(f->store);
        for (unsigned k = 0; k < ARRAY_SIZE(naive); k++) {
            char key[8], value[8];
            (void)snprintf(key, sizeof(key), "k%02u", k);
            (void)snprintf(value, sizeof(value), "%u", naive[k].value);
            assert_value(f->store, key, naive[k].there ? value : NULL);
        }
    }
}

struct readers {
    struct store *store;
    atomic_bool stop;
    atomic_uint wrong;
};

static void *reader(void *arg) {
    struct readers *r = arg;
    while (!atomic_load(&r->stop)) {
        struct pairs p = scan_pairs(r->store);
        if (p.mixed || (p.n != 0 && p.n != PAIRS))
            atomic_fetch_add(&r->wrong, 1);
    }
    return NULL;
}

static void test_readers_see_one_revision(void **state) {
    struct fixture *f = *state;
    struct readers r = {.store = f->store};
    pthread_t threads[2];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &r), 0);
    for (unsigned i = 1; i <= 200; i++)
        assert_int_equal(put_pairs(f->store, i), 0);
    atomic_store(&r.stop, true);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&r.wrong), 0);
}

static void test_memory_fails_on_demand(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put(f->store, "a", "1"), 0);
    f->fail = -ENOSPC;
    _cleanup_error_ struct error err = ERROR_INIT;
    struct store_op op = op_put("a", "2");
    assert_int_equal(store_commit(f->store, &(struct store_change){.ops = &op, .n_ops = 1}, &err),
                     -ENOSPC);
    assert_string_equal(err.kind, "no_space");
    assert_value(f->store, "a", "1");
    assert_int_equal(store_revision(f->store), 1);
    f->fail = 0;
    assert_int_equal(put(f->store, "a", "2"), 0);
}

/* Allocations of this program left until one fails; negative: none fails. */
static long fail_after = -1;

void *__real_malloc(size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static bool fails(void) {
    return fail_after >= 0 && fail_after-- == 0;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

/* Whatever allocation fails, a commit is refused as a whole and nothing is lost. */
static void test_memory_runs_out(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put_pairs(f->store, 1), 0);
    int r = -ENOMEM;
    long n = 0;
    for (; r == -ENOMEM; n++) {
        fail_after = n;
        r = put_pairs(f->store, 2);
        fail_after = -1;
        struct pairs p = scan_pairs(f->store);
        assert_false(p.mixed);
        assert_int_equal(p.n, PAIRS);
        assert_int_equal(p.value, r == 0 ? 2 : 1);
        assert_int_equal(store_revision(f->store), r == 0 ? 2 : 1);
    }
    assert_int_equal(r, 0);
    assert_true(n > PAIRS);
}

#define BOTH(f)                                          \
    {#f " (memory)", f, setup_memory, teardown, NULL}, { \
#f " (lmdb)", f, setup_lmdb, teardown, NULL      \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(test_put_get_delete),
        BOTH(test_get_appends),
        BOTH(test_order_of_operations),
        BOTH(test_compare),
        BOTH(test_limits),
        BOTH(test_scan),
        BOTH(test_history),
        BOTH(test_random),
        BOTH(test_readers_see_one_revision),
        cmocka_unit_test_setup_teardown(test_memory_fails_on_demand, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, setup_memory, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
