/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_LOGFILE_H
#define DAEMON_LOGFILE_H

/* The server's own log as a file: what is written to standard output and error. */

#include <sys/types.h>

/* Sends both to `path`, behind what is in it; a file longer than `most` bytes becomes PATH.1 first,
   in place of an older one. 0 or -errno. */
int logfile_open(const char *path, off_t most);

/* The same once the file has become longer than `most`; cheap, to be called often. A failure leaves
   all as it is: the log goes on in the file that is there. */
void logfile_check(const char *path, off_t most);

#endif
