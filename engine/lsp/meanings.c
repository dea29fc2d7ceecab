/* SPDX-License-Identifier: MIT */
#include "meanings.h"

static const char *const meanings[SECTION_TYPE_MAX] = {
    [SECTION_FILE] = "a template",
    [SECTION_CLUSTER] = "A cluster: its nodes, nodearrays and what they share",
    [SECTION_NODE] = "One VM; the node named defaults is what all others start from",
    [SECTION_NODEARRAY] = "A scalable set of VMs that are made from the same definition",
    [SECTION_CONFIGURATION] = "Values for the software on the node; the name is their prefix",
    [SECTION_CLUSTER_INIT] = "A project spec that is installed on the node: project:spec:version",
    [SECTION_NETWORK_INTERFACE] = "A network interface; one without a name is the primary one",
    [SECTION_VOLUME] = "A disk; the one named boot is the OS disk",
    [SECTION_INPUT_ENDPOINT] = "A port that is reachable from outside",
    [SECTION_PARAMETERS] = "A section of the form",
    [SECTION_PARAMETER] = "A value that is given when a cluster is made, used as $Name",
    [SECTION_LIST] = "One entry of a list attribute of the parameter",
    [SECTION_RECORD] = "A record attribute of the parameter",
    [SECTION_NODEREF] = "A node of another cluster, known under a name here",
    [SECTION_ENVIRONMENT] = "An Azure deployment that belongs to the cluster",
    [SECTION_ENVIRONMENTREF] = "An Azure deployment that exists already",
    [SECTION_PROJECT] = "The project: name, version, label and type",
    [SECTION_BLOBS] = "Files that the project needs in the locker",
    [SECTION_SPEC] = "A spec of the project",
    [SECTION_CONFIG] = "A parameter of the project, known to templates as configuration_NAME",
};

const char *section_meaning(enum section_type type) {
    return meanings[type];
}

static const char *const words[] = {
    [WANT_ANY] = "any value",         [WANT_TEXT] = "a text",
    [WANT_BOOLEAN] = "true or false", [WANT_INTEGER] = "a whole number",
    [WANT_NUMBER] = "a number",       [WANT_TIME] = "a time, such as 10m",
    [WANT_LIST] = "a list",           [WANT_TEXT_OR_LIST] = "a text or a list",
    [WANT_RECORD] = "a record",
};

const char *want_word(enum want want) {
    return words[want];
}
