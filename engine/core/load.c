/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include "model/edition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loading {
    struct engine *engine;
    struct error *err;
};

/* Why the state cannot be loaded, unless a record has said so already. */
static int not_loaded(struct error *err, int code) {
    static const struct {
        int code;
        const char *words;
    } reasons[] = {
        {-EBADMSG, "is damaged: restore the directory from a backup"},
        {-EPROTO, "was written by a newer version: use that version"},
        {-EIO, "cannot be read from its disk: look at the disk, then start again"},
        {-ENOMEM, "does not fit into the memory: stop other programs, then start again"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        if (reasons[i].code == code)
            return err_set(err, code, "store", "the state in the state directory %s",
                           reasons[i].words);
    return err_set(err, code, "store", "the state cannot be loaded: %s", strerror(-code));
}

static int damaged(struct loading *l, const char *what, uint64_t id, const char *member) {
    return err_set(l->err, -EBADMSG, "store",
                   "the record of %s %" PRIu64
                   " in the state directory is damaged (%s): restore the directory "
                   "from a backup",
                   what, id, member ? member : "not readable");
}

static int read_meta(struct engine *e, const char *text, size_t len, struct error *err) {
    json_t *root = json_loadb(text, len, 0, NULL);
    json_int_t schema = json_integer_value(json_object_get(root, "schema"));
    const char *id = json_string_value(json_object_get(root, "server_id"));
    const char *key = json_string_value(json_object_get(root, "key"));
    int r = 0;
    if (schema > RECORD_SCHEMA)
        r = err_set(err, -EPROTO, "store",
                    "the state directory was written by a newer version (schema %lld, this one "
                    "knows %d): use that "
                    "version",
                    (long long)schema, RECORD_SCHEMA);
    else if (!id || strlen(id) != SERVER_ID_CHARS || !key ||
             strlen(key) != sizeof(e->server_key) * 2)
        r = err_set(err, -EBADMSG, "store",
                    "the server's own record in the state directory is damaged: restore the "
                    "directory from a backup");
    if (r == 0) {
        e->meta_dirty = schema < RECORD_SCHEMA; /* an older version must not write to it again */
        e->next_id = (uint64_t)json_integer_value(json_object_get(root, "next_id"));
        memcpy(e->server_id, id, SERVER_ID_CHARS + 1);
        for (size_t i = 0; i < sizeof(e->server_key); i++) {
            unsigned byte = 0;
            (void)sscanf(key + 2 * i, "%2x", &byte);
            e->server_key[i] = (unsigned char)byte;
        }
    }
    json_decref(root);
    return r;
}

/* The first start: an identity and a key. */
static void make_meta(struct engine *e) {
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    unsigned char noise[SERVER_ID_CHARS];
    const struct random_source *random = e->options.random;
    random->fill(random->arg, noise, sizeof(noise));
    random->fill(random->arg, e->server_key, sizeof(e->server_key));
    for (size_t i = 0; i < SERVER_ID_CHARS; i++)
        e->server_id[i] = digits[noise[i] % (sizeof(digits) - 1)];
    e->server_id[SERVER_ID_CHARS] = '\0';
    e->next_id = 1;
    e->meta_dirty = true;
}

static int load_meta(struct engine *e, struct error *err) {
    _cleanup_buf_ struct buf text = BUF_INIT(RECORD_MAX_BYTES);
    int r = store_get(e->options.store, "m", 1, &text);
    if (r == -ENOENT) {
        make_meta(e);
        return 0;
    }
    if (r < 0)
        return not_loaded(err, r);
    return read_meta(e, text.data, text.len, err);
}

static void own_cluster(struct cluster *c, const struct cluster *record) {
    struct cluster kept = *c;
    *c = *record;
    /* what the builder keeps in a cluster stays the builder's */
    c->id = kept.id;
    c->edit = kept.edit;
    c->arrays = kept.arrays;
    c->sets = kept.sets;
    c->nodes = kept.nodes;
    c->usage = kept.usage;
    c->counts = kept.counts;
    c->head_counts = kept.head_counts;
    c->name = kept.name; /* the index by name looks at it */
    str_unref(record->name);
}

static int load_cluster(void *arg, const void *key, size_t key_len, const void *value,
                        size_t value_len) {
    struct loading *l = arg;
    if (key_len != 9)
        return 0;
    uint64_t id = record_key_number((const char *)key + 1);
    struct cluster record = {0};
    const char *member = NULL;
    int r = record_decode(&record_cluster, value, value_len, &record, &member);
    if (r == -EBADMSG)
        return damaged(l, "cluster", id, member);
    struct cluster *c =
        r < 0 ? NULL : builder_add_cluster(l->engine->builder, id, str_text(record.name));
    if (!c)
        return -ENOMEM;
    own_cluster(c, &record);
    return 0;
}

static struct str **document_slot(struct cluster *c, char kind) {
    const struct {
        char kind;
        struct str **slot;
    } slots[] = {
        {'t', &c->template.text},
        {'p', &c->parameters.text},
        {'T', &c->rejected_template.text},
        {'P', &c->rejected_parameters.text},
        {'b', &c->baseline},
    };
    for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
        if (slots[i].kind == kind)
            return slots[i].slot;
    return NULL;
}

static int load_document(void *arg, const void *key, size_t key_len, const void *value,
                         size_t value_len) {
    struct loading *l = arg;
    if (key_len != 10)
        return 0;
    uint64_t id = record_key_number((const char *)key + 1);
    char kind = ((const char *)key)[9];
    struct cluster *c = builder_cluster(l->engine->builder, id, VOLATILE);
    if (!c)
        return 0;
    struct str **slot = document_slot(c, kind);
    if (!slot)
        return 0; /* of a newer version */
    struct str *text = str_new(value, value_len);
    if (!text)
        return -ENOMEM;
    str_unref(*slot);
    *slot = text;
    return 0;
}

static int load_usage(void *arg, const void *key, size_t key_len, const void *value,
                      size_t value_len) {
    struct loading *l = arg;
    (void)key_len;
    uint64_t id = record_key_number((const char *)key + 1);
    struct cluster *c = builder_cluster(l->engine->builder, id, VOLATILE);
    int r = c ? usage_decode(value, value_len, &c->usage) : 0;
    return r == -EBADMSG ? damaged(l, "usage of cluster", id, NULL) : r;
}

static int load_array(void *arg, const void *key, size_t key_len, const void *value,
                      size_t value_len) {
    struct loading *l = arg;
    (void)key_len;
    uint64_t cluster_id = record_key_number((const char *)key + 1);
    struct array record = {0};
    const char *member = NULL;
    int r = record_decode(&record_array, value, value_len, &record, &member);
    if (r == -EBADMSG)
        return damaged(l, "array", record.id, member);
    struct array *a =
        r < 0 ? NULL
              : builder_add_array(l->engine->builder, cluster_id, record.id, str_text(record.name));
    str_unref(record.name);
    if (!a)
        return -ENOMEM;
    a->is_array = record.is_array;
    a->gone = true; /* until the template has been read */
    a->max_count_set = record.max_count_set;
    a->next_number = record.next_number;
    return 0;
}

static int take_edition(struct engine *e, uint64_t cluster_id, struct edition *ed) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    bool known = c && cluster_array_by_id(c, ed->array_id);
    struct array *a = known ? builder_array(e->builder, cluster_id, ed->array_id, VOLATILE) : NULL;
    if (a)
        return edition_list_put(&a->editions, ed);
    edition_unref(ed);
    return known ? -ENOMEM : 0;
}

static int load_edition(void *arg, const void *key, size_t key_len, const void *value,
                        size_t value_len) {
    struct loading *l = arg;
    (void)key_len;
    struct edition *ed = edition_new();
    if (!ed)
        return -ENOMEM;
    const char *member = NULL;
    int r = record_decode(&record_edition, value, value_len, ed, &member);
    if (r == 0)
        return take_edition(l->engine, record_key_number((const char *)key + 1), ed);
    edition_unref(ed);
    return r == -EBADMSG
               ? damaged(l, "definition", record_key_number((const char *)key + 9), member)
               : r;
}

static int load_set(void *arg, const void *key, size_t key_len, const void *value,
                    size_t value_len) {
    struct loading *l = arg;
    (void)key_len;
    uint64_t cluster_id = record_key_number((const char *)key + 1);
    struct set record = {0};
    const char *member = NULL;
    int r = record_decode(&record_set, value, value_len, &record, &member);
    if (r == -EBADMSG)
        return damaged(l, "scale set", record.id, member);
    struct set *s =
        r < 0 ? NULL
              : builder_add_set(l->engine->builder, cluster_id, record.id, str_text(record.name));
    if (!s)
        return -ENOMEM;
    str_unref(record.name);
    record.name = s->name;
    record.edit = s->edit;
    record.cluster_id = cluster_id;
    *s = record;
    return 0;
}

static int load_node(void *arg, const void *key, size_t key_len, const void *value,
                     size_t value_len) {
    struct loading *l = arg;
    (void)key_len;
    uint64_t cluster_id = record_key_number((const char *)key + 1);
    struct node record = {0};
    const char *member = NULL;
    int r = record_decode(&record_node, value, value_len, &record, &member);
    if (r == -EBADMSG || (r == 0 && ((unsigned)record.status >= NODE_STATUS_MAX ||
                                     (unsigned)record.target >= TARGET_MAX)))
        return damaged(l, "node", record_key_number((const char *)key + 9), member);
    struct node *n =
        r < 0 ? NULL
              : builder_add_node(l->engine->builder, cluster_id, record.id, str_text(record.name));
    if (!n)
        return -ENOMEM;
    str_unref(record.name);
    record.name = n->name; /* the index by name looks at it */
    record.edit = n->edit;
    record.cluster_id = cluster_id;
    *n = record;
    /* the state of a version that did not count usage */
    bool runs = n->status == NODE_PREPARING || n->status == NODE_READY;
    if (runs && !n->billed_at && str_len(n->resource_id))
        n->billed_at = n->status_at;
    return 0;
}

union any_item {
    struct item item;
    struct user user;
    struct account account;
    struct orphan orphan;
    struct alert alert;
    struct volume volume;
};

static const struct {
    const char *word; /* in the message of a damaged record */
    size_t size;
} item_kinds[ITEM_KIND_MAX] = {
    [ITEM_USER] = {"user", sizeof(struct user)},
    [ITEM_ACCOUNT] = {"account", sizeof(struct account)},
    [ITEM_ORPHAN] = {"orphan", sizeof(struct orphan)},
    [ITEM_ALERT] = {"alert", sizeof(struct alert)},
    [ITEM_VOLUME] = {"volume", sizeof(struct volume)},
};

static enum item_kind kind_of_letter(char letter) {
    enum item_kind kind = 0;
    while (record_items[kind].letter != letter)
        kind++;
    return kind;
}

static int load_item(void *arg, const void *key, size_t key_len, const void *value,
                     size_t value_len) {
    struct loading *l = arg;
    (void)key_len;
    enum item_kind kind = kind_of_letter(*(const char *)key);
    uint64_t id = record_key_number((const char *)key + 1);
    union any_item record = {0};
    const char *member = NULL;
    int r = record_decode(&record_items[kind], value, value_len, &record, &member);
    if (r == -EBADMSG)
        return damaged(l, item_kinds[kind].word, id, member);
    struct item *made =
        r < 0 ? NULL : builder_add_item(l->engine->builder, kind, id, str_text(record.item.name));
    if (!made)
        return -ENOMEM;
    str_unref(record.item.name);
    record.item.name = made->name; /* the order looks at it */
    record.item.id = made->id;
    record.item.edit = made->edit;
    record.item.change = made->change;
    memcpy(made, &record, item_kinds[kind].size);
    return 0;
}

static int load_intent(void *arg, const void *key, size_t key_len, const void *value,
                       size_t value_len) {
    struct loading *l = arg;
    (void)key_len;
    struct intent *i = NULL;
    int r = intent_decode(value, value_len, &i);
    if (r == -EBADMSG)
        return damaged(l, "intent", record_key_number((const char *)key + 1), NULL);
    if (r == 0)
        r = intent_vec_append(&l->engine->intents, i);
    if (r < 0)
        intent_free(i);
    return r;
}

static int load_kind(struct engine *e, char letter, store_visit visit, struct error *err) {
    struct loading l = {e, err};
    struct store_range range = {.prefix = &letter, .prefix_len = 1};
    int r = store_scan(e->options.store, &range, visit, &l);
    return r < 0 ? not_loaded(err, r) : 0;
}

int load_intents(struct engine *e, struct error *err) {
    return load_kind(e, 'i', load_intent, err);
}

static int load_items(struct engine *e, struct error *err) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < ITEM_KIND_MAX; i++)
        if (record_items[i].fields)
            r = load_kind(e, record_items[i].letter, load_item, err);
    return r;
}

int load_state(struct engine *e, struct error *err) {
    static const struct {
        char letter;
        store_visit visit;
    } kinds[] = {
        {'c', load_cluster}, {'d', load_document}, {'g', load_usage}, {'a', load_array},
        {'e', load_edition}, {'s', load_set},      {'n', load_node},
    };
    int r = load_meta(e, err);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
        r = load_kind(e, kinds[i].letter, kinds[i].visit, err);
    if (r == 0)
        r = load_items(e, err);
    return r < 0 ? r : load_intents(e, err);
}
