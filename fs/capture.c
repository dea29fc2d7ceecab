/* SPDX-License-Identifier: MIT */
#include "capture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS_MAX 1024

void capture_begin(struct capture *c) {
    c->memory_fd = memfd_create("stderr", MFD_CLOEXEC);
    c->stderr_fd = c->memory_fd < 0 ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (c->stderr_fd >= 0)
        (void)dup2(c->memory_fd, STDERR_FILENO);
}

void capture_end(struct capture *c, struct buf *ret) {
    char words[WORDS_MAX];
    ssize_t n = 0;
    if (c->stderr_fd >= 0) {
        (void)dup2(c->stderr_fd, STDERR_FILENO);
        (void)close(c->stderr_fd);
        n = pread(c->memory_fd, words, sizeof(words), 0);
    }
    if (c->memory_fd >= 0)
        (void)close(c->memory_fd);
    while (n > 0 && words[n - 1] == '\n')
        n--;
    for (ssize_t i = 0; i < n; i++)
        (void)buf_putc(ret, words[i] == '\n' ? ' ' : words[i]);
}
