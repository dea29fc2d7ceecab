/* SPDX-License-Identifier: MIT */
#include "test-view-fixture.h"

#include "model/limits.h"
#include "view/render.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

/* The buckets of a cluster's status, as autoscalers read them (REST: ClusterStatus). */

#define V3 "Standard_HB120rs_v3"
#define V2 "Standard_HB120rs_v2"
#define SPOT "lowPriorityCores"

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

static int64_t number_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("%s is no integer", key);
    return json_integer_value(value);
}

static const json_t *array_of(const json_t *status, const char *name) {
    size_t i;
    json_t *array;
    json_array_foreach(json_object_get(status, "nodearrays"), i, array) {
        if (strcmp(text_at(array, "name"), name) == 0)
            return array;
    }
    fail_msg("no array %s", name);
    return NULL;
}

/* The only bucket of this type; NULL for none. */
static const json_t *find_bucket(const json_t *array, const char *type) {
    const json_t *found = NULL;
    size_t i;
    json_t *bucket;
    json_array_foreach(json_object_get(array, "buckets"), i, bucket) {
        if (strcmp(text_at(json_object_get(bucket, "definition"), "machineType"), type) != 0)
            continue;
        assert_null(found);
        found = bucket;
    }
    return found;
}

/* A bucket of the file arrays/ARRAY/buckets; released by the caller. */
static json_t *read_bucket(const struct fixture *f, const char *array, const char *type) {
    _cleanup_buf_ struct buf path = BUF_INIT(256);
    (void)buf_printf(&path, "/hpc/arrays/%s/buckets", array);
    json_t *holder = json_pack("{s:o}", "buckets", load(fixture_read(f, path.data)));
    json_t *copy = json_deep_copy(find_bucket(holder, type));
    json_decref(holder);
    if (!copy)
        fail_msg("%s has no bucket of %s", array, type);
    return copy;
}

static void check_number(const struct fixture *f, const char *type, const char *key,
                         int64_t value) {
    json_t *bucket = read_bucket(f, "execute", type);
    if (number_at(bucket, key) != value)
        fail_msg("%s of %s is %lld and not %lld", key, type, (long long)number_at(bucket, key),
                 (long long)value);
    json_decref(bucket);
}

static double since_shortage(const struct fixture *f, const char *type) {
    json_t *bucket = read_bucket(f, "execute", type);
    const json_t *value = json_object_get(bucket, "lastCapacityFailure");
    assert_true(json_is_real(value));
    double seconds = json_real_value(value);
    json_decref(bucket);
    return seconds;
}

static void check_validity(const struct fixture *f, const char *type, const char *reason) {
    json_t *bucket = read_bucket(f, "execute", type);
    assert_int_equal(json_is_true(json_object_get(bucket, "valid")), !*reason);
    assert_string_equal(text_at(bucket, "invalidReason"), reason);
    if (*reason) {
        assert_int_equal(number_at(bucket, "maxCount"), 0);
        assert_int_equal(number_at(bucket, "availableCount"), 0);
    }
    json_decref(bucket);
}

static void set(struct str **slot, const char *text) {
    assert_int_equal(str_set(slot, text), 0);
}

/* --- what the cloud has ----------------------------------------------------------------------- */

static void put_type(struct machine_type *t, const char *name) {
    set(&t->name, name);
    set(&t->family, "standardHBv3Family");
    set(&t->account, "azure");
    set(&t->region, "westeurope");
    t->vcpus = 60;
    t->quota_vcpus = 120;
    t->vcpus_per_core = 2;
    t->gpus = 1;
    t->memory_mb = 3584;
    t->rdma = t->spot = true;
}

static void put_quota(struct quota *q, const char *name, uint64_t used, uint64_t limit) {
    set(&q->name, name);
    set(&q->account, "azure");
    set(&q->region, "WestEurope");
    q->used = used;
    q->limit = limit;
    q->read_at = FIXTURE_TIME + USEC_SEC; /* newer than all nodes */
}

