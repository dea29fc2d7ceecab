/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_CORE_FIXTURE_H
#define TESTS_UNIT_CORE_FIXTURE_H

/*
 * The engine on its own time, over a cloud and a store in memory. A run is exactly repeatable, so
 * it can be cut at every place where a process can die, and begun again from what the store has.
 * All functions assert by themselves.
 */

#include "core/engine.h"
#include "fake-cloud.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A cluster with a head and an array `execute` of up to 100 nodes. */
extern const char template_text[];
/* An array `execute` of up to 300 nodes, and no head. */
extern const char large_template_text[];

struct world {
    usec_t now;          /* monotonic */
    int64_t wall_offset; /* of the wall clock: it is set by changing this */
    usec_t pace;         /* which each look at the clock takes */
    uint64_t seed;
    struct clock clock;
    struct random_source random;
    struct image_table *images;
    struct store *store;
    struct model *model;
    struct fake_cloud *cloud;
    struct engine *engine;
    unsigned commits, fail_commit; /* the n-th commit fails and the engine is dropped */
    bool commit_failed;
    unsigned full_from, full_for;     /* so many commits from this one on find the disk full; the
                                         engine stays */
    uint64_t history_bytes;           /* of the engine's options */
    usec_t (*tick)(struct engine *e); /* NULL: engine_tick */
    void (*published)(void *arg, const struct change *changes, size_t n); /* may be NULL */
    struct cyclecloud_provider provider; /* without ops: the fake cloud itself */
    const char *server_url;              /* NULL: one that is good enough */
    unsigned runs;                       /* engines that were started */
    bool silent;                         /* no VM calls home */
    unsigned rest;                       /* steps that nothing was due in */
};

struct answer_seen {
    bool given;
    int code, http;
    char message[512], text[512];
};

/* A world with an engine; `prepare` also makes the cluster hpc from the template. */
void world_begin(struct world *w);
void world_end(struct world *w);
void prepare(struct world *w);
void engine_begin(struct world *w);
void engine_end(struct world *w);

/* A new engine on the same store and cloud, after its first tick. */
void restart(struct world *w);

/* A command for the cluster hpc. */
struct command *on_cluster(struct world *w, enum command_type type);
/* Gives a command to the engine; `a` must live until it is answered. A crash drops the engine, and
 * with it whatever waits for an answer: then that is -ECANCELED. */
void submit(struct world *w, struct command *c, struct answer_seen *a);
struct answer_seen do_command(struct world *w, struct command *c);
struct answer_seen create_cluster(struct world *w);
struct answer_seen set_template(struct world *w, const char *text);
struct answer_seen set_count(struct world *w, enum count_sign sign, int64_t n);
struct answer_seen set_target(struct world *w, enum target target);

/* One step of the world: a tick, then whatever comes next. A crash is followed by a new engine. */
void step(struct world *w);
void run_for(struct world *w, usec_t duration);

/* Of the cluster hpc; 0 and CLUSTER_STATE_MAX when it is not there. */
uint64_t cluster_id(struct world *w);
unsigned ready_nodes(struct world *w);
enum cluster_state state_of(struct world *w);
void print_state(struct world *w);
/* Runs for twenty minutes; then `n` nodes are ready and so many VMs exist. */
void expect_ready(struct world *w, unsigned n);
/* Runs for twenty minutes; then the cluster is off and nothing of it is in the cloud. */
void expect_off(struct world *w);

#endif
