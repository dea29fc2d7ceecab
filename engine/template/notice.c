/* SPDX-License-Identifier: MIT */
#include "notice.h"

#include "base/buf.h"
#include "base/parse.h"
#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum tag_kind {
    TAG_TEXT,    /* not a tag here: shown as it is written */
    TAG_KEPT,    /* an element */
    TAG_VOID,    /* an element without contents */
    TAG_DROPPED, /* left out; its contents stay */
};

struct tag {
    const char *name;
    enum tag_kind kind;
    bool repeats; /* a new one ends the one before: <li>a<li>b */
};

static const struct tag tags[] = {
    {"a", TAG_KEPT},        {"b", TAG_KEPT},        {"br", TAG_VOID},        {"code", TAG_KEPT},
    {"details", TAG_KEPT},  {"em", TAG_KEPT},       {"h3", TAG_KEPT, true},  {"h4", TAG_KEPT, true},
    {"i", TAG_KEPT},        {"li", TAG_KEPT, true}, {"ol", TAG_KEPT},        {"p", TAG_KEPT, true},
    {"pre", TAG_KEPT},      {"strong", TAG_KEPT},   {"summary", TAG_KEPT},   {"table", TAG_KEPT},
    {"td", TAG_KEPT, true}, {"th", TAG_KEPT, true}, {"tr", TAG_KEPT, true},  {"u", TAG_KEPT},
    {"ul", TAG_KEPT},       {"big", TAG_DROPPED},   {"center", TAG_DROPPED}, {"div", TAG_DROPPED},
    {"font", TAG_DROPPED},  {"hr", TAG_DROPPED},    {"img", TAG_DROPPED},    {"small", TAG_DROPPED},
    {"span", TAG_DROPPED},  {"tbody", TAG_DROPPED}, {"thead", TAG_DROPPED},
};

struct notice {
    struct {
        json_t *element; /* borrowed from the one around it */
        const struct tag *tag;
    } open[NOTICE_DEPTH_MAX + 1]; /* the first is the whole */
    size_t depth;                 /* index of the innermost one */
    struct buf text;              /* that goes into it next */
};

/* `<name ...>` or `</name>`, inside of the text. */
struct markup {
    const char *name;
    size_t name_len;
    const char *attributes;
    size_t attributes_len;
    bool closes;
    size_t len; /* of all */
};

static int flush(struct notice *n) {
    if (buf_error(&n->text) < 0)
        return -ENOMEM;
    if (!n->text.len)
        return 0;
    json_t *text = json_stringn(n->text.data, n->text.len);
    buf_clear(&n->text);
    return json_array_append_new(n->open[n->depth].element, text) < 0 ? -ENOMEM : 0;
}

static bool can_be_shown(unsigned long c) {
    return (c >= 0x20 || c == '\t' || c == '\n') && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

/* The character of `&#...;` without its `&#` and `;`; 0 if there is none. */
static uint32_t numbered(const char *p, size_t len) {
    char digits[12] = "";
    bool hex = len && (*p == 'x' || *p == 'X');
    p += hex;
    len -= hex;
    if (len >= sizeof(digits))
        return 0;
    memcpy(digits, p, len);
    if (strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != len)
        return 0;
    unsigned long c = strtoul(digits, NULL, hex ? 16 : 10);
    return can_be_shown(c) ? (uint32_t)c : 0;
}

/* Bytes of the entity at `p` ("&amp;"), whose character goes to *ret; 0 if it is none. */
static size_t entity(const char *p, size_t left, uint32_t *ret) {
    static const struct {
        const char *name;
        uint32_t character;
    } names[] = {{"amp", '&'},  {"lt", '<'},    {"gt", '>'},
                 {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xa0}};
    const char *end = memchr(p, ';', left < 12 ? left : 12);
    size_t len = end ? (size_t)(end - p) - 1 : 0;
    if (len < 2)
        return 0;
    if (p[1] == '#')
        *ret = numbered(p + 2, len - 1);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strlen(names[i].name) == len && memcmp(p + 1, names[i].name, len) == 0)
            *ret = names[i].character;
    return *ret ? len + 2 : 0;
}

/* Appends text with its entities as characters. */
static void put_text(struct buf *b, const char *text, size_t len) {
    for (size_t i = 0; i < len;) {
        uint32_t character = 0;
        size_t bytes = text[i] == '&' ? entity(text + i, len - i, &character) : 0;
        if (bytes) {
            char encoded[4];
            (void)buf_append(b, encoded, utf8_encode(character, encoded));
            i += bytes;
            continue;
        }
        bytes = text[i] ? utf8_length(text + i, len - i) : 0;
        (void)buf_append(b, bytes ? text + i : UTF8_REPLACEMENT, bytes ? bytes : 3);
        i += bytes ? bytes : 1;
    }
}

/* The `>` that ends a tag, quotes skipped; NULL if there is none. */
static const char *tag_end(const char *p, const char *end) {
    char quote = '\0';
    for (; p < end; p++) {
        if (quote)
            quote = *p == quote ? '\0' : quote;
        else if (*p == '"' || *p == '\'')
            quote = *p;
        else if (*p == '>')
            return p;
    }
    return NULL;
}

