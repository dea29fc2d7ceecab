/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Retail prices of a market. They are kept beside the catalog, for machine types and prices are
   read apart and either may come first. */

static int compare_prices(const void *a, const void *b) {
    return strcasecmp(((const struct price *)a)->name, ((const struct price *)b)->name);
}

void prices_free(struct market *m) {
    for (size_t i = 0; i < m->price_list.len; i++)
        free(m->price_list.items[i].name);
    price_vec_done(&m->price_list);
    free(m->currency);
    m->currency = NULL;
}

static int add_price(struct price_vec *list, const struct cyclecloud_price *p) {
    struct price price = {.name = strdup(p->name)};
    *(p->spot ? &price.spot_hour_micro : &price.hour_micro) = p->hour_micro;
    int r = price.name ? price_vec_append(list, price) : -ENOMEM;
    if (r < 0)
        free(price.name);
    return r;
}

/* The lower of two prices that are known. */
static uint64_t lower(uint64_t a, uint64_t b) {
    return !a || (b && b < a) ? b : a;
}

/* One row for each name: the list has one for on-demand and one for spot, some even twice. */
static void join_names(struct price_vec *list) {
    size_t n = 0;
    for (size_t i = 0; i < list->len; i++) {
        struct price *p = &list->items[i], *last = n ? &list->items[n - 1] : NULL;
        if (!last || strcasecmp(last->name, p->name) != 0) {
            list->items[n++] = *p;
            continue;
        }
        last->hour_micro = lower(last->hour_micro, p->hour_micro);
        last->spot_hour_micro = lower(last->spot_hour_micro, p->spot_hour_micro);
        free(p->name);
    }
    list->len = n;
}

int prices_take(struct market *m, const struct cyclecloud_result *result) {
    prices_free(m);
    m->currency = strdup(result->n_prices ? result->prices[0].currency : "");
    int r = m->currency ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < result->n_prices; i++)
        r = add_price(&m->price_list, &result->prices[i]);
    if (r == 0 && m->price_list.len) {
        qsort(m->price_list.items, m->price_list.len, sizeof(struct price), compare_prices);
        join_names(&m->price_list);
    }
    return r;
}

void prices_apply(const struct market *m, struct machine_type *t) {
    struct price wanted = {.name = (char *)(uintptr_t)str_text(t->name)};
    const struct price *p =
        m->price_list.len
            ? bsearch(&wanted, m->price_list.items, m->price_list.len, sizeof(*p), compare_prices)
            : NULL;
    t->hour_micro = p ? p->hour_micro : 0;
    t->spot_hour_micro = p ? p->spot_hour_micro : 0;
    if (str_set(&t->currency, p ? m->currency : "") < 0)
        t->hour_micro = t->spot_hour_micro = 0; /* a price without its currency says nothing */
}
