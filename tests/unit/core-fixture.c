/* SPDX-License-Identifier: MIT */
#include "core-fixture.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char template_text[] = "[cluster hpc]\n"
                             "[[node defaults]]\n"
                             "Abstract = true\n"
                             "Credentials = azure\n"
                             "Region = eastus\n"
                             "SubnetId = rg/vnet/subnet\n"
                             "ImageName = almalinux8\n"
                             "[[node head]]\n"
                             "Extends = defaults\n"
                             "MachineType = Standard_D4s_v5\n"
                             "[[nodearray execute]]\n"
                             "Extends = defaults\n"
                             "MachineType = Standard_F2s_v2\n"
                             "MaxCount = 100\n";

const char large_template_text[] = "[cluster hpc]\n"
                                   "[[nodearray execute]]\n"
                                   "Credentials = azure\n"
                                   "Region = eastus\n"
                                   "SubnetId = rg/vnet/subnet\n"
                                   "ImageName = almalinux8\n"
                                   "MachineType = Standard_F2s_v2\n"
                                   "MaxCount = 300\n";

static usec_t read_clock(void *arg) {
    struct world *w = arg;
    return w->now += w->pace;
}

static usec_t read_wall(void *arg) {
    const struct world *w = arg;
    return (usec_t)((int64_t)w->now + w->wall_offset);
}

static int before_commit(void *arg) {
    struct world *w = arg;
    w->commits++;
    if (w->fail_commit && w->commits == w->fail_commit) {
        w->commit_failed = true;
        return -EIO;
    }
    return w->full_from && w->commits >= w->full_from && w->commits - w->full_from < w->full_for
               ? -ENOSPC
               : 0;
}

static void wake(void *arg) {
    (void)arg;
}

void engine_begin(struct world *w) {
    struct error err = ERROR_INIT;
    w->clock = (struct clock){read_wall, read_clock, w};
    w->random = random_seeded(&w->seed);
    assert_int_equal(model_new(&w->clock, &w->model), 0);
    struct engine_options o = {
        .model = w->model,
        .store = w->store,
        .provider = w->provider.ops ? w->provider : fake_cloud_provider(w->cloud),
        .clock = &w->clock,
        .random = &w->random,
        .images = w->images,
        .history_bytes = w->history_bytes,
        .site = {w->server_url ? w->server_url : "http://127.0.0.1:1", "", "ssh-ed25519 AAAA test",
                 "cyclecloud", "azure"},
        .wake = wake,
        .published = w->published,
    };
    int r = engine_new(&o, &err, &w->engine);
    if (r < 0)
        print_message("engine_new: %s\n", err_text(&err));
    assert_int_equal(r, 0);
    err_done(&err);
    w->runs++;
}

void engine_end(struct world *w) {
    fake_cloud_disconnect(w->cloud);
    engine_free(w->engine);
    model_free(w->model);
    w->engine = NULL;
}

/* The agents of VMs whose answer was lost in a crash try again: their token is not known. */
static void agents_forget(struct world *w) {
    for (unsigned i = 0; fake_cloud_vm(w->cloud, i); i++)
        fake_cloud_vm(w->cloud, i)->called = false;
}

void restart(struct world *w) {
    engine_end(w);
    engine_begin(w);
    agents_forget(w);
    (void)engine_tick(w->engine);
}

void world_begin(struct world *w) {
    static const char images[] = "[images]\nalmalinux8 = almalinux:almalinux-hpc:8:latest\n";
    *w = (struct world){.now = 1700000000 * USEC_SEC, .seed = 7};
    assert_int_equal(image_table_parse(images, sizeof(images) - 1, NULL, &w->images), 0);
    assert_int_equal(store_open_memory(before_commit, w, &w->store), 0);
    w->cloud = fake_cloud_new(&w->now);
    engine_begin(w);
}

void world_end(struct world *w) {
    engine_end(w);
    fake_cloud_free(w->cloud);
    store_free(w->store);
    image_table_free(w->images);
}

/* --- commands ----------------------------------------------------------------------------------
 */

