/* SPDX-License-Identifier: MIT */

/* What only the store on disk can do: crash, full disk, damage, another process. */

#include "store-fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

/* The lock of a server that is about to end is waited for. */
static void test_lmdb_locked_for_a_moment(void **state) {
    struct fixture *f = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    store_free(TAKE_PTR(f->store));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *s = NULL;
        int r = store_open_lmdb(f->path, NULL, &s);
        if (write(fds[1], &r, sizeof(r)) != sizeof(r))
            _exit(1);
        (void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        _exit(0);
    }
    int r = -1, status = -1;
    assert_int_equal(read(fds[0], &r, sizeof(r)), sizeof(r));
    assert_int_equal(r, 0);
    assert_int_equal(store_open_lmdb(f->path, NULL, &f->store), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
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

/* The n-th write: a large value, and from the fifth on a pair torn from the others with it. */
static int put_large(struct store *s, unsigned n, struct error *err) {
    static char large[100000];
    char key[16];
    (void)snprintf(key, sizeof(key), "big%u", n);
    memset(large, 'a' + (int)(n % 26), sizeof(large));
    struct store_op ops[] = {{key, strlen(key), large, sizeof(large)}, op_put("p0", "torn")};
    return store_commit(s, &(struct store_change){.ops = ops, .n_ops = n < 5 ? 1 : 2}, err);
}

/* Writes more and more until one is refused. */
static bool fills_up(struct store *s) {
    _cleanup_error_ struct error err = ERROR_INIT;
    uint64_t revision = 0;
    int r = 0;
    for (unsigned i = 0; r == 0 && i < 200; i++) {
        revision = store_revision(s);
        r = put_large(s, i, &err);
        if (i >= 5 && r == 0 && put_pairs(s, 7 + i) < 0)
            return false;
    }
    return r == -ENOSPC && err.kind && strcmp(err.kind, "no_space") == 0 &&
           store_revision(s) == revision;
}

static bool has_pairs(struct store *s) {
    struct pairs p = scan_pairs(s);
    return !p.mixed && p.n == PAIRS;
}

/* Deleting must go on working, or nobody could make room. */
static bool makes_room(struct store *s) {
    return put(s, "big0", NULL) == 0 && put(s, "big1", NULL) == 0;
}

/* Fills the disk, then sees that all is as it was and usable. Exit code 0: fine, otherwise the step
   that was not. */
static int fill_disk(const char *path) {
    struct store *s = NULL;
    if (store_open_lmdb(path, NULL, &s) < 0 || put_pairs(s, 7) < 0)
        return 1;
    static bool (*const steps[])(struct store * s) = {fills_up, has_pairs, makes_room};
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        if (!steps[i](s))
            return 2 + (int)i;
    store_free(s);
    if (store_open_lmdb(path, NULL, &s) < 0)
        return 5;
    bool kept = has_pairs(s);
    store_free(s);
    return kept ? 0 : 6;
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
    assert_int_equal(store_commit(f->store, &(struct store_change){&c, 1, &op, 1}, NULL), -EBADMSG);
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

#define LMDB(f) cmocka_unit_test_setup_teardown(f, setup_lmdb, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        LMDB(test_lmdb_persists),
        LMDB(test_lmdb_locked),
        LMDB(test_lmdb_locked_for_a_moment),
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
