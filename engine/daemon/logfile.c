/* SPDX-License-Identifier: MIT */
#include "logfile.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define MODE 0640

static int move_away(const char *path) {
    _cleanup_free_ char *old = NULL;
    if (asprintf(&old, "%s.1", path) < 0) {
        old = NULL;
        return -ENOMEM;
    }
    return rename(path, old) < 0 ? -errno : 0;
}

int logfile_open(const char *path, off_t most) {
    struct stat st;
    int r = stat(path, &st) == 0 && st.st_size > most ? move_away(path) : 0;
    if (r < 0)
        return r;
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, MODE);
    /* writers in other threads go on in the old file or begin with the new one */
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        return -errno;
    return 0;
}

void logfile_check(const char *path, off_t most) {
    struct stat st;
    if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > most)
        (void)logfile_open(path, most);
}
