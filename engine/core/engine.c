/* SPDX-License-Identifier: MIT */
#include "console.h"
#include "credentials.h"
#include "kept.h"

#include <stdlib.h>
#include <string.h>

#define PUBLISH_SPACING (100 * USEC_MS) /* between publications of what is not durable */
#define PLAN_PERIOD (60 * USEC_SEC)
#define STORE_RETRY (2 * USEC_SEC)
#define START_EVALUATION (10 * USEC_SEC)

/* Opens the build when it is first needed. NULL when memory ran out. */
const struct snapshot *engine_state(struct engine *e) {
    if (!e->builder && builder_begin(e->options.model, &e->builder) < 0)
        return NULL;
    return builder_snapshot(e->builder);
}

uint64_t engine_take_id(struct engine *e) {
    e->meta_dirty = true;
    return e->next_id++;
}

void engine_fail(struct engine *e, int code) {
    if (!e->failed)
        e->failed = code;
}

void engine_count(struct engine *e) {
    if (builder_count(e->builder) < 0)
        engine_fail(e, -ENOMEM);
}

/* --- works ------------------------------------------------------------------------------------ */

static struct work *find_work(const struct engine *e, uint64_t cluster_id) {
    for (size_t i = 0; i < e->works.len; i++)
        if (e->works.items[i]->cluster_id == cluster_id)
            return e->works.items[i];
    return NULL;
}

struct work *engine_work(struct engine *e, uint64_t cluster_id) {
    struct work *w = find_work(e, cluster_id);
    if (w)
        return w;
    w = calloc(1, sizeof(*w));
    if (!w || work_vec_append(&e->works, w) < 0) {
        free(w);
        engine_fail(e, -ENOMEM);
        return NULL;
    }
    w->cluster_id = cluster_id;
    w->plan_at = USEC_NEVER;
    w->dirty = true;
    return w;
}

struct set_work *work_set(struct work *w, uint64_t set_id) {
    for (size_t i = 0; i < w->sets.len; i++)
        if (w->sets.items[i].set_id == set_id)
            return &w->sets.items[i];
    if (set_work_vec_append(&w->sets, (struct set_work){.set_id = set_id, .list_at = USEC_NEVER}) <
        0)
        return NULL;
    return &w->sets.items[w->sets.len - 1];
}

static void set_work_done(struct set_work *sw) {
    str_unref(sw->surplus);
    str_unref(sw->etag);
    id_vec_done(&sw->absent);
}

void work_forget_set(struct work *w, uint64_t set_id) {
    for (size_t i = 0; i < w->sets.len; i++) {
        if (w->sets.items[i].set_id != set_id)
            continue;
        set_work_done(&w->sets.items[i]);
        set_work_vec_remove(&w->sets, i);
        return;
    }
}

void work_free(struct work *w) {
    if (!w)
        return;
    for (size_t i = 0; i < w->sets.len; i++)
        set_work_done(&w->sets.items[i]);
    set_work_vec_done(&w->sets);
    security_groups_forget(&w->security_groups);
    id_vec_done(&w->absent);
    id_vec_done(&w->absent_before);
    str_unref(w->warnings);
    free(w);
}

void engine_dirty(struct engine *e, uint64_t cluster_id) {
    struct work *w = engine_work(e, cluster_id);
    if (w)
        w->dirty = true;
}

static void drop_dead_works(struct engine *e) {
    for (size_t i = e->works.len; i-- > 0;) {
        struct work *w = e->works.items[i];
        if (snapshot_cluster(engine_state(e), w->cluster_id))
            continue;
        work_free(w);
        work_vec_remove(&e->works, i);
    }
}

/* --- start and recovery ----------------------------------------------------------------------- */

/* What was learnt is forgotten, and learnt again: at the start, and after a commit that failed. */
static void forget_learnt(struct engine *e) {
    e->epoch++;
    for (size_t i = 0; i < e->works.len; i++)
        work_free(e->works.items[i]);
    work_vec_done(&e->works);
    market_free_all(e);
    e->quotas_learnt = false;
    orphans_free(e);
    consoles_free(e);
    intents_free_all(e);
    journal_drop(e);
}

