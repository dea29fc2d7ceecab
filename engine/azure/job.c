/* SPDX-License-Identifier: MIT */
#include "job.h"

#include "base/parse.h"
#include "crypto/crypto.h"
#include "maker.h"

#include <errno.h>
#include <string.h>

#define URL_MAX ((size_t)16 << 10)
#define TOKEN_LINE_MAX ((size_t)64 << 10)
#define HEADERS_MAX 8
#define WAIT_MAX (30 * USEC_SEC) /* longer waits for a limit are the engine's business */
#define ANSWER_TIMEOUT (90 * USEC_SEC)

void job_free(struct job *j) {
    if (!j)
        return;
    http_cancel(j->azure->env.http, j->http_id);
    http_timer_cancel(j->azure->env.http, j->timer_id);
    token_wait_cancel(&j->waiter);
    if (!list_empty(&j->link)) {
        list_del(&j->link);
        j->azure->n_jobs--;
    }
    limits_done(&j->limits);
    items_done(&j->items);
    results_clear(&j->results);
    console_done(&j->console);
    if (j->token)
        crypto_wipe(j->token, strlen(j->token));
    free(j->token);
    free(j->url);
    free(j->body);
    free(j->request_id);
    free(j->if_match);
    free(j->region);
    free(j->tag_name);
    free(j->tag_value);
    account_unref(j->account);
    free(j);
}

/* The callback may start and free anything but this job, which has left the list by then. */
void job_end(struct job *j, const struct cyclecloud_result *result) {
    list_del(&j->link);
    j->azure->n_jobs--;
    j->done(j->arg, result);
    job_free(j);
}

void job_end_with(struct job *j, enum cyclecloud_class class, const char *code,
                  const char *message) {
    job_end(j, &(struct cyclecloud_result){.result = class,
                                           .code = code,
                                           .message = message,
                                           .request_id = "",
                                           .operation_url = "",
                                           .quota.name = ""});
}

static void on_timer(void *arg) {
    struct job *j = arg;
    j->timer_id = 0;
    job_send(j);
}

void job_send_after(struct job *j, usec_t delay) {
    if (http_timer(j->azure->env.http, delay, on_timer, j, &j->timer_id) < 0)
        job_end_with(j, CYCLECLOUD_TRANSPORT, "NoMemory", "no memory to wait before a repetition");
}

static int copy_text(char **slot, const char *text) {
    *slot = strdup(text ? text : "");
    return *slot ? 0 : -ENOMEM;
}

static int make_body(struct job *j, const struct cyclecloud_request *q) {
    json_t *root = NULL;
    struct body_sweep_page page = {.table = BODY_SWEEP_VMS,
                                   .subscription = j->account->subscription,
                                   .tag_name = q->tag_name,
                                   .tag_value = q->tag_value};
    int r = 0;
    if (j->row->policy == POLICY_GRAPH)
        r = body_sweep(&page, &root);
    else if (j->row->body)
        r = j->row->body(q, &root);
    else
        return 0;
    if (r == 0) {
        j->body = json_dumps(root, JSON_COMPACT);
        r = j->body ? 0 : -ENOMEM;
    }
    json_decref(root);
    return r == -E2BIG ? -EINVAL : r;
}

static int make_texts(struct job *j, const struct cyclecloud_request *q) {
    _cleanup_buf_ struct buf url = BUF_INIT(URL_MAX);
    int r = call_url(j->row, j->account, q, &url);
    if (r == 0)
        r = copy_text(&j->url, url.data);
    if (r == 0)
        r = copy_text(&j->request_id, q->client_request_id);
    if (r == 0)
        r = copy_text(&j->if_match, q->if_match);
    if (r == 0)
        r = copy_text(&j->region, maker_region(q));
    if (r == 0)
        r = copy_text(&j->tag_name, q->tag_name);
    if (r == 0)
        r = copy_text(&j->tag_value, q->tag_value);
    return r == -E2BIG ? -EINVAL : r;
}

/* A token must not go anywhere but to the Resource Manager, whatever a stored url says. */
static bool url_trusted(const struct job *j) {
    return http_url_within(j->url, call_base(j->row, j->account));
}

static int job_prepare(struct job *j, const struct cyclecloud_request *q) {
    int r = make_texts(j, q);
    if (r == 0 &&
        (!url_trusted(j) || strpbrk(j->request_id, "\r\n") || strpbrk(j->if_match, "\r\n")))
        r = -EINVAL;
    if (r == 0)
        r = make_body(j, q);
    if (r == 0)
        r = limits_init(&j->limits, j->row, j->account, q);
    j->results.region = j->region;
    return r;
}

int job_start(struct azure *a, struct account *account, const struct cyclecloud_request *q,
              cyclecloud_done done, void *arg) {
    const struct call_row *row = call_find(q->call);
    if (!row || !call_complete(row, q))
        return -EINVAL;
    _cleanup_(job_freep) struct job *j = calloc(1, sizeof(*j));
    if (!j)
        return -ENOMEM;
    j->azure = a;
    j->account = account_ref(account);
    j->row = row;
    j->done = done;
    j->arg = arg;
    list_init(&j->link);
    list_init(&j->waiter.link);
    items_init(&j->items, row->array, NULL, NULL);
    console_init(&j->console);
    int r = job_prepare(j, q);
    if (r == 0)
        r = http_timer(a->env.http, 0, on_timer, j, &j->timer_id);
    if (r < 0)
        return r;
    list_add_tail(&a->jobs, &j->link);
    a->n_jobs++;
    TAKE_PTR(j);
    return 0;
}

