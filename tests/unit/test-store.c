/* SPDX-License-Identifier: MIT */

/* One suite over both stores, then what only the one on disk can do: crash, full disk, damage. */

#include "base/random.h"
#include "store/history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

struct fixture {
    char path[64]; /* "" for the store in memory */
    struct store *store;
    int fail; /* what fail_commit returns */
    uint64_t watched;
    size_t watched_ops;
};

static int fail_commit(void *arg) {
    return ((struct fixture *)arg)->fail;
}

static void on_commit(void *arg, uint64_t revision, const struct store_op *ops, size_t n) {
    struct fixture *f = arg;
    assert_non_null(ops);
    f->watched = revision;
    f->watched_ops = n;
}

static void remove_directory(const char *path) {
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
    (void)closedir(d);
    assert_int_equal(rmdir(path), 0);
}

static void open_lmdb(struct fixture *f) {
    struct error err = ERROR_INIT;
    int r = store_open_lmdb(f->path, &err, &f->store);
    if (r < 0)
        fail_msg("%s", err_text(&err));
}

static int setup_memory(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    assert_int_equal(store_open_memory(fail_commit, f, &f->store), 0);
    *state = f;
    return 0;
}

static int setup_lmdb(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    (void)snprintf(f->path, sizeof(f->path), "/tmp/test-store-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    open_lmdb(f);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    store_free(f->store);
    if (*f->path)
        remove_directory(f->path);
    free(f);
    return 0;
}

static struct store_op op_put(const char *key, const char *value) {
    return (struct store_op){key, strlen(key), value, value ? strlen(value) : 0};
}

static int put(struct store *s, const char *key, const char *value) {
    struct store_op op = op_put(key, value);
    return store_commit(s, NULL, 0, &op, 1, NULL);
}

static void assert_value(struct store *s, const char *key, const char *value) {
    _cleanup_buf_ struct buf b = BUF_INIT(1000);
    int r = store_get(s, key, strlen(key), &b);
    assert_int_equal(r, value ? 0 : -ENOENT);
    assert_string_equal(b.data, value ? value : "");
}

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
    assert_int_equal(store_commit(s, NULL, 0, NULL, 0, NULL), 0);
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
    assert_int_equal(store_commit(f->store, NULL, 0, ops, ARRAY_SIZE(ops), NULL), 0);
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
    assert_int_equal(store_commit(s, &old, 1, &op, 1, &err), -EAGAIN);
    assert_string_equal(err.kind, "try_again");
    assert_value(s, "a", NULL);
    assert_int_equal(put(s, "a", "old"), 0);
    assert_int_equal(store_commit(s, &absent, 1, &op, 1, NULL), -EAGAIN);
    assert_int_equal(store_commit(s, &longer, 1, &op, 1, NULL), -EAGAIN);
    struct store_compare both[] = {old, {"b", 1, NULL, 0}};
    assert_int_equal(store_commit(s, both, 2, &op, 1, NULL), 0);
    assert_value(s, "a", "new");
    assert_int_equal(store_revision(s), 2);
}

static void test_limits(void **state) {
    struct fixture *f = *state;
    struct store *s = f->store;
    char key[STORE_KEY_MAX + 1];
    memset(key, 'k', sizeof(key));
    struct store_op op = {key, STORE_KEY_MAX, "v", 1};
    assert_int_equal(store_commit(s, NULL, 0, &op, 1, NULL), 0);
    _cleanup_buf_ struct buf b = BUF_INIT(STORE_VALUE_MAX);
    assert_int_equal(store_get(s, key, STORE_KEY_MAX, &b), 0);
    struct store_op ops[] = {op_put("x", "y"), {key, STORE_KEY_MAX + 1, "v", 1}};
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(store_commit(s, NULL, 0, ops, 2, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "481"));
    assert_value(s, "x", NULL);
    assert_int_equal(store_get(s, key, STORE_KEY_MAX + 1, &b), -ENOENT);
    _cleanup_free_ char *big = malloc(STORE_VALUE_MAX + 1);
    memset(big, 'b', STORE_VALUE_MAX + 1);
    op = (struct store_op){"big", 3, big, STORE_VALUE_MAX + 1};
    assert_int_equal(store_commit(s, NULL, 0, &op, 1, NULL), -EINVAL);
    op.value_len--;
    assert_int_equal(store_commit(s, NULL, 0, &op, 1, NULL), 0);
    buf_clear(&b);
    assert_int_equal(store_get(s, "big", 3, &b), 0);
    assert_int_equal(b.len, STORE_VALUE_MAX);
    assert_memory_equal(b.data, big, b.len);
}

