/* SPDX-License-Identifier: MIT */
#ifndef TEST_VIEW_FIXTURE_H
#define TEST_VIEW_FIXTURE_H

/* A model with two clusters, for the tests of the view. */

#include "model/builder.h"
#include "view/view.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum fixture_id {
    ID_HPC = 10, /* started; owner 1000:100, mode 0750 */
    ID_EXECUTE,  /* its array: nodes 20 (Ready) and 21 (Acquiring, held for quota) */
    ID_HTC,      /* its array without nodes */
    ID_HEAD,     /* its head node's definition: node 22 */
    ID_EXECUTE_1 = 20,
    ID_EXECUTE_2,
    ID_SCHEDULER,
    ID_EMPTY = 30, /* a cluster just made */
    ID_ALICE = 50, /* a user */
    ID_AZURE,      /* an account */
    ID_ORPHAN,
    ID_ALERT,        /* of the array execute */
    ID_VOLUME,       /* of the head node, in use */
    ID_OTHER_VOLUME, /* of the empty cluster, free */
};

#define FIXTURE_TIME UINT64_C(1700000000000000) /* 2023-11-14T22:13:20Z */

struct fixture {
    struct model *model;
    struct gateway gateway;
    const struct snapshot *snapshot;
};

/* For cmocka_unit_test_setup_teardown: *state is a struct fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Begins a change of the model; fixture_publish makes it the fixture's snapshot. */
struct builder *fixture_begin(struct fixture *f);
void fixture_publish(struct fixture *f, struct builder *b);

/* The place with this path ("/hpc/nodes/count"). 0 or what view_lookup said. */
int fixture_find(const struct fixture *f, const char *path, struct view_ref *ret);
/* The context of an existing place, as user 1000. */
struct view_ctx fixture_context(const struct fixture *f, const char *path, struct view_ref *ret);
/* The contents of an existing place; good until the next call. */
const char *fixture_read(const struct fixture *f, const char *path);
/* The attributes of an existing place. */
struct view_attr fixture_attr(const struct fixture *f, const char *path);

#endif
