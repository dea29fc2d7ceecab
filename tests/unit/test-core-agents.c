/* SPDX-License-Identifier: MIT */

/* Nodes that are not what they say, or say too much. */

#include "core-fixture.h"

#include "store/history.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define BODY "{\"vm_id\":\"%s\",\"resource_id\":\"%s\",\"hostname\":\"%s\"}"

static void token_of(const struct fake_vm *vm, char token[256]) {
    json_t *data = json_loads(vm->custom_data, 0, NULL);
    (void)snprintf(token, 256, "%s", json_string_value(json_object_get(data, "token")));
    json_decref(data);
}

static struct answer_seen call(struct world *w, enum command_type type, const char *token,
                               const char *body) {
    struct command *c = command_new(type);
    assert_int_equal(command_set_name(c, token), 0);
    assert_int_equal(command_set_text(c, body, strlen(body)), 0);
    return do_command(w, c);
}

static struct answer_seen register_as(struct world *w, const char *token, const struct fake_vm *vm,
                                      const char *hostname) {
    char body[1024];
    (void)snprintf(body, sizeof(body), BODY, vm->vm_id, vm->resource_id, hostname);
    return call(w, COMMAND_AGENT_REGISTER, token, body);
}

/* Hosts of the cluster's nodes, one a line. */
static void hosts(struct world *w, struct buf *b) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster(s, cluster_id(w));
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));)
        (void)buf_printf(b, "%s\n", str_text(n->hostname));
}

static unsigned events_with(struct world *w, const char *text) {
    _cleanup_buf_ struct buf b = BUF_INIT(16 << 20);
    const struct history h = {HISTORY_EVENTS, 0, 0};
    assert_int_equal(history_read(w->store, &h, 0, 16 << 20, &b), 0);
    unsigned n = 0;
    for (const char *p = b.data; (p = strstr(p, text)); p++)
        n++;
    return n;
}

/* All nodes of a set know the same bootstrap token: it takes no other node's place with it. */
static void no_node_becomes_another(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    struct fake_vm *victim = fake_cloud_vm(w.cloud, 2);
    char token[256], body[1024];
    token_of(victim, token);
    (void)snprintf(body, sizeof(body), BODY, "", victim->resource_id, "attacker");
    assert_int_equal(call(&w, COMMAND_AGENT_REGISTER, token, body).http, 400);
    (void)snprintf(body, sizeof(body), BODY, "other", victim->resource_id, "attacker");
    assert_int_equal(call(&w, COMMAND_AGENT_REGISTER, token, body).http, 202);
    (void)snprintf(body, sizeof(body), "{\"vm_id\":\"%s\",\"resource_id\":\"/x\"}", victim->vm_id);
    assert_int_equal(call(&w, COMMAND_AGENT_REGISTER, token, body).http, 202);
    struct answer_seen a = register_as(&w, token, victim, "attacker");
    assert_int_equal(a.http, 409);
    assert_non_null(strstr(a.text, "register with the node's own token"));
    assert_int_equal(events_with(&w, "a second registration was refused"), 1);
    _cleanup_buf_ struct buf b = BUF_INIT(4096);
    hosts(&w, &b);
    assert_null(strstr(b.data, "attacker"));
    assert_int_equal(ready_nodes(&w), 3);
    static const char status[] = "{\"phase\":\"Cloud.AwaitInstallation\",\"state\":\"completed\"}";
    assert_int_equal(call(&w, COMMAND_AGENT_STATUS, victim->token, status).http, 200);
    assert_int_equal(register_as(&w, victim->token, fake_cloud_vm(w.cloud, 1), "x").http, 409);
    assert_int_equal(register_as(&w, victim->token, victim, "moved").http, 200);
    world_end(&w);
}

static uint64_t ready_node(struct world *w) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster(s, cluster_id(w));
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));)
        if (strstr(str_text(n->resource_id), fake_cloud_vm(w->cloud, 2)->resource_id))
            return n->id;
    return 0;
}

/* A machine that has lost its token comes back when a person says so. */
static void retry_lets_a_node_register_again(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    struct fake_vm *vm = fake_cloud_vm(w.cloud, 2);
    char token[256];
    token_of(vm, token);
    assert_int_equal(register_as(&w, token, vm, "h").http, 409);
    struct command *c = on_cluster(&w, COMMAND_CONTROL);
    c->node_id = ready_node(&w);
    assert_int_not_equal(c->node_id, 0);
    assert_int_equal(command_set_name(c, "retry"), 0);
    assert_int_equal(do_command(&w, c).code, 0);
    assert_int_equal(register_as(&w, token, vm, "h").http, 200);
    world_end(&w);
}

/* One that is on its way may repeat a registration whose answer was lost, but not all the time. */
static void registrations_are_spaced(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    w.silent = true;
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    run_for(&w, 2 * USEC_MIN);
    struct fake_vm *vm = fake_cloud_vm(w.cloud, 1);
    char token[256];
    token_of(vm, token);
    unsigned before = events_with(&w, "registered: ");
    assert_int_equal(register_as(&w, token, vm, "h").http, 200);
    struct answer_seen a = register_as(&w, token, vm, "h");
    assert_int_equal(a.http, 429);
    run_for(&w, 6 * USEC_SEC);
    assert_int_equal(register_as(&w, token, vm, "h").http, 200);
    assert_int_equal(events_with(&w, "registered: "), before + 1); /* nothing of it was new */
    world_end(&w);
}

