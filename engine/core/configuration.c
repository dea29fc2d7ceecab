/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* The configuration as the tree shows it, and writes to it. What it means is the daemon's business.
 */

void configuration_free(struct engine *e) {
    for (size_t i = 0; i < e->accounts.len; i++) {
        free(e->accounts.items[i].name);
        free(e->accounts.items[i].text);
    }
    shown_account_vec_done(&e->accounts);
    free(e->config_text);
    e->config_text = NULL;
}

static bool account_listed(const struct engine *e, const struct str *name) {
    for (size_t i = 0; i < e->accounts.len; i++)
        if (str_equal(name, e->accounts.items[i].name))
            return true;
    return false;
}

/* Accounts that the configuration no longer has. */
static void remove_accounts(struct engine *e) {
    const struct object_list *l = &engine_state(e)->items[ITEM_ACCOUNT];
    struct id_vec gone = {0};
    for (size_t i = 0; i < l->len; i++) {
        const struct item *item = l->items[i];
        if (!account_listed(e, item->name) && id_vec_append(&gone, item->id) < 0)
            engine_fail(e, -ENOMEM);
    }
    for (size_t i = 0; i < gone.len; i++)
        if (builder_remove_item(e->builder, ITEM_ACCOUNT, gone.items[i]) < 0)
            engine_fail(e, -ENOMEM);
    id_vec_done(&gone);
}

static void show_account(struct engine *e, const struct shown_account *shown) {
    const struct item *old = snapshot_item_named(engine_state(e), ITEM_ACCOUNT, shown->name);
    if (old && str_equal(((const struct account *)old)->text, shown->text))
        return;
    struct account *a =
        old ? builder_item(e->builder, ITEM_ACCOUNT, old->id, VOLATILE)
            : builder_add_item(e->builder, ITEM_ACCOUNT, engine_take_id(e), shown->name);
    if (a)
        edit_text(e, &a->text, shown->text);
    else
        engine_fail(e, -ENOMEM);
}

void configuration_show(struct engine *e) {
    if (!e->config_text || !engine_state(e))
        return;
    struct snapshot *root = builder_root(e->builder);
    if (!root) {
        engine_fail(e, -ENOMEM);
        return;
    }
    if (!str_equal(root->server.config, e->config_text) || !root->server.config_at) {
        edit_text(e, &root->server.config, e->config_text);
        root->server.config_at = engine_now(e);
    }
    remove_accounts(e);
    for (size_t i = 0; i < e->accounts.len; i++) {
        show_account(e, &e->accounts.items[i]);
        sweep_want(e, e->accounts.items[i].name);
    }
}

int engine_set_config(struct engine *e, const char *text, const struct engine_account *accounts,
                      size_t n) {
    configuration_free(e);
    e->config_text = strdup(text);
    int r = e->config_text ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct shown_account a = {strdup(accounts[i].name), strdup(accounts[i].text)};
        r = a.name && a.text ? shown_account_vec_append(&e->accounts, a) : -ENOMEM;
        if (r < 0) {
            free(a.name);
            free(a.text);
        }
    }
    if (r < 0)
        return r;
    configuration_show(e);
    return e->running ? 0 : engine_publish_early(e, NULL);
}

static void lift_holds_of(struct engine *e, uint64_t cluster_id) {
    const struct cluster *c = snapshot_cluster(engine_state(e), cluster_id);
    struct id_vec held = {0};
    uint64_t position = 0;
    for (const struct node *n; (n = cluster_next_node(c, &position));)
        if (n->hold == HOLD_CREDENTIALS && id_vec_append(&held, n->id) < 0)
            engine_fail(e, -ENOMEM);
    for (size_t i = 0; i < held.len; i++) {
        c = snapshot_cluster(engine_state(e), cluster_id);
        struct node *copy = edit_node(e, cluster_node(c, held.items[i]));
        if (copy)
            edit_node_hold(e, copy, HOLD_NONE, 0, "");
    }
    id_vec_done(&held);
}

void configuration_lift_holds(struct engine *e) {
    const struct snapshot *s = engine_state(e);
    for (size_t i = 0; i < s->clusters.len; i++)
        lift_holds_of(e, ((const struct cluster *)s->clusters.items[i])->id);
}

static int configure(struct engine *e, const char *account, const struct command *c,
                     struct error *err) {
    if (!e->options.configure)
        return err_kind(err, "read_only", "this server's configuration cannot be written");
    return e->options.configure(e->options.configure_arg, account, c->text ? c->text : "", c->len,
                                err);
}

int apply_set_config(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    int r = configure(e, NULL, c, err);
    if (r == 0)
        journal_event(e, EVENT_SERVER, NULL, NULL, "configuration changed by uid %u",
                      (unsigned)c->caller_uid);
    return r;
}

int apply_set_account(struct engine *e, struct command *c, struct error *err, uint64_t *ret_id) {
    (void)ret_id;
    const struct item *item = snapshot_item(engine_state(e), ITEM_ACCOUNT, c->item_id);
    _cleanup_free_ char *name = item ? strdup(str_text(item->name)) : NULL;
    if (!name)
        return item ? -ENOMEM : err_kind(err, "not_found", "the account is gone");
    int r = configure(e, name, c, err);
    if (r == 0)
        journal_event(e, EVENT_SERVER, NULL, NULL, "account %s changed by uid %u", name,
                      (unsigned)c->caller_uid);
    return r;
}
