/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_AGENT_H
#define SIMULATOR_AGENT_H

/*
 * The simulated machines call home: docs/internals/agent-protocol.md, over libcurl's multi
 * interface in the event loop. At most so many calls at a time are under way; the others queue.
 */

#include "world.h"

#include <curl/curl.h>

struct agents;

/* 0, -ENOMEM or -EIO (libcurl). */
int agents_new(struct world *world, struct agents **ret);
void agents_free(struct agents *agents);

/* The handle to wait on, and what to call after each wait. */
CURLM *agents_multi(struct agents *agents);
void agents_run(struct agents *agents);

/* The machine came up: its agent starts at this time. No effect without a home to call. */
void agent_boot(struct vm *vm, usec_t at);
/* The machine went down: no more calls. What it was told stays on its disk. */
void agent_stop(struct vm *vm);
/* Releases what it holds; the machine goes for good. */
void agent_done(struct vm *vm);
/* Sets its timer again after a restart. */
void agent_resume(struct vm *vm);

const char *agent_phase_text(enum agent_phase phase);
/* The phase of a word of agent_phase_text, or -EINVAL. */
int agent_phase_parse(const char *text);

#endif
