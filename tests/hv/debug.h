/* SPDX-License-Identifier: BSD-2-Clause */
/* What a debug build leaves to others. */
#pragma once

/* Runs before the handlers are taken from the dispatch tables: tests/hv/debug-*.c
 * put one there that breaks its promise. */
void debug_provoke(void);
