/* SPDX-License-Identifier: MIT */
#ifndef CORE_SEND_H
#define CORE_SEND_H

/* How an intent's request is sent, beside the plain way (request.c). Engine thread only. */

#include "internal.h"

/* request.c */
/* Asks what the set of an intent is now; nothing is changed. 0 or -errno, with words in `err`. */
int request_look(struct engine *e, const struct intent *i, call_done done, struct error *err);

/* resize.c: reads the etag of the set of a RESIZE_SET, then writes its size. 0 or -errno, with
 * words in `err`. */
int resize_look(struct engine *e, const struct intent *i, struct error *err);

/* outcome.c */
/* The operation of an intent cannot be asked for any more: once the cloud has been listed, the same
 * is asked for again. */
void outcome_forget_operation(struct engine *e, struct intent *i);

/* unsent.c: what becomes of an intent whose request could not be sent */
void unsent_intent(struct engine *e, struct intent *i, int code, const struct error *err);

#endif
