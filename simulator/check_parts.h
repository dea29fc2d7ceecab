/* SPDX-License-Identifier: MIT */
#ifndef SIMULATOR_CHECK_PARTS_H
#define SIMULATOR_CHECK_PARTS_H

/* The parts of a machine's description, each checked after what it builds on: size and region are
 * known. All return false after an error. */

#include "check.h"

/* Image, operating system disk and data disks. */
bool check_storage(struct exchange *ex, struct machine_check *check);
/* Operating system, names, password, keys. */
bool check_os(struct exchange *ex, struct machine_check *check);
/* Security type, its settings and its disks. */
bool check_security(struct exchange *ex, struct machine_check *check);
/* Spot settings and terminate notices. */
bool check_priority(struct exchange *ex, struct machine_check *check);
bool check_notice(struct exchange *ex, struct machine_check *check);

/* Answers that a parameter is missing, out of range, or cannot have this value. Always false. */
bool refuse_missing(struct exchange *ex, const char *name);
bool refuse_range(struct exchange *ex, const char *name, json_int_t value, json_int_t least,
                  json_int_t most);
bool refuse_value(struct exchange *ex, const char *name, const char *value, const char *allowed);

/* Whether the description is of a scale set. */
static inline bool check_of_set(const struct machine_check *check) {
    return check->host_name_member[sizeof("computerName") - 1] != '\0';
}
/* Whether a text is this word in any case; false if it is not there. */
bool word_is(const char *text, const char *word);

#endif
