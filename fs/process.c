/* SPDX-License-Identifier: MIT */
#include "process.h"

#include "base/file.h"
#include "base/parse.h"

#include <stdio.h>
#include <string.h>

#define STATUS_BYTES 8192

pid_t process_group(pid_t thread) {
    _cleanup_buf_ struct buf path = BUF_INIT(64);
    _cleanup_buf_ struct buf text = BUF_INIT(STATUS_BYTES);
    if (thread <= 0 || buf_printf(&path, "/proc/%d/status", (int)thread) < 0 ||
        file_read(path.data, &text) < 0)
        return -1;
    const char *line = strstr(text.data, "\nTgid:");
    int group = -1;
    if (!line || sscanf(line, "\nTgid: %d", &group) != 1)
        return -1;
    return (pid_t)group;
}
