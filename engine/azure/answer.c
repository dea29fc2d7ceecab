/* SPDX-License-Identifier: MIT */
#include "job.h"

#include "net/retry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ATTEMPTS_MAX 3 /* repetitions of a read */
#define PAGES_MAX 5000
#define PAUSE_MAX (30 * USEC_SEC) /* the longest Retry-After that is waited for here */

/* Marks an operation url of our own making: the resource itself, whose provisioningState is to be
   followed. A fragment is never sent. */
#define RESOURCE_MARK "#resource"
/* The same for one that was there before it was to be created. */
#define MADE_MARK "#made"

/* One answer being judged. */
struct answer {
    const struct http_response *http;
    json_t *root; /* parsed body or NULL */
    usec_t retry_after;
    bool broken; /* a page that is not whole JSON */
    struct cyclecloud_result result;
};

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static const char *header_of(const struct answer *a, const char *name) {
    const char *value = http_response_header(a->http, name);
    return value ? value : "";
}

static struct rates *rates_of(const struct job *j) {
    return j->azure->rates;
}

static usec_t now_of(const struct job *j) {
    return clock_monotonic(j->azure->env.clock);
}

/* Classes */

/* Returns false when there was no memory to read it. */
static bool set_fault(struct job *j, struct answer *a, const json_t *error, int status) {
    struct fault f;
    if (fault_read(error, status, &j->results.arena, &f) < 0) {
        a->result.result = CYCLECLOUD_TRANSPORT;
        a->result.code = "NoMemory";
        a->result.message = "no memory to read the error";
        return false;
    }
    a->result.result = f.result;
    a->result.code = f.code;
    a->result.message = *f.message ? f.message : "the cloud gave no reason";
    a->result.quota = f.quota;
    return true;
}

static void set_transport(struct answer *a, const char *code, const char *message) {
    a->result.result = CYCLECLOUD_TRANSPORT;
    a->result.code = code;
    a->result.message = message;
}

/* Whether anything was done is not known: what is there is looked at again. */
static void set_stranger(struct answer *a) {
    set_transport(a, "BadAnswer",
                  "something other than the Resource Manager answered (a proxy or a portal?): "
                  "what is there is looked at again");
}

static bool state_is(const char *state, const char *const *words) {
    for (; *words; words++)
        if (strcasecmp(state, *words) == 0)
            return true;
    return false;
}

static const char *const succeeded[] = {"Succeeded", "", NULL};
static const char *const failed[] = {"Failed", NULL};
static const char *const canceled[] = {"Canceled", NULL};

/* The state of an operation or resource: Succeeded, Failed, Canceled, or anything else: goes on. */
static void set_state(struct job *j, struct answer *a, const char *state) {
    a->result.operation_ended = true;
    if (state_is(state, succeeded)) {
        a->result.result = CYCLECLOUD_OK;
    } else if (state_is(state, failed)) {
        a->result.operation_ended = set_fault(j, a, a->root, 0);
    } else if (state_is(state, canceled)) {
        a->result.result = CYCLECLOUD_CONFLICT;
        a->result.code = "OperationPreempted";
        a->result.message = "the operation was superseded by a later one";
    } else {
        a->result.result = CYCLECLOUD_PENDING;
        a->result.operation_ended = false;
    }
}

static const char *provisioning_state(const json_t *root) {
    return text_of(json_object_get(root, "properties"), "provisioningState");
}

static bool is_resource(const json_t *root) {
    return json_is_object(json_object_get(root, "properties")) || *text_of(root, "id");
}

static const char *arena_join(struct arena *arena, const char *a, const char *b) {
    size_t size = strlen(a) + strlen(b) + 1;
    char *text = arena_alloc(arena, size);
    if (!text)
        return "";
    (void)snprintf(text, size, "%s%s", a, b);
    return text;
}

/* The url of the resource itself: without a verb, it is the one that was written to. */
static bool writes_resource(const struct job *j) {
    return strcmp(j->row->method, "PUT") == 0 || strcmp(j->row->method, "PATCH") == 0;
}

/*
 * Is it the Resource Manager that answered? A portal or a proxy says 200, too, with a page of its
 * own or nothing. A body that is there is JSON; one to a PUT or PATCH that is done is the resource.
 */
static bool answers_write(const struct job *j, const struct answer *a) {
    if (a->http->body_len && !a->root)
        return false;
    if (*header_of(a, "Azure-AsyncOperation") || a->http->status > 201 || !writes_resource(j))
        return true;
    return is_resource(a->root);
}

