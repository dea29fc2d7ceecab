/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include "model/edition.h"
#include "rejected.h"
#include "template/template.h"
#include "volume.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Commands on clusters: the directory, its documents, start and termination. */

static const struct cluster *target_cluster(struct engine *e, const struct command *c,
                                            struct error *err) {
    const struct cluster *cluster = snapshot_cluster(engine_state(e), c->cluster_id);
    if (!cluster)
        err_kind(err, "not_found", "the cluster is gone");
    return cluster;
}

static size_t clusters_of(const struct snapshot *s, uid_t uid) {
    size_t n = 0;
    for (size_t i = 0; i < s->clusters.len; i++)
        n += ((const struct cluster *)s->clusters.items[i])->uid == uid;
    return n;
}

/* No one user takes all clusters, and some are kept for root. */
static int check_room(const struct snapshot *s, uid_t uid, struct error *err) {
    size_t most = uid ? LIMIT_CLUSTERS - LIMIT_CLUSTERS_FOR_ROOT : LIMIT_CLUSTERS;
    if (uid && clusters_of(s, uid) >= LIMIT_CLUSTERS_PER_USER)
        return err_set(err, -EDQUOT, "limit_exceeded",
                       "you have %u clusters, the most that one user may have: remove one",
                       LIMIT_CLUSTERS_PER_USER);
    if (s->clusters.len >= most)
        return err_set(err, -ENOSPC, "no_space",
                       "there are %zu clusters, the most that this server holds%s: remove one",
                       s->clusters.len, uid ? " for users other than root" : "");
    return 0;
}

int apply_create_cluster(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    const struct snapshot *s = engine_state(e);
    if (snapshot_cluster_named(s, c->name))
        return err_set(err, -EEXIST, "exists", "a cluster named %s exists", c->name);
    int r = check_room(s, c->caller_uid, err);
    if (r < 0)
        return r;
    struct cluster *made = builder_add_cluster(e->builder, engine_take_id(e), c->name);
    if (!made)
        return -ENOMEM;
    made->uid = c->caller_uid;
    made->gid = c->caller_gid;
    made->mode = c->set_mode || c->mode ? c->mode & 0777 : 0755;
    made->created_at = made->changed_at = made->state_at = made->nodes_at = engine_now(e);
    edit_text(e, &made->outcome, "ok");
    edit_text(e, &made->parameters_public, "{}");
    struct snapshot *root = builder_root(e->builder);
    if (root)
        root->clusters_at = engine_now(e);
    *ret_id = made->id;
    journal_event(e, EVENT_CLUSTER_CREATED, made, NULL, "cluster created");
    return engine_work(e, made->id) ? 0 : -ENOMEM;
}

int apply_remove_cluster(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    const struct cluster *cluster = target_cluster(e, c, err);
    if (!cluster)
        return -ENOENT;
    bool off = cluster->state == CLUSTER_OFF && cluster->target == TARGET_TERMINATED;
    int kept = off ? volumes_refuse_removal(e, cluster, err) : 0;
    if (kept < 0)
        return kept;
    if (!off || intents_any(e, cluster->id))
        return err_set(err, -EBUSY, "busy",
                       "cluster %s is %s: write `terminated` to its file `state`, wait until that "
                       "reads `off`, then "
                       "remove it",
                       str_text(cluster->name), cluster_state_file(cluster->state));
    uint64_t id = cluster->id;
    alerts_update(e, id, NULL, 0);
    cluster = snapshot_cluster(engine_state(e), id);
    journal_event(e, EVENT_CLUSTER_DELETED, cluster, NULL, "cluster removed");
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(cluster, &position));)
        journal_forget(e, n->id);
    journal_forget(e, id);
    struct snapshot *root = builder_root(e->builder);
    if (root)
        root->clusters_at = engine_now(e);
    volumes_forget(e, id);
    return builder_remove_cluster(e->builder, id);
}

int apply_rename_cluster(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    const struct cluster *cluster = target_cluster(e, c, err);
    if (!cluster)
        return -ENOENT;
    if (cluster->state != CLUSTER_OFF)
        return err_set(err, -EBUSY, "busy",
                       "cluster %s is %s: a cluster can be renamed only while it is off",
                       str_text(cluster->name), cluster_state_file(cluster->state));
    if (snapshot_cluster_named(engine_state(e), c->name))
        return err_set(err, -EEXIST, "exists", "a cluster named %s exists", c->name);
    struct str *before = str_ref(cluster->name);
    int r = builder_rename_cluster(e->builder, cluster->id, c->name);
    if (r == 0)
        r = definition_apply(e, c->cluster_id, err);
    if (r < 0 && builder_rename_cluster(e->builder, c->cluster_id, str_text(before)) < 0)
        engine_fail(e, -ENOMEM);
    str_unref(before);
    return r;
}

