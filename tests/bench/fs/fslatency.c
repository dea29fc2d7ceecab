/* SPDX-License-Identifier: MIT */
/*
 * fslatency stat|cat|list N SEED DIRECTORY: N times one operation on a node directory below
 * DIRECTORY, each on another one, in random order. Prints the median and the 99th percentile of the
 * time that one took, in microseconds.
 *   stat  stat(2) of NODE/status
 *   cat   open(2), read(2) to the end, close(2) of NODE/status
 *   list  a listing of NODE with the attributes of all its files, as ls -l
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NODES_MAX 200000

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double now_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void do_stat(int dir, const char *node) {
    char name[300];
    struct stat st;
    (void)snprintf(name, sizeof(name), "%s/status", node);
    if (fstatat(dir, name, &st, 0) < 0)
        die(name);
}

static void do_cat(int dir, const char *node) {
    char name[300], text[4096];
    (void)snprintf(name, sizeof(name), "%s/status", node);
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die(name);
    while (read(fd, text, sizeof(text)) > 0)
        ;
    (void)close(fd);
}

static void do_list(int dir, const char *node) {
    int fd = openat(dir, node, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct stat st;
    if (!d)
        die(node);
    for (const struct dirent *e; (e = readdir(d));)
        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            die(e->d_name);
    (void)closedir(d);
}

static const struct {
    const char *name;
    void (*run)(int dir, const char *node);
} operations[] = {{"stat", do_stat}, {"cat", do_cat}, {"list", do_list}};

/* The names of the node directories. */
static size_t names_of(const char *path, char **names) {
    DIR *dir = opendir(path);
    size_t n = 0;
    if (!dir)
        die(path);
    for (const struct dirent *d; (d = readdir(dir)) && n < NODES_MAX;)
        if (d->d_name[0] != '.' && d->d_type == DT_DIR && !(names[n++] = strdup(d->d_name)))
            die("strdup");
    (void)closedir(dir);
    return n;
}

static void shuffle(char **names, size_t n) {
    for (size_t i = n; i-- > 1;) {
        size_t k = (size_t)rand() % (i + 1);
        char *name = names[i];
        names[i] = names[k];
        names[k] = name;
    }
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(void (*run)(int dir, const char *node), size_t n, const char *path) {
    static char *names[NODES_MAX];
    size_t nodes = names_of(path, names);
    double *took = calloc(n, sizeof(*took));
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!took || dir < 0 || nodes == 0)
        die(path);
    shuffle(names, nodes);
    for (size_t i = 0; i < n; i++) {
        double begun = now_us();
        run(dir, names[i % nodes]);
        took[i] = now_us() - begun;
    }
    qsort(took, n, sizeof(*took), compare);
    (void)printf("%.1f %.1f\n", took[n / 2], took[n * 99 / 100]);
    free(took);
}

int main(int argc, char **argv) {
    size_t n = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
    for (size_t i = 0; n && i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (strcmp(operations[i].name, argv[1]) != 0)
            continue;
        srand((unsigned)strtoul(argv[3], NULL, 10));
        measure(operations[i].run, n, argv[4]);
        return 0;
    }
    (void)fprintf(stderr, "usage: fslatency stat|cat|list N SEED DIRECTORY\n");
    return 2;
}