/* What one node causes leaves room for what others tell. */
static void a_nodes_events_are_bounded(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    struct fake_vm *vm = fake_cloud_vm(w.cloud, 2);
    char token[256];
    token_of(vm, token);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(register_as(&w, token, vm, "h").http, 409);
    assert_in_range(events_with(&w, "a second registration was refused"), 50, 60);
    assert_int_equal(events_with(&w, "the rest is left out"), 1);
    run_for(&w, 61 * USEC_MIN);
    assert_int_equal(register_as(&w, token, vm, "h").http, 409);
    assert_in_range(events_with(&w, "a second registration was refused"), 51, 61);
    world_end(&w);
}

static void what_a_node_says_has_its_form(void **state) {
    (void)state;
    static const struct {
        const char *rest, *words; /* words: NULL = it is taken */
    } rows[] = {
        {",\"hostname\":\"hpc-1.example.org\",\"addresses\":{\"private\":\"10.0.0.4\"}", NULL},
        {",\"addresses\":{\"private\":\"fe80::1\",\"public\":\"\"}", NULL},
        {",\"hostname\":\"evil\\n2026-11-30 alert over\"", "hostname is not valid"},
        {",\"hostname\":\"a_b\"", "hostname is not valid"},
        {",\"hostname\":\"-a\"", "hostname is not valid"},
        {",\"hostname\":\"a..b\"", "hostname is not valid"},
        {",\"hostname\":\"a.\"", "hostname is not valid"},
        {",\"hostname\":7", "hostname is not valid"},
        {",\"hostname\":\"\\u001b[2J\"", "hostname is not valid"},
        {",\"addresses\":{\"private\":\"10.0.0.4\\n10.6.6.6 root\"}", "addresses.private is not"},
        {",\"addresses\":{\"public\":\"localhost\"}", "addresses.public is not valid"},
        {",\"resource_id\":\"/x\\u202e\"", "resource_id is not valid"},
    };
    struct world w;
    prepare(&w);
    w.silent = true;
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    run_for(&w, 2 * USEC_MIN);
    struct fake_vm *vm = fake_cloud_vm(w.cloud, 1);
    char token[256], body[1024];
    token_of(vm, token);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        run_for(&w, 6 * USEC_SEC);
        (void)snprintf(body, sizeof(body), "{\"vm_id\":\"%s\"%s}", vm->vm_id, rows[i].rest);
        struct answer_seen a = call(&w, COMMAND_AGENT_REGISTER, token, body);
        assert_int_equal(a.http, rows[i].words ? 400 : 200);
        if (rows[i].words)
            assert_non_null(strstr(a.text, rows[i].words));
    }
    world_end(&w);
}

static void numbers_are_finite_and_in_range(void **state) {
    (void)state;
    static const struct {
        const char *metrics;
        int http;
    } rows[] = {
        {"{\"cpu\":0.5,\"memory\":1,\"load\":12.5}", 200},
        {"{\"cpu\":1e300}", 400},
        {"{\"cpu\":-1}", 400},
        {"{\"memory\":\"all\"}", 400},
        {"{\"load\":1e9}", 400},
    };
    struct world w;
    prepare(&w);
    assert_int_equal(set_target(&w, TARGET_STARTED).code, 0);
    expect_ready(&w, 1);
    char body[256];
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        (void)snprintf(body, sizeof(body), "{\"metrics\":%s}", rows[i].metrics);
        assert_int_equal(
            call(&w, COMMAND_AGENT_STATUS, fake_cloud_vm(w.cloud, 0)->token, body).http,
            rows[i].http);
    }
    world_end(&w);
}

/* Who has no token learns nothing from a body, and costs no parsing of one. */
static void the_token_comes_before_the_body(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(call(&w, COMMAND_AGENT_REGISTER, "1.2.x", "{").http, 401);
    assert_int_equal(call(&w, COMMAND_AGENT_STATUS, "1.x", "{").http, 401);
    world_end(&w);
}

/* Who did it is in each event: the caller of a write, the node, or the server itself. */
static void events_say_who_did_it(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    struct command *c = on_cluster(&w, COMMAND_SET_TEMPLATE);
    c->source = SOURCE_MOUNT;
    c->caller_uid = 1234;
    assert_int_equal(command_set_text(c, template_text, strlen(template_text)), 0);
    assert_int_equal(do_command(&w, c).code, 0);
    assert_int_equal(events_with(&w, "\"message\":\"template changed\",\"actor\":{\"source\":"
                                     "\"mount\",\"uid\":1234,\"name\":\"uid 1234\"}"),
                     1);
    w.silent = true;
    assert_int_equal(set_target(&w, TARGET_STARTED).code, 0);
    run_for(&w, 2 * USEC_MIN);
    struct fake_vm *vm = fake_cloud_vm(w.cloud, 0);
    char token[256];
    token_of(vm, token);
    c = command_new(COMMAND_AGENT_REGISTER);
    c->source = SOURCE_AGENT;
    char body[1024];
    (void)snprintf(body, sizeof(body), BODY, vm->vm_id, vm->resource_id, "h");
    assert_int_equal(command_set_name(c, token), 0);
    assert_int_equal(command_set_text(c, body, strlen(body)), 0);
    assert_int_equal(do_command(&w, c).http, 200);
    assert_int_equal(events_with(&w, "\"actor\":{\"source\":\"agent\",\"name\":\"head\"}"), 1);
    assert_true(events_with(&w, "\"actor\":{\"source\":\"engine\",\"name\":\"server\"}") > 0);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_node_becomes_another),
        cmocka_unit_test(retry_lets_a_node_register_again),
        cmocka_unit_test(registrations_are_spaced),
        cmocka_unit_test(a_nodes_events_are_bounded),
        cmocka_unit_test(what_a_node_says_has_its_form),
        cmocka_unit_test(numbers_are_finite_and_in_range),
        cmocka_unit_test(events_say_who_did_it),
        cmocka_unit_test(the_token_comes_before_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
