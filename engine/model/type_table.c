/* SPDX-License-Identifier: MIT */
#include "type_table.h"

static struct type_count *find_row(struct type_table *t, const struct str *machine_type) {
    for (uint32_t i = 0; t && i < t->n; i++)
        if (t->rows[i].machine_type == machine_type ||
            str_equal(t->rows[i].machine_type, str_text(machine_type)))
            return &t->rows[i];
    return NULL;
}

static void add_row(struct type_table *t, struct type_count row) {
    (void)str_ref(row.machine_type);
    t->rows[t->n++] = row;
}

/* A table that this build may write, with room for one more row. 0 or -ENOMEM. */
static int table_copy(struct type_table **t, struct edit *e) {
    const struct type_table *old = *t;
    uint32_t n = old ? old->n : 0;
    struct type_table *copy =
        model_edit_alloc(e, BOX_TYPES, sizeof(*copy) + (n + 1) * sizeof(copy->rows[0]));
    if (!copy || model_edit_drop(e, BOX_TYPES, *t) < 0)
        return -ENOMEM;
    copy->edit = e->number;
    for (uint32_t i = 0; i < n; i++)
        if (old->rows[i].nodes)
            add_row(copy, old->rows[i]);
    *t = copy;
    return 0;
}

/* The writable row of a type, made if need be; NULL: no memory. */
static struct type_count *own_row(struct type_table **t, struct edit *e, struct str *machine_type) {
    struct type_count *row = find_row(*t, machine_type);
    if (row && (*t)->edit == e->number)
        return row;
    if (table_copy(t, e) < 0)
        return NULL;
    row = find_row(*t, machine_type);
    if (row)
        return row;
    add_row(*t, (struct type_count){.machine_type = machine_type});
    return &(*t)->rows[(*t)->n - 1];
}

int type_table_count(struct type_table **t, struct edit *e, const struct type_count *count,
                     int sign) {
    struct type_count *row = own_row(t, e, count->machine_type);
    if (!row)
        return -ENOMEM;
    uint32_t times = (uint32_t)sign; /* unsigned arithmetic wraps to the right result */
    row->nodes += times * count->nodes;
    row->wanted += times * count->wanted;
    row->present += times * count->present;
    row->active += times * count->active;
    row->unplaced += times * count->unplaced;
    if (count->cores)
        row->cores = count->cores;
    return 0;
}

void type_table_done(struct type_table *t) {
    for (uint32_t i = 0; i < t->n; i++)
        str_unref(t->rows[i].machine_type);
}
