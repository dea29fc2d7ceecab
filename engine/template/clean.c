/* SPDX-License-Identifier: MIT */
#include "clean.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

char *text_clean(const char *text, size_t len, size_t *ret_len, size_t *ret_nul) {
    static const char bom[] = "\xef\xbb\xbf", replacement[] = UTF8_REPLACEMENT;
    char *clean = malloc(len * 3 + 1);
    size_t n = 0;
    if (!clean)
        return NULL;
    *ret_nul = len;
    for (size_t i = len >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0; i < len;) {
        size_t sequence = utf8_length(text + i, len - i);
        const char *from = sequence ? text + i : replacement;
        if (text[i] == '\0') {
            *ret_nul = *ret_nul == len ? i : *ret_nul;
            from = " ";
        }
        size_t take = sequence ? sequence : 3;
        if (text[i] == '\r') /* of Windows line ends: nothing that a template means */
            take = 0;
        memcpy(clean + n, from, take);
        n += take;
        i += sequence ? sequence : 1;
    }
    clean[n] = '\0';
    *ret_len = n;
    char *smaller = realloc(clean, n + 1);
    return smaller ? smaller : clean;
}
