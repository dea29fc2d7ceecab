/* SPDX-License-Identifier: MIT */
#include "state.h"

#include "base/buf.h"
#include "base/file.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { FORMAT_VERSION = 1, COMMIT_EVERY_MS = 200, FILE_MODE = 0600, PID_TEXT_MAX = 32 };
/* The journal may grow to this before the document is written anew, or to twice the document. */
enum { JOURNAL_MIN = 8 << 20 };
#define DOCUMENT_MAX ((size_t)1 << 30)

struct state {
    char *path, *journal_path;
    int lock_fd, journal_fd;
    struct world *world;
    uint64_t generation;
    size_t journal_size, document_size;
    struct list dirty;   /* struct object.dirty */
    struct buf pending;  /* lines which are not in the journal yet */
    usec_t due;          /* when they have to be; USEC_NEVER = nothing is noted */
    bool pending_broken; /* memory ran out for a line: the document must be written anew */
};

static int lock_file(const char *path, int *ret_fd, struct error *err) {
    _cleanup_free_ char *name = text_format("%s.lock", path);
    if (!name)
        return -ENOMEM;
    _cleanup_close_ int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return err_set(err, -errno, "internal", "cannot open %s: %s", name, strerror(errno));
    char pid[PID_TEXT_MAX] = {0};
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
        pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
        return err_set(err, -EBUSY, "busy",
                       "the state file %s is in use by process %s; stop that simulator first or "
                       "name another file",
                       path, pid[0] ? pid : "(unknown)");
    }
    int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) != len)
        return err_set(err, -errno, "internal", "cannot write %s: %s", name, strerror(errno));
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int state_open(const char *path, struct state **ret, struct error *err) {
    struct state *state = calloc(1, sizeof(*state));
    if (!state)
        return -ENOMEM;
    *state = (struct state){.lock_fd = -1, .journal_fd = -1, .due = USEC_NEVER};
    list_init(&state->dirty);
    buf_init(&state->pending, DOCUMENT_MAX);
    state->path = strdup(path);
    state->journal_path = text_format("%s.journal", path);
    int r = state->path && state->journal_path ? lock_file(path, &state->lock_fd, err) : -ENOMEM;
    if (r == 0) {
        state->journal_fd =
            open(state->journal_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, FILE_MODE);
        if (state->journal_fd < 0)
            r = err_set(err, -errno, "internal", "cannot open %s: %s", state->journal_path,
                        strerror(errno));
    }
    if (r < 0) {
        state_abandon(state);
        return r;
    }
    *ret = state;
    return 0;
}

/* Records by kind and id while they are being read: later lines replace earlier ones. */
struct reading {
    json_t *kinds[RECORD_KINDS];
    uint64_t random_state;
    uint32_t next_public_address;
    bool found;
};

static int apply_line(struct reading *reading, json_t *line) {
    const char *letter = json_path_text(line, "t");
    const char *id = json_path_text(line, "id");
    const char *random_text = json_path_text(line, "random");
    if (random_text) {
        reading->random_state = strtoull(random_text, NULL, 16);
        reading->next_public_address = (uint32_t)json_path_int(line, "public", 0);
        return 0;
    }
    for (size_t kind = 0; letter && id && kind < RECORD_KINDS; kind++) {
        if (strcmp(record_letters[kind], letter) != 0)
            continue;
        json_t *value = json_object_get(line, "v");
        /* A name that is used again comes last, as it was made. */
        (void)json_object_del(reading->kinds[kind], id);
        if (!value)
            return 0;
        return json_object_set_new(value, "id", json_string(id)) < 0 ||
                       json_object_set(reading->kinds[kind], id, value) < 0
                   ? -ENOMEM
                   : 0;
    }
    return -EINVAL;
}

static int read_document(struct state *state, struct reading *reading, struct error *err) {
    if (access(state->path, F_OK) < 0 && errno == ENOENT)
        return 0;
    struct stat status;
    if (stat(state->path, &status) == 0 && status.st_size == 0)
        return 0;
    json_error_t problem;
    _cleanup_json_ json_t *document = json_load_file(state->path, 0, &problem);
    if (!document)
        return err_set(err, -EINVAL, "invalid_config", "%s is no state file: %s (line %d)",
                       state->path, problem.text, problem.line);
    if (json_path_int(document, "version", 0) != FORMAT_VERSION)
        return err_set(err, -EINVAL, "invalid_config",
                       "%s is not a state file of this version; name another file", state->path);
    state->generation = (uint64_t)json_path_int(document, "generation", 0);
    reading->found = true;
    size_t i;
    json_t *line;
    json_array_foreach(json_object_get(document, "records"), i, line) {
        int r = apply_line(reading, line);
        if (r < 0)
            return err_set(err, r, "invalid_config", "%s: record %zu cannot be read", state->path,
                           i + 1);
    }
    return 0;
}

