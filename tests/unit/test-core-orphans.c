/* SPDX-License-Identifier: MIT */
#include "core-fixture.h"

#include <errno.h>
#include <string.h>

/* VMs that no record explains: shown after several sweeps, deleted when somebody says so. */

static size_t count(struct world *w, enum item_kind kind) {
    const struct snapshot *s = model_acquire(w->model);
    size_t n = s->items[kind].len;
    model_release(s);
    return n;
}

static bool has_alert(struct world *w, const char *name) {
    const struct snapshot *s = model_acquire(w->model);
    bool has = snapshot_item_named(s, ITEM_ALERT, name) != NULL;
    model_release(s);
    return has;
}

static int take_key(void *arg, const void *key, size_t key_len, const void *value,
                    size_t value_len) {
    struct store_op *op = arg;
    (void)value;
    (void)value_len;
    static unsigned char kept[STORE_KEY_MAX];
    memcpy(kept, key, key_len);
    *op = (struct store_op){kept, key_len, NULL, 0};
    return 1;
}

/* As if the state directory had been restored from before the clusters were made. */
static void lose_clusters(struct world *w) {
    static const char letters[] = {'c', 'd', 'a', 's', 'n', 'i', 'g'};
    for (size_t i = 0; i < sizeof(letters); i++) {
        struct store_range range = {.prefix = &letters[i], .prefix_len = 1};
        struct store_op op;
        while (store_scan(w->store, &range, take_key, &op) > 0)
            assert_int_equal(
                store_commit(w->store, &(struct store_change){.ops = &op, .n_ops = 1}, NULL), 0);
    }
    restart(w);
}

static void make_orphans(struct world *w) {
    prepare(w);
    assert_int_equal(set_count(w, COUNT_SET, 2).code, 0);
    expect_ready(w, 3);
    assert_int_equal(count(w, ITEM_ORPHAN), 0);
    lose_clusters(w);
    run_for(w, 5 * USEC_MIN);
    assert_int_equal(count(w, ITEM_ORPHAN), 3);
}

static uint64_t first_orphan(struct world *w, bool member) {
    const struct snapshot *s = model_acquire(w->model);
    uint64_t id = 0;
    for (size_t i = 0; i < s->items[ITEM_ORPHAN].len; i++) {
        const struct orphan *o = s->items[ITEM_ORPHAN].items[i];
        assert_true(str_len(o->resource_id) && str_len(o->group) && str_len(o->account));
        if ((str_len(o->set_name) > 0) == member)
            id = o->item.id;
    }
    model_release(s);
    return id;
}

static struct answer_seen control(struct world *w, uint64_t id, const char *verb) {
    struct command *c = command_new(COMMAND_CONTROL);
    c->item_id = id;
    command_set_name(c, verb);
    return do_command(w, c);
}

static void test_found_and_left_alone(void **state) {
    (void)state;
    struct world w;
    make_orphans(&w);
    assert_true(has_alert(&w, "server-orphans"));
    run_for(&w, USEC_HOUR);
    assert_int_equal(fake_cloud_vms(w.cloud), 3);
    assert_int_equal(count(&w, ITEM_ORPHAN), 3);
    world_end(&w);
}

static void test_not_at_the_first_sweep(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    lose_clusters(&w);
    run_for(&w, USEC_MIN); /* one sweep */
    assert_int_equal(count(&w, ITEM_ORPHAN), 0);
    world_end(&w);
}

static void test_terminate(void **state) {
    (void)state;
    for (int member = 0; member < 2; member++) {
        struct world w;
        make_orphans(&w);
        assert_int_equal(control(&w, first_orphan(&w, member), "terminate").code, 0);
        run_for(&w, 10 * USEC_MIN);
        assert_int_equal(fake_cloud_vms(w.cloud), 2);
        assert_int_equal(count(&w, ITEM_ORPHAN), 2);
        world_end(&w);
    }
}

static void test_all_gone(void **state) {
    (void)state;
    struct world w;
    make_orphans(&w);
    while (count(&w, ITEM_ORPHAN)) {
        uint64_t id = first_orphan(&w, true);
        assert_int_equal(control(&w, id ? id : first_orphan(&w, false), "terminate").code, 0);
        run_for(&w, 10 * USEC_MIN);
    }
    assert_int_equal(fake_cloud_vms(w.cloud), 0);
    assert_false(has_alert(&w, "server-orphans"));
    world_end(&w);
}

/* The wish is in the store before anything is sent. */
static void test_wish_survives_a_crash(void **state) {
    (void)state;
    struct world w;
    make_orphans(&w);
    unsigned writes = fake_cloud_writes(w.cloud);
    fake_cloud_fault(w.cloud, 1, FAULT_CRASH_BEFORE);
    assert_int_equal(control(&w, first_orphan(&w, false), "terminate").code, 0);
    run_for(&w, 10 * USEC_MIN);
    assert_true(fake_cloud_writes(w.cloud) > writes + 1);
    assert_int_equal(fake_cloud_vms(w.cloud), 2);
    assert_int_equal(count(&w, ITEM_ORPHAN), 2);
    world_end(&w);
}

static void test_refusals(void **state) {
    (void)state;
    struct world w;
    make_orphans(&w);
    struct answer_seen a = control(&w, first_orphan(&w, false), "adopt");
    assert_int_equal(a.code, -EINVAL);
    assert_string_equal(a.message, "adopt is no verb of an orphan: use terminate");
    a = control(&w, 999999, "terminate");
    assert_int_equal(a.code, -ENOENT);
    assert_string_equal(a.message, "the orphan is gone");
    world_end(&w);
}

/* A cluster that grows, shrinks, loses a VM and ends never has orphans. */
static void test_none_in_a_good_life(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 5).code, 0);
    expect_ready(&w, 6);
    fake_cloud_kill(w.cloud, 3);
    expect_ready(&w, 6);
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    expect_ready(&w, 2);
    assert_int_equal(count(&w, ITEM_ORPHAN), 0);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    expect_off(&w);
    assert_int_equal(count(&w, ITEM_ORPHAN), 0);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_and_left_alone),
        cmocka_unit_test(test_not_at_the_first_sweep),
        cmocka_unit_test(test_terminate),
        cmocka_unit_test(test_all_gone),
        cmocka_unit_test(test_wish_survives_a_crash),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_none_in_a_good_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
