/* SPDX-License-Identifier: MIT */
/*
 * fs-host MOUNTPOINT [MOUNT-OPTIONS [WEDGED-SECONDS [FAST-READ]]]: mounts the real file system over
 * a pretended engine, for tests without the cloud; the mount for fast reading, too, when that has a
 * directory. Prints "ready" once mounted. Each line on standard input
 * changes something as the engine would (fs-host-apply.c) and is answered with "ok" or "error"; the
 * end of the input ends the program.
 */
#include "fs-host.h"

#include "fs/guard.h"
#include "model/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static int submit(void *engine, struct command *c, uint64_t *ret_ticket) {
    struct host *h = engine;
    LOCK_SCOPE(&h->lock);
    while (h->stalled && !h->stop)
        (void)pthread_cond_wait(&h->go_on, &h->lock);
    if (h->stop)
        return -EAGAIN;
    c->ticket = h->next_ticket++;
    if (ret_ticket)
        *ret_ticket = c->ticket;
    list_add_tail(&h->queue, &c->link);
    (void)pthread_cond_signal(&h->wake);
    return 0;
}

static void cancel(void *engine, uint64_t ticket) {
    struct host *h = engine;
    LOCK_SCOPE(&h->lock);
    if (ticket_vec_append(&h->cancelled, ticket) < 0)
        abort();
    (void)pthread_cond_signal(&h->wake);
}

static void answer(struct command *c, int code, uint64_t object_id, const struct error *err) {
    struct reply reply = {
        .code = code,
        .object_id = object_id,
        .kind = code ? "invalid_value" : "",
        .message = code && err ? err_text(err) : "",
        .text = "",
    };
    if (c->reply)
        c->reply(c->arg, &reply);
    command_free(c);
}

/* The file that a command was written to. */
static const char *file_of(const struct command *c) {
    static const char *const files[COMMAND_TYPE_MAX] = {
        [COMMAND_SET_TEMPLATE] = "template",
        [COMMAND_SET_PARAMETERS] = "parameters",
        [COMMAND_SET_COUNT] = "nodes/count",
        [COMMAND_SET_TARGET] = "state",
    };
    const char *file = files[c->type] ? files[c->type] : c->name;
    return file ? file : "file";
}

/* The outcome of a write, for `error` and `last_error`. */
static void record(struct builder *b, const struct command *c, const struct error *err) {
    struct cluster *cl = c->cluster_id ? builder_cluster(b, c->cluster_id, DURABLE) : NULL;
    _cleanup_buf_ struct buf text = BUF_INIT(4096);
    if (err->code)
        (void)buf_printf(&text, "refused: %s: %s", file_of(c), err_text(err));
    else
        (void)buf_puts(&text, "ok");
    if (cl)
        (void)str_set(&cl->outcome, text.data);
    struct snapshot *root = builder_root(b);
    for (size_t i = 0; i < root->n_last_errors; i++)
        if (root->last_errors[i].uid == c->caller_uid) {
            (void)str_set(&root->last_errors[i].text, text.data);
            return;
        }
    if (!root->last_errors || root->n_last_errors >= LIMIT_LAST_ERRORS)
        return;
    root->last_errors[root->n_last_errors].uid = c->caller_uid;
    (void)str_set(&root->last_errors[root->n_last_errors++].text, text.data);
}

/* What a publication changed, for telling it after the answer, as the engine does. */
struct news {
    struct change *changes;
    size_t n;
};

static void publish(struct builder *b, struct news *ret) {
    const struct change *all = builder_changes(b, &ret->n);
    ret->changes = calloc(ret->n + 1, sizeof(*all));
    if (!ret->changes)
        abort();
    if (ret->n)
        memcpy(ret->changes, all, ret->n * sizeof(*all));
    if (builder_publish(b) < 0)
        abort();
}

static void tell(struct host *h, struct news *news) {
    if (h->fs)
        fs_changed(h->fs, news->changes, news->n);
    if (h->fast)
        fs_changed(h->fast, news->changes, news->n);
    free(news->changes);
}

static void apply_one(struct host *h, struct command *c) {
    if (c->type == COMMAND_SYNC) {
        list_add_tail(&h->parked, &c->link);
        return;
    }
    _cleanup_error_ struct error err = ERROR_INIT;
    struct builder *b = NULL;
    struct news news;
    if (builder_begin(h->model, &b) < 0)
        abort();
    h->made_id = 0;
    int code = apply_command(h, b, c, &err);
    record(b, c, &err);
    publish(b, &news);
    answer(c, code, h->made_id, &err);
    tell(h, &news);
}

static void apply_text(struct host *h, struct line *l) {
    struct builder *b = NULL;
    struct news news;
    if (builder_begin(h->model, &b) < 0)
        abort();
    int r = apply_line(h, b, l->text);
    publish(b, &news);
    tell(h, &news);
    (void)printf("%s\n", r < 0 ? "error" : "ok");
    (void)fflush(stdout);
    free(l->text);
    free(l);
}

static bool was_cancelled(struct host *h, uint64_t ticket) {
    for (size_t i = 0; i < h->cancelled.len; i++)
        if (h->cancelled.items[i] == ticket)
            return true;
    return false;
}

