/* SPDX-License-Identifier: MIT */
#include "images.h"

#include "base/file.h"
#include "base/ini.h"
#include "base/parse.h"
#include "base/vec.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TABLE_MAX_BYTES ((size_t)1 << 20)
#define URN_PARTS 4
#define NEAR_ENOUGH 6 /* edits */

struct alias {
    char *name;
    char *urn;
};

struct offer {
    char *name; /* publisher:offer */
    enum image_os os;
    bool plan;
};

DEFINE_VEC(alias_vec, struct alias);
DEFINE_VEC(offer_vec, struct offer);

struct image_table {
    struct alias_vec aliases;
    struct offer_vec offers;
};

static const struct alias *find_alias(const struct image_table *t, const char *name) {
    for (size_t i = 0; i < t->aliases.len; i++)
        if (text_equal_fold(t->aliases.items[i].name, name))
            return &t->aliases.items[i];
    return NULL;
}

static const struct offer *find_offer(const struct image_table *t, const char *publisher,
                                      const char *offer) {
    size_t len = strlen(publisher);
    for (size_t i = 0; i < t->offers.len; i++) {
        const char *name = t->offers.items[i].name;
        if (strncasecmp(name, publisher, len) == 0 && name[len] == ':' &&
            text_equal_fold(name + len + 1, offer))
            return &t->offers.items[i];
    }
    return NULL;
}

static bool part_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* Copies one part of a URN up to `stop`; returns what follows it, NULL when it is no such part. */
static const char *take_part(const char *text, char stop, char part[IMAGE_PART_SIZE]) {
    size_t len = 0;
    while (part_char(text[len]))
        len++;
    if (len == 0 || len >= IMAGE_PART_SIZE || text[len] != stop)
        return NULL;
    memcpy(part, text, len);
    part[len] = '\0';
    return text + len + (stop ? 1 : 0);
}

static int read_urn(const char *text, struct image *image) {
    char *parts[URN_PARTS] = {image->publisher, image->offer, image->sku, image->version};
    for (size_t i = 0; i < URN_PARTS; i++) {
        text = take_part(text, i + 1 < URN_PARTS ? ':' : '\0', parts[i]);
        if (!text)
            return -EINVAL;
    }
    return 0;
}

static int add_alias(struct image_table *t, const struct ini_item *item, struct error *err) {
    struct image image = {0};
    if (find_alias(t, item->key))
        return err_kind(err, "invalid_config",
                        "the image %s is given twice: remove one of the lines", item->key);
    if (read_urn(item->value, &image) < 0)
        return err_kind(err, "invalid_config",
                        "the image %s is '%s': write publisher:offer:sku:version", item->key,
                        item->value);
    struct alias a = {.name = strdup(item->key), .urn = strdup(item->value)};
    int r = a.name && a.urn ? alias_vec_append(&t->aliases, a) : -ENOMEM;
    if (r < 0) {
        free(a.name);
        free(a.urn);
    }
    return r;
}

/* "linux", "windows", "plan", in any order. */
static int read_offer_words(char *words, struct offer *offer) {
    for (char *rest = words, *word; (word = strsep(&rest, " \t"));) {
        if (!*word)
            continue;
        if (text_equal_fold(word, "plan"))
            offer->plan = true;
        else if (text_equal_fold(word, "windows"))
            offer->os = IMAGE_OS_WINDOWS;
        else if (!text_equal_fold(word, "linux"))
            return -EINVAL;
    }
    return 0;
}

static int add_offer(struct image_table *t, const struct ini_item *item, struct error *err) {
    char part[IMAGE_PART_SIZE];
    const char *second = take_part(item->key, ':', part);
    if (!second || !take_part(second, '\0', part))
        return err_kind(err, "invalid_config", "the offer '%s' is not of the form publisher:offer",
                        item->key);
    struct offer offer = {0};
    _cleanup_free_ char *words = strdup(item->value);
    if (!words)
        return -ENOMEM;
    if (read_offer_words(words, &offer) < 0)
        return err_kind(err, "invalid_config",
                        "the offer %s is '%s': the words are linux, windows and plan", item->key,
                        item->value);
    offer.name = strdup(item->key);
    int r = offer.name ? offer_vec_append(&t->offers, offer) : -ENOMEM;
    if (r < 0)
        free(offer.name);
    return r;
}

struct section {
    const char *name;
    int (*add)(struct image_table *t, const struct ini_item *item, struct error *err);
};

static const struct section sections[] = {
    {"images", add_alias},
    {"offers", add_offer},
};

