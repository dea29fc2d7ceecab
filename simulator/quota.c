/* SPDX-License-Identifier: MIT */
#include "quota.h"

#include "base/parse.h"
#include "world.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Lines before the families. */
enum { LINE_SETS, LINE_VMS, LINE_CORES, LINE_SPOT, LINE_FAMILIES };

static const struct {
    const char *name, *label;
    uint64_t limit;
} fixed_lines[LINE_FAMILIES] = {
    [LINE_SETS] = {"virtualMachineScaleSets", "Virtual Machine Scale Sets", SETS_MAX},
    [LINE_VMS] = {"virtualMachines", "Virtual Machines", VMS_MAX},
    [LINE_CORES] = {"cores", "Total Regional vCPUs", 100000},
    [LINE_SPOT] = {"lowPriorityCores", "Total Regional Low-priority vCPUs", 100000},
};

enum { FAMILY_LIMIT = 10000 };

struct counter {
    uint64_t used, limit;
};

struct quota {
    const struct catalogue *catalogue;
    struct counter *counters[REGIONS]; /* LINE_..., then the families */
};

size_t quota_lines(const struct quota *quota) {
    return LINE_FAMILIES + catalogue_families(quota->catalogue);
}

static const char *line_name(const struct quota *quota, size_t line) {
    return line < LINE_FAMILIES ? fixed_lines[line].name
                                : catalogue_family(quota->catalogue, line - LINE_FAMILIES);
}

int quota_new(const struct catalogue *catalogue, const struct text_vec *settings,
              struct quota **ret, struct error *err) {
    struct quota *quota = calloc(1, sizeof(*quota));
    if (!quota)
        return -ENOMEM;
    quota->catalogue = catalogue;
    int r = 0;
    for (int region = 0; r == 0 && region < REGIONS; region++) {
        struct counter *counters = calloc(quota_lines(quota), sizeof(*counters));
        quota->counters[region] = counters;
        for (size_t i = 0; counters && i < quota_lines(quota); i++)
            counters[i].limit = i < LINE_FAMILIES ? fixed_lines[i].limit : FAMILY_LIMIT;
        r = counters ? 0 : -ENOMEM;
    }
    for (size_t i = 0; r == 0 && i < settings->len; i++)
        r = quota_set(quota, settings->items[i], err);
    if (r < 0) {
        quota_free(quota);
        return r;
    }
    *ret = quota;
    return 0;
}

void quota_free(struct quota *quota) {
    if (!quota)
        return;
    for (int region = 0; region < REGIONS; region++)
        free(quota->counters[region]);
    free(quota);
}

int quota_set(struct quota *quota, const char *setting, struct error *err) {
    _cleanup_free_ char *copy = strdup(setting);
    if (!copy)
        return -ENOMEM;
    char *family = strchr(copy, '/');
    char *number = family ? strrchr(family, '=') : NULL;
    if (!number)
        return err_set(err, -EINVAL, "invalid_config",
                       "quota \"%s\": write REGION/FAMILY=N, for instance eastus/cores=500",
                       setting);
    *family++ = '\0';
    *number++ = '\0';
    int region = region_index(copy);
    if (region < 0)
        return err_set(err, -EINVAL, "invalid_config",
                       "quota \"%s\": there is no region \"%s\"; use %s or %s", setting, copy,
                       region_names[0], region_names[1]);
    uint64_t limit;
    if (parse_u64(number, &limit) < 0)
        return err_set(err, -EINVAL, "invalid_config", "quota \"%s\": \"%s\" is not a whole number",
                       setting, number);
    for (size_t i = 0; i < quota_lines(quota); i++) {
        if (text_equal_fold(line_name(quota, i), family)) {
            quota->counters[region][i].limit = limit;
            return 0;
        }
    }
    return err_set(err, -EINVAL, "invalid_config",
                   "quota \"%s\": no size belongs to a family \"%s\"; the names are those that the "
                   "usages of a region list",
                   setting, family);
}

void quota_count_vm(struct quota *quota, int region, const struct size *size, bool spot, int by) {
    struct counter *counters = quota->counters[region];
    uint64_t cores = (uint64_t)((int64_t)size->vcpus * by);
    counters[LINE_VMS].used += (uint64_t)(int64_t)by;
    if (spot) {
        counters[LINE_SPOT].used += cores;
        return;
    }
    counters[LINE_CORES].used += cores;
    counters[LINE_FAMILIES + size->family].used += cores;
}

void quota_count_set(struct quota *quota, int region, int by) {
    quota->counters[region][LINE_SETS].used += (uint64_t)(int64_t)by;
}

static bool line_fits(const struct counter *counter, uint64_t required, const char *name,
                      struct quota_excess *ret) {
    if (counter->used + required <= counter->limit)
        return true;
    *ret = (struct quota_excess){name, counter->limit, counter->used, required};
    return false;
}

bool quota_fits(const struct quota *quota, const struct quota_wish *wish,
                struct quota_excess *ret) {
    const struct counter *counters = quota->counters[wish->region];
    uint64_t cores = wish->count * wish->size->vcpus;
    if (!line_fits(&counters[LINE_VMS], wish->count, "VirtualMachines", ret))
        return false;
    if (wish->spot)
        return line_fits(&counters[LINE_SPOT], cores, "LowPriority", ret);
    const char *family = catalogue_family(quota->catalogue, wish->size->family);
    return line_fits(&counters[LINE_FAMILIES + wish->size->family], cores, family, ret) &&
           line_fits(&counters[LINE_CORES], cores, "Total Regional", ret);
}

/* "Standard HBv3 Family vCPUs" of "standardHBv3Family". */
static void family_label(const char *family, char *label, size_t size) {
    size_t len = strlen(family);
    bool tail = len > 6 && strcasecmp(family + len - 6, "family") == 0;
    size_t middle = tail ? len - 6 : len;
    size_t head = strncasecmp(family, "standard", 8) == 0 ? 8 : 0;
    while (head < middle && isspace((unsigned char)family[head]))
        head++;
    while (middle > head && isspace((unsigned char)family[middle - 1]))
        middle--;
    (void)snprintf(label, size, "Standard %.*s Family vCPUs", (int)(middle - head), family + head);
}

void quota_line(const struct quota *quota, int region, size_t index, struct quota_line *ret) {
    const struct counter *counter = &quota->counters[region][index];
    ret->name = line_name(quota, index);
    ret->used = counter->used;
    ret->limit = counter->limit;
    if (index < LINE_FAMILIES)
        (void)snprintf(ret->label, sizeof(ret->label), "%s", fixed_lines[index].label);
    else
        family_label(ret->name, ret->label, sizeof(ret->label));
}
