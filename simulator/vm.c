/* SPDX-License-Identifier: MIT */
#include "vm.h"

#include "agent.h"
#include "base/parse.h"
#include "disk.h"
#include "graph.h"
#include "network.h"
#include "operation.h"
#include "options.h"
#include "quota.h"
#include "set.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* What a state shows, and what comes after it by itself. */
static const struct {
    const char *text, *provisioning, *power;
    enum vm_state next; /* VM_STATE_MAX = it stays */
} states[VM_STATE_MAX] = {
    [VM_CREATING] = {"creating", "Creating", NULL, VM_RUNNING},
    [VM_RUNNING] = {"running", "Succeeded", "running", VM_STATE_MAX},
    [VM_STARTING] = {"starting", "Updating", "starting", VM_RUNNING},
    [VM_RESTARTING] = {"restarting", "Updating", "running", VM_RUNNING},
    [VM_STOPPING] = {"stopping", "Updating", "stopping", VM_STOPPED},
    [VM_STOPPED] = {"stopped", "Succeeded", "stopped", VM_STATE_MAX},
    [VM_DEALLOCATING] = {"deallocating", "Updating", "deallocating", VM_DEALLOCATED},
    [VM_DEALLOCATED] = {"deallocated", "Succeeded", "deallocated", VM_STATE_MAX},
    [VM_FAILED] = {"failed", "Failed", NULL, VM_STATE_MAX},
    [VM_DELETING] = {"deleting", "Deleting", "stopping", VM_STATE_MAX},
};

/* What an action leads to, from where it does anything, and how many seconds it takes. */
static const struct {
    enum vm_state state;
    unsigned from; /* bits of states in which there is something to do */
    double from_s, to_s;
} actions[VM_ACTION_MAX] = {
    [VM_ACTION_START] = {VM_STARTING,
                         1 << VM_STOPPED | 1 << VM_DEALLOCATED | 1 << VM_STOPPING |
                             1 << VM_DEALLOCATING,
                         20, 45},
    [VM_ACTION_DEALLOCATE] = {VM_DEALLOCATING,
                              1 << VM_RUNNING | 1 << VM_STARTING | 1 << VM_RESTARTING |
                                  1 << VM_STOPPED | 1 << VM_STOPPING | 1 << VM_FAILED,
                              20, 50},
    [VM_ACTION_STOP] = {VM_STOPPING, 1 << VM_RUNNING | 1 << VM_STARTING, 10, 25},
    [VM_ACTION_RESTART] = {VM_RESTARTING, 1 << VM_RUNNING, 10, 25},
    [VM_ACTION_REIMAGE] = {VM_RESTARTING, 1 << VM_RUNNING | 1 << VM_FAILED, 30, 60},
    [VM_ACTION_DELETE] = {VM_DELETING, ~(1u << VM_DELETING), 15, 40},
    [VM_ACTION_DELETE_FORCED] = {VM_DELETING, ~(1u << VM_DELETING), 5, 12},
};

#define STALLED_CODE "OSProvisioningTimedOut"

enum { CREATE_FROM_S = 25, CREATE_TO_S = 60, BOOT_FROM_S = 15, BOOT_TO_S = 40 };

const char *vm_provisioning_text(const struct vm *vm) {
    return states[vm->state].provisioning;
}

const char *vm_power_text(const struct vm *vm) {
    return states[vm->state].power;
}

const char *vm_power_text_at(const struct vm *vm, usec_t at) {
    return states[at < vm->changed_at ? vm->before : vm->state].power;
}

const char *vm_state_text(const struct vm *vm) {
    return states[vm->state].text;
}

const char *vm_error_code(const struct vm *vm) {
    if (vm->state != VM_FAILED || vm->error_code)
        return vm->state == VM_FAILED ? vm->error_code : NULL;
    if (vm->fate == VM_FATE_STALLED)
        return STALLED_CODE;
    return vm->zone[0] ? "ZonalAllocationFailed" : "AllocationFailed";
}

/* Codes of machines that were allocated, and then did not come up. */
static const char *const stalled_codes[] = {
    STALLED_CODE,
    "OSProvisioningInternalError",
    "OSProvisioningClientError",
    "VMStartTimedOut",
    "VMAgentStatusCommunicationError",
    "VMExtensionProvisioningError",
    "VMExtensionProvisioningTimeout",
    "VMExtensionHandlerNonTransientError",
};

