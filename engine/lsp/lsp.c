/* SPDX-License-Identifier: MIT */
#include "lsp.h"

#include "framing.h"
#include "server.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Handles the messages that are complete. 0 or a negative errno. */
static int handle_messages(struct server *s, struct frame_reader *frames, int output) {
    const char *data;
    size_t len;
    int r = 0;
    while (!s->exited && (r = frame_reader_next(frames, &data, &len)) > 0) {
        r = server_handle(s, data, len);
        if (r == 0)
            r = file_write_fd(output, s->output.data, s->output.len);
        buf_clear(&s->output);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : 0;
}

static int serve(struct server *s, struct frame_reader *frames, int input, int output) {
    char chunk[16384];
    while (!s->exited) {
        ssize_t n = read(input, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        int r = frame_reader_put(frames, chunk, (size_t)n);
        if (r == 0)
            r = handle_messages(s, frames, output);
        if (r < 0)
            return r;
    }
    return 0;
}

static void complain(int r) {
    const char *why = r == -EINVAL ? "the input is not framed as the protocol has it: "
                                     "Content-Length, an empty line, the message"
                                   : strerror(-r);
    (void)fprintf(stderr, "cyclecloud-template: lsp: %s\n", why);
}

int lsp_serve(int input, int output) {
    struct server s;
    struct frame_reader frames;
    server_init(&s);
    frame_reader_init(&frames);
    int r = serve(&s, &frames, input, output);
    bool in_order = s.exited && s.shut_down;
    frame_reader_done(&frames);
    server_done(&s);
    if (r < 0)
        complain(r);
    return r < 0 ? 2 : in_order ? 0 : 1;
}
