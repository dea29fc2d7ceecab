/* SPDX-License-Identifier: MIT */
#ifndef VIEW_TABLES_H
#define VIEW_TABLES_H

/*
 * Inside view only: the numbers of the rows, the directories as tables, and what the tables share.
 *
 * A row number is written into inode numbers, which survive a restart and a remount. Therefore a
 * number stays with its file for ever: new files get the next free number of their object's range,
 * and the number of a file that went is not given away again.
 */

#include "view.h"

enum view_row {
    /* the server, 1..63: the root is FUSE's inode 1 */
    ROW_ROOT = 1,
    ROW_README = 2,
    ROW_ROOT_STATUS = 3,
    ROW_ROOT_EVENTS = 4,
    ROW_ROOT_LOGS = 5,
    ROW_ROOT_LOGS_OLD = 6,
    ROW_ROOT_METRICS = 7,
    ROW_LAST_ERROR = 8,
    ROW_TEMPLATES = 9,
    ROW_PROJECTS = 10,
    ROW_SYSTEM = 11,
    ROW_VERSION = 12,
    ROW_HEALTH = 13,
    ROW_LIMITS = 14,
    ROW_MACHINE_TYPES = 15,
    ROW_QUOTAS = 16,
    ROW_USERS = 17,
    ROW_CONFIG = 18,
    ROW_ACCOUNTS = 19,
    ROW_PRICES = 20,
    ROW_ALERTS = 21,
    ROW_ORPHANS = 22,
    ROW_TRACE = 23,
    ROW_SERVER_END = 64,
    /* a cluster, 64..127; 65 and 67 were the documents, which have to be the last: see below */
    ROW_CLUSTER = 64,
    ROW_TEMPLATE_REJECTED = 66,
    ROW_PARAMETERS_REJECTED = 68,
    ROW_SCHEMA = 69,
    ROW_DEFINITION = 70,
    ROW_PLAN = 71,
    ROW_STATE = 72,
    ROW_CONTROL = 73,
    ROW_STATUS = 74,
    ROW_STATUS_JSON = 75,
    ROW_METRICS = 76,
    ROW_LOGS = 77,
    ROW_LOGS_OLD = 78,
    ROW_EVENTS = 79,
    ROW_ERROR = 80,
    ROW_ARRAYS = 81,
    ROW_NODES = 82,
    ROW_NODES_COUNT = 83,
    ROW_DEFINITION_ORIGIN = 84,
    ROW_USAGE = 90,
    ROW_CLUSTER_ALERTS = 91,
    ROW_VOLUMES = 95,
    /* Programs that copy directories go by inode number (cp) or by the order of the table (tar):
       the values come to a cluster without a template, which cannot start, and the template last.
     */
    ROW_TEMPLATE = 126,
    ROW_PARAMETERS = 127,
    ROW_CLUSTER_END = 128,
    /* an array, 128..159 */
    ROW_ARRAY = 128,
    ROW_ARRAY_COUNT = 129,
    ROW_ARRAY_MAX_COUNT = 130,
    ROW_ARRAY_CORES = 131,
    ROW_ARRAY_MACHINE_TYPE = 132,
    ROW_ARRAY_BUCKETS = 133,
    ROW_ARRAY_ATTRIBUTES = 134,
    ROW_ARRAY_CONTROL = 135,
    ROW_ARRAY_NODES = 136,
    ROW_ARRAY_END = 160,
    /* a node, 160..199 */
    ROW_NODE = 160,
    ROW_NODE_STATE = 161,
    ROW_NODE_STATUS = 162,
    ROW_NODE_PHASE = 163,
    ROW_NODE_ARRAY = 164,
    ROW_NODE_MACHINE_TYPE = 165,
    ROW_NODE_HOSTNAME = 166,
    ROW_NODE_PRIVATE_IP = 167,
    ROW_NODE_PUBLIC_IP = 168,
    ROW_NODE_INSTANCE_ID = 169,
    ROW_NODE_PLACEMENT_GROUP = 170,
    ROW_NODE_ZONE = 171,
    ROW_NODE_KEEPALIVE = 172,
    ROW_NODE_ATTRIBUTES = 173,
    ROW_NODE_CONFIGURATION = 174,
    ROW_NODE_METRICS = 175,
    ROW_NODE_LOGS = 176,
    ROW_NODE_LOGS_OLD = 177,
    ROW_NODE_EVENTS = 178,
    ROW_NODE_CONTROL = 179,
    ROW_NODE_LAST_SEEN = 180,
    ROW_NODE_RESOURCE_ID = 181,
    ROW_NODE_PRICE = 182,
    ROW_NODE_CONSOLE = 183,
    ROW_NODE_END = 200,
    /* a user, 200..219 */
    ROW_USER = 200,
    ROW_USER_UID = 201,
    ROW_USER_GID = 202,
    ROW_USER_ROLE = 203,
    ROW_USER_SHELL = 204,
    ROW_USER_KEYS = 205,
    ROW_USER_PASSWORD = 206,
    ROW_USER_DISABLED = 207,
    ROW_USER_END = 220,
    /* an account, 220..227: one file */
    ROW_ACCOUNT = 220,
    ROW_ACCOUNT_END = 228,
    /* an orphan, 228..247 */
    ROW_ORPHAN = 228,
    ROW_ORPHAN_RESOURCE_ID = 229,
    ROW_ORPHAN_ACCOUNT = 230,
    ROW_ORPHAN_REGION = 231,
    ROW_ORPHAN_GROUP = 232,
    ROW_ORPHAN_MACHINE_TYPE = 233,
    ROW_ORPHAN_ZONE = 234,
    ROW_ORPHAN_CLUSTER_ID = 235,
    ROW_ORPHAN_FOUND = 236,
    ROW_ORPHAN_STATE = 237,
    ROW_ORPHAN_MESSAGE = 238,
    ROW_ORPHAN_CONTROL = 239,
    ROW_ORPHAN_END = 248,
    /* an alert, 248: one file */
    ROW_ALERT = 248,
    ROW_ALERT_END = 249,
    /* a volume, 249..255 */
    ROW_VOLUME = 249,
    ROW_VOLUME_RESOURCE_ID = 250,
    ROW_VOLUME_SIZE = 251,
    ROW_VOLUME_ATTACHED_TO = 252,
    ROW_VOLUME_STATE = 253,
    ROW_VOLUME_CONTROL = 254,
    ROW_VOLUME_MESSAGE = 255,
    ROW_VOLUME_END = 256,
};

