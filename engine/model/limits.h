/* SPDX-License-Identifier: MIT */
#ifndef MODEL_LIMITS_H
#define MODEL_LIMITS_H

/* A bound on everything that a user can grow. Reaching one is an error with its number in the text.
 */

#define LIMIT_CLUSTERS 200u
#define LIMIT_CLUSTERS_PER_USER 100u /* root may have all */
#define LIMIT_CLUSTERS_FOR_ROOT 10u  /* of LIMIT_CLUSTERS, kept for root */
#define LIMIT_NODES_PER_CLUSTER 100000u
#define LIMIT_ARRAYS_PER_CLUSTER 200u
#define LIMIT_EDITIONS_PER_ARRAY 100u /* different definitions that its nodes were made from */
#define LIMIT_USAGE_ROWS 500u /* of array, machine type and spot that a cluster keeps apart */
#define LIMIT_TRACE_BYTES ((size_t)64 << 10)
#define LIMIT_CONFIG_BYTES ((size_t)1 << 20)
#define LIMIT_ACCOUNTS 64u
#define LIMIT_ALERTS 1000u
#define LIMIT_ORPHANS 1000u
#define LIMIT_VOLUMES 500u /* persistent; each has a resource group of Azure's 980 */
#define LIMIT_USERS 1000u
#define LIMIT_USER_NAME_BYTES 31u
#define LIMIT_KEYS_BYTES ((size_t)64 << 10) /* of a user's authorized_keys */
#define LIMIT_DOCUMENT_BYTES ((size_t)4 << 20)
#define LIMIT_DEFINITION_BYTES ((size_t)4 << 20) /* of what a template and its values amount to */
#define LIMIT_ATTRIBUTE_BYTES ((size_t)1024)     /* of a name or id in a template */
#define LIMIT_CLOUD_INIT_BYTES ((size_t)64 << 10)
#define LIMIT_LIST_ITEMS 100u /* of machine types, zones, identities */
#define LIMIT_VALUE_BYTES ((size_t)4096)
#define LIMIT_NAME_BYTES 63u
#define LIMIT_COMMAND_QUEUE 4096u
#define LIMIT_LAST_ERRORS 256u
#define LIMIT_RENDER_BYTES ((size_t)256 << 20)
#define LIMIT_SET_SIZE 1000u                /* VMs in a scale set */
#define LIMIT_SET_SIZE_CUSTOM_IMAGE 600u    /* ... made from an image of one's own */
#define LIMIT_SET_SIZE_PLACEMENT_GROUP 100u /* ... in a single placement group */

#endif
