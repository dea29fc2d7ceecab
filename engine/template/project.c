/* SPDX-License-Identifier: MIT */
/* project.ini: what a project offers, and what a template may set of it. */
#include "project.h"

#include "entries.h"
#include "parser.h"
#include "schema.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

/* The attributes of a section as JSON, a new reference. NULL: out of memory. */
static json_t *section_json(struct scope *s, const struct section *section) {
    const struct entry_rules rules = {
        .type = section->type,
        .owner = {section_row(section->type)->word, section->name},
    };
    _cleanup_value_ struct value *record = section_evaluate(s, section, &rules);
    return record ? value_to_json(record, false) : NULL;
}

static int add_named(struct scope *s, json_t *object, const struct section *section) {
    const char *name = *section->name ? section->name : "default";
    return json_object_set_new(object, name, section_json(s, section));
}

/* "slurm.version" is the parameter configuration_slurm_version of templates. */
static json_t *parameter_name(const char *key) {
    _cleanup_buf_ struct buf b = BUF_INIT(VALUE_TEXT_MAX);
    (void)buf_puts(&b, "configuration_");
    for (const char *p = key; *p; p++)
        (void)buf_putc(&b, *p == '.' || *p == '-' || *p == ' ' ? '_' : *p);
    return buf_error(&b) < 0 ? NULL : json_string(b.data);
}

static int add_config(json_t *list, const struct section *section) {
    json_t *item = json_object();
    int r = item ? json_object_set_new(item, "Name", json_string(section->name)) : -ENOMEM;
    if (r == 0)
        r = json_object_set_new(item, "Parameter", parameter_name(section->name));
    if (r == 0)
        r = json_object_set_new(item, "Schema", schema_property(section));
    if (r == 0)
        return json_array_append_new(list, item);
    json_decref(item);
    return r;
}

static int add_section(struct scope *s, json_t *project, const struct section *section) {
    if (section->type == SECTION_SPEC)
        return add_named(s, json_object_get(project, "Specs"), section);
    if (section->type == SECTION_BLOBS)
        return add_named(s, json_object_get(project, "Blobs"), section);
    if (section->type == SECTION_CONFIG)
        return add_config(json_object_get(project, "Config"), section);
    if (section->type != SECTION_PROJECT)
        return 0;
    json_t *own = section_json(s, section);
    int r = own ? json_object_update(project, own) : -ENOMEM;
    json_decref(own);
    return r;
}

static int fill(const struct template *t, struct diagnostics *diags, json_t *project) {
    struct scope s;
    int r = scope_init(&s, t, "", NULL, NULL);
    s.diags = diags;
    for (size_t i = 0; r == 0 && i < t->file->children.len; i++)
        r = add_section(&s, project, t->file->children.items[i]);
    scope_done(&s);
    return r < 0 ? -ENOMEM : 0;
}

/* A project has one [project] section, which names it. */
static void check_project(const struct template *t, const json_t *project,
                          struct diagnostics *diags) {
    const struct finding no_project = {SEVERITY_ERROR, CODE_MISSING_PROJECT,
                                       .hint = "project.ini starts with [project]"};
    struct finding no_name = {SEVERITY_ERROR, CODE_MISSING_NAME, .hint = "add name = NAME"};
    struct finding no_version = {SEVERITY_WARNING, CODE_MISSING_VERSION,
                                 .hint = "add version = 1.0.0"};
    for (size_t i = 0; i < t->file->children.len; i++) {
        const struct section *s = t->file->children.items[i];
        if (s->type == SECTION_PROJECT)
            no_name.at = no_version.at = template_place(t, s->line, s->column);
    }
    if (!no_name.at.line)
        diagnostics_add(diags, &no_project, "there is no [project] section");
    else if (!json_object_get(project, "Name"))
        diagnostics_add(diags, &no_name, "the project has no name");
    else if (!json_object_get(project, "Version"))
        diagnostics_add(diags, &no_version, "the project has no version; 1.0.0 is taken");
}

int project_parse(const char *text, size_t len, struct diagnostics *diags, json_t **ret) {
    _cleanup_(template_freep) struct template *t = NULL;
    _cleanup_diagnostics_ struct diagnostics own = DIAGNOSTICS_INIT;
    if (!diags)
        diags = &own;
    size_t errors = diags->errors;
    int r = parser_read(text, len, LANGUAGE_PROJECT, diags, &t);
    if (r < 0)
        return r;
    json_t *project = json_pack("{s:{}, s:{}, s:[]}", "Specs", "Blobs", "Config");
    r = project ? fill(t, diags, project) : -ENOMEM;
    if (r == 0)
        check_project(t, project, diags);
    if (r == 0 && diags->out_of_memory)
        r = -ENOMEM;
    if (r == 0 && diags->errors > errors)
        r = -EINVAL;
    if (r == 0)
        *ret = json_incref(project);
    json_decref(project);
    return r;
}
