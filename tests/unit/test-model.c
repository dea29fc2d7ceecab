/* SPDX-License-Identifier: MIT */

/* What a build means: copies, sharing, counts, changes, order, release. */

#include "model/builder.h"
#include "model/command.h"
#include "model/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct clock clock;
    usec_t now;
    struct model *model;
};

static usec_t fixture_time(void *arg) {
    return ((struct fixture *)arg)->now;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->clock = (struct clock){fixture_time, fixture_time, f};
    f->now = 1000;
    assert_int_equal(model_new(&f->clock, &f->model), 0);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    model_free(f->model);
    free(f);
    return 0;
}

static struct builder *begin(struct fixture *f) {
    struct builder *b = NULL;
    assert_int_equal(builder_begin(f->model, &b), 0);
    return b;
}

/* Cluster 1 "hpc" with array 2 "work", array 3 "head" and nodes 10 ... 10 + n - 1 of "work". */
static void make_cluster(struct fixture *f, unsigned n) {
    struct builder *b = begin(f);
    assert_non_null(builder_add_cluster(b, 1, "hpc"));
    struct array *a = builder_add_array(b, 1, 2, "work");
    assert_non_null(a);
    a->is_array = true;
    assert_non_null(builder_add_array(b, 1, 3, "head"));
    for (unsigned i = 0; i < n; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "work-%u", i + 1);
        struct node *node = builder_add_node(b, 1, 10 + i, name);
        assert_non_null(node);
        node->array_id = 2;
        node->target = TARGET_STARTED;
        node->status = NODE_READY;
        node->cores = 4;
    }
    assert_int_equal(builder_publish(b), 0);
}

static void test_empty(void **state) {
    struct fixture *f = *state;
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(f->model);
    assert_int_equal(s->revision, 0);
    assert_int_equal(s->clusters.len, 0);
    assert_null(snapshot_cluster(s, 1));
    assert_null(snapshot_cluster_named(s, "hpc"));
    assert_null(snapshot_node(s, 1, NULL));
    assert_null(snapshot_machine_type(s, "a", "r", "n"));
    assert_null(snapshot_machine_type_near(s, "a", "r", "n"));
}

static void test_old_snapshot_stays(void **state) {
    struct fixture *f = *state;
    make_cluster(f, 100);
    const struct snapshot *old = model_acquire(f->model);
    f->now = 2000;
    struct builder *b = begin(f);
    struct node *n = builder_node(b, 1, 50, DURABLE);
    assert_non_null(n);
    n->status = NODE_FAILED;
    assert_int_equal(str_set(&n->message, "broken"), 0);
    assert_ptr_equal(n, builder_node(b, 1, 50, VOLATILE));
    assert_int_equal(builder_remove_node(b, 1, 60), 0);
    assert_ptr_equal(cluster_node(snapshot_cluster(builder_snapshot(b), 1), 50), n);
    assert_int_equal(builder_publish(b), 0);

    _cleanup_snapshot_ const struct snapshot *s = model_acquire(f->model);
    assert_int_equal(s->revision, old->revision + 1);
    assert_int_equal(s->at, 2000);
    const struct cluster *before = snapshot_cluster(old, 1), *after = snapshot_cluster(s, 1);
    assert_int_equal(cluster_node(before, 50)->status, NODE_READY);
    assert_string_equal(str_text(cluster_node(before, 50)->message), "");
    assert_non_null(cluster_node_named(before, "work-51"));
    assert_int_equal(cluster_node_count(before), 100);
    assert_int_equal(before->counts.by_status[NODE_READY], 100);
    assert_int_equal(cluster_node(after, 50)->status, NODE_FAILED);
    assert_null(cluster_node(after, 60));
    assert_null(cluster_node_named(after, "work-51"));
    assert_int_equal(cluster_node_count(after), 99);
    assert_int_equal(after->counts.by_status[NODE_READY], 98);
    assert_int_equal(after->counts.by_status[NODE_FAILED], 1);
    assert_int_equal(after->nodes_at, 2000);
    assert_int_equal(before->nodes_at, 1000);
    /* What was not written is the same object. */
    assert_ptr_equal(cluster_node(before, 51), cluster_node(after, 51));
    model_release(old);
}

