/* SPDX-License-Identifier: MIT */
#ifndef BASE_COND_H
#define BASE_COND_H

/* Condition variables that wait until a monotonic time. */

#include "clock.h"

#include <pthread.h>

/* Makes one whose times are those of clock_monotonic. 0 or -errno. */
int cond_init(pthread_cond_t *cond);
/* Waits with the lock held until it is signalled, or until that time; USEC_NEVER: only that. May
   return without a reason, as pthread_cond_wait(3). */
void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, usec_t until);

#endif
