/* SPDX-License-Identifier: MIT */
#ifndef LSP_SERVER_H
#define LSP_SERVER_H

/*
 * The Language Server Protocol for cluster templates: messages in, messages out. Reads no files and
 * starts no threads; the loop around it (lsp.c) moves the bytes.
 */

#include "cursor.h"

#include "base/vec.h"

#define LSP_DOCUMENTS_MAX 256u

/* Codes of JSON-RPC and of the protocol. */
enum lsp_code {
    LSP_PARSE_ERROR = -32700,
    LSP_INVALID_REQUEST = -32600,
    LSP_METHOD_NOT_FOUND = -32601,
    LSP_INVALID_PARAMS = -32602,
    LSP_INTERNAL_ERROR = -32603,
    LSP_NOT_INITIALIZED = -32002,
};

DEFINE_VEC(document_vec, struct document *);

struct server {
    struct document_vec documents;
    enum encoding encoding;
    bool initialized, shut_down, exited;
    struct buf output; /* framed messages for the client */
};

void server_init(struct server *s);
void server_done(struct server *s);

/* Handles one message (its content, without the header). 0, -E2BIG or -ENOMEM: the output failed.
 */
int server_handle(struct server *s, const char *data, size_t len);

/* The open document, or NULL. */
struct document *server_document(const struct server *s, const char *uri);

/*
 * What a request asks about. The handlers below return the result, a new reference; NULL: out of
 * memory.
 */
struct query {
    struct server *server;
    struct document *document;
    const json_t *params;
    struct cursor cursor; /* where `position` is; only for requests that have one */
};

json_t *lsp_hover(const struct query *q);
json_t *lsp_complete(const struct query *q);
json_t *lsp_find_definition(const struct query *q);
json_t *lsp_format(const struct query *q);
json_t *lsp_list_symbols(const struct query *q);
json_t *lsp_list_actions(const struct query *q);

/* The diagnostics of a document in the protocol's form; NULL: out of memory. */
json_t *lsp_diagnostics(const struct document *d, enum encoding encoding);
json_t *lsp_diagnostic(const struct document *d, const struct diagnostic *item,
                       enum encoding encoding);

#endif
