/* SPDX-License-Identifier: MIT */
#include "kept.h"

#include "crypto/crypto.h"

#include <stdlib.h>
#include <string.h>

/*
 * What nodes were made from outlives the template: an array keeps the definition of its nodes as an
 * edition (model/edition.h) until the last of them is gone. What waits for the address of a node is
 * no other definition once that is known: `key` is made of the text before.
 */

int edition_key(const json_t *node, struct str **ret) {
    char hex[CRYPTO_SHA256_HEX_SIZE];
    char *text = json_dumps(node, JSON_COMPACT | JSON_SORT_KEYS);
    int r = text ? crypto_sha256_hex(text, strlen(text), hex) : -ENOMEM;
    free(text);
    if (r < 0)
        return r;
    struct str *key = str_new_c(hex);
    if (!key)
        return -ENOMEM;
    str_unref(*ret);
    *ret = key;
    return 0;
}

static struct edition *edition_of_array(const struct array *a, uint64_t id, usec_t made_at) {
    struct edition *made = edition_new();
    if (!made)
        return NULL;
    made->id = id;
    made->array_id = a->id;
    made->made_at = made_at;
    str_assign(&made->key, a->key);
    str_assign(&made->definition, a->definition);
    str_assign(&made->attributes, a->attributes);
    str_assign(&made->configuration, a->configuration);
    return made;
}

static int put_edition(struct array *a, uint64_t id, usec_t made_at) {
    struct edition *made = edition_of_array(a, id, made_at);
    return made ? edition_list_put(&a->editions, made) : -ENOMEM;
}

static bool is_as_now(const struct edition *ed, const struct array *a) {
    return str_equal(ed->definition, str_text(a->definition)) &&
           str_equal(ed->attributes, str_text(a->attributes)) &&
           str_equal(ed->configuration, str_text(a->configuration));
}

int edition_follow(struct array *a) {
    const struct edition *ed = edition_find_key(a->editions, a->key);
    a->edition = ed ? ed->id : 0;
    return !ed || is_as_now(ed, a) ? 0 : put_edition(a, ed->id, ed->made_at);
}

uint64_t edition_take(struct engine *e, uint64_t cluster_id, uint64_t array_id) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    const struct array *a = c ? cluster_array_by_id(c, array_id) : NULL;
    if (!a || a->edition || !str_len(a->key))
        return a ? a->edition : 0;
    struct array *copy = builder_array(e->builder, cluster_id, array_id, DURABLE);
    uint64_t id = engine_take_id(e);
    if (!copy || put_edition(copy, id, engine_now(e)) < 0) {
        engine_fail(e, -ENOMEM);
        return 0;
    }
    copy->edition = id;
    return id;
}

/* --- the end of editions ---------------------------------------------------------------------- */

/* The lists that each node of an array is on, once. */
static const enum node_list all_lists[] = {NODES_FAILED,  NODES_UNPLACED, NODES_PLACED,
                                           NODES_UNREADY, NODES_READY,    NODES_LEAVING};

bool array_is_empty(const struct array *a) {
    uint64_t n = 0;
    for (size_t i = 0; i < NODE_STATUS_MAX; i++)
        n += a->counts.by_status[i];
    return n == 0;
}

bool edition_mixed(const struct array *a) {
    size_t n = edition_list_len(a->editions);
    return n > 1 || (n == 1 && a->editions->items[0]->id != a->edition);
}

void edition_survey(const struct cluster *c, const struct array *a, edition_visit visit,
                    void *arg) {
    for (size_t i = 0; i < ARRAY_SIZE(all_lists); i++) {
        uint64_t position = 0;
        const struct node *n;
        while ((n = cluster_next_listed(c, a->id, all_lists[i], &position)))
            visit(n, arg);
    }
}

struct used {
    struct id_vec ids;
    bool failed; /* no memory: more may be in use */
};

static bool contains(const struct id_vec *v, uint64_t id) {
    for (size_t i = v->len; i-- > 0;)
        if (v->items[i] == id)
            return true;
    return false;
}

static void note_used(const struct node *n, void *arg) {
    struct used *used = arg;
    if (n->edition && !contains(&used->ids, n->edition) &&
        id_vec_append(&used->ids, n->edition) < 0)
        used->failed = true;
}

static bool is_used(const struct edition *ed, void *arg) {
    return contains(&((struct used *)arg)->ids, ed->id);
}

static bool all_used(const struct array *a, struct used *used) {
    for (size_t i = 0; i < edition_list_len(a->editions); i++)
        if (!is_used(a->editions->items[i], used))
            return false;
    return true;
}

static void prune_array(struct engine *e, const struct cluster *c, const struct array *a) {
    if (!a->editions || (!edition_mixed(a) && !array_is_empty(a)))
        return;
    struct used used = {0};
    edition_survey(c, a, note_used, &used);
    if (!used.failed && !all_used(a, &used)) {
        struct array *copy = builder_array(e->builder, c->id, a->id, DURABLE);
        if (!copy || edition_list_filter(&copy->editions, is_used, &used) < 0)
            engine_fail(e, -ENOMEM);
        else if (!edition_find(copy->editions, copy->edition))
            copy->edition = 0;
    }
    id_vec_done(&used.ids);
}

void edition_prune(struct engine *e, uint64_t cluster_id) {
    const struct cluster *c;
    for (size_t i = 0; (c = snapshot_cluster(engine_state(e), cluster_id)) && i < c->arrays.len;
         i++)
        prune_array(e, c, cluster_array(c, i));
}

/* --- arrays that the template has no more ----------------------------------------------------- */

int edition_spec(struct engine *e, const struct edition *ed, struct array_spec **ret,
                 struct error *err) {
    json_t *node = json_loadb(str_text(ed->definition), str_len(ed->definition), 0, NULL);
    struct array_spec *spec = node ? array_spec_new() : NULL;
    int r = spec ? spec_read(node, e, spec, err)
                 : err_set(err, -ENOMEM, "no_memory", "no memory left to read the definition");
    json_decref(node);
    if (r < 0)
        array_spec_unref(spec);
    else
        *ret = spec;
    return r;
}

static int restore_array(struct engine *e, struct array *a, const struct edition *ed) {
    _cleanup_error_ struct error err = ERROR_INIT;
    struct array_spec *spec = NULL;
    int r = edition_spec(e, ed, &spec, &err);
    if (r < 0) {
        log_warning(
            "the definition that nodes were made from is not understood array=%s why=\"%s\"",
            str_text(a->name), err_text(&err));
        return r == -ENOMEM ? r : 0;
    }
    a->spec = spec;
    a->edition = ed->id;
    str_assign(&a->key, ed->key);
    str_assign(&a->definition, ed->definition);
    str_assign(&a->attributes, ed->attributes);
    str_assign(&a->configuration, ed->configuration);
    return 0;
}

int edition_restore(struct engine *e, uint64_t cluster_id) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    int r = 0;
    for (size_t i = 0; c && r == 0 && i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        size_t n = edition_list_len(a->editions);
        if (a->spec || !n)
            continue;
        const struct edition *newest = a->editions->items[n - 1];
        struct array *copy = builder_array(e->builder, cluster_id, a->id, VOLATILE);
        r = copy ? restore_array(e, copy, newest) : -ENOMEM;
        c = snapshot_cluster(engine_state(e), cluster_id);
    }
    return r;
}
