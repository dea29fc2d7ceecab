/* SPDX-License-Identifier: MIT */
/* A cloud that lies, refuses, loses answers and changes by itself. */
#include "core-fixture.h"

#include "model/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FOR_EVER 1000000u

static void begin_with(struct world *w, int64_t count) {
    prepare(w);
    assert_int_equal(set_count(w, COUNT_SET, count).code, 0);
    expect_ready(w, (unsigned)count + 1);
}

static unsigned calls(struct world *w, enum cyclecloud_call call) {
    return fake_cloud_calls(w->cloud, call);
}

static void retry(struct world *w) {
    struct command *c = on_cluster(w, COMMAND_CONTROL);
    assert_int_equal(command_set_name(c, "retry"), 0);
    assert_int_equal(do_command(w, c).code, 0);
}

/* One listing leaves a VM or a set out, or says that the set is not there: nobody loses a VM. */
static void one_lie(enum cyclecloud_call call, enum fake_fault lie) {
    struct world w;
    begin_with(&w, 4);
    unsigned writes = fake_cloud_writes(w.cloud);
    fake_cloud_fault_on(w.cloud, call, 1, lie);
    restart(&w);
    run_for(&w, 5 * USEC_MIN);
    assert_int_equal(ready_nodes(&w), 5);
    assert_int_equal(fake_cloud_vms(w.cloud), 5);
    assert_int_equal(fake_cloud_writes(w.cloud), writes);
    world_end(&w);
}

static void test_left_out_once(void **state) {
    (void)state;
    one_lie(CYCLECLOUD_CALL_LIST_INSTANCES, FAULT_MISSING);
    one_lie(CYCLECLOUD_CALL_LIST_INSTANCES, FAULT_GONE);
    one_lie(CYCLECLOUD_CALL_LIST_VMS, FAULT_MISSING);
    one_lie(CYCLECLOUD_CALL_LIST_VMS, FAULT_GONE);
    one_lie(CYCLECLOUD_CALL_LIST_SETS, FAULT_MISSING);
}

/* A page that comes twice makes no second VM of one. */
static void test_listed_twice(void **state) {
    (void)state;
    one_lie(CYCLECLOUD_CALL_LIST_INSTANCES, FAULT_DUPLICATE);
    one_lie(CYCLECLOUD_CALL_LIST_VMS, FAULT_DUPLICATE);
}

/* The group is said to be gone while the cluster ends: it is deleted by name all the same. */
static void test_group_denied_at_the_end(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 4);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    for (int call = CYCLECLOUD_CALL_LIST_VMS; call <= CYCLECLOUD_CALL_LIST_INSTANCES; call++)
        fake_cloud_fault_on(w.cloud, (enum cyclecloud_call)call, 4, FAULT_GONE);
    restart(&w);
    expect_off(&w);
    world_end(&w);
}

/* What is being deleted is no more of a set's size: one VM more is one VM more. */
static void test_vms_being_deleted(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 4);
    fake_cloud_evict(w.cloud, 1);
    fake_cloud_evict(w.cloud, 2);
    restart(&w);
    run_for(&w, 5 * USEC_SEC);
    assert_int_equal(set_count(&w, COUNT_SET, 5).code, 0);
    expect_ready(&w, 6);
    assert_int_equal(fake_cloud_peak(w.cloud), 6);
    world_end(&w);
}

/* The answer of a deletion by ids is lost after its effect; the ids are unknown from then on. */
static void test_lost_answer_of_a_deletion(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 5);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_DELETE_INSTANCES, 1, FAULT_LOST_REPLY);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    assert_int_equal(set_count(&w, COUNT_SET, 6).code, 0);
    expect_ready(&w, 7);
    assert_true(calls(&w, CYCLECLOUD_CALL_DELETE_INSTANCES) <= 2);
    world_end(&w);
}

