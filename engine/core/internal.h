/* SPDX-License-Identifier: MIT */
#ifndef CORE_INTERNAL_H
#define CORE_INTERNAL_H

/*
 * The engine from the inside; seen by the files of this folder alone. Everything here runs on the
 * engine thread but the command queue (queue.c), which has its own mutex.
 *
 * What the engine holds beside the snapshot is of two sorts. Intents and the server's identity are
 * durable. The rest (struct work, holds, catalog state) is only what was learnt since the start:
 * recover() throws it away and learns it anew, at start and whenever a commit failed.
 */

#include "actor.h"
#include "base/hash.h"
#include "base/id-map.h"
#include "base/log.h"
#include "callers.h"
#include "engine.h"
#include "intent.h"
#include "market.h"
#include "model/bound.h"
#include "model/limits.h"
#include "model/node_list.h"
#include "record.h"
#include "security-group.h"
#include "store/history.h"

#include <jansson.h>
#include <pthread.h>

#define SERVER_KEY_BYTES 32
#define SERVER_ID_CHARS 12
#define RETRY_CAPACITY_MIN (5 * USEC_MIN)
#define RETRY_CAPACITY_MAX (30 * USEC_MIN)
#define RETRY_QUOTA (10 * USEC_MIN)
#define RETRY_CREDENTIALS (2 * USEC_MIN)
#define RETRY_PASSING (1 * USEC_MIN) /* after a failure inside the cloud */
#define NODE_RETRIES_MAX 3u
#define REFUSED_CALLS_SPAN (15 * USEC_MIN) /* for so long it is an alert */
/* How long members of a set can register after it was made, and how long before the end of that it
 * grows no more. */
#define BOOTSTRAP_LIFETIME (30 * USEC_DAY)
#define BOOTSTRAP_MARGIN USEC_DAY
#define AGENT_INTERVAL_S 60u /* between two calls of a node that is Ready */
#define AGENT_SILENCE (5 * AGENT_INTERVAL_S * USEC_SEC)
#define NODE_VM_FAILED \
    "failed" /* resource_id of a VM that must be deleted before another is made */

DEFINE_VEC(id_vec, uint64_t);

/*
 * What is known of a scale set beside its record.
 *
 * A cloud may leave a VM or a set out of one answer: what was there is believed to be gone only
 * when two listings in a row say so.
 */
struct set_work {
    uint64_t set_id;
    bool listed;          /* since the start */
    bool listing;         /* a listing is under way */
    usec_t listing_began; /* wall time */
    usec_t list_at;       /* next listing, USEC_NEVER = none wanted */
    usec_t written_at;    /* when the last write's outcome was known: older listings are stale */
    struct str *surplus;  /* instance ids that belong to no node, separated by spaces */
    struct id_vec absent; /* nodes whose VM the last listing left out */
    bool not_found;       /* the last listing said that there is no such set */
    bool stale;           /* written since it was listed: its members are not known */
    struct str *etag;     /* that it had when it was last found larger than wanted */
    usec_t quiet_until;   /* no write on its members before this: the last one was refused */
    unsigned refusals;    /* of writes on its members in a row */
};

DEFINE_VEC(set_work_vec, struct set_work);

/* What is known of a cluster beside its record. */
/* Whether a definition has values that wait for the address of a head. */
enum late {
    LATE_NONE,
    LATE_OWN,    /* ... of this cluster */
    LATE_OTHERS, /* ... of other clusters too */
};

struct work {
    uint64_t cluster_id;
    enum late late;
    bool late_due;     /* an address is new, or a name is free: evaluate again */
    bool dirty;        /* plan it in this tick */
    bool listed;       /* listed whole since the start: planning may begin */
    unsigned listings; /* calls of the first listing under way */
    bool vms_listed, sets_listed;
    usec_t list_at;                /* next whole listing */
    usec_t plan_at;                /* plan again by then */
    usec_t boots_at, boots_within; /* when VMs that boot are looked at next (boots.c) */
    struct security_group_vec security_groups;
    struct str *warnings;                /* of the definition: part of `notes` */
    struct id_vec absent, absent_before; /* heads whose VM the last listing, the one before left
                                            out */
    struct set_work_vec sets;
};

