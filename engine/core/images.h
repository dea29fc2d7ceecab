/* SPDX-License-Identifier: MIT */
#ifndef CORE_IMAGES_H
#define CORE_IMAGES_H

/*
 * The operating system images that a template may name. Three forms are understood:
 * an alias of CycleCloud's (`almalinux8`, `cycle.image.ubuntu22`), which the table translates; a
 * marketplace URN `publisher:offer:sku:version`; and a resource id of an image of one's own, of a
 * gallery, or of a shared or community gallery.
 *
 * The table is text (data/images.ini):
 *     [images]   ALIAS = publisher:offer:sku:version
 *     [offers]   publisher:offer = linux | windows, and `plan` when Azure wants a purchase plan
 * An offer that is not listed is Linux without a plan. A plan's name, publisher and product are the
 * image's SKU, publisher and offer (Azure Marketplace, "purchase plan information").
 *
 * Names compare without regard to ASCII case. A table never changes after it was made: all readers
 * may be used from any thread.
 */

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct image_table;

#define IMAGE_PART_SIZE 96 /* bytes of one part of a URN with its NUL */

enum image_os {
    IMAGE_OS_LINUX,
    IMAGE_OS_WINDOWS,
};

/* Plain data, nothing to release. Strings are "" where they do not apply. */
struct image {
    const char
        *id; /* resource id; points into the `name` that was resolved; else the parts below */
    char publisher[IMAGE_PART_SIZE];
    char offer[IMAGE_PART_SIZE];
    char sku[IMAGE_PART_SIZE];
    char version[IMAGE_PART_SIZE];
    char plan_name[IMAGE_PART_SIZE]; /* "" = no purchase plan */
    char plan_publisher[IMAGE_PART_SIZE];
    char plan_product[IMAGE_PART_SIZE];
    enum image_os os; /* of a resource id: Linux, the id does not tell */
    bool managed;     /* a managed image: scale sets made of it are smaller (model/limits.h) */
};

/* Reads the table in file `path`. 0, -EINVAL (`err` names file and line), -E2BIG, -ENOMEM or the
   error of the file. The table is new: release it with image_table_free. */
int image_table_load(const char *path, struct error *err, struct image_table **ret);

/* The same from `len` bytes of text. */
int image_table_parse(const char *text, size_t len, struct error *err, struct image_table **ret);

void image_table_free(struct image_table *t);
DEFINE_CLEANUP(struct image_table, image_table_free);

/* What `name` stands for. 0, or -ENOENT when it is no alias, URN or image id (see image_nearest);
   then *ret is not touched. */
int image_resolve(const struct image_table *t, const char *name, struct image *ret);

/* The alias most like `name`, for "did you mean"; NULL when none is near. Borrowed from the table.
 */
const char *image_nearest(const struct image_table *t, const char *name);

#endif
