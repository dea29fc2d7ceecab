/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "base/file.h"
#include "base/parse.h"
#include "model/limits.h"
#include "template/project.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define JSON_FLAGS (JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* Reads standard input to its end. 0 or -errno. */
static int read_input(struct buf *b) {
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0) {
        int r = buf_append(b, chunk, n);
        if (r < 0)
            return r;
    }
    return ferror(stdin) ? -EIO : 0;
}

static enum checker_status read_text(struct checker *c, const char *path, struct buf *b) {
    int r = strcmp(path, "-") == 0 ? read_input(b) : file_read(path, b);
    if (r == 0)
        return CHECKER_OK;
    const char *why = r == -E2BIG ? "it is longer than 4 MiB" : strerror(-r);
    (void)buf_printf(c->messages, "%s: %s\n", path, why);
    return CHECKER_FAILED;
}

static enum checker_status status_of(int r) {
    if (r == 0)
        return CHECKER_OK;
    return r == -EINVAL || r == -ENOENT || r == -E2BIG ? CHECKER_WRONG : CHECKER_FAILED;
}

static enum checker_status refuse_parameters(struct checker *c, const char *what,
                                             const struct error *err) {
    const struct finding finding = {SEVERITY_ERROR, CODE_INVALID_PARAMETER_FILE};
    diagnostics_add(&c->parameter_diags, &finding, "%s%s", what, err_text(err));
    return CHECKER_WRONG;
}

/* `NAME=VALUE` of the command line, read like a line of a parameter file. */
static enum checker_status add_value(struct checker *c, const char *text) {
    _cleanup_error_ struct error err = ERROR_INIT;
    json_t *one = NULL;
    if (parameters_parse(text, strlen(text), &err, &one) < 0)
        return refuse_parameters(c, "-P: ", &err);
    int r = json_object_update(c->given, one);
    json_decref(one);
    return r < 0 ? CHECKER_FAILED : CHECKER_OK;
}

static enum checker_status read_parameters(struct checker *c) {
    const struct checker_request *q = c->request;
    _cleanup_error_ struct error err = ERROR_INIT;
    _cleanup_buf_ struct buf text = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    enum checker_status status = CHECKER_OK;
    if (q->parameters)
        status = read_text(c, q->parameters, &text);
    if (status == CHECKER_OK && q->parameters &&
        parameters_parse(text.data, text.len, &err, &c->given) < 0)
        status = refuse_parameters(c, "", &err);
    if (!c->given)
        c->given = json_object();
    for (size_t i = 0; status == CHECKER_OK && q->values && q->values[i]; i++)
        status = add_value(c, q->values[i]);
    return c->given ? status : CHECKER_FAILED;
}

/* The template has errors: what would be wrong with it besides. */
static enum checker_status find_more(struct checker *c) {
    _cleanup_diagnostics_ struct diagnostics found = DIAGNOSTICS_INIT;
    if (read_parameters(c) == CHECKER_FAILED)
        return CHECKER_FAILED;
    const struct evaluation_input input = {
        .cluster_name = c->request->name ? c->request->name : "cluster",
        .template_cluster = c->request->cluster,
        .parameters = c->given,
    };
    if (template_find_errors(c->text.data, c->text.len, &input, &found) == -ENOMEM)
        return CHECKER_FAILED;
    diagnostics_merge(&c->diags, &found);
    return CHECKER_WRONG;
}

static enum checker_status parse(struct checker *c) {
    const struct finding finding = {SEVERITY_ERROR, CODE_FILE_TOO_LARGE};
    enum checker_status status = read_text(c, c->file, &c->text);
    if (status != CHECKER_OK)
        return status;
    int r = template_parse(c->text.data, c->text.len, &c->diags, &c->template);
    if (r == -E2BIG)
        diagnostics_add(&c->diags, &finding, "it is longer than 4 MiB");
    if (r == -EINVAL && c->checks)
        return find_more(c);
    return status_of(r);
}

/* Evaluates one [cluster]; `ret` may be NULL. */
static enum checker_status evaluate(struct checker *c, const char *cluster,
                                    struct definition **ret) {
    _cleanup_diagnostics_ struct diagnostics found = DIAGNOSTICS_INIT;
    _cleanup_(definition_freep) struct definition *d = NULL;
    const struct evaluation_input input = {
        .cluster_name = c->request->name ? c->request->name : cluster,
        .template_cluster = cluster,
        .parameters = c->given,
    };
    int r = template_evaluate(c->template, &input, &found, &d);
    diagnostics_merge(&c->diags, &found);
    if (r == 0 && report_missing(c, d) < 0)
        r = -ENOMEM;
    if (r == 0 && ret)
        *ret = TAKE_PTR(d);
    return status_of(r);
}

/* Takes values of the wrong type out: they are told already, and hide what else is wrong. */
static int drop_wrong_values(struct checker *c) {
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(c->given, next, name, value) {
        json_t *one = json_pack("{s:O}", name, value);
        int r = one ? template_check_parameters(c->template, one, NULL) : -ENOMEM;
        json_decref(one);
        if (r == -EINVAL)
            (void)json_object_del(c->given, name);
        else if (r < 0)
            return r;
    }
    return 0;
}

