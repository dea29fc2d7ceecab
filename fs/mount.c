/* SPDX-License-Identifier: MIT */
/* Mounting: options, mounts that a crash left behind, and the end of a wedged connection. */
#include "internal.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define MOUNTINFO "/proc/self/mountinfo"
#define MOUNTINFO_BYTES ((size_t)8 << 20)
#define FS_TYPE "fuse.cyclecloudfs"
#define STACKED_MAX 16
#define PROBE_S 2
#define FUSECTL "/sys/fs/fuse/connections"

extern char **environ;

/* "\040" in mountinfo is a blank (proc(5)). Decodes in place. */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from;) {
        int value = 0;
        if (from[0] == '\\' && from[1] && from[2] && from[3]) {
            value = (from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0');
            from += 4;
        }
        *to++ = value ? (char)value : *from++;
    }
    *to = '\0';
}

/* When this line of mountinfo is a cyclecloudfs on `path`, its device; 0 otherwise:
   "36 35 98:0 /root MOUNTPOINT options [optional fields] - TYPE source super-options". */
static dev_t device_of_line(char *line, const char *path) {
    char *type = strstr(line, " - ");
    if (!type)
        return 0;
    *type = '\0';
    type += 3;
    char *rest = NULL, *fields[5] = {NULL};
    char *from = line;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++, from = NULL)
        fields[i] = strtok_r(from, " ", &rest);
    unsigned major = 0, minor = 0;
    size_t len = strlen(FS_TYPE);
    if (!fields[4] || sscanf(fields[2], "%u:%u", &major, &minor) != 2)
        return 0;
    unescape(fields[4]);
    bool ours =
        strcmp(fields[4], path) == 0 && strncmp(type, FS_TYPE, len) == 0 && type[len] == ' ';
    return ours ? makedev(major, minor) : 0;
}

/* The device of the uppermost cyclecloudfs on `path`, without touching the mount; 0: there is none.
 */
static dev_t mounted_device(const char *path) {
    _cleanup_buf_ struct buf text = BUF_INIT(MOUNTINFO_BYTES);
    if (file_read(MOUNTINFO, &text) < 0)
        return 0;
    dev_t device = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        dev_t found = device_of_line(line, path);
        device = found ? found : device;
    }
    return device;
}