static void test_abandon(void **state) {
    struct fixture *f = *state;
    make_cluster(f, 10);
    const struct snapshot *old = model_acquire(f->model);
    struct builder *b = begin(f);
    builder_node(b, 1, 12, DURABLE)->cores = 99;
    assert_int_equal(builder_remove_array(b, 1, 2), 0);
    assert_non_null(builder_add_cluster(b, 500, "other"));
    assert_int_equal(builder_rename_cluster(b, 1, "renamed"), 0);
    assert_int_equal(builder_set_last_error(b, 7, "no"), 0);
    assert_int_equal(str_set(&builder_root(b)->server.health_text, "degraded"), 0);
    assert_int_equal(builder_set_catalog(b, catalog_new(2, 2, 1)), 0);
    assert_int_equal(builder_set_catalog(b, catalog_new(1, 0, 0)), 0);
    builder_abandon(b);
    builder_abandon(NULL);
    const struct snapshot *s = model_acquire(f->model);
    assert_ptr_equal(s, old);
    assert_int_equal(s->n_last_errors, 0);
    assert_null(s->catalog);
    assert_int_equal(cluster_node(snapshot_cluster_named(s, "hpc"), 12)->cores, 4);
    assert_int_equal(snapshot_cluster(s, 1)->counts.cores, 40);
    model_release(s);
    model_release(old);
}

static void test_untouched_build_publishes_nothing(void **state) {
    struct fixture *f = *state;
    make_cluster(f, 1);
    struct builder *b = begin(f);
    assert_false(builder_dirty(b));
    assert_null(builder_node(b, 1, 999, DURABLE));
    assert_int_equal(builder_remove_node(b, 1, 999), -ENOENT);
    assert_int_equal(builder_remove_node(b, 2, 999), -ENOENT);
    assert_int_equal(builder_remove_array(b, 1, 999), -ENOENT);
    assert_int_equal(builder_remove_set(b, 1, 999), -ENOENT);
    assert_int_equal(builder_remove_cluster(b, 999), -ENOENT);
    assert_false(builder_dirty(b));
    assert_int_equal(builder_publish(b), 0);
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(f->model);
    assert_int_equal(s->revision, 1);
}

/* The newest time of all nodes is kept with the cluster and the array, and never goes back. */
static void test_node_times(void **state) {
    struct fixture *f = *state;
    make_cluster(f, 3);
    struct builder *b = begin(f);
    builder_node(b, 1, 10, DURABLE)->status_at = 500;
    builder_node(b, 1, 11, DURABLE)->created_at = 400;
    struct node *n = builder_node(b, 1, 12, VOLATILE);
    n->last_seen = 600;
    n->array_id = 3;
    assert_int_equal(builder_publish(b), 0);
    const struct snapshot *s = model_acquire(f->model);
    assert_int_equal(snapshot_cluster(s, 1)->node_times.status_at, 500);
    assert_int_equal(snapshot_cluster(s, 1)->node_times.seen_at, 600);
    assert_int_equal(snapshot_array(s, 2, NULL)->node_times.status_at, 500);
    assert_int_equal(snapshot_array(s, 3, NULL)->node_times.seen_at, 600);
    model_release(s);
    b = begin(f);
    assert_int_equal(builder_remove_node(b, 1, 10), 0);
    builder_node(b, 1, 11, DURABLE)->status_at = 450;
    assert_int_equal(builder_publish(b), 0);
    s = model_acquire(f->model);
    assert_int_equal(snapshot_cluster(s, 1)->node_times.status_at, 500);
    model_release(s);
}

