/* SPDX-License-Identifier: MIT */
#include "pending.h"

#include "base/buf.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define OUTPUT_MAX_BYTES ((size_t)PENDING_MAX * (PATH_MAX + 16))

int write_text(int fd, const char *text, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* A copy that fits on a line: the path up to the last slash before its first line break. */
static char *line_of(const char *path) {
    const char *end = strchr(path, '\n');
    if (!end)
        return strdup(path);
    while (end > path && *end != '/')
        end--;
    return end > path ? strndup(path, (size_t)(end - path)) : strdup("/");
}

int pending_add(struct pending *p, const char *path) {
    _cleanup_free_ char *line = line_of(path);
    if (!line)
        return -ENOMEM;
    for (size_t i = 0; i < p->len; i++)
        if (strcmp(p->paths[i], line) == 0)
            return 0;
    if (p->len == PENDING_MAX) {
        p->overflow = true;
        return 0;
    }
    if (p->len == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 16;
        char **paths = reallocarray(p->paths, cap, sizeof(*paths));
        if (!paths)
            return -ENOMEM;
        p->paths = paths;
        p->cap = cap;
    }
    p->paths[p->len++] = TAKE_PTR(line);
    return 0;
}

int pending_flush(struct pending *p, int fd) {
    _cleanup_buf_ struct buf b = BUF_INIT(OUTPUT_MAX_BYTES);
    for (size_t i = 0; i < p->len; i++)
        (void)buf_printf(&b, "changed %s\n", p->paths[i]);
    int r = buf_error(&b);
    if (r == 0)
        r = write_text(fd, b.data, b.len);
    pending_clear(p);
    return r;
}

void pending_clear(struct pending *p) {
    for (size_t i = 0; i < p->len; i++)
        free(p->paths[i]);
    p->len = 0;
    p->overflow = false;
}

void pending_done(struct pending *p) {
    pending_clear(p);
    free(p->paths);
    *p = (struct pending){0};
}