/* Two types and three quotas: 1200, 2400 and 360 cores, of which 120, 240 and 0 are used. */
static struct catalog *make_catalog(void) {
    struct catalog *c = catalog_new(2, 3, 1);
    assert_non_null(c);
    c->n_shortages = 0;
    put_type(&c->types[0], V2);
    put_type(&c->types[1], V3);
    put_quota(&c->quotas[0], "StandardHBv3family", 120, 1200);
    put_quota(&c->quotas[1], "cores", 240, 2400);
    put_quota(&c->quotas[2], SPOT, 0, 360);
    return c;
}

static void use_catalog(struct fixture *f, struct catalog *c) {
    struct builder *b = fixture_begin(f);
    assert_int_equal(builder_set_catalog(b, c), 0);
    fixture_publish(f, b);
}

static void put_shortage(struct catalog *c, usec_t age, usec_t delay) {
    struct shortage *x = &c->shortages[c->n_shortages++];
    set(&x->account, "azure");
    set(&x->region, "westeurope");
    set(&x->machine_type, "standard_hb120rs_V3");
    x->failed_at = FIXTURE_TIME - age;
    x->delay = delay;
    x->until = x->failed_at + delay;
}

/* --- what is wanted --------------------------------------------------------------------------- */

static struct array *edit_execute(struct builder *b) {
    struct array *a = builder_array(b, ID_HPC, ID_EXECUTE, DURABLE);
    assert_non_null(a);
    return a;
}

/* A spec of its own for the array, so that one may be written to. */
static struct array_spec *edit_spec(struct builder *b) {
    struct array *a = edit_execute(b);
    struct array_spec *spec = array_spec_new();
    assert_non_null(spec);
    spec->machine_types = str_list_ref(a->spec->machine_types);
    set(&spec->account, "azure");
    set(&spec->region, "westeurope");
    array_spec_unref(a->spec);
    a->spec = spec;
    return spec;
}

static struct node *add_node(struct builder *b, uint64_t id, const char *type,
                             enum node_status status) {
    _cleanup_buf_ struct buf name = BUF_INIT(64);
    (void)buf_printf(&name, "more-%u", (unsigned)id);
    struct node *n = builder_add_node(b, ID_HPC, id, name.data);
    assert_non_null(n);
    n->array_id = ID_EXECUTE;
    n->status = status;
    n->target =
        status == NODE_TERMINATING || status == NODE_OFF ? TARGET_TERMINATED : TARGET_STARTED;
    n->created_at = FIXTURE_TIME;
    set(&n->resource_id, "/subscriptions/s/more");
    set(&n->machine_type, type);
    return n;
}

/* --- tests ------------------------------------------------------------------------------------ */

enum field_type { TEXT, INTEGER, REAL, BOOLEAN, LIST, OBJECT };

struct field {
    const char *name;
    enum field_type type;
};

static const struct field bucket_fields[] = {
    {"bucketId", TEXT},
    {"definition", OBJECT},
    {"valid", BOOLEAN},
    {"invalidReason", TEXT},
    {"maxCount", INTEGER},
    {"maxCoreCount", INTEGER},
    {"activeCount", INTEGER},
    {"activeCoreCount", INTEGER},
    {"availableCount", INTEGER},
    {"availableCoreCount", INTEGER},
    {"quotaCount", INTEGER},
    {"quotaCoreCount", INTEGER},
    {"consumedCoreCount", INTEGER},
    {"familyQuotaCount", INTEGER},
    {"familyQuotaCoreCount", INTEGER},
    {"familyConsumedCoreCount", INTEGER},
    {"regionalQuotaCount", INTEGER},
    {"regionalQuotaCoreCount", INTEGER},
    {"regionalConsumedCoreCount", INTEGER},
    {"lastCapacityFailure", REAL},
    {"maxPlacementGroupSize", INTEGER},
    {"maxPlacementGroupCoreSize", INTEGER},
    {"placementGroups", LIST},
    {"virtualMachine", OBJECT},
};

