/* SPDX-License-Identifier: MIT */
#include "security-group.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool security_group_applies(const struct array_spec *s) {
    return s && s->public_ip && !str_len(s->security_group_id);
}

static int compare_openings(const void *x, const void *y) {
    const struct opening *a = x, *b = y;
    return a->port != b->port ? (a->port > b->port) - (a->port < b->port) : a->udp - b->udp;
}

/* PublicPort, or PrivatePort where that is not given; the two never differ (template/node.c). */
static int add_opening(struct opening_vec *v, const json_t *endpoint) {
    const json_t *port = json_object_get(endpoint, "PublicPort");
    const char *protocol = json_string_value(json_object_get(endpoint, "Protocol"));
    json_int_t n = json_integer_value(port ? port : json_object_get(endpoint, "PrivatePort"));
    if (n < 1 || n > UINT16_MAX)
        return 0;
    struct opening o = {.port = (uint16_t)n, .udp = protocol && strcasecmp(protocol, "udp") == 0};
    (void)snprintf(o.name, sizeof(o.name), "%s-%u", o.udp ? "udp" : "tcp", o.port);
    return opening_vec_append(v, o);
}

static int add_array(struct opening_vec *v, const struct array_spec *s) {
    json_t *endpoints = str_len(s->endpoints)
                            ? json_loadb(str_text(s->endpoints), str_len(s->endpoints), 0, NULL)
                            : NULL;
    int r = str_len(s->endpoints) && !endpoints ? -ENOMEM : 0;
    const char *name;
    json_t *endpoint;
    json_object_foreach(endpoints, name, endpoint) {
        if (r == 0)
            r = add_opening(v, endpoint);
    }
    json_decref(endpoints);
    return r;
}

static void sort_each_once(struct opening_vec *v) {
    size_t n = 0;
    if (v->len)
        qsort(v->items, v->len, sizeof(*v->items), compare_openings);
    for (size_t i = 0; i < v->len; i++)
        if (n == 0 || compare_openings(&v->items[n - 1], &v->items[i]) != 0)
            v->items[n++] = v->items[i];
    v->len = n;
}

int security_group_openings(const struct cluster *c, const char *region, struct opening_vec *ret) {
    int r = 0;
    for (size_t i = 0; i < c->arrays.len && r == 0; i++) {
        const struct array *a = cluster_array(c, i);
        if (!a->gone && security_group_applies(a->spec) &&
            strcasecmp(str_text(a->spec->region), region) == 0)
            r = add_array(ret, a->spec);
    }
    sort_each_once(ret);
    return r;
}

int security_group_hash(const struct cluster *c, const char *region, uint32_t *ret) {
    struct opening_vec v = {0};
    int r = security_group_openings(c, region, &v);
    uint32_t h = 1;
    for (size_t i = 0; i < v.len; i++)
        h = h * 0x01000193u + v.items[i].port * 2u + v.items[i].udp;
    opening_vec_done(&v);
    *ret = h ? h : 1;
    return r;
}

char *security_group_name(const struct cluster *c, const char *region) {
    char *name = NULL;
    if (strcasecmp(str_text(c->region), region) == 0)
        return strdup("cyclecloud-nsg");
    return asprintf(&name, "cyclecloud-nsg-%s", region) < 0 ? NULL : name;
}

static struct security_group *find(const struct security_group_vec *groups, const char *region) {
    for (size_t i = 0; i < groups->len; i++)
        if (strcasecmp(str_text(groups->items[i].region), region) == 0)
            return &groups->items[i];
    return NULL;
}

const struct security_group *security_group_find(const struct security_group_vec *groups,
                                                 const char *region) {
    return find(groups, region);
}

int security_group_note(struct security_group_vec *groups, const char *region, uint32_t hash) {
    struct security_group *known = find(groups, region);
    if (known) {
        known->hash = hash;
        return 0;
    }
    struct security_group fresh = {str_new(region, strlen(region)), hash};
    int r = fresh.region ? security_group_vec_append(groups, fresh) : -ENOMEM;
    if (r < 0)
        str_unref(fresh.region);
    return r;
}

void security_groups_forget(struct security_group_vec *groups) {
    for (size_t i = 0; i < groups->len; i++)
        str_unref(groups->items[i].region);
    security_group_vec_done(groups);
}
