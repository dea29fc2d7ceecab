/* SPDX-License-Identifier: MIT */

/*
 * The builder against a naive model, over seeded random operations: builds of any length, published
 * or abandoned, while older snapshots are held and compared again when they are released. Then the
 * same with the allocation that fails moving through every position of a build.
 */

#include "base/random.h"
#include "model/builder.h"
#include "model/node_list.h"
#include "model/type_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CLUSTERS 3
#define ARRAYS 3
#define SETS 4
#define TYPES 4
#define NODES 1500
#define HELD 4

/* Allocations left until one fails; negative: none fails. */
static long fail_after = -1;
static bool failed;

static bool fails(void) {
    if (fail_after < 0)
        return false;
    if (fail_after-- > 0)
        return false;
    failed = true;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

struct naive_node {
    bool there, keepalive, fixed;
    uint64_t array_id, set_id;
    uint32_t cores;
    const char *machine_type, *resource_id;
    enum node_status status;
    enum target target;
    enum hold hold;
};

struct naive_cluster {
    bool there;
    struct naive_node nodes[NODES];
};

struct naive {
    struct naive_cluster clusters[CLUSTERS];
};

struct world {
    struct model *model;
    uint64_t seed;
    struct naive now, draft;
    const struct snapshot *held[HELD];
    struct naive *held_naive[HELD];
};

static uint64_t cluster_id(unsigned c) {
    return 1 + c;
}

static uint64_t array_id(unsigned c, unsigned a) {
    return 100 + 10 * c + a;
}

static uint64_t set_id(unsigned c, unsigned s) {
    return 200 + 10 * c + s;
}

/* Ids are spread, so that they fall into the tree in every order. */
static uint64_t node_id(unsigned c, unsigned n) {
    return 1000 + ((uint64_t)n * 7919 % NODES) * 3 + (uint64_t)c * 1000000;
}

static void node_name(unsigned n, char text[32]) {
    (void)snprintf(text, 32, "n-%u", n);
}

static unsigned pick(struct world *w, unsigned n) {
    return (unsigned)(random_split_mix(&w->seed) % n);
}

static const char *const type_names[TYPES] = {"", "Standard_F2s_v2", "standard_f2s_V2",
                                              "Standard_D4s_v3"};

static void count_naive(struct counts *to, const struct naive_node *n) {
    static const enum node_status goals[TARGET_MAX] = {
        [TARGET_TERMINATED] = NODE_OFF,
        [TARGET_STARTED] = NODE_READY,
        [TARGET_DEALLOCATED] = NODE_DEALLOCATED,
    };
    bool wanted = n->target != TARGET_TERMINATED;
    to->by_status[n->status]++;
    to->wanted += wanted;
    to->kept += wanted && n->keepalive;
    to->held += wanted && n->hold >= HOLD_PERSON;
    to->settled += n->status == goals[n->target];
    if (n->status != NODE_OFF && n->status != NODE_DEALLOCATED && n->status != NODE_TERMINATED)
        to->cores += n->cores;
}

static unsigned type_index(const char *name) {
    for (unsigned t = 0; t < TYPES; t++)
        if (strcmp(type_names[t], name) == 0)
            return t;
    fail_msg("no type %s", name);
    return 0;
}

static void count_naive_types(const struct naive_cluster *naive, uint64_t array,
                              struct type_count rows[TYPES]) {
    for (unsigned i = 0; i < NODES; i++) {
        const struct naive_node *n = &naive->nodes[i];
        if (!n->there || n->array_id != array)
            continue;
        struct type_count *row = &rows[type_index(n->machine_type)];
        row->nodes++;
        row->wanted += n->target != TARGET_TERMINATED;
        row->present += n->status != NODE_OFF && n->status != NODE_TERMINATED;
        row->active += node_status_has_vm(n->status);
        row->unplaced += n->target == TARGET_STARTED && !*n->resource_id;
    }
}

/* Each type that nodes have has one row, and others have rows without nodes or none. */
static void check_types(const struct array *a, const struct naive_cluster *naive) {
    struct type_count rows[TYPES] = {0};
    count_naive_types(naive, a->id, rows);
    for (unsigned i = 0; a->types && i < a->types->n; i++) {
        const struct type_count *row = &a->types->rows[i];
        struct type_count *want = &rows[type_index(str_text(row->machine_type))];
        assert_int_equal(row->nodes, want->nodes);
        assert_int_equal(row->wanted, want->wanted);
        assert_int_equal(row->present, want->present);
        assert_int_equal(row->active, want->active);
        assert_int_equal(row->unplaced, want->unplaced);
        want->nodes = 0;
    }
    for (unsigned t = 0; t < TYPES; t++)
        assert_int_equal(rows[t].nodes, 0);
}

static bool belongs(const struct node *n, uint64_t owner, enum node_list list) {
    uint64_t its = list == NODES_MEMBERS ? n->set_id
                   : list == NODES_HEADS ? n->cluster_id
                                         : n->array_id;
    return its == owner && node_lists(n) & 1u << list;
}

/* Both walks over each list see exactly the nodes that belong on it, in order. */
static void check_lists(const struct cluster *c, uint64_t owner) {
    for (enum node_list list = 0; list < NODE_LIST_MAX; list++) {
        uint64_t position = 0, on = 0, back = UINT64_MAX, all = 0;
        const struct node *n;
        while ((n = cluster_next_listed(c, owner, list, &on))) {
            const struct node *want;
            do {
                want = cluster_next_node(c, &position);
                assert_non_null(want);
            } while (!belongs(want, owner, list));
            assert_ptr_equal(want, n);
            all++;
        }
        while ((n = cluster_next_node(c, &position)))
            assert_false(belongs(n, owner, list));
        for (uint64_t last = UINT64_MAX; (n = cluster_previous_listed(c, owner, list, &back));) {
            assert_true(n->id < last && belongs(n, owner, list));
            last = n->id;
            all--;
        }
        assert_int_equal(all, 0);
    }
}

static void check_sets(const struct cluster *c, const struct naive_cluster *naive, unsigned at) {
    for (unsigned s = 0; s < SETS; s++) {
        uint32_t wanted = 0;
        for (unsigned i = 0; i < NODES; i++)
            wanted += naive->nodes[i].there && naive->nodes[i].set_id == set_id(at, s) &&
                      naive->nodes[i].target != TARGET_TERMINATED;
        assert_int_equal(cluster_set_by_id(c, set_id(at, s))->wanted, wanted);
        check_lists(c, set_id(at, s));
    }
}

static void check_cluster(const struct cluster *c, const struct naive_cluster *naive, unsigned at) {
    struct counts counts = {0}, heads = {0}, arrays[ARRAYS] = {0};
    size_t total = 0;
    for (unsigned i = 0; i < NODES; i++) {
        const struct naive_node *want = &naive->nodes[i];
        const struct node *n = cluster_node(c, node_id(at, i));
        char name[32];
        node_name(i, name);
        assert_ptr_equal(cluster_node_named(c, name), n);
        assert_int_equal(!!n, want->there);
        if (!n)
            continue;
        total++;
        assert_int_equal(n->cores, want->cores);
        assert_int_equal(n->status, want->status);
        assert_int_equal(n->target, want->target);
        assert_string_equal(str_text(n->name), name);
        count_naive(want->fixed ? &heads : &counts, want);
        count_naive(&arrays[want->array_id - array_id(at, 0)], want);
    }
    assert_int_equal(cluster_node_count(c), total);
    assert_memory_equal(&c->counts, &counts, sizeof(counts));
    assert_memory_equal(&c->head_counts, &heads, sizeof(heads));
    for (unsigned i = 0; i < ARRAYS; i++) {
        const struct array *a = cluster_array_by_id(c, array_id(at, i));
        assert_memory_equal(&a->counts, &arrays[i], sizeof(counts));
        check_types(a, naive);
        check_lists(c, a->id);
    }
    check_lists(c, c->id);
    check_sets(c, naive, at);
    uint64_t position = 0, last = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position)); total--) {
        assert_true(n->id > last);
        last = n->id;
    }
    assert_int_equal(total, 0);
}

