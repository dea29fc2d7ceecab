/* SPDX-License-Identifier: MIT */
#include "test-view-fixture.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

/* cyclecloudfs-tree(5) has an entry for every row of the tables, with its access, mode and unit. */

#define PAGE_BYTES ((size_t)1 << 20)
#define ENTRY "\n.TP\n\\fB"

static const struct {
    unsigned flag;
    const char *word;
} flag_words[] = {{VIEW_POLL, "poll"}, {VIEW_SYNC, "sync"}, {VIEW_HIDDEN, "sometimes"}};

static const char *access_of(const struct view_entry *entry) {
    if (entry->dir)
        return "directory";
    if (entry->kind == VIEW_LINK)
        return "link";
    if (!entry->store)
        return "r";
    return entry->show ? "rw" : "w";
}

/* A minus sign is written \- in a manual page. */
static void put_text(struct buf *b, const char *text) {
    for (const char *p = text; *p; p++)
        (void)buf_printf(b, *p == '-' ? "\\-" : "%c", *p);
}

/* The head of an entry as it stands in the page. */
static void put_head(struct buf *b, const char *path, const struct view_entry *entry) {
    (void)buf_puts(b, ENTRY);
    put_text(b, path);
    (void)buf_printf(b, "\\fR  %s %04o", access_of(entry), (unsigned)entry->mode);
    if (entry->unit && *entry->unit)
        (void)buf_printf(b, " (%s)", entry->unit);
    for (size_t i = 0; i < ARRAY_SIZE(flag_words); i++)
        if (entry->flags & flag_words[i].flag)
            (void)buf_printf(b, ", %s", flag_words[i].word);
    (void)buf_putc(b, '\n');
}

struct walk {
    const char *page;
    struct buf path, missing;
    size_t n;
};

static void expect_entry(struct walk *w, const struct view_entry *entry) {
    _cleanup_buf_ struct buf head = BUF_INIT(4096);
    put_head(&head, w->path.len ? w->path.data : "/", entry);
    w->n++;
    if (!strstr(w->page, head.data))
        (void)buf_puts(&w->missing, head.data);
}

static void walk_entry(struct walk *w, const struct view_entry *entry) {
    size_t length = w->path.len;
    const struct view_dir *dir = entry->dir;
    if (entry != view_self(VIEW_OF_SERVER))
        (void)buf_printf(&w->path, "%s%s", entry->name, dir ? "/" : "");
    expect_entry(w, entry);
    for (size_t i = 0; dir && i < dir->n_entries; i++)
        walk_entry(w, &dir->entries[i]);
    if (dir && dir->lists != VIEW_OF_SERVER && !strstr(w->path.data, "ARRAY/nodes"))
        walk_entry(w, view_self(dir->lists));
    buf_truncate(&w->path, length);
}

static size_t count(const char *page, const char *what) {
    size_t n = 0;
    for (const char *p = page; (p = strstr(p, what)); p++)
        n++;
    return n;
}

static void test_every_row_is_in_the_manual(void **state) {
    (void)state;
    _cleanup_buf_ struct buf page = BUF_INIT(PAGE_BYTES);
    assert_int_equal(file_read(MANUAL, &page), 0);
    struct walk w = {page.data, BUF_INIT(4096), BUF_INIT(PAGE_BYTES), 0};
    (void)buf_puts(&w.path, "");
    walk_entry(&w, view_self(VIEW_OF_SERVER));
    if (w.missing.len) {
        (void)fputs(w.missing.data, stderr);
        fail_msg("man/cyclecloudfs-tree.5 lacks these entries, or has them otherwise");
    }
    assert_true(w.n >= 100);
    assert_int_equal(count(page.data, ENTRY), w.n); /* and nothing that is gone */
    buf_done(&w.path);
    buf_done(&w.missing);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_row_is_in_the_manual)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
