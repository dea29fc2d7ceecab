/* SPDX-License-Identifier: MIT */

/*
 * The store on LMDB (https://www.symas.com/lmdb): one database file, read through a memory map,
 * written with pwrite and fdatasync. Keys of users are kept behind the letter 'd'; "mstore" holds
 * the revision and, in its frame, the version of the format.
 *
 * The file may be cut or damaged, also while it is in use. All that LMDB does with it happens in
 * guarded steps (fault-guard.h); a step that was left, by a signal or by a failed assertion of
 * LMDB, ends the use of the environment: from then on everything is -EBADMSG, until a restart.
 */

#include "fault-guard.h"
#include "frame.h"
#include "keys.h"

#include "base/file.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

/* Address space, not disk: the file is as large as what is in it. */
#define MAP_BYTES ((size_t)64 << 30)
#define MAX_READERS 512
/* An I/O error with less than this free is taken for a full disk: LMDB calls a short write EIO. */
#define FREE_BYTES_NEEDED ((uint64_t)1 << 20)
#define META_KEY "mstore"
#define META_LEN 8
#define DATA_LETTER 'd'
#define LOCK_TRIES 50 /* one second */
#define LOCK_PAUSE_NS 20000000

struct lmdb_store {
    struct store store;
    MDB_env *env;
    MDB_dbi dbi;
    int lock_fd;
    char *path;
    _Atomic uint64_t revision;
    atomic_bool damaged; /* nothing of `env` may be used */
    store_watch watch;
    void *watch_arg;
};

/* A user's key behind its letter. */
struct full_key {
    unsigned char data[STORE_KEY_MAX + 2];
    size_t len;
};

static struct full_key full_key(const void *key, size_t len) {
    struct full_key k = {.len = len + 1};
    k.data[0] = DATA_LETTER;
    if (len)
        memcpy(k.data + 1, key, len);
    return k;
}

static MDB_val key_value(struct full_key *k) {
    return (MDB_val){k->len, k->data};
}

static const struct {
    int code, errnum;
} codes[] = {
    {MDB_NOTFOUND, ENOENT},    {MDB_MAP_FULL, ENOSPC},   {MDB_TXN_FULL, ENOSPC},
    {EDQUOT, ENOSPC},          {EFBIG, ENOSPC},          {MDB_VERSION_MISMATCH, EPROTO},
    {MDB_INVALID, EBADMSG},    {MDB_CORRUPTED, EBADMSG}, {MDB_PAGE_NOTFOUND, EBADMSG},
    {MDB_READERS_FULL, EBUSY},
};

