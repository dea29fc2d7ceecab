/* SPDX-License-Identifier: MIT */
#include "refuse.h"

#include <errno.h>

static const char *const words[REFUSE_MAX] = {
    [REFUSE_CREATE] = "no file can be made here: mkdir makes clusters at the top, nodes in nodes/ "
                      "and users in users/; beside a document, names as editors give them (x~, "
                      "x.tmp, .x.swp) are plain files",
    [REFUSE_UNLINK] = "it belongs to its directory and cannot be removed: rmdir removes clusters, "
                      "nodes and users as a whole",
    [REFUSE_SYMLINK] = "no link can be made here: write the text itself into the file",
    [REFUSE_LINK] = "a file has one name here: copy it",
    [REFUSE_MKNOD] = "there are no devices, pipes or sockets here: make them elsewhere",
    [REFUSE_RENAME] = "its name is fixed: mv renames clusters, and puts a file in the place of a "
                      "document beside it",
    [REFUSE_EXCHANGE] = "two names cannot be exchanged here: rename one after the other",
    [REFUSE_WRITE] = "it is only read: README at the top tells which files take a write",
    [REFUSE_READ] = "it is only written: nobody reads it back",
    [REFUSE_ACCESS] = "owner, group and mode cannot be changed here: those of a cluster are its "
                      "directory's, change them there; all else is the server's",
    [REFUSE_ROOM] = "there is no room for more files beside documents: remove what editors have "
                    "left, *~ and .*.swp, and keep other files elsewhere",
    [REFUSE_LENGTH] = "a file beside a document has at most 16 MiB: keep it elsewhere",
    [REFUSE_DOCUMENT] = "a document holds at most 4 MiB: choose a smaller size",
    [REFUSE_SHARE] = "your files beside documents have taken the share of one user: remove what "
                     "editors have left, *~ and .*.swp, and keep other files elsewhere",
    [REFUSE_OPEN] = "too many files are open, yours or those of all users: close some",
};

_Static_assert(FS_SCRATCH_FILE_BYTES == 16777216, "REFUSE_LENGTH tells it");
_Static_assert(LIMIT_DOCUMENT_BYTES == 4194304, "REFUSE_DOCUMENT tells it");

/* The path of a name in a directory, from the cluster or the root on. */
static char *path_of(const struct place *p, const char *name) {
    _cleanup_buf_ struct buf b = BUF_INIT(LIMIT_VALUE_BYTES);
    if (place_name(p, &b) < 0)
        return NULL;
    if (name)
        (void)buf_printf(&b, "%s%s", b.len ? "/" : "", name);
    else if (!b.len)
        (void)buf_puts(&b, "/");
    return buf_error(&b) < 0 ? NULL : buf_take(&b);
}

void refuse(fuse_req_t req, const struct place *p, const char *name, enum refusal why, int code) {
    _cleanup_error_ struct error err = ERROR_INIT;
    struct request *r = request_new(p->fs, req, request_finish_err);
    if (!r) {
        (void)fuse_reply_err(req, -code);
        return;
    }
    r->name = path_of(p, name);
    r->aside = true;
    (void)err_set(&err, code, "not_permitted", "%s", words[why]);
    request_refuse(r, p, code, &err);
}

void refuse_change(fuse_req_t req, const struct place *p, const char *name, enum refusal why,
                   int r) {
    if (r == -EPERM)
        refuse(req, p, name, why, r);
    else if (r == -EDQUOT)
        refuse(req, p, name, REFUSE_SHARE, r);
    else if (r == -ENOSPC || r == -EFBIG)
        refuse(req, p, name, r == -ENOSPC ? REFUSE_ROOM : REFUSE_LENGTH, r);
    else
        (void)fuse_reply_err(req, -r);
}
