/* SPDX-License-Identifier: BSD-2-Clause */
/* A jump into the hypervisor's data, which is not executable. */
#include "lib/bootinfo.h"

static u8 ret_insn[] = { 0xC3 };

void hv_provoke(void) { ((void (*)(void))(uintptr_t)ret_insn)(); }
