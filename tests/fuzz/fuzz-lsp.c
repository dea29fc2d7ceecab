/* SPDX-License-Identifier: MIT */

/*
 * What a client of the language server may send: bytes that are framed, and messages about a
 * document that is open.
 */

#include "lsp/framing.h"
#include "lsp/server.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void handle(struct server *s, const char *message) {
    (void)server_handle(s, message, strlen(message));
    buf_clear(&s->output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct frame_reader frames;
    struct server s;
    const char *message;
    size_t len;
    server_init(&s);
    frame_reader_init(&frames);
    handle(&s, "{\"id\":1,\"method\":\"initialize\"}");
    handle(&s, "{\"method\":\"textDocument/didOpen\",\"params\":{\"textDocument\":{\"uri\":\"u\","
               "\"text\":\"[cluster c]\\n[[node n]]\\nA = $P\\n[parameter P]\\n\"}}}");
    if (frame_reader_put(&frames, data, size) == 0)
        while (frame_reader_next(&frames, &message, &len) > 0) {
            (void)server_handle(&s, message, len);
            buf_clear(&s.output);
        }
    (void)server_handle(&s, (const char *)data, size);
    frame_reader_done(&frames);
    server_done(&s);
    return 0;
}
