/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "base/parse.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MOUNT_FLAGS_MAX 4096
#define THREADS_MAX 256
#define SUGGEST_DISTANCE 3

enum option_kind {
    OPTION_FLAG,          /* sets a bool */
    OPTION_TEXT,          /* needs a value */
    OPTION_OPTIONAL_TEXT, /* --name or --name=value; sets `given` too */
};

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t offset; /* of the member in struct options */
    size_t given;  /* of a bool that is set when the option is given, 0 = none */
    const char *argument;
    const char *doc;
};

#define MEMBER(m) offsetof(struct options, m)

static const struct option_row rows[] = {
    {"state", OPTION_TEXT, MEMBER(state_dir), 0, "DIR",
     "where everything that must survive is kept (default " OPTIONS_STATE_DIR ")"},
    {"config", OPTION_TEXT, MEMBER(config_file), MEMBER(config_given), "FILE",
     "accounts and settings (default " OPTIONS_CONFIG_FILE ")"},
    {"simulate", OPTION_OPTIONAL_TEXT, MEMBER(simulate), MEMBER(simulate_set), "OPTIONS",
     "use a simulated Azure; OPTIONS go to armsim"},
    {"listen", OPTION_TEXT, MEMBER(listen), 0, "ADDR:PORT",
     "where nodes call home (default 127.0.0.1:8080)"},
    {"root_mode", OPTION_TEXT, MEMBER(root_mode_text), 0, "MODE",
     "permissions of the root, octal (default 1775, with --simulate 1777)"},
    {"fast_read", OPTION_TEXT, MEMBER(fast_read), 0, "DIR",
     "mount the tree on DIR, too: read-only, for monitoring"},
    {"threads", OPTION_TEXT, MEMBER(threads_text), 0, "N", "workers that answer the kernel"},
    {"foreground", OPTION_FLAG, MEMBER(foreground), 0, NULL,
     "stay in the foreground, log to standard error (short: -f)"},
    {"help", OPTION_FLAG, MEMBER(help), 0, NULL, "print this text"},
    {"version", OPTION_FLAG, MEMBER(version), 0, NULL, "print the version"},
};

/* Mount options that mean something to the kernel; the last ones only to mount(8) and fstab. */
static const char *const kernel_flags[] = {
    "ro",
    "rw",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "atime",
    "noatime",
    "relatime",
    "diratime",
    "sync",
    "async",
    "dirsync",
    "nodiratime",
    "strictatime",
    "allow_other",
    "default_permissions",
};
static const char *const fstab_words[] = {"auto",     "noauto", "user",    "nouser", "users",
                                          "defaults", "nofail", "_netdev", "nouser", "owner"};

static const struct option_row *row_find(const char *name, size_t len) {
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
            return &rows[i];
    return NULL;
}

static bool word_in(const char *const *words, size_t n, const char *word) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

static const char *row_near(const char *name) {
    const char *best = NULL;
    size_t best_distance = SUGGEST_DISTANCE;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t d = text_distance(name, rows[i].name, SUGGEST_DISTANCE);
        if (d < best_distance) {
            best_distance = d;
            best = rows[i].name;
        }
    }
    return best;
}

static int set_text(char **slot, const char *value) {
    char *copy = strdup(value);
    if (!copy)
        return -ENOMEM;
    free(*slot);
    *slot = copy;
    return 0;
}

static void *member(struct options *o, size_t offset) {
    return (char *)o + offset;
}

/* Stores one option; `value` is NULL where none was given. */
static int row_store(struct options *o, const struct option_row *row, const char *value,
                     struct error *err) {
    if (row->given)
        *(bool *)member(o, row->given) = true;
    if (row->kind == OPTION_FLAG) {
        if (value)
            return err_kind(err, "invalid_value", "the option '%s' takes no value", row->name);
        *(bool *)member(o, row->offset) = true;
        return 0;
    }
    if (row->kind == OPTION_OPTIONAL_TEXT)
        return value ? set_text(member(o, row->offset), value) : 0;
    if (!value || !*value)
        return err_kind(err, "invalid_value", "the option '%s' needs a value: %s=%s", row->name,
                        row->name, row->argument);
    return set_text(member(o, row->offset), value);
}