int apply_set_access(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    if (!target_cluster(e, c, err))
        return -ENOENT;
    struct cluster *copy = edit_cluster(e, c->cluster_id);
    if (!copy)
        return -ENOMEM;
    if (c->set_uid)
        copy->uid = c->uid;
    if (c->set_gid)
        copy->gid = c->gid;
    if (c->set_mode)
        copy->mode = c->mode & 0777;
    return 0;
}

/* Where a cluster has a document, and the last one that was refused. */
struct place {
    size_t document, rejected;
};

static const struct place template_place = {offsetof(struct cluster, template),
                                            offsetof(struct cluster, rejected_template)};
static const struct place parameters_place = {offsetof(struct cluster, parameters),
                                              offsetof(struct cluster, rejected_parameters)};

static struct document *document_at(struct cluster *c, size_t offset) {
    return (struct document *)(void *)((char *)c + offset);
}

/* Keeps what was refused, so that it can be read and mended; secrets are masked. */
static void keep_rejected(struct engine *e, const struct place *place, const struct command *c,
                          struct cluster *cluster) {
    struct document *rejected = document_at(cluster, place->rejected);
    _cleanup_buf_ struct buf shown = BUF_INIT(REJECTED_GROWTH * LIMIT_DOCUMENT_BYTES);
    rejected->changed_at = engine_now(e);
    if (e->failed || !c->len)
        return;
    int r = place == &parameters_place
                ? rejected_parameters(str_text(cluster->schema), c->text, c->len, &shown)
                : buf_append(&shown, c->text, c->len);
    struct str *text = r < 0 ? NULL : str_new(shown.data, shown.len);
    if (!text)
        return;
    str_unref(rejected->text);
    rejected->text = text;
}

static void forget_rejected(struct cluster *c, const struct place *place) {
    struct document *rejected = document_at(c, place->rejected);
    str_unref(rejected->text);
    rejected->text = NULL;
}

/* The new text may open other ports: groups that nodes use already are written again. */
static void doubt_security_groups(struct engine *e, const struct cluster *c) {
    struct work *w = engine_work(e, c->id);
    for (size_t i = 0; w && i < c->arrays.len; i++) {
        const struct array_spec *s = cluster_array(c, i)->spec;
        if (security_group_applies(s) &&
            !security_group_find(&w->security_groups, str_text(s->region)) &&
            security_group_note(&w->security_groups, str_text(s->region), 0) < 0)
            engine_fail(e, -ENOMEM);
    }
}

/* Each definition that nodes were made from is kept: there may be only so many. */
static int check_editions(const struct cluster *c, struct error *err) {
    for (size_t i = 0; i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        if (edition_list_len(a->editions) >= LIMIT_EDITIONS_PER_ARRAY)
            return err_set(err, -ENOSPC, "no_space",
                           "the nodes of %s were made from %u different definitions, which is the "
                           "limit: terminate the oldest of them first (`plan` names them)",
                           str_text(a->name), LIMIT_EDITIONS_PER_ARRAY);
    }
    return 0;
}

/* Puts a document in force if the cluster can be evaluated with it; else it is kept as rejected. */
static int replace_document(struct engine *e, const struct command *c, const struct place *place,
                            struct str *text, struct error *err) {
    struct cluster *copy = edit_cluster(e, c->cluster_id);
    int r = copy ? check_editions(copy, err) : -ENOMEM;
    if (r < 0)
        return r;
    struct document *d = document_at(copy, place->document);
    struct str *old = str_ref(d->text);
    str_assign(&d->text, text);
    r = definition_apply(e, c->cluster_id, err);
    if (r < 0) {
        str_assign(&d->text, old);
        keep_rejected(e, place, c, copy);
    } else {
        d->changed_at = engine_now(e);
        forget_rejected(copy, place);
        doubt_security_groups(e, copy);
    }
    str_unref(old);
    return r;
}

int apply_set_template(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    const struct cluster *cluster = target_cluster(e, c, err);
    if (!cluster)
        return -ENOENT;
    struct str *text = str_new(c->text, c->len);
    if (!text)
        return -ENOMEM;
    int r = replace_document(e, c, &template_place, text, err);
    str_unref(text);
    if (r == 0)
        journal_event(e, EVENT_CLUSTER_CHANGED, snapshot_cluster(engine_state(e), c->cluster_id),
                      NULL, "template changed");
    return r;
}