static void check(const struct snapshot *s, const struct naive *naive) {
    for (unsigned c = 0; c < CLUSTERS; c++) {
        const struct cluster *found = snapshot_cluster(s, cluster_id(c));
        assert_int_equal(!!found, naive->clusters[c].there);
        if (found)
            check_cluster(found, &naive->clusters[c], c);
    }
}

static void change_place(struct world *w, struct naive_node *n, unsigned c) {
    n->array_id = pick(w, 3) ? n->array_id : array_id(c, pick(w, ARRAYS));
    n->set_id = pick(w, 3) ? n->set_id : pick(w, 3) ? set_id(c, pick(w, SETS)) : 0;
    n->machine_type = pick(w, 3) ? n->machine_type : type_names[pick(w, TYPES)];
    n->resource_id = pick(w, 3) ? n->resource_id : pick(w, 2) ? "/subscriptions/s/x" : "";
}

static void change_state(struct world *w, struct naive_node *n) {
    n->cores = pick(w, 3) ? n->cores : pick(w, 100);
    n->status = pick(w, 3) ? n->status : (enum node_status)pick(w, NODE_STATUS_MAX);
    n->target = pick(w, 3) ? n->target : (enum target)pick(w, TARGET_MAX);
    n->hold = pick(w, 3) ? n->hold : (enum hold)pick(w, HOLD_MAX);
    n->keepalive = pick(w, 5) ? n->keepalive : !n->keepalive;
    n->fixed = pick(w, 20) ? n->fixed : !n->fixed;
}

