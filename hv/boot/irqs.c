/* SPDX-License-Identifier: BSD-2-Clause */
/* Silences the interrupt controllers, before the hypervisor takes them. */
#include "boot/acpi.h"
#include "boot/machine.h"

#define IOREGSEL 0
#define IOWIN (0x10 / 4)
#define IOAPIC_VERSION 1
#define IOAPIC_RTE(pin) (0x10 + 2 * (pin))
#define RTE_MASKED (1u << 16)

#define PIC1 0x20
#define PIC2 0xA0
#define PIC_INIT 0x11
#define PIC_VECTOR 0x20 /* stray ones end in vectors nobody registers */

/* Both PICs, set up as they have to be, all masked. */
static void pic_mask(void)
{
	static const u8 words[2][4] = {
		{ PIC_VECTOR, 4, 1, 0xFF },
		{ PIC_VECTOR + 8, 2, 1, 0xFF },
	};

	for (u32 p = 0; p < 2; p++) {
		u16 port = p ? PIC2 : PIC1;

		outb(port, PIC_INIT);
		for (u32 i = 0; i < 4; i++)
			outb(port + 1, words[p][i]);
	}
}

static void ioapic_mask_all(struct acpi_ioapic *io)
{
	volatile u32 *window = (volatile u32 *)io->addr;

	window[IOREGSEL] = IOAPIC_VERSION;
	io->pins = (window[IOWIN] >> 16 & 0xFF) + 1;
	for (u32 p = 0; p < io->pins; p++) {
		window[IOREGSEL] = IOAPIC_RTE(p);
		window[IOWIN] = RTE_MASKED;
	}
}

void irq_lines_mask(void)
{
	pic_mask();
	for (u32 i = 0; i < acpi_boot.nr_ioapics; i++)
		ioapic_mask_all(&acpi_boot.ioapics[i]);
}