/* Each kind of object begins with a row for its own directory; all else hangs below it. */
extern const struct view_entry view_root_self;
extern const struct view_entry view_cluster_self;
extern const struct view_entry view_array_self;
extern const struct view_entry view_node_self;
extern const struct view_entry view_user_self;
extern const struct view_entry view_account_self;
extern const struct view_entry view_orphan_self;
extern const struct view_entry view_alert_self;
extern const struct view_entry view_volume_self;

/* Tables below a table of another file. */
extern const struct view_dir view_system_dir;
extern const struct view_dir view_users_dir;
extern const struct view_dir view_accounts_dir;
extern const struct view_dir view_orphans_dir;
extern const struct view_dir view_alerts_dir;
extern const struct view_dir view_volumes_dir;
extern const struct view_dir view_arrays_dir;
extern const struct view_dir view_nodes_dir;
extern const struct view_dir view_array_nodes_dir;

/* The kind of item that objects from VIEW_OF_USER on are. */
static inline enum item_kind view_item_kind(enum view_object object) {
    return (enum item_kind)(object - VIEW_OF_USER);
}

static inline const struct user *view_user(const struct view_ctx *ctx) {
    return (const struct user *)ctx->item;
}

static inline const struct volume *view_volume(const struct view_ctx *ctx) {
    return (const struct volume *)ctx->item;
}

/* What kind of object a row belongs to. */
enum view_object view_object_of(const struct view_entry *entry);
/* False for a VIEW_HIDDEN row that is empty now. */
bool view_present(const struct view_ctx *ctx, const struct view_entry *entry);

/* A command from the caller about the innermost object of the context; NULL: no memory. */
struct command *view_command_new(const struct view_ctx *ctx, enum command_type type);
/* The refusal when memory ran out: -ENOMEM. */
int view_no_memory(struct error *err);

/* When something below this place last changed; wall time. For `changed_at` of rows. */
usec_t view_changed_template(const struct view_ctx *ctx);
usec_t view_changed_parameters(const struct view_ctx *ctx);
usec_t view_changed_rejected_template(const struct view_ctx *ctx);
usec_t view_changed_rejected_parameters(const struct view_ctx *ctx);
usec_t view_changed_state(const struct view_ctx *ctx);
usec_t view_changed_nodes(const struct view_ctx *ctx);       /* members came or went */
usec_t view_changed_array_nodes(const struct view_ctx *ctx); /* status of any of an array's */
usec_t view_changed_any_node(const struct view_ctx *ctx);    /* status of any node */
usec_t view_changed_heartbeats(const struct view_ctx *ctx);  /* ... or a heartbeat */
usec_t view_changed_seen(const struct view_ctx *ctx);        /* of the one node */
usec_t view_changed_users(const struct view_ctx *ctx);       /* one came or went */
usec_t view_changed_accounts(const struct view_ctx *ctx);
usec_t view_changed_orphans(const struct view_ctx *ctx);
usec_t view_changed_alerts(const struct view_ctx *ctx);
usec_t view_changed_volumes(const struct view_ctx *ctx);
usec_t view_changed_config(const struct view_ctx *ctx);
usec_t view_changed_clusters(const struct view_ctx *ctx);
usec_t view_changed_snapshot(const struct view_ctx *ctx);
usec_t view_changed_catalog(const struct view_ctx *ctx);
usec_t view_changed_last_error(const struct view_ctx *ctx);

/* An object's own time, used by rows without `changed_at`. */
usec_t view_changed_object(const struct view_ctx *ctx, enum view_object object);

#endif