int apply_unchanged(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    static const struct {
        const char *file;
        const struct place *place;
    } documents[] = {{"template", &template_place}, {"parameters", &parameters_place}};
    if (!target_cluster(e, c, err))
        return -ENOENT;
    struct cluster *copy = edit_cluster_quietly(e, c->cluster_id, DURABLE);
    if (!copy)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++)
        if (strcmp(documents[i].file, c->name) == 0)
            forget_rejected(copy, documents[i].place);
    return 0;
}

static bool is_masked(const json_t *v) {
    return json_is_string(v) && strcmp(json_string_value(v), "********") == 0;
}

/* A secret that was read back masked keeps its stored value. */
static void keep_secrets(json_t *given, const struct str *stored) {
    json_t *old = json_loadb(str_text(stored), str_len(stored), 0, NULL);
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(given, next, name, value) {
        json_t *kept = is_masked(value) ? json_object_get(old, name) : NULL;
        if (kept)
            json_object_set(given, name, kept);
    }
    json_decref(old);
}

/* Parameters that come before the template are only kept. */
static int show_untyped(struct engine *e, uint64_t cluster_id, const json_t *given) {
    struct cluster *copy = edit_cluster(e, cluster_id);
    if (!copy || str_len(copy->template.text))
        return copy ? 0 : -ENOMEM;
    json_t *names = json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)given, name, value) {
        json_object_set_new(names, name,
                            json_string("********")); /* which are secret is not known yet */
    }
    char *text = json_dumps(names, JSON_INDENT(2));
    json_decref(names);
    if (!text)
        return -ENOMEM;
    edit_text(e, &copy->parameters_public, text);
    free(text);
    return e->failed;
}

int apply_set_parameters(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    const struct cluster *cluster = target_cluster(e, c, err);
    if (!cluster)
        return -ENOENT;
    json_t *given = NULL;
    int r = parameters_parse(c->text ? c->text : "", c->len, err, &given);
    if (r < 0) {
        struct cluster *copy = edit_cluster(e, c->cluster_id);
        if (copy)
            keep_rejected(e, &parameters_place, c, copy);
        return r;
    }
    keep_secrets(given, cluster->parameters.text);
    char *json = json_dumps(given, JSON_COMPACT);
    struct str *text = json ? str_new_c(json) : NULL;
    r = text ? replace_document(e, c, &parameters_place, text, err) : -ENOMEM;
    if (r == 0)
        r = show_untyped(e, c->cluster_id, given);
    str_unref(text);
    free(json);
    json_decref(given);
    if (r == 0)
        journal_event(e, EVENT_CLUSTER_CHANGED, snapshot_cluster(engine_state(e), c->cluster_id),
                      NULL, "parameters changed");
    return r;
}

/* --- start and termination -------------------------------------------------------------------- */

/* The "missing: " lines of the notes, as one sentence. */
static int refuse_missing(const struct cluster *c, struct error *err) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    const char *line = str_text(c->notes);
    while (line && *line) {
        size_t len = strcspn(line, "\n");
        const char *tail = memmem(line, len, ": needed to start", 17);
        if (strncmp(line, "missing: ", 9) == 0) {
            size_t end = tail ? (size_t)(tail - line) : len;
            buf_printf(&b, "%s%.*s", b.len ? ", " : "", (int)(end - 9), line + 9);
        }
        line += len + (line[len] == '\n');
    }
    return err_set(err, -EINVAL, "missing_parameter",
                   "the cluster cannot start: missing are %s: write them to its file `parameters`",
                   b.data);
}

/* A name is never used twice: a deletion of before that arrives late finds nothing of this run. */
static int ensure_group_name(struct engine *e, struct cluster *c) {
    if (str_len(c->group))
        return 0;
    _cleanup_buf_ struct buf b = BUF_INIT(128);
    int r = buf_printf(&b, "cyclecloud-%s-%" PRIu64 "-%.6s-%" PRIu64, str_text(c->name), c->id,
                       e->server_id, engine_take_id(e));
    if (r < 0)
        return r;
    edit_text(e, &c->group, b.data);
    struct work *w = engine_work(e, c->id);
    if (!w)
        return -ENOMEM;
    w->list_at = USEC_NEVER; /* the name is new: nothing to list */
    w->listed = true;
    security_groups_forget(&w->security_groups);
    return e->failed;
}

static int check_account(struct engine *e, const struct cluster *c, struct error *err) {
    const struct cyclecloud_provider *p = &e->options.provider;
    const char *account = str_text(c->account);
    if (!*account)
        return err_set(err, -EINVAL, "unknown_account",
                       "no account: set Credentials, or default_account in the configuration");
    if (!p->ops->has_account(p->self, account))
        return err_set(err, -EINVAL, "unknown_account",
                       "account %s (Credentials) is not configured: add a section [account %s] to "
                       "the configuration",
                       account, account);
    if (!str_len(c->region))
        return err_set(err, -EINVAL, "missing_parameter",
                       "no region: set Region, or `region` of account %s", account);
    return 0;
}

