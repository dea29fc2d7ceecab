/* SPDX-License-Identifier: MIT */
#include "volume-check.h"

#include "base/parse.h"

static struct diagnostic_place place_of(const struct volume_place *p, const char *key) {
    const struct entry *e = entries_find(p->entries, key);
    return e ? template_place(p->scope->t, e->attribute->line, e->attribute->column)
             : template_place(p->scope->t, p->section->line, p->section->column);
}

/* Says it once where it is written, however many nodes inherit that. */
static void report(const struct volume_place *p, struct finding finding, const char *key,
                   const char *what) {
    struct owner owner = node_owner(p->node);
    finding.at = place_of(p, key);
    if (!diagnostics_has(p->scope->diags, &finding.at))
        diagnostics_add(p->scope->diags, &finding, "volume %s of %s %s %s", p->name, owner.kind,
                        owner.name, what);
}

/* A data disk needs a size, or something that has one. */
static void check_sized(const struct volume_place *p, const struct value *volume) {
    static const char *const sources[] = {"Size", "VolumeId", "SourceUri", "SourceResourceId"};
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
        if (value_record_get(volume, sources[i]) || entries_find(p->entries, sources[i]))
            return;
    report(p,
           (struct finding){.severity = SEVERITY_WARNING,
                            .code = CODE_UNSIZED_VOLUME,
                            .hint = "add Size = 100, in GB"},
           "", "has no Size");
}

static bool is_persistent(const struct value *volume) {
    const struct value *v = value_record_get(volume, "Persistent");
    return v && value_truth(v) == TRUTH_TRUE;
}

static void check_positive(const struct volume_place *p, const struct value *volume) {
    const struct value *size = value_record_get(volume, "Size");
    int64_t gb = 1;
    if (!size || !value_to_integer(size, &gb) || gb > 0)
        return;
    bool lost = is_persistent(volume);
    report(p,
           (struct finding){.severity = lost ? SEVERITY_ERROR : SEVERITY_WARNING,
                            .code = CODE_OUT_OF_RANGE,
                            .hint = "Size is in GB: 100"},
           "Size",
           lost ? "is persistent and needs a Size above 0"
                : "has a Size of 0 or less: it is left out");
}

/* Written in the array's own section, not inherited from a node. */
static bool is_own(const struct volume_place *p) {
    const struct entry *e = entries_find(p->entries, "Persistent");
    const struct section *node = e ? e->attribute->section->parent : NULL;
    return node && text_equal_fold(node->name, p->node->name);
}

/* A disk belongs to one VM, and outlives it only where the node has a name that stays. */
static void check_persistent(const struct volume_place *p, const struct value *volume) {
    if (!is_persistent(volume))
        return;
    if (text_equal_fold(p->name, "boot"))
        report(p,
               (struct finding){.severity = SEVERITY_ERROR,
                                .code = CODE_NOT_SUPPORTED,
                                .hint = "put what is to stay on another volume"},
               "Persistent", "cannot be persistent: the OS disk goes with its VM");
    else if (p->node->is_array && is_own(p))
        report(p,
               (struct finding){.severity = SEVERITY_ERROR,
                                .code = CODE_NOT_SUPPORTED,
                                .hint = "put it into a [[node]], which others mount it from"},
               "Persistent",
               "cannot be persistent: the disks of a nodearray's VMs go with the VMs");
    else if (p->node->is_array)
        report(p,
               (struct finding){.severity = SEVERITY_WARNING,
                                .code = CODE_NOT_SUPPORTED,
                                .hint = "write Persistent = false into the volume of the array"},
               "Persistent", "is not persistent: the disks of a nodearray's VMs go with the VMs");
}

void volume_check(const struct volume_place *p, const struct value *volume) {
    if (!text_equal_fold(p->name, "boot")) {
        check_sized(p, volume);
        check_positive(p, volume);
    }
    check_persistent(p, volume);
}

static bool lun_of(const struct value *volume, int64_t *ret) {
    const struct value *lun = volume ? value_record_get_path(volume, "Azure.Lun") : NULL;
    return lun && value_to_integer(lun, ret);
}

void volume_check_lun(const struct volume_place *p, const struct value *all) {
    int64_t lun, other;
    if (!lun_of(value_record_get(all, p->name), &lun))
        return;
    for (size_t i = 0; i < all->len && !text_equal_fold(all->keys[i], p->name); i++)
        if (lun_of(all->items[i], &other) && lun == other)
            report(p,
                   (struct finding){.severity = SEVERITY_ERROR,
                                    .code = CODE_INVALID_VALUE,
                                    .hint = "leave Azure.Lun out: a free one is taken"},
                   "Azure.Lun", "has the LUN of another volume of that node");
}