DEFINE_VEC(work_vec, struct work *);

/* A command whose answer waits for the end of the tick, or (sync) for convergence. */
struct answer {
    struct list link;
    struct command *command;
    int code;
    char *kind, *message, *text;
    uint64_t object_id;
    int http_status;
    unsigned retry_after_s;
};

/* Text to be appended to one stream of history in this tick. */
struct journal_entry {
    enum history_stream stream;
    uint64_t owner;
    struct buf text;
};

DEFINE_VEC(journal_vec, struct journal_entry);

struct journal_size {
    enum history_stream stream;
    uint64_t owner, size;
};

DEFINE_VEC(journal_size_vec, struct journal_size);

/* A VM that the sweep shows and no record explains, so far. */
struct suspect {
    char *account, *resource_id;
    unsigned sweeps; /* in a row */
    bool seen;       /* by the sweep that is being read */
};

DEFINE_VEC(suspect_vec, struct suspect);

/* Machines that called home and were turned away, of late. */
struct refused_calls {
    uint64_t n;
    usec_t last_at;
};

/* An orphan that is being deleted. */
struct deletion {
    uint64_t orphan_id;
    usec_t next_at; /* when the request is sent (again) */
};

DEFINE_VEC(deletion_vec, struct deletion);

/* A console that is to be read (console.c). */
struct console_wish {
    uint64_t cluster_id, node_id;
    usec_t at; /* when to ask (again) */
    unsigned attempts;
    bool asked; /* the request is under way */
};

DEFINE_VEC(console_wish_vec, struct console_wish);

/* What was read of a console, and goes to the store with the next commit. */
struct console_text {
    uint64_t node_id;
    struct buf text;
};

DEFINE_VEC(console_text_vec, struct console_text);

/* An account as it is shown; owned. */
struct shown_account {
    char *name, *text;
};

DEFINE_VEC(shown_account_vec, struct shown_account);

struct engine {
    struct engine_options options;
    struct builder *builder; /* open between ticks too: completions write into it */

    /* durable */
    uint64_t next_id;
    char server_id[SERVER_ID_CHARS + 1];
    unsigned char server_key[SERVER_KEY_BYTES];
    bool meta_dirty;
    struct intent_vec intents;
    struct intent_vec closed; /* to be deleted from the store by the next commit */

    /* learnt since the start */
    struct work_vec works;
    struct subnet_vec subnets;
    struct market_vec markets;
    struct sweep_vec sweeps;
    bool quotas_learnt; /* by a refusal, or because all may be asked for again */
    uint64_t epoch;     /* completions of older ones are ignored */
    usec_t reachable_at, unreachable_since; /* 0 = the cloud answers */
    char *unreachable_text;
    char *auth_text;    /* the cloud's words when it refuses our credentials */
    char *auth_account; /* ... of this account */
    char *store_text;   /* why the last commit failed */

    struct journal_vec journal;
    struct id_map journal_places; /* of the entries, by stream and owner */
    struct journal_size_vec journal_sizes;
    struct id_vec forgotten; /* owners whose history goes with the next commit */

    struct suspect_vec suspects;
    struct buf trace; /* the last requests, a line each */
    bool trace_changed;
    struct refused_calls refused_calls;
    struct deletion_vec deletions;
    struct console_wish_vec consoles;
    struct console_text_vec console_texts;

    struct callers callers;
    struct actor actor; /* of the command that is applied now */

    /* the configuration, as it is shown */
    char *config_text;
    struct shown_account_vec accounts;

