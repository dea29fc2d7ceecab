/* SPDX-License-Identifier: MIT */
#include "parameter.h"

#include "base/parse.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    enum want want;
    bool secret, multiline;
    enum parameter_shape shape;
} types[] = {
    {"Boolean", WANT_BOOLEAN},
    {"Integer", WANT_INTEGER},
    {"Float", WANT_NUMBER},
    {"Number", WANT_NUMBER},
    {"String", WANT_TEXT},
    {"Text", WANT_TEXT, .multiline = true},
    {"Password", WANT_TEXT, .secret = true},
    {"Record", WANT_RECORD},
    {"hidden", WANT_ANY},
    {"StringList", WANT_ANY, .shape = SHAPE_TEXTS},
    {"HtmlTemplate", WANT_ANY, .shape = SHAPE_TEXT},
    {"Cloud.MachineType", WANT_ANY, .shape = SHAPE_TEXTS},
    {"Cloud.ClusterInitSpecs", WANT_ANY, .shape = SHAPE_SPECS},
    {"Cloud.ClusterInit", WANT_ANY, .shape = SHAPE_SPECS},
    {"Cloud.ChefRepo", WANT_ANY, .shape = SHAPE_SPECS},
    {"Cloud.Image", WANT_ANY, .shape = SHAPE_TEXT},
    {"Cloud.Credentials", WANT_ANY, .shape = SHAPE_TEXT},
    {"Cloud.Region", WANT_ANY, .shape = SHAPE_TEXT},
    {"Cloud.Provider", WANT_ANY, .shape = SHAPE_TEXT},
    {"Cloud.Environment", WANT_ANY, .shape = SHAPE_TEXT},
    {"Azure.Subnet", WANT_ANY, .shape = SHAPE_TEXT},
    {"Azure.ManagedIdentity", WANT_ANY, .shape = SHAPE_TEXTS},
    {"Azure.StorageAccount", WANT_ANY, .shape = SHAPE_TEXT},
    {"Azure.MachineType", WANT_ANY, .shape = SHAPE_TEXT},
    {"Azure.Location", WANT_ANY, .shape = SHAPE_TEXT},
    {"Azure.ResourceGroup", WANT_ANY, .shape = SHAPE_TEXT},
    {"Azure.Environment", WANT_ANY, .shape = SHAPE_TEXT},
    {"Azure.LiveStorageAccount", WANT_ANY, .shape = SHAPE_TEXT},
    {"Azure.LiveStorageContainer", WANT_ANY, .shape = SHAPE_TEXT},
};

const char *parameter_type_name(size_t i) {
    return i < ARRAY_SIZE(types) ? types[i].name : NULL;
}

static bool plugin_is(const struct section *parameter, const char *name) {
    static const char *const keys[] = {"Config.Plugin", "Widget.Plugin"};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *plugin = section_text(parameter, keys[i]);
        const char *last = plugin ? strrchr(plugin, '.') : NULL;
        if (plugin && text_equal_fold(last ? last + 1 : plugin, name))
            return true;
    }
    return false;
}

/* What the default and the control say about a parameter without a type. */
static enum want infer(const struct section *parameter) {
    const struct value *standard = section_literal(parameter, "DefaultValue");
    if (plugin_is(parameter, "NumberTextBox"))
        return section_flag(parameter, "Config.IntegerOnly") ? WANT_INTEGER : WANT_NUMBER;
    if (plugin_is(parameter, "BooleanCheckBox"))
        return section_attribute(parameter, "Widget.FalseValue") ? WANT_ANY : WANT_BOOLEAN;
    bool plain = !section_attribute(parameter, "Config.Plugin");
    return standard && standard->type == VALUE_BOOLEAN && plain ? WANT_BOOLEAN : WANT_ANY;
}

/* Without a type the default says what is expected; without a default it is a text. */
static enum parameter_shape infer_shape(const struct section *parameter) {
    static const enum parameter_shape shapes[] = {
        [VALUE_UNDEFINED] = SHAPE_TEXT, [VALUE_ERROR] = SHAPE_ANY,   [VALUE_BOOLEAN] = SHAPE_ANY,
        [VALUE_INTEGER] = SHAPE_NUMBER, [VALUE_REAL] = SHAPE_NUMBER, [VALUE_STRING] = SHAPE_TEXT,
        [VALUE_TIME] = SHAPE_TEXT,      [VALUE_LIST] = SHAPE_TEXTS,  [VALUE_RECORD] = SHAPE_ANY,
    };
    const struct attribute *a = section_attribute(parameter, "DefaultValue");
    const struct value *standard = section_literal(parameter, "DefaultValue");
    if (a && (a->text || (a->expr && a->expr->kind == EXPR_LIST)))
        return SHAPE_TEXTS;
    if (a && a->expr && a->expr->kind == EXPR_RECORD)
        return SHAPE_RECORD;
    if (standard)
        return shapes[standard->type];
    return a || parameter->children.len ? SHAPE_ANY : SHAPE_TEXT;
}

struct parameter_info parameter_info(const struct section *parameter) {
    const char *type = section_text(parameter, "ParameterType");
    if (!type || !*type)
        type = section_text(parameter, "Config.ParameterType");
    struct parameter_info info = {
        .type = type ? type : "",
        .secret = parameter->kept_secret | section_flag(parameter, "Secret"),
        .text_only = plugin_is(parameter, "HtmlTemplateWidget"),
        .multiselect = section_flag(parameter, "Config.MultiSelect"),
        .known_type = !type || !*type || strncasecmp(type, "Aws.", 4) == 0,
    };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (text_equal_fold(info.type, types[i].name)) {
            info.want = types[i].want;
            info.secret |= types[i].secret;
            info.multiline = types[i].multiline;
            info.shape = types[i].shape;
            info.known_type = true;
            if (info.want == WANT_TEXT && info.multiselect)
                info.want = WANT_ANY;
            return info;
        }
    info.want = *info.type ? WANT_ANY : infer(parameter);
    info.shape = *info.type ? SHAPE_ANY : infer_shape(parameter);
    return info;
}

struct value *parameter_coerce(const struct section *parameter, const struct value *v) {
    struct parameter_info info = parameter_info(parameter);
    /* Marked before it is looked at, so that no message can hold it. */
    _cleanup_value_ struct value *marked = value_mark(value_ref((struct value *)v), info.secret);
    return marked ? value_coerce(marked, info.want) : NULL;
}

const struct section *parameter_child(const struct section *parameter, enum section_type type,
                                      const char *name) {
    for (size_t i = 0; i < parameter->children.len; i++) {
        const struct section *child = parameter->children.items[i];
        if (child->type == type && text_equal_fold(child->name, name))
            return child;
    }
    return NULL;
}

const char *parameter_label(const struct section *parameter) {
    const char *label = section_text(parameter, "Label");
    return label && *label ? label : parameter->name;
}
