/* SPDX-License-Identifier: MIT */

/* Readers against a writer that publishes all the time; meant to be run under ThreadSanitizer too.
 */

#include "model/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define READERS 3
#define NODES 300
#define BUILDS 4000

struct shared {
    struct model *model;
    atomic_bool stop;
    atomic_uint wrong, reads;
};

/* Every node of a revision carries that revision's text, and the counts agree with the nodes. */
static bool consistent(const struct snapshot *s) {
    const struct cluster *c = snapshot_cluster_named(s, "c");
    if (!c)
        return s->revision == 0;
    uint64_t position = 0;
    uint32_t seen = 0, cores = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position)); seen++) {
        cores += n->cores;
        char text[32];
        (void)snprintf(text, sizeof(text), "m%u", n->cores);
        if (!str_equal(n->message, text) || cluster_node_named(c, str_text(n->name)) != n)
            return false;
    }
    return seen == cluster_node_count(c) && c->counts.cores == cores &&
           c->counts.by_status[NODE_READY] == seen;
}

static void *reader(void *arg) {
    struct shared *sh = arg;
    uint64_t last = 0;
    while (!atomic_load(&sh->stop)) {
        const struct snapshot *s = model_acquire(sh->model);
        if (s->revision < last || !consistent(s))
            atomic_fetch_add(&sh->wrong, 1);
        last = s->revision;
        model_release(s);
        atomic_fetch_add(&sh->reads, 1);
    }
    return NULL;
}

static void write_node(struct node *n, unsigned value) {
    char text[32];
    assert_non_null(n);
    (void)snprintf(text, sizeof(text), "m%u", value);
    n->cores = value;
    n->status = NODE_READY;
    n->target = TARGET_STARTED;
    assert_int_equal(str_set(&n->message, text), 0);
}

static void build(struct model *m, unsigned round) {
    struct builder *b = NULL;
    assert_int_equal(builder_begin(m, &b), 0);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t id = 10 + (round * 31 + i * 67) % NODES;
        write_node(builder_node(b, 1, id, VOLATILE), round % 50 + i);
    }
    if (round % 3 == 0) {
        uint64_t id = 10 + round % NODES;
        char name[32];
        (void)snprintf(name, sizeof(name), "again-%u", round);
        assert_int_equal(builder_remove_node(b, 1, id), 0);
        write_node(builder_add_node(b, 1, id, name), 3);
    }
    if (round % 7 == 0)
        builder_abandon(b);
    else
        assert_int_equal(builder_publish(b), 0);
}

static void test_readers(void **state) {
    (void)state;
    struct shared sh = {0};
    assert_int_equal(model_new(&clock_real, &sh.model), 0);
    pthread_t threads[READERS];
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &sh), 0);
    struct builder *b = NULL;
    assert_int_equal(builder_begin(sh.model, &b), 0);
    assert_non_null(builder_add_cluster(b, 1, "c"));
    for (unsigned i = 0; i < NODES; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "n-%u", i);
        write_node(builder_add_node(b, 1, 10 + i, name), 1);
    }
    assert_int_equal(builder_publish(b), 0);
    for (unsigned i = 1; i < BUILDS || atomic_load(&sh.reads) < 100; i++)
        build(sh.model, i);
    atomic_store(&sh.stop, true);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&sh.wrong), 0);
    model_free(sh.model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