struct listing {
    char text[256];
    int stop_after, code;
};

static int visit_list(void *arg, const void *key, size_t key_len, const void *value,
                      size_t value_len) {
    struct listing *l = arg;
    size_t len = strlen(l->text);
    (void)snprintf(l->text + len, sizeof(l->text) - len, "%.*s=%.*s ", (int)key_len,
                   (const char *)key, (int)value_len, (const char *)value);
    return --l->stop_after == 0 ? l->code : 0;
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
    assert_int_equal(history_size(s, HISTORY_LOGS, 0, owner, &size), 0);
    history_key(HISTORY_LOGS, 0, owner, size, key);
    struct store_op op = {key, sizeof(key), text, strlen(text)};
    assert_int_equal(store_commit(s, NULL, 0, &op, 1, NULL), 0);
}

static void test_history(void **state) {
    struct fixture *f = *state;
    struct store *s = f->store;
    uint64_t size = 99;
    assert_int_equal(history_size(s, HISTORY_LOGS, 0, 5, &size), 0);
    assert_int_equal(size, 0);
    char all[64] = "", piece[8];
    for (unsigned i = 0; i < 12; i++) {
        (void)snprintf(piece, sizeof(piece), "%.*s", (int)(1 + i % 3), "xyz");
        piece[0] = (char)('a' + i);
        strcat(all, piece);
        append(s, 5, piece);
        append(s, 4, "before\n");
        append(s, 6, "after\n");
    }
    assert_int_equal(history_size(s, HISTORY_LOGS, 0, 5, &size), 0);
    assert_int_equal(size, strlen(all));
    assert_int_equal(history_size(s, HISTORY_EVENTS, 0, 5, &size), 0);
    assert_int_equal(size, 0);
    for (size_t from = 0; from <= strlen(all) + 1; from++) {
        for (size_t len = 0; len <= strlen(all) + 2; len++) {
            _cleanup_buf_ struct buf b = BUF_INIT(100);
            assert_int_equal(history_read(s, HISTORY_LOGS, 0, 5, from, len, &b), 0);
            char want[64];
            (void)snprintf(want, sizeof(want), "%.*s", (int)len,
                           from < strlen(all) ? all + from : "");
            assert_string_equal(b.data, want);
        }
    }
    _cleanup_buf_ struct buf b = BUF_INIT(4);
    assert_int_equal(history_read(s, HISTORY_LOGS, 0, 5, 0, 10, &b), -E2BIG);
    buf_clear(&b);
    assert_int_equal(history_read(s, HISTORY_LOGS, 1, 5, 0, 10, &b), 0);
    assert_int_equal(history_read(s, HISTORY_LOGS, 0, 5, UINT64_MAX, SIZE_MAX, &b), 0);
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
        int r = store_commit(f->store, &never, refused, ops, ARRAY_SIZE(ops), NULL);
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

#define PAIRS 10

static int put_pairs(struct store *s, unsigned value) {
    char keys[PAIRS][8], text[16];
    struct store_op ops[PAIRS];
    (void)snprintf(text, sizeof(text), "%u", value);
    for (unsigned i = 0; i < PAIRS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "p%u", i);
        ops[i] = op_put(keys[i], text);
    }
    return store_commit(s, NULL, 0, ops, PAIRS, NULL);
}

struct pairs {
    unsigned n, value;
    bool mixed;
};

static int visit_pair(void *arg, const void *key, size_t key_len, const void *value,
                      size_t value_len) {
    struct pairs *p = arg;
    char text[16];
    (void)key;
    (void)key_len;
    (void)snprintf(text, sizeof(text), "%.*s", (int)value_len, (const char *)value);
    unsigned v = (unsigned)strtoul(text, NULL, 10);
    p->mixed |= p->n++ > 0 && v != p->value;
    p->value = v;
    return 0;
}

static struct pairs scan_pairs(struct store *s) {
    struct pairs p = {0};
    struct store_range range = {.prefix = "p", .prefix_len = 1};
    if (store_scan(s, &range, visit_pair, &p) != 0)
        p.mixed = true;
    return p;
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
    assert_int_equal(store_commit(f->store, NULL, 0, &op, 1, &err), -ENOSPC);
    assert_string_equal(err.kind, "no_space");
    assert_value(f->store, "a", "1");
    assert_int_equal(store_revision(f->store), 1);
    f->fail = 0;
    assert_int_equal(put(f->store, "a", "2"), 0);
}

static void reopen(struct fixture *f) {
    store_free(f->store);
    f->store = NULL;
    open_lmdb(f);
}