static int refuse_unknown(const char *word, bool mount, struct error *err) {
    _cleanup_free_ char *name = strndup(word, strcspn(word, "="));
    if (!name)
        return -ENOMEM;
    const char *near = row_near(name);
    return err_kind(err, "invalid_value", "unknown %soption '%s'%s%s%s: see cyclecloudfs --help",
                    mount ? "mount " : "", name, near ? ", did you mean '" : "", near ? near : "",
                    near ? "'?" : "");
}

static int add_mount_flag(struct options *o, const char *word) {
    if (o->mount_flags.len)
        (void)buf_putc(&o->mount_flags, ',');
    return buf_puts(&o->mount_flags, word);
}

/* One word behind -o, already unescaped: "ro", "state=/srv/cc". */
static int parse_mount_word(struct options *o, const char *word, struct error *err) {
    size_t len = strcspn(word, "=");
    const struct option_row *row = row_find(word, len);
    if (row)
        return row_store(o, row, word[len] ? word + len + 1 : NULL, err);
    if (word_in(kernel_flags, ARRAY_SIZE(kernel_flags), word))
        return add_mount_flag(o, word);
    if (!*word || word_in(fstab_words, ARRAY_SIZE(fstab_words), word) ||
        strncmp(word, "x-", 2) == 0 || strncmp(word, "comment=", 8) == 0)
        return 0;
    return refuse_unknown(word, true, err);
}

/* A list behind -o: words between commas; a backslash keeps the next character as it is. */
static int parse_mount_list(struct options *o, const char *list, struct error *err) {
    _cleanup_buf_ struct buf word = BUF_INIT(strlen(list));
    for (const char *p = list;; p++) {
        if (*p == '\\' && p[1]) {
            (void)buf_putc(&word, *++p);
            continue;
        }
        if (*p && *p != ',') {
            (void)buf_putc(&word, *p);
            continue;
        }
        int r = buf_error(&word);
        if (r == 0)
            r = parse_mount_word(o, word.data, err);
        if (r < 0 || !*p)
            return r;
        buf_clear(&word);
    }
}

/* `--name`, `--name=value`, `--name value`. *i moves over a value taken from the next argument. */
static int parse_long(struct options *o, int argc, char *const argv[], int *i, struct error *err) {
    const char *name = argv[*i] + 2;
    size_t len = strcspn(name, "=");
    const struct option_row *row = row_find(name, len);
    if (!row)
        return refuse_unknown(name, false, err);
    const char *value = name[len] ? name + len + 1 : NULL;
    if (!value && row->kind == OPTION_TEXT && *i + 1 < argc)
        value = argv[++*i];
    return row_store(o, row, value, err);
}

static int parse_short(struct options *o, int argc, char *const argv[], int *i, struct error *err) {
    const char *arg = argv[*i];
    if (strcmp(arg, "-f") == 0) {
        o->foreground = true;
        return 0;
    }
    if (strcmp(arg, "-h") == 0 || strcmp(arg, "-V") == 0) {
        *(arg[1] == 'h' ? &o->help : &o->version) = true;
        return 0;
    }
    if (arg[1] != 'o')
        return refuse_unknown(arg, false, err);
    if (arg[2])
        return parse_mount_list(o, arg + 2, err);
    if (*i + 1 >= argc)
        return err_kind(err, "invalid_value", "-o needs a list of mount options");
    return parse_mount_list(o, argv[++*i], err);
}

static int parse_positional(struct options *o, const char *arg, struct error *err) {
    if (!o->mountpoint)
        return set_text(&o->mountpoint, arg);
    if (o->source)
        return err_kind(err, "invalid_value",
                        "'%s' is one argument too many: give a mount point, or a source and a "
                        "mount point",
                        arg);
    o->source = TAKE_PTR(o->mountpoint);
    return set_text(&o->mountpoint, arg);
}

static int parse_arguments(struct options *o, int argc, char *const argv[], struct error *err) {
    bool only_names = false;
    for (int i = 1; i < argc; i++) {
        int r;
        if (only_names || argv[i][0] != '-' || !argv[i][1])
            r = parse_positional(o, argv[i], err);
        else if (argv[i][1] != '-')
            r = parse_short(o, argc, argv, &i, err);
        else if (argv[i][2])
            r = parse_long(o, argc, argv, &i, err);
        else
            r = 0, only_names = true;
        if (r < 0)
            return r;
    }
    return 0;
}

