/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of the I/O APICs, and the table of interrupt handlers. */
#include "lib/cpu.h"
#include "arch/iommu.h"
#include "arch/irq.h"
#include "lib/lock.h"

/* clang-format off */
enum {
	IOREGSEL = 0,        IOWIN = 0x10 / 4,       IOEOI = 0x40 / 4,
	IOAPIC_RTE0 = 0x10,
	RTE_ACTIVE_LOW = 1 << 13, RTE_LEVEL = 1 << 15, RTE_MASKED = 1 << 16,
};
/* clang-format on */

/* A line of an I/O APIC, by its GSI. */
struct pin {
	volatile u32 *window;
	u16 bdf;
	u32 rte; /* register of the entry's low half */
};

static u32 rte_low[VEC_GSI_COUNT]; /* as routed; never masked */
static struct lock ioapic_lock;	   /* guards the window registers, rte_low */
static irq_fn handlers[256];

void irq_register(u32 vector, irq_fn fn) { handlers[vector & 0xFF] = fn; }

void irq_dispatch(u32 vector)
{
	irq_fn fn = handlers[vector & 0xFF];

	if (fn)
		fn(vector);
	if (vector != VEC_SPURIOUS)
		lapic_eoi();
}

static void reg_write_locked(struct pin p, u32 reg, u32 v)
{
	p.window[IOREGSEL] = p.rte + reg;
	p.window[IOWIN] = v;
}

/* The I/O APIC of a GSI; false if there is none, or no vector for it. */
static bool pin_find(u32 gsi, struct pin *p)
{
	for (u32 i = 0; gsi < VEC_GSI_COUNT && i < acpi.nr_ioapics; i++) {
		const struct acpi_ioapic *io = &acpi.ioapics[i];

		if (gsi - io->gsi_base >= io->pins)
			continue;
		p->window = (volatile u32 *)io->addr;
		p->bdf = io->bdf;
		p->rte = IOAPIC_RTE0 + 2 * (gsi - io->gsi_base);
		return true;
	}
	return false;
}

static const struct acpi_override *override_of(u32 irq, bool isa)
{
	for (u32 i = 0; i < acpi.nr_overrides; i++) {
		const struct acpi_override *o = &acpi.overrides[i];

		if (isa ? o->isa_irq == irq : o->gsi == irq)
			return o;
	}
	return NULL;
}

int ioapic_gsi(u32 irq, bool isa)
{
	const struct acpi_override *o = override_of(irq, isa);
	u32 gsi = o ? o->gsi : irq;
	struct pin pin;

	return pin_find(gsi, &pin) ? (int)gsi : -1;
}

void ioapic_route(u32 irq, bool isa, u32 cpu)
{
	const struct acpi_override *o = override_of(irq, isa);
	u32 gsi = o ? o->gsi : irq, low = VEC_GSI_BASE + gsi;
	struct pin pin;

	if (!pin_find(gsi, &pin))
		return;
	low |= (o ? o->level : !isa) ? RTE_LEVEL : 0;
	low |= (o ? o->active_low : !isa) ? RTE_ACTIVE_LOW : 0;
	lock_scope(&ioapic_lock);
	reg_write_locked(pin, 0, RTE_MASKED);
	rte_low[gsi] = low;
	reg_write_locked(pin, 1,
			 iommu_rte(pin.bdf, low, cpu_table[cpu]->apic_id));
	reg_write_locked(pin, 0, low);
}

void ioapic_mask(u32 gsi, bool masked)
{
	struct pin pin;
	u32 low;

	if (!pin_find(gsi, &pin))
		return;
	lock_scope(&ioapic_lock);
	low = rte_low[gsi % VEC_GSI_COUNT];
	/* what is remapped may have come as an edge, whose EOI it does not hear */
	if (iommu.intr && !masked && low & RTE_LEVEL)
		pin.window[IOEOI] = low & 0xFF;
	reg_write_locked(pin, 0, low | (masked ? RTE_MASKED : 0));
}

bool ioapic_is_level(u32 gsi)
{
	return gsi < VEC_GSI_COUNT && (rte_low[gsi] & RTE_LEVEL);
}