struct vm_failure vm_failure(const char *code, const char *message) {
    struct vm_failure failure = {VM_FATE_NO_CAPACITY, code, message};
    for (size_t i = 0; code && i < ARRAY_SIZE(stalled_codes); i++)
        if (strcasecmp(stalled_codes[i], code) == 0)
            failure.fate = VM_FATE_STALLED;
    return failure;
}

int vm_state_parse(const char *text) {
    for (int i = 0; text && i < VM_STATE_MAX; i++)
        if (strcmp(states[i].text, text) == 0)
            return i;
    return -EINVAL;
}

const struct home *vm_home(const struct vm *vm) {
    return vm->set ? vm->set->home : vm->home;
}

static void evict_later(struct vm *vm) {
    double rate = vm->world->options->evict_rate;
    if (!vm->spot || rate <= 0)
        return;
    double hours = -log(1 - random_unit(&vm->world->random)) / rate;
    usec_t after = world_seconds(vm->world, fmin(hours, 1e6) * 3600);
    (void)timer_set(&vm->world->timers, &vm->eviction, clock_wall(&clock_real) + after);
}

/* Enters a state; `at` is when it ends by itself. */
static void enter(struct vm *vm, enum vm_state state, usec_t at) {
    vm->before = vm->state;
    vm->state = state;
    vm->changed_at = clock_wall(&clock_real);
    if (states[state].next != VM_STATE_MAX || state == VM_DELETING)
        (void)timer_set(&vm->world->timers, &vm->phase, at); /* without memory it stays as it is */
    else
        timer_cancel(&vm->world->timers, &vm->phase);
    if (state == VM_RUNNING) {
        agent_boot(vm, vm->changed_at + world_span(vm->world, BOOT_FROM_S, BOOT_TO_S));
        evict_later(vm);
    } else {
        agent_stop(vm);
        timer_cancel(&vm->world->timers, &vm->eviction);
    }
    disks_follow(vm);
    world_touch(vm->world, &vm->object);
}

static void phase_over(struct timer *timer, void *context) {
    (void)context;
    struct vm *vm = list_entry(timer, struct vm, phase);
    if (vm->state == VM_DELETING) {
        vm_free(vm);
        return;
    }
    bool failing = vm->fate == VM_FATE_NO_CAPACITY || vm->fate == VM_FATE_STALLED;
    bool failed = vm->state == VM_CREATING && failing;
    enter(vm, failed ? VM_FAILED : states[vm->state].next, 0);
}

static void eviction_due(struct timer *timer, void *context) {
    (void)context;
    vm_evict(list_entry(timer, struct vm, eviction));
}

static enum vm_fate draw_fate(struct world *world, const struct vm_plan *plan) {
    if (plan->failure.fate != VM_FATE_GOOD)
        return plan->failure.fate;
    double rate = world->options->boot_fail_rate;
    if (rate <= 0 || random_unit(&world->random) >= rate)
        return VM_FATE_GOOD;
    return random_unit(&world->random) < 0.5 ? VM_FATE_SILENT : VM_FATE_BROKEN;
}

static char *vm_id_text(const struct vm_plan *plan) {
    if (plan->set && !plan->set->flexible)
        return text_format("%s/virtualMachines/%u", plan->set->object.id, plan->number);
    return text_format("%s/providers/Microsoft.Compute/virtualMachines/%s", plan->group->object.id,
                       plan->name);
}

static struct vm *vm_alloc(struct world *world, const struct vm_plan *plan) {
    struct vm *vm = calloc(1, sizeof(*vm));
    if (!vm)
        return NULL;
    *vm = (struct vm){
        .object = {.kind = OBJECT_VM, .id = vm_id_text(plan), .group = plan->group},
        .world = world,
        .set = plan->set,
        .name = strdup(plan->name),
        .computer_name = strdup(plan->computer_name),
        .region = plan->region,
        .body = plan->body ? json_deep_copy(plan->body) : NULL,
        .size = plan->size,
        .subnet = plan->subnet,
        .number = plan->number,
        .state = VM_CREATING,
        .fate = draw_fate(world, plan),
        .error_code = plan->failure.code ? strdup(plan->failure.code) : NULL,
        .error_message = plan->failure.message ? strdup(plan->failure.message) : NULL,
        .model = plan->set ? plan->set->model : 0,
        .spot = plan->spot,
        .evict_deallocates = plan->evict_deallocates,
        .created_at = clock_wall(&clock_real),
        .phase = {.fire = phase_over},
        .eviction = {.fire = eviction_due},
    };
    list_init(&vm->object.dirty);
    list_init(&vm->object.member);
    list_init(&vm->link);
    list_init(&vm->agent.waiting);
    strncpy(vm->zone, plan->zone ? plan->zone : "", sizeof(vm->zone) - 1);
    random_uuid(&world->random, vm->vm_id);
    if (!vm->object.id || !vm->name || !vm->computer_name || (plan->body && !vm->body)) {
        vm_free(vm);
        return NULL;
    }
    return vm;
}

