/* SPDX-License-Identifier: MIT */
/* A write to any file of the tree, and why one that brings what was read changes nothing. */
#include "tables.h"

#include "base/parse.h"
#include "model/limits.h"

#include <errno.h>
#include <string.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct view_text trimmed(struct view_text t) {
    while (t.len && is_blank(t.data[t.len - 1]))
        t.len--;
    for (; t.len && is_blank(*t.data); t.data++)
        t.len--;
    return t;
}

/* True when the file reads this now; blanks around a value do not matter. */
static bool reads(const struct view_ctx *ctx, const struct view_entry *entry,
                  struct view_text text) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_RENDER_BYTES);
    if (!entry->show || entry->show(ctx, &b) < 0)
        return false;
    struct view_text now = {b.data, b.len};
    if (entry->kind == VIEW_ATTR) {
        text = trimmed(text);
        now = trimmed(now);
    }
    return text.len == now.len && (!now.len || memcmp(text.data, now.data, now.len) == 0);
}

static bool refusal_shows(const struct cluster *c, const struct view_entry *entry) {
    if (str_len(c->outcome) && !str_equal(c->outcome, "ok"))
        return true;
    return (entry->row == ROW_TEMPLATE && c->rejected_template.text) ||
           (entry->row == ROW_PARAMETERS && c->rejected_parameters.text);
}

/* A good write ends the refusal of the one before it; when there is none, nothing is left to do. */
static int accept_unchanged(const struct view_ctx *ctx, const struct view_entry *entry,
                            struct command **ret, struct error *err) {
    *ret = NULL;
    if (!ctx->cluster || !refusal_shows(ctx->cluster, entry))
        return 0;
    _cleanup_(command_freep) struct command *c = view_command_new(ctx, COMMAND_UNCHANGED);
    if (!c || command_set_name(c, entry->name) < 0)
        return view_no_memory(err);
    *ret = TAKE_PTR(c);
    return 0;
}

int view_store(const struct view_ctx *ctx, const struct view_entry *entry, struct view_text text,
               struct command **ret, struct error *err) {
    if (reads(ctx, entry, text))
        return accept_unchanged(ctx, entry, ret, err);
    struct command *c = NULL;
    int r = entry->store(ctx, text.data, text.len, &c, err);
    if (r < 0 || c) {
        *ret = c;
        return r;
    }
    return accept_unchanged(ctx, entry, ret, err);
}
