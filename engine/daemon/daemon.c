/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include "accounts.h"
#include "base/file.h"
#include "base/log.h"
#include "fs/guard.h"
#include "logfile.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define LISTEN_DEFAULT "127.0.0.1:8080"
#define ROOT_MODE 01775
#define ROOT_MODE_SIMULATED 01777
#define ROOT_GROUP "cyclecloud"
#define MALLOC_ARENAS 2
#define MALLOC_OWN_MAP (128 << 10) /* documents of this size go back to the system when freed */
#define MALLOC_KEPT (1 << 20)      /* free memory that an arena keeps */
#define URL_SIZE 1024

/* --- before anything else ----------------------------------------------------------------------
 */

/* Every node keeps a connection, and libfuse and LMDB need some: as many as the system allows. */
static void raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* In the background the log goes to STATE/log, unless systemd's journal takes standard error. */
static int open_log(struct daemon *d, struct error *err) {
    if (d->options->foreground || getenv("JOURNAL_STREAM"))
        return 0;
    if (asprintf(&d->log_file, "%s/log", d->options->state_dir) < 0) {
        d->log_file = NULL;
        return -ENOMEM;
    }
    int r = logfile_open(d->log_file, LOG_ROTATE_BYTES);
    return r < 0 ? err_set(err, r, "internal", "the log %s cannot be written: %s", d->log_file,
                           strerror(-r))
                 : 0;
}

static int write_pid_file(struct daemon *d) {
    _cleanup_buf_ struct buf text = BUF_INIT(32);
    if (asprintf(&d->pid_file, "%s/cyclecloudfs.pid", d->options->state_dir) < 0) {
        d->pid_file = NULL;
        return -ENOMEM;
    }
    int r = buf_printf(&text, "%d\n", (int)getpid());
    return r == 0 ? file_write(d->pid_file, text.data, text.len, 0644) : r;
}

/* --- the parts, in their order -----------------------------------------------------------------
 */

static int read_config(struct daemon *d, struct error *err) {
    int r = config_read(&d->config, d->options->config_file, d->options->config_given, err);
    for (size_t i = 0; r == 0 && i < d->config.warnings.len; i++) {
        background_warn(d->background, d->config.warnings.items[i]);
        log_warning("%s", d->config.warnings.items[i]);
    }
    log_set_level(d->config.log_level);
    return r;
}

static int open_store(struct daemon *d, struct error *err) {
    int r = store_open_lmdb(d->site.database, err, &d->store);
    return r == 0 ? write_pid_file(d) : r;
}

/* The account for templates that name none: the configured one, or the only one. */
static int choose_default_account(struct daemon *d, struct error *err) {
    struct config *c = &d->config;
    if (c->default_account && !config_find(c, c->default_account))
        return err_kind(err, "invalid_config",
                        "%s: default_account is '%s', but there is no [account %s]",
                        d->options->config_file, c->default_account, c->default_account);
    if (c->default_account || c->accounts.len == 0 || (c->accounts.len > 1 && !d->simulator))
        return 0;
    c->default_account = strdup(d->simulator ? SIMULATE_ACCOUNT : c->accounts.items[0].name);
    return c->default_account ? 0 : -ENOMEM;
}

static int open_cloud(struct daemon *d, struct error *err) {
    const struct http_options options = {.clock = &clock_real};
    const struct options *o = d->options;
    int r = o->simulate_set ? simulate_start(o->state_dir, o->simulate, err, &d->simulator) : 0;
    if (r == 0 && d->simulator)
        r = simulate_account(d->simulator, &d->config);
    if (r == 0)
        r = choose_default_account(d, err);
    if (r == 0)
        r = http_new(&options, &d->http);
    if (r == 0)
        r = azure_new(d->http, &clock_real, &random_system, &d->azure);
    return r == 0 ? accounts_apply(d->azure, &d->config, err) : r;
}

