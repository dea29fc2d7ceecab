/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_OPTIONS_H
#define SIMULATOR_OPTIONS_H

/* The command line. */

#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

DEFINE_VEC(text_vec, const char *);

struct options {
    const char *listen;
    const char *port_file;
    const char *state_file;
    const char *log_file;
    const char *sizes_file;
    struct text_vec faults; /* specifications, as given */
    struct text_vec quotas; /* "REGION/FAMILY=N" */
    uint64_t seed;
    double time_scale;
    double evict_rate;     /* evictions per spot VM and simulated hour */
    double boot_fail_rate; /* 0..1 */
    double graph_lag_s;    /* simulated seconds until Resource Graph shows a change */
    uint64_t page_size;
    uint64_t vm_budget; /* VM requests by scale sets in 5 minutes; 0 = unlimited */
    uint64_t token_lifetime_s;
    uint64_t console_bytes; /* at least so many, once a VM runs */
    bool no_agents;
    bool no_throttle;
};

/* Reads the command line; ends the program on --help, --version and on a wrong option. */
void options_parse(struct options *options, int argc, char **argv);
void options_done(struct options *options);

#endif
