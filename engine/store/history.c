/* SPDX-License-Identifier: MIT */
#include "history.h"

#include <errno.h>
#include <string.h>

/* Everything in front of the offset. */
#define PREFIX_SIZE (HISTORY_KEY_SIZE - 8)
/* How often a read begins anew when the stream is cut under it. */
#define READ_ATTEMPTS 4

static void put_u64(unsigned char *to, uint64_t value) {
    for (unsigned i = 0; i < 8; i++)
        to[i] = (unsigned char)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const unsigned char *from) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | from[i];
    return value;
}

void history_key(const struct history *h, uint64_t offset, unsigned char key[HISTORY_KEY_SIZE]) {
    key[0] = 'h';
    key[1] = (unsigned char)h->stream;
    key[2] = (unsigned char)h->generation;
    put_u64(key + 3, h->owner);
    put_u64(key + PREFIX_SIZE, offset);
}

void history_key_set_generation(unsigned char key[HISTORY_KEY_SIZE], unsigned generation) {
    key[2] = (unsigned char)generation;
}

/* Where a record lies in its stream. */
struct extent {
    uint64_t begin, end;
    bool found;
};

static int visit_last(void *arg, const void *key, size_t key_len, const void *value,
                      size_t value_len) {
    struct extent *e = arg;
    (void)value;
    if (key_len != HISTORY_KEY_SIZE)
        return -EBADMSG;
    e->begin = get_u64((const unsigned char *)key + PREFIX_SIZE);
    e->end = e->begin + value_len;
    e->found = true;
    return 1;
}

/* The last record of a stream that begins at or before the offset in `key`. */
static int find_record(struct store *s, const unsigned char key[HISTORY_KEY_SIZE],
                       struct extent *ret) {
    struct store_range range = {
        .prefix = key,
        .prefix_len = PREFIX_SIZE,
        .from = key,
        .from_len = HISTORY_KEY_SIZE,
        .reverse = true,
    };
    int r = store_scan(s, &range, visit_last, ret);
    return r < 0 ? r : 0;
}

int history_size(struct store *s, const struct history *h, uint64_t *ret_size) {
    unsigned char key[HISTORY_KEY_SIZE];
    struct extent last = {0};
    history_key(h, UINT64_MAX, key);
    int r = find_record(s, key, &last);
    if (r < 0)
        return r;
    *ret_size = last.end;
    return 0;
}

struct reading {
    struct buf *to;
    uint64_t first;         /* where the first record must begin */
    uint64_t position, end; /* bytes still to be copied */
    bool cut;               /* the stream is not what it was */
};

static int visit_copy(void *arg, const void *key, size_t key_len, const void *value,
                      size_t value_len) {
    struct reading *r = arg;
    if (key_len != HISTORY_KEY_SIZE)
        return -EBADMSG;
    uint64_t begin = get_u64((const unsigned char *)key + PREFIX_SIZE);
    if (r->first != UINT64_MAX && begin != r->first) {
        r->cut = true;
        return 1;
    }
    r->first = UINT64_MAX;
    uint64_t end = begin + value_len;
    if (begin > r->position || r->position >= r->end)
        return 1;
    if (end <= r->position)
        return 0;
    uint64_t stop = end < r->end ? end : r->end;
    int code = buf_append(r->to, (const char *)value + (r->position - begin),
                          (size_t)(stop - r->position));
    r->position = stop;
    return code < 0 ? code : r->position == r->end;
}

/* One attempt. > 0: the stream was cut between the two looks at it. */
static int read_once(struct store *s, const unsigned char key[HISTORY_KEY_SIZE], size_t len,
                     struct buf *b) {
    struct extent at = {0};
    uint64_t offset = get_u64(key + PREFIX_SIZE);
    int r = find_record(s, key, &at);
    if (r < 0 || !at.found)
        return r;
    unsigned char from[HISTORY_KEY_SIZE];
    memcpy(from, key, PREFIX_SIZE);
    put_u64(from + PREFIX_SIZE, at.begin);
    struct store_range range = {
        .prefix = key,
        .prefix_len = PREFIX_SIZE,
        .from = from,
        .from_len = sizeof(from),
    };
    uint64_t end = len > UINT64_MAX - offset ? UINT64_MAX : offset + len;
    struct reading reading = {b, at.begin, offset, end, false};
    r = store_scan(s, &range, visit_copy, &reading);
    return r < 0 ? r : reading.cut;
}

int history_read(struct store *s, const struct history *h, uint64_t offset, size_t len,
                 struct buf *b) {
    unsigned char key[HISTORY_KEY_SIZE];
    history_key(h, offset, key);
    int r = len ? 1 : 0;
    for (unsigned i = 0; r > 0 && i < READ_ATTEMPTS; i++)
        r = read_once(s, key, len, b);
    return r < 0 ? r : 0;
}