/* Changes some of what counts, so that each of it is now and then all that changed. */
static int write_node(struct world *w, struct node *n, struct naive_node *want, unsigned c) {
    if (!n)
        return -ENOMEM;
    change_place(w, want, c);
    change_state(w, want);
    n->array_id = want->array_id;
    n->set_id = want->set_id;
    n->cores = want->cores;
    n->status = want->status;
    n->target = want->target;
    n->hold = want->hold;
    n->keepalive = want->keepalive;
    n->fixed = want->fixed;
    if (str_set(&n->machine_type, want->machine_type) < 0 ||
        str_set(&n->resource_id, want->resource_id) < 0)
        return -ENOMEM;
    return str_set(&n->message, pick(w, 2) ? "some words" : "other words");
}

static int add_cluster(struct builder *b, struct naive_cluster *naive, unsigned c) {
    static const char *const names[CLUSTERS] = {"beta", "gamma", "alpha"};
    if (!builder_add_cluster(b, cluster_id(c), names[c]))
        return -ENOMEM;
    for (unsigned a = 0; a < ARRAYS; a++)
        if (!builder_add_array(b, cluster_id(c), array_id(c, a), names[a]))
            return -ENOMEM;
    for (unsigned s = 0; s < SETS; s++)
        if (!builder_add_set(b, cluster_id(c), set_id(c, s), "set"))
            return -ENOMEM;
    memset(naive, 0, sizeof(*naive));
    naive->there = true;
    return 0;
}

static int toggle_node(struct world *w, struct builder *b, unsigned c, unsigned i) {
    struct naive_node *want = &w->draft.clusters[c].nodes[i];
    if (want->there) {
        want->there = false;
        return builder_remove_node(b, cluster_id(c), node_id(c, i));
    }
    char name[32];
    node_name(i, name);
    *want = (struct naive_node){
        .there = true, .array_id = array_id(c, 0), .machine_type = "", .resource_id = ""};
    return write_node(w, builder_add_node(b, cluster_id(c), node_id(c, i), name), want, c);
}

static int remove_one_cluster(struct world *w, struct builder *b, unsigned c) {
    memset(&w->draft.clusters[c], 0, sizeof(w->draft.clusters[c]));
    return builder_remove_cluster(b, cluster_id(c));
}

/* One random operation on both. 0 or -ENOMEM. */
static int step(struct world *w, struct builder *b) {
    unsigned c = pick(w, CLUSTERS), i = pick(w, NODES), what = pick(w, 1000);
    struct naive_cluster *naive = &w->draft.clusters[c];
    if (!naive->there)
        return add_cluster(b, naive, c);
    if (what == 0)
        return remove_one_cluster(w, b, c);
    if (what < 100)
        return builder_count(b);
    if (what < 600 || !naive->nodes[i].there)
        return toggle_node(w, b, c, i);
    return write_node(w, builder_node(b, cluster_id(c), node_id(c, i), DURABLE), &naive->nodes[i],
                      c);
}

static void hold_another(struct world *w) {
    unsigned at = pick(w, HELD);
    if (w->held[at]) {
        check(w->held[at], w->held_naive[at]);
        model_release(w->held[at]);
        free(w->held_naive[at]);
    }
    w->held[at] = model_acquire(w->model);
    w->held_naive[at] = malloc(sizeof(w->now));
    assert_non_null(w->held_naive[at]);
    *w->held_naive[at] = w->now;
}

static struct world *world_new(uint64_t seed) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->seed = seed;
    assert_int_equal(model_new(&clock_real, &w->model), 0);
    return w;
}

