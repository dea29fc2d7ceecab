/* SPDX-License-Identifier: MIT */
#include "console-fixture.h"

#include <string.h>

/* VMs that do not come up: their consoles are read before they are given up. */

#define TIMED_OUT "Timeout awaiting system boot-up"
#define BOOT_LIMIT (31 * USEC_MIN) /* of a node whose template says nothing */

/* --- before a VM is given up -------------------------------------------------------------------*/

static void test_boot_timeout(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    w.silent = true;
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    run_for(&w, BOOT_LIMIT);
    assert_int_equal(reads(&w), 3); /* the head too */
    uint64_t id = node_at(&w, 1).id;
    assert_true(console_is(&w, id, "booted\n"));
    assert_int_equal(lines_with(&w, id, "console read: 7 bytes"), 1);
    assert_int_equal(lines_with(&w, id, "Timeout awaiting system boot-up"), 1);
    assert_int_equal(node_at(&w, 1).retries, 1);
    assert_int_equal(node_at(&w, 0).status, NODE_FAILED);
    w.silent = false;
    run_for(&w, 20 * USEC_MIN);
    assert_int_equal(ready_nodes(&w), 2); /* others in their place; the head waits for a person */
    assert_true(console_is(&w, id, "booted\n"));
    assert_int_equal(fake_cloud_vms(w.cloud), 3);
    world_end(&w);
}

/* Each VM has its own time, whenever the one before it began to boot. */
static void test_boot_timeouts_in_turn(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    w.silent = true;
    for (int64_t n = 1; n <= 3; n++) {
        assert_int_equal(set_count(&w, COUNT_SET, n).code, 0);
        run_for(&w, 10 * USEC_MIN);
    }
    for (unsigned i = 1; i <= 3; i++) { /* half an hour each; now it is that of the first */
        assert_int_equal(node_at(&w, i).retries, 0);
        run_for(&w, 8 * USEC_MIN);
        assert_int_equal(node_at(&w, i).retries, 1);
        run_for(&w, 2 * USEC_MIN);
    }
    world_end(&w);
}

/* All of a large array at once: each is asked, a few at a time, and none is kept for long. */
static void test_many_boot_timeouts(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    w.silent = true;
    assert_int_equal(set_count(&w, COUNT_SET, 100).code, 0);
    run_for(&w, BOOT_LIMIT);
    assert_int_equal(reads(&w), 101);
    for (unsigned i = 0; i < 101; i++) {
        struct node n = node_at(&w, i);
        assert_int_equal(lines_with(&w, n.id, "console read: 7 bytes"), 1);
        assert_int_equal(lines_with(&w, n.id, "Timeout awaiting system boot-up"), 1);
    }
    world_end(&w);
}

/* More than are waited for: the others are given up at once, and it is told why. */
static void test_too_many_boot_timeouts(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    w.silent = true;
    struct answer_seen a = set_template(&w, large_template_text);
    assert_int_equal(a.code, 0);
    assert_int_equal(set_count(&w, COUNT_SET, 300).code, 0);
    run_for(&w, BOOT_LIMIT + USEC_MIN);
    unsigned told = 0;
    for (unsigned i = 0; i < 300; i++) {
        struct node n = node_at(&w, i);
        assert_int_equal(lines_with(&w, n.id, "Timeout awaiting system boot-up"), 1);
        told += lines_with(&w, n.id, "console not read: 256 others are waiting to be read");
    }
    assert_int_equal(reads(&w) + told, 300);
    assert_true(reads(&w) >= 256 && told > 0);
    world_end(&w);
}

/* A VM that is stopped and started again has another start to tell of. */
static void test_every_start_is_asked(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    w.silent = true;
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    run_for(&w, BOOT_LIMIT);
    struct node head = node_named(&w, "head");
    assert_int_equal(head.status, NODE_FAILED);
    assert_int_equal(control(&w, head.id, "deallocate").code, 0);
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(node_named(&w, "head").status, NODE_DEALLOCATED);
    assert_int_equal(control(&w, head.id, "start").code, 0);
    run_for(&w, BOOT_LIMIT);
    assert_int_equal(node_named(&w, "head").status, NODE_FAILED);
    assert_int_equal(lines_with(&w, head.id, "Timeout awaiting"), 2);
    assert_int_equal(lines_with(&w, head.id, "console read"), 2);
    world_end(&w);
}

/* The process dies at the nth commit of all that a boot timeout brings about. Returns false when
 * there was no nth commit. */
static bool dies_at(unsigned nth) {
    struct world w;
    prepare(&w);
    w.silent = true;
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    run_for(&w, 29 * USEC_MIN);
    assert_int_equal(reads(&w), 0);
    unsigned runs = w.runs;
    w.fail_commit = w.commits + nth;
    run_for(&w, 10 * USEC_MIN);
    uint64_t id = node_at(&w, 1).id;
    uint64_t head = node_at(&w, 0).id;
    /* a new process gives VMs that boot their whole time */
    for (int i = 0; i < 40 && !(lines_with(&w, id, TIMED_OUT) && lines_with(&w, head, TIMED_OUT));
         i++)
        run_for(&w, USEC_MIN);
    w.silent = false;
    run_for(&w, 30 * USEC_MIN);
    assert_true(console_is(&w, id, "booted\n"));
    assert_true(console_is(&w, head, "booted\n"));
    assert_in_range(lines_with(&w, id, TIMED_OUT), 1, 2); /* the next VM may be as late */
    assert_true(reads(&w) <= 5);                          /* each once more, at most */
    assert_int_equal(fake_cloud_vms(w.cloud), 2);
    bool died = w.runs > runs;
    world_end(&w);
    return died;
}

