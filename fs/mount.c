/* SPDX-License-Identifier: MIT */
/* Mounting: options, mounts that a crash left behind, and the end of a wedged connection. */
#include "internal.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define MOUNTINFO "/proc/self/mountinfo"
#define MOUNTINFO_BYTES ((size_t)8 << 20)
#define FS_TYPE "fuse.cyclecloudfs"
#define STACKED_MAX 16
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

/* True when this line of mountinfo is a cyclecloudfs on `path`:
   "36 35 98:0 /root MOUNTPOINT options [optional fields] - TYPE source super-options". */
static bool line_is_ours(char *line, const char *path) {
    char *type = strstr(line, " - ");
    if (!type)
        return false;
    *type = '\0';
    type += 3;
    char *rest = NULL, *field = NULL;
    char *point = line;
    for (int i = 0; i < 5; i++, point = NULL)
        field = strtok_r(point, " ", &rest);
    if (!field)
        return false;
    unescape(field);
    size_t len = strlen(FS_TYPE);
    return strcmp(field, path) == 0 && strncmp(type, FS_TYPE, len) == 0 && type[len] == ' ';
}

static bool is_mounted(const char *path) {
    _cleanup_buf_ struct buf text = BUF_INIT(MOUNTINFO_BYTES);
    if (file_read(MOUNTINFO, &text) < 0)
        return false;
    char *rest = NULL;
    for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (line_is_ours(line, path))
            return true;
    return false;
}

/* The absolute path without touching the mountpoint itself, which may be dead. 0 or -errno. */
static int absolute(const char *mountpoint, char **ret) {
    _cleanup_free_ char *copy = strdup(mountpoint);
    if (!copy)
        return -ENOMEM;
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
        copy[n - 1] = '\0';
    char *slash = strrchr(copy, '/');
    const char *name = slash ? slash + 1 : copy;
    const char *above = slash == copy ? "/" : slash ? copy : ".";
    if (slash)
        *slash = '\0';
    _cleanup_free_ char *dir = realpath(above, NULL);
    if (!dir)
        return -errno;
    return asprintf(ret, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name) < 0 ? -ENOMEM : 0;
}

/* Detaches a mount whose daemon is gone; through the setuid helper where we may not. */
static int detach(const char *path) {
    if (umount2(path, MNT_DETACH) == 0)
        return 0;
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

int mount_prepare(const char *mountpoint, struct error *err) {
    _cleanup_free_ char *path = NULL;
    int r = absolute(mountpoint, &path);
    if (r < 0)
        return err_set(err, r, "not_found", "%s: %s: make the directory first, with mkdir -p",
                       mountpoint, strerror(-r));
    for (int i = 0; i < STACKED_MAX; i++) {
        struct stat st;
        if (stat(path, &st) == 0 || (errno != ENOTCONN && errno != ECONNABORTED))
            break;
        r = detach(path);
        if (r < 0)
            return err_set(err, r, "busy",
                           "%s: the mount of a server that died is still there and cannot be "
                           "removed (%s): run fusermount3 -uz %s",
                           path, strerror(-r), path);
    }
    r = check_directory(path, err);
    if (r < 0)
        return r;
    return is_mounted(path) ? refuse_live(path, err) : 0;
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

static bool have_fusermount(void) {
    return access("/usr/bin/fusermount3", X_OK) == 0 || access("/bin/fusermount3", X_OK) == 0;
}

/* A comma would end the option: it is escaped as libfuse wants. */
static void put_source(struct buf *b, const char *source) {
    for (const char *p = source; *p; p++)
        (void)buf_printf(b, *p == ',' || *p == '\\' ? "\\%c" : "%c", *p);
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
        if (!option_is_mounts_own(o))
            (void)buf_printf(&b, "%s,", o);
    }
    (void)buf_puts(&b, "default_permissions,nosuid,nodev,subtype=cyclecloudfs,fsname=");
    put_source(&b, options->source ? options->source : "cyclecloud");
    if (others)
        (void)buf_puts(&b, ",allow_other");
    if (others && have_fusermount())
        (void)buf_puts(&b, ",auto_unmount");
    if (buf_error(&b) < 0)
        return buf_error(&b);
    *ret = buf_take(&b);
    return *ret ? 0 : -ENOMEM;
}

/* The file system of connections, mounted if it is not. */
static int open_abort(dev_t device) {
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
    _cleanup_close_ int fd = open_abort(device);
    if (fd < 0)
        return fd;
    return write(fd, "1", 1) == 1 ? 0 : -errno;
}