/* Accepted and not done yet, or done at once: 200, 201, 202, 204 to a write. */
static void set_written(struct job *j, struct answer *a) {
    const char *operation = header_of(a, "Azure-AsyncOperation");
    const char *location = header_of(a, "Location");
    const char *state = provisioning_state(a->root);
    bool done = writes_resource(j) && *state && state_is(state, succeeded);
    if (*operation) {
        a->result.result = CYCLECLOUD_PENDING;
        a->result.operation_url = arena_text(&j->results.arena, operation);
    } else if (a->http->status == 202 || (*location && !done && a->http->status != 204)) {
        a->result.result = *location ? CYCLECLOUD_PENDING : CYCLECLOUD_OK;
        a->result.operation_url = arena_text(&j->results.arena, location);
    } else if (writes_resource(j)) {
        set_state(j, a, state);
        a->result.operation_url = arena_join(&j->results.arena, j->url, RESOURCE_MARK);
    }
}

/* A create finds its resource there: an earlier request of the same name has made it. */
static bool is_made_already(const struct job *j, const struct answer *a) {
    return j->row->creates && a->http->status == 412;
}

static void follow_resource(struct job *j, struct answer *a) {
    a->result.result = CYCLECLOUD_PENDING;
    a->result.operation_url = arena_join(&j->results.arena, j->url, MADE_MARK);
}

/* What was there says only that its provisioning failed; a listing of what it has says why. */
static void set_resource_state(struct job *j, struct answer *a) {
    const char *state = provisioning_state(a->root);
    if (strstr(j->url, MADE_MARK) && state_is(state, failed))
        a->result.result = CYCLECLOUD_OK;
    else
        set_state(j, a, state);
}

/* An answer of a polling url. */
static void set_polled(struct job *j, struct answer *a) {
    const char *status = text_of(a->root, "status");
    const char *location = header_of(a, "Location");
    bool own = strstr(j->url, RESOURCE_MARK) || strstr(j->url, MADE_MARK);
    if (a->http->status == 202)
        a->result.result = CYCLECLOUD_PENDING;
    else if ((a->http->body_len && !a->root) || (own && !is_resource(a->root)))
        set_stranger(a);
    else if (*status)
        set_state(j, a, status);
    else if (own)
        set_resource_state(j, a);
    a->result.operation_url =
        arena_text(&j->results.arena, a->http->status == 202 && *location ? location : j->url);
}

static void set_success(struct job *j, struct answer *a) {
    a->result.result = CYCLECLOUD_OK;
    if (j->row->policy == POLICY_GET_OPERATION) {
        set_polled(j, a);
    } else if (!j->row->read && !answers_write(j, a)) {
        set_stranger(a);
    } else if (!j->row->read) {
        set_written(j, a);
    } else if (!j->row->array) {
        int r = a->root ? j->row->item(&j->results, a->root) : -EBADMSG;
        if (r < 0)
            set_transport(a, "BadAnswer", "the answer is not the JSON that was expected");
    }
    if (a->result.result != CYCLECLOUD_PENDING)
        a->result.operation_url = "";
    else if (!a->result.operation_url || !*a->result.operation_url)
        set_transport(a, "BadAnswer", "the operation goes on, but where to ask was not said");
}

static void judge(struct job *j, struct answer *a) {
    int status = a->http->status;
    if (status == 0)
        set_transport(a, a->http->code == -EBADMSG ? "BadAnswer" : "NoAnswer",
                      arena_text(&j->results.arena, a->http->error));
    else if (status / 100 == 2)
        set_success(j, a);
    else if (is_made_already(j, a))
        follow_resource(j, a);
    else
        (void)set_fault(j, a, a->root, status);
    if (!a->result.message)
        a->result.message = "no memory";
}

/* Repetitions */

/* The front door names its throttling; anything else is the service's. */
static bool front_door(const char *code) {
    return strcasecmp(code, "SubscriptionRequestsThrottled") == 0 ||
           strcasecmp(code, "ResourceRequestsThrottled") == 0 ||
           strcasecmp(code, "ResourceCollectionRequestsThrottled") == 0;
}

static void note_limits(struct job *j, const struct answer *a) {
    limits_learn(&j->limits, rates_of(j), a->http, now_of(j));
    if (a->http->status == 429)
        limits_refused(&j->limits, rates_of(j), front_door(a->result.code), a->retry_after,
                       now_of(j));
}

static bool repeat_later(struct job *j, const struct answer *a) {
    static const struct retry_policy pauses = {.first = USEC_SEC / 2, .most = 8 * USEC_SEC};
    bool may = j->row->read && (a->broken || retry_status(a->http->status)) &&
               a->http->code != -EFBIG && a->http->code != -ENOMEM;
    if (!may || j->attempt >= ATTEMPTS_MAX || a->retry_after > PAUSE_MAX)
        return false;
    const struct random_source *random = j->azure->env.random;
    usec_t pause = a->retry_after ? retry_jitter(a->retry_after, random)
                                  : retry_delay(&pauses, j->attempt, random);
    j->attempt++;
    job_send_after(j, pause);
    return true;
}

