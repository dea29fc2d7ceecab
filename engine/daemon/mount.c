/* SPDX-License-Identifier: MIT */
#include "mount.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

int mount_answers(const char *path, struct error *err) {
    struct statfs fs;
    struct stat st;
    if (stat(path, &st) < 0 || statfs(path, &fs) < 0)
        return err_set(err, -errno, "internal", "%s was mounted but does not answer: %s", path,
                       strerror(errno));
    if (fs.f_type != FUSE_SUPER_MAGIC)
        return err_set(err, -EIO, "internal", "%s is not mounted", path);
    return 0;
}