static void test_crash_after_a_deletion(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 5);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_DELETE_INSTANCES, 1, FAULT_CRASH_AFTER);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    assert_int_equal(set_count(&w, COUNT_SET, 6).code, 0);
    expect_ready(&w, 7);
    world_end(&w);
}

/* A refusal without end is met with patience: at most `most` requests of the kind in ten minutes,
 * and all is well when it ends. */
static void refused_for_long(enum cyclecloud_call call, enum fake_fault fault, int64_t count,
                             unsigned most) {
    struct world w;
    begin_with(&w, 5);
    unsigned before = calls(&w, call), listings = calls(&w, CYCLECLOUD_CALL_LIST_INSTANCES);
    fake_cloud_fault_on(w.cloud, call, FOR_EVER, fault);
    assert_int_equal(set_count(&w, COUNT_SET, count).code, 0);
    run_for(&w, 10 * USEC_MIN);
    if (calls(&w, call) - before > most)
        print_message("call %d fault %d: %u requests\n", (int)call, (int)fault,
                      calls(&w, call) - before);
    assert_true(calls(&w, call) - before <= most);
    assert_true(calls(&w, CYCLECLOUD_CALL_LIST_INSTANCES) - listings <= 4 * most + 20);
    fake_cloud_fault_on(w.cloud, call, 0, FAULT_NONE);
    retry(&w);
    expect_ready(&w, (unsigned)count + 1);
    world_end(&w);
}

static void test_refused_for_long(void **state) {
    (void)state;
    refused_for_long(CYCLECLOUD_CALL_RESIZE_SET, FAULT_INVALID, 8, 2);
    refused_for_long(CYCLECLOUD_CALL_RESIZE_SET, FAULT_CONFLICT, 8, 30);
    refused_for_long(CYCLECLOUD_CALL_RESIZE_SET, FAULT_QUOTA, 8, 3);
    refused_for_long(CYCLECLOUD_CALL_RESIZE_SET, FAULT_CAPACITY, 8, 4);
    refused_for_long(CYCLECLOUD_CALL_RESIZE_SET, FAULT_THROTTLED, 8, 61);
    refused_for_long(CYCLECLOUD_CALL_DELETE_INSTANCES, FAULT_INVALID, 2, 11);
    refused_for_long(CYCLECLOUD_CALL_DELETE_INSTANCES, FAULT_CONFLICT, 2, 30);
    refused_for_long(CYCLECLOUD_CALL_DELETE_INSTANCES, FAULT_LOST_REQUEST, 2, 30);
}

/* An operation that ends as failed inside the cloud, by a code that passes, has ended: it is not
 * asked for again, and what it left is replaced. */
static void test_operation_fails(void **state) {
    (void)state;
    struct world w;
    world_begin(&w);
    assert_int_equal(create_cluster(&w).code, 0);
    assert_int_equal(set_template(&w, large_template_text).code, 0);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_SET, 1, FAULT_OPERATION_FAILED);
    assert_int_equal(set_count(&w, COUNT_SET, 3).code, 0);
    expect_ready(&w, 3);
    world_end(&w);
}

/* The same for the VM of a standalone node; when it goes on failing, the node needs attention. */
static void test_operation_of_a_head_fails(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_VM, FOR_EVER, FAULT_OPERATION_FAILED);
    assert_int_equal(set_target(&w, TARGET_STARTED).code, 0);
    run_for(&w, 30 * USEC_MIN);
    assert_int_equal(state_of(&w), CLUSTER_FAILED);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_CREATE_VM), 4);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_VM, 0, FAULT_NONE);
    retry(&w);
    expect_ready(&w, 1);
    world_end(&w);
}

/* A deletion whose operation fails is asked for again. */
static void test_operation_of_a_deletion_fails(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 2);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_DELETE_GROUP, 1, FAULT_OPERATION_FAILED);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_DELETE_SET, 1, FAULT_OPERATION_FAILED);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    expect_off(&w);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_DELETE_GROUP), 2);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_DELETE_SET), 2);
    world_end(&w);
}

