/* SPDX-License-Identifier: MIT */
/* A persistent volume: one disk for the life of its node, whatever goes wrong and whenever. */
#include "core-fixture.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char with_volume[] = "[cluster hpc]\n"
                                  "[[node %s]]\n"
                                  "Credentials = azure\n"
                                  "Region = eastus\n"
                                  "SubnetId = rg/vnet/subnet\n"
                                  "ImageName = almalinux8\n"
                                  "MachineType = Standard_D4s_v5\n"
                                  "[[[volume home]]]\n"
                                  "Size = %u\n"
                                  "Persistent = true\n";

static struct answer_seen write_template(struct world *w, const char *node, unsigned size_gb) {
    char text[1024];
    (void)snprintf(text, sizeof(text), with_volume, node, size_gb);
    return set_template(w, text);
}

static void begin(struct world *w) {
    prepare(w);
    assert_int_equal(write_template(w, "head", 128).code, 0);
}

/* The command again if the engine was lost with it. */
static void must(struct world *w, enum target target) {
    if (set_target(w, target).code < 0)
        assert_int_equal(set_target(w, target).code, 0);
}

/* There is one disk, there was never another, and the VM of the only node has it. */
static void expect_attached(struct world *w, unsigned size_gb) {
    expect_ready(w, 1);
    struct fake_disk d = fake_cloud_disk(w->cloud);
    assert_int_equal(d.made, 1);
    assert_int_equal(d.there, 1);
    assert_int_equal(d.lost, 0);
    assert_int_equal(d.size_gb, size_gb);
    assert_true(d.attached);
}

/* The cluster is off, the disk is kept, and nothing else. */
static void expect_kept(struct world *w) {
    run_for(w, 20 * USEC_MIN);
    struct fake_disk d = fake_cloud_disk(w->cloud);
    assert_int_equal(state_of(w), CLUSTER_OFF);
    assert_int_equal(fake_cloud_vms(w->cloud), 0);
    assert_int_equal(fake_cloud_groups(w->cloud), 1);
    assert_int_equal(d.made, 1);
    assert_int_equal(d.there, 1);
    assert_false(d.attached);
}

/* The first volume; zeroed texts when there is none. */
static struct volume first_volume(struct world *w) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct object_list *l = &s->items[ITEM_VOLUME];
    return l->len ? *(const struct volume *)l->items[0] : (struct volume){0};
}

static struct answer_seen delete_volume(struct world *w) {
    struct command *c = on_cluster(w, COMMAND_CONTROL);
    c->item_id = first_volume(w).item.id;
    command_set_name(c, "delete");
    return do_command(w, c);
}

static void test_whole_life(void **state) {
    (void)state;
    struct world w;
    begin(&w);
    must(&w, TARGET_STARTED);
    expect_attached(&w, 128);
    struct answer_seen a = delete_volume(&w);
    assert_int_equal(a.code, -EBUSY);
    assert_non_null(strstr(a.message, "attached to the VM of node head"));
    must(&w, TARGET_TERMINATED);
    expect_kept(&w);
    must(&w, TARGET_STARTED);
    expect_attached(&w, 128);
    assert_int_equal(fake_cloud_disk(w.cloud).times_attached, 2);
    must(&w, TARGET_TERMINATED);
    expect_kept(&w);
    a = do_command(&w, on_cluster(&w, COMMAND_REMOVE_CLUSTER));
    assert_int_equal(a.code, -EBUSY);
    assert_non_null(strstr(a.message, "home (128 GB)"));
    assert_int_equal(delete_volume(&w).code, 0);
    expect_off(&w);
    assert_int_equal(fake_cloud_disk(w.cloud).there, 0);
    assert_int_equal(do_command(&w, on_cluster(&w, COMMAND_REMOVE_CLUSTER)).code, 0);
    assert_int_equal(first_volume(&w).item.id, 0);
    world_end(&w);
}

static void test_lost_vm(void **state) {
    (void)state;
    struct world w;
    begin(&w);
    must(&w, TARGET_STARTED);
    expect_attached(&w, 128);
    fake_cloud_kill(w.cloud, 0);
    expect_attached(&w, 128);
    fake_cloud_evict(w.cloud, 0);
    run_for(&w, 2 * USEC_MIN);
    expect_attached(&w, 128);
    assert_int_equal(fake_cloud_disk(w.cloud).times_attached, 3);
    world_end(&w);
}