static int evaluate_one(struct engine *e, uint64_t id, bool now) {
    _cleanup_error_ struct error err = ERROR_INIT;
    struct work *w = engine_work(e, id);
    if (!w)
        return -ENOMEM;
    w->late_due = !now;
    if (!now)
        late_not_evaluated(e, id, "it will be, after others");
    else if (definition_apply(e, id, &err) < 0) {
        log_warning("stored definition does not evaluate cluster=%llu why=\"%s\"",
                    (unsigned long long)id, err_text(&err));
        late_not_evaluated(e, id, err_text(&err));
    }
    if (edition_restore(e, id) < 0)
        return -ENOMEM;
    const struct cluster *c = snapshot_cluster(engine_state(e), id);
    if (c && str_len(c->group))
        facts_want(e, c);
    if (c)
        consoles_learn(e, c);
    return 0;
}

/* A start does not wait for all templates: those that are left when START_EVALUATION is over are
 * evaluated while the server runs. */
static int evaluate_all(struct engine *e) {
    const struct snapshot *s = engine_state(e);
    struct id_vec ids = {0};
    usec_t began = clock_monotonic(e->options.clock);
    int r = s ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < s->clusters.len; i++)
        r = id_vec_append(&ids, ((const struct cluster *)s->clusters.items[i])->id);
    for (size_t i = 0; r == 0 && i < ids.len; i++) {
        usec_t spent = usec_sub(clock_monotonic(e->options.clock), began);
        r = evaluate_one(e, ids.items[i], spent < START_EVALUATION);
    }
    id_vec_done(&ids);
    return r < 0 ? r : e->failed;
}

static void want_default_market(struct engine *e) {
    const struct cyclecloud_provider *p = &e->options.provider;
    const char *account = e->options.site.default_account;
    if (!account || !p->ops->has_account(p->self, account))
        return;
    sweep_want(e, account);
    market_want(e, account, p->ops->account_region(p->self, account));
}

/* Makes the build what readers see. Its nodes are counted, so it cannot fail: what is on disk by
   now and what is in memory would differ. */
static void make_current(struct engine *e) {
    if (builder_publish(e->builder) < 0)
        abort();
    e->builder = NULL;
}

int engine_publish_early(struct engine *e, struct error *err) {
    engine_count(e);
    int r = e->failed ? e->failed : commit_build(e, err);
    if (r == 0)
        make_current(e);
    return r;
}

static int first_state(struct engine *e, struct error *err) {
    int r = engine_state(e) ? load_state(e, err) : -ENOMEM;
    if (r == 0)
        clock_doubt_records(e);
    if (r == 0)
        r = evaluate_all(e);
    if (r < 0)
        return err_wrap(err, r, "starting");
    want_default_market(e);
    struct snapshot *root = builder_root(e->builder);
    if (!root)
        return -ENOMEM;
    root->server.started_at = root->clusters_at = engine_now(e);
    edit_text(e, &root->server.version, CYCLECLOUDFS_VERSION);
    state_server(e);
    return engine_publish_early(e, err);
}

int engine_new(const struct engine_options *options, struct error *err, struct engine **ret) {
    struct engine *e = calloc(1, sizeof(*e));
    if (!e)
        return err_set(err, -ENOMEM, "no_memory", "no memory left");
    e->options = *options;
    clock_begin(e);
    pthread_mutex_init(&e->queue_mutex, NULL);
    list_init(&e->queue);
    buf_init(&e->trace, 2 * LIMIT_TRACE_BYTES);
    list_init(&e->calls);
    list_init(&e->answers);
    list_init(&e->parked);
    int r = first_state(e, err);
    if (r < 0) {
        engine_free(e);
        return r;
    }
    *ret = e;
    return 0;
}

void engine_free(struct engine *e) {
    if (!e)
        return;
    struct command *c;
    while ((c = queue_take(e)))
        answer_error(e, c, &(struct error){.code = -ECANCELED, .kind = "canceled"});
    answer_parked(e, true);
    answer_give_all(e, 0, "");
    call_free_all(e);
    builder_abandon(e->builder);
    forget_learnt(e);
    configuration_free(e);
    buf_done(&e->trace);
    deletion_vec_done(&e->deletions);
    journal_vec_done(&e->journal);
    id_map_done(&e->journal_places);
    callers_done(&e->callers);
    journal_size_vec_done(&e->journal_sizes);
    id_vec_done(&e->forgotten);
    pthread_mutex_destroy(&e->queue_mutex);
    free(e->cancelled);
    free(e->unreachable_text);
    credentials_forget(e);
    free(e->store_text);
    free(e);
}

