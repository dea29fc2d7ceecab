/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "framing.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

struct failure {
    enum lsp_code code;
    const char *text;
};

void server_init(struct server *s) {
    *s = (struct server){.output = BUF_INIT(FRAME_CONTENT_MAX * 2)};
}

void server_done(struct server *s) {
    for (size_t i = 0; i < s->documents.len; i++)
        document_free(s->documents.items[i]);
    document_vec_done(&s->documents);
    buf_done(&s->output);
}

struct document *server_document(const struct server *s, const char *uri) {
    for (size_t i = 0; uri && i < s->documents.len; i++)
        if (strcmp(s->documents.items[i]->uri, uri) == 0)
            return s->documents.items[i];
    return NULL;
}

/* --- messages to the client ------------------------------------------------------------------- */

/* Steals `message`; NULL: out of memory. */
static int send(struct server *s, json_t *message) {
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    int r = text ? frame_put(&s->output, text, strlen(text)) : -ENOMEM;
    free(text);
    json_decref(message);
    return r;
}

/* Steals `result`; NULL: out of memory, which the client is told. */
static int send_result(struct server *s, const json_t *id, json_t *result) {
    if (!result)
        return send(s, json_pack("{s:s, s:O, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", id, "error",
                                 "code", LSP_INTERNAL_ERROR, "message", "out of memory"));
    return send(s, json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result));
}

static int send_failure(struct server *s, const json_t *id, struct failure failure) {
    json_t *none = json_null();
    return send(s, json_pack("{s:s, s:O, s:{s:i, s:s}}", "jsonrpc", "2.0", "id", id ? id : none,
                             "error", "code", failure.code, "message", failure.text));
}

static int publish(struct server *s, const char *uri, json_t *diagnostics, json_int_t version) {
    json_t *params = json_pack("{s:s, s:o}", "uri", uri, "diagnostics", diagnostics);
    if (params && version >= 0)
        (void)json_object_set_new(params, "version", json_integer(version));
    return send(s, json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method",
                             "textDocument/publishDiagnostics", "params", params));
}

/* --- notifications ---------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *member) {
    return json_string_value(json_object_get(object, member));
}

static int analyze(struct server *s, struct document *d) {
    int r = document_analyze(d);
    return r < 0 ? r : publish(s, d->uri, lsp_diagnostics(d, s->encoding), d->version);
}

static void forget(struct server *s, const char *uri) {
    for (size_t i = 0; uri && i < s->documents.len; i++)
        if (strcmp(s->documents.items[i]->uri, uri) == 0) {
            document_free(s->documents.items[i]);
            document_vec_remove(&s->documents, i);
            return;
        }
}

static int did_open(struct server *s, const json_t *params) {
    const json_t *item = json_object_get(params, "textDocument");
    const json_t *text = json_object_get(item, "text");
    const char *uri = text_of(item, "uri");
    if (!uri || !json_is_string(text))
        return 0;
    forget(s, uri);
    if (s->documents.len >= LSP_DOCUMENTS_MAX)
        return 0;
    struct document *d = document_new(uri, json_string_value(text), json_string_length(text));
    if (!d || document_vec_append(&s->documents, d) < 0) {
        document_free(d);
        return -ENOMEM;
    }
    d->version = json_integer_value(json_object_get(item, "version"));
    return analyze(s, d);
}

/* A change that makes no sense is left out: the next full text mends what it breaks. */
static int did_change(struct server *s, const json_t *params) {
    const json_t *item = json_object_get(params, "textDocument");
    const json_t *changes = json_object_get(params, "contentChanges");
    struct document *d = server_document(s, text_of(item, "uri"));
    if (!d)
        return 0;
    for (size_t i = 0; i < json_array_size(changes); i++)
        if (document_change(d, json_array_get(changes, i), s->encoding) == -ENOMEM)
            return -ENOMEM;
    d->version = json_integer_value(json_object_get(item, "version"));
    return analyze(s, d);
}

static int did_close(struct server *s, const json_t *params) {
    const char *uri = text_of(json_object_get(params, "textDocument"), "uri");
    if (!server_document(s, uri))
        return 0;
    int r = publish(s, uri, json_array(), -1);
    forget(s, uri);
    return r;
}

static int do_exit(struct server *s, const json_t *params) {
    (void)params;
    s->exited = true;
    return 0;
}

static const struct {
    const char *method;
    int (*run)(struct server *s, const json_t *params);
} notifications[] = {
    {"textDocument/didOpen", did_open},
    {"textDocument/didChange", did_change},
    {"textDocument/didClose", did_close},
    {"exit", do_exit},
};

