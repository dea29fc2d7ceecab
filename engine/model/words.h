/* SPDX-License-Identifier: MIT */
#ifndef MODEL_WORDS_H
#define MODEL_WORDS_H

/* The words of CycleCloud for states, and what they mean here. */

#include <stdbool.h>

/* What was asked for. */
enum target {
    TARGET_TERMINATED,
    TARGET_STARTED,
    TARGET_DEALLOCATED,
    TARGET_MAX,
};

/* CycleCloud's Status of a node; its State follows from it (node_status_state). */
enum node_status {
    NODE_OFF,
    NODE_ACQUIRING, /* the VM is being allocated */
    NODE_PREPARING, /* the VM exists: booting, installing, converging */
    NODE_READY,
    NODE_DEALLOCATING,
    NODE_DEALLOCATED,
    NODE_TERMINATING,
    NODE_TERMINATED,
    NODE_FAILED,
    NODE_WAITING, /* spot eviction announced */
    NODE_STATUS_MAX,
};

/* The PhaseMap names through which a node comes up. */
enum node_phase {
    PHASE_NONE,
    PHASE_VALIDATE,       /* Cloud.ValidateNodes */
    PHASE_RESOURCE_GROUP, /* Azure.CreateResourceGroup */
    PHASE_ALLOCATE,       /* Azure.AllocateNodes */
    PHASE_CREATE_VM,      /* Azure.CreateVirtualMachines */
    PHASE_AWAIT_BOOT,     /* Cloud.AwaitBootup */
    PHASE_AWAIT_INSTALL,  /* Cloud.AwaitInstallation */
    PHASE_MAX,
};

enum cluster_state {
    CLUSTER_OFF,
    CLUSTER_STARTING,
    CLUSTER_STARTED,
    CLUSTER_TERMINATING,
    CLUSTER_FAILED,
    CLUSTER_STATE_MAX,
};

/* Why a node that is wanted does not move. Those from HOLD_PERSON on need a person. */
enum hold {
    HOLD_NONE,
    HOLD_CAPACITY, /* no capacity in the cloud; tried again after a time */
    HOLD_THROTTLED,
    HOLD_UNREACHABLE, /* the cloud does not answer */
    HOLD_PERSON,
    HOLD_QUOTA = HOLD_PERSON,
    HOLD_CREDENTIALS,
    HOLD_INVALID, /* the cloud refused the request's body */
    HOLD_RETRIES, /* tried often enough */
    HOLD_MAX,
};

/* "started" ... as `state` files read and take it. Borrowed, static. */
const char *target_name(enum target t);
/* Reads started/terminated/deallocated (any case). 0 or -EINVAL. */
int target_parse(const char *text, enum target *ret);

/* The status of a node that is where it is wanted. */
enum node_status target_status(enum target t);
/* True when a node in this status has a VM, or one is being made for it. */
bool node_status_has_vm(enum node_status s);
/* True when a node in this status takes part in what clients see as the cluster: it has a VM, had
   one, or is about to get one. */
bool node_status_present(enum node_status s);
const char *node_status_name(enum node_status s); /* "Acquiring" */
const char *node_state_name(enum node_status s);  /* State: "Allocation" */
const char *node_state_file(enum node_status s);  /* what nodes/NODE/state reads: "allocation" */
const char *node_phase_name(enum node_phase p);   /* "Cloud.AwaitBootup", "" for none */
const char *cluster_state_file(enum cluster_state s); /* "started" */
const char *cluster_state_name(enum cluster_state s); /* REST: "Started", "Terminated" for off */
const char *hold_name(enum hold h);                   /* "quota", "" for none */

/* Readers of the stored words; -1 when the word is unknown. */
int node_status_parse(const char *text);
int node_phase_parse(const char *text);
int cluster_state_parse(const char *text);
int hold_parse(const char *text);

#endif
