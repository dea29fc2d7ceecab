/* SPDX-License-Identifier: MIT */
#include "test-view-fixture.h"

#include "model/limits.h"
#include "store/history.h"
#include "view/render.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void test_root_status(void **state) {
    assert_string_equal(fixture_read(*state, "/status"),
                        "empty  off      0/0 nodes  0 cores    0 alerts\n"
                        "hpc    started  1/3 nodes  122 cores  2 alerts\n");
}

static void test_status(void **state) {
    assert_string_equal(
        fixture_read(*state, "/hpc/status"),
        "cluster: hpc\n"
        "state: started\n"
        "target: started\n"
        "nodes: 1 Acquiring, 1 Ready of 2 wanted, 1 waiting for a person\n"
        "head nodes: 1 Preparing of 1 wanted\n"
        "cores: 122\n"
        "array execute: at most 100: 1 Acquiring, 1 Ready of 2 wanted, 1 waiting for a person\n"
        "array htc: 0 wanted\n"
        "account: azure\n"
        "region: westeurope\n"
        "alerts: 2\n"
        "error: refused: nodes/count: \"ten\" is not a number\n"
        "warning: unknown parameter Foo\n"
        "missing: SubnetId (Subnet): needed to start\n"
        "\n"
        "NAME       ARRAY      STATUS     MACHINE_TYPE         HOSTNAME     PRIVATE_IP  MESSAGE\n"
        "execute-1  execute    Ready      Standard_HB120rs_v3  ip-0A000005  10.0.0.5    -\n"
        "execute-2  execute    Acquiring  -                    -            -           "
        "quota of standardHBv3Family: 120 of 120 cores are used\n"
        "scheduler  scheduler  Preparing  Standard_F2s_v2      -            -           "
        "Cloud.AwaitBootup\n");
}

static void test_status_of_a_new_cluster(void **state) {
    assert_string_equal(fixture_read(*state, "/empty/status"), "cluster: empty\n"
                                                               "state: off\n"
                                                               "target: terminated\n"
                                                               "nodes: 0 wanted\n"
                                                               "cores: 0\n"
                                                               "alerts: 0\n"
                                                               "error: ok\n");
}

static json_t *load(const char *text) {
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s at %d in %s", error.text, error.position, text);
    return json;
}

