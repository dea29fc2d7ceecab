/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct error_kind kinds[] = {
    {"internal", EIO, 500},
    {"invalid_value", EINVAL, 400},
    {"invalid_name", EINVAL, 400},
    {"invalid_template", EINVAL, 400},
    {"invalid_parameter", EINVAL, 400},
    {"invalid_config", EINVAL, 400},
    {"missing_parameter", EINVAL, 409},
    {"ambiguous", EINVAL, 409},
    {"unknown_machine_type", EINVAL, 409},
    {"unknown_image", EINVAL, 409},
    {"unknown_account", EINVAL, 409},
    {"out_of_range", ERANGE, 409},
    {"quota_exceeded", EDQUOT, 409},
    {"limit_exceeded", EDQUOT, 409},
    {"no_space", ENOSPC, 507},
    {"too_large", EFBIG, 413},
    {"value_too_long", E2BIG, 413},
    {"name_too_long", ENAMETOOLONG, 400},
    {"not_found", ENOENT, 404},
    {"exists", EEXIST, 409},
    {"busy", EBUSY, 409},
    {"state", EBUSY, 409},
    {"read_only", EACCES, 403},
    {"permission", EACCES, 403},
    {"not_permitted", EPERM, 403},
    {"canceled", ECANCELED, 409},
    {"interrupted", EINTR, 499},
    {"blocked", EIO, 409},
    {"credentials", EIO, 502},
    {"unreachable", EIO, 502},
    {"store", EIO, 500},
    {"no_memory", ENOMEM, 500},
    {"try_again", EAGAIN, 503},
    {"timed_out", ETIMEDOUT, 504},
};

const struct error_kind *error_kind_find(const char *kind) {
    for (size_t i = 0; kind && i < ARRAY_SIZE(kinds); i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return &kinds[i];
    return &kinds[0];
}

static int set_va(struct error *err, int code, const char *kind, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static int set_va(struct error *err, int code, const char *kind, const char *fmt, va_list ap) {
    if (!err || err->code)
        return code;
    err->code = code;
    err->kind = error_kind_find(kind)->kind;
    if (vasprintf(&err->msg, fmt, ap) < 0)
        err->msg = NULL;
    return code;
}

int err_set(struct error *err, int code, const char *kind, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int r = set_va(err, code, kind, fmt, ap);
    va_end(ap);
    return r;
}

int err_kind(struct error *err, const char *kind, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int r = set_va(err, -error_kind_find(kind)->errnum, kind, fmt, ap);
    va_end(ap);
    return r;
}

int err_wrap(struct error *err, int code, const char *fmt, ...) {
    if (!err)
        return code;
    if (!err->code)
        (void)err_set(err, code, "internal", "%s", strerror(-code));
    _cleanup_free_ char *prefix = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&prefix, fmt, ap) < 0)
        prefix = NULL;
    va_end(ap);
    char *joined = NULL;
    if (prefix && asprintf(&joined, "%s: %s", prefix, err_text(err)) >= 0) {
        free(err->msg);
        err->msg = joined;
    }
    return code;
}

const char *err_text(const struct error *err) {
    if (!err || !err->code)
        return "no error";
    return err->msg ? err->msg : strerror(-err->code);
}

void err_move(struct error *to, struct error *from) {
    if (!from)
        return;
    if (!to) {
        err_done(from);
        return;
    }
    err_done(to);
    *to = *from;
    *from = ERROR_INIT;
}

void err_done(struct error *err) {
    if (!err)
        return;
    free(err->msg);
    *err = ERROR_INIT;
}
