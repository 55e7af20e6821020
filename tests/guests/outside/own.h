/* SPDX-License-Identifier: BSD-2-Clause */
/* This kernel's own library. */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
int printf(const char *fmt, ...);
