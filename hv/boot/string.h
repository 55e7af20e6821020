/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/string.h, and what only the boot stage needs beside it. */
#pragma once

#include "lib/string.h"

int memcmp(const void *a, const void *b, size_t n);