/* A refused token means that nothing was done, so even a write may go out again. */
static bool repeat_authorized(struct job *j, const struct answer *a) {
    if (a->http->status != 401 || j->reauthorized || !j->token)
        return false;
    j->reauthorized = true;
    token_reject(j->account->tokens, j->token);
    job_send_after(j, 0);
    return true;
}

/* Pages */

static int next_sweep(struct job *j, const char *skip_token) {
    struct body_sweep_page page = {.table = j->table,
                                   .subscription = j->account->subscription,
                                   .tag_name = j->tag_name,
                                   .tag_value = j->tag_value,
                                   .skip_token = skip_token};
    if (!skip_token) {
        if (j->table + 1 == BODY_SWEEP_MAX)
            return 0;
        page.table = ++j->table;
    }
    json_t *root = NULL;
    int r = body_sweep(&page, &root);
    char *body = r == 0 ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    if (!body)
        return -ENOMEM;
    free(j->body);
    j->body = body;
    return 1;
}

static int next_link(struct job *j, const char *link) {
    if (!*link)
        return 0;
    if (!http_url_within(link, call_base(j->row, j->account)))
        return -EPERM;
    char *url = strdup(link);
    if (!url)
        return -ENOMEM;
    free(j->url);
    j->url = url;
    return 1;
}

/* Prepares the next page. 1, 0 (that was the last) or -errno. */
static int next_page(struct job *j) {
    json_t *rest = NULL;
    int r = items_finish(&j->items, &rest);
    if (r < 0)
        return r;
    const char *token = text_of(rest, "$skipToken");
    const char *link = text_of(rest, j->row->retail ? "NextPageLink" : "nextLink");
    if (++j->pages > PAGES_MAX)
        r = -E2BIG;
    else if (j->row->policy == POLICY_GRAPH)
        r = next_sweep(j, *token ? token : NULL);
    else
        r = next_link(j, link);
    json_decref(rest);
    return r;
}

/* True when the job goes on with another page. */
static bool more_pages(struct job *j, struct answer *a) {
    if (!j->row->array || a->result.result != CYCLECLOUD_OK)
        return false;
    int r = next_page(j);
    if (r < 0) {
        a->broken = r == -EBADMSG;
        set_transport(a, "BadAnswer",
                      r == -EPERM ? "the next page is on another host"
                                  : "the list is not the JSON that was expected");
        return false;
    }
    if (r == 0)
        return false;
    j->attempt = 0;
    j->page_start = results_mark(&j->results);
    job_send_after(j, 0);
    return true;
}

static void fill_lists(struct job *j, struct cyclecloud_result *result) {
    const struct results *r = &j->results;
    if (result->result != CYCLECLOUD_OK)
        return;
    result->sizes = r->sizes.items;
    result->n_sizes = r->sizes.len;
    result->quotas = r->quotas.items;
    result->n_quotas = r->quotas.len;
    result->instances = r->instances.items;
    result->n_instances = r->instances.len;
    result->sets = r->sets.items;
    result->n_sets = r->sets.len;
    result->prices = r->prices.items;
    result->n_prices = r->prices.len;
    result->subnet = r->has_subnet ? &r->subnet : NULL;
}

void job_on_answer(void *arg, const struct http_response *response) {
    struct job *j = arg;
    struct answer a = {.http = response,
                       .result = {.http_status = response->status,
                                  .code = "",
                                  .message = "",
                                  .operation_url = "",
                                  .quota.name = ""}};
    j->http_id = 0;
    if (response->body_len)
        a.root = json_loadb(response->body, response->body_len, 0, NULL);
    const char *after = header_of(&a, "Retry-After");
    if (*after)
        (void)retry_after_parse(after, clock_wall(j->azure->env.clock), &a.retry_after);
    judge(j, &a);
    note_limits(j, &a);
    bool goes_on = repeat_authorized(j, &a) || repeat_later(j, &a) || more_pages(j, &a) ||
                   (a.broken && repeat_later(j, &a)) ||
                   (a.result.result == CYCLECLOUD_OK && console_fetch(j));
    if (!goes_on) {
        a.result.request_id = header_of(&a, "x-ms-request-id");
        a.result.retry_after_us = a.retry_after;
        fill_lists(j, &a.result);
        job_end(j, &a.result);
    }
    json_decref(a.root);
}
