/* SPDX-License-Identifier: MIT */

/* HTML of a notice: whatever it is, a tree of the allowed shape within the bounds. */

#include "template/notice.h"

#include <assert.h>
#include <stdint.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Elements are [tag, attributes, ...]; the only attribute is a web address. */
static void check(const json_t *node, unsigned depth) {
    if (json_is_string(node))
        return;
    assert(json_is_array(node) && depth <= NOTICE_DEPTH_MAX);
    assert(json_is_string(json_array_get(node, 0)) && json_is_object(json_array_get(node, 1)));
    const json_t *href = json_object_get(json_array_get(node, 1), "href");
    assert(json_object_size(json_array_get(node, 1)) == (href ? 1u : 0u));
    assert(!href || strncasecmp(json_string_value(href), "http", 4) == 0);
    for (size_t i = 2; i < json_array_size(node); i++)
        check(json_array_get(node, i), depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *tree = notice_parse((const char *)data, size);
    assert(tree);
    check(tree, 0);
    json_decref(tree);
    return 0;
}
