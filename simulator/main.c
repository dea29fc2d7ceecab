/* SPDX-License-Identifier: MIT */
#include "agent.h"
#include "base/file.h"
#include "base/log.h"
#include "fault.h"
#include "http.h"
#include "options.h"
#include "quota.h"
#include "state.h"
#include "throttle.h"
#include "traffic.h"
#include "world.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

/* armsim: the program. Everything happens in one event loop. */

const char *argp_program_version = "armsim " CYCLECLOUDFS_VERSION;

enum { LOOP_WAIT_MAX_MS = 1000, RETRY_COMMIT_MS = 500 };

struct program {
    struct options options;
    struct world world;
    struct faults faults;
    struct http *http;
    CURLM *waiter; /* waits on descriptors when there are no agents */
    int signal_fd;
};

static int block_signals(int *ret_fd) {
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret_fd < 0 ? -errno : 0;
}

/* Where the sizes are: as told, in the source tree that this was built from, or installed. */
static int load_catalogue(const struct options *options, struct catalogue **ret,
                          struct error *err) {
    static const char *const places[] = {ARMSIM_DATA_DIR "/sizes.json",
                                         ARMSIM_SOURCE_DIR "/sizes.json"};
    if (options->sizes_file)
        return catalogue_load(options->sizes_file, ret, err);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (access(places[i], R_OK) == 0)
            return catalogue_load(places[i], ret, err);
    return err_set(err, -ENOENT, "not_found",
                   "there is no sizes.json in %s nor in %s; name the file with --sizes", places[0],
                   places[1]);
}

static int add_faults(struct program *program, struct error *err) {
    faults_init(&program->faults);
    program->world.faults = &program->faults;
    for (size_t i = 0; i < program->options.faults.len; i++) {
        int r = faults_add(&program->faults, program->options.faults.items[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int restore(struct program *program, struct error *err) {
    struct world *world = &program->world;
    struct state *state = NULL;
    bool found;
    if (!program->options.state_file)
        return world_provision(world);
    int r = state_open(program->options.state_file, &state, err);
    if (r < 0)
        return r;
    r = state_load(state, world, &found, err);
    if (r < 0) {
        world->state = NULL;
        state_abandon(state);
    }
    return r;
}

static int start_world(struct program *program, struct error *err) {
    struct catalogue *catalogue = NULL;
    int r = load_catalogue(&program->options, &catalogue, err);
    return r < 0 ? r : world_init(&program->world, &program->options, catalogue);
}

static int start_quota(struct program *program, struct error *err) {
    struct world *world = &program->world;
    return quota_new(world->catalogue, &program->options.quotas, &world->quota, err);
}

static int start_traffic(struct program *program, struct error *err) {
    return traffic_new(program->options.log_file, &program->world.traffic, err);
}

static int start_throttle(struct program *program, struct error *err) {
    (void)err;
    if (program->options.no_throttle)
        return 0;
    program->world.throttle = throttle_new((unsigned)program->options.vm_budget);
    return program->world.throttle ? 0 : -ENOMEM;
}

static int start_agents(struct program *program, struct error *err) {
    (void)err;
    return program->options.no_agents ? 0 : agents_new(&program->world, &program->world.agents);
}

static int start_http(struct program *program, struct error *err) {
    return http_new(&program->world, program->options.listen, &program->http, err);
}

static int start(struct program *program, struct error *err) {
    static int (*const steps[])(struct program * program, struct error * err) = {
        start_world,    start_quota,  add_faults, start_traffic,
        start_throttle, start_agents, restore,    start_http,
    };
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        int r = steps[i](program, err);
        if (r < 0)
            return err_wrap(err, r, "armsim");
    }
    return 0;
}

static int announce(struct program *program, struct error *err) {
    char text[16];
    int len = snprintf(text, sizeof(text), "%u\n", http_port(program->http));
    const char *path = program->options.port_file;
    int r = path ? file_write(path, text, (size_t)len, 0644) : 0;
    if (r < 0)
        return err_set(err, r, "internal", "cannot write the port file %s: %s", path, strerror(-r));
    log_info("armsim listens on %s", program->world.base_url);
    return 0;
}

static int wait_ms(struct program *program) {
    struct world *world = &program->world;
    usec_t now = clock_wall(&clock_real);
    usec_t wait = LOOP_WAIT_MAX_MS * USEC_MS;
    usec_t due[] = {usec_sub(timer_next(&world->timers), now), http_timeout(program->http),
                    world->state ? state_due(world->state, now) : USEC_NEVER};
    for (size_t i = 0; i < ARRAY_SIZE(due); i++)
        wait = due[i] < wait ? due[i] : wait;
    return (int)((wait + USEC_MS - 1) / USEC_MS);
}

/* Changes that nobody waits for are written together. */
static void commit_if_due(struct world *world) {
    if (!world->state || state_due(world->state, clock_wall(&clock_real)) > 0)
        return;
    int r = state_commit(world->state, false);
    if (r < 0) {
        (void)log_errno(r, "cannot write the state file, trying again");
        state_postpone(world->state, RETRY_COMMIT_MS * USEC_MS);
    }
}

static void loop(struct program *program) {
    struct world *world = &program->world;
    struct signalfd_siginfo signal_info;
    CURLM *multi = world->agents ? agents_multi(world->agents) : program->waiter;
    while (read(program->signal_fd, &signal_info, sizeof(signal_info)) < 0) {
        struct curl_waitfd fds[] = {{.fd = http_fd(program->http), .events = CURL_WAIT_POLLIN},
                                    {.fd = program->signal_fd, .events = CURL_WAIT_POLLIN}};
        (void)curl_multi_poll(multi, fds, ARRAY_SIZE(fds), wait_ms(program), NULL);
        http_run(program->http);
        timer_run(&world->timers, clock_wall(&clock_real));
        if (world->agents)
            agents_run(world->agents);
        commit_if_due(world);
    }
}

static void finish(struct program *program) {
    struct world *world = &program->world;
    struct catalogue *catalogue = world->catalogue;
    http_free(program->http);
    state_close(world->state);
    struct agents *agents = world->agents;
    if (world->quota)
        world_done(world);
    agents_free(agents);
    faults_done(&program->faults);
    throttle_free(world->throttle);
    traffic_free(world->traffic);
    quota_free(world->quota);
    catalogue_free(catalogue);
    if (program->waiter)
        (void)curl_multi_cleanup(program->waiter);
    if (program->signal_fd >= 0)
        (void)close(program->signal_fd);
    options_done(&program->options);
}

int main(int argc, char **argv) {
    _cleanup_error_ struct error err = ERROR_INIT;
    struct program program = {.signal_fd = -1};
    list_init(&program.faults.list);
    options_parse(&program.options, argc, argv);
    int r = block_signals(&program.signal_fd);
    if (r == 0 && !(program.waiter = curl_multi_init()))
        r = -ENOMEM;
    if (r == 0)
        r = start(&program, &err);
    if (r == 0)
        r = announce(&program, &err);
    if (r == 0)
        loop(&program);
    else
        log_error("%s", err.code ? err_text(&err) : strerror(-r));
    finish(&program);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