static void publish(struct engine *e) {
    size_t n;
    const struct change *changes = builder_changes(e->builder, &n);
    struct change *kept = NULL;
    if (e->options.published && n) {
        kept = calloc(n, sizeof(*kept));
        if (kept)
            memcpy(kept, changes, n * sizeof(*kept));
    }
    make_current(e);
    e->clock_kept = e->clock_offset;
    e->published_at = clock_monotonic(e->options.clock);
    if (e->options.published && n) /* without memory for a list: everything has changed */
        e->options.published(e->options.published_arg, kept, kept ? n : 0);
    free(kept);
}

/* Reads again what is durable, after everything else was forgotten. 0 or -errno. */
static int learn_again(struct engine *e) {
    _cleanup_error_ struct error err = ERROR_INIT;
    forget_learnt(e);
    e->failed = 0;
    int r = load_intents(e, &err);
    if (r == 0)
        r = evaluate_all(e);
    e->failed = 0;
    if (r < 0) {
        log_error("starting over failed, trying again why=\"%s\"",
                  err.code ? err_text(&err) : strerror(-r));
        builder_abandon(e->builder);
        e->builder = NULL;
        return r;
    }
    configuration_show(e);
    want_default_market(e);
    e->lost = false;
    return 0;
}

/* Readers see that nothing can be saved. Of the event there can be no record. */
static void show_health(struct engine *e) {
    if (!engine_state(e))
        return;
    state_server(e);
    journal_drop(e);
    if (!e->failed)
        publish(e);
}

/* A build that cannot be kept: nobody saw it, and what was learnt with it is learnt again. */
static void recover(struct engine *e, int code, const char *why) {
    log_error("the state could not be saved, starting over from the last one why=\"%s\"", why);
    builder_abandon(e->builder);
    e->builder = NULL;
    free(e->store_text);
    e->store_text = strdup(why);
    forget_learnt(e);
    journal_size_vec_done(&e->journal_sizes);
    e->failed = 0;
    e->clock_offset = e->clock_kept; /* the next tick follows the clock again */
    e->lost = true;
    e->meta_dirty = true; /* so that there is something to try with */
    e->retry_at = engine_now(e) + STORE_RETRY;
    answer_give_all(e, code, why);
    show_health(e);
    (void)learn_again(e);
}

/* --- the tick --------------------------------------------------------------------------------- */

static void apply_commands(struct engine *e) {
    struct command *c;
    /* one commit carries at most this many, so that none waits for long */
    for (int i = 0; i < 1024 && (c = queue_take(e)); i++) {
        actor_set(e, c);
        command_dispatch(e, c);
        actor_set(e, NULL);
    }
}

static void plan_one(struct engine *e, struct work *w, usec_t now) {
    w->dirty = false;
    late_evaluate(e, w);
    if (w->late_due) /* put off: planned with its definition */
        return;
    engine_count(e);
    if (!e->failed)
        plan_cluster(e, w);
    if (e->failed)
        return;
    if (w->plan_at > now + PLAN_PERIOD)
        w->plan_at = now + PLAN_PERIOD;
    engine_count(e);
    boots_check(e, w);
    engine_count(e);
    edition_prune(e, w->cluster_id);
    gone_settle(e, w);
    state_cluster(e, w);
}

static void plan_all(struct engine *e) {
    usec_t now = engine_now(e);
    e->late_spent = 0;
    for (size_t i = 0; i < e->works.len && !e->failed; i++) {
        struct work *w = e->works.items[i];
        observe_due(e, w);
        if (!w->dirty && w->plan_at > now)
            continue;
        plan_one(e, w, now);
    }
}

/* Something that nobody may see before it is on disk. */
static bool must_commit(const struct engine *e) {
    if (builder_durable(e->builder) || e->closed.len || e->journal.len || e->meta_dirty)
        return true;
    for (size_t i = 0; i < e->intents.len; i++)
        if (e->intents.items[i]->dirty)
            return true;
    return false;
}

