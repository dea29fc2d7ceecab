/* SPDX-License-Identifier: MIT */
#include "core-fixture.h"

#include "model/edition.h"
#include "model/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What nodes were made from outlives the template; what is no longer in it is not made again. */

#define DEFAULTS                                                                                \
    "[cluster hpc]\n[[node defaults]]\nAbstract = true\nCredentials = azure\nRegion = eastus\n" \
    "SubnetId = rg/vnet/subnet\nImageName = almalinux8\nMachineType = Standard_F2s_v2\n"
#define HEAD "[[node head]]\nExtends = defaults\n"
#define SITE "[[[configuration site]]]\nv = "
#define EXECUTE "[[nodearray execute]]\nExtends = defaults\n"

static const struct array *array_named(const struct snapshot *s, const char *name) {
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    return c ? cluster_array_named(c, name) : NULL;
}

static int count_one(void *arg, const void *key, size_t key_len, const void *value,
                     size_t value_len) {
    (void)key;
    (void)key_len;
    (void)value;
    (void)value_len;
    ++*(size_t *)arg;
    return 0;
}

static size_t count_records(struct world *w, char letter) {
    size_t n = 0;
    struct store_range range = {.prefix = &letter, .prefix_len = 1};
    assert_int_equal(store_scan(w->store, &range, count_one, &n), 0);
    return n;
}

static bool plan_says(struct world *w, const char *words) {
    const struct snapshot *s = model_acquire(w->model);
    const char *plan = str_text(snapshot_cluster_named(s, "hpc")->plan);
    bool found = strstr(plan, words);
    if (!found)
        print_message("plan: %s\n", plan);
    model_release(s);
    return found;
}

static bool array_is_there(struct world *w, const char *name) {
    const struct snapshot *s = model_acquire(w->model);
    bool there = array_named(s, name);
    model_release(s);
    return there;
}

/* What the files of a node show of its definition: how many nodes have this in it. */
static unsigned nodes_with(struct world *w, const char *words) {
    const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    uint64_t position = 0;
    unsigned n = 0;
    for (const struct node *node; (node = cluster_next_node(c, &position));) {
        const struct array *a = cluster_array_by_id(c, node->array_id);
        const struct edition *ed = edition_find(a->editions, node->edition);
        n += ed && strstr(str_text(ed->attributes), words) != NULL;
    }
    model_release(s);
    return n;
}

static int sync_code(struct world *w) {
    struct answer_seen a;
    submit(w, on_cluster(w, COMMAND_SYNC), &a);
    run_for(w, 5 * USEC_MIN);
    assert_true(a.given);
    return a.code;
}

static void start_with(struct world *w, const char *text, int64_t nodes) {
    world_begin(w);
    assert_int_equal(create_cluster(w).code, 0);
    assert_int_equal(set_template(w, text).code, 0);
    run_for(w, 2 * USEC_SEC);
    assert_int_equal(set_count(w, COUNT_SET, nodes).code, 0);
}

static void test_nodes_keep_what_they_were_made_from(void **state) {
    (void)state;
    struct world w;
    start_with(&w, DEFAULTS HEAD EXECUTE "Tags.v = one\n", 3);
    expect_ready(&w, 4);
    assert_int_equal(count_records(&w, 'e'), 2); /* of the head and of the array */
    assert_int_equal(set_template(&w, DEFAULTS HEAD EXECUTE "Tags.v = two\n").code, 0);
    assert_int_equal(set_count(&w, COUNT_ADD, 2).code, 0);
    expect_ready(&w, 6);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(nodes_with(&w, "\"one\""), 3);
        assert_int_equal(nodes_with(&w, "\"two\""), 2);
        assert_true(plan_says(&w, "keep: execute: 3 nodes (execute-1, execute-2, execute-3)"));
        restart(&w);
        run_for(&w, USEC_MIN);
    }
    assert_int_equal(count_records(&w, 'e'), 3);
    assert_int_equal(set_count(&w, COUNT_SET, 0).code, 0);
    expect_ready(&w, 1);
    assert_int_equal(count_records(&w, 'e'), 1);
    world_end(&w);
}