static int on_item(void *arg, const json_t *item) {
    struct job *j = arg;
    int r = results_check_size(&j->results);
    return r < 0 ? r : j->row->item(&j->results, item);
}

static int on_piece(void *arg, const void *data, size_t len) {
    struct job *j = arg;
    return items_feed(&j->items, data, len);
}

/* Wipes the header line that holds the token, too. */
static void line_done(struct buf *b) {
    if (b->cap)
        crypto_wipe(b->data, b->len);
    buf_done(b);
}

static int submit(struct job *j, const char *const *headers) {
    struct http_request q = {.method = j->row->method,
                             .url = j->url,
                             .headers = headers,
                             .body = j->body,
                             .body_len = j->body ? strlen(j->body) : 0,
                             .timeout = ANSWER_TIMEOUT,
                             .once = !j->row->read,
                             .sink = j->row->array ? on_piece : NULL};
    items_done(&j->items);
    items_init(&j->items, j->row->array, on_item, j);
    results_rewind(&j->results, &j->page_start);
    return http_submit(j->azure->env.http, &q, job_on_answer, j, &j->http_id);
}

static int send_with(struct job *j, const char *token) {
    _cleanup_(line_done) struct buf bearer = BUF_INIT(TOKEN_LINE_MAX);
    _cleanup_buf_ struct buf id = BUF_INIT(URL_MAX), match = BUF_INIT(URL_MAX);
    const char *headers[HEADERS_MAX] = {0};
    size_t n = 0;
    if (token)
        (void)buf_printf(&bearer, "Authorization: Bearer %s", token);
    (void)buf_printf(&id, "x-ms-client-request-id: %s", j->request_id);
    (void)buf_printf(&match, "If-Match: %s", j->if_match);
    if (buf_error(&bearer) || buf_error(&id) || buf_error(&match))
        return -ENOMEM;
    if (token)
        headers[n++] = bearer.data;
    headers[n++] = "Accept: application/json";
    if (j->body)
        headers[n++] = "Content-Type: application/json";
    if (*j->request_id) {
        headers[n++] = id.data;
        headers[n++] = "x-ms-return-client-request-id: true";
    }
    if (*j->if_match)
        headers[n++] = match.data;
    if (j->row->creates)
        headers[n++] = "If-None-Match: *";
    return submit(j, headers);
}

/* The limits have been taken; a token is there, or (NULL) none is needed. */
static void send_now(struct job *j, const char *token) {
    char *copy = token ? strdup(token) : NULL;
    free(j->token);
    j->token = copy;
    int r = copy || !token ? send_with(j, copy) : -ENOMEM;
    if (r < 0)
        job_end_with(j, r == -ENOMEM ? CYCLECLOUD_TRANSPORT : CYCLECLOUD_INVALID, "NotSent",
                     r == -ENOMEM ? "no memory to send the request" : "the url is not allowed");
}

static void on_token(struct token_waiter *w, const struct token_answer *answer) {
    struct job *j = list_entry(w, struct job, waiter);
    if (answer->failure == TOKEN_FINE) {
        send_now(j, answer->token);
        return;
    }
    limits_give_back(&j->limits, j->azure->rates);
    bool refused = answer->failure == TOKEN_REFUSED;
    job_end_with(j, refused ? CYCLECLOUD_AUTH : CYCLECLOUD_TRANSPORT,
                 *answer->code ? answer->code : "NoToken", answer->message);
}

static void authorize_and_send(struct job *j) {
    const char *token = j->row->retail ? NULL : token_peek(j->account->tokens);
    if (token || j->row->retail) {
        send_now(j, token);
        return;
    }
    j->waiter.done = on_token;
    if (token_wait(j->account->tokens, &j->waiter) < 0)
        job_end_with(j, CYCLECLOUD_TRANSPORT, "NoMemory", "no memory to wait for a token");
}

static void on_limit(void *arg) {
    struct job *j = arg;
    j->timer_id = 0;
    authorize_and_send(j);
}

static void end_throttled(struct job *j, usec_t wait) {
    limits_give_back(&j->limits, j->azure->rates);
    job_end(
        j, &(struct cyclecloud_result){.result = CYCLECLOUD_THROTTLED,
                                       .code = "ClientThrottled",
                                       .message = "the limit of such requests is used up; not sent",
                                       .request_id = "",
                                       .operation_url = "",
                                       .retry_after_us = wait,
                                       .quota.name = ""});
}

void job_send(struct job *j) {
    usec_t wait = limits_take(&j->limits, j->azure->rates, clock_monotonic(j->azure->env.clock));
    if (wait == 0)
        authorize_and_send(j);
    else if (wait > WAIT_MAX)
        end_throttled(j, wait);
    else if (http_timer(j->azure->env.http, wait, on_limit, j, &j->timer_id) < 0)
        job_end_with(j, CYCLECLOUD_TRANSPORT, "NoMemory", "no memory to wait for a limit");
}
