/* SPDX-License-Identifier: MIT */
#include "btree.h"

#include <string.h>

/* Below this a page is joined with a neighbour, if the two then leave room for growth. */
#define BTREE_THIN (BTREE_FANOUT / 4)
#define BTREE_JOINED (BTREE_FANOUT * 3 / 4)

static bool key_less(struct btree_key a, struct btree_key b) {
    return a.major != b.major ? a.major < b.major : a.minor < b.minor;
}

static bool key_equal(struct btree_key a, struct btree_key b) {
    return a.major == b.major && a.minor == b.minor;
}

/* True when the first entry that is not less than `key` has this index; n: none is. */
static bool is_lower_bound(const struct btree_page *p, uint32_t i, struct btree_key key) {
    return (i == p->n || !key_less(p->entries[i].key, key)) &&
           (i == 0 || key_less(p->entries[i - 1].key, key));
}

/* Where a key would be if those of the page were evenly spaced, as ids given one after the other
   are. Less than n. */
static uint32_t guess_index(const struct btree_page *p, struct btree_key key) {
    uint64_t first = p->entries[0].key.major, last = p->entries[p->n - 1].key.major;
    if (key.major <= first)
        return 0;
    if (key.major >= last || last - first > UINT32_MAX)
        return p->n - 1;
    return (uint32_t)((key.major - first) * (p->n - 1) / (last - first));
}

/* Index of the first entry that is not less than `key`; n: none. Walks over all nodes spend their
   time here, hence the guess before the search. */