static enum checker_status check_parameters(struct checker *c) {
    int r = template_check_parameters(c->template, c->given, &c->parameter_diags);
    enum checker_status status = status_of(r);
    return status == CHECKER_WRONG && drop_wrong_values(c) < 0 ? CHECKER_FAILED : status;
}

/* All clusters but abstract ones, or the one that was asked for. */
static enum checker_status run_check(struct checker *c) {
    const char *name = c->request->cluster;
    enum checker_status status = read_parameters(c);
    if (status == CHECKER_OK)
        status = check_parameters(c);
    if (status == CHECKER_FAILED)
        return status;
    if (name) {
        enum checker_status one = evaluate(c, name, NULL);
        return one > status ? one : status;
    }
    for (size_t i = 0; i < template_cluster_count(c->template); i++) {
        if (template_cluster_abstract(c->template, i))
            continue;
        enum checker_status one = evaluate(c, template_cluster_name(c->template, i), NULL);
        status = one > status ? one : status;
    }
    return status;
}

static enum checker_status print_json(struct checker *c, json_t *json) {
    char *text = json ? json_dumps(json, JSON_FLAGS) : NULL;
    int r = text ? buf_printf(c->output, "%s\n", text) : -ENOMEM;
    free(text);
    return r < 0 ? CHECKER_FAILED : CHECKER_OK;
}

static const char *chosen_cluster(const struct checker *c) {
    if (c->request->cluster)
        return c->request->cluster;
    for (size_t i = 0; i < template_cluster_count(c->template); i++)
        if (!template_cluster_abstract(c->template, i))
            return template_cluster_name(c->template, i);
    return template_cluster_name(c->template, 0);
}

static enum checker_status run_expand(struct checker *c) {
    _cleanup_(definition_freep) struct definition *d = NULL;
    enum checker_status status = read_parameters(c);
    if (status == CHECKER_OK)
        status = check_parameters(c);
    if (status == CHECKER_OK)
        status = evaluate(c, chosen_cluster(c), &d);
    if (status != CHECKER_OK)
        return status;
    if (!c->request->origins)
        return print_json(c, definition_public_json(d));
    json_t *origins = NULL;
    int r = definition_origins(d, &origins);
    if (r == 0)
        r = origins_put(origins, c->output);
    json_decref(origins);
    return r < 0 ? CHECKER_FAILED : CHECKER_OK;
}

static enum checker_status run_schema(struct checker *c) {
    json_t *schema = template_schema(c->template);
    enum checker_status status = print_json(c, schema);
    json_decref(schema);
    return status;
}

static enum checker_status run_format(struct checker *c) {
    return status_of(template_format(c->text.data, c->text.len, NULL, c->output));
}

/* project.ini: a language of its own, and small. */
static enum checker_status run_project(struct checker *c) {
    json_t *project = NULL;
    bool expands = strcmp(c->request->command, "expand") == 0;
    if (!expands && !c->checks) {
        (void)buf_printf(c->messages, "%s: a project.ini can be checked and expanded only\n",
                         c->file);
        return CHECKER_FAILED;
    }
    enum checker_status status = read_text(c, c->file, &c->text);
    if (status == CHECKER_OK)
        status = status_of(project_parse(c->text.data, c->text.len, &c->diags, &project));
    if (status == CHECKER_OK && expands)
        status = print_json(c, project);
    json_decref(project);
    return status;
}

static bool is_project(const char *path) {
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, "project.ini") == 0;
}

static const struct {
    const char *name;
    enum checker_status (*run)(struct checker *c);
} commands[] = {
    {"check", run_check},
    {"expand", run_expand},
    {"schema", run_schema},
    {"format", run_format},
};

static enum checker_status run(struct checker *c) {
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i].name, c->request->command) != 0)
            continue;
        c->checks = commands[i].run == run_check;
        if (is_project(c->file))
            return run_project(c);
        enum checker_status status = parse(c);
        return status == CHECKER_OK ? commands[i].run(c) : status;
    }
    (void)buf_printf(
        c->messages,
        "unknown command '%s': the commands are check, expand, schema, format and lsp\n",
        c->request->command);
    return CHECKER_FAILED;
}

static void done(struct checker *c) {
    template_free(c->template);
    json_decref(c->given);
    json_decref(c->missing);
    diagnostics_done(&c->diags);
    diagnostics_done(&c->parameter_diags);
    buf_done(&c->text);
}

static enum checker_status run_file(const struct checker *common, const char *file,
                                    struct report *report) {
    struct checker c = *common;
    c.file = file;
    c.text = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    c.missing = json_array();
    enum checker_status status = c.missing ? run(&c) : CHECKER_FAILED;
    if (report_add(report, &c, status) < 0)
        status = CHECKER_FAILED;
    done(&c);
    return status;
}

enum checker_status checker_run(const struct checker_request *request, struct buf *output,
                                struct buf *messages) {
    const struct checker common = {.request = request, .output = output, .messages = messages};
    enum checker_status worst = CHECKER_OK;
    struct report report = {0};
    for (size_t i = 0; request->files[i]; i++) {
        enum checker_status status = run_file(&common, request->files[i], &report);
        worst = status > worst ? status : worst;
    }
    if (report_finish(&report, request, output) < 0)
        worst = CHECKER_FAILED;
    report_done(&report);
    return worst;
}
