/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct shortage *find(const struct engine *e, const struct array_spec *s,
                             const char *machine_type) {
    for (size_t i = 0; i < e->shortages.len; i++) {
        struct shortage *x = &e->shortages.items[i];
        if (x->spot == s->spot && strcasecmp(x->machine_type, machine_type) == 0 &&
            str_equal(s->account, x->account) && str_equal(s->region, x->region))
            return x;
    }
    return NULL;
}

static void release(struct shortage *x) {
    free(x->account);
    free(x->region);
    free(x->machine_type);
}

void shortage_add(struct engine *e, const struct array *a, const char *machine_type) {
    struct shortage *x = find(e, a->spec, machine_type);
    if (!x) {
        struct shortage made = {
            .account = strdup(str_text(a->spec->account)),
            .region = strdup(str_text(a->spec->region)),
            .machine_type = strdup(machine_type),
            .spot = a->spec->spot,
        };
        if (!made.account || !made.region || !made.machine_type ||
            shortage_vec_append(&e->shortages, made) < 0) {
            release(&made);
            engine_fail(e, -ENOMEM);
            return;
        }
        x = &e->shortages.items[e->shortages.len - 1];
    }
    usec_t now = engine_now(e);
    if (x->until > now)
        return; /* the same shortage, seen by another request */
    x->delay = x->delay ? x->delay * 2 : RETRY_CAPACITY_MIN;
    if (x->delay > RETRY_CAPACITY_MAX)
        x->delay = RETRY_CAPACITY_MAX;
    x->until = now + x->delay;
}

void shortage_clear(struct engine *e, const struct array *a, const char *machine_type) {
    struct shortage *x = find(e, a->spec, machine_type);
    if (!x)
        return;
    release(x);
    shortage_vec_remove(&e->shortages, (size_t)(x - e->shortages.items));
}

usec_t shortage_until(const struct engine *e, const struct array_spec *spec,
                      const char *machine_type) {
    const struct shortage *x = find(e, spec, machine_type);
    return x && x->until > engine_now(e) ? x->until : 0;
}

void shortage_lift(struct engine *e) {
    for (size_t i = 0; i < e->shortages.len; i++)
        e->shortages.items[i].until = 0;
}

void shortage_free_all(struct engine *e) {
    for (size_t i = 0; i < e->shortages.len; i++)
        release(&e->shortages.items[i]);
    shortage_vec_done(&e->shortages);
}
