/* SPDX-License-Identifier: BSD-2-Clause */
/* A panic, while other CPUs wait: message, registers, symbolised back trace. */
#include "lib/bootinfo.h"
#include "lib/panic.h"

void hv_provoke(void) { panic("provoked on purpose, %u", 42u); }