/* Puts a machine into every table it belongs to. */
static int vm_enter(struct vm *vm) {
    struct world *world = vm->world;
    int r = vm->set ? set_enter(vm->set, vm) : 0;
    if (r == 0)
        r = world_add(world, &vm->object);
    if (r < 0)
        return r;
    list_add_tail(&world->vms, &vm->link);
    world->n_vms++;
    quota_count_vm(world->quota, vm->region, vm->size, vm->spot, 1);
    return 0;
}

int vm_new(struct world *world, const struct vm_plan *plan, struct vm **ret, usec_t *ret_ready_at) {
    struct vm *vm = vm_alloc(world, plan);
    if (!vm)
        return -ENOMEM;
    int r = plan->subnet ? subnet_take(plan->subnet, &vm->address) : 0;
    usec_t ready_at = vm->created_at + world_span(world, CREATE_FROM_S, CREATE_TO_S);
    if (r == 0)
        r = timer_set(&world->timers, &vm->phase, ready_at);
    if (r == 0)
        r = vm_enter(vm);
    if (r < 0) {
        vm_free(vm);
        return r;
    }
    if (plan->public_address)
        vm->public_address = world->next_public_address++;
    world_change(world, &vm->object);
    vm->home = plan->home;
    vm->changed_at = vm->created_at;
    *ret = vm;
    *ret_ready_at = ready_at;
    return 0;
}

void vm_free(struct vm *vm) {
    struct world *world = vm->world;
    agent_done(vm);
    disks_release(vm);
    timer_cancel(&world->timers, &vm->phase);
    timer_cancel(&world->timers, &vm->eviction);
    if (!list_empty(&vm->link)) {
        graph_keep(vm);
        list_del(&vm->link);
        world->n_vms--;
        quota_count_vm(world->quota, vm->region, vm->size, vm->spot, -1);
        world_remove(world, &vm->object);
    }
    if (vm->set)
        set_leave(vm->set, vm);
    subnet_release(vm->subnet, vm->address);
    json_decref(vm->body);
    home_free(vm->home);
    free(vm->object.id);
    free(vm->name);
    free(vm->computer_name);
    free(vm->error_code);
    free(vm->error_message);
    free(vm);
}

usec_t vm_act(struct vm *vm, enum vm_action action) {
    usec_t now = clock_wall(&clock_real);
    bool deleting = vm->state == VM_DELETING;
    if (!(actions[action].from & 1u << vm->state))
        return deleting ? vm->phase.at : now;
    usec_t at = now + world_span(vm->world, actions[action].from_s, actions[action].to_s);
    if (actions[action].state == VM_DELETING) {
        if (vm->set)
            vm->set->live--;
        operation_preempt(vm->running);
        vm->running = NULL;
    }
    enter(vm, actions[action].state, at);
    world_change(vm->world, vm->set ? &vm->set->object : &vm->object);
    return at;
}

void vm_evict(struct vm *vm) {
    if (vm->state == VM_DELETING)
        return;
    (void)vm_act(vm, vm->evict_deallocates ? VM_ACTION_DEALLOCATE : VM_ACTION_DELETE_FORCED);
}

int vm_resume(struct vm *vm, usec_t at) {
    int r = 0;
    if (states[vm->state].next != VM_STATE_MAX || vm->state == VM_DELETING)
        r = timer_set(&vm->world->timers, &vm->phase, at);
    if (r == 0 && vm->state == VM_RUNNING) {
        evict_later(vm);
        agent_resume(vm);
    }
    return r;
}