static void test_lmdb_persists(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put(f->store, "a", "1"), 0);
    assert_int_equal(put(f->store, "b", "2"), 0);
    reopen(f);
    assert_int_equal(store_revision(f->store), 2);
    assert_value(f->store, "a", "1");
    assert_int_equal(put(f->store, "b", NULL), 0);
    reopen(f);
    assert_int_equal(store_revision(f->store), 3);
    assert_value(f->store, "b", NULL);
}

static void test_lmdb_locked(void **state) {
    struct fixture *f = *state;
    struct store *second = NULL;
    _cleanup_error_ struct error err = ERROR_INIT;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char pid[32];
        (void)snprintf(pid, sizeof(pid), "process %d:", (int)getppid());
        int r = store_open_lmdb(f->path, &err, &second);
        _exit(r == -EBUSY && strstr(err_text(&err), pid) ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(store_open_lmdb(f->path, &err, &second), -EBUSY);
    assert_string_equal(err.kind, "busy");
    assert_null(second);
    assert_int_equal(put(f->store, "a", "1"), 0);
}

static void test_lmdb_not_a_directory(void **state) {
    struct fixture *f = *state;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/data.mdb/x", f->path);
    struct store *s = NULL;
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(store_open_lmdb(path, &err, &s), -ENOTDIR);
    assert_non_null(strstr(err_text(&err), path));
}

/* Commits for ever; each one that has returned is told through the pipe. */
static void commit_until_killed(const char *path, int fd) {
    struct store *s = NULL;
    if (store_open_lmdb(path, NULL, &s) < 0)
        _exit(1);
    for (unsigned value = (unsigned)store_revision(s) + 1;; value++)
        if (put_pairs(s, value) < 0 || write(fd, &value, sizeof(value)) != sizeof(value))
            _exit(1);
}

static void crash_once(struct fixture *f, unsigned round) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    unsigned before = (unsigned)store_revision(f->store), told = before, value;
    store_free(f->store);
    f->store = NULL;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        commit_until_killed(f->path, fds[1]);
    (void)close(fds[1]);
    /* After some commits, so that each round dies at another place. */
    while (told < before + 1 + round % 7 && read(fds[0], &value, sizeof(value)) == sizeof(value))
        told = value;
    (void)usleep(round * 37 % 1000);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (read(fds[0], &value, sizeof(value)) == sizeof(value))
        told = value;
    (void)close(fds[0]);
    open_lmdb(f);
    struct pairs p = scan_pairs(f->store);
    assert_false(p.mixed);
    assert_int_equal(p.n, PAIRS);
    assert_true(p.value == told || p.value == told + 1);
    assert_int_equal(store_revision(f->store), p.value);
    assert_true(told > before);
}

static void test_lmdb_crash(void **state) {
    for (unsigned round = 0; round < 40; round++)
        crash_once(*state, round);
}

/* Writes larger and larger until it is refused, then sees that all is as it was and usable. Exit
   code 0: fine, otherwise the step that was not. */
static int fill_disk(const char *path) {
    struct store *s = NULL;
    if (store_open_lmdb(path, NULL, &s) < 0 || put_pairs(s, 7) < 0)
        return 1;
    static char big[100000];
    struct error err = ERROR_INIT;
    uint64_t revision = 0;
    int r = 0;
    for (unsigned i = 0; r == 0 && i < 200; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "big%u", i);
        memset(big, 'a' + (int)(i % 26), sizeof(big));
        struct store_op ops[] = {{key, strlen(key), big, sizeof(big)}, op_put("p0", "torn")};
        revision = store_revision(s);
        r = store_commit(s, NULL, 0, ops, i < 5 ? 1 : 2, &err);
        if (i >= 5 && r == 0 && put_pairs(s, 7 + i) < 0)
            return 9;
    }
    if (r != -ENOSPC || !err.kind || strcmp(err.kind, "no_space") != 0)
        return 2;
    err_done(&err);
    if (store_revision(s) != revision || scan_pairs(s).mixed)
        return 3;
    if (put(s, "big0", NULL) < 0 || put(s, "big1", NULL) < 0)
        return 4; /* deleting must go on working, or nobody could make room */
    store_free(s);
    if (store_open_lmdb(path, NULL, &s) < 0)
        return 5;
    r = scan_pairs(s).mixed || scan_pairs(s).n != PAIRS ? 6 : 0;
    store_free(s);
    return r;
}

