/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PIT sends NMIs, 100 a second, through the I/O APIC: for an emulator that
 * holds interrupts off from a guest with IF = 0 though they are intercepted. The
 * exit opens the window in which the time slice's own interrupt comes.
 */
#include "lib/bootinfo.h"
#include "lib/cpu.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lib/x86.h"

#define PIT_GSI 2 /* unless the MADT says otherwise */
#define PIT_HZ 1193182

/* clang-format off */
enum {
	IOREGSEL = 0, IOWIN = 0x10 / 4, RTE_PIT = 0x10 + 2 * PIT_GSI,
	RTE_NMI = 4 << 8,
	PIT_0 = 0x40, PIT_COMMAND = 0x43, PIT_RATE = 0x34, /* channel 0, mode 2 */
};
/* clang-format on */

void hv_provoke(void)
{
	volatile u32 *window = (volatile u32 *)acpi.pins[0].ioapic;
	u32 count = PIT_HZ / 100;

	window[IOREGSEL] = RTE_PIT + 1; /* to all CPUs */
	window[IOWIN] = 0xffu << 24;
	window[IOREGSEL] = RTE_PIT;
	window[IOWIN] = RTE_NMI;
	outb(PIT_COMMAND, PIT_RATE);
	outb(PIT_0, count & 0xff);
	outb(PIT_0, count >> 8);
	log("NOTE watchdog: NMIs end the stay of a guest with IF = 0\n");
}
