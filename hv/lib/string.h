/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory and string helpers; memcpy and memset use REP, which the CPU counts
 * once per iteration in both emulators. */
#pragma once

#include "lib/types.h"

void *memcpy(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
