/* SPDX-License-Identifier: MIT */
#ifndef MODEL_ARRAY_SPEC_H
#define MODEL_ARRAY_SPEC_H

/* Counted lists of texts and counted specs; their contract is in builder.h. Engine thread only. */

#include "builder.h"

#endif
