/* SPDX-License-Identifier: MIT */
#include "fs.h"

#include "internal.h"

#include "base/log.h"
#include "cache.h"
#include "capture.h"
#include "fast.h"
#include "guard.h"
#include "notify.h"
#include "polls.h"
#include "shares.h"
#include "sleepers.h"
#include "texts.h"
#include "version.h"
#include "vnode.h"
#include "watchdog.h"
#include "workers.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/sysinfo.h>

#define STOP_WAIT_S 5

#define BEGIN_WAIT_S 10

void op_init(void *userdata, struct fuse_conn_info *conn) {
    struct fs *fs = userdata;
    const unsigned unwanted = FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ |
                              FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
                              FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_POSIX_ACL;
    const unsigned wanted =
        FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_PARALLEL_DIROPS;
    const unsigned ordinary = FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_EXPLICIT_INVAL_DATA;
    bool fast = fs->options.fast_read;
    conn->want &= ~(unwanted | ordinary);
    conn->want |= conn->capable & (fast ? wanted : wanted | ordinary);
    conn->time_gran = 1000;
    fs->opendir_optional = conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT;
    fs->open_optional = fast && conn->capable & FUSE_CAP_NO_OPEN_SUPPORT;
    (void)sem_post(&fs->begun);
}

/* Left out, so that the kernel decides alone or remembers that there is nothing: access, extended
   attributes, locks, ioctl, fallocate, lseek, copy_file_range. */
static const struct fuse_lowlevel_ops operations = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .statfs = op_statfs,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .fsyncdir = op_fsyncdir,
    .open = op_open,
    .read = op_read,
    .release = op_release,
    .write = op_write,
    .flush = op_flush,
    .fsync = op_fsync,
    .mkdir = op_mkdir,
    .rmdir = op_rmdir,
    .rename = op_rename,
    .create = op_create,
    .unlink = op_unlink,
    .symlink = op_symlink,
    .link = op_link,
    .mknod = op_mknod,
    .poll = op_poll,
};

static int copy_options(struct fs *fs, const struct fs_options *options) {
    fs->options = *options;
    fs->options.mountpoint = NULL;
    fs->options.source = NULL;
    fs->options.mount_options = NULL;
    fs->mountpoint = strdup(options->mountpoint);
    if (!fs->options.threads) {
        unsigned n = 2 * (unsigned)get_nprocs();
        fs->options.threads = n < 4 ? 4 : n;
    }
    return fs->mountpoint ? 0 : -ENOMEM;
}

static int make_parts(struct fs *fs) {
    int r = shares_new(&fs->shares);
    if (r == 0)
        r = texts_new(&fs->texts);
    if (r == 0)
        r = vnodes_new(fs->shares, &fs->vnodes);
    if (r == 0)
        r = cache_new(&fs->cache);
    if (r == 0 && fs->options.fast_read)
        r = versions_new(&fs->versions);
    if (r == 0 && fs->options.fast_read)
        r = sleepers_new(&fs->sleepers);
    if (r == 0)
        r = polls_new(&fs->polls);
    if (r == 0)
        r = notify_new(fs, &fs->notify);
    if (r == 0)
        r = answers_new(fs, &fs->answers);
    if (r == 0)
        r = workers_new(fs, fs->options.threads, &fs->workers);
    return r;
}

static int mount_now(struct fs *fs, struct error *err) {
    _cleanup_buf_ struct buf words = BUF_INIT(LIMIT_VALUE_BYTES);
    struct capture capture;
    capture_begin(&capture);
    fs->mounted = fuse_session_mount(fs->session, fs->mountpoint) == 0;
    capture_end(&capture, &words);
    if (!fs->mounted)
        return err_set(err, -EIO, "internal",
                       "%s: FUSE refused the mount (%s): run as root, or see that fusermount3 is "
                       "installed, that you may write to /dev/fuse, and that /etc/fuse.conf has "
                       "user_allow_other when -o allow_other is given",
                       fs->mountpoint, words.len ? words.data : "without a word");
    if (words.len)
        log_warning("mount: %s", words.data);
    return 0;
}

static int mount_session(struct fs *fs, const struct fs_options *options, struct error *err) {
    _cleanup_free_ char *text = NULL;
    int r = mount_options(options, &text);
    if (r < 0)
        return err_set(err, r, "no_memory", "%s: no memory for mounting", fs->mountpoint);
    char *argv[] = {(char *)"cyclecloudfs", (char *)"-o", text, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, argv);
    const struct fuse_lowlevel_ops *ops = options->fast_read ? fast_operations() : &operations;
    fs->session = fuse_session_new(&args, ops, sizeof(*ops), fs);
    fuse_opt_free_args(&args);
    if (!fs->session)
        return err_set(err, -EINVAL, "invalid_config",
                       "%s: the mount options \"%s\" are not all known: correct -o", fs->mountpoint,
                       options->mount_options ? options->mount_options : "");
    if (access("/dev/fuse", F_OK) < 0)
        return err_set(err, -ENODEV, "internal",
                       "/dev/fuse does not exist: load the kernel module with modprobe fuse");
    return mount_now(fs, err);
}

/* Where the notifier replays changes: on a mount that others may only read, past that. A user's
   mount is made read-only when it is mounted, and has no such way. 0 or -errno with words. */
