/* SPDX-License-Identifier: MIT */
#include "renew.h"

#include "touch.h"

#include <string.h>

/* True when what the kernel finds under a file's name is what the file says now. */
static bool holds(struct fs *fs, const struct place *p, uint64_t inode) {
    struct version *v = version_only(fs->versions, inode);
    _cleanup_buf_ struct buf text = BUF_INIT(VERSION_COMPARED_BYTES);
    bool same = v && v->len <= VERSION_COMPARED_BYTES && view_show(&p->ctx, &p->ref, &text) == 0 &&
                text.len == v->len && memcmp(text.data, v->text, v->len) == 0;
    version_unref(fs->versions, v);
    return same;
}

bool renew_file(struct fs *fs, uint64_t inode) {
    struct fuse_ctx self = {0};
    struct view_ref parent;
    _cleanup_place_ struct place p = {0};
    if (!fs->versions || place_get(fs, inode, &self, &p) < 0 || !place_is_versioned(&p))
        return false;
    if (!holds(fs, &p, inode) && version_unname(fs->versions, inode) &&
        view_parent(p.snapshot, &p.ref, &parent) == 0)
        touch_forget_name(fs, view_inode(&parent), p.ref.entry->name);
    return true;
}

void renew_access(struct fs *fs) {
    struct id_vec ids = {0};
    if (fs->versions)
        versions_collect_ids(fs->versions, &ids);
    for (size_t i = 0; i < ids.len; i++)
        (void)fuse_lowlevel_notify_inval_inode(fs->session, ids.items[i], -1, 0);
    id_vec_done(&ids);
}
