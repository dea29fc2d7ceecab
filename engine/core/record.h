/* SPDX-License-Identifier: MIT */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

/*
 * Records: how the objects of the model, and the engine's intents, are written in the store. A
 * record is a JSON object whose members come from one table for each type, so what is written is
 * what is read. Members that are empty, zero or false are left out; unknown members are ignored,
 * and a missing one is zero, so that records of other versions can be read.
 *
 * Keys (numbers big-endian, so that a scan is in order of id):
 *   "m"                      the server: schema version, next id, its identity and key
 *   "c" cluster              a cluster
 *   "d" cluster KIND         a document of it (enum document_kind as a letter), verbatim
 *   "a" cluster id           an array
 *   "e" cluster id           a definition that nodes of an array were made from (model/edition.h)
 *   "s" cluster id           a set
 *   "n" cluster id           a node
 *   "i" id                   an intent
 *   "g" cluster              what it has used: a JSON array (usage.c)
 *   "u" id                   a user
 *   "k" id                   an account: its name alone
 *   "l" id                   an open alert
 *   "o" id                   an orphan
 *   "w" id                   a persistent volume
 *   "h" ...                  history (store/history.h)
 *   "v" node                 what its VM wrote to its console (store/console.h)
 */

#include "base/buf.h"
#include "model/item.h"
#include "model/limits.h"
#include "model/object.h"

/* 1: clusters, arrays, sets, nodes, intents. 2: users, accounts, usage, alerts, orphans too. 3:
   volumes too. An
   older state is read as it is and gets the number of this version with the next commit; a newer
   one is refused. */
#define RECORD_SCHEMA 3
#define RECORD_KEY_MAX 24
#define RECORD_MAX_BYTES ((size_t)1 << 20)
#define RECORD_EDITION_BYTES (8 * LIMIT_DOCUMENT_BYTES) /* JSON within JSON */

enum field_type {
    FIELD_U64,
    FIELD_U32,
    FIELD_I64,
    FIELD_INT, /* enums, uid, gid, mode: 4 bytes */
    FIELD_BOOL,
    FIELD_STR,
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
};

struct record_type {
    char letter;
    const struct field *fields;
    size_t n_fields;
};

extern const struct record_type record_cluster, record_array, record_edition, record_set,
    record_node;
/* Of the kinds of items; fields NULL: the kind is not stored. */
extern const struct record_type record_items[ITEM_KIND_MAX];

/* Writes `object` as JSON. 0, -E2BIG or -ENOMEM. */
int record_encode(const struct record_type *type, const void *object, struct buf *b);

/* Fills a zeroed `object`; texts are new references. 0, -EBADMSG (not JSON, or a member of another
   type: `*ret_member` names it if not NULL) or -ENOMEM. */
int record_decode(const struct record_type *type, const char *text, size_t len, void *object,
                  const char **ret_member);

/* Builds the key of an object; `id` is 0 for clusters. Returns its length. */
size_t record_key(char letter, uint64_t cluster_id, uint64_t id, unsigned char key[RECORD_KEY_MAX]);
/* The key of a document: 't', 'p', their rejected forms 'T', 'P', and the baseline 'b'. */
size_t record_document_key(uint64_t cluster_id, char kind, unsigned char key[RECORD_KEY_MAX]);
/* Big-endian number at `at`. */
uint64_t record_key_number(const void *at);

#endif
