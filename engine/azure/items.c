/* SPDX-License-Identifier: MIT */
#include "items.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define KEY_MAX 256
#define DEPTH_MAX 64

void items_init(struct items *s, const char *array, items_callback callback, void *arg) {
    *s = (struct items){.array = array,
                        .callback = callback,
                        .arg = arg,
                        .item = BUF_INIT(ITEM_MAX),
                        .rest = BUF_INIT(ITEM_MAX),
                        .key = BUF_INIT(KEY_MAX)};
}

void items_done(struct items *s) {
    buf_done(&s->item);
    buf_done(&s->rest);
    buf_done(&s->key);
}

static int give_item(struct items *s) {
    s->in_item = false;
    json_t *item = json_loadb(s->item.data, s->item.len, JSON_DECODE_ANY, NULL);
    buf_clear(&s->item);
    if (!item)
        return -EBADMSG;
    int r = s->callback(s->arg, item);
    json_decref(item);
    return r;
}

/* Inside a string every byte but a quote or a backslash is text. */
static void on_string_byte(struct items *s, char c) {
    if (s->escaped) {
        s->escaped = false;
    } else if (c == '\\') {
        s->escaped = true;
    } else if (c == '"') {
        s->in_string = s->in_key = false;
        return;
    }
    /* A name that is too long is none that we look for. */
    if (s->in_key)
        (void)buf_putc(&s->key, c);
}

static void on_quote(struct items *s) {
    s->in_string = true;
    if (s->depth != 1 || s->in_array || !s->want_key)
        return;
    s->in_key = true;
    s->want_key = false;
    buf_clear(&s->key);
}

static int on_open(struct items *s, char c) {
    if (s->depth >= DEPTH_MAX || (s->depth == 0 && (c != '{' || s->begun)))
        return -EBADMSG;
    s->begun = true;
    s->depth++;
    if (s->depth == 1)
        s->want_key = true;
    return 0;
}

static int on_close(struct items *s) {
    if (s->depth == 0)
        return -EBADMSG;
    s->depth--;
    return 0;
}

/* A byte outside of strings: keeps count of depth and names. */
static int on_plain_byte(struct items *s, char c) {
    if (c == '"')
        on_quote(s);
    else if (c == '{' || c == '[')
        return on_open(s, c);
    else if (c == '}' || c == ']')
        return on_close(s);
    else if (c == ',' && s->depth == 1)
        s->want_key = true;
    return 0;
}

static int on_byte(struct items *s, char c) {
    if (!s->in_string)
        return on_plain_byte(s, c);
    on_string_byte(s, c);
    return 0;
}

/* Between items: the depth is 2, the array's own. Returns 1 when the byte begins an item. */
static int between_items(struct items *s, char c) {
    if (isspace((unsigned char)c) || c == ',')
        return 0;
    if (c != ']')
        return 1;
    s->in_array = false;
    s->depth--;
    return buf_putc(&s->rest, c);
}

/* A number, true, false, null or text ends at what follows it. */
static bool ends_scalar(const struct items *s, char c) {
    return s->depth == 2 && !s->in_string && (c == ',' || c == ']');
}

static int keep_and_give(struct items *s, const char *data, size_t len) {
    int r = buf_append(&s->item, data, len);
    return r < 0 ? r : give_item(s);
}

/* Reads the item that goes on at data[0], to its end or that of the data. */
static int feed_item(struct items *s, const char *data, size_t len, size_t *ret_used) {
    for (size_t i = 0; i < len; i++) {
        *ret_used = i;
        if (ends_scalar(s, data[i]))
            return keep_and_give(s, data, i);
        bool closes = !s->in_string && (data[i] == '}' || data[i] == ']');
        int r = on_byte(s, data[i]);
        if (r < 0)
            return r;
        *ret_used = i + 1;
        if (closes && s->depth == 2)
            return keep_and_give(s, data, i + 1);
    }
    return buf_append(&s->item, data, len);
}

/* Reads within the array from data[0]; *ret_used bytes belonged to it. */
static int feed_array(struct items *s, const char *data, size_t len, size_t *ret_used) {
    size_t i = 0;
    int r = 0;
    while (r == 0 && i < len && s->in_array) {
        if (!s->in_item) {
            r = between_items(s, data[i]);
            s->in_item = r == 1;
            i += r == 0;
        }
        if (s->in_item) {
            size_t used = 0;
            r = feed_item(s, data + i, len - i, &used);
            i += used;
        }
    }
    *ret_used = i;
    return r;
}

/* Reads outside the array until it begins. */
static int feed_rest(struct items *s, const char *data, size_t len, size_t *ret_used) {
    size_t i = 0;
    int r = 0;
    while (r == 0 && i < len && !s->in_array) {
        char c = data[i++];
        bool begins = c == '[' && s->depth == 1 && !s->in_string && s->array &&
                      !buf_error(&s->key) && strcmp(s->key.data, s->array) == 0;
        r = on_byte(s, c);
        s->in_array = begins;
    }
    if (r == 0)
        r = buf_append(&s->rest, data, i);
    *ret_used = i;
    return r;
}

int items_feed(struct items *s, const char *data, size_t len) {
    while (len) {
        size_t used = 0;
        int r = s->in_array ? feed_array(s, data, len, &used) : feed_rest(s, data, len, &used);
        if (r < 0)
            return r;
        data += used;
        len -= used;
    }
    return 0;
}

int items_finish(struct items *s, json_t **ret) {
    if (s->in_array || s->depth || !s->begun)
        return -EBADMSG;
    json_t *root = json_loadb(s->rest.data, s->rest.len, 0, NULL);
    if (!root)
        return -EBADMSG;
    *ret = root;
    return 0;
}