static uint32_t lower_bound(const struct btree_page *p, struct btree_key key) {
    uint32_t low = 0, high = p->n;
    if (high == 0)
        return 0;
    uint32_t guess = guess_index(p, key);
    for (uint32_t i = guess; i <= guess + 1; i++)
        if (is_lower_bound(p, i, key))
            return i;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (key_less(p->entries[middle].key, key))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Index of the child that covers `key`. */
static uint32_t child_index(const struct btree_page *p, struct btree_key key) {
    uint32_t i = lower_bound(p, key);
    if (i < p->n && key_equal(p->entries[i].key, key))
        return i;
    return i ? i - 1 : 0;
}

const struct btree_entry *btree_at_or_after(const struct btree *t, struct btree_key key) {
    const struct btree_page *p = t->root, *next = NULL; /* next: the subtree behind the path */
    while (p && !p->leaf) {
        uint32_t i = child_index(p, key);
        if (i + 1 < p->n)
            next = p->entries[i + 1].value;
        p = p->entries[i].value;
    }
    uint32_t i = p ? lower_bound(p, key) : 0;
    if (p && i < p->n)
        return &p->entries[i];
    for (p = next; p && !p->leaf;)
        p = p->entries[0].value;
    return p ? &p->entries[0] : NULL;
}

const struct btree_entry *btree_before(const struct btree *t, struct btree_key key) {
    const struct btree_page *p = t->root, *previous = NULL; /* the subtree in front of the path */
    while (p && !p->leaf) {
        uint32_t i = child_index(p, key);
        if (i > 0)
            previous = p->entries[i - 1].value;
        p = p->entries[i].value;
    }
    uint32_t i = p ? lower_bound(p, key) : 0;
    if (i > 0)
        return &p->entries[i - 1];
    for (p = previous; p && !p->leaf;)
        p = p->entries[p->n - 1].value;
    return p ? &p->entries[p->n - 1] : NULL;
}

static struct btree_page *page_new(struct edit *e, bool leaf) {
    struct btree_page *p = model_edit_alloc(e, BOX_PLAIN, sizeof(*p));
    if (!p)
        return NULL;
    p->edit = e->number;
    p->leaf = leaf;
    return p;
}

/* A page that this build may write: `p` itself or its copy. NULL: no memory. */
static struct btree_page *page_own(struct edit *e, struct btree_page *p) {
    if (p->edit == e->number)
        return p;
    struct btree_page *copy = page_new(e, p->leaf);
    if (!copy || model_edit_drop(e, BOX_PLAIN, p) < 0)
        return NULL;
    copy->n = p->n;
    memcpy(copy->entries, p->entries, p->n * sizeof(p->entries[0]));
    return copy;
}

static struct btree_page *child_own(struct edit *e, struct btree_page *p, uint32_t i) {
    struct btree_page *child = page_own(e, p->entries[i].value);
    if (child)
        p->entries[i].value = child;
    return child;
}

static void page_put(struct btree_page *p, uint32_t at, struct btree_entry entry) {
    memmove(p->entries + at + 1, p->entries + at, (p->n - at) * sizeof(entry));
    p->entries[at] = entry;
    p->n++;
}

static void page_take(struct btree_page *p, uint32_t at) {
    p->n--;
    memmove(p->entries + at, p->entries + at + 1, (p->n - at) * sizeof(p->entries[0]));
}

/* Puts an entry into a page that may be full; then its upper part becomes *ret_right. An entry at
   the end begins a new page, so keys that only grow fill their pages. */
static int page_insert(struct edit *e, struct btree_page *p, uint32_t at, struct btree_entry entry,
                       struct btree_page **ret_right) {
    if (p->n < BTREE_FANOUT) {
        page_put(p, at, entry);
        return 0;
    }
    struct btree_page *right = page_new(e, p->leaf);
    if (!right)
        return -ENOMEM;
    uint32_t keep = at == p->n ? p->n : p->n / 2;
    right->n = p->n - keep;
    memcpy(right->entries, p->entries + keep, right->n * sizeof(entry));
    p->n = keep;
    if (at > keep || right->n == 0)
        page_put(right, at - keep, entry);
    else
        page_put(p, at, entry);
    *ret_right = right;
    return 0;
}

static struct btree_entry page_entry(struct btree_page *p) {
    return (struct btree_entry){p->entries[0].key, p};
}

/* `p` is writable. */
static int insert_below(struct edit *e, struct btree_page *p, struct btree_entry entry,
                        struct btree_page **ret_right) {
    if (p->leaf)
        return page_insert(e, p, lower_bound(p, entry.key), entry, ret_right);
    uint32_t i = child_index(p, entry.key);
    struct btree_page *child = child_own(e, p, i), *right = NULL;
    if (!child)
        return -ENOMEM;
    if (key_less(entry.key, p->entries[i].key))
        p->entries[i].key = entry.key;
    int r = insert_below(e, child, entry, &right);
    if (r < 0 || !right)
        return r;
    return page_insert(e, p, i + 1, page_entry(right), ret_right);
}

static int root_own(struct btree *t, struct edit *e) {
    struct btree_page *p = page_own(e, t->root);
    if (!p)
        return -ENOMEM;
    t->root = p;
    return 0;
}

int btree_insert(struct btree *t, struct edit *e, struct btree_entry entry) {
    if (!t->root && !(t->root = page_new(e, true)))
        return -ENOMEM;
    struct btree_page *right = NULL;
    int r = root_own(t, e);
    if (r == 0)
        r = insert_below(e, t->root, entry, &right);
    if (r < 0 || !right)
        return r;
    struct btree_page *root = page_new(e, false);
    if (!root)
        return -ENOMEM;
    page_put(root, 0, page_entry(t->root));
    page_put(root, 1, page_entry(right));
    t->root = root;
    return 0;
}

/* Joins children i and i + 1 if both fit into one with room to spare. */
static int join(struct edit *e, struct btree_page *p, uint32_t i) {
    struct btree_page *left = p->entries[i].value, *right = p->entries[i + 1].value;
    if (left->n + right->n > BTREE_JOINED)
        return 0;
    left = child_own(e, p, i);
    if (!left)
        return -ENOMEM;
    memcpy(left->entries + left->n, right->entries, right->n * sizeof(right->entries[0]));
    left->n += right->n;
    page_take(p, i + 1);
    return model_edit_drop(e, BOX_PLAIN, right);
}

/* `p` is writable. */
static int remove_below(struct edit *e, struct btree_page *p, struct btree_key key) {
    if (p->leaf) {
        page_take(p, lower_bound(p, key));
        return 0;
    }
    uint32_t i = child_index(p, key);
    struct btree_page *child = child_own(e, p, i);
    if (!child)
        return -ENOMEM;
    int r = remove_below(e, child, key);
    if (r < 0)
        return r;
    if (child->n == 0) {
        page_take(p, i);
        return model_edit_drop(e, BOX_PLAIN, child);
    }
    if (child->n >= BTREE_THIN || p->n < 2)
        return 0;
    return join(e, p, i + 1 < p->n ? i : i - 1);
}

static bool has_key(const struct btree *t, struct btree_key key) {
    const struct btree_entry *found = btree_at_or_after(t, key);
    return found && key_equal(found->key, key);
}

int btree_remove(struct btree *t, struct edit *e, struct btree_key key) {
    if (!has_key(t, key))
        return -ENOENT;
    int r = root_own(t, e);
    if (r == 0)
        r = remove_below(e, t->root, key);
    while (r == 0 && t->root && (t->root->n == 0 || (t->root->n == 1 && !t->root->leaf))) {
        struct btree_page *old = t->root;
        t->root = old->n ? old->entries[0].value : NULL;
        r = model_edit_drop(e, BOX_PLAIN, old);
    }
    return r;
}

int btree_replace(struct btree *t, struct edit *e, struct btree_key key, void *value) {
    if (!has_key(t, key))
        return -ENOENT;
    if (root_own(t, e) < 0)
        return -ENOMEM;
    struct btree_page *p = t->root;
    while (!p->leaf) {
        p = child_own(e, p, child_index(p, key));
        if (!p)
            return -ENOMEM;
    }
    p->entries[lower_bound(p, key)].value = value;
    return 0;
}

static int page_drop(struct edit *e, struct btree_page *p) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && !p->leaf && i < p->n; i++)
        r = page_drop(e, p->entries[i].value);
    return r < 0 ? r : model_edit_drop(e, BOX_PLAIN, p);
}

int btree_drop(struct btree *t, struct edit *e) {
    struct btree_page *root = TAKE_PTR(t->root);
    return root ? page_drop(e, root) : 0;
}

static void page_free(struct btree_page *p) {
    for (uint32_t i = 0; !p->leaf && i < p->n; i++)
        page_free(p->entries[i].value);
    free(p);
}

void btree_free(struct btree *t) {
    if (t->root)
        page_free(TAKE_PTR(t->root));
}