/* Parked syncs whose time has come. */
static void answer_parked(struct host *h) {
    list_for_each_safe(pos, tmp, &h->parked) {
        struct command *c = list_entry(pos, struct command, link);
        bool cancelled = was_cancelled(h, c->ticket);
        if (!h->converged && !cancelled && !h->stop)
            continue;
        list_del(&c->link);
        answer(c, cancelled ? -EINTR : h->stop ? -ECANCELED : 0, 0, NULL);
    }
    if (list_empty(&h->queue)) /* whatever else was cancelled has been answered before */
        h->cancelled.len = 0;
}

static void *run(void *arg) {
    struct host *h = arg;
    (void)pthread_mutex_lock(&h->lock);
    for (;;) {
        answer_parked(h);
        if (!list_empty(&h->lines)) {
            struct line *l = list_entry(h->lines.next, struct line, link);
            list_del(&l->link);
            (void)pthread_mutex_unlock(&h->lock);
            apply_text(h, l);
            (void)pthread_mutex_lock(&h->lock);
        } else if (!list_empty(&h->queue)) {
            struct command *c = list_entry(h->queue.next, struct command, link);
            list_del(&c->link);
            (void)pthread_mutex_unlock(&h->lock);
            apply_one(h, c);
            (void)pthread_mutex_lock(&h->lock);
        } else if (h->stop) {
            break;
        } else {
            (void)pthread_cond_wait(&h->wake, &h->lock);
        }
    }
    (void)pthread_mutex_unlock(&h->lock);
    return NULL;
}

int host_start(struct host *h) {
    list_init(&h->queue);
    list_init(&h->parked);
    list_init(&h->lines);
    h->next_id = h->next_ticket = 1;
    (void)pthread_mutex_init(&h->lock, NULL);
    (void)pthread_cond_init(&h->wake, NULL);
    (void)pthread_cond_init(&h->go_on, NULL);
    int r = model_new(&clock_real, &h->model);
    if (r == 0)
        r = store_open_memory(NULL, NULL, &h->store);
    if (r < 0)
        return r;
    h->gateway = (struct gateway){
        .model = h->model,
        .store = h->store,
        .clock = &clock_real,
        .template_library = "/tmp",
        .submit = submit,
        .cancel = cancel,
        .engine = h,
        .root_mode = 01777,
    };
    return -pthread_create(&h->thread, NULL, run, h);
}

void host_stall(struct host *h, bool stalled) {
    LOCK_SCOPE(&h->lock);
    h->stalled = stalled;
    (void)pthread_cond_broadcast(&h->go_on);
}

void host_stop(struct host *h) {
    (void)pthread_mutex_lock(&h->lock);
    h->stop = true;
    (void)pthread_cond_signal(&h->wake);
    (void)pthread_mutex_unlock(&h->lock);
    (void)pthread_join(h->thread, NULL);
    ticket_vec_done(&h->cancelled);
}

static void push_line(struct host *h, const char *text) {
    struct line *l = calloc(1, sizeof(*l));
    if (!l || !(l->text = strdup(text)))
        abort();
    LOCK_SCOPE(&h->lock);
    list_add_tail(&h->lines, &l->link);
    (void)pthread_cond_signal(&h->wake);
}

static void ended(void *arg, bool aborted) {
    (void)arg;
    (void)printf(aborted ? "aborted\n" : "ended\n");
    (void)fflush(stdout);
}

static int mount_one(struct host *h, const struct fs_options *options, struct error *err,
                     struct fs **ret) {
    int r = fs_new(options, &h->gateway, err, ret);
    return r == 0 ? fs_run(*ret, err) : r;
}

static int mount_both(struct host *h, const struct fs_options *options, const char *fast_read,
                      struct error *err) {
    struct fs_options fast = *options;
    fast.mountpoint = fast_read;
    fast.fast_read = true;
    fast.ended = NULL;
    int r = fast_read ? fs_check_fast_read(options->mountpoint, fast_read, err) : 0;
    if (r == 0)
        r = mount_one(h, options, err, &h->fs);
    return r == 0 && fast_read ? mount_one(h, &fast, err, &h->fast) : r;
}

/* Mounts, and does what standard input says until it ends. 0 or 1. */
static int serve(struct host *h, const struct fs_options *options, const char *fast_read) {
    _cleanup_error_ struct error err = ERROR_INIT;
    if (mount_both(h, options, fast_read, &err) < 0) {
        (void)fprintf(stderr, "fs-host: %s\n", err_text(&err));
        return 1;
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    char *line = NULL;
    size_t size = 0;
    for (ssize_t n; (n = getline(&line, &size, stdin)) > 0;) {
        line[strcspn(line, "\n")] = '\0';
        push_line(h, line);
    }
    free(line);
    host_stall(h, false);
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fprintf(stderr,
                      "usage: fs-host MOUNTPOINT [MOUNT-OPTIONS [WEDGED-SECONDS [FAST-READ]]]\n");
        return 2;
    }
    struct host host = {0};
    _cleanup_(guard_freep) struct guard *guard = NULL;
    if (guard_new(&guard) < 0 || host_start(&host) < 0)
        return 1;
    const struct fs_options options = {
        .mountpoint = argv[1],
        .mount_options = argc > 2 ? argv[2] : NULL,
        .wedged_s = argc > 3 ? (unsigned)atoi(argv[3]) : 0,
        .guard = guard,
        .ended = ended,
    };
    int r = serve(&host, &options, argc > 4 ? argv[4] : NULL);
    fs_stop(host.fast);
    fs_stop(host.fs);
    host_stop(&host);
    fs_free(host.fast);
    fs_free(host.fs);
    store_free(host.store);
    model_free(host.model);
    ticket_vec_done(&host.cancelled);
    return r;
}
