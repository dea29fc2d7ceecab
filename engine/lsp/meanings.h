/* SPDX-License-Identifier: MIT */
#ifndef LSP_MEANINGS_H
#define LSP_MEANINGS_H

/* What the words of the template language mean, for hover and completion. */

#include "template/attributes.h"

/* What a kind of section is for: one line. */
const char *section_meaning(enum section_type type);
/* The type that an attribute wants, "a whole number". */
const char *want_word(enum want want);

#endif
