/* SPDX-License-Identifier: MIT */
#include "azure-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char *filled(const struct fixture *f, const char *text) {
    struct buf b = BUF_INIT(1024 * 1024);
    for (; *text; text++) {
        if (strncmp(text, "{b}", 3) == 0) {
            (void)buf_puts(&b, web_url(f->web));
            text += 2;
        } else {
            (void)buf_putc(&b, *text);
        }
    }
    return buf_take(&b);
}

static void give_token(struct fixture *f, struct web_reply *r) {
    static char body[128];
    (void)snprintf(body, sizeof(body), "{\"access_token\":\"token-%zu\",\"expires_in\":3599}",
                   f->tokens++);
    r->body = body;
}

static void add_headers(const struct fixture *f, const struct step *step, struct web_reply *r) {
    for (size_t i = 0; i < ARRAY_SIZE(step->headers) && step->headers[i]; i++) {
        static char names[4][64];
        const char *colon = strstr(step->headers[i], ": ");
        (void)snprintf(names[i], sizeof(names[i]), "%.*s", (int)(colon - step->headers[i]),
                       step->headers[i]);
        _cleanup_free_ char *value = filled(f, colon + 2);
        web_reply_header(r, names[i], "%s", value);
    }
}

static void answer(void *arg, const struct web_request *q, struct web_reply *r) {
    struct fixture *f = arg;
    static char body[1024 * 1024];
    if (strstr(q->url, "/oauth2/v2.0/token")) {
        give_token(f, r);
        return;
    }
    const struct step *step = f->done < f->n_steps ? &f->steps[f->done] : NULL;
    char line[1024];
    (void)snprintf(line, sizeof(line), "%s %s", q->method, q->url);
    if (!step || strncmp(line, step->line, strlen(step->line)) != 0) {
        (void)snprintf(f->unexpected, sizeof(f->unexpected), "step %zu: %s", f->done, line);
        r->status = 418;
        return;
    }
    const char *authorization = web_header(q, "Authorization");
    const char *id = web_header(q, "x-ms-client-request-id");
    (void)snprintf(f->seen[f->done], sizeof(f->seen[0]), "%s", authorization ? authorization : "");
    (void)snprintf(f->ids[f->done], sizeof(f->ids[0]), "%s", id ? id : "");
    _cleanup_free_ char *text = filled(f, step->body ? step->body : "");
    (void)snprintf(body, sizeof(body), "%s", text);
    r->status = step->status;
    r->body = body;
    add_headers(f, step, r);
    f->done++;
}

struct azure_account account_of(const struct fixture *f) {
    return (struct azure_account){.name = "main",
                                  .subscription = SUB,
                                  .tenant = "tenant",
                                  .client_id = "app",
                                  .client_secret = "secret",
                                  .region = "eastus",
                                  .resource_manager = web_url(f->web),
                                  .prices = web_url(f->web),
                                  .authority = web_url(f->web)};
}

int azure_start(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->web = web_new(answer, f);
    struct http_options options = {.clock = &clock_real};
    assert_int_equal(http_new(&options, &f->http), 0);
    assert_int_equal(azure_new(f->http, &clock_real, &random_system, &f->azure), 0);
    struct azure_account account = account_of(f);
    assert_int_equal(azure_set_accounts(f->azure, &account, 1, NULL), 0);
    f->provider = azure_provider(f->azure);
    *state = f;
    return 0;
}

int azure_stop(void **state) {
    struct fixture *f = *state;
    azure_free(f->azure);
    http_free(f->http);
    web_free(f->web);
    free(f);
    return 0;
}

void on_done(void *arg, const struct cyclecloud_result *r) {
    struct outcome *o = arg;
    o->calls++;
    o->class = r->result;
    o->operation_ended = r->operation_ended;
    o->status = r->http_status;
    o->retry_after = r->retry_after_us;
    o->limit = r->quota.limit;
    (void)snprintf(o->code, sizeof(o->code), "%s", r->code);
    (void)snprintf(o->message, sizeof(o->message), "%s", r->message);
    (void)snprintf(o->url, sizeof(o->url), "%s", r->operation_url);
    (void)snprintf(o->request_id, sizeof(o->request_id), "%s", r->request_id);
    (void)snprintf(o->quota, sizeof(o->quota), "%s", r->quota.name);
    if (o->check)
        o->check(r);
}

static const struct cyclecloud_vm_spec machine = {.machine_type = "Standard_HB120rs_v3",
                                                  .image_id = "/image",
                                                  .subnet_id = "/subscriptions/s/subnets/a b",
                                                  .computer_name = "c-",
                                                  .admin_username = "admin",
                                                  .ssh_public_key = "ssh-ed25519 A"};
static const char *const ids[] = {"0", "7", NULL};

struct cyclecloud_request request(enum cyclecloud_call call) {
    return (struct cyclecloud_request){.call = call,
                                       .account = "main",
                                       .region = "eastus",
                                       .group = "rg",
                                       .name = "s1",
                                       .capacity = 3,
                                       .spec = &machine,
                                       .instance_ids = ids,
                                       .operation_url = "",
                                       .tag_name = "ClusterId",
                                       .tag_value = "c1",
                                       .client_request_id = "request-1"};
}

void finish(struct fixture *f, struct outcome *o) {
    usec_t end = clock_monotonic(&clock_real) + 30 * USEC_SEC;
    while (o->calls == 0 && clock_monotonic(&clock_real) < end)
        assert_int_equal(http_wait(f->http, NULL, 0, 100 * USEC_MS), 0);
    if (*f->unexpected)
        print_error("unexpected %s\n", f->unexpected);
    assert_string_equal(f->unexpected, "");
    assert_int_equal(o->calls, 1);
    assert_int_equal(f->done, f->n_steps);
    assert_int_equal(azure_active(f->azure), 0);
}

void run(struct fixture *f, const struct cyclecloud_request *q, const struct step *steps, size_t n,
         struct outcome *o) {
    f->steps = steps;
    f->n_steps = n;
    f->done = 0;
    o->calls = 0;
    assert_int_equal(f->provider.ops->submit(f->provider.self, q, on_done, o), 0);
    assert_int_equal(o->calls, 0); /* never from inside submit */
    finish(f, o);
}