/* Commits and publishes the build if it is time. Returns false when it was dropped. */
static bool finish_build(struct engine *e, usec_t *ret_next) {
    struct snapshot *root = builder_root(e->builder);
    if (root)
        root->server.ticks = e->ticks;
    bool commit = must_commit(e);
    usec_t since = usec_sub(clock_monotonic(e->options.clock), e->published_at);
    if (!commit && list_empty(&e->answers) && since < PUBLISH_SPACING) {
        *ret_next = engine_now(e) + PUBLISH_SPACING - since;
        return true;
    }
    _cleanup_error_ struct error err = ERROR_INIT;
    int r = e->failed ? e->failed : commit ? commit_build(e, &err) : 0;
    if (r < 0) {
        recover(e, r, err.code ? err_text(&err) : strerror(-r));
        return false;
    }
    if (commit && e->store_text) {
        free(e->store_text);
        e->store_text = NULL;
        *ret_next = engine_now(e); /* to say so */
    }
    publish(e);
    return true;
}

static void earlier(usec_t *next, usec_t at) {
    if (at < *next)
        *next = at;
}

static usec_t next_time(struct engine *e) {
    usec_t next = intents_next(e);
    earlier(&next, market_next(e));
    earlier(&next, orphans_next(e));
    earlier(&next, consoles_next(e));
    for (size_t i = 0; i < e->works.len; i++) {
        const struct work *w = e->works.items[i];
        earlier(&next, w->dirty ? 0 : w->plan_at);
        earlier(&next, observe_next(e, w));
    }
    return next;
}

static bool has_commands(struct engine *e) {
    LOCK_SCOPE(&e->queue_mutex);
    return !list_empty(&e->queue);
}

static bool has_news(const struct engine *e) {
    return builder_dirty(e->builder) || e->failed || must_commit(e) || !list_empty(&e->answers);
}

usec_t engine_tick(struct engine *e) {
    e->running = true;
    e->ticks++;
    answer_cancelled(e); /* whoever is killed does not wait for the store */
    usec_t now = engine_now(e), next = USEC_NEVER;
    if (e->retry_at > now)
        return e->retry_at; /* readers go on; all else waits for the store */
    if (!engine_state(e))
        return now + USEC_SEC; /* no memory: commands wait */
    if (e->lost && learn_again(e) < 0)
        return now + STORE_RETRY;
    clock_check(e);
    now = engine_now(e);
    consoles_due(e);
    apply_commands(e);
    market_due(e);
    plan_all(e);
    drop_dead_works(e);
    state_server(e);
    trace_show(e);
    engine_count(e);
    if (has_news(e) && !finish_build(e, &next))
        return e->retry_at;
    answer_give_all(e, 0, "");
    if (engine_state(e)) {
        answer_parked(e, false);
        intents_send(e);
        orphans_send(e);
    }
    earlier(&next, next_time(e));
    return has_commands(e) ? now : next;
}

static bool is_stopping(struct engine *e) {
    LOCK_SCOPE(&e->queue_mutex);
    return e->stopping && list_empty(&e->queue);
}

int engine_run(struct engine *e) {
    int r = 0;
    while (r >= 0 && !is_stopping(e)) {
        usec_t next = engine_tick(e), now = engine_now(e);
        usec_t timeout = usec_sub(next, now);
        if (timeout > PLAN_PERIOD)
            timeout = PLAN_PERIOD;
        r = e->options.wait(e->options.wait_arg, timeout);
    }
    answer_parked(e, true);
    return r;
}

/* The nodes that waited for a person to mend credentials are to be tried again. */
static void release_credentials(struct engine *e, const struct cluster *c) {
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));) {
        bool held = n->hold == HOLD_CREDENTIALS;
        struct node *copy = held ? edit_node_volatile(e, n) : NULL;
        if (copy)
            edit_node_hold(e, copy, HOLD_NONE, 0, "");
    }
}

void engine_config_changed(struct engine *e) {
    if (!engine_state(e))
        return;
    credentials_forget(e);
    want_default_market(e);
    market_refresh(e);
    intents_hurry(e, 0);
    configuration_lift_holds(e);
    const struct snapshot *s = engine_state(e);
    for (size_t i = 0; i < s->clusters.len; i++) {
        const struct cluster *c = s->clusters.items[i];
        release_credentials(e, c);
        engine_dirty(e, c->id);
    }
}
