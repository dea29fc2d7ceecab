/* SPDX-License-Identifier: MIT */
#include "send.h"

#include <errno.h>

/* What becomes of an intent whose request could not even be given to the provider. */

#define RETRY (10 * USEC_SEC)

/* As if the cloud had refused it: the words go to the nodes that wait for it. */
static void refuse(struct engine *e, struct intent *i, enum cyclecloud_class class,
                   const struct error *err) {
    const struct cyclecloud_result result = {
        .result = class,
        .code = err->kind ? err->kind : "NotSent",
        .message = err_text(err),
        .request_id = "",
        .operation_url = "",
        .quota.name = "",
    };
    outcome_of_intent(e, &result, i->cluster_id, i->id, engine_now(e));
}

/* Its address is not below the present resource_manager, where alone a token may go. What it came
 * to is seen by asking for the same again. The address is not told: it may be signed. */
static void leave_operation(struct engine *e, struct intent *i) {
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    journal_event(
        e, EVENT_CLUSTER_CHANGED, c, NULL,
        "%s: its progress cannot be asked for: the address that the cloud gave is outside "
        "of resource_manager of the account; the request is made again",
        intent_verb(i->kind));
    edit_text(e, &i->poll_url, "");
    if (intent_names_instances(i->kind)) {
        intents_close(e, i);
        return;
    }
    outcome_forget_operation(e, i);
    i->next_at = engine_now(e) + RETRY;
}

static bool has_account(struct engine *e, const struct intent *i) {
    const struct cyclecloud_provider *p = &e->options.provider;
    const struct cluster *c = snapshot_cluster(engine_state(e), i->cluster_id);
    return c && p->ops->has_account(p->self, str_text(c->account));
}

void unsent_intent(struct engine *e, struct intent *i, int code, const struct error *err) {
    if (code == -ENOENT) {
        log_info("what the intent works on is gone intent=%llu what=\"%s\"",
                 (unsigned long long)i->id, intent_verb(i->kind));
        intents_close(e, i);
    } else if (code != -EINVAL) {
        log_warning("request not sent, trying again intent=%llu what=\"%s\" why=\"%s\"",
                    (unsigned long long)i->id, intent_verb(i->kind), err_text(err));
        i->next_at = engine_now(e) + RETRY;
    } else if (!has_account(e, i)) {
        refuse(e, i, CYCLECLOUD_AUTH, err);
    } else if (i->state == INTENT_ACCEPTED) {
        leave_operation(e, i);
    } else {
        refuse(e, i, CYCLECLOUD_INVALID, err);
    }
}
