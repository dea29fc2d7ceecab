/* SPDX-License-Identifier: MIT */
#include "template-files.h"

#include "base/buf.h"
#include "base/file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEMPLATE_MAX (8u << 20)

static int is_template(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

size_t for_each_template(const char *directory,
                         void (*visit)(const char *path, const char *text, size_t len)) {
    struct dirent **entries = NULL;
    int n = scandir(directory, &entries, is_template, alphasort);
    for (int i = 0; i < n; i++) {
        _cleanup_buf_ struct buf text = BUF_INIT(TEMPLATE_MAX), path = BUF_INIT(4096);
        assert_int_equal(buf_printf(&path, "%s/%s", directory, entries[i]->d_name), 0);
        assert_int_equal(file_read(path.data, &text), 0);
        visit(path.data, text.data, text.len);
        free(entries[i]);
    }
    free(entries);
    return n < 0 ? 0 : (size_t)n;
}

char *shared_templates(void) {
    const char *shared = getenv("CYCLECLOUDFS_SHARED");
    _cleanup_buf_ struct buf path = BUF_INIT(4096);
    if (!shared || buf_printf(&path, "%s/data/templates", shared) < 0 || access(path.data, R_OK))
        return NULL;
    return buf_take(&path);
}