static void test_an_edit_that_is_taken_back(void **state) {
    (void)state;
    struct world w;
    start_with(&w, DEFAULTS EXECUTE "Tags.v = one\n", 2);
    expect_ready(&w, 2);
    assert_int_equal(set_template(&w, DEFAULTS EXECUTE "Tags.v = two\n").code, 0);
    run_for(&w, USEC_SEC);
    assert_true(plan_says(&w, "keep: execute: 2 nodes"));
    assert_int_equal(set_template(&w, DEFAULTS EXECUTE "Tags.v = one\n").code, 0);
    run_for(&w, USEC_SEC);
    assert_true(plan_says(&w, "nothing to do"));
    assert_int_equal(count_records(&w, 'e'), 1);
    world_end(&w);
}

static void test_an_array_that_left_the_template(void **state) {
    (void)state;
    struct world w;
    start_with(&w, DEFAULTS HEAD EXECUTE, 2);
    expect_ready(&w, 3);
    assert_int_equal(set_template(&w, DEFAULTS HEAD).code, 0);
    restart(&w);
    run_for(&w, USEC_MIN);
    assert_int_equal(ready_nodes(&w), 3);
    assert_true(plan_says(&w, "keep: nodearray execute is no longer in the template: 2 nodes"));
    const struct snapshot *s = model_acquire(w.model);
    assert_non_null(array_named(s, "execute")->spec);
    assert_non_null(strstr(str_text(array_named(s, "execute")->attributes), "Standard_F2s_v2"));
    model_release(s);
    fake_cloud_kill(w.cloud, 1);
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(fake_cloud_vms(w.cloud), 2);
    assert_int_equal(sync_code(&w), -EIO);
    assert_true(plan_says(
        &w, "1 node of execute (invalid): nodearray execute is no longer in the template"));
    assert_int_equal(set_template(&w, DEFAULTS HEAD EXECUTE).code, 0);
    expect_ready(&w, 3);
    assert_int_equal(sync_code(&w), 0);
    world_end(&w);
}

static void test_it_goes_with_its_last_node(void **state) {
    (void)state;
    struct world w;
    start_with(&w, DEFAULTS HEAD EXECUTE, 2);
    expect_ready(&w, 3);
    assert_int_equal(set_template(&w, DEFAULTS HEAD).code, 0);
    struct command *c = on_cluster(&w, COMMAND_SET_COUNT);
    const struct snapshot *s = model_acquire(w.model);
    c->array_id = array_named(s, "execute")->id;
    model_release(s);
    command_add_count(c, NULL, COUNT_SET, 3);
    assert_int_equal(do_command(&w, c).code, -EINVAL);
    c = on_cluster(&w, COMMAND_SET_COUNT);
    s = model_acquire(w.model);
    c->array_id = array_named(s, "execute")->id;
    model_release(s);
    command_add_count(c, NULL, COUNT_SET, 0);
    assert_int_equal(do_command(&w, c).code, 0);
    expect_ready(&w, 1);
    assert_false(array_is_there(&w, "execute"));
    assert_int_equal(count_records(&w, 'e'), 1);
    assert_int_equal(count_records(&w, 's'), 0);
    world_end(&w);
}

static void terminate_all_but(struct world *w, const char *kept) {
    const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    uint64_t ids[16], position = 0;
    size_t n = 0;
    for (const struct node *node; (node = cluster_next_node(c, &position)) && n < 16;)
        if (strcmp(str_text(node->name), kept) != 0)
            ids[n++] = node->id;
    model_release(s);
    while (n--) {
        struct command *command = on_cluster(w, COMMAND_REMOVE_NODE);
        command->node_id = ids[n];
        assert_int_equal(do_command(w, command).code, 0);
    }
}

static bool is_standalone(struct world *w, const char *name) {
    const struct snapshot *s = model_acquire(w->model);
    const struct array *a = array_named(s, name);
    bool standalone = a && !a->is_array && !a->gone;
    model_release(s);
    return standalone;
}

/* [[nodearray b]] with nodes becomes [[node b]]. */
static void test_another_kind_of_the_same_name(void **state) {
    (void)state;
    struct world w;
    start_with(&w, DEFAULTS HEAD "[[nodearray b]]\nExtends = defaults\n", 2);
    expect_ready(&w, 3);
    assert_int_equal(set_template(&w, DEFAULTS HEAD "[[node b]]\nExtends = defaults\n").code, 0);
    for (int i = 0; i < 2; i++) {
        run_for(&w, USEC_MIN);
        assert_int_equal(ready_nodes(&w), 3);
        assert_false(is_standalone(&w, "b"));
        assert_true(plan_says(&w, "is made when they are gone"));
        restart(&w);
    }
    terminate_all_but(&w, "head");
    expect_ready(&w, 2);
    assert_true(is_standalone(&w, "b"));
    world_end(&w);
}

