/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt controllers, as far as the boot stage needs them. */
#pragma once

#include "lib/types.h"

/* Registers of the local APIC (Intel SDM 3A, 10.4.1). */
#define APIC_SVR 0xF0
#define APIC_ICR 0x300
#define APIC_LVT_TIMER 0x320
#define APIC_TIMER_INIT 0x380
#define APIC_TIMER_COUNT 0x390
#define APIC_TIMER_DIVIDE 0x3E0

/* Switches this CPU's local APIC on, as x2APIC where there is one. */
void apic_on(void);
u32 apic_read(u32 reg);
void apic_write(u32 reg, u32 v);

/* Sends `command` to the CPU with this id, once the last one is out. */
void apic_command(u32 apic_id, u32 command);

/* Masks every line of the PICs and I/O APICs, and counts the latter's pins. */
void irq_lines_mask(void);
