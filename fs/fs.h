/* SPDX-License-Identifier: MIT */
#ifndef FS_FS_H
#define FS_FS_H

/*
 * The file system: translates FUSE requests into the tables of view/ and writes into commands.
 *
 * Order of life: fs_new (mounts), fs_run (worker threads), fs_changed while the engine runs,
 * fs_stop (unmounts; requests that still wait are asked to end), then the engine is stopped, so
 * that every command has been answered, and last fs_free.
 *
 * Threads: fs_new, fs_run, fs_stop and fs_free on one thread; fs_changed on the engine's thread.
 */

#include "model/builder.h"
#include "view/gateway.h"

struct fs;
struct guard;

struct fs_options {
    const char *mountpoint; /* an existing directory */
    const char *source;     /* shown by mount(8) as the device; NULL: "cyclecloud" */
    const char
        *mount_options;  /* as after mount -o, NULL: none; what only mount(8) reads is ignored */
    mode_t root_mode;    /* permission bits of the root directory; 0: what the view says */
    gid_t root_gid;      /* its group, where root_mode is given */
    struct guard *guard; /* told of the mount, borrowed until fs_stop; NULL: none */
    bool fast_read;      /* the mount for fast reading: read-only, and nothing is sent at open */
    unsigned threads;    /* workers; 0: two for each processor, at least four */
    unsigned wedged_s;   /* a call to the kernel that takes longer is a wedge, which ends with the
                            connection; 0: 60 */
    /* Called once, by a worker, when the file system was unmounted from outside, or its connection
       was aborted while it was mounted. It must not call fs_stop itself. May be NULL. */
    void (*ended)(void *arg, bool aborted);
    void *ended_arg;
};

/*
 * Checks that a directory may carry the mount for fast reading beside the other one, before either
 * is mounted. 0; -ENOENT or another -errno of looking, -EINVAL when one of them would hide the
 * other, with words.
 */
int fs_check_fast_read(const char *mountpoint, const char *fast_read, struct error *err);

/*
 * Mounts. A mount that a crash left behind ("Transport endpoint is not connected") is detached
 * first. `gateway` is borrowed until fs_free. Returns 0, -EBUSY when a live cyclecloudfs is mounted
 * there, -ENOENT or -ENOTDIR for a bad mountpoint, -ENOTEMPTY for one of the mount for fast reading
 * that is not empty, -EINVAL for options that FUSE does not know,
 * -ENODEV without /dev/fuse, -ENOMEM, or -EIO; `err` says what to do.
 */
int fs_new(const struct fs_options *options, const struct gateway *gateway, struct error *err,
           struct fs **ret);

/* Starts the threads and returns once the kernel has begun to send requests; the caller's thread
   does not touch the mount. 0, -ETIMEDOUT, or another -errno, with words. */
int fs_run(struct fs *fs, struct error *err);

/* Ends the threads that serve requests and unmounts. Commands already given to the engine may still
   be answered afterwards. Stopping twice, or what never ran, does no harm. */
void fs_stop(struct fs *fs);

/* Releases everything. Every command must have been answered. Accepts NULL. */
void fs_free(struct fs *fs);
DEFINE_CLEANUP(struct fs, fs_free);

/* What a published build changed; NULL: everything. Queues and never blocks. */
void fs_changed(struct fs *fs, const struct change *changes, size_t n);

#endif
