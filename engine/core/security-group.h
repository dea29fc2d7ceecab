/* SPDX-License-Identifier: MIT */
#ifndef CORE_SECURITY_GROUP_H
#define CORE_SECURITY_GROUP_H

/*
 * The network security group that nodes with a public address get unless they name one: one for
 * each region of a cluster, which opens what the input endpoints of those nodes ask for and
 * nothing else. Engine thread.
 */

#include "base/vec.h"
#include "model/object.h"

struct opening {
    uint16_t port;
    bool udp;
    char name[16]; /* of the rule: "tcp-443" */
};

DEFINE_VEC(opening_vec, struct opening);

/* A group that was written since the start, and for which openings. */
struct security_group {
    struct str *region;
    uint32_t hash; /* 0 = not known */
};

DEFINE_VEC(security_group_vec, struct security_group);

/* True if VMs of the array get the cluster's own group. */
bool security_group_applies(const struct array_spec *s);

/* What the arrays of a cluster open in a region, each once, in order. 0 or -ENOMEM. */
int security_group_openings(const struct cluster *c, const char *region, struct opening_vec *ret);

/* A number for the openings, never 0. *ret is the hash. 0 or -ENOMEM. */
int security_group_hash(const struct cluster *c, const char *region, uint32_t *ret);

/* The name of the group in a region. New text; NULL: out of memory. */
char *security_group_name(const struct cluster *c, const char *region);

/* The entry of a region, or NULL. Borrowed. */
const struct security_group *security_group_find(const struct security_group_vec *groups,
                                                 const char *region);

/* Remembers what a group opens. 0 or -ENOMEM. */
int security_group_note(struct security_group_vec *groups, const char *region, uint32_t hash);

/* Nothing is known of any group: the next VM makes sure of its own. */
void security_groups_forget(struct security_group_vec *groups);

#endif
