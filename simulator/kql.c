/* SPDX-License-Identifier: MIT */
#include "kql.h"

#include "kql_expr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { STAGES_MAX = 32, COLUMNS_MAX = 64 };

enum stage_kind { STAGE_WHERE, STAGE_EXTEND, STAGE_PROJECT, STAGE_ORDER, STAGE_TAKE, STAGE_COUNT };

struct column {
    char *name;
    struct kql_expr *expr;
    bool descending; /* order by */
};
DEFINE_VEC(column_vec, struct column);

struct stage {
    enum stage_kind kind;
    struct kql_expr *condition;
    struct column_vec columns;
    size_t limit;
};
DEFINE_VEC(stage_vec, struct stage);
DEFINE_VEC(row_vec, json_t *);

struct kql {
    char *table;
    struct stage_vec stages;
    size_t streamed; /* stages that kql_offer applies row by row: those before the first that needs
                        all rows */
    struct row_vec rows;
};

static void stage_done(struct stage *stage) {
    kql_expr_free(stage->condition);
    for (size_t i = 0; i < stage->columns.len; i++) {
        free(stage->columns.items[i].name);
        kql_expr_free(stage->columns.items[i].expr);
    }
    column_vec_done(&stage->columns);
}

void kql_free(struct kql *query) {
    if (!query)
        return;
    for (size_t i = 0; i < query->stages.len; i++)
        stage_done(&query->stages.items[i]);
    stage_vec_done(&query->stages);
    for (size_t i = 0; i < query->rows.len; i++)
        json_decref(query->rows.items[i]);
    row_vec_done(&query->rows);
    free(query->table);
    free(query);
}

const char *kql_table(const struct kql *query) {
    return query->table;
}

static int read_where(struct kql_reader *reader, struct stage *stage) {
    return kql_expr_read(reader, &stage->condition);
}

/* Goes past "NAME =". 0 with NULL when something else stands there, or -errno. */
static int read_column_name(struct kql_reader *reader, char **ret_name) {
    struct kql_reader before = *reader;
    *ret_name = NULL;
    if (reader->kind != KQL_NAME)
        return kql_fail(reader, "a column name");
    int r = kql_next(reader);
    if (r == 0 && !kql_is(reader, "=")) {
        *reader = before;
        return 0;
    }
    if (r == 0)
        r = kql_next(reader);
    if (r < 0)
        return r;
    *ret_name = strdup(before.token);
    return *ret_name ? 0 : -ENOMEM;
}

/* Where the token begins that the reader stands on. */
static const char *token_start(const struct kql_reader *reader) {
    return reader->at - strlen(reader->token);
}

/* The name that an expression gives itself: "tags.x" is tags_x. NULL: out of memory. */
static char *name_from_text(const char *from, const char *end) {
    char *name = strndup(from, (size_t)(end - from));
    for (char *c = name; c && *c; c++)
        *c = strchr(".['\"]() \t\n", *c) ? '_' : *c;
    size_t len = name ? strlen(name) : 0;
    while (len && name[len - 1] == '_')
        name[--len] = '\0';
    return name;
}

/* NAME = EXPRESSION, or an expression that names itself by its last word. */
static int read_column(struct kql_reader *reader, struct column *column) {
    int r = read_column_name(reader, &column->name);
    const char *from = token_start(reader);
    if (r == 0)
        r = kql_expr_read(reader, &column->expr);
    if (r == 0 && !column->name)
        column->name = name_from_text(from, token_start(reader));
    return r < 0 || column->name ? r : -ENOMEM;
}

static int read_columns(struct kql_reader *reader, struct stage *stage) {
    for (;;) {
        struct column column = {0};
        int r = stage->columns.len < COLUMNS_MAX ? read_column(reader, &column)
                                                 : kql_fail(reader, "fewer columns");
        if (r == 0)
            r = column_vec_append(&stage->columns, column);
        if (r < 0) {
            free(column.name);
            kql_expr_free(column.expr);
            return r;
        }
        if (!kql_is(reader, ","))
            return 0;
        r = kql_next(reader);
        if (r < 0)
            return r;
    }
}

static int read_order(struct kql_reader *reader, struct stage *stage) {
    int r = kql_expect(reader, "by");
    while (r == 0) {
        struct column column = {.descending = true}; /* the default of the language */
        r = kql_expr_read(reader, &column.expr);
        if (r == 0)
            r = column_vec_append(&stage->columns, column);
        if (r < 0) {
            kql_expr_free(column.expr);
            return r;
        }
        struct column *kept = &stage->columns.items[stage->columns.len - 1];
        bool ascending = kql_is(reader, "asc");
        if (ascending || kql_is(reader, "desc")) {
            kept->descending = !ascending;
            r = kql_next(reader);
        }
        if (r < 0 || !kql_is(reader, ","))
            return r;
        r = kql_next(reader);
    }
    return r;
}

static int read_take(struct kql_reader *reader, struct stage *stage) {
    if (reader->kind != KQL_NUMBER)
        return kql_fail(reader, "a number");
    stage->limit = strtoul(reader->token, NULL, 10);
    return kql_next(reader);
}

static int read_nothing(struct kql_reader *reader, struct stage *stage) {
    (void)reader;
    (void)stage;
    return 0;
}

static const struct {
    const char *word;
    enum stage_kind kind;
    int (*read)(struct kql_reader *reader, struct stage *stage);
} stage_words[] = {
    {"where", STAGE_WHERE, read_where},       {"extend", STAGE_EXTEND, read_columns},
    {"project", STAGE_PROJECT, read_columns}, {"order", STAGE_ORDER, read_order},
    {"sort", STAGE_ORDER, read_order},        {"take", STAGE_TAKE, read_take},
    {"limit", STAGE_TAKE, read_take},         {"count", STAGE_COUNT, read_nothing},
};