static int add_item(void *arg, const struct ini_item *item, struct error *err) {
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
        if (strcmp(item->section, sections[i].name) == 0)
            return item->key ? sections[i].add(arg, item, err) : 0;
    return err_kind(err, "invalid_config",
                    "the section [%s] is not known: the sections are [images] and [offers]",
                    item->section);
}

static int parse_named(const char *name, const char *text, size_t len, struct error *err,
                       struct image_table **ret) {
    _cleanup_(image_table_freep) struct image_table *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    int r = ini_read(&(struct ini_text){name, text, len}, add_item, t, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(t);
    return 0;
}

int image_table_parse(const char *text, size_t len, struct error *err, struct image_table **ret) {
    return parse_named("images.ini", text, len, err, ret);
}

int image_table_load(const char *path, struct error *err, struct image_table **ret) {
    _cleanup_buf_ struct buf text = BUF_INIT(TABLE_MAX_BYTES);
    int r = file_read(path, &text);
    if (r < 0)
        return err_set(err, r, "invalid_config", "%s: the table of images cannot be read: %s", path,
                       strerror(-r));
    return parse_named(path, text.data, text.len, err, ret);
}

void image_table_free(struct image_table *t) {
    if (!t)
        return;
    for (size_t i = 0; i < t->aliases.len; i++) {
        free(t->aliases.items[i].name);
        free(t->aliases.items[i].urn);
    }
    for (size_t i = 0; i < t->offers.len; i++)
        free(t->offers.items[i].name);
    alias_vec_done(&t->aliases);
    offer_vec_done(&t->offers);
    free(t);
}

/* Forms of a resource id: `segments` of names after the prefix, "*" is any one name. */
struct id_form {
    const char *pattern;
    bool managed;
};

static const struct id_form id_forms[] = {
    {"/subscriptions/*/resourceGroups/*/providers/Microsoft.Compute/images/*", true},
    {"/subscriptions/*/resourceGroups/*/providers/Microsoft.Compute/galleries/*/images/*", false},
    {"/subscriptions/*/resourceGroups/*/providers/Microsoft.Compute/galleries/*/images/*/versions/"
     "*",
     false},
    {"/SharedGalleries/*/Images/*", false},
    {"/SharedGalleries/*/Images/*/Versions/*", false},
    {"/CommunityGalleries/*/Images/*", false},
    {"/CommunityGalleries/*/Images/*/Versions/*", false},
};

static bool id_matches(const char *pattern, const char *id) {
    while (*pattern && *id) {
        size_t want = strcspn(pattern + 1, "/"), have = strcspn(id + 1, "/");
        bool any = want == 1 && pattern[1] == '*';
        if (have == 0 || (!any && (want != have || strncasecmp(pattern, id, want + 1) != 0)))
            return false;
        pattern += want + 1;
        id += have + 1;
    }
    return !*pattern && !*id;
}

static int resolve_id(const char *id, struct image *ret) {
    for (size_t i = 0; i < ARRAY_SIZE(id_forms); i++) {
        if (!id_matches(id_forms[i].pattern, id))
            continue;
        *ret = (struct image){.id = id, .os = IMAGE_OS_LINUX, .managed = id_forms[i].managed};
        return 0;
    }
    return -ENOENT;
}

int image_resolve(const struct image_table *t, const char *name, struct image *ret) {
    if (*name == '/')
        return resolve_id(name, ret);
    const struct alias *alias = find_alias(t, name);
    struct image image = {.id = ""};
    if (read_urn(alias ? alias->urn : name, &image) < 0)
        return -ENOENT;
    const struct offer *offer = find_offer(t, image.publisher, image.offer);
    if (offer)
        image.os = offer->os;
    if (offer && offer->plan) {
        memcpy(image.plan_name, image.sku, sizeof(image.plan_name));
        memcpy(image.plan_publisher, image.publisher, sizeof(image.plan_publisher));
        memcpy(image.plan_product, image.offer, sizeof(image.plan_product));
    }
    *ret = image;
    return 0;
}

const char *image_nearest(const struct image_table *t, const char *name) {
    const char *best = NULL;
    size_t best_distance = NEAR_ENOUGH;
    for (size_t i = 0; i < t->aliases.len; i++) {
        size_t distance = text_distance(name, t->aliases.items[i].name, best_distance);
        if (distance >= best_distance)
            continue;
        best_distance = distance;
        best = t->aliases.items[i].name;
    }
    return best;
}