static void test_counts(void **state) {
    struct fixture *f = *state;
    make_cluster(f, 3);
    struct builder *b = begin(f);
    const struct snapshot *s = builder_snapshot(b);
    struct node *n = builder_node(b, 1, 10, DURABLE);
    n->hold = HOLD_QUOTA;
    n->status = NODE_OFF;
    n = builder_node(b, 1, 11, DURABLE);
    n->target = TARGET_TERMINATED;
    n->status = NODE_TERMINATING;
    n->hold = HOLD_QUOTA; /* not wanted, so not held */
    n = builder_add_node(b, 1, 200, "head");
    n->array_id = 3;
    n->fixed = true;
    n->target = TARGET_STARTED;
    n->status = NODE_ACQUIRING;
    n->cores = 2;
    assert_int_equal(builder_count(b), 0);
    const struct cluster *c = snapshot_cluster(s, 1);
    assert_int_equal(c->counts.wanted, 2);
    assert_int_equal(c->counts.held, 1);
    assert_int_equal(c->counts.cores, 8);
    assert_int_equal(c->counts.by_status[NODE_TERMINATING], 1);
    assert_int_equal(c->head_counts.wanted, 1);
    assert_int_equal(c->head_counts.cores, 2);
    assert_int_equal(cluster_array_by_id(c, 3)->counts.by_status[NODE_ACQUIRING], 1);
    assert_int_equal(cluster_array_named(c, "work")->counts.wanted, 2);
    /* A pointer kept across a count is counted when the build ends; so is a move between arrays. */
    n->cores = 6;
    builder_node(b, 1, 12, VOLATILE)->array_id = 3;
    assert_int_equal(builder_publish(b), 0);
    _cleanup_snapshot_ const struct snapshot *now = model_acquire(f->model);
    c = snapshot_cluster(now, 1);
    assert_int_equal(c->head_counts.cores, 6);
    assert_int_equal(cluster_array_by_id(c, 2)->counts.wanted, 1);
    assert_int_equal(cluster_array_by_id(c, 3)->counts.wanted, 2);
    assert_int_equal(cluster_array_by_id(c, 3)->counts.cores, 10);
}

static const struct change *find_change(struct builder *b, enum object_type type, uint64_t id) {
    size_t n;
    const struct change *found = NULL, *changes = builder_changes(b, &n);
    for (size_t i = 0; i < n; i++) {
        if (changes[i].type != type || changes[i].id != id)
            continue;
        assert_null(found); /* each object once */
        found = &changes[i];
    }
    return found;
}

static void test_changes(void **state) {
    struct fixture *f = *state;
    make_cluster(f, 5);
    struct builder *b = begin(f);
    builder_node(b, 1, 10, VOLATILE)->metrics.cpu = 1;
    assert_int_equal(builder_count(b), 0);
    assert_true(builder_dirty(b));
    assert_false(builder_durable(b));
    size_t n;
    (void)builder_changes(b, &n);
    assert_int_equal(n, 1); /* no count moved: only the node */
    builder_node(b, 1, 10, DURABLE)->status = NODE_FAILED;
    assert_true(builder_durable(b));
    assert_int_equal(builder_count(b), 0);
    assert_int_equal(find_change(b, OBJECT_NODE, 10)->durability, DURABLE);
    assert_int_equal(find_change(b, OBJECT_ARRAY, 2)->durability, VOLATILE);
    assert_int_equal(find_change(b, OBJECT_CLUSTER, 1)->durability, VOLATILE);
    assert_null(find_change(b, OBJECT_ARRAY, 3));
    assert_non_null(builder_add_node(b, 1, 77, "x"));
    assert_int_equal(builder_remove_node(b, 1, 77), 0);
    assert_true(find_change(b, OBJECT_NODE, 77)->added);
    assert_true(find_change(b, OBJECT_NODE, 77)->removed);
    assert_non_null(builder_add_set(b, 1, 80, "set"));
    builder_abandon(b);

    b = begin(f);
    assert_int_equal(builder_remove_cluster(b, 1), 0);
    (void)builder_changes(b, &n);
    assert_int_equal(n, 1 + 2 + 5);
    assert_true(find_change(b, OBJECT_CLUSTER, 1)->removed);
    assert_true(find_change(b, OBJECT_ARRAY, 3)->removed);
    assert_int_equal(find_change(b, OBJECT_NODE, 14)->cluster_id, 1);
    assert_int_equal(builder_publish(b), 0);
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(f->model);
    assert_null(snapshot_cluster(s, 1));
    assert_null(snapshot_node(s, 10, NULL));
}

