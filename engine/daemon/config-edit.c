/* SPDX-License-Identifier: MIT */
#include "config-edit.h"

#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES ((size_t)64 << 10)

/* One line of the text: where it stands, and what it is. */
struct line {
    const char *begin, *end; /* end: behind the newline */
    char *copy;              /* trimmed; owned */
    const char *key, *value; /* of key = value, into copy; else NULL */
    bool header;
};

static void line_done(struct line *l) {
    if (l->copy)
        explicit_bzero(l->copy, strlen(l->copy));
    free(l->copy);
    *l = (struct line){0};
}

/* A value as ini.h reads it: one pair of quotes around it is no part of it. */
static char *unquoted(char *value) {
    size_t len = strlen(value);
    if (len < 2 || value[0] != '"' || value[len - 1] != '"')
        return value;
    value[len - 1] = '\0';
    return value + 1;
}

/* Cuts "key = value" in the copy. */
static void split(struct line *l, char *text) {
    char *equals = strchr(text, '=');
    l->header = *text == '[';
    if (l->header || !equals || *text == '#' || *text == ';')
        return;
    *equals = '\0';
    l->key = text_trim(text);
    l->value = unquoted(text_trim(equals + 1));
}

/* The line at `at`, in place of the one before. 1, 0 (there is no more) or -ENOMEM. */
static int next_line(struct config_text t, const char *at, struct line *l) {
    const char *all = t.text + t.len;
    line_done(l);
    if (at >= all)
        return 0;
    const char *newline = memchr(at, '\n', (size_t)(all - at));
    l->begin = at;
    l->end = newline ? newline + 1 : all;
    l->copy = strndup(at, (size_t)(l->end - at));
    if (!l->copy)
        return -ENOMEM;
    split(l, text_trim(l->copy));
    return 1;
}

/* The NAME of "[account NAME]" in `name`; false for other headers. */
static bool account_of(const struct line *l, struct buf *name) {
    buf_clear(name);
    (void)buf_append(name, l->begin, (size_t)(l->end - l->begin));
    if (buf_error(name) < 0)
        return false;
    char *text = text_trim(name->data);
    size_t len = strlen(text);
    if (len < 2 || text[len - 1] != ']')
        return false;
    text[len - 1] = '\0';
    text = text_trim(text + 1);
    if (strncmp(text, "account", 7) != 0 || !strchr(" \t\"", text[7]) || !text[7])
        return false;
    text += 7 + strspn(text + 7, " \t\"");
    text[strcspn(text, "\"")] = '\0';
    size_t left = strlen(text);
    memmove(name->data, text, left + 1);
    buf_truncate(name, left);
    return true;
}

struct span {
    size_t begin, end;
};

/* The lines of the section behind its header, without the blank ones at its end. 0, -ENOENT or
   -ENOMEM. */
static int find_account(struct config_text t, const char *account, struct span *ret) {
    __attribute__((cleanup(line_done))) struct line l = {0};
    _cleanup_buf_ struct buf name = BUF_INIT(LINE_MAX_BYTES);
    bool inside = false;
    int r;
    for (const char *at = t.text; (r = next_line(t, at, &l)) > 0; at = l.end) {
        if (l.header && inside)
            break;
        if (l.header && account_of(&l, &name) && strcmp(name.data, account) == 0) {
            inside = true;
            ret->begin = ret->end = (size_t)(l.end - t.text);
        } else if (inside && (l.key || *text_trim(l.copy))) {
            ret->end = (size_t)(l.end - t.text);
        }
    }
    if (r < 0)
        return r;
    return inside ? 0 : -ENOENT;
}

int config_account_lines(struct config_text whole, const char *account, struct buf *b) {
    struct span s = {0};
    int r = find_account(whole, account, &s);
    return r < 0 ? r : buf_append(b, whole.text + s.begin, s.end - s.begin);
}

static void put_lines(struct buf *b, struct config_text lines) {
    (void)buf_append(b, lines.text, lines.len);
    if (lines.len && lines.text[lines.len - 1] != '\n')
        (void)buf_putc(b, '\n');
}

int config_replace_account(struct config_text whole, const char *account, struct config_text lines,
                           struct buf *b) {
    struct span s = {whole.len, whole.len};
    int r = find_account(whole, account, &s);
    if (r < 0 && r != -ENOENT)
        return r;
    put_lines(b, (struct config_text){whole.text, s.begin});
    if (r == -ENOENT)
        (void)buf_printf(b, "%s[account %s]\n", b->len ? "\n" : "", account);
    put_lines(b, lines);
    (void)buf_append(b, whole.text + s.end, whole.len - s.end);
    return buf_error(b);
}

int config_mask_secrets(struct config_text lines, const char *dir, struct buf *b) {
    __attribute__((cleanup(line_done))) struct line l = {0};
    int r;
    for (const char *at = lines.text; (r = next_line(lines, at, &l)) > 0; at = l.end) {
        bool kept = l.key && strcmp(l.key, "client_secret_file") == 0 &&
                    strncmp(l.value, dir, strlen(dir)) == 0;
        if (kept)
            (void)buf_puts(b, "client_secret = " CONFIG_SECRET_MASK "\n");
        else
            (void)buf_append(b, l.begin, (size_t)(l.end - l.begin));
    }
    return r < 0 ? r : buf_error(b);
}

int config_keep_secrets(struct config_text whole, config_keep_secret keep, void *arg, struct buf *b,
                        struct error *err) {
    __attribute__((cleanup(line_done))) struct line l = {0};
    _cleanup_buf_ struct buf account = BUF_INIT(LINE_MAX_BYTES), path = BUF_INIT(LINE_MAX_BYTES);
    bool inside = false;
    int r;
    for (const char *at = whole.text; (r = next_line(whole, at, &l)) > 0; at = l.end) {
        if (l.header)
            inside = account_of(&l, &account);
        if (!inside || !l.key || strcmp(l.key, "client_secret") != 0) {
            (void)buf_append(b, l.begin, (size_t)(l.end - l.begin));
            continue;
        }
        buf_clear(&path);
        r = keep(arg, account.data, l.value, &path, err);
        if (r < 0)
            return r;
        (void)buf_printf(b, "client_secret_file = %s\n", path.data);
    }
    return r < 0 ? r : buf_error(b);
}

bool config_has_header(struct config_text lines) {
    __attribute__((cleanup(line_done))) struct line l = {0};
    for (const char *at = lines.text; next_line(lines, at, &l) > 0; at = l.end)
        if (l.header)
            return true;
    return false;
}