static int open_engine(struct daemon *d, struct error *err) {
    const struct engine_options options = {
        .model = d->model,
        .store = d->store,
        .provider = azure_provider(d->azure),
        .clock = &clock_real,
        .random = &random_system,
        .images = d->images,
        .site = {.server_url = d->url,
                 .ca_sha256 = "",
                 .ssh_public_key = d->site.ssh_public_key,
                 .admin_username = "cyclecloud",
                 .default_account = d->config.default_account},
        .wait = loop_wait,
        .wake = loop_wake,
        .wait_arg = d,
        .published = loop_published,
        .published_arg = d,
        .configure = settings_write,
        .configure_arg = d,
    };
    int r = engine_new(&options, err, &d->engine);
    if (r < 0)
        return r;
    d->gateway = (struct gateway){.model = d->model,
                                  .store = d->store,
                                  .clock = &clock_real,
                                  .root_uid = geteuid(), /* who mounts it rules it */
                                  .root_gid = getegid(),
                                  .template_library = d->site.templates,
                                  .projects = d->site.projects,
                                  .submit = engine_submit,
                                  .cancel = engine_cancel,
                                  .engine = d->engine};
    return settings_publish(d);
}

/* The engine borrows the text of the address, which is known only when the server listens: it has
   its place before, and is filled before the engine runs. */
static int fill_url(struct daemon *d, const char *listen, struct error *err) {
    _cleanup_free_ char *url = NULL;
    int r = site_url(&d->config, listen, api_port(d->api), err, &url);
    if (r < 0)
        return r;
    size_t size = strlen(url) + 1;
    if (size > URL_SIZE)
        return err_kind(err, "invalid_config", "url: longer than %d bytes", URL_SIZE - 1);
    memcpy(d->url, url, size);
    return 0;
}

static int open_api(struct daemon *d, struct error *err) {
    const char *listen = d->options->listen ? d->options->listen
                         : d->config.listen ? d->config.listen
                                            : LISTEN_DEFAULT;
    const struct api_options options = {.listen = listen, .url = d->config.url};
    int r = api_new(&options, &d->gateway, err, &d->api);
    return r == 0 ? fill_url(d, listen, err) : r;
}

/* Unmounted from outside: the same as SIGTERM, which the loop reads. */
static void mount_ended(void *arg, bool aborted) {
    struct daemon *d = arg;
    atomic_store(&d->aborted, aborted);
    (void)kill(getpid(), SIGTERM);
}

/* The other mount goes on; the next start mounts this one again. */
static void fast_mount_ended(void *arg, bool aborted) {
    const struct daemon *d = arg;
    log_warning("fast_read: %s was %s; it comes back at the next start", d->options->fast_read,
                aborted ? "cut off" : "unmounted");
}

static int mount_on(struct daemon *d, const struct fs_options *options, struct error *err,
                    struct fs **ret) {
    int r = fs_new(options, &d->gateway, err, ret);
    return r == 0 ? fs_run(*ret, err) : r;
}

/* The same tree once more, for reading. */
static int open_fast(struct daemon *d, struct fs_options options, struct error *err) {
    options.mountpoint = d->options->fast_read;
    options.fast_read = true;
    options.ended = fast_mount_ended;
    options.ended_arg = d;
    return mount_on(d, &options, err, &d->fast);
}

static int open_fs(struct daemon *d, struct error *err) {
    const struct options *o = d->options;
    struct group *group = o->simulate_set ? NULL : getgrnam(ROOT_GROUP);
    mode_t mode = o->simulate_set ? ROOT_MODE_SIMULATED : ROOT_MODE;
    const struct fs_options options = {
        .mountpoint = o->mountpoint,
        .source = o->source,
        .mount_options = o->mount_flags.data,
        .root_mode = o->root_mode ? o->root_mode : mode,
        .root_gid = group ? group->gr_gid : getegid(),
        .guard = d->guard,
        .threads = o->threads,
        .ended = mount_ended,
        .ended_arg = d,
    };
    int r = o->fast_read ? fs_check_fast_read(o->mountpoint, o->fast_read, err) : 0;
    if (r == 0)
        r = mount_on(d, &options, err, &d->fs);
    return r == 0 && o->fast_read ? open_fast(d, options, err) : r;
}

