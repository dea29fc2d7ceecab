/* SPDX-License-Identifier: MIT */
#include "console.h"
#include "model/edition.h"
#include "store/console.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What goes to the store in one commit; keys and values are owned. */
struct batch {
    struct store_op *items;
    size_t len, cap;
};

static int batch_add(struct batch *b, const void *key, size_t key_len, const char *value,
                     size_t value_len) {
    if (b->len == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        struct store_op *grown = reallocarray(b->items, cap, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        b->items = grown;
        b->cap = cap;
    }
    char *owned = malloc(key_len + value_len + 1);
    if (!owned)
        return -ENOMEM;
    memcpy(owned, key, key_len);
    if (value)
        memcpy(owned + key_len, value, value_len);
    b->items[b->len++] =
        (struct store_op){owned, key_len, value ? owned + key_len : NULL, value_len};
    return 0;
}

static void batch_done(struct batch *b) {
    for (size_t i = 0; i < b->len; i++)
        free((void *)(uintptr_t)b->items[i].key);
    free(b->items);
}

static int batch_delete(struct batch *b, char letter, uint64_t cluster_id, uint64_t id) {
    unsigned char key[RECORD_KEY_MAX];
    return batch_add(b, key, record_key(letter, cluster_id, id, key), NULL, 0);
}

static int batch_record(struct batch *b, const struct record_type *type, uint64_t cluster_id,
                        uint64_t id, const void *object) {
    _cleanup_buf_ struct buf text =
        BUF_INIT(type == &record_edition ? RECORD_EDITION_BYTES : RECORD_MAX_BYTES);
    int r = record_encode(type, object, &text);
    if (r < 0)
        return r;
    unsigned char key[RECORD_KEY_MAX];
    return batch_add(b, key, record_key(type->letter, cluster_id, id, key), text.data, text.len);
}

static const struct {
    char letter;
    size_t offset;
} documents[] = {
    {'t', offsetof(struct cluster, template.text)},
    {'p', offsetof(struct cluster, parameters.text)},
    {'T', offsetof(struct cluster, rejected_template.text)},
    {'P', offsetof(struct cluster, rejected_parameters.text)},
    {'b', offsetof(struct cluster, baseline)},
};

static struct str *document_of(const struct cluster *c, size_t i) {
    return c ? *(struct str *const *)(const void *)((const char *)c + documents[i].offset) : NULL;
}

/* Documents are large: only those that differ from the stored ones are written. */
static int batch_documents(struct batch *b, const struct cluster *old, const struct cluster *new,
                           uint64_t id) {
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
        struct str *text = document_of(new, i);
        if (text == document_of(old, i))
            continue;
        unsigned char key[RECORD_KEY_MAX];
        size_t key_len = record_document_key(id, documents[i].letter, key);
        int r = batch_add(b, key, key_len, str_len(text) ? str_text(text) : NULL, str_len(text));
        if (r < 0)
            return r;
    }
    return 0;
}

/* The definitions of an array's nodes: those that are new, and those that nobody has any more. */
static int batch_editions(struct batch *b, uint64_t cluster_id, const struct array *old,
                          const struct array *new) {
    const struct edition_list *was = old ? old->editions : NULL, *is = new ? new->editions : NULL;
    int r = 0;
    for (size_t i = 0; was != is && r == 0 && i < edition_list_len(is); i++)
        if (edition_find(was, is->items[i]->id) != is->items[i])
            r = batch_record(b, &record_edition, cluster_id, is->items[i]->id, is->items[i]);
    for (size_t i = 0; was != is && r == 0 && i < edition_list_len(was); i++)
        if (!edition_find(is, was->items[i]->id))
            r = batch_delete(b, record_edition.letter, cluster_id, was->items[i]->id);
    return r;
}

static int batch_array(struct batch *b, const struct cluster *was, const struct cluster *now,
                       const struct change *ch) {
    const struct array *old = was ? cluster_array_by_id(was, ch->id) : NULL;
    const struct array *new = now && !ch->removed ? cluster_array_by_id(now, ch->id) : NULL;
    int r = batch_editions(b, ch->cluster_id, old, new);
    if (r < 0 || (!new && !ch->removed))
        return r;
    return new ? batch_record(b, &record_array, ch->cluster_id, ch->id, new)
               : batch_delete(b, record_array.letter, ch->cluster_id, ch->id);
}

