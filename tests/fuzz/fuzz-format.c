/* SPDX-License-Identifier: MIT */

/* The canonical layout: formatting again changes nothing, and the meaning stays. */

#include "template/template.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FORMATTED_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The definition as text, NULL if it does not evaluate. */
static char *definition_text(const char *text, size_t len) {
    const struct evaluation_input input = {.cluster_name = "c"};
    _cleanup_(template_freep) struct template *t = NULL;
    _cleanup_(definition_freep) struct definition *d = NULL;
    if (template_parse(text, len, NULL, &t) < 0 || template_evaluate(t, &input, NULL, &d) < 0)
        return NULL;
    return json_dumps(definition_json(d), JSON_COMPACT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_buf_ struct buf once = BUF_INIT(FORMATTED_MAX), twice = BUF_INIT(FORMATTED_MAX);
    const char *text = (const char *)data;
    if (memmem(text, size, "time", 4) || memmem(text, size, "random", 6))
        return 0;
    if (template_format(text, size, NULL, &once) < 0)
        return 0;
    if (template_format(once.data, once.len, NULL, &twice) < 0 || strcmp(once.data, twice.data))
        abort();
    char *before = definition_text(text, size), *after = definition_text(once.data, once.len);
    if (!before != !after || (before && strcmp(before, after) != 0))
        abort();
    free(before);
    free(after);
    return 0;
}