/* Somebody deletes the group with all in it; it is made again, and so is all that is wanted. */
static void test_group_disappears(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 4);
    fake_cloud_kill_group(w.cloud);
    expect_ready(&w, 5);
    world_end(&w);
}

/* A standalone node with a public address comes back, with the security group that it needs. */
static void test_security_group_disappears(void **state) {
    (void)state;
    struct world w;
    char text[1024];
    (void)snprintf(text, sizeof(text), "%s", template_text);
    char *at = strstr(text, "Standard_D4s_v5\n");
    assert_non_null(at);
    (void)snprintf(at, sizeof(text) - (size_t)(at - text), "%s",
                   "Standard_D4s_v5\nUsePublicNetwork = true\n");
    world_begin(&w);
    assert_int_equal(create_cluster(&w).code, 0);
    assert_int_equal(set_template(&w, text).code, 0);
    assert_int_equal(set_target(&w, TARGET_STARTED).code, 0);
    expect_ready(&w, 1);
    fake_cloud_kill_group(w.cloud);
    expect_ready(&w, 1);
    /* alone, it is missed by the next VM that names it */
    fake_cloud_kill_security_group(w.cloud);
    fake_cloud_kill(w.cloud, 0);
    run_for(&w, 5 * USEC_MIN);
    retry(&w);
    expect_ready(&w, 1);
    world_end(&w);
}

/* The node of that name: its status, and since when its VM costs. */
static enum node_status node_state(struct world *w, const char *name, usec_t *ret_billed_at) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct node *n = cluster_node_named(snapshot_cluster_named(s, "hpc"), name);
    assert_non_null(n);
    *ret_billed_at = n->billed_at;
    return n->status;
}

/* Somebody stops or deallocates VMs: that is noticed, they are not Ready, what is not paid for is
 * not counted, and as they are wanted they are started again. */
static void stopped_outside(bool deallocated) {
    struct world w;
    begin_with(&w, 2);
    usec_t head_at, member_at;
    assert_int_equal(node_state(&w, "head", &head_at), NODE_READY);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_START_VM, FOR_EVER, FAULT_THROTTLED);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_START_INSTANCES, FOR_EVER, FAULT_THROTTLED);
    for (unsigned i = 0; i < 3; i++)
        fake_cloud_stop(w.cloud, i, deallocated);
    run_for(&w, 2 * USEC_MIN);
    assert_int_equal(ready_nodes(&w), 0);
    assert_int_equal(node_state(&w, "head", &head_at), NODE_DEALLOCATED);
    assert_int_equal(node_state(&w, "execute-1", &member_at), NODE_DEALLOCATED);
    assert_int_equal(head_at == 0, deallocated);
    assert_int_equal(member_at == 0, deallocated);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_START_VM, 0, FAULT_NONE);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_START_INSTANCES, 0, FAULT_NONE);
    expect_ready(&w, 3);
    world_end(&w);
}

/* A node that calls no more says so, though its VM runs. */
static void test_silence(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1); /* agents of this world call once */
    const struct snapshot *s = model_acquire(w.model);
    const struct node *n = cluster_node_named(snapshot_cluster_named(s, "hpc"), "execute-1");
    assert_int_equal(n->status, NODE_READY);
    assert_non_null(strstr(str_text(n->message), "no sign of life since 20"));
    model_release(s);
    world_end(&w);
}

static void test_stopped_outside(void **state) {
    (void)state;
    stopped_outside(true);
    stopped_outside(false);
}

static struct answer_seen control_node(struct world *w, const char *name, const char *verb) {
    struct command *c = on_cluster(w, COMMAND_CONTROL);
    const struct snapshot *s = model_acquire(w->model);
    c->node_id = cluster_node_named(snapshot_cluster_named(s, "hpc"), name)->id;
    model_release(s);
    assert_int_equal(command_set_name(c, verb), 0);
    return do_command(w, c);
}

