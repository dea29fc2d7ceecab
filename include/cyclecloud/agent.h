/* SPDX-License-Identifier: MIT */
#ifndef CYCLECLOUD_AGENT_H
#define CYCLECLOUD_AGENT_H

/*
 * The names of what a node and its server say to each other (docs/internals/agent-protocol.md), for
 * both ends. Literals, so that they can stand in the middle of one.
 */

/* A registration, and its answer. */
#define AGENT_VM_ID "vm_id"
#define AGENT_RESOURCE_ID "resource_id"
#define AGENT_HOST_NAME "hostname"
#define AGENT_ADDRESSES "addresses"
#define AGENT_ADDRESS_PRIVATE "private"
#define AGENT_ADDRESS_PUBLIC "public"
#define AGENT_NODE_ID "node_id"
#define AGENT_TOKEN "token"
#define AGENT_INTERVAL "interval_s"

/* A report. */
#define AGENT_PHASE "phase"
#define AGENT_STATE "state"
#define AGENT_STATE_COMPLETED "completed"
#define AGENT_STATE_FAILED "failed"
#define AGENT_MESSAGE "message"
#define AGENT_METRICS "metrics"
#define AGENT_CPU "cpu"   /* share of all cores, 0..1 */
#define AGENT_LOAD "load" /* 1 minute load average */
#define AGENT_MEMORY_USED "memory_used_gb"
#define AGENT_MEMORY_TOTAL "memory_total_gb"

#endif
