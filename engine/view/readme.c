/* SPDX-License-Identifier: MIT */
#include "render.h"

#include "tables.h"
#include "text-table.h"

static const char head[] =
    "A cluster is a directory, its attributes are small files, and a write is a wish.\n"
    "\n"
    "    mkdir hpc\n"
    "    cp slurm.txt hpc/template\n"
    "    cp params.json hpc/parameters\n"
    "    echo 10 > hpc/nodes/count\n"
    "    sync hpc/nodes/count        waits until the cloud agrees\n"
    "    cat hpc/status\n"
    "    echo terminated > hpc/state; sync hpc/state; rmdir hpc\n"
    "\n"
    "A refused write says why in CLUSTER/error and, for each user, in last_error. Files hold one\n"
    "value and a newline where nothing else is said; times are RFC 3339 UTC.\n"
    "d directory, l link, r read, w write.\n"
    "\n";

static const char *access_of(const struct view_entry *entry) {
    if (entry->dir)
        return "d";
    if (entry->kind == VIEW_LINK)
        return "l";
    if (entry->store)
        return entry->show ? "rw" : "w";
    return "r";
}

/* `path` holds the directory that `entry` is in, and is left as it was. */
static void put_entry(struct text_table *t, struct buf *path, const struct view_entry *entry) {
    size_t length = path->len;
    (void)buf_puts(path, entry->name);
    (void)buf_puts(path, entry->dir && entry->row != ROW_ROOT ? "/" : "");
    text_table_cell(t, path->data);
    text_table_cell(t, access_of(entry));
    text_table_cell(t, entry->unit && *entry->unit ? entry->unit : "");
    text_table_cell(t, entry->doc);
    for (size_t i = 0; entry->dir && i < entry->dir->n_entries; i++)
        put_entry(t, path, &entry->dir->entries[i]);
    if (entry->dir && entry->dir->lists != VIEW_OF_SERVER && entry->row != ROW_ARRAY_NODES)
        put_entry(t, path, view_self(entry->dir->lists));
    buf_truncate(path, length);
}

int view_readme(struct buf *b) {
    _cleanup_text_table_ struct text_table t;
    _cleanup_buf_ struct buf path = BUF_INIT(4096);
    text_table_init(&t, 4);
    put_entry(&t, &path, &view_root_self);
    (void)buf_puts(b, head);
    return text_table_write(&t, b);
}

int render_readme(const struct view_ctx *ctx, struct buf *b) {
    (void)ctx;
    return view_readme(b);
}
