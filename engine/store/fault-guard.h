/* SPDX-License-Identifier: MIT */
#ifndef STORE_FAULT_GUARD_H
#define STORE_FAULT_GUARD_H

/*
 * Private to the store: reading a memory map whose file may be cut or damaged. A page that is not
 * there any more is SIGBUS, a wild offset in one SIGSEGV, and both would end the server for all;
 * within a guarded step they are an error of that step.
 *
 * A step that was left this way has released nothing. What it used (a transaction, the whole
 * environment) must not be used again.
 */

/* Takes over SIGBUS and SIGSEGV, if this is not done yet; what happens outside of guarded steps
   goes where it went before. 0 or -errno. Any thread. */
int fault_guard_install(void);

/* Returns what `step` returns, or -EFAULT when it was left. Any thread; steps do not nest. */
int fault_guard_run(int (*step)(void *arg), void *arg);

/* Leaves the step that the calling thread is in; returns only when it is in none. */
void fault_guard_leave(void);

#endif
