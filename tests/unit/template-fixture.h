/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_FIXTURE_H
#define TEMPLATE_FIXTURE_H

/* Short ways to a definition, for the tests of templates. */

#include "base/file.h"
#include "model/limits.h"
#include "template/template.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JSON_FLAGS (JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15))

/* A template and what became of it. */
struct result {
    struct template *t;
    struct definition *d;
    struct diagnostics diags;
    int parsed, evaluated;
    char *text; /* the diagnostics as a person sees them */
};

static inline void result_done(struct result *r) {
    definition_free(r->d);
    template_free(r->t);
    diagnostics_done(&r->diags);
    free(r->text);
}

/* Parses and evaluates as cluster "My Lab"; `given` is JSON text or NULL. */
static inline struct result run_template(const char *text, const char *given) {
    struct result r = {.evaluated = -EINVAL};
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    json_t *parameters = given ? json_loads(given, 0, NULL) : NULL;
    assert_true(!given || parameters);
    r.parsed = template_parse(text, strlen(text), &r.diags, &r.t);
    const struct evaluation_input input = {.cluster_name = "My Lab", .parameters = parameters};
    if (r.parsed == 0)
        r.evaluated = template_evaluate(r.t, &input, &r.diags, &r.d);
    json_decref(parameters);
    assert_int_equal(diagnostics_format(&r.diags, "t", &b), 0);
    r.text = buf_take(&b);
    return r;
}

/* The value at a path "nodes.0.Attributes.MachineType" of a JSON value, or NULL. Borrowed. */
static inline json_t *json_at(json_t *json, const char *path) {
    char key[128];
    while (json && *path) {
        size_t len = strcspn(path, "/");
        assert_true(len < sizeof(key));
        memcpy(key, path, len);
        key[len] = '\0';
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(key))
                                   : json_object_get(json, key);
        path += len + (path[len] == '/');
    }
    return json;
}

/* What stands at `path` must be this JSON text; "" means nothing is there. */
static inline void expect_json(json_t *json, const char *path, const char *expected) {
    json_t *at = json_at(json, path);
    char *text = at ? json_dumps(at, JSON_FLAGS) : strdup("");
    assert_non_null(text);
    if (strcmp(text, expected) != 0)
        print_error("at %s\n", path);
    assert_string_equal(text, expected);
    free(text);
}

static inline void expect(const struct result *r, const char *path, const char *expected) {
    if (r->evaluated != 0)
        print_error("%s", r->text);
    assert_int_equal(r->evaluated, 0);
    expect_json(definition_json(r->d), path, expected);
}

static inline void expect_text(const struct result *r, const char *part) {
    if (!strstr(r->text, part))
        print_error("not found: %s\n    in: %s\n", part, r->text);
    assert_non_null(strstr(r->text, part));
}

#endif
