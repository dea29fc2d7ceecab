/* SPDX-License-Identifier: MIT */
#ifndef MODEL_TYPE_TABLE_H
#define MODEL_TYPE_TABLE_H

/*
 * Private to the model: how many nodes of an array have which machine type, a row for each spelling
 * of a type. It belongs to the build that made it, as other objects do; a row without nodes goes
 * when the table is copied next.
 */

#include "edit.h"

struct type_table {
    uint64_t edit;
    uint32_t n;
    struct type_count rows[];
};

/* Adds what `count` has to the row of its type, `sign` times (1 or -1). *t may be NULL (empty). 0
   or -ENOMEM. */
int type_table_count(struct type_table **t, struct edit *e, const struct type_count *count,
                     int sign);

/* Releases the texts of the rows. */
void type_table_done(struct type_table *t);

#endif
