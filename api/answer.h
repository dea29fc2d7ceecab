/* SPDX-License-Identifier: MIT */
#ifndef API_ANSWER_H
#define API_ANSWER_H

/* HTTP answers: JSON, or text rendered from the tree. An error is {"error":{"kind","message"}}. */

#include "base/buf.h"
#include "waits.h"

struct reply;

#define CONTENT_JSON "application/json"
#define CONTENT_TEXT "text/plain; charset=utf-8"

/* Turns the engine's reply into an answer of our own (new). Statuses that HTTP does not know become
   500; a lack of memory gives the words of 500. Engine thread. */
void answer_from_reply(const struct reply *reply, struct answer *ret);

/* Sends an answer. `allow` is the list of methods for a 405, else NULL. HTTP thread. */
enum MHD_Result answer_send(struct MHD_Connection *connection, const struct answer *answer,
                            const char *allow);

/* Sends a status with its own words. */
enum MHD_Result answer_status(struct MHD_Connection *connection, unsigned status,
                              const char *allow);

/* Sends a text (taken out of the buffer), a long one as gzip to a client that takes it. */
enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, struct buf *text,
                            const char *content_type);

#endif