static const char *text_at(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static void check_execute(const json_t *array) {
    assert_string_equal(text_at(array, "name"), "execute");
    assert_int_equal(json_integer_value(json_object_get(array, "maxCount")), 100);
    assert_int_equal(json_integer_value(json_object_get(array, "maxCoreCount")), 1000000000);
    const json_t *buckets = json_object_get(array, "buckets");
    assert_int_equal(json_array_size(buckets), 2);
    assert_string_equal(text_at(json_array_get(buckets, 0), "bucketId"), "11-standard_hb120rs_v3");
    const json_t *record = json_object_get(array, "nodearray");
    assert_string_equal(text_at(record, "Name"), "execute");
    assert_string_equal(text_at(record, "Region"), "westeurope");
    assert_string_equal(text_at(record, "SubnetId"), "/subscriptions/s/subnets/compute");
    assert_true(json_is_true(json_object_get(record, "Interruptible")));
    const json_t *slurm = json_object_get(json_object_get(record, "Configuration"), "slurm");
    assert_true(json_is_true(json_object_get(slurm, "hpc")));
    assert_string_equal(text_at(slurm, "key"), "********");
}

static void check_nodes(const json_t *nodes) {
    assert_int_equal(json_array_size(nodes), 2); /* no head node */
    const json_t *ready = json_array_get(nodes, 0), *waiting = json_array_get(nodes, 1);
    assert_string_equal(text_at(ready, "Name"), "execute-1");
    assert_string_equal(text_at(ready, "NodeId"), "20");
    assert_string_equal(text_at(ready, "Template"), "execute");
    assert_string_equal(text_at(ready, "Status"), "Ready");
    assert_string_equal(text_at(ready, "State"), "Started");
    assert_string_equal(text_at(ready, "TargetState"), "Started");
    assert_string_equal(text_at(ready, "Hostname"), "ip-0A000005");
    assert_string_equal(text_at(ready, "PrivateIp"), "10.0.0.5");
    assert_string_equal(text_at(ready, "SubnetId"), "/subscriptions/s/subnets/compute");
    assert_int_equal(json_integer_value(json_object_get(ready, "CoreCount")), 120);
    assert_true(json_is_true(json_object_get(ready, "Interruptible")));
    assert_true(json_is_false(json_object_get(ready, "KeepAlive")));
    assert_true(json_is_null(json_object_get(waiting, "Hostname")));
    assert_true(json_is_null(json_object_get(waiting, "InstanceId")));
    /* the type that will be tried next, so that a client finds its bucket */
    assert_string_equal(text_at(waiting, "MachineType"), "Standard_HB120rs_v3");
    assert_string_equal(text_at(waiting, "StatusMessage"),
                        "quota of standardHBv3Family:\n120 of 120 cores are used");
}

static void test_status_json(void **state) {
    json_t *status = load(fixture_read(*state, "/hpc/status.json"));
    assert_string_equal(text_at(status, "state"), "Started");
    assert_string_equal(text_at(status, "targetState"), "Started");
    assert_int_equal(json_integer_value(json_object_get(status, "maxCount")), 100000);
    const json_t *arrays = json_object_get(status, "nodearrays");
    assert_int_equal(json_array_size(arrays), 2); /* a head node is no array */
    check_execute(json_array_get(arrays, 0));
    const json_t *htc = json_array_get(arrays, 1);
    assert_int_equal(json_integer_value(json_object_get(htc, "maxCount")), 100000);
    assert_int_equal(json_array_size(json_object_get(htc, "buckets")), 1);
    check_nodes(json_object_get(status, "nodes"));
    json_decref(status);
}

static void test_status_json_without_nodes(void **state) {
    struct view_ref ref;
    struct view_ctx ctx = fixture_context(*state, "/hpc", &ref);
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    assert_int_equal(render_status_body(&ctx, false, &b), 0);
    json_t *status = load(b.data);
    assert_null(json_object_get(status, "nodes"));
    json_decref(status);
}

/* A cluster that was never started has no state. */
static void test_status_json_of_a_new_cluster(void **state) {
    assert_string_equal(
        fixture_read(*state, "/empty/status.json"),
        "{\"maxCount\":100000,\"maxCoreCount\":1000000000,\"nodearrays\":[],\"nodes\":[]}\n");
}

static void test_node_record_of_a_head_node(void **state) {
    struct view_ref ref;
    struct view_ctx ctx = fixture_context(*state, "/hpc/nodes/scheduler", &ref);
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    assert_int_equal(render_node_record(ctx.snapshot, ctx.cluster, ctx.node, &b), 0);
    json_t *record = load(b.data);
    assert_string_equal(text_at(record, "Template"), "scheduler");
    assert_true(json_is_true(json_object_get(record, "Fixed")));
    assert_true(json_is_true(json_object_get(record, "KeepAlive")));
    json_decref(record);
}

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

/* Each metric once with its HELP and TYPE, then only its own samples. */
static void check_exposition(const char *text) {
    _cleanup_free_ char *copy = strdup(text);
    assert_non_null(copy);
    char name[64] = "";
    char *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_int_equal(sscanf(line + 7, "%63s", name), 1);
            _cleanup_buf_ struct buf header = BUF_INIT(256);
            (void)buf_printf(&header, "# HELP %s ", name);
            assert_int_equal(count(text, header.data), 1);
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            assert_memory_equal(line + 7, name, strlen(name));
        } else {
            assert_memory_equal(line, name, strlen(name));
            assert_non_null(strchr("{ ", line[strlen(name)]));
            char *end = NULL;
            (void)strtod(strrchr(line, ' ') + 1, &end);
            assert_string_equal(end, "");
        }
    }
}

