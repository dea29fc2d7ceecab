/* SPDX-License-Identifier: MIT */
/*
 * Stands between the file system and the tables in fs-host-sealed: every rendering gets a seal. The
 * linker puts these functions in place of the real ones (--wrap), so the product has no hook.
 */
#include "seal.h"
#include "view/view.h"

int __real_view_show(const struct view_ctx *ctx, const struct view_ref *ref, struct buf *b);
int __wrap_view_show(const struct view_ctx *ctx, const struct view_ref *ref, struct buf *b);
int __real_view_attr(const struct view_ctx *ctx, const struct view_ref *ref, struct view_attr *ret);
int __wrap_view_attr(const struct view_ctx *ctx, const struct view_ref *ref, struct view_attr *ret);

static bool is_sealed(const struct view_ref *ref) {
    return !ref->link && ref->entry->kind != VIEW_LINK && ref->entry->show;
}

int __wrap_view_show(const struct view_ctx *ctx, const struct view_ref *ref, struct buf *b) {
    int r = __real_view_show(ctx, ref, b);
    if (r < 0 || !is_sealed(ref))
        return r;
    char seal[SEAL_BYTES + 1];
    seal_make(b->data, b->len, seal);
    return buf_append(b, seal, SEAL_BYTES);
}

int __wrap_view_attr(const struct view_ctx *ctx, const struct view_ref *ref,
                     struct view_attr *ret) {
    int r = __real_view_attr(ctx, ref, ret);
    if (r == 0 && is_sealed(ref))
        ret->size += SEAL_BYTES;
    return r;
}