    /* commands */
    pthread_mutex_t queue_mutex; /* guards the six members below */
    struct list queue;
    size_t queued;
    uint64_t next_ticket;
    uint64_t *cancelled;
    size_t n_cancelled, cap_cancelled;
    bool stopping;

    struct list calls;    /* requests under way (call.c) */
    struct list answers;  /* struct answer: given at the end of this tick */
    struct list parked;   /* struct answer: syncs that wait */
    int64_t clock_offset; /* engine time less monotonic time (clock-shift.c) */
    int64_t clock_kept;   /* as of the last build that was kept */
    usec_t clock_began;   /* engine time of the start */
    usec_t published_at;  /* monotonic */
    uint64_t ticks;       /* since the start */
    usec_t retry_at;      /* after a failed commit nothing is done before this */
    bool lost;            /* what was learnt is forgotten, and could not be read again yet */
    bool running;         /* the first tick has begun */
    usec_t late_spent;    /* in this tick on definitions that are due (late.c) */
    int failed;           /* the first failure of this build: it will be dropped */
};

/* clock-shift.c */
/* Wall time that does not jump: it follows the wall clock in clock_check alone. */
usec_t engine_now(const struct engine *e);
void clock_begin(struct engine *e);
/* Follows a wall clock that was set, and says so. Once in a tick, with an open build. */
void clock_check(struct engine *e);
/* Times of records that are still to come, at a start, become now. */
void clock_doubt_records(struct engine *e);

/* engine.c */
/* The state as this tick has made it so far. */
const struct snapshot *engine_state(struct engine *e);
uint64_t engine_take_id(struct engine *e);
/* Commits and publishes before the first tick. 0 or -errno with words. */
int engine_publish_early(struct engine *e, struct error *err);
/* Records that the build cannot be completed (usually -ENOMEM). */
void engine_fail(struct engine *e, int code);
/* Brings counts and lists of the build up to date with its nodes; before they are read. */
void engine_count(struct engine *e);
struct work *engine_work(struct engine *e, uint64_t cluster_id);
struct set_work *work_set(struct work *w, uint64_t set_id);
void work_forget_set(struct work *w, uint64_t set_id);
void work_free(struct work *w);
/* Marks a cluster to be planned in this tick. */
void engine_dirty(struct engine *e, uint64_t cluster_id);

/* edit.c: writable copies; NULL (and the build is failed) when memory ran out or it is not there */
struct cluster *edit_cluster(struct engine *e, uint64_t id);
/* The same without a new time of change. */
struct cluster *edit_cluster_quietly(struct engine *e, uint64_t id, enum durability durability);
struct set *edit_set(struct engine *e, uint64_t cluster_id, uint64_t id);
struct node *edit_node(struct engine *e, const struct node *n);
/* For what is shown and not kept. */
struct node *edit_node_volatile(struct engine *e, const struct node *n);
/* The resource group is not in the cloud, or was deleted: neither is anything that was in it. */
void edit_group_gone(struct engine *e, uint64_t cluster_id);
/* Replaces a text; a failure fails the build. */
void edit_text(struct engine *e, struct str **slot, const char *text);
/* The same for what others wrote: not more than `max` bytes of it, whole characters. A record that
 * is too long could never be saved. */
void edit_text_cut(struct engine *e, struct str **slot, const char *text, size_t max);
void edit_node_status(struct engine *e, struct node *n, enum node_status status,
                      enum node_phase phase);
/* Why a node stands still; "" for none. */
void edit_node_hold(struct engine *e, struct node *n, enum hold hold, usec_t not_before,
                    const char *message);
/* The node is up: nothing holds it any more, and its tries count anew. */
void node_is_ready(struct engine *e, struct node *n);
/* When what the cloud refused for this reason may be asked again: 0 = at once (a shortage has its
 * own time), USEC_NEVER = when a person has changed something. */
usec_t hold_until(const struct engine *e, enum hold hold);
/* The VM of a node is deleted: its name, that a late deletion could still hit, is not used again.
 */