static bool has_type(const json_t *value, enum field_type type) {
    switch (type) {
    case TEXT:
        return json_is_string(value);
    case INTEGER:
        return json_is_integer(value);
    case REAL:
        return json_is_real(value);
    case BOOLEAN:
        return json_is_boolean(value);
    case LIST:
        return json_is_array(value);
    case OBJECT:
        return json_is_object(value);
    }
    return false;
}

static void check_bucket(const json_t *bucket) {
    static const char *const counts[] = {"max", "active", "available"};
    for (size_t i = 0; i < ARRAY_SIZE(bucket_fields); i++)
        if (!has_type(json_object_get(bucket, bucket_fields[i].name), bucket_fields[i].type))
            fail_msg("%s is absent or of another type", bucket_fields[i].name);
    const json_t *machine = json_object_get(bucket, "virtualMachine");
    int64_t vcpus = number_at(machine, "vcpuCount");
    assert_true(vcpus > 0 && number_at(machine, "pcpuCount") > 0); /* clients divide by them */
    assert_true(number_at(machine, "gpuCount") >= 0);
    assert_true(json_is_number(json_object_get(machine, "memory")));
    assert_true(json_is_boolean(json_object_get(machine, "infiniband")));
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        _cleanup_buf_ struct buf nodes = BUF_INIT(64), cores = BUF_INIT(64);
        (void)buf_printf(&nodes, "%sCount", counts[i]);
        (void)buf_printf(&cores, "%sCoreCount", counts[i]);
        assert_int_equal(number_at(bucket, cores.data), vcpus * number_at(bucket, nodes.data));
    }
}

/* All that clients rely on, whatever the state. */
static void check_status(const struct fixture *f) {
    json_t *status = load(fixture_read(f, "/hpc/status.json"));
    size_t i, k;
    json_t *array, *bucket, *node;
    json_array_foreach(json_object_get(status, "nodearrays"), i, array) {
        int64_t active = 0;
        json_array_foreach(json_object_get(array, "buckets"), k, bucket) {
            check_bucket(bucket);
            active += number_at(bucket, "activeCount");
            assert_int_equal(json_array_size(json_object_get(bucket, "activeNodes")),
                             number_at(bucket, "activeCount"));
        }
        assert_true(active <= number_at(array, "maxCount"));
    }
    json_array_foreach(json_object_get(status, "nodes"), i, node) {
        const json_t *of = array_of(status, text_at(node, "Template"));
        assert_string_not_equal(text_at(node, "Status"), "Off");
        if (!find_bucket(of, text_at(node, "MachineType")))
            fail_msg("%s is in no bucket", text_at(node, "Name"));
    }
    json_decref(status);
}

static void test_every_field(void **state) {
    struct fixture *f = *state;
    check_status(f);
    use_catalog(f, make_catalog());
    check_status(f);
    json_t *bucket = read_bucket(f, "execute", V3);
    check_bucket(bucket);
    assert_null(json_object_get(bucket, "activeNodes"));
    json_decref(bucket);
}

static void test_machine(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    json_t *bucket = read_bucket(f, "execute", V3);
    const json_t *machine = json_object_get(bucket, "virtualMachine");
    assert_int_equal(number_at(machine, "vcpuCount"), 60);
    assert_int_equal(number_at(machine, "pcpuCount"), 30);
    assert_int_equal(number_at(machine, "gpuCount"), 1);
    assert_int_equal(number_at(machine, "vcpuQuotaCount"), 120);
    assert_true(json_number_value(json_object_get(machine, "memory")) == 3.5);
    assert_true(json_is_true(json_object_get(machine, "infiniband")));
    json_decref(bucket);
}