static int parse_root_mode(struct options *o, struct error *err) {
    if (!o->root_mode_text)
        return 0;
    char *end;
    unsigned long mode = strtoul(o->root_mode_text, &end, 8);
    if (*end || end == o->root_mode_text || mode == 0 || mode > 07777)
        return err_kind(err, "invalid_value",
                        "root_mode is '%s': give octal permissions such as 1775",
                        o->root_mode_text);
    o->root_mode = (mode_t)mode;
    return 0;
}

static int parse_threads(struct options *o, struct error *err) {
    uint64_t n = 0;
    if (!o->threads_text)
        return 0;
    if (parse_u64(o->threads_text, &n) < 0 || n == 0 || n > THREADS_MAX)
        return err_kind(err, "invalid_value", "threads is '%s': give a number from 1 to %d",
                        o->threads_text, THREADS_MAX);
    o->threads = (unsigned)n;
    return 0;
}

/* Makes a path independent of the working directory, which the daemon leaves. */
static int make_absolute(char **path) {
    if (**path == '/')
        return 0;
    _cleanup_free_ char *cwd = getcwd(NULL, 0);
    _cleanup_buf_ struct buf b = BUF_INIT((size_t)2 * PATH_MAX);
    if (!cwd)
        return -errno;
    int r = buf_printf(&b, "%s/%s", cwd, *path);
    return r < 0 ? r : set_text(path, b.data);
}

static int finish(struct options *o, struct error *err) {
    if (!o->mountpoint)
        return err_kind(err, "invalid_value",
                        "no mount point given: cyclecloudfs [SOURCE] MOUNTPOINT, for example "
                        "cyclecloudfs --simulate /cyclecloud");
    int r = parse_root_mode(o, err);
    if (r == 0)
        r = parse_threads(o, err);
    if (r == 0 && !o->source)
        r = set_text(&o->source, "cyclecloud");
    if (r == 0 && !o->state_dir)
        r = set_text(&o->state_dir, OPTIONS_STATE_DIR);
    if (r == 0 && !o->config_file)
        r = set_text(&o->config_file, OPTIONS_CONFIG_FILE);
    char **paths[] = {&o->mountpoint, &o->state_dir, &o->config_file, &o->fast_read};
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(paths); i++)
        r = *paths[i] ? make_absolute(paths[i]) : 0;
    return r;
}

void options_init(struct options *o) {
    *o = (struct options){0};
    buf_init(&o->mount_flags, MOUNT_FLAGS_MAX);
}

void options_done(struct options *o) {
    char *texts[] = {o->source, o->mountpoint, o->fast_read,      o->state_dir,   o->config_file,
                     o->listen, o->simulate,   o->root_mode_text, o->threads_text};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    buf_done(&o->mount_flags);
    options_init(o);
}

int options_parse(struct options *o, int argc, char *const argv[], struct error *err) {
    int r = parse_arguments(o, argc, argv, err);
    if (r == 0 && !o->help && !o->version)
        r = finish(o, err);
    if (r == -ENOMEM)
        return err_set(err, r, "no_memory", "out of memory");
    return r;
}

int options_help(struct buf *b) {
    (void)buf_puts(
        b, "usage: cyclecloudfs [OPTION]... [SOURCE] MOUNTPOINT [-o OPTIONS]\n\n"
           "Mounts the HPC clusters of this server on MOUNTPOINT; a cluster is a "
           "directory.\nEach long option may also stand behind -o, without the dashes.\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t start = b->len;
        (void)buf_printf(b, "  --%s", rows[i].name);
        if (rows[i].kind != OPTION_FLAG)
            (void)buf_printf(b, rows[i].kind == OPTION_TEXT ? "=%s" : "[=%s]", rows[i].argument);
        size_t used = b->len - start;
        (void)buf_printf(b, "%*s%s\n", used < 26 ? (int)(26 - used) : 1, "", rows[i].doc);
    }
    return buf_puts(b, "\ncyclecloudfs --check-template FILE [-p PARAMETERS] [--json] checks a "
                       "cluster template\nand ends; see cyclecloud-template(1).\n"
                       "\nStop it with SIGTERM or `umount MOUNTPOINT`. See cyclecloudfs(8) and "
                       "cyclecloudfs.conf(5).\n");
}