static void test_metrics(void **state) {
    static const char *const samples[] = {
        "cyclecloud_server_info{version=\"9.9.9\"} 1\n",
        "cyclecloud_server_healthy 1\n",
        "cyclecloud_server_start_time_seconds 1700000000\n",
        "cyclecloud_server_clusters 2\n",
        "cyclecloud_server_cloud_requests_total 42\n",
        "cyclecloud_cluster_state{cluster=\"hpc\",state=\"started\"} 1\n",
        "cyclecloud_cluster_state{cluster=\"empty\",state=\"started\"} 0\n",
        "cyclecloud_cluster_nodes{cluster=\"hpc\",status=\"Ready\"} 1\n",
        "cyclecloud_cluster_nodes{cluster=\"hpc\",status=\"Preparing\"} 1\n",
        "cyclecloud_cluster_nodes_wanted{cluster=\"hpc\"} 3\n",
        "cyclecloud_cluster_nodes_held{cluster=\"hpc\"} 1\n",
        "cyclecloud_cluster_cores{cluster=\"hpc\"} 122\n",
        "cyclecloud_cluster_wishes_behind{cluster=\"hpc\"} 1\n",
        "cyclecloud_array_nodes_wanted{cluster=\"hpc\",array=\"execute\"} 2\n",
        "cyclecloud_array_cores{cluster=\"hpc\",array=\"htc\"} 0\n",
        "cyclecloud_node_ready{cluster=\"hpc\",array=\"execute\",node=\"execute-1\"} 1\n",
        "cyclecloud_node_ready{cluster=\"hpc\",array=\"scheduler\",node=\"scheduler\"} 0\n",
        "cyclecloud_node_last_seen_seconds{cluster=\"hpc\",array=\"execute\",node=\"execute-1\"} "
        "1700000120\n",
        "cyclecloud_node_cpu_ratio{cluster=\"hpc\",array=\"execute\",node=\"execute-1\"} "
        "0.500000\n",
        "cyclecloud_node_load1{cluster=\"hpc\",array=\"execute\",node=\"execute-1\"} 60\n",
    };
    _cleanup_free_ char *text = strdup(fixture_read(*state, "/metrics"));
    assert_non_null(text);
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
        if (!strstr(text, samples[i]))
            fail_msg("no sample %s", samples[i]);
    check_exposition(text);
    /* a node that never called has reported nothing */
    assert_int_equal(count(text, "cyclecloud_node_cpu_ratio{"), 1);
}

static void test_metrics_below_the_root(void **state) {
    _cleanup_free_ char *cluster = strdup(fixture_read(*state, "/hpc/metrics"));
    assert_non_null(cluster);
    check_exposition(cluster);
    assert_null(strstr(cluster, "cyclecloud_server_"));
    assert_null(strstr(cluster, "cluster=\"empty\""));
    assert_int_equal(count(cluster, "cyclecloud_node_ready{"), 3);
    const char *node = fixture_read(*state, "/hpc/nodes/execute-1/metrics");
    check_exposition(node);
    assert_null(strstr(node, "cyclecloud_cluster_"));
    assert_int_equal(count(node, "node=\"execute-1\""), 6);
}

static void test_system(void **state) {
    assert_string_equal(
        fixture_read(*state, "/system/machine_types"),
        "NAME                 ACCOUNT  REGION      VCPUS  GPUS  MEMORY_MB  FAMILY              "
        "FEATURES\n"
        "Standard_HB120rs_v3  azure    westeurope  120    0     458752     standardHBv3Family  "
        "rdma,spot\n");
    assert_string_equal(
        fixture_read(*state, "/system/quotas"),
        "NAME                ACCOUNT  REGION      USED  LIMIT  LABEL\n"
        "standardHBv3Family  azure    westeurope  120   240    Standard HBv3 Family vCPUs\n");
    const char *limits = fixture_read(*state, "/system/limits");
    assert_non_null(strstr(limits, "nodes_per_cluster: 100000 nodes\n"));
    assert_non_null(strstr(limits, "document: 4194304 bytes\n"));
}

static void test_readme(void **state) {
    static const char *const parts[] = {
        "\n/status ",
        "\n/CLUSTER/nodes/count ",
        "\n/CLUSTER/arrays/ARRAY/max_count ",
        "\n/CLUSTER/nodes/NODE/last_seen ",
        "\n/system/quotas ",
        "nodes wanted in all arrays",
    };
    const char *text = fixture_read(*state, "/README");
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (!strstr(text, parts[i]))
            fail_msg("README lacks %s", parts[i]);
    const char *line = strstr(text, "\n/CLUSTER/nodes/count ") + strlen("\n/CLUSTER/nodes/count ");
    char access[4] = "", unit[8] = "";
    assert_int_equal(sscanf(line, "%3s %7s", access, unit), 2);
    assert_string_equal(access, "rw");
    assert_string_equal(unit, "nodes");
}

struct history_key_parts {
    enum history_stream stream;
    unsigned generation;
    uint64_t owner;
};

static void put(struct store *s, const struct history_key_parts *k, const char *text) {
    unsigned char key[HISTORY_KEY_SIZE];
    history_key(&(struct history){k->stream, k->generation, k->owner}, 0, key);
    struct store_op op = {
        .key = key, .key_len = sizeof(key), .value = text, .value_len = strlen(text)};
    assert_int_equal(store_commit(s, &(struct store_change){.ops = &op, .n_ops = 1}, NULL), 0);
}