static void test_death_at_each_commit(void **state) {
    (void)state;
    unsigned nth = 1;
    while (dies_at(nth))
        nth++;
    assert_true(nth > 5);
}

/* A node that never comes up has the console of its last VM. */
static void test_every_vm_is_asked(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    w.silent = true;
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    run_for(&w, 3 * USEC_HOUR);
    struct node n = node_at(&w, 1);
    assert_int_equal(n.status, NODE_FAILED);
    assert_int_equal(lines_with(&w, n.id, "console read"), 4);
    assert_int_equal(lines_with(&w, n.id, "Timeout awaiting"), 4);
    world_end(&w);
}

/* The cloud does not answer: the VM is given up all the same, and not much later. */
static void test_boot_timeout_without_console(void **state) {
    (void)state;
    static const enum fake_fault faults[] = {FAULT_LOST_REQUEST, FAULT_THROTTLED, FAULT_INVALID};
    for (unsigned i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        struct world w;
        prepare(&w);
        w.silent = true;
        fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE, 1000, faults[i]);
        assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
        run_for(&w, BOOT_LIMIT + 3 * USEC_MIN);
        uint64_t id = node_at(&w, 1).id;
        assert_int_equal(lines_with(&w, id, "Timeout awaiting system boot-up"), 1);
        assert_true(console_is(&w, id, ""));
        world_end(&w);
    }
}

/* It was asked for just before: that one will do, and is waited for. */
static void test_boot_timeout_while_asked(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    w.silent = true;
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    struct node n = {0};
    for (int i = 0; n.status != NODE_PREPARING && i < 1000; i++) {
        run_for(&w, USEC_SEC);
        n = node_at(&w, 1);
    }
    run_for(&w, n.status_at + 1800 * USEC_SEC - w.now - 2 * USEC_SEC);
    assert_int_equal(ask(&w, n.id).code, 0);
    run_for(&w, USEC_MIN);
    assert_int_equal(fake_cloud_calls(w.cloud, CYCLECLOUD_CALL_READ_INSTANCE_CONSOLE), 1);
    assert_int_equal(lines_with(&w, n.id, "Timeout awaiting system boot-up"), 1);
    assert_true(console_is(&w, n.id, "booted\n"));
    world_end(&w);
}

/* --- a VM whose provisioning failed ------------------------------------------------------------*/

/* Two nodes, of which one gets a VM that fails while it is made. */
static void begin_failing(struct world *w, const char *code) {
    prepare(w);
    assert_int_equal(set_count(w, COUNT_SET, 2).code, 0);
    for (int i = 0; node_at(w, 1).phase != PHASE_CREATE_VM && i < 1000; i++)
        run_for(w, USEC_SEC / 2);
    bool member = strstr(fake_cloud_vm(w->cloud, 0)->resource_id, "/-/") == NULL;
    assert_false(fake_cloud_vm(w->cloud, member ? 0 : 1)->running);
    fake_cloud_fail(w->cloud, member ? 0 : 1, code);
    run_for(w, 20 * USEC_MIN);
}

static void test_failed_provisioning(void **state) {
    (void)state;
    struct world w;
    begin_failing(&w, "OSProvisioningTimedOut");
    uint64_t id = node_at(&w, 1).id;
    assert_int_equal(reads(&w), 1);
    assert_true(console_is(&w, id, "booted\n"));
    assert_int_equal(lines_with(&w, id, "VM lost: OSProvisioningTimedOut"), 1);
    expect_ready(&w, 3); /* with another VM: the failed one was deleted */
    world_end(&w);
}

/* There was no machine: there is nothing to ask. */
static void test_no_capacity_has_no_console(void **state) {
    (void)state;
    struct world w;
    begin_failing(&w, "AllocationFailed");
    assert_int_equal(lines_with(&w, node_at(&w, 1).id, "VM lost: AllocationFailed"), 1);
    assert_int_equal(reads(&w), 0);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_timeout),
        cmocka_unit_test(test_boot_timeouts_in_turn),
        cmocka_unit_test(test_death_at_each_commit),
        cmocka_unit_test(test_every_vm_is_asked),
        cmocka_unit_test(test_too_many_boot_timeouts),
        cmocka_unit_test(test_every_start_is_asked),
        cmocka_unit_test(test_many_boot_timeouts),
        cmocka_unit_test(test_boot_timeout_without_console),
        cmocka_unit_test(test_boot_timeout_while_asked),
        cmocka_unit_test(test_failed_provisioning),
        cmocka_unit_test(test_no_capacity_has_no_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