static void test_order_and_names(void **state) {
    struct fixture *f = *state;
    struct builder *b = begin(f);
    static const char *const names[] = {"b", "d", "a", "c"};
    for (uint64_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_non_null(builder_add_cluster(b, i + 1, names[i]));
    assert_null(builder_add_cluster(b, 9, "a"));
    assert_null(builder_add_cluster(b, 1, "z"));
    assert_int_equal(builder_rename_cluster(b, 3, "b"), -EEXIST);
    assert_int_equal(builder_rename_cluster(b, 30, "z"), -ENOENT);
    assert_int_equal(builder_rename_cluster(b, 3, "cc"), 0);
    const struct snapshot *s = builder_snapshot(b);
    static const char *const sorted[] = {"b", "c", "cc", "d"};
    for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
        assert_string_equal(str_text(((struct cluster *)s->clusters.items[i])->name), sorted[i]);
    assert_int_equal(snapshot_cluster_named(s, "cc")->id, 3);
    assert_null(snapshot_cluster_named(s, "a"));
    for (uint64_t id = 10; id < 13; id++)
        assert_non_null(builder_add_array(b, 1, id, "array"));
    assert_int_equal(builder_order_arrays(b, 1, (uint64_t[]){12, 10, 11}, 3), 0);
    assert_int_equal(cluster_array(snapshot_cluster(s, 1), 0)->id, 12);
    assert_int_equal(cluster_array(snapshot_cluster(s, 1), 2)->id, 11);
    assert_int_equal(builder_order_arrays(b, 1, (uint64_t[]){12, 10}, 2), -ENOENT);
    assert_int_equal(builder_order_arrays(b, 1, (uint64_t[]){12, 12, 10}, 3), -ENOENT);
    assert_int_equal(builder_order_arrays(b, 99, (uint64_t[]){12}, 1), -ENOENT);
    for (uint64_t id = 40; id > 20; id--)
        assert_non_null(builder_add_set(b, 1, id, "set"));
    assert_int_equal(cluster_set(snapshot_cluster(s, 1), 0)->id, 21);
    assert_int_equal(cluster_set_by_id(snapshot_cluster(s, 1), 33)->id, 33);
    assert_int_equal(builder_remove_set(b, 1, 33), 0);
    assert_null(cluster_set_by_id(snapshot_cluster(s, 1), 33));
    assert_int_equal(builder_publish(b), 0);
}

static void test_array_goes_with_its_nodes_and_sets(void **state) {
    struct fixture *f = *state;
    make_cluster(f, 70);
    struct builder *b = begin(f);
    builder_add_set(b, 1, 300, "s")->array_id = 2;
    builder_add_set(b, 1, 301, "t")->array_id = 3;
    builder_add_node(b, 1, 400, "head")->array_id = 3;
    assert_int_equal(builder_remove_array(b, 1, 2), 0);
    assert_int_equal(builder_publish(b), 0);
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(f->model);
    const struct cluster *c = snapshot_cluster(s, 1);
    assert_int_equal(cluster_node_count(c), 1);
    assert_int_equal(c->sets.len, 1);
    assert_int_equal(c->arrays.len, 1);
    assert_int_equal(c->counts.wanted, 0);
    assert_int_equal(c->counts.cores, 0);
}

static void test_iteration_survives_changes(void **state) {
    struct fixture *f = *state;
    make_cluster(f, 200);
    const struct snapshot *s = model_acquire(f->model);
    uint64_t position = 0;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(cluster_next_node(snapshot_cluster(s, 1), &position)->id, 10 + i);
    model_release(s);
    struct builder *b = begin(f);
    assert_int_equal(builder_remove_node(b, 1, 110), 0);
    assert_int_equal(builder_remove_node(b, 1, 20), 0);
    assert_non_null(builder_add_node(b, 1, 5000, "late"));
    assert_int_equal(builder_publish(b), 0);
    s = model_acquire(f->model);
    unsigned seen = 0;
    uint64_t last = 109;
    for (const struct node *n; (n = cluster_next_node(snapshot_cluster(s, 1), &position));) {
        assert_true(n->id > last);
        last = n->id;
        seen++;
    }
    assert_int_equal(seen, 100);
    assert_int_equal(last, 5000);
    assert_null(cluster_next_node(snapshot_cluster(s, 1), &position));
    model_release(s);
}

static void test_last_errors(void **state) {
    struct fixture *f = *state;
    for (uid_t uid = 0; uid < LIMIT_LAST_ERRORS + 3; uid++) {
        f->now += 10;
        struct builder *b = begin(f);
        assert_int_equal(builder_set_last_error(b, uid, "first"), 0);
        assert_int_equal(builder_set_last_error(b, uid, "second"), 0);
        assert_int_equal(builder_publish(b), 0);
    }
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(f->model);
    assert_int_equal(s->n_last_errors, LIMIT_LAST_ERRORS);
    for (size_t i = 0; i < s->n_last_errors; i++) {
        assert_true(s->last_errors[i].uid >= 3); /* the oldest made room */
        assert_string_equal(str_text(s->last_errors[i].text), "second");
    }
}

static void test_catalog(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"Standard_D4s_v5", "Standard_HB120rs_v3"};
    struct catalog *catalog = catalog_new(2, 1, 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(str_set(&catalog->types[i].name, names[i]), 0);
        assert_int_equal(str_set(&catalog->types[i].account, "azure"), 0);
        assert_int_equal(str_set(&catalog->types[i].region, "westeurope"), 0);
    }
    struct builder *b = begin(f);
    assert_int_equal(builder_set_catalog(b, catalog), 0);
    assert_int_equal(builder_publish(b), 0);
    b = begin(f);
    assert_int_equal(builder_set_last_error(b, 1, "x"), 0); /* the catalog is shared on */
    assert_int_equal(builder_publish(b), 0);
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(f->model);
    assert_ptr_equal(s->catalog, catalog);
    assert_ptr_equal(snapshot_machine_type(s, "azure", "westeurope", "standard_d4s_V5"),
                     &catalog->types[0]);
    assert_null(snapshot_machine_type(s, "azure", "eastus", "Standard_D4s_v5"));
    assert_string_equal(snapshot_machine_type_near(s, "azure", "westeurope", "Standard_HB120rs_v2"),
                        names[1]);
    assert_null(snapshot_machine_type_near(s, "azure", "westeurope", "something else"));
    b = begin(f);
    assert_int_equal(builder_set_catalog(b, catalog_new(0, 0, 0)), 0);
    assert_int_equal(builder_publish(b), 0);
    /* `s` still has the first. */
    assert_string_equal(str_text(s->catalog->types[1].name), names[1]);
}