void edit_node_rename_vm(struct engine *e, struct node *n);
/* Forgets the VM of a node; a wanted one will get another. */
void edit_node_unbind(struct engine *e, struct node *n);
void edit_node_terminate(struct engine *e, const struct node *n);
/* Drops the record of a node, and its history. */
void edit_node_forget(struct engine *e, const struct node *n);
void edit_node_remove(struct engine *e, const struct node *n);
struct node *edit_add_node(struct engine *e, const struct cluster *c, const struct array *a,
                           const char *name);

/* intents.c */
struct intent *intents_find(struct engine *e, uint64_t id);
struct intent *intents_add(struct engine *e, enum intent_kind kind, uint64_t cluster_id);
/* The outcome is recorded: the intent goes with this commit. */
void intents_close(struct engine *e, struct intent *i);
/* The open intent of this kind on the cluster itself (groups), or NULL. */
struct intent *intents_of_cluster(struct engine *e, uint64_t cluster_id, enum intent_kind kind);
bool intents_any(struct engine *e, uint64_t cluster_id);
void intents_free_all(struct engine *e);
/* Sends what is due; called after the commit. */
void intents_send(struct engine *e);
usec_t intents_next(const struct engine *e);
/* After a first listing: what was UNKNOWN and is not settled is sent again, or, where it names
 * instances, planned anew. */
void intents_resume(struct engine *e, uint64_t cluster_id);
/* Sends held-back intents again at once (the configuration changed, a person says retry). */
void intents_hurry(struct engine *e, uint64_t cluster_id);

/* call.c: one request to the cloud and its completion */
typedef void (*call_done)(struct engine *e, const struct cyclecloud_result *result,
                          uint64_t cluster_id, uint64_t object_id, usec_t began);
int call_submit(struct engine *e, const struct cyclecloud_request *request, call_done done,
                uint64_t cluster_id, uint64_t object_id);

/* The clock was set: when they began is moved. */
void calls_shift(struct engine *e, int64_t by);
/* Forgets the requests under way; the provider must not complete any after this. */
void call_free_all(struct engine *e);

/* request.c: what is sent for an intent. 0 or -errno, with words in `err`. */
int request_send(struct engine *e, const struct intent *i, call_done done, struct error *err);
/* The resource name of a node's VM. Malloc'ed; NULL: no memory. */
char *request_vm_name(const struct node *n);

/* outcome.c: the completion of an intent's request */
void outcome_of_intent(struct engine *e, const struct cyclecloud_result *result,
                       uint64_t cluster_id, uint64_t intent_id, usec_t began);

/* observe.c: listings */
void observe_due(struct engine *e, struct work *w);
usec_t observe_next(const struct engine *e, const struct work *w);
/* Listings that wait for a while come at once; cluster 0 = those of all. */
void observe_hurry(struct engine *e, uint64_t cluster_id);
void observe_set_soon(struct engine *e, uint64_t cluster_id, uint64_t set_id, usec_t delay);
/* The cloud says that the group is not there: the plan makes it again. That of a cluster that ends
 * is deleted by name, whatever is said. */
void observe_group_lost(struct engine *e, uint64_t cluster_id);
void observe_sweep(struct engine *e, const struct cyclecloud_result *result, const char *account);

/* usage.c */
/* Its VM runs from now on; the node is writable. */
void usage_begin(struct engine *e, struct node *n);
/* Its VM is gone or stopped: what it used goes to its cluster. The caller clears billed_at. */
void usage_end(struct engine *e, const struct node *n);
int usage_encode(const struct usage *u, struct buf *b);
/* Fills an empty *ret. 0, -EBADMSG or -ENOMEM. */
int usage_decode(const char *text, size_t len, struct usage **ret);

/* definition.c: documents -> arrays. 0, or -EINVAL with words in `err` and nothing changed. */
int definition_apply(struct engine *e, uint64_t cluster_id, struct error *err);