/* Reads the markup at `p`, a `<`. False if it is none. */
static bool read_markup(const char *p, const char *end, struct markup *ret) {
    const char *q = p + 1;
    *ret = (struct markup){.closes = q < end && *q == '/'};
    q += ret->closes;
    ret->name = q;
    while (q < end && isalnum((unsigned char)*q))
        q++;
    ret->name_len = (size_t)(q - ret->name);
    const char *close = ret->name_len ? tag_end(q, end) : NULL;
    if (!close)
        return false;
    ret->attributes = q;
    ret->attributes_len = (size_t)(close - q);
    ret->len = (size_t)(close + 1 - p);
    return true;
}

static const struct tag *find_tag(const struct markup *m) {
    for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
        if (strlen(tags[i].name) == m->name_len &&
            strncasecmp(tags[i].name, m->name, m->name_len) == 0)
            return &tags[i];
    return NULL;
}

/* The value of `href` in the attributes of a tag; NULL if there is none. */
static const char *find_href(const struct markup *m, size_t *ret_len) {
    const char *p = m->attributes, *end = p + m->attributes_len;
    for (; end - p > 5; p++) {
        if (!isspace((unsigned char)*p) || strncasecmp(p + 1, "href=", 5) != 0)
            continue;
        p += 6;
        bool quoted = p < end && (*p == '"' || *p == '\'');
        const char *start = p + quoted, *close = start;
        while (close < end && (quoted ? *close != *p : !isspace((unsigned char)*close)))
            close++;
        *ret_len = (size_t)(close - start);
        return start;
    }
    return NULL;
}

static bool is_web_address(const char *text) {
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return strncasecmp(text, "https://", 8) == 0 || strncasecmp(text, "http://", 7) == 0;
}

/* Puts the address of a link where it leads to the web. 0 or -ENOMEM. */
static int set_href(json_t *attributes, const struct markup *m) {
    _cleanup_buf_ struct buf b = BUF_INIT(NOTICE_BYTES_MAX * 3);
    size_t len = 0;
    const char *href = find_href(m, &len);
    if (!href)
        return 0;
    put_text(&b, href, len);
    if (buf_error(&b) < 0)
        return -ENOMEM;
    return is_web_address(b.data) ? json_object_set_new(attributes, "href", json_string(b.data))
                                  : 0;
}

static int open_element(struct notice *n, const struct tag *tag, const struct markup *m) {
    if (tag->repeats && n->open[n->depth].tag == tag)
        n->depth--;
    if (n->depth == NOTICE_DEPTH_MAX)
        return 0;
    json_t *element = json_pack("[s, {}]", tag->name);
    int r = json_array_append_new(n->open[n->depth].element, element);
    if (r == 0 && strcmp(tag->name, "a") == 0)
        r = set_href(json_array_get(element, 1), m);
    if (r == 0 && tag->kind == TAG_KEPT) {
        n->depth++;
        n->open[n->depth].element = element;
        n->open[n->depth].tag = tag;
    }
    return r < 0 ? -ENOMEM : 0;
}

/* Ends the innermost element of this kind, and those within it. */
static void close_element(struct notice *n, const struct tag *tag) {
    for (size_t i = n->depth; i > 0; i--)
        if (n->open[i].tag == tag) {
            n->depth = i - 1;
            return;
        }
}

static int put_markup(struct notice *n, const char *text, const struct markup *m) {
    const struct tag *tag = find_tag(m);
    if (!tag) {
        put_text(&n->text, text, m->len);
        return 0;
    }
    if (tag->kind == TAG_DROPPED)
        return 0;
    int r = flush(n);
    if (r == 0 && m->closes)
        close_element(n, tag);
    return r < 0 || m->closes ? r : open_element(n, tag, m);
}

/* Bytes of the comment at `p`; 0 if it is none. One that never ends takes the rest. */
static size_t comment_length(const char *p, size_t left) {
    if (left < 4 || memcmp(p, "<!--", 4) != 0)
        return 0;
    const char *close = memmem(p + 4, left - 4, "-->", 3);
    return close ? (size_t)(close + 3 - p) : left;
}

static int read_all(struct notice *n, const char *html, size_t len) {
    for (size_t i = 0; i < len;) {
        struct markup m;
        const char *mark = memchr(html + i, '<', len - i);
        size_t plain = mark ? (size_t)(mark - html) - i : len - i;
        put_text(&n->text, html + i, plain);
        i += plain;
        size_t comment = i < len ? comment_length(html + i, len - i) : 0;
        i += comment;
        if (comment || i >= len)
            continue;
        bool is_markup = read_markup(html + i, html + len, &m);
        if (!is_markup)
            put_text(&n->text, "<", 1);
        else if (put_markup(n, html + i, &m) < 0)
            return -ENOMEM;
        i += is_markup ? m.len : 1;
    }
    return flush(n);
}

json_t *notice_parse(const char *html, size_t len) {
    struct notice n = {.text = BUF_INIT(NOTICE_BYTES_MAX * 3)};
    if (len > NOTICE_BYTES_MAX)
        len = utf8_cut(html, NOTICE_BYTES_MAX);
    n.open[0].element = json_pack("[s, {}]", "div");
    int r = n.open[0].element ? read_all(&n, html, len) : -ENOMEM;
    buf_done(&n.text);
    if (r == 0)
        return n.open[0].element;
    json_decref(n.open[0].element);
    return NULL;
}