static int batch_removed_cluster(struct batch *b, const struct cluster *old) {
    if (!old)
        return 0;
    int r = batch_delete(b, 'c', old->id, 0);
    if (r == 0)
        r = batch_delete(b, 'g', old->id, 0);
    if (r == 0)
        r = batch_documents(b, old, NULL, old->id);
    for (size_t i = 0; r == 0 && i < old->arrays.len; i++) {
        r = batch_editions(b, old->id, cluster_array(old, i), NULL);
        if (r == 0)
            r = batch_delete(b, 'a', old->id, cluster_array(old, i)->id);
    }
    for (size_t i = 0; r == 0 && i < old->sets.len; i++)
        r = batch_delete(b, 's', old->id, cluster_set(old, i)->id);
    uint64_t position = 0;
    for (const struct node *n; r == 0 && (n = cluster_next_node(old, &position));)
        r = batch_delete(b, 'n', old->id, n->id);
    return r;
}

/* Written when it is another list than the stored one. */
static int batch_usage(struct batch *b, const struct cluster *old, const struct cluster *new) {
    if (new->usage == (old ? old->usage : NULL))
        return 0;
    _cleanup_buf_ struct buf text = BUF_INIT(RECORD_MAX_BYTES);
    unsigned char key[RECORD_KEY_MAX];
    int r = usage_encode(new->usage, &text);
    return r < 0 ? r : batch_add(b, key, record_key('g', new->id, 0, key), text.data, text.len);
}

static int batch_cluster(struct engine *e, struct batch *b, const struct snapshot *old,
                         const struct change *ch) {
    const struct cluster *was = snapshot_cluster(old, ch->id);
    if (ch->removed)
        return batch_removed_cluster(b, was);
    const struct cluster *c = snapshot_cluster(engine_state(e), ch->id);
    if (!c)
        return 0;
    int r = batch_record(b, &record_cluster, c->id, 0, c);
    if (r == 0)
        r = batch_usage(b, was, c);
    return r < 0 ? r : batch_documents(b, was, c, c->id);
}

static int batch_item(struct engine *e, struct batch *b, const struct change *ch) {
    enum item_kind kind = (enum item_kind)(ch->type - OBJECT_USER);
    const struct record_type *type = &record_items[kind];
    if (!type->fields)
        return 0;
    if (ch->removed)
        return batch_delete(b, type->letter, ch->id, 0);
    const struct item *item = snapshot_item(engine_state(e), kind, ch->id);
    return item ? batch_record(b, type, ch->id, 0, item) : 0;
}

static int batch_object(struct engine *e, struct batch *b, const struct change *ch) {
    static const struct record_type *const types[] = {
        [OBJECT_SET] = &record_set,
        [OBJECT_NODE] = &record_node,
    };
    const struct record_type *type = types[ch->type];
    if (ch->removed)
        return batch_delete(b, type->letter, ch->cluster_id, ch->id);
    const struct cluster *c = snapshot_cluster(engine_state(e), ch->cluster_id);
    const void *object = NULL;
    if (c && ch->type == OBJECT_SET)
        object = cluster_set_by_id(c, ch->id);
    else if (c)
        object = cluster_node(c, ch->id);
    return object ? batch_record(b, type, ch->cluster_id, ch->id, object) : 0;
}

static int batch_changes(struct engine *e, struct batch *b) {
    _cleanup_snapshot_ const struct snapshot *old = model_acquire(e->options.model);
    size_t n;
    const struct change *changes = builder_changes(e->builder, &n);
    for (size_t i = 0; i < n; i++) {
        const struct change *ch = &changes[i];
        if (ch->durability != DURABLE && !ch->removed)
            continue;
        int r = ch->type == OBJECT_CLUSTER ? batch_cluster(e, b, old, ch)
                : ch->type == OBJECT_ARRAY
                    ? batch_array(b, snapshot_cluster(old, ch->cluster_id),
                                  snapshot_cluster(engine_state(e), ch->cluster_id), ch)
                : ch->type >= OBJECT_USER ? batch_item(e, b, ch)
                                          : batch_object(e, b, ch);
        if (r < 0)
            return r;
    }
    return 0;
}

