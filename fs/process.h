/* SPDX-License-Identifier: MIT */
#ifndef FS_PROCESS_H
#define FS_PROCESS_H

#include <sys/types.h>

/* The thread group (process) of a thread, from /proc; -1 when it is not visible. Any thread. */
pid_t process_group(pid_t thread);

#endif
