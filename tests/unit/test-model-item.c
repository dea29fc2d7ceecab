/* SPDX-License-Identifier: MIT */

/* Users, accounts, orphans and alerts in the snapshot: names, order, copies, changes. */

#include "model/builder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static usec_t fixed_time(void *arg) {
    return *(usec_t *)arg;
}

struct fixture {
    usec_t now;
    struct clock clock;
    struct model *model;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->now = 1000;
    f->clock = (struct clock){fixed_time, fixed_time, &f->now};
    assert_int_equal(model_new(&f->clock, &f->model), 0);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    model_free(f->model);
    free(f);
    return 0;
}

static struct builder *begin(struct fixture *f) {
    struct builder *b = NULL;
    assert_int_equal(builder_begin(f->model, &b), 0);
    return b;
}

static void add_users(struct fixture *f, const char *const *names, size_t n) {
    struct builder *b = begin(f);
    for (size_t i = 0; i < n; i++) {
        struct user *u = builder_add_item(b, ITEM_USER, 10 + i, names[i]);
        assert_non_null(u);
        u->uid = 20000 + (uid_t)i;
        assert_int_equal(str_set(&u->shell, "/bin/bash"), 0);
    }
    assert_int_equal(builder_publish(b), 0);
}

static void test_ordered_by_name(void **state) {
    static const char *const names[] = {"mallory", "alice", "bob"};
    struct fixture *f = *state;
    add_users(f, names, 3);
    const struct snapshot *s = model_acquire(f->model);
    assert_int_equal(s->items[ITEM_USER].len, 3);
    static const char *const sorted[] = {"alice", "bob", "mallory"};
    for (size_t i = 0; i < 3; i++) {
        const struct item *item = s->items[ITEM_USER].items[i];
        assert_string_equal(str_text(item->name), sorted[i]);
        assert_ptr_equal(snapshot_item_named(s, ITEM_USER, sorted[i]), item);
        assert_ptr_equal(snapshot_item(s, ITEM_USER, item->id), item);
    }
    assert_null(snapshot_item_named(s, ITEM_USER, "zoe"));
    assert_null(snapshot_item_named(s, ITEM_ALERT, "alice"));
    assert_null(snapshot_item(s, ITEM_ACCOUNT, 10));
    model_release(s);
}

static void test_change_copies(void **state) {
    static const char *const names[] = {"alice"};
    struct fixture *f = *state;
    add_users(f, names, 1);
    const struct snapshot *before = model_acquire(f->model);
    f->now = 2000;
    struct builder *b = begin(f);
    struct user *u = builder_item(b, ITEM_USER, 10, DURABLE);
    assert_non_null(u);
    assert_ptr_equal(u, builder_item(b, ITEM_USER, 10, VOLATILE));
    u->uid = 7;
    assert_int_equal(str_set(&u->shell, "/bin/zsh"), 0);
    size_t n;
    const struct change *changes = builder_changes(b, &n);
    assert_int_equal(n, 1);
    assert_int_equal(changes[0].type, OBJECT_USER);
    assert_int_equal(changes[0].durability, DURABLE);
    assert_int_equal(changes[0].id, 10);
    assert_int_equal(builder_publish(b), 0);
    const struct snapshot *after = model_acquire(f->model);
    const struct user *old = (const struct user *)snapshot_item(before, ITEM_USER, 10);
    const struct user *new = (const struct user *)snapshot_item(after, ITEM_USER, 10);
    assert_int_equal(old->uid, 20000);
    assert_string_equal(str_text(old->shell), "/bin/bash");
    assert_int_equal(new->uid, 7);
    assert_string_equal(str_text(new->shell), "/bin/zsh");
    assert_int_equal(new->item.changed_at, 2000);
    assert_int_equal(new->item.created_at, 1000);
    model_release(before);
    model_release(after);
}

static void test_names_and_ids_are_unique(void **state) {
    static const char *const names[] = {"alice"};
    struct fixture *f = *state;
    add_users(f, names, 1);
    struct builder *b = begin(f);
    assert_null(builder_add_item(b, ITEM_USER, 99, "alice"));
    assert_null(builder_add_item(b, ITEM_USER, 10, "bob"));
    assert_non_null(builder_add_item(b, ITEM_ALERT, 99, "alice"));
    builder_abandon(b);
    const struct snapshot *s = model_acquire(f->model);
    assert_int_equal(s->items[ITEM_ALERT].len, 0);
    model_release(s);
}

static void test_remove(void **state) {
    static const char *const names[] = {"alice", "bob"};
    struct fixture *f = *state;
    add_users(f, names, 2);
    f->now = 3000;
    struct builder *b = begin(f);
    assert_int_equal(builder_remove_item(b, ITEM_USER, 77), -ENOENT);
    assert_int_equal(builder_remove_item(b, ITEM_USER, 10), 0);
    size_t n;
    const struct change *changes = builder_changes(b, &n);
    assert_int_equal(n, 1);
    assert_true(changes[0].removed);
    assert_int_equal(builder_publish(b), 0);
    const struct snapshot *s = model_acquire(f->model);
    assert_int_equal(s->items[ITEM_USER].len, 1);
    assert_null(snapshot_item_named(s, ITEM_USER, "alice"));
    assert_non_null(snapshot_item_named(s, ITEM_USER, "bob"));
    assert_int_equal(s->items_at[ITEM_USER], 3000);
    model_release(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ordered_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_change_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_and_ids_are_unique, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