static void run_fill(const char *path, rlim_t file_limit) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = {file_limit, file_limit};
        if (file_limit && setrlimit(RLIMIT_FSIZE, &limit) < 0)
            _exit(20);
        _exit(fill_disk(path));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_lmdb_file_limit(void **state) {
    struct fixture *f = *state;
    store_free(f->store);
    f->store = NULL;
    run_fill(f->path, 2 << 20);
}

static void test_lmdb_full_disk(void **state) {
    (void)state;
    char path[] = "/tmp/test-store-full-XXXXXX";
    assert_non_null(mkdtemp(path));
    if (mount("tmpfs", path, "tmpfs", 0, "size=2m") < 0) {
        assert_int_equal(rmdir(path), 0);
        skip(); /* needs the right to mount */
    }
    char directory[64];
    (void)snprintf(directory, sizeof(directory), "%s/state", path);
    run_fill(directory, 0);
    assert_int_equal(umount(path), 0);
    assert_int_equal(rmdir(path), 0);
}

/* Overwrites one byte `offset` behind each place in the file where `text` is. */
static void damage(const struct fixture *f, const char *text, long offset, unsigned char byte) {
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/data.mdb", f->path);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    _cleanup_free_ char *data = malloc((size_t)st.st_size);
    assert_int_equal(pread(fd, data, (size_t)st.st_size, 0), st.st_size);
    unsigned places = 0;
    for (char *p = data, *end = data + st.st_size;
         (p = memmem(p, (size_t)(end - p), text, strlen(text))); p++, places++)
        assert_int_equal(pwrite(fd, &byte, 1, p - data + offset), 1);
    assert_true(places > 0);
}

static void test_lmdb_damaged_value(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put(f->store, "good", "sound"), 0);
    assert_int_equal(put(f->store, "bad", "precious-text"), 0);
    store_free(f->store);
    damage(f, "precious-text", 3, 'X');
    open_lmdb(f);
    _cleanup_buf_ struct buf b = BUF_INIT(100);
    assert_int_equal(store_get(f->store, "bad", 3, &b), -EBADMSG);
    assert_int_equal(b.len, 0);
    assert_value(f->store, "good", "sound");
    struct listing l = {.stop_after = -1};
    struct store_range range = {0};
    assert_int_equal(store_scan(f->store, &range, visit_list, &l), -EBADMSG);
    assert_string_equal(l.text, "");
    struct store_compare c = {"bad", 3, "precious-text", 13};
    struct store_op op = op_put("bad", "mended");
    assert_int_equal(store_commit(f->store, &c, 1, &op, 1, NULL), -EBADMSG);
    assert_int_equal(put(f->store, "bad", "mended"), 0);
    assert_value(f->store, "bad", "mended");
}

static void test_lmdb_newer_version(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put(f->store, "key", "written-later"), 0);
    store_free(f->store);
    f->store = NULL;
    damage(f, "written-later", -5, 2);
    open_lmdb(f);
    _cleanup_buf_ struct buf b = BUF_INIT(100);
    assert_int_equal(store_get(f->store, "key", 3, &b), -EPROTO);
    store_free(f->store);
    f->store = NULL;
    damage(f, "mstore", (long)strlen("mstore"), 2);
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(store_open_lmdb(f->path, &err, &f->store), -EPROTO);
    assert_non_null(strstr(err_text(&err), "newer version"));
    assert_null(f->store);
    /* The lock was given back. */
    damage(f, "mstore", (long)strlen("mstore"), 1);
    open_lmdb(f);
}

static void test_lmdb_not_a_database(void **state) {
    struct fixture *f = *state;
    store_free(f->store);
    f->store = NULL;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/data.mdb", f->path);
    _cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    static const char junk[8192] = "this is not a database";
    assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
    _cleanup_error_ struct error err = ERROR_INIT;
    assert_int_equal(store_open_lmdb(f->path, &err, &f->store), -EBADMSG);
    assert_non_null(strstr(err_text(&err), "backup"));
}

#define BOTH(f)                                          \
    {#f " (memory)", f, setup_memory, teardown, NULL}, { \
#f " (lmdb)", f, setup_lmdb, teardown, NULL      \
    }
#define LMDB(f) cmocka_unit_test_setup_teardown(f, setup_lmdb, teardown)

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
        LMDB(test_lmdb_persists),
        LMDB(test_lmdb_locked),
        LMDB(test_lmdb_not_a_directory),
        LMDB(test_lmdb_crash),
        LMDB(test_lmdb_file_limit),
        cmocka_unit_test(test_lmdb_full_disk),
        LMDB(test_lmdb_damaged_value),
        LMDB(test_lmdb_newer_version),
        LMDB(test_lmdb_not_a_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
