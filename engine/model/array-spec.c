/* SPDX-License-Identifier: MIT */
#include "array-spec.h"

struct str_list *str_list_new(const char *const *items, size_t n) {
    if (n == 0 || n > (SIZE_MAX - sizeof(struct str_list)) / sizeof(struct str *))
        return NULL;
    struct str_list *l = calloc(1, sizeof(*l) + n * sizeof(struct str *));
    if (!l)
        return NULL;
    l->refs = 1;
    for (; l->len < n; l->len++) {
        l->items[l->len] = str_new_c(items[l->len]);
        if (l->items[l->len])
            continue;
        str_list_unref(l);
        return NULL;
    }
    return l;
}

struct str_list *str_list_ref(struct str_list *l) {
    if (l)
        l->refs++;
    return l;
}

void str_list_unref(struct str_list *l) {
    if (!l || --l->refs > 0)
        return;
    for (size_t i = 0; i < l->len; i++)
        str_unref(l->items[i]);
    free(l);
}

struct array_spec *array_spec_new(void) {
    struct array_spec *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->refs = 1;
    s->max_price = -1;
    s->max_count = s->max_core_count = -1;
    s->await_installation = s->install_agent = true;
    return s;
}

struct array_spec *array_spec_ref(struct array_spec *s) {
    if (s)
        s->refs++;
    return s;
}

void array_spec_unref(struct array_spec *s) {
    if (!s || --s->refs > 0)
        return;
    struct str *const texts[] = {
        s->account,
        s->region,
        s->subnet,
        s->image,
        s->image_id,
        s->computer_name,
        s->computer_name_prefix,
        s->dns_label,
        s->placement_group,
        s->proximity_placement_group_id,
        s->cloud_init,
        s->username,
        s->security_type,
        s->tags,
        s->volumes,
        s->security_group_id,
        s->endpoints,
        s->plan,
        s->image_os,
        s->password,
        s->license_type,
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        str_unref(texts[i]);
    str_list_unref(s->machine_types);
    str_list_unref(s->zones);
    str_list_unref(s->identities);
    str_list_unref(s->application_security_groups);
    free(s);
}
