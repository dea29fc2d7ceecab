/* SPDX-License-Identifier: MIT */
/* Where the values of a definition come from. */
#include "origin.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

/* The node, cluster or whatever holds the attributes of a section: what people call it by. */
static const struct section *holder(const struct section *s) {
    while (s->parent && s->parent->type != SECTION_FILE && s->parent->type != SECTION_CLUSTER)
        s = s->parent;
    return s;
}

static int put_place(json_t *row, unsigned line, const struct section *section) {
    const struct section *s = holder(section);
    int r = json_object_set_new(row, "line", json_integer(line));
    if (r < 0)
        return r;
    return json_object_set_new(row, "in",
                               json_sprintf("%s %s", section_row(s->type)->word, s->name));
}

#define NAME_WORK 4u /* to tell where a parameter comes from, of EVAL_WORK_MAX */

struct names {
    struct scope *s;
    json_t *found;
};

/* Each parameter of an expression: given, or by default. */
static int put_name(void *arg, const struct expr *e) {
    struct names *names = arg;
    (void)eval_spend(&names->s->ev, NAME_WORK);
    const struct section *p = template_parameter(names->s->t, e->name);
    if (p)
        return json_object_set_new(names->found, p->name, origin_of_parameter(names->s, p));
    if (value_record_get(names->s->extra, e->name))
        return json_object_set_new(names->found, e->name, json_string("given"));
    return 0;
}

static int put_parameters(struct scope *s, json_t *row, const struct attribute *a) {
    struct names names = {s, json_object()};
    int r = names.found ? 0 : -ENOMEM;
    if (r == 0 && a->expr)
        r = expr_visit_names(a->expr, put_name, &names);
    if (r < 0 || json_object_size(names.found) == 0) {
        json_decref(names.found);
        return r;
    }
    return json_object_set_new(row, "parameters", names.found);
}

json_t *origin_of_parameter(struct scope *s, const struct section *parameter) {
    const struct attribute *a = section_attribute(parameter, "DefaultValue");
    unsigned line = a ? a->line : parameter->children.len ? parameter->children.items[0]->line : 0;
    if (scope_parameter_given(s, parameter))
        return json_string("given");
    return line ? json_sprintf("default, line %u", line) : json_string("no default");
}

/* "nodes.head.Attributes." or "cluster." NULL: out of memory. */
static char *make_path(const struct entry_rules *rules, const char *key) {
    char *path = NULL;
    int n;
    if (rules->type == SECTION_CLUSTER)
        n = asprintf(&path, "cluster.%s", key);
    else if (rules->late_path)
        n = asprintf(&path, "%ss.%s.%s.%s", rules->owner.kind, rules->owner.name, rules->late_path,
                     key);
    else
        n = asprintf(&path, "%ss.%s.%s", rules->owner.kind, rules->owner.name, key);
    return n < 0 ? NULL : path;
}

/* Steals `row`. */
static int keep(struct scope *s, const char *path, json_t *row, int r) {
    if (r < 0 || !path) {
        json_decref(row);
        return -ENOMEM;
    }
    return json_object_set_new(s->origins, path, row) < 0 ? -ENOMEM : 0;
}

int origin_note(struct scope *s, const struct entry_rules *rules, const char *key,
                const struct attribute *a, const struct value *v) {
    if (!s->origins || rules->type == SECTION_CLUSTER_INIT)
        return 0;
    _cleanup_free_ char *path = make_path(rules, key);
    json_t *row = json_object();
    int r = row ? 0 : -ENOMEM;
    if (r == 0 && v)
        r = json_object_set_new(row, "value", value_to_json(v, true));
    else if (r == 0)
        r = json_object_set_new(row, "later", json_stringn(a->source, a->source_len));
    if (r == 0)
        r = put_place(row, a->line, a->section);
    if (r == 0)
        r = put_parameters(s, row, a);
    return keep(s, path, row, r);
}

int origin_note_section(struct scope *s, const struct section *section, struct owner owner,
                        const char *name) {
    if (!s->origins)
        return 0;
    _cleanup_free_ char *path = NULL;
    if (asprintf(&path, "%ss.%s.ClusterInit.%s", owner.kind, owner.name, name) < 0)
        return -ENOMEM;
    json_t *row = json_object();
    int r = row ? put_place(row, section->line, section) : -ENOMEM;
    return keep(s, path, row, r);
}

int origin_note_parameter(struct scope *s, const struct section *p, const struct value *v) {
    if (!s->origins)
        return 0;
    _cleanup_free_ char *path = NULL;
    if (asprintf(&path, "parameters.%s", p->name) < 0)
        return -ENOMEM;
    json_t *row = json_object();
    int r = row ? json_object_set_new(row, "value", value_to_json(v, true)) : -ENOMEM;
    if (r == 0)
        r = json_object_set_new(row, "from", origin_of_parameter(s, p));
    if (r == 0 && !scope_parameter_given(s, p) && scope_parameter_muted(s, p))
        r = json_object_set_new(row, "excluded", json_true());
    return keep(s, path, row, r);
}

int origins_put(const json_t *origins, struct buf *b) {
    const char *path, *separator = "\n";
    json_t *row;
    (void)buf_putc(b, '{');
    json_object_foreach((json_t *)origins, path, row) {
        char *text = json_dumps(row, JSON_REAL_PRECISION(15));
        json_t *name = json_string(path);
        char *key = name ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
        int r = text && key ? buf_printf(b, "%s  %s: %s", separator, key, text) : -ENOMEM;
        json_decref(name);
        free(text);
        free(key);
        if (r < 0)
            return r;
        separator = ",\n";
    }
    return buf_puts(b, "\n}\n");
}