/* What the cloud will never do ends in words, and the VM goes on running. */
static void test_deallocation_refused(void **state) {
    (void)state;
    static const struct {
        const char *node;
        enum cyclecloud_call call;
    } rows[] = {{"head", CYCLECLOUD_CALL_DEALLOCATE_VM},
                {"execute-1", CYCLECLOUD_CALL_DEALLOCATE_INSTANCES}};
    struct world w;
    usec_t at;
    begin_with(&w, 2);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fake_cloud_fault_on(w.cloud, rows[i].call, FOR_EVER, FAULT_NOT_ALLOWED);
        assert_int_equal(control_node(&w, rows[i].node, "deallocate").code, 0);
        run_for(&w, 10 * USEC_MIN);
        assert_int_equal(calls(&w, rows[i].call), 3);
        assert_int_equal(node_state(&w, rows[i].node, &at), NODE_READY);
        assert_true(at > 0);
        fake_cloud_fault_on(w.cloud, rows[i].call, 0, FAULT_NONE);
    }
    const struct snapshot *s = model_acquire(w.model);
    const struct cluster *c = snapshot_cluster_named(s, "hpc");
    assert_non_null(strstr(str_text(c->notes), "head: 1 node: invalid: it cannot be deallocated"));
    assert_int_equal(c->state, CLUSTER_STARTED);
    model_release(s);
    expect_ready(&w, 3);
    world_end(&w);
}

/* A VM with its disk in the host cannot be deallocated: that is known when it is asked for. */
static void test_ephemeral_disk(void **state) {
    (void)state;
    struct world w;
    char text[1024];
    usec_t at;
    (void)snprintf(text, sizeof(text), "%s%s", template_text, "EphemeralOSDisk = true\n");
    world_begin(&w);
    assert_int_equal(create_cluster(&w).code, 0);
    assert_int_equal(set_template(&w, text).code, 0);
    assert_int_equal(set_count(&w, COUNT_SET, 1).code, 0);
    expect_ready(&w, 2);
    struct answer_seen a = control_node(&w, "execute-1", "deallocate");
    assert_int_equal(a.code, -EBUSY);
    assert_non_null(strstr(a.message, "EphemeralOSDisk"));
    assert_int_equal(node_state(&w, "execute-1", &at), NODE_READY);
    world_end(&w);
}

/* A VM that the cloud does not start stays where it is, and is tried again later. */
static void test_start_refused(void **state) {
    (void)state;
    struct world w;
    usec_t at;
    prepare(&w);
    assert_int_equal(set_target(&w, TARGET_STARTED).code, 0);
    expect_ready(&w, 1);
    assert_int_equal(control_node(&w, "head", "deallocate").code, 0);
    run_for(&w, 2 * USEC_MIN);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_START_VM, 1, FAULT_CAPACITY);
    assert_int_equal(control_node(&w, "head", "start").code, 0);
    run_for(&w, USEC_MIN);
    assert_int_equal(node_state(&w, "head", &at), NODE_DEALLOCATED);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_CREATE_VM), 1);
    expect_ready(&w, 1);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_START_VM), 2);
    world_end(&w);
}

/* ... while the first creates are on their way. */
static void test_group_disappears_under_creates(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 4).code, 0);
    for (unsigned i = 0; i < 1000 && !fake_cloud_groups(w.cloud); i++)
        step(&w);
    fake_cloud_kill_group(w.cloud);
    expect_ready(&w, 5);
    world_end(&w);
}

/* A cluster ends while its creates cannot be sent: they are given up, and the deletions that take
 * their place find what was made by a request whose answer was lost. */