/* execute-1 is in the cloud's count; execute-2 has no VM yet: 120 cores on top. */
static void test_quotas(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    static const struct {
        const char *key;
        int64_t value;
    } expected[] = {
        {"activeCount", 2},
        {"maxCount", 10}, /* of the family; the array allows 100 */
        {"availableCount", 8},
        {"quotaCount", 10},
        {"quotaCoreCount", 1200},
        {"consumedCoreCount", 240},
        {"familyQuotaCount", 10},
        {"familyQuotaCoreCount", 1200},
        {"familyConsumedCoreCount", 240},
        {"regionalQuotaCount", 20},
        {"regionalQuotaCoreCount", 2400},
        {"regionalConsumedCoreCount", 360},
    };
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        check_number(f, V3, expected[i].key, expected[i].value);
    struct catalog *c = make_catalog();
    c->quotas[1].limit = 400; /* the region's: one node more */
    use_catalog(f, c);
    check_number(f, V3, "availableCount", 0);
    check_number(f, V3, "maxCount", 3);
    check_number(f, V3, "quotaCoreCount", 400);
}

/* A quota that is older than the nodes knows none of them. */
static void test_old_quota(void **state) {
    struct fixture *f = *state;
    struct catalog *c = make_catalog();
    c->quotas[0].read_at = FIXTURE_TIME - USEC_SEC;
    use_catalog(f, c);
    check_number(f, V3, "consumedCoreCount", 360);
    check_number(f, V3, "availableCount", 7);
}

/* What another cluster wants is gone too. */
static void test_other_cluster(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    struct cluster *c = builder_add_cluster(b, 500, "other");
    assert_non_null(c);
    c->nodes_at = FIXTURE_TIME;
    struct array *a = builder_add_array(b, 500, 501, "execute");
    assert_non_null(a);
    a->is_array = true;
    a->spec = array_spec_ref(edit_execute(b)->spec);
    struct node *n = builder_add_node(b, 500, 502, "execute-1");
    assert_non_null(n);
    n->array_id = 501;
    n->target = TARGET_STARTED;
    n->status = NODE_ACQUIRING;
    fixture_publish(f, b);
    check_number(f, V3, "consumedCoreCount", 360);
    check_number(f, V3, "availableCount", 7);
    b = fixture_begin(f);
    n = builder_node(b, 500, 502, DURABLE);
    assert_non_null(n);
    n->status = NODE_READY;
    n->created_at = FIXTURE_TIME;
    set(&n->resource_id, "/subscriptions/s/other");
    fixture_publish(f, b);
    check_number(f, V3, "consumedCoreCount", 240);
}

static void test_more_used_than_allowed(void **state) {
    struct fixture *f = *state;
    struct catalog *c = make_catalog();
    c->quotas[0].used = 5000;
    c->quotas[1].used = 5000;
    use_catalog(f, c);
    check_number(f, V3, "availableCount", 0);
    check_number(f, V3, "consumedCoreCount", 1200); /* clients assert that it is not more */
    check_number(f, V3, "regionalConsumedCoreCount", 2400);
}

static void test_unknown_quotas(void **state) {
    struct fixture *f = *state;
    struct catalog *c = make_catalog();
    for (size_t i = 0; i < c->n_quotas; i++)
        set(&c->quotas[i].region, "eastus");
    use_catalog(f, c);
    check_number(f, V3, "maxCount", 100);
    check_number(f, V3, "availableCount", 98);
    check_number(f, V3, "quotaCoreCount", 1000000000);
    check_status(f);
}

static void test_array_limits(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    edit_execute(b)->max_count_set = 5;
    fixture_publish(f, b);
    check_number(f, V3, "maxCount", 5);
    check_number(f, V3, "availableCount", 3);
    b = fixture_begin(f);
    edit_spec(b)->max_core_count = 250; /* 60 a node */
    fixture_publish(f, b);
    check_number(f, V3, "maxCount", 4);
    check_number(f, V3, "availableCount", 2);
    b = fixture_begin(f);
    edit_execute(b)->max_count_set = 1; /* less than there are */
    fixture_publish(f, b);
    check_number(f, V3, "availableCount", 0);
    check_status(f);
}

/* Nodes on their way out make room in the array, but not in the quota while their VM is there. */
static void test_terminating(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    edit_execute(b)->max_count_set = 3;
    (void)add_node(b, 300, V3, NODE_TERMINATING);
    (void)add_node(b, 301, V3, NODE_TERMINATING);
    (void)add_node(b, 302, V3, NODE_OFF);
    fixture_publish(f, b);
    check_number(f, V3, "activeCount", 4);
    check_number(f, V3, "availableCount", 1);
    check_status(f);
}

