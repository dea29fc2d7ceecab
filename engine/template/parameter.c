/* SPDX-License-Identifier: MIT */
#include "parameter.h"

#include "base/parse.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    enum want want;
    bool secret, multiline;
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
    {"StringList", WANT_ANY},
    {"HtmlTemplate", WANT_ANY},
    {"Cloud.MachineType", WANT_ANY},
    {"Cloud.ClusterInitSpecs", WANT_ANY},
    {"Cloud.ClusterInit", WANT_ANY},
    {"Cloud.ChefRepo", WANT_ANY},
    {"Cloud.Image", WANT_ANY},
    {"Cloud.Credentials", WANT_ANY},
    {"Cloud.Region", WANT_ANY},
    {"Cloud.Provider", WANT_ANY},
    {"Cloud.Environment", WANT_ANY},
    {"Azure.Subnet", WANT_ANY},
    {"Azure.ManagedIdentity", WANT_ANY},
    {"Azure.StorageAccount", WANT_ANY},
    {"Azure.MachineType", WANT_ANY},
    {"Azure.Location", WANT_ANY},
    {"Azure.ResourceGroup", WANT_ANY},
    {"Azure.Environment", WANT_ANY},
    {"Azure.LiveStorageAccount", WANT_ANY},
    {"Azure.LiveStorageContainer", WANT_ANY},
};

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

struct parameter_info parameter_info(const struct section *parameter) {
    const char *type = section_text(parameter, "ParameterType");
    if (!type || !*type)
        type = section_text(parameter, "Config.ParameterType");
    struct parameter_info info = {
        .type = type ? type : "",
        .secret = section_flag(parameter, "Secret"),
        .text_only = plugin_is(parameter, "HtmlTemplateWidget"),
        .multiselect = section_flag(parameter, "Config.MultiSelect"),
        .known_type = !type || !*type || strncasecmp(type, "Aws.", 4) == 0,
    };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (text_equal_fold(info.type, types[i].name)) {
            info.want = types[i].want;
            info.secret |= types[i].secret;
            info.multiline = types[i].multiline;
            info.known_type = true;
            if (info.want == WANT_TEXT && info.multiselect)
                info.want = WANT_ANY;
            return info;
        }
    info.want = *info.type ? WANT_ANY : infer(parameter);
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
