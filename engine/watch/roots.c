/* SPDX-License-Identifier: GPL-2.0-only */
#include "roots.h"

#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <inotifytools/inotifytools.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define ROOTS_MAX 256u
#define WATCHES_MAX 65536u
#define DEPTH_MAX 64u
#define EVENTS                                                                          \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | \
     IN_DELETE_SELF | IN_MOVE_SELF)

static char *absolute(const char *path) {
    char *joined = NULL;
    if (*path == '/') {
        joined = strdup(path);
    } else {
        _cleanup_free_ char *cwd = getcwd(NULL, 0);
        if (!cwd || asprintf(&joined, "%s/%s", cwd, path) < 0)
            return NULL;
    }
    size_t len = joined ? strlen(joined) : 0;
    while (len > 1 && joined[len - 1] == '/')
        joined[--len] = '\0';
    return joined;
}

/* The directory above (new), "/" at the top. NULL: no memory. */
static char *parent_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

int roots_add(struct roots *r, const char *path) {
    if (r->len == ROOTS_MAX)
        return -E2BIG;
    struct root *items = reallocarray(r->items, r->len + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    r->items = items;
    struct root root = {.path = absolute(path)};
    if (!root.path)
        return -ENOMEM;
    r->items[r->len++] = root;
    return 0;
}

static int watch_dir(struct roots *r, const char *path, struct error *err) {
    _cleanup_free_ char *name = NULL;
    if (r->n_watches == WATCHES_MAX)
        return err_set(err, -ENOSPC, "limit_exceeded",
                       "%s: more than %u directories below what is to be watched: name less", path,
                       WATCHES_MAX);
    if (asprintf(&name, "%s/", path[1] ? path : "") < 0) {
        name = NULL;
        return -ENOMEM;
    }
    if (inotifytools_watch_file(name, EVENTS)) {
        r->n_watches++;
        return 0;
    }
    int code = inotifytools_error();
    if (code == ENOENT || code == ENOTDIR || code == EACCES)
        return 0; /* it is gone again, or not ours to see; what is above it is watched */
    if (code == ENOSPC)
        return err_set(err, -code, "limit_exceeded",
                       "%s: the kernel's limit of inotify watches is reached: raise "
                       "fs.inotify.max_user_watches",
                       path);
    return err_set(err, -code, "internal", "%s: cannot be watched: %s", path, strerror(code));
}

static bool scratch_name(const char *name) {
    return *name == '.' || !*name || name[strlen(name) - 1] == '~';
}

static bool is_dir(const char *path, const struct dirent *e) {
    struct stat st;
    if (e->d_type != DT_UNKNOWN)
        return e->d_type == DT_DIR;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void close_dirp(DIR **d) {
    if (*d)
        (void)closedir(*d);
}

/* The directory first, its contents after: what appears meanwhile is seen or told. Symbolic links
   to directories are not followed. */
static int watch_tree(struct roots *r, const char *path, unsigned depth, struct error *err) {
    int code = watch_dir(r, path, err);
    _cleanup_(close_dirp) DIR *d = code < 0 || depth == DEPTH_MAX ? NULL : opendir(path);
    if (!d)
        return code;
    for (struct dirent *e; (e = readdir(d));) {
        _cleanup_free_ char *child = NULL;
        if (scratch_name(e->d_name))
            continue;
        if (asprintf(&child, "%s/%s", path[1] ? path : "", e->d_name) < 0) {
            child = NULL;
            return -ENOMEM;
        }
        code = is_dir(child, e) ? watch_tree(r, child, depth + 1, err) : 0;
        if (code < 0)
            return code;
    }
    return 0;
}

static bool stat_dir(const char *path, dev_t *dev, ino_t *ino) {
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return false;
    *dev = st.st_dev;
    *ino = st.st_ino;
    return true;
}

static void probe_root(const char *path, const char *parent, const char *target, struct probe *p) {
    *p = (struct probe){.target = target ? hash_text(target) : 0};
    (void)stat_dir(parent, &p->parent_dev, &p->parent_ino);
    (void)stat_dir(path, &p->dev, &p->ino);
}

static bool probe_equal(const struct probe *a, const struct probe *b) {
    return a->parent_dev == b->parent_dev && a->dev == b->dev && a->parent_ino == b->parent_ino &&
           a->ino == b->ino && a->target == b->target;
}

/* The directory of a file that is reached through a symbolic link. */
static int watch_target(struct roots *r, const struct root *root, struct error *err) {
    _cleanup_free_ char *parent = parent_of(root->target);
    return parent ? watch_dir(r, parent, err) : -ENOMEM;
}

static int watch_places(struct roots *r, const struct root *root, const char *parent,
                        struct error *err) {
    int code = watch_dir(r, parent, err);
    if (code == 0 && root->probe.ino)
        return watch_tree(r, root->path, 0, err);
    if (code == 0 && root->target && strcmp(root->target, root->path) != 0)
        return watch_target(r, root, err);
    return code;
}

/* Tells one state of a file from another; 0 = it is not there. */
static uint64_t stamp_of(const char *path) {
    struct stat st;
    if (stat(path, &st) < 0)
        return 0;
    const uint64_t parts[] = {st.st_dev,
                              st.st_ino,
                              st.st_mode,
                              (uint64_t)st.st_size,
                              (uint64_t)st.st_mtim.tv_sec,
                              (uint64_t)st.st_mtim.tv_nsec};
    return hash_fnv1a(parts, sizeof(parts));
}

/* The probe is taken before the watches are made, so that what changes meanwhile is found by
   roots_moved; the stamp after them, so that what changes later is an event. */
static int watch_root(struct roots *r, struct root *root, struct error *err) {
    _cleanup_free_ char *parent = parent_of(root->path);
    if (!parent)
        return -ENOMEM;
    free(root->target);
    root->target = realpath(root->path, NULL);
    probe_root(root->path, parent, root->target, &root->probe);
    int code = watch_places(r, root, parent, err);
    uint64_t stamp = stamp_of(root->path);
    root->changed = root->probe.ino || stamp != root->stamp;
    root->stamp = stamp;
    return code;
}

int roots_watch(struct roots *r, struct error *err) {
    inotifytools_cleanup();
    r->n_watches = 0;
    if (!inotifytools_initialize())
        return err_set(err, -inotifytools_error(), "internal",
                       "inotify cannot be used: %s; fs.inotify.max_user_instances may be too low",
                       strerror(inotifytools_error()));
    for (size_t i = 0; i < r->len; i++) {
        int code = watch_root(r, &r->items[i], err);
        if (code < 0)
            return code;
    }
    return 0;
}

int roots_watch_below(struct roots *r, const char *path, struct error *err) {
    return watch_tree(r, path, 1, err);
}

bool roots_moved(const struct roots *r) {
    for (size_t i = 0; i < r->len; i++) {
        const struct root *root = &r->items[i];
        _cleanup_free_ char *parent = parent_of(root->path);
        _cleanup_free_ char *target = realpath(root->path, NULL);
        struct probe p;
        if (!parent)
            return true;
        probe_root(root->path, parent, target, &p);
        if (!probe_equal(&p, &root->probe))
            return true;
    }
    return false;
}

/* True when `path` is below `dir`, through no scratch name. */
static bool lies_below(const char *dir, const char *path) {
    size_t len = dir[1] ? strlen(dir) : 0;
    if (strncmp(dir, path, len) != 0 || path[len] != '/')
        return false;
    for (path += len; *path; path += strcspn(path + 1, "/") + 1)
        if (path[1] == '.' || path[strcspn(path + 1, "/")] == '~')
            return false;
    return true;
}

int roots_changed(const struct roots *r, const char *path, struct pending *p, bool *ret_below) {
    *ret_below = false;
    for (size_t i = 0; i < r->len; i++) {
        const struct root *root = &r->items[i];
        bool below = root->probe.ino && lies_below(root->path, path);
        bool same =
            strcmp(root->path, path) == 0 || (root->target && strcmp(root->target, path) == 0);
        int code = below ? pending_add(p, path) : same ? pending_add(p, root->path) : 0;
        if (code < 0)
            return code;
        *ret_below |= below;
    }
    return 0;
}

int roots_missed(const struct roots *r, struct pending *p) {
    for (size_t i = 0; i < r->len; i++) {
        int code = r->items[i].changed ? pending_add(p, r->items[i].path) : 0;
        if (code < 0)
            return code;
    }
    return 0;
}

void roots_done(struct roots *r) {
    for (size_t i = 0; i < r->len; i++) {
        free(r->items[i].path);
        free(r->items[i].target);
    }
    free(r->items);
    *r = (struct roots){0};
    inotifytools_cleanup();
}