static void test_node_is_renamed(void **state) {
    (void)state;
    struct world w;
    begin(&w);
    must(&w, TARGET_STARTED);
    expect_attached(&w, 128);
    assert_int_equal(write_template(&w, "server", 128).code, 0);
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(fake_cloud_vms(w.cloud), 1); /* the new one waits for the disk */
    must(&w, TARGET_TERMINATED);
    expect_kept(&w);
    must(&w, TARGET_STARTED);
    expect_attached(&w, 128);
    assert_true(str_equal(first_volume(&w).node, "server"));
    world_end(&w);
}

static void test_size(void **state) {
    (void)state;
    struct world w;
    begin(&w);
    must(&w, TARGET_STARTED);
    expect_attached(&w, 128);
    struct answer_seen a = write_template(&w, "head", 64);
    assert_int_equal(a.code, -EINVAL);
    assert_non_null(strstr(a.message, "a disk cannot shrink"));
    assert_int_equal(write_template(&w, "head", 256).code, 0);
    expect_attached(&w, 128); /* in use: it grows later */
    must(&w, TARGET_TERMINATED);
    expect_kept(&w);
    restart(&w);
    must(&w, TARGET_STARTED);
    expect_attached(&w, 256);
    world_end(&w);
}

/* A node whose disk cannot be had waits and says why; a retry asks again. */
static void test_refused_disk(void **state) {
    (void)state;
    struct world w;
    begin(&w);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_DISK, 1, FAULT_INVALID);
    must(&w, TARGET_STARTED);
    run_for(&w, 30 * USEC_MIN);
    assert_int_equal(fake_cloud_vms(w.cloud), 0);
    assert_int_equal(fake_cloud_calls(w.cloud, CYCLECLOUD_CALL_CREATE_DISK), 1);
    assert_true(str_equal(first_volume(&w).message, "as the test wanted"));
    struct command *c = on_cluster(&w, COMMAND_CONTROL);
    command_set_name(c, "retry");
    assert_int_equal(do_command(&w, c).code, 0);
    expect_attached(&w, 128);
    world_end(&w);
}

/* The whole life, but for the deletion, in two runs; `what` goes wrong at the n-th time. Returns
   false when there was no n-th time. */
static void live(struct world *w) {
    must(w, TARGET_STARTED);
    expect_attached(w, 128);
    must(w, TARGET_TERMINATED);
    expect_kept(w);
    must(w, TARGET_STARTED);
    expect_attached(w, 128);
    must(w, TARGET_TERMINATED);
    expect_kept(w);
    if (delete_volume(w).code < 0 && first_volume(w).state == VOLUME_READY)
        assert_int_equal(delete_volume(w).code, 0);
    expect_off(w);
    assert_int_equal(fake_cloud_disk(w->cloud).there, 0);
}

static void every_write(enum fake_fault fault) {
    for (unsigned nth = 1, writes = 1; nth <= writes; nth++) {
        struct world w;
        begin(&w);
        fake_cloud_fault(w.cloud, nth, fault);
        live(&w);
        writes = fake_cloud_writes(w.cloud);
        assert_true(writes > 9); /* two groups, disk, VM, VM and group end; again; disk and group */
        world_end(&w);
    }
}

static void test_crash_at_each_write(void **state) {
    (void)state;
    every_write(FAULT_CRASH_BEFORE);
    every_write(FAULT_CRASH_AFTER);
}

static void test_lost_requests_and_replies(void **state) {
    (void)state;
    every_write(FAULT_LOST_REQUEST);
    every_write(FAULT_LOST_REPLY);
    every_write(FAULT_THROTTLED);
    every_write(FAULT_CONFLICT);
}

static void test_crash_at_each_commit(void **state) {
    (void)state;
    for (unsigned nth = 1, commits = 1; nth <= commits; nth++) {
        struct world w;
        begin(&w);
        unsigned before = w.commits;
        w.fail_commit = before + nth;
        live(&w);
        commits = w.commits - before;
        world_end(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_life),
        cmocka_unit_test(test_lost_vm),
        cmocka_unit_test(test_node_is_renamed),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_refused_disk),
        cmocka_unit_test(test_crash_at_each_write),
        cmocka_unit_test(test_lost_requests_and_replies),
        cmocka_unit_test(test_crash_at_each_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