static void test_specs(void **state) {
    struct fixture *f = *state;
    make_cluster(f, 0);
    struct builder *b = begin(f);
    struct array *a = builder_array(b, 1, 2, DURABLE);
    assert_int_equal(array_max_count(a), -1);
    a->spec = array_spec_new();
    a->spec->machine_types = str_list_new((const char *const[]){"x", "y"}, 2);
    a->spec->max_count = 12;
    assert_int_equal(str_set(&a->spec->region, "westeurope"), 0);
    assert_int_equal(builder_publish(b), 0);
    const struct snapshot *old = model_acquire(f->model);
    b = begin(f);
    a = builder_array(b, 1, 2, DURABLE);
    assert_int_equal(array_max_count(a), 12);
    a->max_count_set = 3;
    assert_int_equal(array_max_count(a), 3);
    array_spec_unref(a->spec);
    a->spec = NULL;
    assert_int_equal(builder_publish(b), 0);
    const struct array *before = cluster_array_by_id(snapshot_cluster(old, 1), 2);
    assert_string_equal(str_text(before->spec->machine_types->items[1]), "y");
    model_release(old);
    assert_null(str_list_new(NULL, 0));
}

/* One build that touches one node of 100,000 must not cost what all of them cost. */
static void test_hundred_thousand(void **state) {
    struct fixture *f = *state;
    size_t before = mallinfo2().uordblks;
    make_cluster(f, LIMIT_NODES_PER_CLUSTER);
    size_t bytes = mallinfo2().uordblks - before;
    assert_true(bytes / LIMIT_NODES_PER_CLUSTER < 640);
    struct timespec a, z;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (unsigned i = 0; i < 10000; i++) {
        struct builder *b = begin(f);
        builder_node(b, 1, 10 + (i * 7919u) % LIMIT_NODES_PER_CLUSTER, VOLATILE)->metrics.cpu = 1;
        assert_int_equal(builder_publish(b), 0);
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &z);
    double seconds = (double)(z.tv_sec - a.tv_sec) + (double)(z.tv_nsec - a.tv_nsec) / 1e9;
    print_message("%zu bytes a node, %.1f us a build\n", bytes / LIMIT_NODES_PER_CLUSTER,
                  seconds * 100);
    assert_true(seconds < 10); /* O(n) would be minutes */
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(f->model);
    const struct cluster *c = snapshot_cluster(s, 1);
    assert_int_equal(c->counts.by_status[NODE_READY], LIMIT_NODES_PER_CLUSTER);
    for (unsigned i = 1; i <= LIMIT_NODES_PER_CLUSTER; i += 997) {
        char name[32];
        (void)snprintf(name, sizeof(name), "work-%u", i);
        assert_int_equal(cluster_node_named(c, name)->id, 9 + i);
    }
}