/* late.c: values that wait for the address of a head */

/* Whether anything in a definition waits for an address. */
bool late_waits(const json_t *definition);
/* What is known by now, for definition_settle. *ret is a new object. 0 or -ENOMEM. */
int late_known(struct engine *e, uint64_t cluster_id, const json_t *definition, json_t **ret);
/* Takes note of what a definition waits for. */
void late_note(struct work *w, const json_t *definition);
/* The VM of this node has called home. */
void late_address_known(struct engine *e, const struct node *n);
/* Applies the definition again if an address is new. */
/* What a stored template that is not evaluated leaves: a cluster to be corrected or removed. */
void late_not_evaluated(struct engine *e, uint64_t cluster_id, const char *why);
void late_evaluate(struct engine *e, struct work *w);
/* spec.c */
int spec_read(const json_t *object, const struct engine *e, struct array_spec *spec,
              struct error *err);
/* The path of the first attribute that words, names or files of a node show and that is masked in
   `shown`, the public form of the same node; NULL: there is none. */
const char *spec_masked_path(const json_t *node, const json_t *shown);
/* A text that is the same for nodes of the same make. hex, 16 characters and a NUL. */
void spec_hash(const struct array_spec *spec, char text[17]);

/* plan-apply.c */
void plan_cluster(struct engine *e, struct work *w);
/* boots.c: VMs that take too long to call home are given up; others are looked at again in time */
void boots_check(struct engine *e, struct work *w);
/* state.c: state, health and notes that follow from the rest */
void state_cluster(struct engine *e, struct work *w);
void state_server(struct engine *e);

/* configuration.c */
/* Puts what engine_set_config was given into the build. */
void configuration_show(struct engine *e);
void configuration_free(struct engine *e);
/* Nodes that wait for credentials are tried again. */
void configuration_lift_holds(struct engine *e);

/* trace.c */
/* What is asked, in a few words without secrets. */
void trace_describe(const struct cyclecloud_request *q, struct buf *b);
void trace_add(struct engine *e, const char *request, usec_t began,
               const struct cyclecloud_result *result);
/* Puts the trace into the build, when it has grown. */
void trace_show(struct engine *e);

/* orphan.c */
/* What a sweep of this account says about VMs that no record explains. */
void orphans_swept(struct engine *e, const struct cyclecloud_result *result, const char *account);
int orphan_control(struct engine *e, const struct command *c, struct error *err);
/* Sends the deletions that are due; called after the commit. */
void orphans_send(struct engine *e);
usec_t orphans_next(const struct engine *e);
void orphans_free(struct engine *e);

/* alert.c */
/* One trouble that is there now. */
struct alert_now {
    uint64_t array_id; /* 0 = all of the cluster, or the server */
    const char *kind, *message;
    size_t nodes; /* how many it is about; 0 = it is not about nodes */
};

/* What is wrong with a cluster (0 = the server) now; alerts about anything else of it are over. */
void alerts_update(struct engine *e, uint64_t cluster_id, const struct alert_now *now, size_t n);
/* Those of a cluster, a line each. 0 or as buf.h. */
int alerts_put(struct engine *e, const struct cluster *c, struct buf *b);

