/* SPDX-License-Identifier: MIT */
#include "secrets.h"

#include "internal.h"

#include <string.h>

#define SEAL "$secret"
#define MASK "********"

/* What is under a seal; NULL: there is none. */
static json_t *sealed_value(const json_t *value) {
    return json_object_size(value) == 1 ? json_object_get(value, SEAL) : NULL;
}

json_t *secrets_open(const json_t *stored) {
    json_t *open = json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)stored, name, value) {
        json_t *inner = sealed_value(value);
        if (json_object_set(open, name, inner ? inner : value) < 0) {
            json_decref(open);
            return NULL;
        }
    }
    return open;
}

void secrets_mark(const json_t *stored, struct template *t) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)stored, name, value) {
        if (sealed_value(value))
            template_keep_secret(t, name);
    }
}

int secrets_seal(json_t *stored, const struct template *t) {
    const char *name;
    json_t *value;
    void *next;
    int news = 0;
    json_object_foreach_safe(stored, next, name, value) {
        if (sealed_value(value) || !template_parameter_secret(t, name))
            continue;
        json_t *seal = json_object();
        if (json_object_set(seal, SEAL, value) < 0 || json_object_set(stored, name, seal) < 0)
            news = -ENOMEM;
        json_decref(seal);
        if (news < 0)
            return news;
        news = 1;
    }
    return news;
}

json_t *secrets_mask(const json_t *stored, const struct template *t) {
    json_t *shown = json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)stored, name, value) {
        bool hidden =
            sealed_value(value) || !template_uses(t, name) || template_parameter_secret(t, name);
        json_t *seen = hidden ? json_string(MASK) : json_incref(value);
        if (json_object_set_new(shown, name, seen) < 0) {
            json_decref(shown);
            return NULL;
        }
    }
    return shown;
}

bool secrets_shown(const struct definition *d, const char **ret_path, const char **ret_node) {
    static const char *const lists[] = {"nodes", "nodearrays"};
    for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
        const json_t *nodes = json_object_get(definition_json(d), lists[k]);
        const json_t *shown = json_object_get(definition_public_json(d), lists[k]);
        for (size_t i = 0; i < json_array_size(nodes); i++) {
            const json_t *node = json_array_get(nodes, i);
            *ret_path = spec_masked_path(node, json_array_get(shown, i));
            *ret_node = json_string_value(json_object_get(node, "Name"));
            if (*ret_path)
                return true;
        }
    }
    return false;
}
