/* SPDX-License-Identifier: MIT */
#include "core-fixture.h"

#include "model/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Users in the engine: numbers, bounds, and that they outlive the process. */

static struct answer_seen create_user(struct world *w, const char *name) {
    struct command *c = command_new(COMMAND_CREATE_USER);
    command_set_name(c, name);
    return do_command(w, c);
}

static struct user user(struct world *w, const char *name) {
    const struct snapshot *s = model_acquire(w->model);
    const struct item *i = snapshot_item_named(s, ITEM_USER, name);
    struct user u = i ? *(const struct user *)i : (struct user){0};
    model_release(s);
    return u; /* its texts live as long as the next tick */
}

static struct command *set_command(struct world *w, const char *name, const char *field) {
    struct command *c = command_new(COMMAND_SET_USER);
    c->item_id = user(w, name).item.id;
    command_set_name(c, field);
    return c;
}

static struct answer_seen set_number(struct world *w, const char *name, const char *field,
                                     int64_t n) {
    struct command *c = set_command(w, name, field);
    c->number = n;
    return do_command(w, c);
}

static struct answer_seen set_text(struct world *w, const char *name, const char *field,
                                   const char *text) {
    struct command *c = set_command(w, name, field);
    command_set_text(c, text, strlen(text));
    return do_command(w, c);
}

static void test_defaults(void **state) {
    (void)state;
    struct world w;
    world_begin(&w);
    assert_int_equal(create_user(&w, "alice").code, 0);
    assert_int_equal(create_user(&w, "bob").code, 0);
    assert_int_equal(user(&w, "alice").uid, 20000);
    assert_int_equal(user(&w, "bob").uid, 20001);
    assert_int_equal(user(&w, "bob").gid, 20001);
    assert_string_equal(str_text(user(&w, "bob").role), "user");
    assert_string_equal(str_text(user(&w, "bob").shell), "/bin/bash");
    struct answer_seen a = create_user(&w, "bob");
    assert_int_equal(a.code, -EEXIST);
    assert_string_equal(a.message, "a user bob exists: choose another name");
    world_end(&w);
}

static void test_uids_are_unique(void **state) {
    (void)state;
    struct world w;
    world_begin(&w);
    assert_int_equal(create_user(&w, "alice").code, 0);
    assert_int_equal(create_user(&w, "bob").code, 0);
    struct answer_seen a = set_number(&w, "alice", "uid", 20001);
    assert_int_equal(a.code, -EEXIST);
    assert_string_equal(a.message, "uid 20001 is bob's: choose another");
    assert_int_equal(user(&w, "alice").uid, 20000);
    assert_int_equal(set_number(&w, "alice", "uid", 20000).code, 0); /* its own */
    assert_int_equal(set_number(&w, "alice", "uid", 30000).code, 0);
    assert_int_equal(set_number(&w, "alice", "gid", 20001).code, 0); /* groups are shared */
    assert_int_equal(create_user(&w, "carol").code, 0);
    assert_int_equal(user(&w, "carol").uid, 30001);
    world_end(&w);
}

static void fill(struct world *w) {
    assert_int_equal(create_user(w, "alice").code, 0);
    assert_int_equal(set_number(w, "alice", "uid", 4242).code, 0);
    assert_int_equal(set_number(w, "alice", "gid", 4343).code, 0);
    assert_int_equal(set_text(w, "alice", "role", "admin").code, 0);
    assert_int_equal(set_text(w, "alice", "shell", "/bin/zsh").code, 0);
    assert_int_equal(set_text(w, "alice", "authorized_keys", "# \"x\"\n").code, 0);
    assert_int_equal(set_text(w, "alice", "password", "$y$hash").code, 0);
    struct command *c = set_command(w, "alice", "disabled");
    c->flag = true;
    assert_int_equal(do_command(w, c).code, 0);
}

static void test_survive_a_crash(void **state) {
    (void)state;
    struct world w;
    world_begin(&w);
    fill(&w);
    struct user before = user(&w, "alice");
    restart(&w);
    struct user after = user(&w, "alice");
    assert_true(after.item.id && after.item.id == before.item.id);
    assert_int_equal(after.uid, 4242);
    assert_int_equal(after.gid, 4343);
    assert_string_equal(str_text(after.role), "admin");
    assert_string_equal(str_text(after.shell), "/bin/zsh");
    assert_string_equal(str_text(after.authorized_keys), "# \"x\"\n");
    assert_string_equal(str_text(after.password_hash), "$y$hash");
    assert_true(after.disabled);
    assert_true(after.item.created_at == w.now && after.item.changed_at == w.now);
    world_end(&w);
}

static void test_removed_for_good(void **state) {
    (void)state;
    struct world w;
    world_begin(&w);
    fill(&w);
    struct command *c = command_new(COMMAND_REMOVE_USER);
    uint64_t id = c->item_id = user(&w, "alice").item.id;
    assert_int_equal(do_command(&w, c).code, 0);
    restart(&w);
    assert_int_equal(user(&w, "alice").item.id, 0);
    for (int i = 0; i < 2; i++) {
        c = command_new(i ? COMMAND_REMOVE_USER : COMMAND_SET_USER);
        c->item_id = id;
        command_set_name(c, "role");
        struct answer_seen a = do_command(&w, c);
        assert_int_equal(a.code, -ENOENT);
        assert_string_equal(a.message, "the user is gone");
    }
    world_end(&w);
}

static void test_bound(void **state) {
    (void)state;
    struct world w;
    world_begin(&w);
    for (unsigned i = 0; i < LIMIT_USERS; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "u%u", i);
        assert_int_equal(create_user(&w, name).code, 0);
    }
    struct answer_seen a = create_user(&w, "last");
    assert_int_equal(a.code, -ENOSPC);
    assert_non_null(strstr(a.message, "1000 users"));
    world_end(&w);
}

static int read_schema(struct world *w) {
    struct buf b = BUF_INIT(4096);
    int schema = 0;
    assert_int_equal(store_get(w->store, "m", 1, &b), 0);
    assert_int_equal(sscanf(b.data, "{\"schema\":%d", &schema), 1);
    buf_done(&b);
    return schema;
}

/* The server's own record as version `schema` would have written it. */
static void write_schema(struct world *w, int schema) {
    struct buf b = BUF_INIT(4096), changed = BUF_INIT(4096);
    assert_int_equal(store_get(w->store, "m", 1, &b), 0);
    assert_int_equal(buf_printf(&changed, "{\"schema\":%d%s", schema, strchr(b.data, ',')), 0);
    struct store_op op = {"m", 1, changed.data, changed.len};
    assert_int_equal(store_commit(w->store, &(struct store_change){.ops = &op, .n_ops = 1}, NULL),
                     0);
    buf_done(&b);
    buf_done(&changed);
}

static void test_older_state_is_taken_over(void **state) {
    (void)state;
    struct world w;
    prepare(&w);
    write_schema(&w, 1);
    restart(&w);
    assert_true(cluster_id(&w) != 0);
    assert_int_equal(read_schema(&w), 3);
    assert_int_equal(create_user(&w, "alice").code, 0);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),        cmocka_unit_test(test_uids_are_unique),
        cmocka_unit_test(test_survive_a_crash), cmocka_unit_test(test_removed_for_good),
        cmocka_unit_test(test_bound),           cmocka_unit_test(test_older_state_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