static void world_free(struct world *w) {
    for (unsigned i = 0; i < HELD; i++) {
        if (!w->held[i])
            continue;
        check(w->held[i], w->held_naive[i]);
        model_release(w->held[i]);
        free(w->held_naive[i]);
    }
    model_free(w->model);
    free(w);
}

static void run_build(struct world *w, unsigned steps, bool publish) {
    struct builder *b = NULL;
    assert_int_equal(builder_begin(w->model, &b), 0);
    w->draft = w->now;
    for (unsigned i = 0; i < steps; i++)
        assert_int_equal(step(w, b), 0);
    if (!publish) {
        builder_abandon(b);
        return;
    }
    assert_int_equal(builder_publish(b), 0);
    w->now = w->draft;
}

static void test_random(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct world *w = world_new(seed);
        for (unsigned i = 0; i < 150; i++) {
            run_build(w, 1 + pick(w, pick(w, 10) ? 50 : 1000), pick(w, 4) != 0);
            if (pick(w, 3) == 0)
                hold_another(w);
            _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
            if (i % 5 == 0)
                check(s, &w->now);
        }
        world_free(w);
    }
}

/* Ascending in, then out from either end: full pages, joins, an empty tree again. */
static void test_fill_and_drain(void **state) {
    (void)state;
    struct world *w = world_new(1);
    for (unsigned round = 0; round < 3; round++) {
        struct builder *b = NULL;
        assert_int_equal(builder_begin(w->model, &b), 0);
        if (round == 0)
            assert_non_null(builder_add_cluster(b, 1, "c"));
        for (uint64_t i = 0; i < 5000; i++) {
            char name[32];
            node_name((unsigned)i, name);
            assert_non_null(builder_add_node(b, 1, 10 + i, name));
        }
        assert_int_equal(builder_publish(b), 0);
        assert_int_equal(builder_begin(w->model, &b), 0);
        for (uint64_t i = 0; i < 5000; i++) {
            uint64_t id = round == 0 ? 10 + i : round == 1 ? 5009 - i : 10 + i * 7 % 5000;
            assert_int_equal(builder_remove_node(b, 1, id), 0);
        }
        const struct cluster *c = snapshot_cluster(builder_snapshot(b), 1);
        assert_int_equal(cluster_node_count(c), 0);
        assert_null(cluster_next_node(c, &(uint64_t){0}));
        assert_int_equal(builder_publish(b), 0);
    }
    world_free(w);
}

/* One build of a fixed seed with the n-th allocation failing. Returns false when it did not fail.
 */
static bool build_failing(struct world *w, uint64_t seed, long n) {
    struct builder *b = NULL;
    w->seed = seed;
    w->draft = w->now;
    failed = false;
    fail_after = n;
    int r = builder_begin(w->model, &b);
    for (unsigned i = 0; r == 0 && i < 60; i++)
        r = step(w, b);
    if (r == 0 && builder_set_last_error(b, 5, "text") < 0)
        r = -ENOMEM;
    bool counted = n % 2 == 0;
    if (r == 0 && counted)
        r = builder_count(b);
    if (r == 0) {
        /* A publish of what was counted never fails, whatever memory does now. */
        if (fail_after > 0 && counted)
            fail_after = 0;
        r = builder_publish(b);
        assert_true(r == 0 || !counted);
    }
    if (r == 0) {
        w->now = w->draft;
    } else {
        assert_true(failed);
        assert_int_equal(r, -ENOMEM);
        builder_abandon(b);
    }
    fail_after = -1;
    return r < 0;
}

static void test_no_memory(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct world *w = world_new(seed);
        run_build(w, 2000, true);
        hold_another(w);
        long n = 0;
        while (build_failing(w, seed, n)) {
            if (n++ % 20)
                continue;
            _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
            check(s, &w->now);
        }
        assert_true(n > 50);
        _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
        check(s, &w->now);
        model_release(TAKE_PTR(s));
        world_free(w);
    }
}

static void test_no_memory_elsewhere(void **state) {
    (void)state;
    for (long n = 0; n < 2; n++) {
        struct model *m = NULL;
        fail_after = n;
        assert_int_equal(model_new(&clock_real, &m), -ENOMEM);
        fail_after = -1;
    }
    for (long n = 0; n < 3; n++) {
        fail_after = n;
        assert_null(str_list_new((const char *const[]){"a", "b"}, 2));
        fail_after = n;
        assert_null(catalog_new(2, 2, 1));
        fail_after = -1;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_fill_and_drain),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_memory_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
