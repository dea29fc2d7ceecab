/* SPDX-License-Identifier: MIT */
#include "fault-guard.h"

#include "base/cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

/* A signal handler has no argument: where to go back to is kept for each thread. */
static _Thread_local sigjmp_buf *volatile way_out;

static const int signals[] = {SIGBUS, SIGSEGV};
static pthread_mutex_t install_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before[ARRAY_SIZE(signals)]; /* written under the lock */

void fault_guard_leave(void) {
    sigjmp_buf *out = way_out;
    if (!out)
        return;
    way_out = NULL;
    siglongjmp(*out, 1);
}

/* Outside of a guarded step the instruction is repeated under the action of before. */
static void on_fault(int number) {
    fault_guard_leave();
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        if (signals[i] == number)
            (void)sigaction(number, &before[i], NULL);
}

int fault_guard_install(void) {
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER | SA_ONSTACK}, old;
    (void)sigemptyset(&action.sa_mask);
    LOCK_SCOPE(&install_lock);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        if (sigaction(signals[i], NULL, &old) < 0)
            return -errno;
        if (old.sa_handler == on_fault)
            continue;
        before[i] = old;
        if (sigaction(signals[i], &action, NULL) < 0)
            return -errno;
    }
    return 0;
}

int fault_guard_run(int (*step)(void *arg), void *arg) {
    sigjmp_buf here;
    if (sigsetjmp(here, 0) != 0)
        return -EFAULT;
    way_out = &here;
    int r = step(arg);
    way_out = NULL;
    return r;
}