static bool disk_is_full(const struct lmdb_store *s) {
    struct statvfs v;
    return statvfs(s->path, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize < FREE_BYTES_NEEDED;
}

/* Is the file as large as this process may make one (RLIMIT_FSIZE)? */
static bool file_is_full(const struct lmdb_store *s) {
    struct rlimit limit;
    struct stat st;
    mdb_filehandle_t fd;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           mdb_env_get_fd(s->env, &fd) == 0 && fstat(fd, &st) == 0 &&
           (uint64_t)st.st_size + FREE_BYTES_NEEDED > limit.rlim_cur;
}

/* The negative errno for a code of LMDB. */
static int code_errno(const struct lmdb_store *s, int code) {
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (codes[i].code == code)
            return -codes[i].errnum;
    if (code <= 0)
        return code ? -EIO : 0;
    bool full = code == EIO && s->env && (disk_is_full(s) || file_is_full(s));
    return full ? -ENOSPC : -code;
}

/* Puts a failure into words. Returns the negative errno. */
static int refuse(const struct lmdb_store *s, int code, struct error *err) {
    int r = code_errno(s, code);
    if (code == MDB_MAP_FULL || code == MDB_TXN_FULL)
        return err_set(err, r, "no_space",
                       "the state in %s is full (%zu GiB): remove clusters that are not needed",
                       s->path, MAP_BYTES >> 30);
    if (r == -ENOSPC)
        return err_set(err, r, "no_space", "the disk of %s is full: make room there", s->path);
    if (r == -EPROTO)
        return err_set(err, r, "store",
                       "the state in %s was written by a newer version: use that version", s->path);
    if (r == -EBADMSG)
        return err_set(err, r, "store",
                       "the state in %s is damaged (%s): restore the directory from a backup",
                       s->path, mdb_strerror(code));
    if (code == MDB_PANIC)
        return err_set(err, r, "store",
                       "the state in %s cannot be written after an error of its disk: look at the "
                       "disk, then restart the server",
                       s->path);
    return err_set(err, r, "store", "the state in %s cannot be used: %s", s->path,
                   mdb_strerror(code));
}

/* A guarded step; it returns 0 or more, or -errno. */
static int guarded(struct lmdb_store *s, int (*step)(void *arg), void *arg) {
    int r = atomic_load(&s->damaged) ? -EFAULT : fault_guard_run(step, arg);
    if (r != -EFAULT)
        return r;
    atomic_store(&s->damaged, true);
    return -EBADMSG;
}

/* LMDB would abort the process after this. */
static void on_assertion(MDB_env *env, const char *message) {
    (void)env;
    (void)message;
    fault_guard_leave();
}

static void txn_abortp(MDB_txn **t) {
    if (*t)
        mdb_txn_abort(*t);
}

#define _cleanup_txn_ _cleanup_(txn_abortp)

/* A look at the store: of one key, or from key to key. */
struct look {
    struct lmdb_store *s;
    MDB_txn *txn;
    MDB_cursor *cursor;
    const struct store_range *range;
    MDB_val key, value;
    struct frame_value found;
    struct buf *copy;
};

/* The transaction only reads: ending it looks at nothing in the file. */
static void look_done(struct look *l) {
    if (l->cursor)
        mdb_cursor_close(l->cursor);
    if (l->txn)
        mdb_txn_abort(l->txn);
}

static int step_get(void *arg) {
    struct look *l = arg;
    const unsigned char *key = l->key.mv_data;
    int code = mdb_txn_begin(l->s->env, NULL, MDB_RDONLY, &l->txn);
    if (code == 0)
        code = mdb_get(l->txn, l->s->dbi, &l->key, &l->value);
    if (code != 0)
        return code_errno(l->s, code);
    int r = frame_read(l->value.mv_data, l->value.mv_size, key + 1, l->key.mv_size - 1, &l->found);
    return r < 0 ? r : buf_append(l->copy, l->found.data, l->found.len);
}

static int lmdb_get(struct store *store, const void *key, size_t key_len, struct buf *value) {
    struct lmdb_store *s = (struct lmdb_store *)store;
    if (key_len > STORE_KEY_MAX)
        return -ENOENT;
    struct full_key full = full_key(key, key_len);
    _cleanup_(look_done) struct look l = {.s = s, .key = key_value(&full), .copy = value};
    return guarded(s, step_get, &l);
}

/* Moves to the last key that is less than `key`. */
static int seek_before(MDB_cursor *cursor, MDB_val *key, MDB_val *value) {
    int code = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (code == MDB_NOTFOUND)
        return mdb_cursor_get(cursor, key, value, MDB_LAST);
    return code ? code : mdb_cursor_get(cursor, key, value, MDB_PREV);
}

/* The smallest key behind all that begin with this one; the letter makes sure that there is one. */
static void key_successor(struct full_key *k) {
    while (k->data[k->len - 1] == 0xff)
        k->len--;
    k->data[k->len - 1]++;
}

static int seek(MDB_cursor *cursor, const struct store_range *range, MDB_val *key, MDB_val *value) {
    struct range_start start = range_start(range);
    if (start.empty || start.len > STORE_KEY_MAX || range->prefix_len > STORE_KEY_MAX)
        return MDB_NOTFOUND;
    struct full_key full =
        start.at_end ? full_key(range->prefix, range->prefix_len) : full_key(start.key, start.len);
    if (start.at_end)
        key_successor(&full);
    else if (range->reverse)
        full.data[full.len++] = 0; /* the next key there can be: what is before it is not greater */
    *key = key_value(&full);
    if (range->reverse)
        return seek_before(cursor, key, value);
    return mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
}

static bool in_range(const struct store_range *range, const MDB_val *key) {
    const char *data = key->mv_data;
    return key->mv_size >= 1 && data[0] == DATA_LETTER &&
           key_begins(data + 1, key->mv_size - 1, range->prefix, range->prefix_len);
}

/* The value at the cursor. 1, 0 (the range is over), -EBADMSG or -EPROTO. */
static int look_at(struct look *l, int code) {
    if (code == MDB_NOTFOUND || (code == 0 && !in_range(l->range, &l->key)))
        return 0;
    if (code != 0)
        return code_errno(l->s, code);
    const char *key = (const char *)l->key.mv_data + 1;
    int r = frame_read(l->value.mv_data, l->value.mv_size, key, l->key.mv_size - 1, &l->found);
    return r < 0 ? r : 1;
}

static int step_first(void *arg) {
    struct look *l = arg;
    int code = mdb_txn_begin(l->s->env, NULL, MDB_RDONLY, &l->txn);
    if (code == 0)
        code = mdb_cursor_open(l->txn, l->s->dbi, &l->cursor);
    if (code == 0)
        code = seek(l->cursor, l->range, &l->key, &l->value);
    return look_at(l, code);
}

static int step_next(void *arg) {
    struct look *l = arg;
    return look_at(
        l, mdb_cursor_get(l->cursor, &l->key, &l->value, l->range->reverse ? MDB_PREV : MDB_NEXT));
}

static int lmdb_scan(struct store *store, const struct store_range *range, store_visit visit,
                     void *arg) {
    struct lmdb_store *s = (struct lmdb_store *)store;
    _cleanup_(look_done) struct look l = {.s = s, .range = range};
    int there = guarded(s, step_first, &l), r = 0;
    while (there == 1 && r == 0) {
        r = visit(arg, (const char *)l.key.mv_data + 1, l.key.mv_size - 1, l.found.data,
                  l.found.len);
        if (r == 0)
            there = guarded(s, step_next, &l);
    }
    return there < 0 ? there : r;
}

/* Does the key have this value? NULL: is it absent? 1 yes, 0 no, or a negative errno. */
static int has_value(const struct lmdb_store *s, MDB_txn *txn, const struct store_op *want) {
    struct full_key full = full_key(want->key, want->key_len);
    MDB_val k = key_value(&full), v;
    int code = mdb_get(txn, s->dbi, &k, &v);
    if (code == MDB_NOTFOUND)
        return want->value == NULL;
    if (code != 0)
        return code_errno(s, code);
    if (!want->value)
        return 0;
    struct frame_value found;
    int r = frame_read(v.mv_data, v.mv_size, want->key, want->key_len, &found);
    if (r < 0)
        return r;
    return found.len == want->value_len &&
           (found.len == 0 || memcmp(found.data, want->value, found.len) == 0);
}

static int check_compares(const struct lmdb_store *s, MDB_txn *txn,
                          const struct store_compare *compares, size_t n, struct error *err) {
    for (size_t i = 0; i < n; i++) {
        const struct store_compare *c = &compares[i];
        struct store_op want = {c->key, c->key_len, c->value, c->value_len};
        int r = has_value(s, txn, &want);
        if (r < 0)
            return err_set(err, r, "store", "a record in %s is damaged", s->path);
        if (r == 0)
            return store_changed(err);
    }
    return 0;
}

/* Returns a code of LMDB. */
static int put(const struct lmdb_store *s, MDB_txn *txn, const struct store_op *op) {
    struct full_key full = full_key(op->key, op->key_len);
    MDB_val k = key_value(&full), v = {FRAME_HEADER + op->value_len, NULL};
    if (!op->value)
        return mdb_del(txn, s->dbi, &k, NULL);
    int code = mdb_put(txn, s->dbi, &k, &v, MDB_RESERVE);
    if (code == 0)
        frame_write(v.mv_data, op->key, op->key_len, op->value, op->value_len);
    return code;
}

/* Applies what changes something. Returns a code of LMDB. A damaged old value may be replaced. */
static int put_all(const struct lmdb_store *s, MDB_txn *txn, const struct store_op *ops, size_t n,
                   bool *ret_changed) {
    bool changed = false;
    for (size_t i = 0; i < n; i++) {
        if (has_value(s, txn, &ops[i]) == 1)
            continue;
        int code = put(s, txn, &ops[i]);
        if (code != 0)
            return code;
        changed = true;
    }
    *ret_changed = changed;
    return 0;
}

static int put_revision(const struct lmdb_store *s, MDB_txn *txn, uint64_t revision) {
    unsigned char value[META_LEN], frame[FRAME_HEADER + META_LEN];
    for (unsigned i = 0; i < META_LEN; i++)
        value[i] = (unsigned char)(revision >> (8 * i));
    frame_write(frame, META_KEY, strlen(META_KEY), value, sizeof(value));
    MDB_val k = {strlen(META_KEY), (void *)(uintptr_t)META_KEY}, v = {sizeof(frame), frame};
    return mdb_put(txn, s->dbi, &k, &v, 0);
}

struct committing {
    struct lmdb_store *s;
    const struct store_change *change;
    struct error *err;
    uint64_t revision;
};

/* 1: it is on the disk; 0: it would change nothing; or -errno with words. */
static int step_commit(void *arg) {
    struct committing *w = arg;
    struct lmdb_store *s = w->s;
    const struct store_change *c = w->change;
    _cleanup_txn_ MDB_txn *txn = NULL;
    int code = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (code != 0)
        return refuse(s, code, w->err);
    int r = check_compares(s, txn, c->compares, c->n_compares, w->err);
    if (r < 0)
        return r;
    bool changed = false;
    code = put_all(s, txn, c->ops, c->n_ops, &changed);
    if (code == 0 && !changed)
        return 0;
    if (code == 0)
        code = put_revision(s, txn, w->revision);
    if (code == 0)
        code = mdb_txn_commit(TAKE_PTR(txn)); /* frees it, failed or not */
    return code ? refuse(s, code, w->err) : 1;
}

static int lmdb_commit(struct store *store, const struct store_change *c, struct error *err) {
    struct lmdb_store *s = (struct lmdb_store *)store;
    int r = store_check(c, err);
    if (r < 0)
        return r;
    struct committing w = {s, c, err, atomic_load(&s->revision) + 1};
    r = guarded(s, step_commit, &w);
    if (atomic_load(&s->damaged))
        return refuse(s, MDB_CORRUPTED, err);
    if (r <= 0)
        return r;
    atomic_store(&s->revision, w.revision);
    if (s->watch)
        s->watch(s->watch_arg, w.revision, c->ops, c->n_ops);
    return 0;
}

static uint64_t lmdb_revision(struct store *store) {
    return atomic_load(&((struct lmdb_store *)store)->revision);
}

static void lmdb_watch(struct store *store, store_watch watch, void *arg) {
    struct lmdb_store *s = (struct lmdb_store *)store;
    s->watch = watch;
    s->watch_arg = arg;
}

/* The lock goes last: until then nobody else may open the environment. */
static void lmdb_free(struct store *store) {
    struct lmdb_store *s = (struct lmdb_store *)store;
    if (s->env)
        mdb_env_close(s->env);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    free(s->path);
    free(s);
}

static const struct store_ops lmdb_ops = {
    .get = lmdb_get,
    .scan = lmdb_scan,
    .commit = lmdb_commit,
    .revision = lmdb_revision,
    .watch = lmdb_watch,
    .free = lmdb_free,
};

/* Who has the lock, as the lock file says. */
static int refuse_busy(const struct lmdb_store *s, struct error *err) {
    char text[32];
    ssize_t n = pread(s->lock_fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return err_set(err, -EBUSY, "busy",
                   "the state in %s is in use by process %s: stop that server, or give this one a "
                   "directory of its own",
                   s->path, *text ? text_trim(text) : "(unknown)");
}

/* A server that was killed has its lock until the last of its threads is gone, a moment after its
   pid no longer runs: who starts the next one at once is not refused for that. 0 or -errno. */
static int lock_file(int fd) {
    for (unsigned tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        if (errno != EWOULDBLOCK || tries == LOCK_TRIES)
            return -errno;
        (void)nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
    }
    return 0;
}

/* Takes the lock and writes our pid into its file. */
static int take_lock(struct lmdb_store *s, struct error *err) {
    _cleanup_free_ char *path = NULL;
    char pid[32];
    if (asprintf(&path, "%s/owner", s->path) < 0) {
        path = NULL;
        return refuse(s, ENOMEM, err);
    }
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0)
        return refuse(s, errno, err);
    int r = lock_file(s->lock_fd);
    if (r < 0)
        return r == -EWOULDBLOCK ? refuse_busy(s, err) : refuse(s, -r, err);
    int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(s->lock_fd, 0) < 0 || pwrite(s->lock_fd, pid, (size_t)len, 0) != len)
        return refuse(s, errno == 0 ? ENOSPC : errno, err);
    return 0;
}

