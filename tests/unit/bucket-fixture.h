/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_BUCKET_FIXTURE_H
#define TESTS_UNIT_BUCKET_FIXTURE_H

/* Buckets of the view's fixture, as autoscalers read them (REST: ClusterStatus). All functions
   assert by themselves; types and names that are not there fail the test. */

#include "test-view-fixture.h"

#include <jansson.h>

#define V3 "Standard_HB120rs_v3" /* the types of the array execute */
#define V2 "Standard_HB120rs_v2"

/* New. */
json_t *load_json(const char *text);
const char *text_at(const json_t *object, const char *key);
int64_t number_at(const json_t *object, const char *key);

/* Of a cluster status; the bucket of this type, NULL for none. */
const json_t *array_of(const json_t *status, const char *name);
const json_t *find_bucket(const json_t *array, const char *type);
/* A bucket of the file /hpc/arrays/ARRAY/buckets. New. */
json_t *read_bucket(const struct fixture *f, const char *array, const char *type);

/* Of a bucket of execute: a number, seconds since its shortage, that it is valid ("") or why not.
 */
void check_number(const struct fixture *f, const char *type, const char *key, int64_t value);
double since_shortage(const struct fixture *f, const char *type);
void check_validity(const struct fixture *f, const char *type, const char *reason);
/* All fields are there, of their types, and agree. */
void check_bucket(const json_t *bucket);
/* All that clients rely on in /hpc/status.json, whatever the state. */
void check_status(const struct fixture *f);

/* V2 and V3 (60 vCPUs, 120 of the quota), and three quotas that are newer than all nodes: family
   1200, cores 2400, lowPriorityCores 360, of which 120, 240 and 0 are used. Room for a shortage. */
struct catalog *make_catalog(void);
/* Steals. */
void use_catalog(struct fixture *f, struct catalog *c);
/* V3 was short `age` ago and held off for `delay`. */
void put_shortage(struct catalog *c, usec_t age, usec_t delay);

void set_text(struct str **slot, const char *text);
struct array *edit_execute(struct builder *b);
/* Gives execute a definition of its own with the same types and place. */
struct array_spec *edit_spec(struct builder *b);
/* A node of execute that is older than the quotas. */
struct node *add_node(struct builder *b, uint64_t id, const char *type, enum node_status status);

#endif