static void ends_while_creating(enum fake_fault fault) {
    struct world w;
    prepare(&w);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_SET, FOR_EVER, fault);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_VM, FOR_EVER, fault);
    assert_int_equal(set_count(&w, COUNT_SET, 4).code, 0);
    run_for(&w, USEC_MIN);
    assert_int_equal(set_target(&w, TARGET_TERMINATED).code, 0);
    expect_off(&w);
    world_end(&w);
}

static void test_ends_while_creating(void **state) {
    (void)state;
    ends_while_creating(FAULT_LOST_REQUEST);
    ends_while_creating(FAULT_LOST_REPLY);
    ends_while_creating(FAULT_THROTTLED);
    ends_while_creating(FAULT_GONE);
    ends_while_creating(FAULT_INVALID);
}

/* After a restart nothing is asked for before every part of the first listing is there. */
static void silent_without(enum cyclecloud_call call) {
    struct world w;
    begin_with(&w, 4);
    unsigned writes = fake_cloud_writes(w.cloud);
    fake_cloud_fault_on(w.cloud, call, FOR_EVER, FAULT_LOST_REQUEST);
    restart(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 8).code, 0);
    run_for(&w, 10 * USEC_MIN);
    assert_int_equal(fake_cloud_writes(w.cloud), writes);
    fake_cloud_fault_on(w.cloud, call, 0, FAULT_NONE);
    expect_ready(&w, 9);
    world_end(&w);
}

static void test_silent_before_the_first_listing(void **state) {
    (void)state;
    silent_without(CYCLECLOUD_CALL_LIST_VMS);
    silent_without(CYCLECLOUD_CALL_LIST_SETS);
    silent_without(CYCLECLOUD_CALL_LIST_INSTANCES);
}

/* An operation that the cloud has forgotten by the time of the restart: its write is not repeated
 * before the listing. */
static void test_forgotten_operation(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    assert_int_equal(set_count(&w, COUNT_SET, 4).code, 0);
    for (unsigned i = 0; i < 1000 && fake_cloud_vms(w.cloud) < 5; i++)
        step(&w);
    run_for(&w, USEC_SEC);
    unsigned writes = fake_cloud_writes(w.cloud);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_POLL, FOR_EVER, FAULT_GONE);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_LIST_VMS, FOR_EVER, FAULT_LOST_REQUEST);
    restart(&w);
    run_for(&w, USEC_MIN);
    assert_int_equal(fake_cloud_writes(w.cloud), writes);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_LIST_VMS, 0, FAULT_NONE);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_POLL, 0, FAULT_NONE);
    expect_ready(&w, 5);
    assert_int_equal(fake_cloud_peak(w.cloud), 5);
    world_end(&w);
}

/* Somebody deletes the VM of a node that is deallocated: the node ends. */
static void test_deallocated_vm_disappears(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 1);
    struct command *c = on_cluster(&w, COMMAND_SET_TARGET);
    const struct snapshot *s = model_acquire(w.model);
    uint64_t position = 0;
    for (const struct node *n;
         (n = cluster_next_node(snapshot_cluster_named(s, "hpc"), &position));)
        c->node_id = n->fixed ? c->node_id : n->id;
    model_release(s);
    c->target = TARGET_DEALLOCATED;
    assert_int_equal(do_command(&w, c).code, 0);
    run_for(&w, 2 * USEC_MIN);
    for (unsigned i = 0; fake_cloud_vm(w.cloud, i); i++)
        if (strstr(fake_cloud_vm(w.cloud, i)->resource_id, "/-/") == NULL)
            fake_cloud_kill(w.cloud, i);
    expect_ready(&w, 1);
    struct answer_seen waiting;
    submit(&w, on_cluster(&w, COMMAND_SYNC), &waiting);
    run_for(&w, USEC_SEC);
    assert_true(waiting.given);
    world_end(&w);
}