static void start_heads(struct engine *e, const struct cluster *c) {
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));) {
        const struct array *a = cluster_array_by_id(c, n->array_id);
        if (!n->fixed || n->target == TARGET_STARTED || !a || a->gone)
            continue;
        struct node *copy = edit_node(e, n);
        if (!copy)
            return;
        copy->target = TARGET_STARTED;
        copy->retries = 0;
        edit_node_hold(e, copy, HOLD_NONE, 0, "");
        if (copy->status == NODE_OFF)
            edit_node_status(e, copy, NODE_ACQUIRING, PHASE_VALIDATE);
    }
}

/* How many nodes an array begins with. */
static int64_t initial_count(struct engine *e, const struct array *a) {
    const struct array_spec *s = a->spec;
    if (!a->is_array || a->gone || !s)
        return 0;
    if (s->initial_count || !s->initial_core_count || !s->machine_types)
        return s->initial_count;
    const struct machine_type *t =
        snapshot_machine_type(engine_state(e), str_text(s->account), str_text(s->region),
                              str_text(s->machine_types->items[0]));
    uint32_t cores = t && t->vcpus ? t->vcpus : 1;
    return (s->initial_core_count + cores - 1) / cores;
}

static int start_initial(struct engine *e, uint64_t cluster_id) {
    int r = 0;
    for (size_t i = 0; r == 0; i++) {
        const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
        if (i >= c->arrays.len)
            return 0;
        int64_t n = initial_count(e, cluster_array(c, i));
        if (n > 0)
            r = count_add_nodes(e, c, cluster_array(c, i), n);
    }
    return r;
}

static int check_arrays(struct engine *e, const struct cluster *c, struct error *err) {
    _cleanup_(limits_close) struct limits l = {0};
    int r = limits_open(e, c, &l, err);
    for (size_t i = 0; r == 0 && i < c->arrays.len; i++) {
        const struct array *a = cluster_array(c, i);
        int64_t n = initial_count(e, a);
        if (!a->gone && (!a->is_array || n > 0))
            r = limits_check(&l, a, n, err);
    }
    return r;
}

static int check_start(struct engine *e, const struct cluster *c, struct error *err) {
    if (!str_len(c->template.text))
        return err_set(err, -EINVAL, "missing_parameter",
                       "the cluster has no template: copy one to its file `template` first");
    if (c->state == CLUSTER_TERMINATING)
        return err_set(err, -EBUSY, "busy",
                       "the cluster is terminating: wait until its file `state` reads `off`");
    if (c->missing)
        return refuse_missing(c, err);
    int r = check_account(e, c, err);
    return r < 0 ? r : check_arrays(e, c, err);
}

int cluster_start(struct engine *e, const struct cluster *c, struct error *err) {
    uint64_t id = c->id;
    int r = check_start(e, c, err);
    if (r < 0)
        return r;
    struct cluster *copy = edit_cluster(e, id);
    if (!copy)
        return -ENOMEM;
    bool was_off = copy->target != TARGET_STARTED;
    copy->target = TARGET_STARTED;
    copy->generation++;
    if (copy->state == CLUSTER_OFF) {
        copy->state = CLUSTER_STARTING;
        copy->state_at = engine_now(e);
    }
    r = ensure_group_name(e, copy);
    if (r < 0)
        return r;
    facts_want(e, copy);
    volumes_match(e, id);
    engine_dirty(e, id);
    start_heads(e, copy);
    if (!was_off)
        return 0;
    journal_event(e, EVENT_CLUSTER_CHANGED, copy, NULL, "starting");
    return start_initial(e, id);
}

void cluster_terminate(struct engine *e, const struct cluster *c) {
    uint64_t id = c->id;
    struct cluster *copy = edit_cluster(e, id);
    if (!copy)
        return;
    copy->target = TARGET_TERMINATED;
    copy->generation++;
    if (copy->state != CLUSTER_OFF) {
        copy->state = CLUSTER_TERMINATING;
        copy->state_at = engine_now(e);
    }
    journal_event(e, EVENT_CLUSTER_CHANGED, copy, NULL, "terminating");
    struct id_vec ids = {0};
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(copy, &position));)
        if (n->target != TARGET_TERMINATED && id_vec_append(&ids, n->id) < 0)
            engine_fail(e, -ENOMEM);
    for (size_t i = 0; i < ids.len; i++) {
        const struct node *n = cluster_node(snapshot_cluster(engine_state(e), id), ids.items[i]);
        if (n)
            edit_node_terminate(e, n);
    }
    id_vec_done(&ids);
    engine_dirty(e, id);
}