static int find_own_path(struct fs *fs, struct error *err) {
    _cleanup_buf_ struct buf path = BUF_INIT(PATH_MAX);
    if (fs->options.fast_read && geteuid() != 0)
        return 0;
    if (fs->options.fast_read)
        fs->own_fd = mount_make_read_only(fs->mountpoint);
    if (fs->options.fast_read && fs->own_fd < 0)
        return err_set(err, fs->own_fd, "internal",
                       "%s: it cannot be made read-only: %s: mount without fast_read",
                       fs->mountpoint, strerror(-fs->own_fd));
    int r = fs->options.fast_read ? buf_printf(&path, "/proc/self/fd/%d", fs->own_fd)
                                  : buf_puts(&path, fs->mountpoint);
    fs->own_path = r == 0 ? buf_take(&path) : NULL;
    return fs->own_path ? 0 : err_set(err, -ENOMEM, "no_memory", "no memory for mounting");
}

/* The directory is there, and what it carries may be covered. */
static int prepare(const struct fs_options *options, struct error *err) {
    int r = mount_prepare(options->mountpoint, err);
    if (r == 0 && options->fast_read)
        r = mount_check_empty(options->mountpoint, err);
    return r;
}

int fs_new(const struct fs_options *options, const struct gateway *gateway, struct error *err,
           struct fs **ret) {
    int r = prepare(options, err);
    if (r < 0)
        return r;
    _cleanup_(fs_freep) struct fs *fs = calloc(1, sizeof(*fs));
    if (!fs)
        return err_set(err, -ENOMEM, "no_memory", "no memory for the file system");
    fs->own_fd = -1;
    (void)sem_init(&fs->begun, 0, 0);
    (void)pthread_mutex_init(&fs->lock, NULL);
    list_init(&fs->handles);
    list_init(&fs->parked);
    list_init(&fs->spare);
    fs->gateway = gateway;
    r = copy_options(fs, options);
    if (r == 0)
        r = make_parts(fs);
    if (r < 0)
        return err_set(err, r, "no_memory", "no memory for the file system");
    r = mount_session(fs, options, err);
    if (r == 0)
        r = find_own_path(fs, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(fs);
    return 0;
}

/* The file system was unmounted or aborted: the first worker that sees it tells. */
static bool still_mounted(const struct fs *fs) {
    dev_t device;
    return mount_device(fs->mountpoint, &device) == 0 && device == fs->device;
}

void fs_end(struct fs *fs) {
    fuse_session_exit(fs->session);
    if (atomic_exchange(&fs->ended, true) || atomic_load(&fs->stopping))
        return;
    bool aborted = still_mounted(fs);
    if (aborted && fs->options.fast_read) /* the server goes on without it */
        (void)mount_detach_dead(fs->mountpoint);
    if (fs->options.ended)
        fs->options.ended(fs->options.ended_arg, aborted);
}

/* Waits for INIT. 0 or -ETIMEDOUT. */
static int wait_for_kernel(struct fs *fs) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += BEGIN_WAIT_S;
    int r;
    while ((r = sem_timedwait(&fs->begun, &until)) < 0 && errno == EINTR)
        ;
    return r < 0 ? -errno : 0;
}

int fs_run(struct fs *fs, struct error *err) {
    int r = mount_device(fs->mountpoint, &fs->device);
    if (r == 0 && fs->options.guard)
        r = guard_add(fs->options.guard, fs->device, fs->mountpoint);
    if (r == 0)
        r = workers_start(fs->workers);
    if (r == 0)
        r = wait_for_kernel(fs);
    if (r == 0)
        r = notify_run(fs->notify);
    if (r == 0)
        r = watchdog_new(fs, &fs->watchdog);
    if (r < 0)
        return err_set(err, r, "internal", "%s: it was mounted but cannot be served: %s",
                       fs->mountpoint, strerror(-r));
    return 0;
}

void fs_leave_own_mount(struct fs *fs) {
    free(TAKE_PTR(fs->own_path));
    if (fs->own_fd >= 0)
        (void)close(fs->own_fd);
    fs->own_fd = -1;
}

void fs_stop(struct fs *fs) {
    if (!fs || atomic_exchange(&fs->stopping, true))
        return;
    notify_stop(fs->notify);
    fs_leave_own_mount(fs);
    watchdog_free(TAKE_PTR(fs->watchdog));
    fuse_session_exit(fs->session);
    workers_stop(fs->workers);
    request_cancel_all(fs);
    /* What it writes must not go to a descriptor that is closed, or another's by then. */
    if (fs->mounted && !answers_drain(fs->answers, STOP_WAIT_S)) {
        log_warning("an answer hangs in the kernel; aborting the connection");
        (void)mount_abort(fs->device);
        (void)answers_drain(fs->answers, STOP_WAIT_S);
    }
    if (fs->mounted)
        fuse_session_unmount(fs->session);
    if (fs->mounted && still_mounted(fs)) /* libfuse leaves it when the connection was aborted */
        (void)mount_detach_dead(fs->mountpoint);
    fs->mounted = false;
    if (fs->options.guard)
        (void)guard_remove(fs->options.guard, fs->device);
}

void fs_free(struct fs *fs) {
    if (!fs)
        return;
    if (fs->session)
        fs_stop(fs);
    workers_free(fs->workers);
    answers_free(fs->answers);
    while (!list_empty(&fs->handles))
        handle_unref(list_entry(fs->handles.next, struct handle, link));
    handle_free_spare(fs);
    if (fs->session)
        fuse_session_destroy(fs->session);
    notify_free(fs->notify);
    polls_free(fs->polls);
    cache_free(fs->cache);
    sleepers_free(fs, fs->sleepers);
    versions_free(fs->versions);
    vnodes_free(fs->vnodes);
    texts_free(fs->texts);
    shares_free(fs->shares);
    (void)pthread_mutex_destroy(&fs->lock);
    (void)sem_destroy(&fs->begun);
    fs_leave_own_mount(fs);
    free(fs->mountpoint);
    free(fs);
}

void fs_changed(struct fs *fs, const struct change *changes, size_t n) {
    cache_announce(fs->cache);
    notify_changed(fs->notify, changes, n);
}