/* The last member of a set is dropped: the set goes, the group stays for the head. */
static void test_last_member(void **state) {
    (void)state;
    struct world w;
    begin_with(&w, 3);
    assert_int_equal(set_count(&w, COUNT_SET, 0).code, 0);
    expect_ready(&w, 1);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_DELETE_SET), 1);
    assert_int_equal(calls(&w, CYCLECLOUD_CALL_DELETE_INSTANCES), 0);
    assert_int_equal(fake_cloud_groups(w.cloud), 1);
    assert_int_equal(set_count(&w, COUNT_SET, 2).code, 0);
    expect_ready(&w, 3);
    world_end(&w);
}

static unsigned hurries;

static void count_hurry(void *provider) {
    (void)provider;
    hurries++;
}

/* The first node that the cloud's limit holds; its words go to `message`. */
static bool find_throttled(struct world *w, char message[512]) {
    _cleanup_snapshot_ const struct snapshot *s = model_acquire(w->model);
    const struct cluster *c = snapshot_cluster(s, cluster_id(w));
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));)
        if (n->hold == HOLD_THROTTLED) {
            (void)snprintf(message, 512, "%s", str_text(n->message));
            return true;
        }
    return false;
}

/* A pause that the cloud asks for is told with its end, and `retry` ends it. */
static void test_throttling_is_told_and_ended(void **state) {
    (void)state;
    struct world w;
    struct cyclecloud_provider_ops ops;
    world_begin(&w);
    struct cyclecloud_provider fake = fake_cloud_provider(w.cloud);
    ops = *fake.ops;
    ops.hurry = count_hurry;
    w.provider = (struct cyclecloud_provider){&ops, fake.self};
    engine_end(&w);
    engine_begin(&w);
    assert_int_equal(create_cluster(&w).code, 0);
    assert_int_equal(set_template(&w, template_text).code, 0);
    assert_int_equal(set_target(&w, TARGET_STARTED).code, 0);
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_SET, FOR_EVER, FAULT_THROTTLED);
    assert_int_equal(set_count(&w, COUNT_SET, 4).code, 0);
    char message[512];
    for (unsigned i = 0; i < 1000 && !find_throttled(&w, message); i++)
        step(&w);
    assert_true(find_throttled(&w, message));
    assert_non_null(strstr(message, "the cloud limits the rate of requests until 20"));
    assert_non_null(strstr(message, "Z: then it is asked again, `retry`"));
    hurries = 0;
    fake_cloud_fault_on(w.cloud, CYCLECLOUD_CALL_CREATE_SET, 0, FAULT_NONE);
    struct command *c = on_cluster(&w, COMMAND_CONTROL);
    assert_int_equal(command_set_name(c, "retry"), 0);
    assert_int_equal(do_command(&w, c).code, 0);
    assert_int_equal(hurries, 1);
    expect_ready(&w, 5);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_left_out_once),
        cmocka_unit_test(test_listed_twice),
        cmocka_unit_test(test_group_denied_at_the_end),
        cmocka_unit_test(test_vms_being_deleted),
        cmocka_unit_test(test_lost_answer_of_a_deletion),
        cmocka_unit_test(test_crash_after_a_deletion),
        cmocka_unit_test(test_refused_for_long),
        cmocka_unit_test(test_operation_fails),
        cmocka_unit_test(test_operation_of_a_head_fails),
        cmocka_unit_test(test_operation_of_a_deletion_fails),
        cmocka_unit_test(test_group_disappears),
        cmocka_unit_test(test_security_group_disappears),
        cmocka_unit_test(test_stopped_outside),
        cmocka_unit_test(test_deallocation_refused),
        cmocka_unit_test(test_ephemeral_disk),
        cmocka_unit_test(test_start_refused),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_group_disappears_under_creates),
        cmocka_unit_test(test_ends_while_creating),
        cmocka_unit_test(test_silent_before_the_first_listing),
        cmocka_unit_test(test_forgotten_operation),
        cmocka_unit_test(test_deallocated_vm_disappears),
        cmocka_unit_test(test_last_member),
        cmocka_unit_test(test_throttling_is_told_and_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
