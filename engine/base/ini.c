/* SPDX-License-Identifier: MIT */
#include "ini.h"

#include "parse.h"

#include <errno.h>
#include <string.h>

struct reader {
    ini_callback callback;
    void *arg;
    char *section; /* borrowed from the copied text */
};

static int read_header(struct reader *r, char *line, unsigned number, struct error *err) {
    size_t len = strlen(line);
    if (line[len - 1] != ']')
        return err_kind(err, "invalid_config", "the header %s has no closing bracket", line);
    line[len - 1] = '\0';
    r->section = text_trim(line + 1);
    struct ini_item item = {.section = r->section, .line = number};
    return r->callback(r->arg, &item, err);
}

static int read_key(struct reader *r, char *line, unsigned number, struct error *err) {
    char *equals = strchr(line, '=');
    if (!equals) /* whose words may be a secret */
        return err_kind(err, "invalid_config",
                        "the line is neither a [section] nor key = value: "
                        "correct it, or begin it with # for a comment");
    *equals = '\0';
    char *value = text_trim(equals + 1);
    size_t len = strlen(value);
    if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
        value[len - 1] = '\0';
        value++;
    }
    struct ini_item item = {
        .section = r->section, .key = text_trim(line), .value = value, .line = number};
    return r->callback(r->arg, &item, err);
}

static int read_line(struct reader *r, char *line, unsigned number, struct error *err) {
    line = text_trim(line);
    if (!*line || *line == '#' || *line == ';')
        return 0;
    return *line == '[' ? read_header(r, line, number, err) : read_key(r, line, number, err);
}

int ini_read(const struct ini_text *text, ini_callback callback, void *arg, struct error *err) {
    if (memchr(text->text, '\0', text->len))
        return err_kind(err, "invalid_config",
                        "%s: the file holds a NUL byte: save it as plain text", text->name);
    _cleanup_free_ char *copy = strndup(text->text, text->len);
    if (!copy)
        return -ENOMEM;
    struct reader reader = {.callback = callback, .arg = arg, .section = copy + strlen(copy)};
    unsigned number = 0;
    for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
        int r = read_line(&reader, line, ++number, err);
        if (r < 0)
            return err_wrap(err, r, "%s:%u", text->name, number);
    }
    return 0;
}
