/* SPDX-License-Identifier: MIT */

/* A template from its text to its definition: whatever the bytes are, an answer and no crash. */

#include "template/template.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void evaluate(const struct template *t) {
    const struct evaluation_input input = {.cluster_name = "c"};
    _cleanup_(definition_freep) struct definition *d = NULL;
    if (template_evaluate(t, &input, NULL, &d) < 0)
        return;
    json_decref(json_incref(definition_json(d)));
    (void)definition_public_json(d);
    (void)definition_missing(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_error_ struct error err = ERROR_INIT;
    _cleanup_(template_freep) struct template *t = NULL;
    const char *text = (const char *)data;
    (void)template_check_prefix(text, size, &err);
    if (template_parse(text, size, NULL, &t) < 0)
        return 0;
    json_decref(template_schema(t));
    evaluate(t);
    return 0;
}