static void test_streams(void **state) {
    struct fixture *f = *state;
    struct view_ref ref;
    assert_int_equal(store_open_memory(NULL, NULL, &f->gateway.store), 0);
    put(f->gateway.store, &(struct history_key_parts){HISTORY_LOGS, 0, 0}, "server\n");
    put(f->gateway.store, &(struct history_key_parts){HISTORY_LOGS, 0, ID_HPC}, "cluster hpc\n");
    put(f->gateway.store, &(struct history_key_parts){HISTORY_EVENTS, 0, ID_EXECUTE_1}, "{}\n");
    assert_int_equal(fixture_attr(f, "/logs").size, 7);
    assert_int_equal(fixture_attr(f, "/events").size, 0);
    assert_int_equal(fixture_attr(f, "/hpc/logs").size, 12);
    assert_int_equal(fixture_attr(f, "/hpc/nodes/execute-1/events").size, 3);
    assert_int_equal(fixture_find(f, "/hpc/logs.1", &ref), -ENOENT);
    put(f->gateway.store, &(struct history_key_parts){HISTORY_LOGS, 1, ID_HPC}, "old\n");
    assert_int_equal(fixture_find(f, "/hpc/logs.1", &ref), 0);
    assert_int_equal(fixture_attr(f, "/hpc/logs.1").size, 4);
    assert_int_equal(fixture_find(f, "/logs.1", &ref), -ENOENT);
}

static void grow(struct fixture *f, size_t n) {
    struct builder *b = fixture_begin(f);
    for (size_t i = 0; i < n; i++) {
        _cleanup_buf_ struct buf name = BUF_INIT(64);
        (void)buf_printf(&name, "htc-%zu", i);
        struct node *node = builder_add_node(b, ID_HPC, 1000 + i, name.data);
        assert_non_null(node);
        node->array_id = ID_HTC;
        node->target = TARGET_STARTED;
        node->status = NODE_READY;
        node->last_seen = FIXTURE_TIME;
    }
    fixture_publish(f, b);
}

static int count_entry(void *arg, const char *name, const struct view_ref *ref, uint64_t cookie) {
    (void)name, (void)ref, (void)cookie;
    ++*(size_t *)arg;
    return 0;
}

static double cpu_seconds(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

/* Ten times the nodes may take ten times as long; a square would take a hundred times. */
static double render_all(struct fixture *f, size_t n) {
    static const char *const paths[] = {"/status", "/metrics", "/hpc/status", "/hpc/status.json",
                                        "/hpc/metrics"};
    grow(f, n);
    double start = cpu_seconds();
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        assert_true(strlen(fixture_read(f, paths[i])) > 0);
    struct view_ref nodes, links;
    size_t seen = 0, linked = 0;
    assert_int_equal(fixture_find(f, "/hpc/nodes", &nodes), 0);
    assert_int_equal(fixture_find(f, "/hpc/arrays/htc/nodes", &links), 0);
    assert_int_equal(
        view_list(&f->gateway, f->snapshot, &nodes, &(struct view_listing){0, count_entry, &seen}),
        0);
    assert_int_equal(view_list(&f->gateway, f->snapshot, &links,
                               &(struct view_listing){0, count_entry, &linked}),
                     0);
    assert_int_equal(seen, n + 4);
    assert_int_equal(linked, n);
    return cpu_seconds() - start;
}

static void test_no_square_of_nodes(void **state) {
    void *other = NULL;
    assert_int_equal(fixture_setup(&other), 0);
    double small = render_all(other, 2000);
    double large = render_all(*state, 20000);
    assert_int_equal(fixture_teardown(&other), 0);
    if (large > 40 * small + 0.1)
        fail_msg("2000 nodes: %.3f s, 20000 nodes: %.3f s", small, large);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_root_status),
        TEST(test_status),
        TEST(test_status_of_a_new_cluster),
        TEST(test_status_json),
        TEST(test_status_json_without_nodes),
        TEST(test_status_json_of_a_new_cluster),
        TEST(test_node_record_of_a_head_node),
        TEST(test_metrics),
        TEST(test_metrics_below_the_root),
        TEST(test_system),
        TEST(test_readme),
        TEST(test_streams),
        TEST(test_no_square_of_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
