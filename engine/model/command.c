/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <errno.h>
#include <string.h>

struct command *command_new(enum command_type type) {
    struct command *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->type = type;
    list_init(&c->link);
    return c;
}

void command_free(struct command *c) {
    if (!c)
        return;
    for (size_t i = 0; i < c->n_counts; i++)
        free(c->counts[i].array);
    free(c->counts);
    free(c->name);
    /* A document may hold secrets; its length is known, so it is wiped. */
    if (c->text)
        explicit_bzero(c->text, c->len);
    free(c->text);
    free(c);
}

int command_set_name(struct command *c, const char *name) {
    char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    free(c->name);
    c->name = copy;
    return 0;
}

int command_set_text(struct command *c, const char *text, size_t len) {
    char *copy = malloc(len + 1);
    if (!copy)
        return -ENOMEM;
    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    if (c->text)
        explicit_bzero(c->text, c->len);
    free(c->text);
    c->text = copy;
    c->len = len;
    return 0;
}

int command_add_count(struct command *c, const char *array, enum count_sign sign, int64_t value) {
    _cleanup_free_ char *copy = array ? strdup(array) : NULL;
    if (array && !copy)
        return -ENOMEM;
    struct count_change *counts = reallocarray(c->counts, c->n_counts + 1, sizeof(*counts));
    if (!counts)
        return -ENOMEM;
    c->counts = counts;
    c->counts[c->n_counts++] = (struct count_change){TAKE_PTR(copy), sign, value};
    return 0;
}
