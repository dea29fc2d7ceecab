/* SPDX-License-Identifier: MIT */
#include "listing.h"
#include "api.h"

#include "base/parse.h"
#include "options.h"
#include "render.h"
#include "set.h"
#include "vm.h"

#include <string.h>

/*
 * A page is a run of entries; the link to the next carries how many were passed or, in a set, the
 * number of the instance to go on from, so that deletions in between neither hide nor repeat one.
 */
struct page {
    struct exchange *ex;
    uint64_t from; /* $skiptoken, 0 at first */
    uint64_t seen; /* entries passed */
    uint64_t shown;
    uint64_t next; /* the token of the next page; 0 = this is the last */
};

static struct page page_begin(struct exchange *ex) {
    struct page page = {.ex = ex};
    const char *token = exchange_query(ex, "$skiptoken");
    if (token && parse_u64(token, &page.from) < 0)
        page.from = 0;
    reply_status(ex, 200);
    (void)buf_puts(&ex->reply, "{\"value\":[");
    return page;
}

static bool page_full(const struct page *page) {
    return page->shown == page->ex->world->options->page_size;
}

/* Whether the next entry belongs to this page; call it for each in turn. */
static bool page_wants(struct page *page) {
    if (page->seen++ < page->from)
        return false;
    if (page_full(page)) {
        page->next = page->next ? page->next : page->seen - 1;
        return false;
    }
    return true;
}

static void page_separate(struct page *page) {
    if (page->shown++)
        (void)buf_putc(&page->ex->reply, ',');
}

static void page_put(struct page *page, json_t *entry) {
    _cleanup_json_ json_t *held = entry;
    _cleanup_free_ char *text = held ? json_dumps(held, JSON_COMPACT) : NULL;
    page_separate(page);
    (void)buf_puts(&page->ex->reply, text ? text : "null");
}

/* The URL of this request with another $skiptoken. */
static void put_next_link(struct page *page) {
    struct exchange *ex = page->ex;
    const char *expand = exchange_query(ex, "$expand");
    const char *status_only = exchange_query(ex, "statusOnly");
    (void)buf_puts(&ex->reply, ",\"nextLink\":\"");
    (void)buf_put_json(&ex->reply, ex->world->base_url);
    _cleanup_free_ char *path = strndup(ex->url, strcspn(ex->url, "?"));
    (void)buf_put_json(&ex->reply, path ? path : "");
    (void)buf_puts(&ex->reply, "?api-version=");
    (void)buf_put_json(&ex->reply, exchange_query(ex, "api-version"));
    if (expand && strcasecmp(expand, "instanceView") == 0)
        (void)buf_puts(&ex->reply, "&%24expand=instanceView");
    if (status_only && strcasecmp(status_only, "true") == 0)
        (void)buf_puts(&ex->reply, "&statusOnly=true");
    (void)buf_printf(&ex->reply, "&%%24skiptoken=%llu\"", (unsigned long long)page->next);
}

static void page_end(struct page *page) {
    (void)buf_putc(&page->ex->reply, ']');
    if (page->next)
        put_next_link(page);
    (void)buf_putc(&page->ex->reply, '}');
    if (buf_error(&page->ex->reply))
        reply_exhausted(page->ex);
}

static bool wants_view(const struct exchange *ex) {
    const char *expand = exchange_query(ex, "$expand");
    const char *status_only = exchange_query(ex, "statusOnly");
    return (expand && strcasecmp(expand, "instanceView") == 0) ||
           (status_only && strcasecmp(status_only, "true") == 0);
}

static void list_members(struct page *page, struct group *group, enum object_kind kind) {
    bool view = wants_view(page->ex);
    list_for_each(link, &group->objects) {
        struct object *object = list_entry(link, struct object, member);
        if (object->kind != kind || !page_wants(page))
            continue;
        if (kind == OBJECT_VM)
            page_put(page, render_vm(list_entry(object, struct vm, object), view));
        else
            page_put(page, render_set(list_entry(object, struct set, object)));
    }
}

static void list_everywhere(struct exchange *ex, enum object_kind kind) {
    struct page page = page_begin(ex);
    list_for_each(link, &ex->world->groups)
        list_members(&page, list_entry(link, struct group, object.member), kind);
    page_end(&page);
}

static void list_group(struct exchange *ex, enum object_kind kind) {
    struct page page = page_begin(ex);
    list_members(&page, ex->group, kind);
    page_end(&page);
}

void list_all_vms(struct exchange *ex) {
    list_everywhere(ex, OBJECT_VM);
}

void list_all_sets(struct exchange *ex) {
    list_everywhere(ex, OBJECT_SET);
}

void list_group_vms(struct exchange *ex) {
    list_group(ex, OBJECT_VM);
}

void list_group_sets(struct exchange *ex) {
    list_group(ex, OBJECT_SET);
}

static void list_set(struct exchange *ex,
                     void (*put)(struct buf *b, const struct vm *vm, bool view)) {
    struct set *set = set_of_path(ex);
    if (!set)
        return;
    bool view = wants_view(ex);
    struct page page = page_begin(ex);
    size_t at = set_index_from(set, (uint32_t)page.from);
    for (; at < set->vms.len && !page_full(&page); at++) {
        page_separate(&page);
        put(&ex->reply, set->vms.items[at], view);
    }
    if (at < set->vms.len)
        page.next = set->vms.items[at]->number;
    page_end(&page);
}

static void put_interface(struct buf *b, const struct vm *vm, bool view) {
    (void)view;
    render_interface(b, vm);
}

void list_instances(struct exchange *ex) {
    list_set(ex, render_instance);
}

void list_interfaces(struct exchange *ex) {
    list_set(ex, put_interface);
}