static int batch_intents(struct engine *e, struct batch *b) {
    for (size_t i = 0; i < e->closed.len; i++) {
        int r = batch_delete(b, 'i', e->closed.items[i]->id, 0);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < e->intents.len; i++) {
        const struct intent *intent = e->intents.items[i];
        if (!intent->dirty)
            continue;
        _cleanup_buf_ struct buf text = BUF_INIT(RECORD_MAX_BYTES);
        unsigned char key[RECORD_KEY_MAX];
        size_t key_len = record_key('i', intent->id, 0, key);
        int r = intent_encode(intent, &text);
        if (r == 0)
            r = batch_add(b, key, key_len, text.data, text.len);
        if (r < 0)
            return r;
    }
    return 0;
}

static struct journal_size *known_size(struct engine *e, const struct journal_entry *entry) {
    for (size_t i = 0; i < e->journal_sizes.len; i++) {
        struct journal_size *known = &e->journal_sizes.items[i];
        if (known->owner == entry->owner && known->stream == entry->stream)
            return known;
    }
    return NULL;
}

/* Lengths are remembered for the server and clusters; those of nodes are looked up. */
static int stream_size(struct engine *e, const struct journal_entry *entry, uint64_t *ret) {
    const struct journal_size *known = known_size(e, entry);
    if (!known)
        return history_size(e->options.store, &(struct history){entry->stream, 0, entry->owner},
                            ret);
    *ret = known->size;
    return 0;
}

static int forget_record(void *arg, const void *key, size_t key_len, const void *value,
                         size_t value_len) {
    (void)value;
    (void)value_len;
    return batch_add(arg, key, key_len, NULL, 0);
}

static int scan_stream(struct engine *e, const struct journal_entry *entry, unsigned generation,
                       store_visit visit, void *arg) {
    unsigned char key[HISTORY_KEY_SIZE];
    history_key(&(struct history){entry->stream, generation, entry->owner}, 0, key);
    struct store_range range = {.prefix = key, .prefix_len = sizeof(key) - 8};
    return store_scan(e->options.store, &range, visit, arg);
}

/* A record of the current generation becomes one of the old. */
static int age_record(void *arg, const void *key, size_t key_len, const void *value,
                      size_t value_len) {
    unsigned char old[HISTORY_KEY_SIZE];
    if (key_len != sizeof(old))
        return -EBADMSG;
    memcpy(old, key, key_len);
    history_key_set_generation(old, 1);
    int r = batch_add(arg, old, sizeof(old), value, value_len);
    return r < 0 ? r : batch_add(arg, key, key_len, NULL, 0);
}

/* What is there becomes generation 1, in place of the one before, and the stream begins anew. */
static int batch_rotation(struct engine *e, struct batch *b, const struct journal_entry *entry) {
    int r = scan_stream(e, entry, 1, forget_record, b);
    if (r == 0)
        r = scan_stream(e, entry, 0, age_record, b);
    struct journal_size *known = known_size(e, entry);
    if (r == 0 && known)
        known->size = 0;
    return r;
}

/* A piece of at most HISTORY_RECORD_BYTES that ends with a line, as none is longer. */
static size_t piece_len(const char *text, size_t left) {
    if (left <= HISTORY_RECORD_BYTES)
        return left;
    const char *end = memrchr(text, '\n', HISTORY_RECORD_BYTES);
    return end ? (size_t)(end - text) + 1 : HISTORY_RECORD_BYTES;
}

/* Appends a text to a stream of `size` bytes, as records of a bounded length. */
static int batch_text(struct batch *b, const struct history *h, uint64_t size,
                      const struct buf *text) {
    int r = 0;
    for (size_t at = 0, len; r == 0 && at < text->len; at += len) {
        unsigned char key[HISTORY_KEY_SIZE];
        len = piece_len(text->data + at, text->len - at);
        history_key(h, size + at, key);
        r = batch_add(b, key, sizeof(key), text->data + at, len);
    }
    return r;
}

static int batch_entry(struct engine *e, struct batch *b, const struct journal_entry *entry) {
    uint64_t size = 0;
    uint64_t most = e->options.history_bytes ? e->options.history_bytes : HISTORY_ROTATE_BYTES;
    int r = stream_size(e, entry, &size);
    if (r == 0 && size && size + entry->text.len > most) {
        r = batch_rotation(e, b, entry);
        size = 0;
    }
    if (r < 0)
        return r;
    return batch_text(b, &(struct history){entry->stream, 0, entry->owner}, size, &entry->text);
}