static void test_deallocated(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    edit_execute(b)->max_count_set = 5;
    add_node(b, 300, V3, NODE_DEALLOCATED)->target = TARGET_DEALLOCATED;
    fixture_publish(f, b);
    check_number(f, V3, "activeCount", 2);
    check_number(f, V3, "availableCount", 2); /* it may be started again: it has its place */
    check_status(f);
}

static void test_spot(void **state) {
    struct fixture *f = *state;
    struct builder *b = fixture_begin(f);
    edit_spec(b)->spot = true;
    assert_int_equal(builder_set_catalog(b, make_catalog()), 0);
    fixture_publish(f, b);
    check_number(f, V3, "maxCount", 3);
    check_number(f, V3, "quotaCoreCount", 360);
    check_number(f, V3, "regionalQuotaCoreCount", 360);
    check_number(f, V3, "consumedCoreCount", 120); /* execute-2 */
    check_number(f, V3, "availableCount", 2);
    check_number(f, V3, "familyQuotaCoreCount", 1200); /* what on-demand nodes could have */
    check_number(f, V3, "familyConsumedCoreCount", 120);
    struct catalog *c = make_catalog();
    c->types[1].spot = false;
    use_catalog(f, c);
    check_validity(f, V3, "NotActivated");
}

static void test_shortage(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    assert_true(since_shortage(f, V3) == -1);
    struct catalog *c = make_catalog();
    put_shortage(c, USEC_MIN, 5 * USEC_MIN); /* held off */
    use_catalog(f, c);
    check_number(f, V3, "availableCount", 0);
    check_number(f, V3, "maxCount", 10); /* schedulers plan with this one */
    check_validity(f, V3, "");
    assert_true(since_shortage(f, V3) == 60);
    assert_true(since_shortage(f, V2) == -1);
    check_number(f, V2, "activeCount", 1); /* what has no VM yet would be tried with the next */
    check_status(f);
    c = make_catalog();
    put_shortage(c, 7 * USEC_MIN, 5 * USEC_MIN); /* over */
    use_catalog(f, c);
    check_number(f, V3, "availableCount", 8);
    assert_true(since_shortage(f, V3) == 420);
    c = make_catalog();
    put_shortage(c, 10 * USEC_MIN, 5 * USEC_MIN); /* forgotten */
    use_catalog(f, c);
    assert_true(since_shortage(f, V3) == -1);
    c = make_catalog();
    put_shortage(c, USEC_MIN, 5 * USEC_MIN);
    c->shortages[0].spot = true; /* of spot machines only */
    use_catalog(f, c);
    assert_true(since_shortage(f, V3) == -1);
}

static void test_validity(void **state) {
    struct fixture *f = *state;
    check_validity(f, V3, "");
    check_validity(f, V2, "NotActivated"); /* not in the fixture's catalog */
    struct catalog *c = make_catalog();
    c->types[1].restricted = true;
    use_catalog(f, c);
    check_validity(f, V3, "NotActivated");
    check_validity(f, V2, "");
    use_catalog(f, catalog_new(0, 0, 0)); /* as before the first reading */
    check_validity(f, V3, "NotActivated");
    check_status(f);
}

static void test_old_type(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    add_node(b, 300, "Standard_Old", NODE_READY)->cores = 44;
    (void)add_node(b, 301, "standard_OLD", NODE_READY);
    (void)add_node(b, 302, "STANDARD_HB120RS_V3", NODE_READY);
    fixture_publish(f, b);
    check_validity(f, "Standard_Old", "DisabledMachineType");
    check_number(f, "Standard_Old", "activeCount", 2);
    check_number(f, "Standard_Old", "activeCoreCount", 88);
    check_number(f, V3, "activeCount", 3);
    check_status(f);
    b = fixture_begin(f);
    edit_execute(b)->gone = true;
    fixture_publish(f, b);
    check_validity(f, V3, "DisabledMachineType");
    check_status(f);
}

