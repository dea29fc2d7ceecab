/* SPDX-License-Identifier: MIT */
#include "clean.h"

#include <stdlib.h>
#include <string.h>

/* Length of the valid UTF-8 sequence (RFC 3629) at `p`, 0 if there is none. */
static size_t sequence_length(const unsigned char *p, size_t left) {
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        size_t len;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (*p < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (*p < forms[i].first_low || *p > forms[i].first_high)
            continue;
        if (forms[i].len > left || p[1] < forms[i].second_low || p[1] > forms[i].second_high)
            return 0;
        for (size_t k = 2; k < forms[i].len; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].len;
    }
    return 0;
}

char *text_clean(const char *text, size_t len, size_t *ret_len, size_t *ret_nul) {
    static const char bom[] = "\xef\xbb\xbf", replacement[] = "\xef\xbf\xbd";
    char *clean = malloc(len * 3 + 1);
    size_t n = 0;
    if (!clean)
        return NULL;
    *ret_nul = len;
    for (size_t i = len >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0; i < len;) {
        size_t sequence = sequence_length((const unsigned char *)text + i, len - i);
        const char *from = sequence ? text + i : replacement;
        if (text[i] == '\0') {
            *ret_nul = *ret_nul == len ? i : *ret_nul;
            from = " ";
        }
        size_t take = sequence ? sequence : 3;
        memcpy(clean + n, from, take);
        n += take;
        i += sequence ? sequence : 1;
    }
    clean[n] = '\0';
    *ret_len = n;
    char *smaller = realloc(clean, n + 1);
    return smaller ? smaller : clean;
}
