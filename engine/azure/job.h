/* SPDX-License-Identifier: MIT */
#ifndef AZURE_JOB_H
#define AZURE_JOB_H

/*
 * One request on its way: waits for its limits and for a token, goes out, is repeated where that is
 * harmless, follows the pages, and ends with one callback. One thread, that of http.h.
 */

#include "account.h"
#include "base/list.h"
#include "body.h"
#include "calls.h"
#include "console.h"
#include "fault.h"
#include "items.h"
#include "limits.h"

struct azure {
    struct account_environment env;
    struct rates *rates;
    struct account **accounts;
    size_t n_accounts;
    struct list jobs; /* struct job.link */
    size_t n_jobs;
};

struct job {
    struct list link;
    struct azure *azure;
    struct account *account;
    const struct call_row *row;
    cyclecloud_done done;
    void *arg;

    char *url;  /* of the page that is asked for now */
    char *body; /* NULL: none */
    char *request_id;
    char *if_match; /* "" = any */
    char *region, *tag_name, *tag_value;
    enum body_sweep table; /* SWEEP */
    unsigned pages, attempt;
    bool reauthorized; /* a token was refused already */

    struct limits limits;
    struct token_waiter waiter;
    char *token; /* the one that was sent */
    uint64_t http_id, timer_id;

    struct items items;
    struct results results;
    struct results_mark page_start;
    struct console console;
};

/* Builds the job of a request and starts it. 0, -EINVAL or -ENOMEM. */
int job_start(struct azure *a, struct account *account, const struct cyclecloud_request *q,
              cyclecloud_done done, void *arg);
/* Drops a job without its callback. */
void job_free(struct job *j);
DEFINE_CLEANUP(struct job, job_free);

/* Sends what j->url and j->body say, when limits and token allow. From a callback. */
void job_send(struct job *j);
/* Sends it again after `delay`; a job that cannot is ended. */
void job_send_after(struct job *j, usec_t delay);
/* Calls back and frees the job. */
void job_end(struct job *j, const struct cyclecloud_result *result);
/* The same for what went wrong here. `code` is ours: "ClientThrottled", "NoAnswer" ... */
void job_end_with(struct job *j, enum cyclecloud_class class, const char *code,
                  const char *message);

/* answer.c: what is to be done with an answer. */
void job_on_answer(void *arg, const struct http_response *response);

#endif
