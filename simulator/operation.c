/* SPDX-License-Identifier: MIT */
#include "operation.h"

#include "disk.h"
#include "resource.h"
#include "set.h"
#include "vm.h"

#include <string.h>

static const char *const status_texts[OPERATION_STATUS_MAX] = {
    [OPERATION_RUNNING] = "InProgress",
    [OPERATION_SUCCEEDED] = "Succeeded",
    [OPERATION_FAILED] = "Failed",
    [OPERATION_CANCELED] = "Canceled",
};

const char *operation_status_text(enum operation_status status) {
    return status_texts[status];
}

/* A disk that a VM of another group uses keeps its group. */
static void keep_group(struct operation *operation, struct group *group,
                       const struct resource *disk) {
    operation->status = OPERATION_FAILED;
    operation->error_code = strdup("ResourceGroupDeletionBlocked");
    operation->error_message =
        text_format("Deletion of resource group '%s' failed as resources with identifiers '%s' "
                    "could not be deleted: the disk is attached to VM %s.",
                    group->name, disk->object.id, json_path_text(disk->body, "managedBy"));
    group->deleting = false;
    world_touch(operation->world, &group->object);
}

static void finish_group(struct operation *operation, void *target) {
    if (operation->kind != OPERATION_DELETE)
        return;
    const struct resource *disk = disk_in_use_outside(operation->world, target);
    if (disk)
        keep_group(operation, target, disk);
    else
        group_free(operation->world, target);
}

static void finish_resource(struct operation *operation, void *target) {
    resource_settle(operation->world, target, operation->kind == OPERATION_DELETE);
}

static void finish_set(struct operation *operation, void *target) {
    struct set *set = target;
    if (operation->kind == OPERATION_DELETE) {
        set_free(operation->world, set);
        return;
    }
    if (set->running != operation)
        return;
    set->running = NULL;
    set->failed = operation->status == OPERATION_FAILED;
    world_change(operation->world, &set->object);
}

static void finish_vm(struct operation *operation, void *target) {
    struct vm *vm = target;
    if (vm->running == operation)
        vm->running = NULL;
}

static void finish_nothing(struct operation *operation, void *target) {
    (void)operation;
    (void)target;
}

static void (*const finishers[])(struct operation *operation, void *target) = {
    [OBJECT_GROUP] = finish_group, [OBJECT_RESOURCE] = finish_resource, [OBJECT_SET] = finish_set,
    [OBJECT_VM] = finish_vm,       [OBJECT_OPERATION] = finish_nothing,
};

/* Runs what an end means for the resource; it may have vanished meanwhile. */
static void settle(struct operation *operation) {
    void *target = world_find(operation->world, operation->target_kind, operation->target);
    if (target)
        finishers[operation->target_kind](operation, target);
}

static void end_or_forget(struct timer *timer, void *context) {
    struct operation *operation = list_entry(timer, struct operation, timer);
    struct world *world = context;
    if (operation->status != OPERATION_RUNNING) {
        operation_free(world, operation);
        return;
    }
    operation->status = operation->error_code ? OPERATION_FAILED : OPERATION_SUCCEEDED;
    settle(operation);
    world_touch(world, &operation->object);
    if (timer_set(&world->timers, timer, operation->ends_at + USEC_HOUR) < 0)
        operation_free(world, operation);
}

int operation_resume(struct operation *operation) {
    operation->timer.fire = end_or_forget;
    bool running = operation->status == OPERATION_RUNNING;
    return timer_set(&operation->world->timers, &operation->timer,
                     operation->ends_at + (running ? 0 : USEC_HOUR));
}

/* False: out of memory. */
static bool copy_texts(struct operation *operation, const char *id,
                       const struct operation_plan *plan) {
    const struct {
        char **to;
        const char *from; /* NULL: there is none */
    } texts[] = {
        {&operation->object.id, id},
        {&operation->provider, plan->provider},
        {&operation->target, plan->target->id},
        {&operation->error_code, plan->error_code},
        {&operation->error_message, plan->error_message},
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].from && !(*texts[i].to = strdup(texts[i].from)))
            return false;
    return true;
}

struct operation *operation_new(struct world *world, const struct operation_plan *plan) {
    char id[UUID_TEXT_SIZE];
    random_uuid(&world->random, id);
    struct operation *operation =
        world->n_operations < OPERATIONS_MAX ? calloc(1, sizeof(*operation)) : NULL;
    if (!operation)
        return NULL;
    *operation = (struct operation){
        .object = {.kind = OBJECT_OPERATION},
        .world = world,
        .region = plan->region,
        .target_kind = plan->target->kind,
        .kind = plan->kind,
        .started_at = clock_wall(&clock_real),
        .ends_at = plan->ends_at,
    };
    list_init(&operation->object.dirty);
    list_init(&operation->object.member);
    if (!copy_texts(operation, id, plan) || world_add(world, &operation->object) < 0 ||
        operation_resume(operation) < 0) {
        operation_free(world, operation);
        return NULL;
    }
    return operation;
}

void operation_preempt(struct operation *operation) {
    if (!operation || operation->status != OPERATION_RUNNING)
        return;
    static const char message[] =
        "Operation execution has been preempted by a more recent operation.";
    char *code = strdup("OperationPreempted");
    char *text = strdup(message);
    free(operation->error_code);
    free(operation->error_message);
    operation->error_code = code;
    operation->error_message = text;
    operation->status = OPERATION_CANCELED;
    operation->ends_at = clock_wall(&clock_real);
    (void)operation_resume(operation); /* moving a timer that is set does not fail */
    world_touch(operation->world, &operation->object);
}

void operation_free(struct world *world, struct operation *operation) {
    if (!operation)
        return;
    timer_cancel(&world->timers, &operation->timer);
    world_remove(world, &operation->object);
    free(operation->object.id);
    free(operation->provider);
    free(operation->target);
    free(operation->error_code);
    free(operation->error_message);
    free(operation);
}