static void test_bucket_id(void **state) {
    struct fixture *f = *state;
    json_t *before = read_bucket(f, "execute", V3), *other = read_bucket(f, "execute", V2);
    assert_string_not_equal(text_at(before, "bucketId"), text_at(other, "bucketId"));
    use_catalog(f, catalog_new(0, 0, 0));
    json_t *after = read_bucket(f, "execute", V3);
    assert_string_equal(text_at(before, "bucketId"), text_at(after, "bucketId"));
    json_decref(before);
    json_decref(other);
    json_decref(after);
}

static void test_placement_groups(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    set(&add_node(b, 300, V3, NODE_READY)->placement_group, "pg1");
    set(&add_node(b, 301, V3, NODE_READY)->placement_group, "pg0");
    set(&add_node(b, 302, V2, NODE_READY)->placement_group, "pg0");
    set(&add_node(b, 303, V3, NODE_OFF)->placement_group, "pg0");
    fixture_publish(f, b);
    json_t *bucket = read_bucket(f, "execute", V3);
    char *groups = json_dumps(json_object_get(bucket, "placementGroups"), JSON_COMPACT);
    assert_string_equal(groups, "[{\"name\":\"pg0\",\"activeCount\":2,\"activeCoreCount\":120},"
                                "{\"name\":\"pg1\",\"activeCount\":1,\"activeCoreCount\":60}]");
    free(groups);
    assert_int_equal(number_at(bucket, "maxPlacementGroupSize"), 100);
    assert_int_equal(number_at(bucket, "maxPlacementGroupCoreSize"), 6000);
    json_decref(bucket);
    b = fixture_begin(f);
    edit_spec(b)->max_set_size = 20;
    fixture_publish(f, b);
    check_number(f, V3, "maxPlacementGroupSize", 20);
    b = fixture_begin(f);
    edit_spec(b)->max_set_size = 1; /* lowered below what there is */
    fixture_publish(f, b);
    check_number(f, V3, "maxPlacementGroupSize", 2);
}

static void test_head(void **state) {
    struct fixture *f = *state;
    json_t *bucket = read_bucket(f, "scheduler", "Standard_F2s_v2");
    assert_int_equal(number_at(bucket, "activeCount"), 1);
    assert_int_equal(number_at(json_object_get(bucket, "virtualMachine"), "vcpuCount"), 2);
    json_decref(bucket);
}

/* One pass over the nodes: 10,000 take milliseconds, also with sanitizers on. */
static void test_fast(void **state) {
    struct fixture *f = *state;
    use_catalog(f, make_catalog());
    struct builder *b = fixture_begin(f);
    for (unsigned i = 0; i < 10000; i++) {
        struct node *n = add_node(b, 1000 + i, i % 3 ? V3 : V2, NODE_READY);
        set(&n->placement_group, i % 2 ? "pg0" : "pg1");
    }
    fixture_publish(f, b);
    clock_t start = clock();
    size_t len = strlen(fixture_read(f, "/hpc/status.json"));
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("%zu bytes in %.4f s\n", len, seconds);
    start = clock();
    (void)fixture_read(f, "/hpc/arrays/execute/buckets");
    print_message("buckets in %.4f s\n", (double)(clock() - start) / CLOCKS_PER_SEC);
    assert_true(seconds < 0.5);
    check_number(f, V2, "activeCount", 3334);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_every_field),      TEST(test_machine),       TEST(test_quotas),
        TEST(test_old_quota),        TEST(test_other_cluster), TEST(test_more_used_than_allowed),
        TEST(test_unknown_quotas),   TEST(test_array_limits),  TEST(test_terminating),
        TEST(test_deallocated),      TEST(test_spot),          TEST(test_shortage),
        TEST(test_validity),         TEST(test_old_type),      TEST(test_bucket_id),
        TEST(test_placement_groups), TEST(test_head),          TEST(test_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
