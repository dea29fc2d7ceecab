/* SPDX-License-Identifier: MIT */

/* A database file that is cut or damaged, before it is opened or while it is in use: words, never a
   signal. */

#include "store-fixture.h"

#include "base/file.h"
#include "base/random.h"

#include "store/fault-guard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PAGE 4096u
#define RECORDS 300u
#define LARGE 20000u /* has pages of its own */
#define ROUNDS 240u

static void fill(struct store *s) {
    static char value[LARGE];
    memset(value, 'v', sizeof(value));
    static char keys[RECORDS][16];
    struct store_op ops[RECORDS];
    for (unsigned i = 0; i < RECORDS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%05u", i * 7919 % 100000);
        size_t len = i % 17 == 0 ? LARGE : 20 + i * 37 % 900;
        ops[i] = (struct store_op){keys[i], strlen(keys[i]), value, len};
    }
    struct store_change change = {.ops = ops, .n_ops = RECORDS};
    assert_int_equal(store_commit(s, &change, NULL), 0);
}

/* Path of the file; good until the next call. */
static const char *data_path(const struct fixture *f) {
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/data.mdb", f->path);
    return path;
}

static void read_data(struct fixture *f, struct buf *data) {
    store_free(TAKE_PTR(f->store));
    assert_int_equal(file_read(data_path(f), data), 0);
    assert_true(data->len > 50 * PAGE);
}

static int count_one(void *arg, const void *key, size_t key_len, const void *value, size_t len) {
    (void)key;
    (void)key_len;
    const unsigned char *bytes = value;
    unsigned sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += bytes[i];
    return ++*(unsigned *)arg > RECORDS * 10 && sum; /* damaged pages may form a circle */
}

/* Reads all there is, both ways. The first failure. */
static int read_all(struct store *s) {
    unsigned n = 0, back = 0;
    struct store_range range = {0};
    int r = store_scan(s, &range, count_one, &n);
    range.reverse = true;
    int again = store_scan(s, &range, count_one, &back);
    _cleanup_buf_ struct buf value = BUF_INIT(LARGE);
    int got = store_get(s, "k07919", 6, &value);
    return r < 0 ? r : again < 0 ? again : got;
}

/* In a process of its own: one that has met damage does not open another store. */
enum outcome {
    SOUND,
    NOTICED,
    WRONG,
};

static enum outcome in_child(enum outcome (*body)(struct fixture *f), struct fixture *f) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fault_guard_install() == 0 ? body(f) : WRONG);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), WRONG);
    return WEXITSTATUS(status);
}

static enum outcome open_and_read(struct fixture *f) {
    struct store *s = NULL;
    struct error err = ERROR_INIT;
    int r = store_open_lmdb(f->path, &err, &s);
    if (r == 0)
        return read_all(s) < 0 ? NOTICED : SOUND;
    bool told = strstr(err_text(&err), f->path) &&
                (r != -EBADMSG || strstr(err_text(&err), "restore the directory from a backup"));
    return told ? NOTICED : WRONG;
}

/* The file with these bytes: it is refused with words, or what is read of it is sound or refused.
   True when the damage was noticed. */
static bool survives(struct fixture *f, const struct buf *data) {
    _cleanup_close_ int fd = open(data_path(f), O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, data->data, data->len), data->len);
    return in_child(open_and_read, f) == NOTICED;
}

static void a_cut_file_is_told(void **state) {
    struct fixture *f = *state;
    fill(f->store);
    _cleanup_buf_ struct buf data = BUF_INIT(64 << 20);
    read_data(f, &data);
    unsigned noticed = 0, n = 0;
    for (size_t len = data.len - PAGE; len > 40 * PAGE; len -= 7 * PAGE + 100, n++) {
        struct buf cut = {.data = data.data, .len = len};
        noticed += survives(f, &cut);
    }
    for (size_t len = 0; len < 3 * PAGE; len += PAGE / 2) {
        struct buf cut = {.data = data.data, .len = len};
        assert_true(survives(f, &cut));
    }
    assert_true(noticed > n / 2);
    assert_false(survives(f, &data));
}

static void damaged_pages_are_told(void **state) {
    struct fixture *f = *state;
    fill(f->store);
    _cleanup_buf_ struct buf data = BUF_INIT(64 << 20), copy = BUF_INIT(64 << 20);
    read_data(f, &data);
    uint64_t seed = 9;
    struct random_source random = random_seeded(&seed);
    unsigned noticed = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        buf_clear(&copy);
        assert_int_equal(buf_append(&copy, data.data, data.len), 0);
        size_t page = random_u64(&random) % (data.len / PAGE) * PAGE;
        size_t len = i % 3 == 0 ? PAGE : 1 + random_u64(&random) % 64; /* a page, or its head */
        random.fill(random.arg, copy.data + page, len);
        noticed += survives(f, &copy);
    }
    assert_true(noticed > ROUNDS / 10);
}

/* True if the commit of one record is refused with words. */
static bool is_refused(struct store *s) {
    struct error err = ERROR_INIT;
    struct store_op op = {"k07919", 6, "b", 1};
    struct store_change change = {.ops = &op, .n_ops = 1};
    return store_commit(s, &change, &err) == -EBADMSG &&
           strstr(err_text(&err), "restore the directory from a backup");
}

static struct store *open_then_cut(struct fixture *f) {
    struct store *s = NULL;
    return store_open_lmdb(f->path, NULL, &s) == 0 && truncate(data_path(f), 3 * PAGE) == 0 ? s
                                                                                            : NULL;
}

static enum outcome read_then_commit(struct fixture *f) {
    struct store *s = open_then_cut(f);
    return s && read_all(s) == -EBADMSG && is_refused(s) && read_all(s) == -EBADMSG ? NOTICED
                                                                                    : WRONG;
}

static enum outcome commit_first(struct fixture *f) {
    struct store *s = open_then_cut(f);
    return s && is_refused(s) ? NOTICED : WRONG;
}

static void cut_in_use(struct fixture *f, enum outcome (*use)(struct fixture *f)) {
    fill(f->store);
    store_free(TAKE_PTR(f->store));
    assert_int_equal(in_child(use, f), NOTICED);
}

/* While it is in use: readers and the next commit are refused, and so is all that follows. */
static void a_file_cut_in_use_is_told(void **state) {
    cut_in_use(*state, read_then_commit);
}

static void a_commit_into_a_cut_file_is_told(void **state) {
    cut_in_use(*state, commit_first);
}

#define LMDB(f) cmocka_unit_test_setup_teardown(f, setup_lmdb, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        LMDB(a_cut_file_is_told),
        LMDB(damaged_pages_are_told),
        LMDB(a_file_cut_in_use_is_told),
        LMDB(a_commit_into_a_cut_file_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