static void test_words(void **state) {
    (void)state;
    enum target t;
    assert_int_equal(target_parse("Started", &t), 0);
    assert_int_equal(t, TARGET_STARTED);
    assert_int_equal(target_parse("on", &t), -EINVAL);
    for (int i = 0; i < NODE_STATUS_MAX; i++) {
        assert_int_equal(node_status_parse(node_status_name((enum node_status)i)), i);
        assert_true(*node_state_file((enum node_status)i) != '\0');
        assert_true(*node_state_name((enum node_status)i) != '\0');
    }
    for (int i = 0; i < PHASE_MAX; i++)
        assert_int_equal(node_phase_parse(node_phase_name((enum node_phase)i)), i);
    for (int i = 0; i < CLUSTER_STATE_MAX; i++)
        assert_int_equal(cluster_state_parse(cluster_state_file((enum cluster_state)i)), i);
    for (int i = 0; i < HOLD_MAX; i++)
        assert_int_equal(hold_parse(hold_name((enum hold)i)), i);
    assert_int_equal(node_status_parse("ready"), -1);
    assert_int_equal(hold_parse("x"), -1);
    assert_string_equal(cluster_state_name(CLUSTER_OFF), "Terminated");
    assert_string_equal(node_state_file(NODE_ACQUIRING), "allocation");
    assert_string_equal(target_name(TARGET_MAX), "");
}

static void test_command(void **state) {
    (void)state;
    struct command *c = command_new(COMMAND_SET_COUNT);
    assert_int_equal(command_set_name(c, "one"), 0);
    assert_int_equal(command_set_name(c, "two"), 0);
    assert_string_equal(c->name, "two");
    assert_int_equal(command_set_text(c, "a\0b", 3), 0);
    assert_int_equal(command_set_text(c, "xyz", 2), 0);
    assert_string_equal(c->text, "xy");
    assert_int_equal(c->len, 2);
    assert_int_equal(command_add_count(c, NULL, COUNT_SET, 10), 0);
    assert_int_equal(command_add_count(c, "hpc", COUNT_ADD, 2), 0);
    assert_int_equal(c->n_counts, 2);
    assert_null(c->counts[0].array);
    assert_string_equal(c->counts[1].array, "hpc");
    command_free(c);
    command_free(NULL);
}

#define MODEL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        MODEL_TEST(test_empty),
        MODEL_TEST(test_old_snapshot_stays),
        MODEL_TEST(test_abandon),
        MODEL_TEST(test_untouched_build_publishes_nothing),
        MODEL_TEST(test_node_times),
        MODEL_TEST(test_counts),
        MODEL_TEST(test_changes),
        MODEL_TEST(test_order_and_names),
        MODEL_TEST(test_array_goes_with_its_nodes_and_sets),
        MODEL_TEST(test_iteration_survives_changes),
        MODEL_TEST(test_last_errors),
        MODEL_TEST(test_catalog),
        MODEL_TEST(test_specs),
        MODEL_TEST(test_hundred_thousand),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
