/* SPDX-License-Identifier: BSD-2-Clause */
/* A handler changes a register that the ABI preserves. */
#include "debug.h"
#include "hcall/hcall.h"
#include "pvabi/calls.h"

extern const char broken[];
__asm__("broken: inc %r13; xor %eax, %eax; xor %edx, %edx; ret");

void debug_provoke(void) { virt_hcall_table[PV_CALL_nop] = (hcall_fn)broken; }