static int read_journal(struct state *state, struct reading *reading) {
    _cleanup_buf_ struct buf text = BUF_INIT(DOCUMENT_MAX);
    int r = file_read(state->journal_path, &text);
    if (r < 0)
        return r;
    bool first = true;
    char *rest = text.data, *end;
    while (text.len && (end = strchr(rest, '\n'))) {
        _cleanup_json_ json_t *line = json_loadb(rest, (size_t)(end - rest), 0, NULL);
        rest = end + 1;
        if (!line)
            return 0; /* torn by a crash: what follows was never promised */
        if (first) {
            if ((uint64_t)json_path_int(line, "generation", -1) != state->generation)
                return 0;
            first = false;
            continue;
        }
        r = apply_line(reading, line);
        if (r < 0)
            return r;
    }
    return 0;
}

static int build_world(struct world *world, struct reading *reading, struct error *err) {
    for (size_t kind = 0; kind < RECORD_KINDS; kind++) {
        const char *id;
        json_t *record;
        json_object_foreach(reading->kinds[kind], id, record) {
            int r = record_load(world, (enum object_kind)kind, record, err);
            if (r < 0)
                return r;
        }
    }
    record_finish(world);
    if (reading->found && reading->random_state) {
        world->random_state = reading->random_state;
        world->next_public_address = reading->next_public_address;
    }
    return 0;
}

/* Appends {"t":LETTER,"id":ID[,"v":{...}]} and a newline. */
static int put_line(struct buf *b, const struct object *object, bool gone) {
    _cleanup_json_ json_t *record = gone ? NULL : record_save(object);
    if (!gone && !record)
        return -ENOMEM;
    (void)buf_printf(b, "{\"t\":\"%s\",\"id\":\"", record_letters[object->kind]);
    (void)buf_put_json(b, object->id);
    (void)buf_putc(b, '"');
    if (record) {
        _cleanup_free_ char *text = json_dumps(record, JSON_COMPACT);
        if (!text)
            return -ENOMEM;
        (void)buf_puts(b, ",\"v\":");
        (void)buf_puts(b, text);
    }
    (void)buf_puts(b, "}\n");
    return buf_error(b);
}

static void put_meta(const struct state *state, struct buf *b) {
    (void)buf_printf(b, "{\"random\":\"%" PRIx64 "\",\"public\":%" PRIu32 "}",
                     state->world->random_state, state->world->next_public_address);
}

static int put_object(struct buf *b, const struct object *object) {
    (void)buf_puts(b, ",\n");
    int r = put_line(b, object, false);
    if (r == 0)
        buf_truncate(b, b->len - 1);
    return r;
}

static int put_group(struct buf *b, const struct group *group) {
    int r = put_object(b, &group->object);
    list_for_each(link, &group->objects) {
        const struct object *object = list_entry(link, struct object, member);
        if (r == 0 && object->kind != OBJECT_VM)
            r = put_object(b, object);
    }
    return r;
}

static int put_document(const struct state *state, struct buf *b) {
    const struct world *world = state->world;
    (void)buf_printf(b, "{\"version\":%d,\"generation\":%" PRIu64 ",\n\"records\":[\n",
                     FORMAT_VERSION, state->generation);
    put_meta(state, b);
    int r = 0;
    list_for_each(link, &world->groups) {
        if (r == 0)
            r = put_group(b, list_entry(link, struct group, object.member));
    }
    list_for_each(link, &world->vms) {
        if (r == 0)
            r = put_object(b, &list_entry(link, struct vm, link)->object);
    }
    list_for_each(link, &world->operations) {
        if (r == 0)
            r = put_object(b, list_entry(link, struct object, member));
    }
    (void)buf_puts(b, "\n]}\n");
    return r < 0 ? r : buf_error(b);
}

/* Everything noted is in the files. */
static void all_written(struct state *state) {
    list_for_each_safe(link, next, &state->dirty) list_del(link);
    buf_clear(&state->pending);
    state->pending_broken = false;
    state->due = USEC_NEVER;
}

