/* SPDX-License-Identifier: MIT */
#include "credentials.h"

#include <stdlib.h>
#include <string.h>

/* The cloud refuses the credentials of an account: who waits for it is told. */

/* What is planned for its clusters, and who waits for them, is looked at again. */
static void account_dirty(struct engine *e, const char *account) {
    const struct snapshot *s = engine_state(e);
    for (size_t i = 0; s && i < s->clusters.len; i++) {
        const struct cluster *c = s->clusters.items[i];
        if (str_equal(c->account, account))
            engine_dirty(e, c->id);
    }
}

void credentials_forget(struct engine *e) {
    free(e->auth_text);
    free(e->auth_account);
    e->auth_text = e->auth_account = NULL;
}

void credentials_note(struct engine *e, const char *account,
                      const struct cyclecloud_result *result) {
    bool refused = result->result == CYCLECLOUD_AUTH;
    bool same = e->auth_account && strcmp(e->auth_account, account) == 0;
    bool news =
        refused ? !same || !e->auth_text || strcmp(e->auth_text, result->message) != 0 : same;
    if (!news)
        return;
    credentials_forget(e);
    e->auth_text = refused ? strdup(result->message) : NULL;
    e->auth_account = refused ? strdup(account) : NULL;
    account_dirty(e, account);
}

const char *credentials_refused(const struct engine *e, const struct cluster *c) {
    bool of_it = e->auth_text && e->auth_account && str_equal(c->account, e->auth_account);
    return of_it ? e->auth_text : NULL;
}
