/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_FILES_H
#define TEMPLATE_FILES_H

/* Templates in directories, for the tests that look at all of them. */

#include <stddef.h>

/* Calls `visit` for each DIRECTORY/NAME.txt with its text; returns how many there are. */
size_t for_each_template(const char *directory,
                         void (*visit)(const char *path, const char *text, size_t len));

/*
 * The directory of real templates, $CYCLECLOUDFS_SHARED/data/templates; NULL if there is none: then
 * the caller skips. To be freed.
 */
char *shared_templates(void);

#endif