static void test_a_standalone_node_that_is_renamed(void **state) {
    (void)state;
    struct world w;
    start_with(&w, DEFAULTS HEAD EXECUTE, 0);
    assert_int_equal(set_target(&w, TARGET_STARTED).code, 0);
    expect_ready(&w, 1);
    assert_int_equal(
        set_template(&w, DEFAULTS "[[node master]]\nExtends = defaults\n" EXECUTE).code, 0);
    expect_ready(&w, 2);
    assert_true(plan_says(&w, "keep: node head is no longer in the template: 1 node (head)"));
    terminate_all_but(&w, "master");
    expect_ready(&w, 1);
    assert_false(array_is_there(&w, "head"));
    world_end(&w);
}

static void test_there_may_be_only_so_many(void **state) {
    (void)state;
    struct world w;
    start_with(&w, DEFAULTS EXECUTE SITE "0\n", 1);
    run_for(&w, 3 * USEC_MIN); /* else two would be made of the later one, here and below */
    char text[1024];
    for (unsigned i = 1; i < LIMIT_EDITIONS_PER_ARRAY; i++) {
        (void)snprintf(text, sizeof(text), DEFAULTS EXECUTE SITE "%u\n", i);
        assert_int_equal(set_template(&w, text).code, 0);
        assert_int_equal(set_count(&w, COUNT_ADD, 1).code, 0);
        run_for(&w, 3 * USEC_MIN);
    }
    struct answer_seen a = set_template(&w, DEFAULTS EXECUTE SITE "more\n");
    assert_int_equal(a.code, -ENOSPC);
    assert_non_null(strstr(a.message, "100 different definitions"));
    assert_int_equal(set_count(&w, COUNT_SET, 0).code, 0);
    run_for(&w, 10 * USEC_MIN);
    assert_int_equal(set_template(&w, DEFAULTS EXECUTE SITE "more\n").code, 0);
    world_end(&w);
}

/* The tag `v` of the last scale set that was asked for. */
static char asked[16];
static int (*submit_to_fake)(void *provider, const struct cyclecloud_request *request,
                             cyclecloud_done done, void *arg);

static int note_tag(void *provider, const struct cyclecloud_request *q, cyclecloud_done done,
                    void *arg) {
    for (size_t i = 0; q->call == CYCLECLOUD_CALL_CREATE_SET && i < q->spec->n_tags; i++)
        if (strcmp(q->spec->tags[i].name, "v") == 0)
            (void)snprintf(asked, sizeof(asked), "%s", q->spec->tags[i].value);
    return submit_to_fake(provider, q, done, arg);
}

/* A request that is made again after an edit says the same as the first time. */
static void test_a_repeated_request_is_the_same(void **state) {
    (void)state;
    struct world w;
    start_with(&w, DEFAULTS EXECUTE "Tags.v = one\n", 0);
    struct cyclecloud_provider fake = fake_cloud_provider(w.cloud);
    struct cyclecloud_provider_ops ops = *fake.ops;
    submit_to_fake = ops.submit;
    ops.submit = note_tag;
    w.provider = (struct cyclecloud_provider){&ops, fake.self};
    restart(&w);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_SET, 1000, FAULT_LOST_REQUEST);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    run_for(&w, USEC_MIN);
    assert_string_equal(asked, "one");
    assert_int_equal(set_template(&w, DEFAULTS EXECUTE "Tags.v = two\n").code, 0);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_SET, 0, FAULT_NONE);
    asked[0] = '\0';
    expect_ready(&w, 2);
    assert_string_equal(asked, "one");
    assert_int_equal(nodes_with(&w, "\"one\""), 2);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes_keep_what_they_were_made_from),
        cmocka_unit_test(test_an_edit_that_is_taken_back),
        cmocka_unit_test(test_an_array_that_left_the_template),
        cmocka_unit_test(test_it_goes_with_its_last_node),
        cmocka_unit_test(test_another_kind_of_the_same_name),
        cmocka_unit_test(test_a_standalone_node_that_is_renamed),
        cmocka_unit_test(test_a_repeated_request_is_the_same),
        cmocka_unit_test(test_there_may_be_only_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
