/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_VOLUME_CHECK_H
#define TEMPLATE_VOLUME_CHECK_H

/* What is wrong with the volumes of a node: sizes, persistence, LUNs. */

#include "entries.h"
#include "inherit.h"

/* A volume of a node, and where it is written. All borrowed. */
struct volume_place {
    struct scope *scope;
    const struct node_def *node;
    const char *name;
    const struct section *section;
    const struct entry_list *entries;
};

/* Reports what is wrong with an evaluated volume. */
void volume_check(const struct volume_place *place, const struct value *volume);
/* Reports that its LUN is that of another volume of the node; `all` are these by name. */
void volume_check_lun(const struct volume_place *place, const struct value *all);

#endif
