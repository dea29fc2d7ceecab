/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_DIAGNOSTIC_CODES_H
#define TEMPLATE_DIAGNOSTIC_CODES_H

/*
 * The kinds of diagnostics. The slug of a kind never changes, so that editors and scripts can rely
 * on it; docs/DIAGNOSTICS.md lists them.
 */

#include <stddef.h>

enum diagnostic_code {
    CODE_BOTH_VALUE_AND_GROUP,
    CODE_DUPLICATE_ATTRIBUTE,
    CODE_DUPLICATE_PARAMETER,
    CODE_EMPTY_EXPRESSION,
    CODE_EVALUATION_FAILED,
    CODE_FILE_TOO_LARGE,
    CODE_INHERITANCE_CYCLE,
    CODE_INHERITANCE_TOO_DEEP,
    CODE_INVALID_DEFAULT,
    CODE_INVALID_EXPRESSION,
    CODE_INVALID_NAME,
    CODE_INVALID_PARAMETER_FILE,
    CODE_INVALID_PARAMETER_VALUE,
    CODE_MISPLACED_SECTION,
    CODE_MISSING_CLUSTER,
    CODE_MISSING_NAME,
    CODE_MISSING_PROJECT,
    CODE_MISSING_VALUE,
    CODE_MISSING_VERSION,
    CODE_NAME_TOO_LONG,
    CODE_NESTING_TOO_DEEP,
    CODE_NOT_A_CHOICE,
    CODE_NUL_BYTE,
    CODE_OUT_OF_RANGE,
    CODE_OUTSIDE_SECTION,
    CODE_SEMICOLON_COMMENT,
    CODE_SYNTAX,
    CODE_TOO_MANY_NODES,
    CODE_TRAILING_TEXT,
    CODE_UNCLOSED_BRACE,
    CODE_UNCLOSED_HEADER,
    CODE_UNCLOSED_QUOTE,
    CODE_UNDECLARED_PARAMETER,
    CODE_UNDECLARED_VALUE,
    CODE_UNDEFINED_TEXT,
    CODE_UNEVEN_BRACKETS,
    CODE_UNKNOWN_ATTRIBUTE,
    CODE_UNKNOWN_BASE,
    CODE_UNKNOWN_CLUSTER,
    CODE_UNKNOWN_NAME,
    CODE_UNKNOWN_PARAMETER_TYPE,
    CODE_UNKNOWN_SECTION,
    CODE_UNSIZED_VOLUME,
    DIAGNOSTIC_CODES,
};

struct diagnostic_kind {
    const char *slug; /* "unknown-attribute" */
    const char *text; /* what it means, one sentence without a final full stop */
};

/* The kind of a code. Never NULL. */
const struct diagnostic_kind *diagnostic_kind(enum diagnostic_code code);

#endif
