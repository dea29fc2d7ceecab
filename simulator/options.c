/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "base/cleanup.h"
#include "base/parse.h"

#include <argp.h>
#include <math.h>
#include <stddef.h>

enum option_kind { TEXT, LIST, COUNT, REAL, FLAG };

enum { FIRST_KEY = 0x100 };

/* One row an option: what argp shows, where it goes, and what it may be. */
struct option_row {
    const char *name, *arg, *doc;
    enum option_kind kind;
    size_t offset;
    double min, max; /* COUNT and REAL */
};

#define AT(member) offsetof(struct options, member)

static const struct option_row rows[] = {
    {"listen", "ADDRESS:PORT", "listen here (default 127.0.0.1:0, any free port)", TEXT, AT(listen),
     0, 0},
    {"port-file", "FILE", "write the port into FILE when ready", TEXT, AT(port_file), 0, 0},
    {"state", "FILE", "keep everything in FILE over a restart", TEXT, AT(state_file), 0, 0},
    {"log", "FILE", "append every ARM and login exchange to FILE, one JSON line each", TEXT,
     AT(log_file), 0, 0},
    {"sizes", "FILE", "the virtual machine sizes", TEXT, AT(sizes_file), 0, 0},
    {"fault", "SPEC", "inject a fault, for instance method=PUT,status=500,count=3 (repeatable)",
     LIST, AT(faults), 0, 0},
    {"quota", "REGION/FAMILY=N",
     "set a limit; FAMILY may also be cores, lowPriorityCores, "
     "virtualMachines or virtualMachineScaleSets (repeatable)",
     LIST, AT(quotas), 0, 0},
    {"seed", "N", "seed of everything random (default 1)", COUNT, AT(seed), 0, 1e18},
    {"time-scale", "X", "0.1 = ten times faster than life (default 1)", REAL, AT(time_scale), 0,
     1000},
    {"evict-rate", "X", "evictions per spot VM and simulated hour (default 0)", REAL,
     AT(evict_rate), 0, 1e6},
    {"boot-fail-rate", "P", "share of VMs that never report or report failure (default 0)", REAL,
     AT(boot_fail_rate), 0, 1},
    {"graph-lag", "SECONDS",
     "simulated seconds until Resource Graph shows a change of a VM (default 5)", REAL,
     AT(graph_lag_s), 0, 86400},
    {"page-size", "N", "entries of a page of a listing (default 500)", COUNT, AT(page_size), 1,
     100000},
    {"vm-budget", "N",
     "VM requests by scale sets in 5 minutes, 0 = unlimited (default 3750, a guess)", COUNT,
     AT(vm_budget), 0, 1e9},
    {"token-lifetime", "SECONDS", "of access tokens (default 3599)", COUNT, AT(token_lifetime_s), 1,
     86400},
    {"console-size", "BYTES", "what a running VM has written to its console at least (default 0)",
     COUNT, AT(console_bytes), 0, 16 << 20},
    {"no-agents", NULL, "no VM calls home", FLAG, AT(no_agents), 0, 0},
    {"no-throttle", NULL, "no request limits", FLAG, AT(no_throttle), 0, 0},
};

static void *member_at(struct options *options, size_t offset) {
    return (char *)options + offset;
}

static int store_number(struct options *options, const struct option_row *row, const char *arg) {
    char *end;
    errno = 0;
    double value = strtod(arg, &end);
    if (end == arg || *end || errno || !isfinite(value) || value < row->min || value > row->max)
        return -EINVAL;
    if (row->kind == REAL) {
        *(double *)member_at(options, row->offset) = value;
        return 0;
    }
    return parse_u64(arg, member_at(options, row->offset));
}

static int store_option(struct options *options, const struct option_row *row, char *arg) {
    void *member = member_at(options, row->offset);
    switch (row->kind) {
    case TEXT:
        *(const char **)member = arg;
        return 0;
    case LIST:
        return text_vec_append(member, arg);
    case FLAG:
        *(bool *)member = true;
        return 0;
    case COUNT:
    case REAL:
        return store_number(options, row, arg);
    }
    return -EINVAL;
}

static error_t parse_one(int key, char *arg, struct argp_state *state) {
    if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument \"%s\"", arg);
    size_t row = (size_t)(key - FIRST_KEY);
    if (key < FIRST_KEY || row >= ARRAY_SIZE(rows))
        return ARGP_ERR_UNKNOWN;
    int r = store_option(state->input, &rows[row], arg);
    if (r == -ENOMEM)
        return ENOMEM;
    if (r < 0)
        argp_error(state, "--%s: \"%s\" is not a number from %g to %g", rows[row].name, arg,
                   rows[row].min, rows[row].max);
    return 0;
}

void options_parse(struct options *options, int argc, char **argv) {
    *options = (struct options){
        .listen = "127.0.0.1:0",
        .seed = 1,
        .time_scale = 1,
        .graph_lag_s = 5,
        .page_size = 500,
        .vm_budget = 3750,
        .token_lifetime_s = 3599,
    };
    struct argp_option table[ARRAY_SIZE(rows) + 1] = {0};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        table[i] = (struct argp_option){.name = rows[i].name,
                                        .key = FIRST_KEY + (int)i,
                                        .arg = rows[i].arg,
                                        .doc = rows[i].doc};
    struct argp argp = {.options = table,
                        .parser = parse_one,
                        .doc = "A simulator of Azure Resource Manager for HPC clusters."};
    error_t r = argp_parse(&argp, argc, argv, 0, NULL, options);
    if (r)
        exit(EXIT_FAILURE);
}

void options_done(struct options *options) {
    text_vec_done(&options->faults);
    text_vec_done(&options->quotas);
}
