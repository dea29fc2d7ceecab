/* SPDX-License-Identifier: MIT */
#ifndef AZURE_CONSOLE_H
#define AZURE_CONSOLE_H

/*
 * The second half of reading a console. The Resource Manager answers the address of a blob with a
 * signature in its query (SAS). Whoever has that address may read the blob while it lives, so it is
 * in no message, and the token stays where it belongs: the blob is fetched without.
 */

#include "base/buf.h"

#include <stdbool.h>

struct job;

/* What has arrived of a console: its last CYCLECLOUD_CONSOLE_MAX bytes at least. */
struct console {
    struct buf end;
    bool cut; /* something was before it */
};

void console_init(struct console *c);
void console_done(struct console *c);

/* Fetches what the answer of the Resource Manager leads to; the job ends by itself. False when it
   leads to nothing: the job is not about a console. */
bool console_fetch(struct job *j);

#endif