static int notify(struct server *s, const char *method, const json_t *params) {
    for (size_t i = 0; i < ARRAY_SIZE(notifications); i++)
        if (strcmp(notifications[i].method, method) == 0)
            return s->initialized || notifications[i].run == do_exit
                       ? notifications[i].run(s, params)
                       : 0;
    return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

static bool wants_utf8(const json_t *params) {
    const json_t *encodings = json_object_get(
        json_object_get(json_object_get(params, "capabilities"), "general"), "positionEncodings");
    for (size_t i = 0; i < json_array_size(encodings); i++) {
        const char *name = json_string_value(json_array_get(encodings, i));
        if (name && strcmp(name, "utf-16") == 0)
            return false; /* the client's order says what it likes best */
        if (name && strcmp(name, "utf-8") == 0)
            return true;
    }
    return false;
}

static json_t *initialize(struct server *s, const json_t *params) {
    s->initialized = true;
    s->encoding = wants_utf8(params) ? ENCODING_UTF8 : ENCODING_UTF16;
    return json_pack("{s:{s:s, s:{s:b, s:i}, s:b, s:{s:[s, s, s, s, s]}, s:b, s:b, s:b, s:{s:[s]}},"
                     " s:{s:s, s:s}}",
                     "capabilities", "positionEncoding",
                     s->encoding == ENCODING_UTF8 ? "utf-8" : "utf-16", "textDocumentSync",
                     "openClose", 1, "change", 2, "hoverProvider", 1, "completionProvider",
                     "triggerCharacters", "$", "{", "[", ".", "=", "definitionProvider", 1,
                     "documentFormattingProvider", 1, "documentSymbolProvider", 1,
                     "codeActionProvider", "codeActionKinds", "quickfix", "serverInfo", "name",
                     "cyclecloud-template", "version", CYCLECLOUDFS_VERSION);
}

static json_t *shut_down(struct server *s, const json_t *params) {
    (void)params;
    s->shut_down = true;
    return json_null();
}

static const struct {
    const char *method;
    json_t *(*run)(const struct query *q); /* about a document; or */
    json_t *(*begin)(struct server *s, const json_t *params);
    bool has_position;
} requests[] = {
    {"initialize", .begin = initialize},
    {"shutdown", .begin = shut_down},
    {"textDocument/hover", lsp_hover, .has_position = true},
    {"textDocument/completion", lsp_complete, .has_position = true},
    {"textDocument/definition", lsp_find_definition, .has_position = true},
    {"textDocument/formatting", lsp_format},
    {"textDocument/documentSymbol", lsp_list_symbols},
    {"textDocument/codeAction", lsp_list_actions},
};

/* Fills the query. False if the request names no open document, or no place in it. */
static bool prepare(struct query *q, bool has_position) {
    const json_t *item = json_object_get(q->params, "textDocument");
    size_t offset;
    q->document = server_document(q->server, text_of(item, "uri"));
    if (!q->document || !has_position)
        return q->document != NULL;
    return document_offset(q->document, json_object_get(q->params, "position"), q->server->encoding,
                           &offset) &&
           cursor_find(q->document, offset, &q->cursor);
}

static int run_request(struct server *s, size_t i, const json_t *id, const json_t *params) {
    static const struct failure no_place = {LSP_INVALID_PARAMS,
                                            "no such open document, or no place in it"};
    struct query q = {.server = s, .params = params};
    if (requests[i].begin)
        return send_result(s, id, requests[i].begin(s, params));
    if (!prepare(&q, requests[i].has_position))
        return send_failure(s, id, no_place);
    return send_result(s, id, requests[i].run(&q));
}

static int answer(struct server *s, const json_t *id, const char *method, const json_t *params) {
    static const struct failure unknown = {LSP_METHOD_NOT_FOUND, "method not found"};
    static const struct failure early = {LSP_NOT_INITIALIZED, "initialize comes first"};
    static const struct failure late = {LSP_INVALID_REQUEST, "the server has been shut down"};
    static const struct failure twice = {LSP_INVALID_REQUEST, "initialize comes once"};
    bool begins = strcmp(method, "initialize") == 0;
    if (s->shut_down)
        return send_failure(s, id, late);
    if (begins == s->initialized)
        return send_failure(s, id, begins ? twice : early);
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        if (strcmp(requests[i].method, method) == 0)
            return run_request(s, i, id, params);
    return send_failure(s, id, unknown);
}

/* A response of the client answers nothing that was asked: it is left alone. */
static int handle(struct server *s, const json_t *message) {
    static const struct failure invalid = {LSP_INVALID_REQUEST, "this is no request"};
    const json_t *id = json_object_get(message, "id");
    const char *method = text_of(message, "method");
    if (!method && id && (json_object_get(message, "result") || json_object_get(message, "error")))
        return 0;
    if (!method || (id && !json_is_string(id) && !json_is_number(id)))
        return send_failure(s, NULL, invalid);
    const json_t *params = json_object_get(message, "params");
    return id ? answer(s, id, method, params) : notify(s, method, params);
}

int server_handle(struct server *s, const char *data, size_t len) {
    static const struct failure broken = {LSP_PARSE_ERROR, "this is no JSON"};
    json_error_t error;
    json_t *message = json_loadb(data, len, 0, &error);
    int r = message ? handle(s, message) : send_failure(s, NULL, broken);
    json_decref(message);
    return r;
}
