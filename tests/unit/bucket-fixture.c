/* SPDX-License-Identifier: MIT */
#include "bucket-fixture.h"

#include <stdio.h>

json_t *load_json(const char *text) {
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s at %d in %s", error.text, error.position, text);
    return json;
}

const char *text_at(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

int64_t number_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("%s is no integer", key);
    return json_integer_value(value);
}

const json_t *array_of(const json_t *status, const char *name) {
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
const json_t *find_bucket(const json_t *array, const char *type) {
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
json_t *read_bucket(const struct fixture *f, const char *array, const char *type) {
    _cleanup_buf_ struct buf path = BUF_INIT(256);
    (void)buf_printf(&path, "/hpc/arrays/%s/buckets", array);
    json_t *holder = json_pack("{s:o}", "buckets", load_json(fixture_read(f, path.data)));
    json_t *copy = json_deep_copy(find_bucket(holder, type));
    json_decref(holder);
    if (!copy)
        fail_msg("%s has no bucket of %s", array, type);
    return copy;
}

void check_number(const struct fixture *f, const char *type, const char *key, int64_t value) {
    json_t *bucket = read_bucket(f, "execute", type);
    if (number_at(bucket, key) != value)
        fail_msg("%s of %s is %lld and not %lld", key, type, (long long)number_at(bucket, key),
                 (long long)value);
    json_decref(bucket);
}

double since_shortage(const struct fixture *f, const char *type) {
    json_t *bucket = read_bucket(f, "execute", type);
    const json_t *value = json_object_get(bucket, "lastCapacityFailure");
    assert_true(json_is_real(value));
    double seconds = json_real_value(value);
    json_decref(bucket);
    return seconds;
}

void check_validity(const struct fixture *f, const char *type, const char *reason) {
    json_t *bucket = read_bucket(f, "execute", type);
    assert_int_equal(json_is_true(json_object_get(bucket, "valid")), !*reason);
    assert_string_equal(text_at(bucket, "invalidReason"), reason);
    if (*reason) {
        assert_int_equal(number_at(bucket, "maxCount"), 0);
        assert_int_equal(number_at(bucket, "availableCount"), 0);
    }
    json_decref(bucket);
}

void set_text(struct str **slot, const char *text) {
    assert_int_equal(str_set(slot, text), 0);
}

/* --- what the cloud has ----------------------------------------------------------------------- */

static void put_type(struct machine_type *t, const char *name) {
    set_text(&t->name, name);
    set_text(&t->family, "standardHBv3Family");
    set_text(&t->account, "azure");
    set_text(&t->region, "westeurope");
    t->vcpus = 60;
    t->quota_vcpus = 120;
    t->vcpus_per_core = 2;
    t->gpus = 1;
    t->memory_mb = 3584;
    t->rdma = t->spot = true;
}

static void put_quota(struct quota *q, const char *name, uint64_t used, uint64_t limit) {
    set_text(&q->name, name);
    set_text(&q->account, "azure");
    set_text(&q->region, "WestEurope");
    q->used = used;
    q->limit = limit;
    q->read_at = FIXTURE_TIME + USEC_SEC; /* newer than all nodes */
}

/* Two types and three quotas: 1200, 2400 and 360 cores, of which 120, 240 and 0 are used. */
struct catalog *make_catalog(void) {
    struct catalog *c = catalog_new(2, 3, 1);
    assert_non_null(c);
    c->n_shortages = 0;
    put_type(&c->types[0], V2);
    put_type(&c->types[1], V3);
    put_quota(&c->quotas[0], "StandardHBv3family", 120, 1200);
    put_quota(&c->quotas[1], "cores", 240, 2400);
    put_quota(&c->quotas[2], "lowPriorityCores", 0, 360);
    return c;
}

void use_catalog(struct fixture *f, struct catalog *c) {
    struct builder *b = fixture_begin(f);
    assert_int_equal(builder_set_catalog(b, c), 0);
    fixture_publish(f, b);
}

void put_shortage(struct catalog *c, usec_t age, usec_t delay) {
    struct shortage *x = &c->shortages[c->n_shortages++];
    set_text(&x->account, "azure");
    set_text(&x->region, "westeurope");
    set_text(&x->machine_type, "standard_hb120rs_V3");
    x->failed_at = FIXTURE_TIME - age;
    x->delay = delay;
    x->until = x->failed_at + delay;
}

/* --- what is wanted --------------------------------------------------------------------------- */

struct array *edit_execute(struct builder *b) {
    struct array *a = builder_array(b, ID_HPC, ID_EXECUTE, DURABLE);
    assert_non_null(a);
    return a;
}

/* A spec of its own for the array, so that one may be written to. */
struct array_spec *edit_spec(struct builder *b) {
    struct array *a = edit_execute(b);
    struct array_spec *spec = array_spec_new();
    assert_non_null(spec);
    spec->machine_types = str_list_ref(a->spec->machine_types);
    set_text(&spec->account, "azure");
    set_text(&spec->region, "westeurope");
    array_spec_unref(a->spec);
    a->spec = spec;
    return spec;
}

struct node *add_node(struct builder *b, uint64_t id, const char *type, enum node_status status) {
    _cleanup_buf_ struct buf name = BUF_INIT(64);
    (void)buf_printf(&name, "more-%u", (unsigned)id);
    struct node *n = builder_add_node(b, ID_HPC, id, name.data);
    assert_non_null(n);
    n->array_id = ID_EXECUTE;
    n->status = status;
    n->target =
        status == NODE_TERMINATING || status == NODE_OFF ? TARGET_TERMINATED : TARGET_STARTED;
    n->created_at = FIXTURE_TIME;
    set_text(&n->resource_id, "/subscriptions/s/more");
    set_text(&n->machine_type, type);
    return n;
}

/* --- what clients rely on ------------------------------------------------------------------- */

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

void check_bucket(const json_t *bucket) {
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
void check_status(const struct fixture *f) {
    json_t *status = load_json(fixture_read(f, "/hpc/status.json"));
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
