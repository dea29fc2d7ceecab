/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

/*
 * The composition: the one place that names concrete things (the LMDB store, the Azure provider,
 * the FUSE face, the HTTP face) and joins them to an engine.
 *
 * Order of life: store, http, azure, model, engine, api, fs; daemon_run is the engine's thread. It
 * ends after SIGTERM, SIGINT or an unmount: first the faces are closed, then the engine stops, so
 * that every command has been answered, then all is released in reverse order.
 */

#include "background.h"
#include "options.h"

struct daemon;

/*
 * Makes everything and mounts. When it returns 0, the mount answers as soon as daemon_run runs.
 * Returns 0 or -errno with words for whoever started the program.
 */
int daemon_new(const struct options *options, struct background *background, struct error *err,
               struct daemon **ret);

/* Runs until it is told to end. 0 or -errno of what stopped it. */
int daemon_run(struct daemon *d);

/* Unmounts, ends the simulator, and releases everything. Accepts NULL and what is half made. */
void daemon_free(struct daemon *d);
DEFINE_CLEANUP(struct daemon, daemon_free);

#endif
