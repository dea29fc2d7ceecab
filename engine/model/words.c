/* SPDX-License-Identifier: MIT */
#include "words.h"

#include "base/cleanup.h"
#include "base/parse.h"

#include <errno.h>
#include <string.h>

struct status_words {
    const char *status, *state, *file;
};

static const char *const target_words[TARGET_MAX] = {
    [TARGET_TERMINATED] = "terminated",
    [TARGET_STARTED] = "started",
    [TARGET_DEALLOCATED] = "deallocated",
};

static const struct status_words status_words[NODE_STATUS_MAX] = {
    [NODE_OFF] = {"Off", "Off", "off"},
    [NODE_ACQUIRING] = {"Acquiring", "Allocation", "allocation"},
    [NODE_PREPARING] = {"Preparing", "Configuration", "configuration"},
    [NODE_READY] = {"Ready", "Started", "started"},
    [NODE_DEALLOCATING] = {"Deallocating", "Terminating", "terminating"},
    [NODE_DEALLOCATED] = {"Deallocated", "Deallocated", "deallocated"},
    [NODE_TERMINATING] = {"Terminating", "Terminating", "terminating"},
    [NODE_TERMINATED] = {"Terminated", "Terminated", "off"},
    [NODE_FAILED] = {"Failed", "Failed", "failed"},
    [NODE_WAITING] = {"Waiting", "Started", "started"},
};

static const bool status_has_vm[NODE_STATUS_MAX] = {
    [NODE_ACQUIRING] = true,    [NODE_PREPARING] = true,   [NODE_READY] = true,
    [NODE_DEALLOCATING] = true, [NODE_TERMINATING] = true, [NODE_FAILED] = true,
    [NODE_WAITING] = true,
};

static const char *const phase_words[PHASE_MAX] = {
    [PHASE_NONE] = "",
    [PHASE_VALIDATE] = "Cloud.ValidateNodes",
    [PHASE_RESOURCE_GROUP] = "Azure.CreateResourceGroup",
    [PHASE_ALLOCATE] = "Azure.AllocateNodes",
    [PHASE_CREATE_VM] = "Azure.CreateVirtualMachines",
    [PHASE_AWAIT_BOOT] = "Cloud.AwaitBootup",
    [PHASE_AWAIT_INSTALL] = "Cloud.AwaitInstallation",
};

static const char *const cluster_files[CLUSTER_STATE_MAX] = {
    [CLUSTER_OFF] = "off",         [CLUSTER_STARTING] = "starting",
    [CLUSTER_STARTED] = "started", [CLUSTER_TERMINATING] = "terminating",
    [CLUSTER_FAILED] = "failed",
};

static const char *const cluster_names[CLUSTER_STATE_MAX] = {
    [CLUSTER_OFF] = "Terminated",  [CLUSTER_STARTING] = "Starting",
    [CLUSTER_STARTED] = "Started", [CLUSTER_TERMINATING] = "Terminating",
    [CLUSTER_FAILED] = "Failed",
};

static const char *const hold_words[HOLD_MAX] = {
    [HOLD_NONE] = "",
    [HOLD_CAPACITY] = "capacity",
    [HOLD_THROTTLED] = "throttled",
    [HOLD_UNREACHABLE] = "unreachable",
    [HOLD_QUOTA] = "quota",
    [HOLD_CREDENTIALS] = "credentials",
    [HOLD_INVALID] = "invalid",
    [HOLD_RETRIES] = "retries",
};

static const char *word_at(const char *const *words, size_t n, size_t i) {
    return i < n ? words[i] : "";
}

static int word_find(const char *const *words, size_t n, const char *text) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], text) == 0)
            return (int)i;
    return -1;
}

const char *target_name(enum target t) {
    return word_at(target_words, ARRAY_SIZE(target_words), t);
}

int target_parse(const char *text, enum target *ret) {
    for (size_t i = 0; i < ARRAY_SIZE(target_words); i++) {
        if (!text_equal_fold(target_words[i], text))
            continue;
        *ret = (enum target)i;
        return 0;
    }
    return -EINVAL;
}

enum node_status target_status(enum target t) {
    static const enum node_status goals[TARGET_MAX] = {
        [TARGET_TERMINATED] = NODE_OFF,
        [TARGET_STARTED] = NODE_READY,
        [TARGET_DEALLOCATED] = NODE_DEALLOCATED,
    };
    return goals[t];
}

bool node_status_has_vm(enum node_status s) {
    return status_has_vm[s];
}

bool node_status_present(enum node_status s) {
    return s != NODE_OFF && s != NODE_TERMINATED;
}

const char *node_status_name(enum node_status s) {
    return s < NODE_STATUS_MAX ? status_words[s].status : "";
}

const char *node_state_name(enum node_status s) {
    return s < NODE_STATUS_MAX ? status_words[s].state : "";
}

const char *node_state_file(enum node_status s) {
    return s < NODE_STATUS_MAX ? status_words[s].file : "";
}

const char *node_phase_name(enum node_phase p) {
    return word_at(phase_words, ARRAY_SIZE(phase_words), p);
}

const char *cluster_state_file(enum cluster_state s) {
    return word_at(cluster_files, ARRAY_SIZE(cluster_files), s);
}

const char *cluster_state_name(enum cluster_state s) {
    return word_at(cluster_names, ARRAY_SIZE(cluster_names), s);
}

const char *hold_name(enum hold h) {
    return word_at(hold_words, ARRAY_SIZE(hold_words), h);
}

int node_status_parse(const char *text) {
    for (size_t i = 0; i < NODE_STATUS_MAX; i++)
        if (strcmp(status_words[i].status, text) == 0)
            return (int)i;
    return -1;
}

int node_phase_parse(const char *text) {
    return word_find(phase_words, ARRAY_SIZE(phase_words), text);
}

int cluster_state_parse(const char *text) {
    return word_find(cluster_files, ARRAY_SIZE(cluster_files), text);
}

int hold_parse(const char *text) {
    return word_find(hold_words, ARRAY_SIZE(hold_words), text);
}
