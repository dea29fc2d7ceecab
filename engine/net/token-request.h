/* SPDX-License-Identifier: MIT */
#ifndef NET_TOKEN_REQUEST_H
#define NET_TOKEN_REQUEST_H

/* The request for a token: how each way to sign in is written. For token.c. */

#include "base/error.h"
#include "crypto/crypto.h"
#include "token.h"

/* A token_config that owns its texts; none is NULL ("" = not given). */
struct token_strings {
    char *authority, *imds, *audience, *tenant, *client_id;
    char *client_secret, *certificate_file, *federated_token_file;
    bool managed_identity;
};

/* True when exactly one way is given, with what it needs. */
bool token_config_valid(const struct token_config *c);
/* 0 or -ENOMEM (then `to` is still to be done). */
int token_strings_copy(struct token_strings *to, const struct token_config *from);
bool token_strings_equal(const struct token_strings *a, const struct token_config *b);
void token_strings_done(struct token_strings *s);

struct token_request {
    struct http *http;
    const struct clock *clock;
    const struct random_source *random;
    const struct token_strings *config;
    http_done done;
    void *arg;
};

/* Sends it. 0, -ENOMEM, or -errno with `err` when a file cannot be read or a url is not allowed. */
int token_request_send(const struct token_request *request, struct error *err, uint64_t *ret_id);

#endif