static void seen(void *arg, const struct reply *reply) {
    struct answer_seen *a = arg;
    assert_false(a->given);
    a->given = true;
    a->code = reply->code;
    a->http = reply->http_status;
    (void)snprintf(a->message, sizeof(a->message), "%s", reply->message);
    (void)snprintf(a->text, sizeof(a->text), "%s", reply->text);
}

/* A crash drops the engine, and with it whatever waits for an answer: then the answer is
 * -ECANCELED. */
void submit(struct world *w, struct command *c, struct answer_seen *a) {
    *a = (struct answer_seen){0};
    c->reply = seen;
    c->arg = a;
    assert_int_equal(engine_submit(w->engine, c, NULL), 0);
}

static usec_t tick(struct world *w) {
    return w->tick ? w->tick(w->engine) : engine_tick(w->engine);
}

struct answer_seen do_command(struct world *w, struct command *c) {
    struct answer_seen a;
    submit(w, c, &a);
    for (int i = 0; i < 100 && !a.given; i++) {
        usec_t next = tick(w);
        if (!a.given) /* the engine waits for its store */
            w->now = next > w->now ? next : w->now + USEC_MS;
    }
    assert_true(a.given);
    return a;
}

uint64_t cluster_id(struct world *w) {
    const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    uint64_t id = c ? c->id : 0;
    model_release(s);
    return id;
}

struct command *on_cluster(struct world *w, enum command_type type) {
    struct command *c = command_new(type);
    c->cluster_id = cluster_id(w);
    return c;
}

struct answer_seen create_cluster(struct world *w) {
    struct command *c = command_new(COMMAND_CREATE_CLUSTER);
    command_set_name(c, "hpc");
    return do_command(w, c);
}

struct answer_seen set_template(struct world *w, const char *text) {
    struct command *c = on_cluster(w, COMMAND_SET_TEMPLATE);
    command_set_text(c, text, strlen(text));
    return do_command(w, c);
}

struct answer_seen set_count(struct world *w, enum count_sign sign, int64_t n) {
    struct command *c = on_cluster(w, COMMAND_SET_COUNT);
    command_add_count(c, NULL, sign, n);
    return do_command(w, c);
}

struct answer_seen set_target(struct world *w, enum target target) {
    struct command *c = on_cluster(w, COMMAND_SET_TARGET);
    c->target = target;
    return do_command(w, c);
}

/* --- time --------------------------------------------------------------------------------------
 */

static bool token_of(const struct fake_vm *vm, char *token, size_t size) {
    json_t *data = json_loads(vm->custom_data, 0, NULL);
    const char *text = json_string_value(json_object_get(data, "token"));
    (void)snprintf(token, size, "%s", text ? text : "");
    json_decref(data);
    return *token;
}

static void keep_token(struct fake_vm *vm, const char *registered) {
    json_t *answer = json_loads(registered, 0, NULL);
    const char *token = json_string_value(json_object_get(answer, "token"));
    (void)snprintf(vm->token, sizeof(vm->token), "%s", token ? token : "");
    json_decref(answer);
}

static bool report_ready(struct world *w, const struct fake_vm *vm) {
    struct command *c = command_new(COMMAND_AGENT_STATUS);
    static const char body[] = "{\"phase\":\"Cloud.AwaitInstallation\",\"state\":\"completed\"}";
    command_set_name(c, vm->token);
    command_set_text(c, body, strlen(body));
    return do_command(w, c).http == 200;
}

