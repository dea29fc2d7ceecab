/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <inttypes.h>
#include <string.h>

/* Commands on users. What is written was checked by the view; here is what depends on the others.
 */

#define UID_FIRST 20000u /* given to users who do not say which */

static const struct user *user_of(const struct object_list *l, size_t i) {
    return l->items[i];
}

/* The user with this uid, other than `but`; NULL: none. */
static const struct user *find_uid(const struct snapshot *s, uid_t uid, uint64_t but) {
    const struct object_list *l = &s->items[ITEM_USER];
    for (size_t i = 0; i < l->len; i++)
        if (user_of(l, i)->uid == uid && user_of(l, i)->item.id != but)
            return user_of(l, i);
    return NULL;
}

/* One more than the highest that was given. */
static uid_t free_uid(const struct snapshot *s) {
    const struct object_list *l = &s->items[ITEM_USER];
    uid_t uid = UID_FIRST;
    for (size_t i = 0; i < l->len; i++)
        if (user_of(l, i)->uid >= uid)
            uid = user_of(l, i)->uid + 1;
    return uid;
}

int apply_create_user(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    const struct snapshot *s = engine_state(e);
    if (snapshot_item_named(s, ITEM_USER, c->name))
        return err_kind(err, "exists", "a user %s exists: choose another name", c->name);
    if (s->items[ITEM_USER].len >= LIMIT_USERS)
        return err_kind(err, "no_space",
                        "there are %u users, the most that one server holds: remove one",
                        LIMIT_USERS);
    uid_t uid = free_uid(s);
    struct user *u = builder_add_item(e->builder, ITEM_USER, engine_take_id(e), c->name);
    if (!u)
        return -ENOMEM;
    u->uid = uid;
    u->gid = uid;
    edit_text(e, &u->role, "user");
    edit_text(e, &u->shell, "/bin/bash");
    *ret_id = u->item.id;
    journal_event(e, EVENT_SERVER, NULL, NULL, "user %s added", c->name);
    return 0;
}

static int refuse_gone(struct error *err) {
    return err_kind(err, "not_found", "the user is gone");
}

int apply_remove_user(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    const struct item *u = snapshot_item(engine_state(e), ITEM_USER, c->item_id);
    if (!u)
        return refuse_gone(err);
    journal_event(e, EVENT_SERVER, NULL, NULL, "user %s removed", str_text(u->name));
    return builder_remove_item(e->builder, ITEM_USER, c->item_id);
}

static int set_uid(struct engine *e, struct user *u, const struct command *c, struct error *err) {
    const struct user *other = find_uid(engine_state(e), (uid_t)c->number, u->item.id);
    if (other)
        return err_kind(err, "exists", "uid %" PRIi64 " is %s's: choose another", c->number,
                        str_text(other->item.name));
    u->uid = (uid_t)c->number;
    return 0;
}

static int set_gid(struct engine *e, struct user *u, const struct command *c, struct error *err) {
    (void)e;
    (void)err;
    u->gid = (gid_t)c->number;
    return 0;
}

static int set_role(struct engine *e, struct user *u, const struct command *c, struct error *err) {
    (void)err;
    edit_text(e, &u->role, c->text);
    return 0;
}

static int set_shell(struct engine *e, struct user *u, const struct command *c, struct error *err) {
    (void)err;
    edit_text(e, &u->shell, c->text);
    return 0;
}

static int set_keys(struct engine *e, struct user *u, const struct command *c, struct error *err) {
    (void)err;
    edit_text(e, &u->authorized_keys, c->text);
    return 0;
}

static int set_password(struct engine *e, struct user *u, const struct command *c,
                        struct error *err) {
    (void)err;
    edit_text(e, &u->password_hash, c->text);
    return 0;
}

static int set_disabled(struct engine *e, struct user *u, const struct command *c,
                        struct error *err) {
    (void)e;
    (void)err;
    u->disabled = c->flag;
    return 0;
}

static const struct {
    const char *field;
    int (*set)(struct engine *e, struct user *u, const struct command *c, struct error *err);
} fields[] = {
    {"uid", set_uid},           {"gid", set_gid},           {"role", set_role},
    {"shell", set_shell},       {"password", set_password}, {"authorized_keys", set_keys},
    {"disabled", set_disabled},
};

int apply_set_user(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    if (!snapshot_item(engine_state(e), ITEM_USER, c->item_id))
        return refuse_gone(err);
    struct user *u = builder_item(e->builder, ITEM_USER, c->item_id, DURABLE);
    if (!u)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (strcmp(fields[i].field, c->name) != 0)
            continue;
        int r = fields[i].set(e, u, c, err);
        if (r == 0)
            journal_event(e, EVENT_SERVER, NULL, NULL, "user %s: %s changed",
                          str_text(u->item.name), c->name);
        return r;
    }
    return err_kind(err, "internal", "a user has no %s", c->name);
}
