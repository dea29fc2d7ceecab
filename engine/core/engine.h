/* SPDX-License-Identifier: MIT */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

/*
 * The engine: the only writer. It applies commands, compares what is wanted with what the cloud has
 * (plan.h), writes its intents down before it acts, and publishes each new state as a snapshot.
 *
 * The order of a tick never changes:
 *     apply -> plan -> commit -> publish -> reply -> send -> notify
 * so nothing outside the process sees what is not on disk, and a commit that fails drops the whole
 * build as if it had never been.
 *
 * Threads: engine_run (or engine_tick) on one thread, the engine thread; engine_submit,
 * engine_cancel and engine_stop from any thread; everything else before engine_run or after it.
 * Clock, random numbers, store and cloud are given, so a whole run can be repeated exactly.
 */

#include "base/random.h"
#include "cyclecloud/provider.h"
#include "images.h"
#include "model/builder.h"
#include "model/command.h"
#include "store/store.h"

struct engine;

/* What nodes are told, and what is the same for all of them. Borrowed until engine_free. */
struct engine_site {
    const char *server_url;      /* how a node reaches the server: "http://10.0.0.4:8080" */
    const char *ca_sha256;       /* of the server's certificate authority, "" for plain http */
    const char *ssh_public_key;  /* one authorized_keys line for the administrator */
    const char *admin_username;  /* "cyclecloud" where a template says nothing */
    const char *default_account; /* used by a template without Credentials; NULL: none */
};

struct engine_options {
    struct model *model;
    struct store *store;
    struct cyclecloud_provider provider;
    const struct clock *clock;
    const struct random_source *random;
    const struct image_table *images;
    struct engine_site site;
    uint64_t history_bytes; /* a stream of history is cut at this length; 0 = 64 MiB */
    /* Sleeps until there is I/O, a wake, or `timeout` has passed, and runs the provider's
       callbacks. 0 or -errno. Engine thread. */
    int (*wait)(void *arg, usec_t timeout);
    /* Ends a wait that goes on, or the next one. Any thread. */
    void (*wake)(void *arg);
    void *wait_arg;
    /* Told after each publication what changed; NULL and 0: everything, for there was no memory to
       list it. Engine thread; must not block. May be NULL. */
    void (*published)(void *arg, const struct change *changes, size_t n);
    void *published_arg;
    /* Checks a configuration, writes it down and uses it: the whole text, or (account) the lines of
       one account. Engine thread. 0, or -errno with words and nothing changed. NULL: it cannot be
       written. May call engine_set_config and engine_config_changed. */
    int (*configure)(void *arg, const char *account, const char *text, size_t len,
                     struct error *err);
    void *configure_arg;
};

/* An account as the tree shows it. */
struct engine_account {
    const char *name;
    const char *text; /* its lines, secrets masked */
};

/*
 * Reads the stored state and publishes it. Nothing is planned before the cloud has been listed
 * once. Returns 0, -EPROTO (written by a newer version), -EBADMSG (damaged record, named in `err`),
 * -ENOMEM or the store's error.
 */
int engine_new(const struct engine_options *options, struct error *err, struct engine **ret);

/* Runs ticks until engine_stop. Parked commands are answered -ECANCELED at the end. 0 or -errno. */
int engine_run(struct engine *e);

/* One tick without waiting. Returns the wall time of the next thing to do (USEC_NEVER: none). */
usec_t engine_tick(struct engine *e);

/* Lets engine_run return. Any thread. */
void engine_stop(struct engine *e);
/* Close the provider first: a completion after this would find nobody. Commands that were not
   answered are answered -ECANCELED. Accepts NULL. */
void engine_free(struct engine *e);
DEFINE_CLEANUP(struct engine, engine_free);

/* gateway.submit and gateway.cancel; `engine` is a struct engine. See view/gateway.h. */
int engine_submit(void *engine, struct command *command, uint64_t *ret_ticket);
void engine_cancel(void *engine, uint64_t ticket);

/* The accounts or other configuration of the provider changed: holds for credentials are lifted and
   the catalogs are read anew. Engine thread (from a wait callback) or before engine_run. */
void engine_config_changed(struct engine *e);

/* Shows this configuration in the tree (all is copied): with the next tick, and at once before
   engine_run. Engine thread. 0, -ENOMEM, or what the store said. */
int engine_set_config(struct engine *e, const char *text, const struct engine_account *accounts,
                      size_t n);

#endif