/* Detaches through the setuid helper, where umount2 is not allowed. */
static int detach_with_helper(const char *path) {
    char *argv[] = {(char *)"fusermount3", (char *)"-uzq", (char *)path, NULL};
    pid_t pid;
    int r = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
    if (r)
        return -r;
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static bool is_dead(int fd) {
    struct statfs fs;
    return fstatfs(fd, &fs) < 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

int mount_detach_dead(const char *path) {
    /* Through the descriptor, so that no mount which came in between is hit. */
    _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
    _cleanup_buf_ struct buf exact = BUF_INIT(64);
    if (fd < 0 || !is_dead(fd))
        return 0;
    int r = buf_printf(&exact, "/proc/self/fd/%d", fd);
    if (r < 0)
        return r;
    if (umount2(exact.data, MNT_DETACH) == 0 || errno == EINVAL) /* somebody else was quicker */
        return 0;
    return errno == EPERM ? detach_with_helper(path) : -errno;
}

/*
 * Asks the file system at `path` something that the kernel never answers from a cache. 0: it
 * answers; -ETIMEDOUT: it does not; else -errno. In a process of its own, because a request to a
 * wedged mount cannot be given up otherwise.
 */
static int probe(const char *path) {
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        struct statfs fs;
        sigset_t none;
        (void)sigemptyset(&none);
        (void)signal(SIGALRM, SIG_DFL);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)alarm(PROBE_S);
        _exit(statfs(path, &fs) < 0 ? errno : 0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -ETIMEDOUT;
}

static int refuse_silent(const char *path, struct error *err) {
    return err_set(err, -EBUSY, "busy",
                   "%s: the server that is mounted there does not answer: if its process is gone, "
                   "run umount -fl %s, otherwise stop it",
                   path, path);
}

static int refuse_live(const char *path, struct error *err) {
    return err_set(err, -EBUSY, "busy",
                   "%s: a cyclecloudfs is mounted there already: stop that server, or use another "
                   "mountpoint",
                   path);
}

static int check_directory(const char *path, struct error *err) {
    struct stat st;
    if (stat(path, &st) < 0)
        return err_set(err, -errno, "not_found", "%s: %s: make the directory first, with mkdir -p",
                       path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(err, -ENOTDIR, "invalid_value",
                       "%s: it is not a directory: choose a directory to mount on", path);
    return 0;
}

/* Takes the uppermost mount away if it is dead. 1 when there is none, 0 to look again, or -errno.
 */
static int clear_one(const char *path, struct error *err) {
    dev_t device = mounted_device(path);
    if (!device)
        return 1;
    int r = probe(path);
    if (mounted_device(path) != device)
        return 0; /* a guard took it away meanwhile: something else has answered */
    if (r == -ETIMEDOUT)
        return refuse_silent(path, err);
    if (r != -ENOTCONN && r != -ECONNABORTED)
        return refuse_live(path, err);
    r = mount_detach_dead(path);
    if (r < 0)
        return err_set(err, r, "busy",
                       "%s: the mount of a server that died is still there and cannot be removed "
                       "(%s): run fusermount3 -uz %s",
                       path, strerror(-r), path);
    return 0;
}

int mount_prepare(const char *mountpoint, struct error *err) {
    _cleanup_free_ char *path = realpath(mountpoint, NULL); /* does not touch a dead mount */
    if (!path)
        return err_set(err, -errno, "not_found", "%s: %s: make the directory first, with mkdir -p",
                       mountpoint, strerror(errno));
    int r = 0;
    for (int i = 0; i < STACKED_MAX && r == 0; i++)
        r = clear_one(path, err);
    return r < 0 ? r : check_directory(path, err);
}

int mount_device(const char *mountpoint, dev_t *ret) {
    _cleanup_free_ char *path = realpath(mountpoint, NULL);
    if (!path)
        return -errno;
    dev_t device = mounted_device(path);
    if (!device)
        return -ENOENT;
    *ret = device;
    return 0;
}

/* Words of mount(8) and fstab(5) that mean nothing to FUSE. */
static bool option_is_mounts_own(const char *option) {
    static const char *const words[] = {
        "_netdev",
        "nofail",
        "noauto",
        "auto",
        "user",
        "nouser",
        "users",
        "owner",
        "group",
        "rw",
        "dev",
        "suid",
        "nosuid",
        "nodev",
        "defaults",
        "allow_other",
        "default_permissions",
        "auto_unmount",
    };
    static const char *const beginnings[] = {"x-", "comment=", "fsname=", "subtype="};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(option, words[i]) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
        if (strncmp(option, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

/* A comma would end the option: it is escaped as libfuse wants. */
static void put_source(struct buf *b, const char *source) {
    for (const char *p = source; *p; p++)
        (void)buf_printf(b, *p == ',' || *p == '\\' ? "\\%c" : "%c", *p);
}

/* The mount for fast reading is made read-only in its own way: by root after the mount. */
static bool option_is_ours(const struct fs_options *options, const char *option) {
    return options->fast_read && strcmp(option, "ro") == 0;
}

static void put_read_only(struct buf *b, const struct fs_options *options) {
    if (options->fast_read && geteuid() != 0)
        (void)buf_puts(b, "ro,");
}

int mount_options(const struct fs_options *options, char **ret) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    _cleanup_free_ char *given = strdup(options->mount_options ? options->mount_options : "");
    if (!given)
        return -ENOMEM;
    bool others = geteuid() == 0;
    char *rest = NULL;
    for (char *o = strtok_r(given, ",", &rest); o; o = strtok_r(NULL, ",", &rest)) {
        others = others || strcmp(o, "allow_other") == 0;
        if (!option_is_mounts_own(o) && !option_is_ours(options, o))
            (void)buf_printf(&b, "%s,", o);
    }
    put_read_only(&b, options);
    (void)buf_puts(&b, "default_permissions,nosuid,nodev,subtype=cyclecloudfs,fsname=");
    put_source(&b, options->source ? options->source : "cyclecloud");
    if (others)
        (void)buf_puts(&b, ",allow_other");
    if (buf_error(&b) < 0)
        return buf_error(&b);
    *ret = buf_take(&b);
    return *ret ? 0 : -ENOMEM;
}

int mount_make_read_only(const char *path) {
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    _cleanup_close_ int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0 || mount_setattr(AT_FDCWD, path, 0, &attr, sizeof(attr)) < 0)
        return -errno;
    return TAKE_FD(fd);
}

int mount_check_empty(const char *path, struct error *err) {
    DIR *dir = opendir(path);
    if (!dir)
        return err_set(err, -errno, "not_found", "%s: %s: choose another directory", path,
                       strerror(errno));
    size_t n = 0;
    for (const struct dirent *d; n == 0 && (d = readdir(dir));)
        n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    (void)closedir(dir);
    if (n == 0)
        return 0;
    return err_set(err, -ENOTEMPTY, "invalid_value",
                   "%s: the directory is not empty, and the mount would hide what is in it: choose "
                   "an empty one for fast_read",
                   path);
}

/* True when `path` is `dir` or below it. */
static bool is_within(const char *path, const char *dir) {
    size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

int fs_check_fast_read(const char *mountpoint, const char *fast_read, struct error *err) {
    _cleanup_free_ char *main_path = realpath(mountpoint, NULL);
    _cleanup_free_ char *path = main_path ? realpath(fast_read, NULL) : NULL;
    if (!path)
        return err_set(err, -errno, "not_found", "%s: %s: make the directory first, with mkdir -p",
                       main_path ? fast_read : mountpoint, strerror(errno));
    if (strcmp(path, main_path) == 0)
        return err_kind(err, "invalid_value",
                        "fast_read is %s, which is the mount point itself: give it a directory of "
                        "its own",
                        fast_read);
    if (!is_within(path, main_path) && !is_within(main_path, path))
        return 0;
    bool inside = is_within(path, main_path);
    return err_kind(err, "invalid_value",
                    "fast_read is %s, %s the mount point %s, and one mount would hide the other: "
                    "give it a directory beside that",
                    fast_read, inside ? "inside" : "above", mountpoint);
}

int mount_open_abort(dev_t device) {
    _cleanup_buf_ struct buf path = BUF_INIT(128);
    int r = buf_printf(&path, FUSECTL "/%u/abort", minor(device));
    if (r < 0)
        return r;
    int fd = open(path.data, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && mount("none", FUSECTL, "fusectl", 0, NULL) == 0)
        fd = open(path.data, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int mount_abort(dev_t device) {
    _cleanup_close_ int fd = mount_open_abort(device);
    if (fd < 0)
        return fd;
    return write(fd, "1", 1) == 1 ? 0 : -errno;
}
