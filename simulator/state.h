/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_STATE_H
#define SIMULATOR_STATE_H

/*
 * What is kept over a restart: FILE is a JSON document of everything (written whole: temporary
 * file, fsync, rename), FILE.journal the changes since, one JSON line a change. Both carry a
 * generation; a journal of another generation than its document is older and ignored. FILE.lock is
 * locked while a simulator uses them and holds its process id.
 */

#include "base/error.h"
#include "world.h"

struct state;

/* Locks the files. 0, -EBUSY (another process has them; `err` tells its id) or -errno. */
int state_open(const char *path, struct state **ret, struct error *err);
/* Fills an empty world and starts a new generation. 0 with *ret_found = anything was there, or
 * -errno with words in `err`. */
int state_load(struct state *state, struct world *world, bool *ret_found, struct error *err);
/* Notes that this object has to be written. Never fails. */
void state_touch(struct state *state, struct object *object);
/* Notes that this object is gone. A failure shows at the next commit. */
void state_forget(struct state *state, const struct object *object);
/* Writes what is noted; durable: and waits for the disk. 0 or -errno (then noted still). */
int state_commit(struct state *state, bool durable);
/* Microseconds until a commit of noted changes is due; USEC_NEVER if nothing is noted. */
usec_t state_due(const struct state *state, usec_t now);
/* Tries the next commit of itself after this span: the last one failed. */
void state_postpone(struct state *state, usec_t span);
/* Commits and releases the files. */
void state_close(struct state *state);
/* Releases the files as they are: they could not be read. */
void state_abandon(struct state *state);

#endif
