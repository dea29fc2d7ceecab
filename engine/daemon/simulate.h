/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_SIMULATE_H
#define DAEMON_SIMULATE_H

/*
 * The simulated Azure of --simulate: the program armsim on a loopback port, with
 * STATE/armsim/{pid,port,state,log}. It runs in a session of its own, so it goes on when the daemon
 * is killed, as Azure would; the next start adopts it if it still answers, and otherwise starts one
 * on the same state file and, if it is free, the same port.
 */

#include "config.h"

#define SIMULATE_ACCOUNT "azure"
#define SIMULATE_SUBSCRIPTION "00000000-0000-0000-0000-000000000001"

struct simulator;

/*
 * Adopts or starts armsim. `options` are further arguments for it, separated by blanks (NULL:
 * none); an adopted one keeps those it was started with. Waits until it answers, ten seconds at
 * most. Returns 0 or -errno with words.
 */
int simulate_start(const char *state_dir, const char *options, struct error *err,
                   struct simulator **ret);

/* True when it runs and answers. Waits a second at most. */
bool simulate_alive(const struct simulator *s);

/* After SIGCHLD: true, once, when it was a child and has ended. */
bool simulate_reap(struct simulator *s);

/* Starts it again, if it is gone, on the same file and port. 0 or -errno with words. */
int simulate_revive(struct simulator *s, struct error *err);

/* Ends it with SIGTERM, so that it saves its state, and removes its pid file. */
void simulate_stop(struct simulator *s);

/* Forgets it; it goes on running unless it was stopped. */
void simulate_free(struct simulator *s);
DEFINE_CLEANUP(struct simulator, simulate_free);

unsigned simulate_port(const struct simulator *s);

/* Adds the account `azure` of the simulated subscription, if the file has none of that name.
   0 or -ENOMEM. */
int simulate_account(const struct simulator *s, struct config *c);

#endif
