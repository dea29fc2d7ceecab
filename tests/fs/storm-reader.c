/* SPDX-License-Identifier: MIT */
/*
 * storm-reader open|held SECONDS FILE...: reads sealed files again and again as fast as it can, and
 * looks at each text: its seal, and that the generation in it ("g123-...") never goes back.
 *   open  open(2), read(2) until the end, close(2)
 *   held  pread(2) of descriptors that stay open; here the kernel may cut a text once
 *         (docs/internals/consistent-reads.md), but must have it right when it is asked again
 * Prints how many it read, and how many of those were cut; or, with exit status 1, the first text
 * that is wrong.
 */
#include "seal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 4096
#define TRIES 20
#define BUFFER ((size_t)64 << 10)

struct reader {
    int fds[FILES_MAX]; /* held: open files; else -1 */
    unsigned long generations[FILES_MAX];
    unsigned long reads, cut;
    char buffer[BUFFER];
};

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* As cat(1). How many bytes, or -1. */
static ssize_t read_all(int fd, char *buffer, size_t size) {
    size_t len = 0;
    ssize_t n;
    while (len < size && (n = read(fd, buffer + len, size - len)) > 0)
        len += (size_t)n;
    return n < 0 ? -1 : (ssize_t)len;
}

static ssize_t read_file(struct reader *r, int i, const char *path) {
    if (r->fds[i] >= 0)
        return pread(r->fds[i], r->buffer, BUFFER, 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read_all(fd, r->buffer, BUFFER);
    (void)close(fd);
    return n;
}

static void complain(const struct reader *r, const char *path, const char *what, ssize_t len) {
    (void)printf("%s: %s: ", path, what);
    for (ssize_t k = 0; k < len && k < 300; k++)
        (void)printf(r->buffer[k] >= ' ' ? "%c" : "\\%03o", r->buffer[k]);
    (void)printf("\n");
}

/* Reads one file. False, with words, when the text is not right. */
static bool look(struct reader *r, int i, const char *path) {
    ssize_t len = read_file(r, i, path);
    r->reads++;
    for (int k = 0; k < TRIES && r->fds[i] >= 0 && len >= 0; k++) {
        if (seal_is_good(r->buffer, (size_t)len))
            break;
        r->cut++;
        len = read_file(r, i, path);
    }
    if (len < 0) {
        perror(path);
        return false;
    }
    if (!seal_is_good(r->buffer, (size_t)len)) {
        complain(r, path, "torn", len);
        return false;
    }
    unsigned long generation = r->buffer[0] == 'g' ? strtoul(r->buffer + 1, NULL, 10) : 0;
    if (generation < r->generations[i]) {
        complain(r, path, "went back", len);
        return false;
    }
    r->generations[i] = generation;
    return true;
}

int main(int argc, char **argv) {
    if (argc < 4 || argc - 3 > FILES_MAX) {
        (void)fprintf(stderr, "usage: storm-reader open|held SECONDS FILE...\n");
        return 2;
    }
    struct reader *r = calloc(1, sizeof(*r));
    if (!r)
        return 2;
    int files = argc - 3;
    bool held = strcmp(argv[1], "held") == 0;
    for (int i = 0; i < files; i++)
        r->fds[i] = held ? open(argv[i + 3], O_RDONLY | O_CLOEXEC) : -1;
    double end = now() + strtod(argv[2], NULL);
    do {
        for (int i = 0; i < files; i++)
            if (!look(r, i, argv[i + 3]))
                return 1;
    } while (now() < end);
    (void)printf("%lu %lu\n", r->reads, r->cut);
    free(r);
    return 0;
}