/* Writes the document anew and begins its journal. */
static int write_document(struct state *state) {
    _cleanup_buf_ struct buf text = BUF_INIT(DOCUMENT_MAX);
    state->generation++;
    int r = put_document(state, &text);
    if (r == 0)
        r = file_write(state->path, text.data, text.len, FILE_MODE);
    if (r < 0)
        return r;
    char head[64];
    int len = snprintf(head, sizeof(head), "{\"generation\":%" PRIu64 "}\n", state->generation);
    if (ftruncate(state->journal_fd, 0) < 0)
        return -errno;
    r = file_write_fd(state->journal_fd, head, (size_t)len);
    if (r < 0)
        return r;
    state->journal_size = (size_t)len;
    state->document_size = text.len;
    all_written(state);
    return 0;
}

static int reading_init(struct reading *reading) {
    *reading = (struct reading){0};
    for (size_t i = 0; i < RECORD_KINDS; i++)
        if (!(reading->kinds[i] = json_object()))
            return -ENOMEM;
    return 0;
}

static void reading_done(struct reading *reading) {
    for (size_t i = 0; i < RECORD_KINDS; i++)
        json_decref(reading->kinds[i]);
}

/* Fills the world from the document and its journal, if they are there. */
static int read_world(struct state *state, struct world *world, bool *ret_found,
                      struct error *err) {
    _cleanup_(reading_done) struct reading reading;
    int r = reading_init(&reading);
    if (r == 0)
        r = read_document(state, &reading, err);
    if (r == 0 && reading.found && (r = read_journal(state, &reading)) < 0)
        r = err_wrap(err, r, "%s", state->journal_path);
    if (r == 0)
        r = build_world(world, &reading, err);
    if (r == 0)
        *ret_found = reading.found;
    return r;
}

int state_load(struct state *state, struct world *world, bool *ret_found, struct error *err) {
    int r = read_world(state, world, ret_found, err);
    if (r < 0)
        return r;
    state->world = world;
    world->state = state;
    if (!*ret_found && (r = world_provision(world)) < 0)
        return r;
    r = write_document(state);
    return r < 0 ? err_wrap(err, r, "cannot write %s", state->path) : 0;
}

static void note(struct state *state) {
    if (state->due == USEC_NEVER)
        state->due = clock_wall(&clock_real) + COMMIT_EVERY_MS * USEC_MS;
}

void state_touch(struct state *state, struct object *object) {
    if (list_empty(&object->dirty))
        list_add_tail(&state->dirty, &object->dirty);
    note(state);
}

void state_forget(struct state *state, const struct object *object) {
    if (put_line(&state->pending, object, true) < 0)
        state->pending_broken = true;
    note(state);
}

static int append_journal(struct state *state, bool durable) {
    struct buf *lines = &state->pending;
    size_t before = lines->len;
    int r = 0;
    list_for_each(link, &state->dirty) {
        if (r == 0)
            r = put_line(lines, list_entry(link, struct object, dirty), false);
    }
    put_meta(state, lines);
    (void)buf_putc(lines, '\n');
    if (r < 0 || buf_error(lines)) {
        buf_truncate(lines, before);
        return r < 0 ? r : buf_error(lines);
    }
    r = file_write_fd(state->journal_fd, lines->data, lines->len);
    if (r == 0 && durable && fdatasync(state->journal_fd) < 0)
        r = -errno;
    if (r < 0) {
        /* Half a line may stand there: it must not hide what comes later. */
        (void)!ftruncate(state->journal_fd, (off_t)state->journal_size);
        buf_truncate(lines, before);
        return r;
    }
    state->journal_size += lines->len;
    all_written(state);
    return 0;
}

int state_commit(struct state *state, bool durable) {
    if (state->due == USEC_NEVER)
        return 0;
    size_t limit = 2 * state->document_size;
    if (state->pending_broken || state->journal_size > (limit > JOURNAL_MIN ? limit : JOURNAL_MIN))
        return write_document(state);
    return append_journal(state, durable);
}

usec_t state_due(const struct state *state, usec_t now) {
    return state->due == USEC_NEVER ? USEC_NEVER : usec_sub(state->due, now);
}

void state_postpone(struct state *state, usec_t span) {
    state->due = clock_wall(&clock_real) + span;
}

void state_abandon(struct state *state) {
    if (!state)
        return;
    list_for_each_safe(link, next, &state->dirty) list_del(link);
    if (state->journal_fd >= 0)
        (void)close(state->journal_fd);
    if (state->lock_fd >= 0)
        (void)close(state->lock_fd);
    buf_done(&state->pending);
    free(state->path);
    free(state->journal_path);
    free(state);
}

void state_close(struct state *state) {
    if (state && state->world)
        (void)write_document(state);
    state_abandon(state);
}
