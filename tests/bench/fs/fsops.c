/* SPDX-License-Identifier: MIT */
/*
 * fsops OPERATION PATH SECONDS: does an operation once, repeats it for that time, and prints how
 * many entries or files it did in a second. With 0 SECONDS the first time is the one that counts.
 * PATH is a file for statone and pread; else a directory of node directories, each with a file
 * `status`.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long do_stat(const char *path) {
    struct stat st;
    if (stat(path, &st) < 0)
        die(path);
    return 1;
}

static long do_pread(const char *path) {
    static int fd = -1;
    char text[4096];
    if (fd < 0)
        fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread(fd, text, sizeof(text), 0) <= 0)
        die(path);
    return 1;
}

/* Calls visit for each entry but the dots; the number of entries. */
static long each(const char *path, long (*visit)(int dir, const struct dirent *d)) {
    DIR *dir = opendir(path);
    long n = 0;
    if (!dir)
        die(path);
    for (const struct dirent *d; (d = readdir(dir));)
        if (d->d_name[0] != '.')
            n += visit(dirfd(dir), d);
    (void)closedir(dir);
    return n;
}

static long count_one(int dir, const struct dirent *d) {
    (void)dir;
    (void)d;
    return 1;
}

static long stat_one(int dir, const struct dirent *d) {
    struct stat st;
    return fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* As find(1): a directory is opened and listed, a file is not looked at. */
static long walk_one(int dir, const struct dirent *d) {
    if (d->d_type != DT_DIR)
        return 1;
    int fd = openat(dir, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *inner = fd < 0 ? NULL : fdopendir(fd);
    long n = 1;
    if (!inner)
        die(d->d_name);
    while ((d = readdir(inner)))
        n += d->d_name[0] != '.';
    (void)closedir(inner);
    return n;
}

/* As grep -r --include=status. */
static long grep_one(int dir, const struct dirent *d) {
    char name[300], text[4096];
    if (d->d_type != DT_DIR)
        return 0;
    (void)snprintf(name, sizeof(name), "%s/status", d->d_name);
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die(name);
    while (read(fd, text, sizeof(text)) > 0)
        ;
    (void)close(fd);
    return 1;
}

static long do_readdir(const char *path) {
    return each(path, count_one);
}

static long do_lsl(const char *path) {
    return each(path, stat_one);
}

static long do_walk(const char *path) {
    return each(path, walk_one);
}

static long do_grepr(const char *path) {
    return each(path, grep_one);
}

static const struct {
    const char *name;
    long (*run)(const char *path);
} operations[] = {
    {"statone", do_stat}, {"pread", do_pread}, {"readdir", do_readdir},
    {"lsl", do_lsl},      {"walk", do_walk},   {"grepr", do_grepr},
};

/* Operations in a second. */
static double measure(long (*run)(const char *path), const char *path, double seconds) {
    if (seconds > 0)
        (void)run(path);
    double begun = now(), end = begun + seconds;
    long n = 0;
    do
        n += run(path);
    while (now() < end);
    return (double)n / (now() - begun);
}

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 4 && i < sizeof(operations) / sizeof(operations[0]); i++)
        if (strcmp(operations[i].name, argv[1]) == 0) {
            (void)printf("%.0f\n", measure(operations[i].run, argv[2], strtod(argv[3], NULL)));
            return 0;
        }
    (void)fprintf(stderr, "usage: fsops statone|pread|readdir|lsl|walk|grepr PATH SECONDS\n");
    return 2;
}