static int read_stage(struct kql_reader *reader, struct kql *query) {
    for (size_t i = 0; i < ARRAY_SIZE(stage_words); i++) {
        if (!kql_is(reader, stage_words[i].word))
            continue;
        struct stage stage = {.kind = stage_words[i].kind};
        int r =
            query->stages.len < STAGES_MAX ? kql_next(reader) : kql_fail(reader, "a shorter query");
        if (r == 0)
            r = stage_words[i].read(reader, &stage);
        if (r == 0)
            r = stage_vec_append(&query->stages, stage);
        if (r < 0)
            stage_done(&stage);
        return r;
    }
    return kql_fail(reader, "where, extend, project, order by, take, limit or count");
}

static size_t streamed_stages(const struct kql *query) {
    size_t n = 0;
    while (n < query->stages.len && query->stages.items[n].kind <= STAGE_PROJECT)
        n++;
    return n;
}

int kql_parse(const char *text, struct kql **ret, struct error *err) {
    struct kql_reader reader;
    int r = kql_reader_start(&reader, text, err);
    if (r < 0)
        return r;
    if (reader.kind != KQL_NAME)
        return kql_fail(&reader, "the name of a table");
    _cleanup_(kql_freep) struct kql *query = calloc(1, sizeof(*query));
    if (!query || !(query->table = strdup(reader.token)))
        return -ENOMEM;
    r = kql_next(&reader);
    while (r == 0 && kql_is(&reader, "|")) {
        r = kql_next(&reader);
        if (r == 0)
            r = read_stage(&reader, query);
    }
    if (r == 0 && reader.kind != KQL_END)
        r = kql_fail(&reader, "| or the end");
    if (r < 0)
        return r;
    query->streamed = streamed_stages(query);
    *ret = TAKE_PTR(query);
    return 0;
}

/* The row after extend or project: a new object. */
static json_t *with_columns(const struct stage *stage, json_t *row) {
    json_t *result = stage->kind == STAGE_PROJECT ? json_object() : json_copy(row);
    for (size_t i = 0; result && i < stage->columns.len; i++) {
        const struct column *column = &stage->columns.items[i];
        if (json_object_set_new(result, column->name, kql_expr_value(column->expr, row)) < 0) {
            json_decref(result);
            return NULL;
        }
    }
    return result;
}

/* Applies stages that look at one row; *row becomes NULL when it does not pass. 0 or -ENOMEM. */
static int pass(const struct stage *stage, json_t **row) {
    json_t *next = NULL;
    bool dropped = stage->kind == STAGE_WHERE && !kql_expr_true(stage->condition, *row);
    if (stage->kind == STAGE_WHERE && !dropped)
        return 0;
    if (!dropped)
        next = with_columns(stage, *row);
    json_decref(*row);
    *row = next;
    return next || dropped ? 0 : -ENOMEM;
}

int kql_offer(struct kql *query, json_t *row) {
    json_t *current = json_incref(row);
    int r = 0;
    for (size_t i = 0; r == 0 && current && i < query->streamed; i++)
        r = pass(&query->stages.items[i], &current);
    if (r == 0 && current)
        r = row_vec_append(&query->rows, current);
    if (r < 0)
        json_decref(current);
    return r;
}

static int compare_rows(const void *a, const void *b, void *arg) {
    const struct stage *stage = arg;
    for (size_t i = 0; i < stage->columns.len; i++) {
        json_t *x = kql_expr_value(stage->columns.items[i].expr, *(json_t *const *)a);
        json_t *y = kql_expr_value(stage->columns.items[i].expr, *(json_t *const *)b);
        int order = kql_compare(x, y);
        json_decref(x);
        json_decref(y);
        if (order)
            return stage->columns.items[i].descending ? -order : order;
    }
    return 0;
}

static int each_row(struct kql *query, const struct stage *stage) {
    size_t kept = 0;
    int r = 0;
    for (size_t i = 0; i < query->rows.len; i++) {
        json_t *row = query->rows.items[i];
        if (r == 0)
            r = pass(stage, &row);
        if (row)
            query->rows.items[kept++] = row;
    }
    query->rows.len = kept;
    return r;
}

static void truncate_rows(struct kql *query, size_t limit) {
    while (query->rows.len > limit)
        json_decref(query->rows.items[--query->rows.len]);
}

static int count_rows(struct kql *query) {
    json_t *row = json_pack("{s:I}", "Count", (json_int_t)query->rows.len);
    truncate_rows(query, 0);
    int r = row ? row_vec_append(&query->rows, row) : -ENOMEM;
    if (r < 0)
        json_decref(row);
    return r;
}

static int apply_to_all(struct kql *query, struct stage *stage) {
    switch (stage->kind) {
    case STAGE_WHERE:
    case STAGE_EXTEND:
    case STAGE_PROJECT:
        return each_row(query, stage);
    case STAGE_ORDER:
        if (query->rows.len)
            qsort_r(query->rows.items, query->rows.len, sizeof(json_t *), compare_rows, stage);
        return 0;
    case STAGE_TAKE:
        truncate_rows(query, stage->limit);
        return 0;
    case STAGE_COUNT:
        return count_rows(query);
    }
    return 0;
}

json_t *kql_finish(struct kql *query) {
    for (size_t i = query->streamed; i < query->stages.len; i++)
        if (apply_to_all(query, &query->stages.items[i]) < 0)
            return NULL;
    json_t *result = json_array();
    for (size_t i = 0; i < query->rows.len; i++)
        (void)json_array_append_new(result, query->rows.items[i]);
    query->rows.len = 0;
    return result;
}