/* Returns a code of LMDB. */
static int open_env(struct lmdb_store *s) {
    MDB_txn *txn = NULL;
    int code = mdb_env_create(&s->env);
    if (code == 0)
        code = mdb_env_set_assert(s->env, on_assertion);
    if (code == 0)
        code = mdb_env_set_mapsize(s->env, MAP_BYTES);
    if (code == 0)
        code = mdb_env_set_maxreaders(s->env, MAX_READERS);
    if (code == 0)
        code = mdb_env_open(s->env, s->path, MDB_NOTLS, 0600);
    if (code == 0)
        code = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (code != 0)
        return code;
    code = mdb_dbi_open(txn, NULL, 0, &s->dbi);
    if (code == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

/* Reads the revision; a store without one is new and gets revision 0. */
static int read_revision(struct lmdb_store *s, struct error *err) {
    _cleanup_txn_ MDB_txn *txn = NULL;
    MDB_val k = {strlen(META_KEY), (void *)(uintptr_t)META_KEY}, v;
    int code = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (code == 0)
        code = mdb_get(txn, s->dbi, &k, &v);
    if (code == MDB_NOTFOUND) {
        code = put_revision(s, txn, 0);
        if (code == 0)
            code = mdb_txn_commit(TAKE_PTR(txn));
        return code ? refuse(s, code, err) : 0;
    }
    if (code != 0)
        return refuse(s, code, err);
    struct frame_value found;
    int r = frame_read(v.mv_data, v.mv_size, META_KEY, strlen(META_KEY), &found);
    if (r == -EPROTO)
        return refuse(s, MDB_VERSION_MISMATCH, err);
    if (r < 0 || found.len != META_LEN)
        return refuse(s, MDB_CORRUPTED, err);
    uint64_t revision = 0;
    for (unsigned i = 0; i < META_LEN; i++)
        revision |= (uint64_t)((const unsigned char *)found.data)[i] << (8 * i);
    atomic_store(&s->revision, revision);
    return 0;
}

/* LMDB would begin a new, empty state in an empty file. */
static int refuse_empty(const struct lmdb_store *s, struct error *err) {
    _cleanup_free_ char *path = NULL;
    struct stat st;
    if (asprintf(&path, "%s/data.mdb", s->path) < 0) {
        path = NULL;
        return refuse(s, ENOMEM, err);
    }
    if (stat(path, &st) < 0 || st.st_size > 0)
        return 0;
    return err_set(err, -EBADMSG, "store",
                   "the state in %s is damaged (data.mdb is empty): restore the directory from a "
                   "backup, or remove that file to begin with an empty state",
                   s->path);
}

struct opening {
    struct lmdb_store *s;
    struct error *err;
};

static int step_open(void *arg) {
    struct opening *o = arg;
    int code = open_env(o->s);
    return code ? refuse(o->s, code, o->err) : read_revision(o->s, o->err);
}

/* 0 or -errno with words. */
static int open_guarded(struct lmdb_store *s, struct error *err) {
    struct opening o = {s, err};
    int r = fault_guard_install();
    if (r < 0)
        return refuse(s, -r, err);
    r = guarded(s, step_open, &o);
    return atomic_load(&s->damaged) ? refuse(s, MDB_CORRUPTED, err) : r;
}

int store_open_lmdb(const char *path, struct error *err, struct store **ret) {
    struct lmdb_store *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, -ENOMEM, "no_memory", "the state in %s: out of memory", path);
    s->store.ops = &lmdb_ops;
    s->lock_fd = -1;
    _cleanup_(store_freep) struct store *store = &s->store;
    s->path = strdup(path);
    if (!s->path)
        return err_set(err, -ENOMEM, "no_memory", "the state in %s: out of memory", path);
    int r = file_make_dirs(path, 0700);
    if (r < 0)
        return refuse(s, -r, err);
    r = take_lock(s, err);
    if (r < 0)
        return r;
    r = refuse_empty(s, err);
    if (r == 0)
        r = open_guarded(s, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(store);
    return 0;
}
