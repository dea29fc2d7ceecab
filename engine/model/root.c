/* SPDX-License-Identifier: MIT */
#include "root.h"

#include "limits.h"

#include <string.h>

struct snapshot *model_root_copy(const struct snapshot *s) {
    struct snapshot *copy = malloc(sizeof(*copy));
    if (!copy)
        return NULL;
    /* Not the whole struct: `refs` and `newer` belong to the model's mutex. */
    *copy = (struct snapshot){
        .revision = s->revision,
        .at = s->at,
        .clusters_at = s->clusters_at,
        .clusters = s->clusters,
        .catalog = s->catalog,
        .last_errors = s->last_errors,
        .n_last_errors = s->n_last_errors,
        .server = s->server,
        .model = s->model,
    };
    memcpy(copy->items, s->items, sizeof(copy->items));
    memcpy(copy->items_at, s->items_at, sizeof(copy->items_at));
    (void)str_ref(copy->server.health_text);
    (void)str_ref(copy->server.version);
    (void)str_ref(copy->server.config);
    (void)str_ref(copy->server.trace);
    return copy;
}

void model_root_free(struct snapshot *s) {
    if (!s)
        return;
    str_unref(s->server.health_text);
    str_unref(s->server.version);
    str_unref(s->server.config);
    str_unref(s->server.trace);
    free(s);
}

struct last_error *model_last_errors_copy(const struct last_error *from, size_t n) {
    size_t room = n > LIMIT_LAST_ERRORS ? n : LIMIT_LAST_ERRORS;
    struct last_error *copy = calloc(room, sizeof(*copy));
    if (!copy)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        copy[i] = from[i];
        (void)str_ref(copy[i].text);
    }
    return copy;
}

void model_last_errors_free(struct last_error *errors, size_t n) {
    for (size_t i = 0; i < n; i++)
        str_unref(errors[i].text);
    free(errors);
}

struct catalog *catalog_new(size_t n_types, size_t n_quotas, size_t n_shortages) {
    struct catalog *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->types = calloc(n_types + 1, sizeof(*c->types));
    c->quotas = calloc(n_quotas + 1, sizeof(*c->quotas));
    c->shortages = calloc(n_shortages + 1, sizeof(*c->shortages));
    if (!c->types || !c->quotas || !c->shortages) {
        catalog_free(c);
        return NULL;
    }
    c->n_types = n_types;
    c->n_quotas = n_quotas;
    c->n_shortages = n_shortages;
    return c;
}

void catalog_free(struct catalog *c) {
    if (!c)
        return;
    for (size_t i = 0; i < c->n_types; i++) {
        struct machine_type *t = &c->types[i];
        str_unref(t->name);
        str_unref(t->family);
        str_unref(t->account);
        str_unref(t->region);
        str_unref(t->currency);
    }
    for (size_t i = 0; i < c->n_quotas; i++) {
        struct quota *q = &c->quotas[i];
        str_unref(q->name);
        str_unref(q->label);
        str_unref(q->account);
        str_unref(q->region);
    }
    for (size_t i = 0; i < c->n_shortages; i++) {
        struct shortage *x = &c->shortages[i];
        str_unref(x->account);
        str_unref(x->region);
        str_unref(x->machine_type);
        str_unref(x->message);
    }
    free(c->types);
    free(c->quotas);
    free(c->shortages);
    free(c);
}
