/* SPDX-License-Identifier: MIT */
#include "site.h"

#include "base/file.h"
#include "crypto/crypto.h"
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TEMPLATE_BYTES_MAX ((size_t)4 << 20)
#define STATE_DIR_MODE 0711 /* users reach the template library below it, and see nothing else */
#define KEY_COMMENT "cyclecloudfs"

void site_done(struct site *s) {
    free(s->templates);
    free(s->projects);
    free(s->images);
    free(s->secrets);
    free(s->database);
    free(s->ssh_public_key);
    *s = (struct site){0};
}

int site_make_state_dir(const char *state_dir, struct error *err) {
    struct stat st;
    bool is_new = stat(state_dir, &st) < 0;
    int r = file_make_dirs(state_dir, 0755);
    if (r == 0 && is_new && chmod(state_dir, STATE_DIR_MODE) < 0)
        r = -errno;
    if (r == 0 && access(state_dir, R_OK | W_OK | X_OK) < 0)
        r = -errno;
    if (r < 0)
        return err_set(err, r, "permission",
                       "the state directory %s cannot be used: %s; give another with --state=DIR",
                       state_dir, strerror(-r));
    if (!is_new && st.st_mode & 022)
        return err_set(err, -EPERM, "permission",
                       "others can write to the state directory %s (mode %04o), which holds "
                       "secrets: use chmod go-w on it, or give another with --state=DIR",
                       state_dir, (unsigned)(st.st_mode & 07777));
    return 0;
}

/* Something that ships with the product: found beside the program, in the source directory one or
   two levels above a build directory, else where it was installed. Malloc'ed; NULL when it is
   nowhere. */
static char *find_shipped(const char *name) {
    static const char *const places[] = {"", "/..", "/../.."};
    _cleanup_free_ char *dir = process_own_dir();
    char *path = NULL;
    for (size_t i = 0; dir && i < ARRAY_SIZE(places); i++) {
        if (asprintf(&path, "%s%s/%s", dir, places[i], name) < 0)
            return NULL;
        if (access(path, R_OK) == 0)
            return path;
        free(path);
    }
    const char *base = strrchr(name, '/');
    bool in_data = strncmp(name, "data/", 5) == 0;
    if (asprintf(&path, "%s/%s", CYCLECLOUDFS_DATADIR, in_data ? base + 1 : name) < 0)
        return NULL;
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static int copy_file(const char *from_dir, const char *to_dir, const char *name) {
    _cleanup_free_ char *from = NULL, *to = NULL;
    _cleanup_buf_ struct buf text = BUF_INIT(TEMPLATE_BYTES_MAX);
    if (asprintf(&from, "%s/%s", from_dir, name) < 0 || asprintf(&to, "%s/%s", to_dir, name) < 0)
        return -ENOMEM;
    int r = file_read(from, &text);
    return r < 0 ? r : file_write(to, text.data, text.len, 0644);
}

static int copy_files(const char *from, const char *to) {
    DIR *dir = opendir(from);
    int r = dir ? 0 : -errno;
    for (struct dirent *e; r == 0 && (e = readdir(dir));)
        if (e->d_type == DT_REG && (strstr(e->d_name, ".txt") || strstr(e->d_name, ".json")))
            r = copy_file(from, to, e->d_name);
    if (dir)
        (void)closedir(dir);
    return r;
}

static int make_dir(const char *path, mode_t mode, struct error *err) {
    int r = file_make_dirs(path, mode);
    if (r < 0)
        return err_set(err, r, "internal", "the directory %s cannot be made: %s", path,
                       strerror(-r));
    return 0;
}

static int make_library(const char *path, struct error *err) {
    if (access(path, F_OK) == 0)
        return 0;
    int r = make_dir(path, 0755, err);
    _cleanup_free_ char *shipped = find_shipped("templates");
    if (r == 0 && shipped)
        r = copy_files(shipped, path);
    if (r < 0)
        return err_set(err, r, "internal", "the template library %s cannot be filled: %s", path,
                       strerror(-r));
    return 0;
}

static int make_key(struct site *s, const char *state_dir, struct error *err) {
    _cleanup_free_ char *dir = NULL, *path = NULL;
    if (asprintf(&dir, "%s/ssh", state_dir) < 0 || asprintf(&path, "%s/id_ed25519", dir) < 0)
        return -ENOMEM;
    int r = make_dir(dir, 0700, err);
    if (r < 0)
        return r;
    if (access(path, F_OK) == 0)
        return crypto_ssh_public(path, err, &s->ssh_public_key);
    return crypto_ssh_keypair(path, KEY_COMMENT, err, &s->ssh_public_key);
}

/* The configured directory, else STATE/NAME. */
static char *choose_dir(const char *configured, const char *state_dir, const char *name) {
    char *path = NULL;
    if (configured)
        return strdup(configured);
    return asprintf(&path, "%s/%s", state_dir, name) < 0 ? NULL : path;
}

int site_prepare(struct site *s, const char *state_dir, const struct config *config,
                 struct error *err) {
    s->templates = choose_dir(config->templates, state_dir, "templates");
    s->projects = choose_dir(config->projects, state_dir, "projects");
    s->database = choose_dir(NULL, state_dir, "db");
    s->secrets = choose_dir(NULL, state_dir, "secrets");
    if (!s->templates || !s->projects || !s->secrets || !s->database)
        return -ENOMEM;
    s->images = find_shipped("data/images.ini");
    if (!s->images)
        return err_set(err, -ENOENT, "internal",
                       "the table of images, images.ini, is neither beside the program nor in %s: "
                       "install cyclecloudfs anew",
                       CYCLECLOUDFS_DATADIR);
    int r = make_library(s->templates, err);
    if (r == 0)
        r = make_dir(s->projects, 0755, err);
    if (r == 0)
        r = make_dir(s->database, 0700, err);
    return r == 0 ? make_key(s, state_dir, err) : r;
}

static bool is_any_address(const char *host, size_t len) {
    static const char *const any[] = {"0.0.0.0", "[::]", "*"};
    for (size_t i = 0; i < ARRAY_SIZE(any); i++)
        if (strlen(any[i]) == len && strncmp(any[i], host, len) == 0)
            return true;
    return false;
}

int site_url(const struct config *config, const char *listen, unsigned port, struct error *err,
             char **ret) {
    const char *colon = strrchr(listen, ':');
    size_t len = colon ? (size_t)(colon - listen) : strlen(listen);
    if (config->url) {
        *ret = strdup(config->url);
        return *ret ? 0 : -ENOMEM;
    }
    if (is_any_address(listen, len))
        return err_kind(err, "invalid_config",
                        "the server listens on all addresses (%s): give the one that nodes reach "
                        "it by, url = http://ADDRESS:%u in [server]",
                        listen, port);
    char *url = NULL;
    if (asprintf(&url, "http://%.*s:%u", (int)len, listen, port) < 0)
        return -ENOMEM;
    *ret = url;
    return 0;
}
