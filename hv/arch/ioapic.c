/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of the I/O APICs, and the table of interrupt handlers. */
#include "lib/cpu.h"
#include "arch/iommu.h"
#include "arch/irq.h"
#include "lib/lock.h"

/* clang-format off */
enum { IOREGSEL = 0, IOWIN = 0x10 / 4, IOEOI = 0x40 / 4, RTE_MASKED = 1 << 16 };
/* clang-format on */

static u32 rte_low[GSI_COUNT];	/* as routed; never masked */
static struct lock ioapic_lock; /* guards the window registers, rte_low */
static irq_fn handlers[256];

void irq_register(u32 vector, irq_fn fn) { handlers[vector & 0xFF] = fn; }

void irq_dispatch(u32 vector)
{
	irq_fn fn = handlers[vector & 0xFF];

	if (fn)
		fn(vector);
	if (vector != VEC_SPURIOUS)
		lapic_write(APIC_EOI, 0);
}

/* half: 0 or 1 of the entry of a pin that exists. */
static void rte_write_locked(u32 gsi, u32 half, u32 v)
{
	const struct acpi_pin *p = &acpi.pins[gsi];
	volatile u32 *window = (volatile u32 *)p->ioapic;

	window[IOREGSEL] = p->rte + half;
	window[IOWIN] = v;
}

int ioapic_gsi(u32 irq, bool isa)
{
	u8 gsi = irq < GSI_COUNT ? acpi.lines[isa][irq].gsi : GSI_NONE;

	return gsi != GSI_NONE ? gsi : -1;
}

void ioapic_route(u32 irq, bool isa, u32 cpu)
{
	int gsi = ioapic_gsi(irq, isa);

	lock_scope(&ioapic_lock);
	rte_low[gsi] = (VEC_GSI_BASE + gsi) | acpi.lines[isa][irq].rte;
	rte_write_locked(gsi, 0, RTE_MASKED);
	rte_write_locked(gsi, 1,
			 iommu_rte(acpi.pins[gsi].bdf, rte_low[gsi],
				   cpu_table[cpu]->apic_id));
	rte_write_locked(gsi, 0, rte_low[gsi]);
}

void ioapic_mask(u32 gsi, bool masked)
{
	u32 low;

	if (gsi >= GSI_COUNT || !acpi.pins[gsi].ioapic)
		return;
	lock_scope(&ioapic_lock);
	low = rte_low[gsi];
	/* what is remapped may have come as an edge, whose EOI it does not hear */
	if (iommu.intr && !masked && low & RTE_LEVEL)
		((volatile u32 *)acpi.pins[gsi].ioapic)[IOEOI] = low & 0xFF;
	rte_write_locked(gsi, 0, low | (masked ? RTE_MASKED : 0));
}

bool ioapic_is_level(u32 gsi)
{
	return gsi < GSI_COUNT && (rte_low[gsi] & RTE_LEVEL);
}
