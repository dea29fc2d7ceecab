/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

/*
 * The configuration while the daemon runs: read again when the file changes, written through
 * system/config and system/accounts/NAME. The file is the one truth: a write is checked as a whole,
 * put into the file, and then used like a file that somebody edited.
 *
 * A secret that is written (client_secret = ...) goes to a file of its own in STATE/secrets, and
 * the configuration names that file. A new secret gets a new file, so that a configuration that is
 * refused leaves the old secret as it was.
 *
 * Threads: the engine's.
 */

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct daemon;

/* Reads the file again and uses it. What is refused is logged, and the old one stays. `only_new`:
   nothing happens when the file has the text in force. */
void settings_reload(struct daemon *d, bool only_new);

/* engine_options.configure: see core/engine.h. */
int settings_write(void *arg, const char *account, const char *text, size_t len, struct error *err);

/* Shows the configuration in force in the tree. 0 or -ENOMEM. */
int settings_publish(struct daemon *d);

#endif