/* VMs that have booted call home, as an agent does. */
static void agents_call(struct world *w) {
    for (unsigned i = 0; !w->silent && fake_cloud_vm(w->cloud, i); i++) {
        struct fake_vm *vm = fake_cloud_vm(w->cloud, i);
        char token[256], body[512];
        if (!vm->running || vm->called || !token_of(vm, token, sizeof(token)))
            continue;
        if (*vm->token && report_ready(w, vm)) {
            vm->called = true;
            continue;
        }
        (void)snprintf(body, sizeof(body),
                       "{\"vm_id\":\"%s\",\"resource_id\":\"%s\",\"hostname\":\"h\",\"addresses\":{"
                       "\"private\":\"10.0.0.1\"}}",
                       vm->vm_id, vm->resource_id);
        struct command *c = command_new(COMMAND_AGENT_REGISTER);
        command_set_name(c, token);
        command_set_text(c, body, strlen(body));
        struct answer_seen a = do_command(w, c);
        if (a.http == 200)
            keep_token(vm, a.text);
        vm->called = a.http == 200 && report_ready(w, vm);
    }
}

static bool must_drop(struct world *w) {
    bool failed = w->commit_failed;
    w->commit_failed = false;
    return fake_cloud_crashed(w->cloud) || failed;
}

/* The engine's time follows the wall clock. */
static usec_t monotonic(const struct world *w, usec_t at) {
    if (at == USEC_NEVER || (w->wall_offset > 0 && at <= (usec_t)w->wall_offset))
        return at == USEC_NEVER ? at : 0;
    return (usec_t)((int64_t)at - w->wall_offset);
}

/* One step of the world; a crash in it is followed by a new engine. */
void step(struct world *w) {
    usec_t next = tick(w);
    if (must_drop(w)) {
        engine_end(w);
        engine_begin(w);
        agents_forget(w);
        return;
    }
    next = monotonic(w, next);
    usec_t answer = fake_cloud_next(w->cloud);
    usec_t limit = w->now + 5 * USEC_SEC;
    usec_t to = next < answer ? next : answer;
    w->now = to > limit ? limit : to < w->now ? w->now + USEC_MS : to;
    if (fake_cloud_deliver(w->cloud) == 0)
        agents_call(w);
}

void run_for(struct world *w, usec_t duration) {
    usec_t end = w->now + duration;
    for (unsigned i = 0; w->now < end && i < 20000; i++)
        step(w);
}

unsigned ready_nodes(struct world *w) {
    const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    unsigned n = c ? c->counts.by_status[NODE_READY] + c->head_counts.by_status[NODE_READY] : 0;
    model_release(s);
    return n;
}

enum cluster_state state_of(struct world *w) {
    const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    enum cluster_state state = c ? c->state : CLUSTER_STATE_MAX;
    model_release(s);
    return state;
}

void print_state(struct world *w) {
    const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    if (c) {
        print_message("state %s, plan: %s, notes: %s, error: %s\n", cluster_state_file(c->state),
                      str_text(c->plan), str_text(c->notes), str_text(c->outcome));
        uint64_t position = 0;
        for (const struct node *n; (n = cluster_next_node(c, &position));)
            print_message("  %s %s set=%llu intent=%llu instance=%s hold=%s %s\n",
                          str_text(n->name), node_status_name(n->status),
                          (unsigned long long)n->set_id, (unsigned long long)n->intent_id,
                          str_text(n->instance_id), hold_name(n->hold), str_text(n->message));
    }
    model_release(s);
}

void expect_ready(struct world *w, unsigned n) {
    run_for(w, 20 * USEC_MIN);
    if (ready_nodes(w) != n || fake_cloud_vms(w->cloud) != n)
        print_state(w);
    assert_int_equal(ready_nodes(w), n);
    assert_int_equal(fake_cloud_vms(w->cloud), n);
}

void expect_off(struct world *w) {
    run_for(w, 20 * USEC_MIN);
    if (state_of(w) != CLUSTER_OFF)
        print_state(w);
    assert_int_equal(state_of(w), CLUSTER_OFF);
    assert_int_equal(fake_cloud_vms(w->cloud), 0);
    assert_int_equal(fake_cloud_groups(w->cloud), 0);
}

void prepare(struct world *w) {
    world_begin(w);
    assert_int_equal(create_cluster(w).code, 0);
    struct answer_seen a = set_template(w, template_text);
    if (a.code)
        print_message("%s\n", a.message);
    assert_int_equal(a.code, 0);
    run_for(w, 2 * USEC_SEC);
}
