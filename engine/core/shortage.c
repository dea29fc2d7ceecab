/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* Kinds of machines that the cloud did not have. They are kept in the snapshot's catalog, where
 * readers see them too; a write takes all rows out, changes some and puts them back. */

DEFINE_VEC(shortage_vec, struct shortage);

static struct shortage_vec take_rows(struct engine *e) {
    const struct snapshot *now = engine_state(e);
    const struct catalog *c = now ? now->catalog : NULL;
    struct shortage_vec v = {0};
    if (!c || !c->n_shortages)
        return v;
    if (shortage_vec_reserve(&v, c->n_shortages) < 0) {
        engine_fail(e, -ENOMEM);
        return v;
    }
    memcpy(v.items, c->shortages, c->n_shortages * sizeof(*v.items));
    v.len = c->n_shortages;
    return v;
}

static void put_rows(struct engine *e, struct shortage_vec *v) {
    if (!e->failed)
        catalog_replace_shortages(e, v->items, v->len);
    shortage_vec_done(v);
}

/* The row of this kind, at the end if it is new; its texts are borrowed. */
static struct shortage *row_of(struct engine *e, struct shortage_vec *v,
                               const struct array_spec *spec, struct str *machine_type) {
    const struct shortage *known = snapshot_shortage(engine_state(e), spec, str_text(machine_type));
    if (known)
        return &v->items[known - engine_state(e)->catalog->shortages];
    struct shortage made = {.account = spec->account,
                            .region = spec->region,
                            .machine_type = machine_type,
                            .hold = HOLD_CAPACITY,
                            .spot = spec->spot};
    return shortage_vec_append(v, made) < 0 ? NULL : &v->items[v->len - 1];
}

static void hold_off(struct shortage *x, usec_t now) {
    bool again = x->delay && !shortage_forgotten(x, now);
    x->delay = again ? x->delay * 2 : RETRY_CAPACITY_MIN;
    if (x->delay > RETRY_CAPACITY_MAX)
        x->delay = RETRY_CAPACITY_MAX;
    x->failed_at = now;
    x->until = now + x->delay;
}

static bool is_held_off(const struct snapshot *s, const struct array_spec *spec,
                        const char *machine_type, usec_t now) {
    const struct shortage *x = snapshot_shortage(s, spec, machine_type);
    return x && x->until > now;
}

/* What a new row says. */
struct shortage_news {
    const struct array_spec *spec;
    const char *machine_type, *message;
    enum hold hold;
};

static void add(struct engine *e, const struct shortage_news *news) {
    usec_t now = engine_now(e);
    if (!engine_state(e) || is_held_off(engine_state(e), news->spec, news->machine_type, now))
        return; /* no memory; or the same shortage, seen by another request */
    _cleanup_str_ struct str *name = str_new_c(news->machine_type);
    _cleanup_str_ struct str *message = str_new_c(news->message);
    struct shortage_vec v = take_rows(e);
    struct shortage *x = name && message && !e->failed ? row_of(e, &v, news->spec, name) : NULL;
    if (x) {
        hold_off(x, now);
        x->hold = news->hold;
        x->message = message; /* borrowed, as all texts of these rows are */
    } else {
        engine_fail(e, -ENOMEM);
    }
    put_rows(e, &v);
}

void shortage_add(struct engine *e, const struct array *a, const char *machine_type) {
    add(e, &(struct shortage_news){a->spec, machine_type, "", HOLD_CAPACITY});
}

void shortage_add_quota(struct engine *e, const struct array *a, const char *machine_type,
                        const char *message) {
    add(e, &(struct shortage_news){a->spec, machine_type, message, HOLD_QUOTA});
}

void shortage_clear(struct engine *e, const struct array *a, const char *machine_type) {
    const struct snapshot *now = engine_state(e);
    const struct shortage *known = now ? snapshot_shortage(now, a->spec, machine_type) : NULL;
    if (!known)
        return;
    size_t at = (size_t)(known - now->catalog->shortages);
    struct shortage_vec v = take_rows(e);
    if (v.len)
        shortage_vec_remove(&v, at);
    put_rows(e, &v);
}

void shortage_lift(struct engine *e) {
    struct shortage_vec v = take_rows(e);
    bool any = v.len;
    for (size_t i = 0; i < v.len; i++)
        v.items[i].until = engine_now(e);
    if (any)
        put_rows(e, &v);
}

void shortage_shift(struct engine *e, int64_t by) {
    struct shortage_vec v = take_rows(e);
    bool any = v.len;
    for (size_t i = 0; i < v.len; i++) {
        v.items[i].failed_at += (usec_t)by;
        v.items[i].until += (usec_t)by;
    }
    if (any)
        put_rows(e, &v);
}