/* journal.c */
enum event_type {
    EVENT_CLUSTER_CREATED,
    EVENT_CLUSTER_STARTED,
    EVENT_CLUSTER_TERMINATED,
    EVENT_CLUSTER_DELETED,
    EVENT_CLUSTER_SIZE_INCREASED,
    EVENT_CLUSTER_CHANGED,
    EVENT_NODE_ADDED,
    EVENT_NODE_CREATED,
    EVENT_NODE_STARTED,
    EVENT_NODE_DEALLOCATED,
    EVENT_NODE_TERMINATED,
    EVENT_NODE_CHANGED,
    EVENT_SERVER,
    EVENT_TYPE_MAX,
};
/* One line for people in the logs and one object in the events; `n` or `c` may be NULL. */
void journal_event(struct engine *e, enum event_type type, const struct cluster *c,
                   const struct node *n, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void journal_forget(struct engine *e, uint64_t owner);
void journal_drop(struct engine *e);

/* commit.c: writes the build. 0 or -errno with words. */
int commit_build(struct engine *e, struct error *err);
/* load.c: reads everything. */
int load_state(struct engine *e, struct error *err);
int load_intents(struct engine *e, struct error *err);

/* queue.c */
struct command *queue_take(struct engine *e);
bool queue_cancelled(struct engine *e, uint64_t *ret_ticket);
/* Takes the command with this ticket out of the queue; NULL: it is not there. */
struct command *queue_take_ticket(struct engine *e, uint64_t ticket);

/* answer.c */
struct answer *answer_new(struct command *command);
void answer_free(struct answer *a);
/* Gives the answer at the end of this tick. Steals the command. */
void answer_ok(struct engine *e, struct command *c, uint64_t object_id);
void answer_error(struct engine *e, struct command *c, const struct error *err);
void answer_agent(struct engine *e, struct command *c, int status, unsigned retry_after_s,
                  const char *text);
void answer_park(struct engine *e, struct command *c);
void answer_give_all(struct engine *e, int code, const char *message);
/* Answers the parked syncs that are due. */
void answer_parked(struct engine *e, bool all);
/* Ends the waits that were interrupted, parked or still queued; whatever the store does. */
void answer_cancelled(struct engine *e);
/* Words for `error` and `last_error` of a refusal. */
void answer_record(struct engine *e, const struct command *c, const struct error *err);

/* commands: each applies one and returns 0, or -errno with words. `ret_id`: what was made. */
typedef int (*command_apply)(struct engine *e, struct command *c, struct error *err,
                             uint64_t *ret_id);
int apply_create_cluster(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_remove_cluster(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_rename_cluster(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_set_access(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_set_template(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_unchanged(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_set_parameters(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_set_count(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_set_max_count(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_set_target(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_control(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_set_keepalive(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_create_node(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_remove_node(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_library_changed(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_set_config(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_set_account(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_create_user(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_remove_user(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
int apply_set_user(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id);
void apply_agent_register(struct engine *e, struct command *c);
void apply_agent_status(struct engine *e, struct command *c);
void command_dispatch(struct engine *e, struct command *c);

/* limit.c: whether nodes may be asked for. What one command asks for is added up, with the heads of
 * a cluster that it starts: open, check each array, close. */
struct limits {
    struct engine *engine;
    struct bucket_table table; /* of one cluster */
    struct demand demand;
};

/* 0; or -ENOMEM with words, and there is nothing to close. Good until the build changes. */
int limits_open(struct engine *e, const struct cluster *c, struct limits *ret, struct error *err);
void limits_close(struct limits *l);
/* Whether `added` (0 or more) nodes of an array may be asked for on top of those checked before. 0;
 * -EINVAL (its definition is incomplete or names what is not known), -EDQUOT (a limit or a quota),
 * -ENOMEM, with words. */
int limits_check(struct limits *l, const struct array *a, int64_t added, struct error *err);
/* The same for one array alone. */
int limit_check_array(struct engine *e, const struct cluster *c, const struct array *a,
                      int64_t added, struct error *err);

/* Shared by the commands: command-cluster.c, command-count.c */
/* 0; -EINVAL, -EBUSY, -EDQUOT with words, or -ENOMEM. */
int cluster_start(struct engine *e, const struct cluster *c, struct error *err);
void cluster_terminate(struct engine *e, const struct cluster *c);
/* Adds `n` elastic nodes; the limits have been checked. 0 or -ENOMEM. */
int count_add_nodes(struct engine *e, const struct cluster *c, const struct array *a, int64_t n);
/* A person asks to try again what failed or waits; nothing happens to other nodes. */
void node_retry(struct engine *e, const struct node *n);

#endif
