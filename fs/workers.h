/* SPDX-License-Identifier: MIT */
#ifndef FS_WORKERS_H
#define FS_WORKERS_H

/*
 * The threads that serve requests.
 *
 * The kernel wakes the threads that wait for a request in turn. With several of them every request
 * of a single client wakes another one, on another processor as a rule; with one, which finds the
 * next request there when it comes back, most requests wake nobody. Therefore one takes requests,
 * as a rule. Another one, the lookout, looks once a millisecond while there are requests: when one
 * request takes longer than that, it takes the requests from then on; when requests have waited
 * for a while, one thread more does. The others wait for one of these offices.
 */

struct fs;
struct workers;

/* Makes a set of `n` threads that are not started. 0 or -ENOMEM. */
int workers_new(struct fs *fs, unsigned n, struct workers **ret);
/* Starts them; fewer than wanted will do. They end when the session does, each with fs_end.
   0 or -errno: there is none. */
int workers_start(struct workers *ws);
/* The calling thread expects that its request takes a while: another worker takes the next ones at
   once. Does nothing on a thread that is no worker, or when all are at work. */
void workers_hand_over(struct workers *ws);
/* Ends all and waits for them; requests that they work on are answered first. Does no harm when
   none was started. */
void workers_stop(struct workers *ws);
/* Accepts NULL; stops them. */
void workers_free(struct workers *ws);

#endif
