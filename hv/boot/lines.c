/* SPDX-License-Identifier: BSD-2-Clause */
/* Where interrupt lines end, and how they are wired (ACPI 6.4, 5.2.12.5). */
#include "boot/acpi.h"
#include "lib/lapic.h"

#define IOAPIC_RTE0 0x10

static void pins_find(const struct acpi_ioapic *io)
{
	for (u32 p = 0; p < io->pins; p++) {
		u32 gsi = io->gsi_base + p;

		if (gsi < GSI_COUNT && !acpi.pins[gsi].ioapic)
			acpi.pins[gsi] = (struct acpi_pin){
				.ioapic = io->addr,
				.bdf = io->bdf,
				.rte = IOAPIC_RTE0 + 2 * p,
			};
	}
}

static const struct acpi_override *override_of(u32 irq, bool isa)
{
	for (u32 i = 0; i < acpi_boot.nr_overrides; i++) {
		const struct acpi_override *o = &acpi_boot.overrides[i];

		if (isa ? o->isa_irq == irq : o->gsi == irq)
			return o;
	}
	return NULL;
}

/* PCI: by level, active low; ISA: by edge, active high; else as overridden. */
static struct acpi_line line_of(u32 irq, bool isa)
{
	const struct acpi_override *o = override_of(irq, isa);
	u32 gsi = o ? o->gsi : irq;
	bool pin = gsi < GSI_COUNT && acpi.pins[gsi].ioapic;
	bool level = o ? o->level : !isa, low = o ? o->active_low : !isa;

	return (struct acpi_line){ .gsi = pin ? (u8)gsi : GSI_NONE,
				   .rte = (level ? RTE_LEVEL : 0) |
					  (low ? RTE_ACTIVE_LOW : 0) };
}

void acpi_lines_find(void)
{
	for (u32 i = 0; i < acpi_boot.nr_ioapics; i++)
		pins_find(&acpi_boot.ioapics[i]);
	for (u32 irq = 0; irq < GSI_COUNT; irq++) {
		acpi.lines[0][irq] = line_of(irq, false);
		acpi.lines[1][irq] = line_of(irq, true);
	}
}
