/* SPDX-License-Identifier: MIT */
#include "render.h"

#include "model/limits.h"
#include "text-table.h"

#include <inttypes.h>

struct limit {
    const char *name;
    uint64_t value;
    const char *unit;
};

static const struct limit limits[] = {
    {"clusters", LIMIT_CLUSTERS, "clusters"},
    {"clusters_per_user", LIMIT_CLUSTERS_PER_USER, "clusters"},
    {"nodes_per_cluster", LIMIT_NODES_PER_CLUSTER, "nodes"},
    {"arrays_per_cluster", LIMIT_ARRAYS_PER_CLUSTER, "arrays"},
    {"usage_rows", LIMIT_USAGE_ROWS, "rows"},
    {"trace", LIMIT_TRACE_BYTES, "bytes"},
    {"configuration", LIMIT_CONFIG_BYTES, "bytes"},
    {"accounts", LIMIT_ACCOUNTS, "accounts"},
    {"alerts", LIMIT_ALERTS, "alerts"},
    {"orphans", LIMIT_ORPHANS, "VMs"},
    {"users", LIMIT_USERS, "users"},
    {"authorized_keys", LIMIT_KEYS_BYTES, "bytes"},
    {"name", LIMIT_NAME_BYTES, "bytes"},
    {"value", LIMIT_VALUE_BYTES, "bytes"},
    {"document", LIMIT_DOCUMENT_BYTES, "bytes"},
    {"rendering", LIMIT_RENDER_BYTES, "bytes"},
    {"command_queue", LIMIT_COMMAND_QUEUE, "commands"},
    {"last_errors", LIMIT_LAST_ERRORS, "users"},
    {"set_size", LIMIT_SET_SIZE, "nodes"},
    {"set_size_custom_image", LIMIT_SET_SIZE_CUSTOM_IMAGE, "nodes"},
    {"set_size_placement_group", LIMIT_SET_SIZE_PLACEMENT_GROUP, "nodes"},
};

int render_limits(const struct view_ctx *ctx, struct buf *b) {
    (void)ctx;
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
        (void)buf_printf(b, "%s: %" PRIu64 " %s\n", limits[i].name, limits[i].value,
                         limits[i].unit);
    return buf_error(b);
}

static void number_cell(struct text_table *t, uint64_t value) {
    (void)buf_printf(&t->cells, "%" PRIu64, value);
    text_table_end_cell(t);
}

static void titles(struct text_table *t, const char *const *names, size_t n) {
    text_table_init(t, n);
    for (size_t i = 0; i < n; i++)
        text_table_cell(t, names[i]);
}

static void features_cell(struct text_table *t, const struct machine_type *m) {
    const struct {
        bool has;
        const char *name;
    } features[] = {
        {m->rdma, "rdma"},
        {m->spot, "spot"},
        {m->accelerated_networking, "accelerated-networking"},
        {m->ephemeral_os_disk, "ephemeral-os-disk"},
        {m->restricted, "restricted"},
    };
    const char *separator = "";
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        if (!features[i].has)
            continue;
        (void)buf_printf(&t->cells, "%s%s", separator, features[i].name);
        separator = ",";
    }
    text_table_end_cell(t);
}

int render_machine_types(const struct view_ctx *ctx, struct buf *b) {
    static const char *const names[] = {"NAME", "ACCOUNT",   "REGION", "VCPUS",
                                        "GPUS", "MEMORY_MB", "FAMILY", "FEATURES"};
    const struct catalog *catalog = ctx->snapshot->catalog;
    _cleanup_text_table_ struct text_table t;
    titles(&t, names, ARRAY_SIZE(names));
    for (size_t i = 0; catalog && i < catalog->n_types; i++) {
        const struct machine_type *m = &catalog->types[i];
        text_table_cell(&t, str_text(m->name));
        text_table_cell(&t, str_text(m->account));
        text_table_cell(&t, str_text(m->region));
        number_cell(&t, m->vcpus);
        number_cell(&t, m->gpus);
        number_cell(&t, m->memory_mb);
        text_table_cell(&t, str_text(m->family));
        features_cell(&t, m);
    }
    return text_table_write(&t, b);
}

static void price_cell(struct text_table *t, uint64_t micro) {
    if (micro)
        number_cell(t, micro);
    else
        text_table_cell(t, "");
}

int render_prices(const struct view_ctx *ctx, struct buf *b) {
    static const char *const names[] = {"NAME",     "ACCOUNT", "REGION",
                                        "CURRENCY", "HOUR",    "SPOT_HOUR"};
    const struct catalog *catalog = ctx->snapshot->catalog;
    _cleanup_text_table_ struct text_table t;
    titles(&t, names, ARRAY_SIZE(names));
    for (size_t i = 0; catalog && i < catalog->n_types; i++) {
        const struct machine_type *m = &catalog->types[i];
        if (!m->hour_micro && !m->spot_hour_micro)
            continue;
        text_table_cell(&t, str_text(m->name));
        text_table_cell(&t, str_text(m->account));
        text_table_cell(&t, str_text(m->region));
        text_table_cell(&t, str_text(m->currency));
        price_cell(&t, m->hour_micro);
        price_cell(&t, m->spot_hour_micro);
    }
    return text_table_write(&t, b);
}

int render_quotas(const struct view_ctx *ctx, struct buf *b) {
    static const char *const names[] = {"NAME", "ACCOUNT", "REGION", "USED", "LIMIT", "LABEL"};
    const struct catalog *catalog = ctx->snapshot->catalog;
    _cleanup_text_table_ struct text_table t;
    titles(&t, names, ARRAY_SIZE(names));
    for (size_t i = 0; catalog && i < catalog->n_quotas; i++) {
        const struct quota *q = &catalog->quotas[i];
        text_table_cell(&t, str_text(q->name));
        text_table_cell(&t, str_text(q->account));
        text_table_cell(&t, str_text(q->region));
        number_cell(&t, q->used);
        number_cell(&t, q->limit);
        text_table_cell(&t, str_text(q->label));
    }
    return text_table_write(&t, b);
}