static int batch_journal(struct engine *e, struct batch *b) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < e->journal.len; i++)
        if (e->journal.items[i].text.len)
            r = batch_entry(e, b, &e->journal.items[i]);
    return r;
}

static int batch_console(struct batch *b, uint64_t node_id, const struct buf *text) {
    unsigned char key[CONSOLE_KEY_SIZE];
    console_key(node_id, key);
    bool some = text && text->len;
    return batch_add(b, key, sizeof(key), some ? text->data : NULL, some ? text->len : 0);
}

/* What was read of a console takes the place of what was there. */
static int batch_consoles(struct engine *e, struct batch *b) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < e->console_texts.len; i++)
        r = batch_console(b, e->console_texts.items[i].node_id, &e->console_texts.items[i].text);
    return r;
}

/* The history of what was removed: every stream and generation; and the console of a node. */
static int batch_forgotten(struct engine *e, struct batch *b) {
    for (size_t i = 0; i < e->forgotten.len; i++) {
        int gone = batch_console(b, e->forgotten.items[i], NULL);
        if (gone < 0)
            return gone;
        for (int stream = 0; stream < HISTORY_STREAM_MAX; stream++) {
            for (unsigned generation = 0; generation < 2; generation++) {
                unsigned char key[HISTORY_KEY_SIZE];
                const struct history h = {(enum history_stream)stream, generation,
                                          e->forgotten.items[i]};
                history_key(&h, 0, key);
                struct store_range range = {.prefix = key, .prefix_len = sizeof(key) - 8};
                int r = store_scan(e->options.store, &range, forget_record, b);
                if (r < 0)
                    return r;
            }
        }
    }
    return 0;
}

static int batch_meta(struct engine *e, struct batch *b) {
    if (!e->meta_dirty)
        return 0;
    _cleanup_buf_ struct buf text = BUF_INIT(4096);
    buf_printf(&text, "{\"schema\":%d,\"next_id\":%" PRIu64 ",\"server_id\":\"%s\",\"key\":\"",
               RECORD_SCHEMA, e->next_id, e->server_id);
    for (size_t i = 0; i < sizeof(e->server_key); i++)
        buf_printf(&text, "%02x", e->server_key[i]);
    buf_puts(&text, "\"}");
    if (buf_error(&text) < 0)
        return buf_error(&text);
    return batch_add(b, "m", 1, text.data, text.len);
}

/* After the commit: a stream that was not remembered has its new length in the store already. */
static void remember_sizes(struct engine *e) {
    for (size_t i = 0; i < e->journal.len; i++) {
        struct journal_entry *entry = &e->journal.items[i];
        bool kept = entry->owner == 0 || snapshot_cluster(engine_state(e), entry->owner);
        uint64_t size = 0;
        if (!kept || stream_size(e, entry, &size) < 0)
            continue;
        struct journal_size *known = known_size(e, entry);
        if (known)
            known->size = size + entry->text.len;
        else
            (void)journal_size_vec_append(&e->journal_sizes,
                                          (struct journal_size){entry->stream, entry->owner, size});
    }
}

static void committed(struct engine *e) {
    for (size_t i = 0; i < e->closed.len; i++)
        intent_free(e->closed.items[i]);
    e->closed.len = 0;
    for (size_t i = 0; i < e->intents.len; i++) {
        e->intents.items[i]->saved = true;
        e->intents.items[i]->dirty = false;
    }
    e->meta_dirty = false;
    struct snapshot *root = builder_root(e->builder);
    if (root)
        root->server.commits++;
}

int commit_build(struct engine *e, struct error *err) {
    struct batch b = {0};
    int r = batch_changes(e, &b);
    if (r == 0)
        r = batch_intents(e, &b);
    if (r == 0)
        r = batch_consoles(e, &b);
    if (r == 0)
        r = batch_forgotten(e, &b);
    if (r == 0)
        r = batch_journal(e, &b);
    if (r == 0)
        r = batch_meta(e, &b);
    if (r == 0 && b.len)
        r = store_commit(e->options.store, &(struct store_change){.ops = b.items, .n_ops = b.len},
                         err);
    if (r == 0 && b.len) {
        remember_sizes(e);
        committed(e);
    }
    if (r == 0) {
        journal_drop(e);
        consoles_saved(e);
    }
    batch_done(&b);
    if (r < 0)
        err_wrap(err, r, "the state could not be written");
    return r;
}
