/* SPDX-License-Identifier: BSD-2-Clause */
/* A write to the hypervisor's own code, which is mapped read-only. */
#include "lib/bootinfo.h"

void hv_provoke(void) { *(volatile u8 *)(uintptr_t)hv_main = 0; }