/* First, while there is little memory to share and only one thread. */
static int open_guard(struct daemon *d, struct error *err) {
    int r = guard_new(&d->guard);
    return r < 0 ? err_set(err, r, "internal", "cannot start a process: %s", strerror(-r)) : 0;
}

static int make_state_dir(struct daemon *d, struct error *err) {
    return site_make_state_dir(d->options->state_dir, err);
}

static int prepare_site(struct daemon *d, struct error *err) {
    return site_prepare(&d->site, d->options->state_dir, &d->config, err);
}

static int load_images(struct daemon *d, struct error *err) {
    return image_table_load(d->site.images, err, &d->images);
}

static int open_model(struct daemon *d, struct error *err) {
    (void)err;
    return model_new(&clock_real, &d->model);
}

static int open_watch(struct daemon *d, struct error *err) {
    (void)err;
    loop_start_watch(d);
    return 0;
}

/* In the order of what needs what; daemon_free goes backwards. */
static int (*const steps[])(struct daemon *d, struct error *err) = {
    open_guard,  make_state_dir, open_log,    read_config, prepare_site, open_store, open_cloud,
    load_images, open_model,     open_engine, open_api,    open_watch,   open_fs,
};

int daemon_new(const struct options *options, struct background *background, struct error *err,
               struct daemon **ret) {
    (void)mallopt(M_ARENA_MAX, MALLOC_ARENAS);
    (void)mallopt(M_MMAP_THRESHOLD,
                  MALLOC_OWN_MAP); /* fixed: by itself it grows with what is freed */
    (void)mallopt(M_TRIM_THRESHOLD, MALLOC_KEPT);
    (void)umask(022);
    (void)prctl(PR_SET_DUMPABLE,
                0); /* memory holds secrets: no core file, no debugger but root's */
    raise_open_files();
    _cleanup_(daemon_freep) struct daemon *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->options = options;
    d->background = background;
    d->signal_fd = -1;
    config_init(&d->config);
    d->url = calloc(1, URL_SIZE);
    int r = d->url ? loop_block_signals(d) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
        r = steps[i](d, err);
    if (r < 0)
        return err_set(err, r, NULL, "cannot start: %s", strerror(-r));
    log_info("mounted path=%s state=%s url=%s version=%s", options->mountpoint, options->state_dir,
             d->url, CYCLECLOUDFS_VERSION);
    *ret = TAKE_PTR(d);
    return 0;
}

int daemon_run(struct daemon *d) {
    int r = engine_run(d->engine);
    if (r < 0)
        (void)log_errno(r, "the engine ended");
    if (r == 0 && atomic_load(&d->aborted))
        r = log_errno(-ECONNABORTED, "%s: the mount was cut off; start again to go on",
                      d->options->mountpoint);
    return r;
}

void daemon_free(struct daemon *d) {
    if (!d)
        return;
    fs_stop(d->fast);
    fs_stop(d->fs);
    api_free(d->api);
    watch_free(d->watch);
    azure_free(d->azure);
    engine_free(d->engine); /* answers what is left; the faces must still be there to hear it */
    fs_free(d->fast);
    fs_free(d->fs);
    http_free(d->http);
    model_free(d->model);
    image_table_free(d->images);
    store_free(d->store);
    if (d->simulator)
        simulate_stop(d->simulator);
    simulate_free(d->simulator);
    guard_free(d->guard);
    if (d->pid_file)
        (void)unlink(d->pid_file);
    if (d->signal_fd >= 0)
        (void)close(d->signal_fd);
    site_done(&d->site);
    config_done(&d->config);
    free(d->pid_file);
    free(d->url);
    free(d->log_file);
    free(d);
}
